//! `cargo xtask`: what this repository needs besides cargo itself: set-up, the demo, plugins not in Rust, the tests,
//! measurements.

mod bench;
mod demo;
mod npm;
mod pip;
mod plugins;
mod setup;
mod shell;
mod test;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Works on the gavel repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what cargo cannot (libtorch, the WebAssembly target, toolchains), into folders that git ignores.
    Setup(setup::Args),
    /// Build the plugins that are not in Rust: the interpreters and math-verify. What has not changed stays.
    Plugins(plugins::Args),
    /// Set up, build, and train the demo: R1-Zero in miniature, on a CPU, in about five minutes.
    Demo(demo::Args),
    /// Set up, and run every test of every part.
    Test,
    /// Measure, and print the tables of docs/benchmarks.md.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    // The manifest lies in crates/xtask, two below the root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace root");
    let result = match Args::parse().task {
        Task::Setup(args) => setup::run(root, &args),
        Task::Plugins(args) => plugins::run(root, &args),
        Task::Demo(args) => demo::run(root, &args),
        Task::Test => test::run(root),
        Task::Bench(args) => bench::run(root, &args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
