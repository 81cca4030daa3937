//! `gavel plugin install`: brings back what the locks of the plugin path name, exactly that.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, anyhow};
use gavel_files::sha256;
use gavel_plugins::{Candidate, LOCK, Lock, Locked, State, entries};
use gavel_verify::visible;

use crate::cli::{GlobalArgs, InstallArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::settings;
use crate::terminal::Terminal;

use super::store;

/// Installs what is missing. Every plugin that cannot be had is an error of its own, and the others are installed.
pub(in crate::commands) fn run(args: &InstallArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let folders = settings::plugin_folders(&args.path);
    let (mut plugins, mut failed) = (0, false);
    for folder in &folders {
        let lock = Lock::read(folder)?;
        for (name, locked) in &lock.plugins {
            plugins += 1;
            if state(folder, name) == Some(State::Locked) {
                terminal.note(format_args!("{name} is there, as it is locked"));
                continue;
            }
            match install(folder, name, locked, args, &terminal) {
                Ok(()) => {
                    let line = format!("{name} sha256:{}", locked.digest);
                    writeln!(std::io::stdout(), "{line}").context("cannot write to stdout")?;
                }
                Err(Stop::Input(error)) => {
                    failed = true;
                    let lock = folder.join(LOCK);
                    terminal.error(format_args!("{}: `plugins.{name}`: {error:#}", lock.display()));
                }
                Err(stop) => return Err(stop),
            }
        }
    }
    if plugins == 0 {
        let looked: Vec<_> = folders.iter().map(|folder| folder.join(LOCK).display().to_string()).collect();
        let looked = if looked.is_empty() { "no plugin path".to_owned() } else { looked.join(", ") };
        return Err(Stop::Input(anyhow!(
            "no lock names a plugin ({looked}); --plugin-path names its folder"
        )));
    }
    Ok(if failed { ExitStatus::Failure } else { ExitStatus::Success })
}

fn state(folder: &Path, name: &str) -> Option<State> {
    entries(folder).into_iter().find(|entry| entry.name == name).map(|entry| entry.state)
}

/// Fetches a plugin from where it came, and puts it into its folder where it is the one that is locked.
fn install(
    folder: &Path,
    name: &str,
    locked: &Locked,
    args: &InstallArgs,
    terminal: &Terminal,
) -> Result<(), Stop> {
    let host = args.cache.start_host()?;
    let candidate = store::candidate(&locked.source, None, &host, terminal)?;
    require_locked(name, locked, &candidate).input_fault()?;
    let added = gavel_plugins::add(folder, &candidate, args.force)?;
    for file in &added.replaced {
        terminal.note(format_args!("replaced {}", file.display()));
    }
    terminal.note(format_args!("{name} installed, in {}", folder.display()));
    Ok(())
}

fn require_locked(name: &str, locked: &Locked, candidate: &Candidate) -> anyhow::Result<()> {
    let manifest = sha256(&candidate.manifest);
    let found = [
        ("the name", name, candidate.name.as_str()),
        ("`digest`", &locked.digest, &sha256(&candidate.wasm)),
        ("`manifest_digest`", locked.manifest_digest.as_deref().unwrap_or(&manifest), &manifest),
    ];
    match found.into_iter().find(|(_, locked, found)| locked != found) {
        None => Ok(()),
        Some((what, locked, found)) => Err(anyhow!(
            "{what} is {locked}, and {} gives {}: nothing is installed; `gavel plugin add --force {0}` takes what is there \
             now",
            visible(&candidate.source),
            visible(found),
        )),
    }
}
