//! The `gavel-train` binary. `gavel train`, `gavel eval` and their like start it.

use std::process::ExitCode;

use clap::Parser;
use gavel_cli::trainer::{self, Cli};

fn main() -> ExitCode {
    trainer::run(Cli::parse())
}
