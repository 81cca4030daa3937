//! The `gavel-train` binary: the trainer with rewards from reward files. The only place where the two halves of
//! gavel meet. `gavel train`, `gavel eval` and their like start it.

mod cli;
mod columns;
mod data;
mod eval;
mod generate;
mod hub;
mod import;
mod launcher;
mod live;
mod model;
mod plan;
mod pretrain;
mod rank;
mod tasks;
mod train;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use gavel_cli::exit::{ExitStatus, Stop};
use gavel_cli::terminal::Terminal;
use gavel_cli::{commands, logging, stale};
use gavel_reward::{ReloadingReward, Workspace, WorkspaceOptions};
use gavel_train::{Fault, TrainError};
use gavel_verify::Reward;

use crate::cli::{Cli, Command};

/// Tokenising makes many small texts on every core, which costs glibc's allocator half of the time. libtorch keeps its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::try_parse_from(cli::with_command(std::env::args_os()))
        .unwrap_or_else(|error| cli::advised(error).exit());
    let terminal = Terminal::new(cli.global.quiet);
    commands::set_color(cli.global.color);
    let result = logging::install(&cli.global).map_err(Stop::Input).and_then(|()| match cli.command {
        Command::Train(args) => train::run(args, &terminal),
        Command::Plan(args) => plan::run(&args, &terminal),
        Command::Data(command) => data::run(command, &terminal),
        Command::Eval(args) => eval::run(args, &terminal),
        Command::Generate(args) => generate::run(&args, &terminal),
        Command::Import(args) => import::run(&args, &terminal),
        Command::Pretrain(args) => pretrain::run(&args, &terminal),
        Command::Tasks(args) => tasks::run(&args, &terminal),
        Command::Devices => devices(),
    });
    commands::finish(result, &terminal)
}

/// Loads a reward file as what the trainer sees. It changes only for who refreshes it.
fn load_reward(
    path: &Path,
    options: &WorkspaceOptions,
    terminal: &Terminal,
) -> Result<Arc<dyn Reward>, Stop> {
    stale::say_of_reward(path, &options.plugin_path, terminal);
    Ok(Arc::new(ReloadingReward::load(&Workspace::start(options)?, path)?))
}

/// One line on what libtorch finds to compute on.
fn devices() -> Result<ExitStatus, Stop> {
    let cuda = match tch::Cuda::device_count() {
        0 => "no CUDA device".to_owned(),
        count => format!("{count} CUDA device{}", if count == 1 { "" } else { "s" }),
    };
    let threads = tch::get_num_threads();
    writeln!(std::io::stdout(), "libtorch, {cuda}, {threads} threads on the CPU")
        .map_err(anyhow::Error::from)?;
    SUCCESS
}

/// A failure of the trainer, with whoever is to blame for it.
fn blame(error: TrainError) -> Stop {
    blame_by(error.fault(), error)
}

fn blame_by(fault: Fault, error: impl std::error::Error + Send + Sync + 'static) -> Stop {
    match fault {
        Fault::Machine => Stop::Unexpected(error.into()),
        Fault::Input => Stop::Input(error.into()),
    }
}

const SUCCESS: Result<ExitStatus, Stop> = Ok(ExitStatus::Success);
