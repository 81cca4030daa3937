//! Starts `gavel-train`, the binary that links libtorch, as cargo starts its subcommands.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::cli::{GlobalArgs, TrainerArgs};
use crate::exit::{ExitStatus, Stop};
use crate::settings;

/// Becomes `gavel-train SUBCOMMAND ARGS`.
pub(super) fn start(subcommand: &str, args: &TrainerArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let program = beside_this_one().context("cannot tell where gavel is")?;
    let mut command = Command::new(&program);
    command.args(flags(global)).arg(subcommand).args(&args.args);
    // libtorch's threads spin at barriers unless told otherwise before they start, and then fight with the threads
    // that judge over the same cores: with every core busy, sampling was seen to take six times as long.
    if !settings::openmp_waiting_is_chosen() {
        command.env(settings::OPENMP_WAITING, "passive");
    }
    tracing::debug!("starting {command:?}");
    Err(Stop::Unexpected(explain(replace(command), &program, subcommand)))
}

/// Where `gavel-train` has to be.
pub(super) fn beside_this_one() -> io::Result<PathBuf> {
    let name = format!("gavel-train{}", std::env::consts::EXE_SUFFIX);
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// The flags of every command that were given, to hand on.
fn flags(global: &GlobalArgs) -> Vec<OsString> {
    let mut flags = vec!["--verbose"; global.verbose.into()];
    flags.extend(vec!["--quiet"; global.quiet.into()]);
    match global.color {
        clap::ColorChoice::Auto => {}
        clap::ColorChoice::Always => flags.push("--color=always"),
        clap::ColorChoice::Never => flags.push("--color=never"),
    }
    flags.into_iter().map(OsString::from).collect()
}

/// Replaces this process; comes back only when that fails.
#[cfg(unix)]
fn replace(mut command: Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(&mut command)
}

/// Where a process cannot be replaced: waits for the other, and exits as it did.
#[cfg(not(unix))]
#[expect(clippy::exit, reason = "this process stands for the other one, exit code included")]
fn replace(mut command: Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(2)),
        Err(error) => error,
    }
}

fn explain(error: io::Error, program: &Path, subcommand: &str) -> anyhow::Error {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let error = anyhow::Error::new(error);
    if missing {
        error.context(format!(
            "`gavel {subcommand}` needs {}, which is not there: build it with `cargo build --release -p gavel-cli`",
            program.display()
        ))
    } else {
        error.context(format!("cannot start {}", program.display()))
    }
}
