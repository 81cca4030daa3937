//! The `gavel-train` binary: the trainer with rewards from reward files. The only place where the two halves of
//! gavel meet.

mod cli;
mod eval;
mod generate;
mod live;
mod pretrain;
mod report;
mod tasks;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use gavel_reward::LoadOptions;
use gavel_verify::Reward;

pub use cli::Cli;
use cli::Command;

use crate::exit::{ExitStatus, Stop};
use crate::terminal::Terminal;
use crate::{commands, logging};

/// Runs a command line to its end.
pub fn run(cli: Cli) -> ExitCode {
    let terminal = Terminal::new(cli.global.quiet);
    commands::set_color(cli.global.color);
    let result = logging::install(&cli.global).map_err(Stop::Input).and_then(|()| match cli.command {
        Command::Train(args) => train::run(args, &terminal),
        Command::Eval(args) => eval::run(args, &terminal),
        Command::Generate(args) => generate::run(&args),
        Command::Pretrain(args) => pretrain::run(&args, &terminal),
        Command::Tasks(args) => tasks::run(&args),
        Command::Report(args) => report::run(&args, &terminal),
    });
    commands::finish(result, &terminal)
}

/// Loads a reward file as what the trainer sees.
fn load_reward(path: &std::path::Path, options: &LoadOptions) -> Result<Arc<dyn Reward>, Stop> {
    Ok(Arc::new(gavel_reward::load(path, options)?))
}

/// What a failure of the trainer says about whose fault it is: almost always the input's.
impl From<gavel_train::TrainError> for Stop {
    fn from(error: gavel_train::TrainError) -> Self {
        use gavel_train::TrainError;
        match error {
            TrainError::File { action: "write", .. }
            | TrainError::Tensors { action: "write", .. }
            | TrainError::Unanswered { .. } => Self::Unexpected(error.into()),
            _ => Self::Input(error.into()),
        }
    }
}

const SUCCESS: Result<ExitStatus, Stop> = Ok(ExitStatus::Success);
