//! Rust: cargo makes the component, by way of the target `wasm32-wasip2`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Product;
use crate::ToolkitError;
use crate::project::Workshop;
use crate::run::Compiler;

const TARGET: &str = "wasm32-wasip2";

const CARGO: Compiler =
    Compiler { program: "cargo", name: "Rust", install: "install it with rustup: https://rustup.rs" };

const RUSTC: Compiler = Compiler {
    program: "rustc",
    name: "Rust's target wasm32-wasip2",
    install: "install it: rustup target add wasm32-wasip2",
};

pub(super) fn build(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    check_target(workshop)?;
    let mut cargo = CARGO.command(&workshop.folder);
    cargo.args(["build", "--release", "--lib", "--target", TARGET]);
    // Messages for people on stderr, a line for each file that was made on stdout.
    cargo.arg("--message-format=json-render-diagnostics");
    let messages = CARGO.run(&mut cargo)?;
    let made = messages.lines().filter_map(component).next_back();
    made.map(Product::Finished).ok_or_else(|| ToolkitError::NotAPlugin {
        reason: "cargo built no cdylib; Cargo.toml needs `crate-type = [\"cdylib\", \"rlib\"]` in [lib]"
            .to_owned(),
    })
}

fn check_target(workshop: &Workshop<'_>) -> Result<(), ToolkitError> {
    let mut rustc = RUSTC.command(&workshop.folder);
    let folder = RUSTC.run(rustc.args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    Err(RUSTC.missing("it is not installed"))
}

/// The `.wasm` file that a message of cargo's tells of.
fn component(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str);
    files.map(PathBuf::from).find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}
