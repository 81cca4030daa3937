//! The `gavel-train` binary: the trainer with rewards from reward files. The only place where the two halves of
//! gavel meet. `gavel train`, `gavel eval` and their like start it.

mod cli;
mod eval;
mod generate;
mod import;
mod live;
mod pretrain;
mod tasks;
mod train;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;
use gavel_cli::{commands, logging};
use gavel_model::{Model, Precision, Tokenizer};
use gavel_reward::{LoadOptions, ReloadingReward};
use gavel_torch::DeviceChoice;
use gavel_train::{Fault, TrainError};
use gavel_verify::Reward;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.global.quiet);
    commands::set_color(cli.global.color);
    let result = logging::install(&cli.global).map_err(Stop::Input).and_then(|()| match cli.command {
        Command::Train(args) => train::run(args, &terminal),
        Command::Eval(args) => eval::run(args, &terminal),
        Command::Generate(args) => generate::run(&args),
        Command::Import(args) => import::run(&args, &terminal),
        Command::Pretrain(args) => pretrain::run(&args, &terminal),
        Command::Tasks(args) => tasks::run(&args),
    });
    commands::finish(result, &terminal)
}

/// Loads a reward file as what the trainer sees. It changes only for who refreshes it.
fn load_reward(path: &Path, options: &LoadOptions) -> Result<Arc<dyn Reward>, Stop> {
    Ok(Arc::new(ReloadingReward::load(path, options)?))
}

/// Loads a model to sample from, and its tokenizer, with the number format that suits the device.
fn load_model(directory: &Path, device: DeviceChoice) -> Result<(Model, Tokenizer), Stop> {
    let device = gavel_torch::select_device(device).input_fault()?;
    let tokenizer = Tokenizer::load(directory).input_fault()?;
    let precision = if device.is_cuda() { Precision::BF16 } else { Precision::FULL };
    Ok((Model::load(directory, device, precision).input_fault()?, tokenizer))
}

/// A failure of the trainer, with whoever is to blame for it.
fn blame(error: TrainError) -> Stop {
    match error.fault() {
        Fault::Machine => Stop::Unexpected(error.into()),
        Fault::Input => Stop::Input(error.into()),
    }
}

const SUCCESS: Result<ExitStatus, Stop> = Ok(ExitStatus::Success);
