//! The `gavel` binary.

use std::process::ExitCode;

use clap::Parser;
use gavel_cli::cli::Cli;
use gavel_cli::commands;

fn main() -> ExitCode {
    commands::run(Cli::parse())
}
