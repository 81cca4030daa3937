//! The `gavel` binary.

use std::process::ExitCode;

use clap::Parser;
use gavel_cli::cli::Cli;
use gavel_cli::commands;

/// Lines are judged by one thread and given back by another, which costs glibc's allocator a lock; and where its heaps grow,
/// every thread waits that starts a plugin.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run(Cli::parse())
}
