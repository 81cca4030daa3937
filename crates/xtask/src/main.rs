//! `cargo xtask`: what this repository needs besides cargo itself: set-up, the demo, plugins not in Rust, the tests,
//! measurements.

mod bench;
mod bindings;
mod conformance;
mod debian;
mod demo;
mod dist;
mod llms;
mod npm;
mod pip;
mod plugins;
mod r1_zero;
mod setup;
mod shell;
mod test;
mod wheel;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gavel_toolkit::Tools;

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
    /// Build the plugins that are not in Rust: the interpreters, math-verify and reasoning-gym. What has not changed stays.
    Plugins(plugins::Args),
    /// Set up, build, and train the demo: R1-Zero in miniature, on a CPU, in about five minutes.
    Demo(demo::Args),
    /// R1-Zero from scratch: a base model, GRPO alone, and what came of it; on a card, in pieces of as many minutes as are
    /// wanted.
    R1Zero(r1_zero::Args),
    /// Set up, and run every test of every part.
    Test(test::Args),
    /// Make the Python package a wheel with maturin, and test it in a virtual environment of its own.
    Wheel,
    /// Pack `gavel`, `gavel-train` and the interpreters as an archive, with its digest and the script that installs it.
    Dist(dist::Args),
    /// Make the bindings in sdk/c and sdk/go of the contract in sdk/wit.
    Bindings(bindings::Args),
    /// Write docs/llms.txt, the index of the documents for language models, from docs/README.md.
    Llms,
    /// Build the same small verifiers in every language, and see that they say the same, again and again.
    Conformance(conformance::Args),
    /// Measure, and print the tables of docs/benchmarks.md.
    Bench(bench::Args),
}

/// The tools that plugins are built with, in this repository as in any plugin's.
fn tools(root: &Path) -> Tools {
    Tools::in_folder(root.join(".gavel/tools"))
}

fn main() -> ExitCode {
    // The manifest lies in crates/xtask, two below the root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace root");
    // A program that was built elsewhere works on the repository that it is started in.
    let here = std::env::current_dir().unwrap_or_default();
    let root = if root.is_dir() { root } else { &here };
    let result = match Args::parse().task {
        Task::Setup(args) => setup::run(root, &args),
        Task::Plugins(args) => plugins::run(root, &args),
        Task::Demo(args) => demo::run(root, &args),
        Task::R1Zero(args) => r1_zero::run(root, &args),
        Task::Test(args) => test::run(root, &args),
        Task::Wheel => wheel::run(root),
        Task::Dist(args) => dist::run(root, &args),
        Task::Bindings(args) => bindings::run(root, &args),
        Task::Llms => llms::run(root),
        Task::Conformance(args) => conformance::run(root, &args),
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
