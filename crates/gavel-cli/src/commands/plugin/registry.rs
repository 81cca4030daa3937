//! `gavel plugin push` and `pull`: plugins in OCI registries.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use gavel_files::{bounded, whole_file};
use gavel_host::{Format, LoadError};
use gavel_plugins::{FoundPlugin, Manifest, Origin, WatchedFiles};
use gavel_registry::{Address, Login, Plugin, Pulled};

use crate::cli::{GlobalArgs, PullArgs, PushArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::outputs::{self, Content, Output};
use crate::settings;
use crate::stale;
use crate::terminal::{Terminal, shown};

use super::build::build_if_stale;
use super::named::check_name;
use super::store::kept_manifest;

/// Pushes a plugin; its address by digest goes to stdout.
pub(in crate::commands) fn push(args: &PushArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let address: Address = args.address.parse().input_fault()?;
    let plugin = to_push(args, &terminal)?;
    let login = login(&address)?;
    terminal.note(format_args!(
        "pushing {} {} ({}) to {address} ...",
        shown(&plugin.name),
        shown(&plugin.version),
        ByteSize::b(plugin.wasm.len() as u64).display().iec()
    ));
    let pushed = gavel_registry::push(&address, &plugin, &login).input_fault()?;
    terminal.note(format_args!("pushed, the file is sha256:{}", pushed.digest));
    writeln!(std::io::stdout(), "{}", pushed.address).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Pulls a plugin's file; its path goes to stdout.
pub(in crate::commands) fn pull(args: &PullArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let address: Address = args.address.parse().input_fault()?;
    let file = match &args.output {
        Some(file) => file.clone(),
        None => PathBuf::from(format!("{}.wasm", last_part(&address))),
    };
    outputs::look(&[], &[Output::new(&file, Content::Wasm).in_silence()], &terminal).input_fault()?;
    let pulled = pull_showing(&address, &terminal)?;
    // What is there is not written over, unless it is the same.
    if !args.force && fs::symlink_metadata(&file).is_ok() && !is_already(&file, &pulled.wasm) {
        let file = file.display();
        let other = "is there, and not what was pulled; say where else with --output, or --force";
        return Err(Stop::Input(anyhow!("{file} {other}")));
    }
    whole_file::write(&file, &pulled.wasm).with_context(|| format!("cannot write {}", file.display()))?;
    if pulled.manifest.is_some() {
        terminal.note("its gavel.toml (limits, capabilities) comes along with `gavel plugin add`");
    }
    writeln!(std::io::stdout(), "{}", file.display()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

fn is_already(file: &Path, content: &[u8]) -> bool {
    bounded::read(file, content.len() as u64).is_ok_and(|found| found == content)
}

/// Pulls, and says what came.
pub(super) fn pull_showing(address: &Address, terminal: &Terminal) -> Result<Pulled, Stop> {
    terminal.note(format_args!("pulling {address} ..."));
    let pulled = gavel_registry::pull(address, &login(address)?).input_fault()?;
    terminal.note(format_args!(
        "pulled {}, {}, the file is sha256:{}",
        pulled.address,
        ByteSize::b(pulled.wasm.len() as u64).display().iec(),
        pulled.digest
    ));
    Ok(pulled)
}

/// The last part of a repository's name, which is what people call the plugin.
pub(super) fn last_part(address: &Address) -> String {
    let text = address.to_string();
    let repository = text.split_once('@').map_or(text.as_str(), |(repository, _)| repository);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    last.split_once(':').map_or(last, |(name, _)| name).to_owned()
}

fn login(address: &Address) -> Result<Login, Stop> {
    settings::docker_login(address.host())
        .with_context(|| format!("cannot read the login for {} from Docker's configuration", address.host()))
        .input_fault()
}

/// The plugin of a folder or a file, with what it says of itself.
fn to_push(args: &PushArgs, terminal: &Terminal) -> Result<Plugin, Stop> {
    let path: &Path = &args.plugin;
    let found = if path.is_dir() {
        build_if_stale(path, &args.tools, terminal)?;
        FoundPlugin::in_folder(path, &WatchedFiles::default())?
    } else {
        let found = FoundPlugin::file(path.to_owned(), &WatchedFiles::default())?;
        stale::say_of_file(path, &found, &format!("gavel plugin push {}", args.address), terminal);
        found
    };
    let Origin::File(file) = &found.origin else {
        return Err(Stop::Input(anyhow!("{} is built into gavel; it has no file to push", path.display())));
    };
    let wasm = found.read(&WatchedFiles::default())?.into_owned();
    let host = args.cache.start_host()?;
    let mut plugin = match host.load(&wasm, &file.to_string_lossy()) {
        Ok(loaded) => {
            check_name(&found, &loaded)?;
            Plugin {
                name: loaded.description().name.clone(),
                version: loaded.description().version.clone(),
                summary: loaded.description().summary.clone(),
                component: (loaded.format() == Format::Component)
                    .then(|| (loaded.imports().to_vec(), loaded.exports().to_vec())),
                ..Plugin::default()
            }
        }
        Err(LoadError::Interpreter { .. }) => {
            let loaded = host.load_interpreter(&wasm, &file.to_string_lossy()).input_fault()?;
            Plugin {
                name: loaded.language().name.clone(),
                version: loaded.language().version.clone(),
                summary: loaded.language().summary.clone(),
                component: Some((loaded.imports().to_vec(), loaded.exports().to_vec())),
                ..Plugin::default()
            }
        }
        Err(error) => return Err(Stop::Input(error.into())),
    };
    if let Some(manifest) = &found.manifest {
        let folder = if path.is_dir() { path } else { file.parent().unwrap_or(Path::new("")) };
        let text = Manifest::text(folder, &WatchedFiles::default())?;
        plugin.manifest = Some(kept_manifest(&text, &manifest.name, &manifest.version)?);
        (plugin.name, plugin.version) = (manifest.name.clone(), manifest.version.clone());
    }
    plugin.wasm = wasm;
    Ok(plugin)
}
