//! `gavel plugin list`, `add` and `remove`: the plugins that lie in the folders of the plugin path.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use gavel_files::{closest, did_you_mean, sha256, short_digest};
use gavel_host::{Host, Limits, LoadError, Plugin};
use gavel_plugins::{
    Candidate, Entry, FirstParty, FoundPlugin, Lock, MANIFEST, Manifest, Origin, State, WatchedFiles, entries,
};
use gavel_registry::Address;
use gavel_verify::visible;
use serde_json::{Value, json};

use crate::cli::{AddArgs, GlobalArgs, ListArgs, RemoveArgs, ToolsArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::settings;
use crate::stale;
use crate::terminal::{LABEL, Page, Terminal, escaped, shown};

use super::build::{build_if_stale, say_what_is_not_built};
use super::named::check_name;
use super::registry;

/// Adds a plugin, once it has shown that it is one.
pub(in crate::commands) fn add(args: &AddArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let folder = settings::plugin_folder(&args.path).input_fault()?;
    let host = args.cache.start_host()?;
    let candidate = candidate(&args.source, Some(&args.tools), &host, &terminal)?;
    let added = gavel_plugins::add(&folder, &candidate, args.force)?;
    let digest = &added.now.digest;
    let what = match &added.before {
        Some(before) if before.digest == *digest && added.replaced.is_empty() => "already there".to_owned(),
        Some(before) if before.digest == *digest => "put back".to_owned(),
        Some(before) => {
            format!("in place of {} (sha256:{})", shown(&before.version), short_digest(&before.digest))
        }
        None => "added".to_owned(),
    };
    terminal.note(format_args!(
        "{} {} ({}) {what}, in {}",
        candidate.name,
        shown(&candidate.version),
        ByteSize::b(candidate.wasm.len() as u64).display().iec(),
        folder.display()
    ));
    for file in &added.replaced {
        terminal.note(format_args!("replaced {}", file.display()));
    }
    if FirstParty::named(&candidate.name).is_some() {
        terminal.note(format_args!(
            "warning: `{}` comes with gavel, and from now on reward files find this one in its place",
            candidate.name
        ));
    }
    let manifest = Manifest::parse(Path::new(MANIFEST), &candidate.manifest)?;
    for wish in manifest.limits.within(&Limits::default()).1 {
        terminal
            .note(format_args!("its manifest wishes for {wish}: only `limits` in a reward file grants more"));
    }
    writeln!(std::io::stdout(), "{} sha256:{digest}", candidate.name).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Takes a plugin away: what was added of it, and its place in the lock.
pub(in crate::commands) fn remove(args: &RemoveArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let name = &args.name;
    let (mut known, mut broken) = (Vec::new(), None);
    for folder in settings::plugin_folders(&args.path) {
        match Lock::read(&folder) {
            Ok(lock) if lock.plugins.contains_key(name) => {
                gavel_plugins::remove(&folder, name)?;
                Terminal::new(global.quiet).note(format_args!("{name} removed from {}", folder.display()));
                return Ok(ExitStatus::Success);
            }
            Ok(lock) => known.extend(lock.plugins.into_keys()),
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    // It may be in the lock that cannot be read.
    if let Some(error) = broken {
        return Err(error.into());
    }
    if FirstParty::named(name).is_some() {
        return Err(Stop::Input(anyhow!("`{name}` comes with gavel, and there is nothing to remove")));
    }
    let candidates = known.iter().map(String::as_str).chain(FirstParty::names());
    let meant = did_you_mean(closest(name, candidates));
    let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
    Err(Stop::Input(anyhow!("no plugin called `{name}` has been added{meant}; those that have: {known}")))
}

/// Shows what lies on the plugin path, and what is embedded.
pub(in crate::commands) fn list(args: &ListArgs) -> Result<ExitStatus, Stop> {
    let mut rows = Vec::new();
    for folder in settings::plugin_folders(&args.path) {
        rows.extend(entries(&folder).into_iter().map(Row::of));
    }
    for name in FirstParty::names() {
        let Some(plugin) = FirstParty::named(name) else { continue };
        let manifest = FoundPlugin::first_party(name)?.and_then(|found| found.manifest);
        rows.push(Row {
            name: name.to_owned(),
            version: manifest.map(|manifest| manifest.version).unwrap_or_default(),
            digest: sha256(plugin.wasm),
            size: plugin.wasm.len() as u64,
            state: "embedded",
            source: "gavel".to_owned(),
            problem: None,
        });
    }
    let written = if args.json {
        let rows = Value::from_iter(rows.iter().map(Row::as_json));
        std::io::stdout().write_all(escaped(&format!("{rows:#}\n")).as_bytes())
    } else {
        as_table(&rows).print()
    };
    written.context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Finds what is to be kept, and loads it: what is no plugin is refused before. With `tools`, a folder is built first where
/// its sources are newer, as `gavel plugin test` does.
pub(super) fn candidate(
    source: &str,
    tools: Option<&ToolsArgs>,
    host: &Host,
    terminal: &Terminal,
) -> Result<Candidate, Stop> {
    let path = Path::new(source);
    if !path.exists() {
        let address: Address =
            source.parse().with_context(|| format!("there is no file or folder `{source}`")).input_fault()?;
        return from_registry(&address, host, terminal);
    }
    let found = if path.is_dir() {
        if let Some(tools) = tools {
            build_if_stale(path, tools, terminal)?;
        }
        let found = FoundPlugin::in_folder(path, &WatchedFiles::default())?;
        say_what_is_not_built(path, &found, terminal);
        found
    } else {
        let found = FoundPlugin::file(path.to_owned(), &WatchedFiles::default())?;
        stale::say_of_file(path, &found, "gavel plugin add", terminal);
        found
    };
    let Origin::File(file) = &found.origin else {
        return Err(Stop::Input(anyhow!("{source} is built into gavel already, so there is nothing to add")));
    };
    let wasm = found.read(&WatchedFiles::default())?.into_owned();
    let said = described(&wasm, file, found.manifest.as_ref(), host)?;
    if let Some(plugin) = &said.plugin {
        check_name(&found, plugin)?;
    }
    let beside = if path.is_dir() { path } else { file.parent().unwrap_or(Path::new("")) };
    let manifest =
        found.manifest.as_ref().map(|_| Manifest::text(beside, &WatchedFiles::default())).transpose()?;
    let manifest = kept_manifest(manifest.as_deref().unwrap_or(said.manifest), &said.name, &said.version)?;
    let source = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    Ok(Candidate { name: said.name, version: said.version, wasm, manifest, source })
}

fn from_registry(address: &Address, host: &Host, terminal: &Terminal) -> Result<Candidate, Stop> {
    let pulled = registry::pull_showing(address, terminal)?;
    let manifest = match &pulled.manifest {
        Some(text) => Some(Manifest::parse(Path::new(&format!("{address}: {MANIFEST}")), text)?),
        None => None,
    };
    // A command is called after its file, so the file is called after the repository.
    let file = PathBuf::from(format!("{}.wasm", registry::last_part(address)));
    let said = described(&pulled.wasm, &file, manifest.as_ref(), host)?;
    let manifest = pulled.manifest.as_deref().unwrap_or(said.manifest);
    let manifest = kept_manifest(manifest, &said.name, &said.version)?;
    let source = pulled.address.to_string();
    Ok(Candidate { name: said.name, version: said.version, wasm: pulled.wasm, manifest, source })
}

/// What a plugin is called, by its manifest or by its own words.
struct Described {
    name: String,
    version: String,
    /// The manifest that it has where it came without.
    manifest: &'static str,
    /// The plugin, where it is no interpreter.
    plugin: Option<Plugin>,
}

fn described(wasm: &[u8], file: &Path, manifest: Option<&Manifest>, host: &Host) -> Result<Described, Stop> {
    let file = file.to_string_lossy();
    let mut said = match host.load(wasm, &file) {
        Ok(plugin) => {
            let (name, version) = (plugin.description().name.clone(), plugin.description().version.clone());
            let manifest = "manifest_version = 1\n\n[plugin]\n";
            Described { name, version, manifest, plugin: Some(plugin) }
        }
        Err(LoadError::Interpreter { .. }) => {
            let interpreter = host.load_interpreter(wasm, &file).input_fault()?;
            let (name, version) =
                (interpreter.language().name.clone(), interpreter.language().version.clone());
            let manifest = "manifest_version = 1\n\n[plugin]\nkind = \"interpreter\"\n";
            Described { name, version, manifest, plugin: None }
        }
        Err(error) => return Err(Stop::Input(error.into())),
    };
    if let Some(Manifest { name, version, .. }) = manifest {
        (said.name, said.version) = (name.clone(), version.clone());
    }
    Ok(said)
}

/// The manifest that stands beside the plugin: its own, without what only its author needs.
pub(super) fn kept_manifest(own: &str, name: &str, version: &str) -> anyhow::Result<String> {
    let mut document: toml_edit::DocumentMut = own.parse().context("cannot read gavel.toml")?;
    document.remove("build");
    document["plugin"]["name"] = toml_edit::value(name);
    document["plugin"]["version"] = toml_edit::value(version);
    document["plugin"]["entry"] = toml_edit::value(format!("{name}.wasm"));
    Ok(document.to_string())
}

/// One line of the list.
struct Row {
    name: String,
    version: String,
    /// Empty where there is no file.
    digest: String,
    size: u64,
    state: &'static str,
    source: String,
    /// Why it cannot be used.
    problem: Option<String>,
}

impl Row {
    fn of(entry: Entry) -> Self {
        let Entry { name, version, digest, size, state, source, problem } = entry;
        Self { name, version, digest, size, state: state.name(), source, problem }
    }

    fn as_json(&self) -> Value {
        let mut row = json!({
            "name": self.name,
            "version": self.version,
            "digest": self.digest,
            "size": self.size,
            "state": self.state,
            "source": self.source,
        });
        if let Some(problem) = &self.problem {
            row["problem"] = problem.as_str().into();
        }
        row
    }
}

fn as_table(rows: &[Row]) -> Page {
    // Made visible before they are measured: a table is as wide as what is seen.
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            let why = row.problem.as_ref().filter(|_| row.state == State::Broken.name());
            let source = why.unwrap_or(&row.source);
            [
                shown(&row.name),
                shown(&row.version),
                short_digest(&row.digest).to_owned(),
                ByteSize::b(row.size).display().iec().to_string(),
                row.state.to_owned(),
                visible(source).replace('\n', " "),
            ]
        })
        .collect();
    let width = |column: usize, least: usize| {
        cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(least)
    };
    let (names, versions) = (width(0, 4), width(1, 7));
    let line = |[name, version, digest, size, state, source]: [&str; 6]| {
        format!("{name:<names$}  {version:<versions$}  {digest:<12}  {size:>9}  {state:<10}  {source}")
    };
    let mut page = Page::default();
    page.styled(LABEL, &line(["name", "version", "sha256", "size", "state", "source"])).text("\n");
    for row in &cells {
        page.text(&line(row.each_ref().map(String::as_str))).text("\n");
    }
    page
}
