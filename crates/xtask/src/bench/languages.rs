//! The template of every language, by `gavel plugin bench`: the table of `sdk/README.md`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use gavel_toolkit::Language;
use serde_json::Value;

use crate::shell;

/// Prints a row for each language whose template `cargo xtask conformance` has built.
pub(super) fn run(root: &Path) -> Result<()> {
    println!("| language | size | compiled | loaded | p50 | p99 |");
    println!("|---|---|---|---|---|---|");
    let mut rows = 0;
    for language in Language::ALL {
        let folder =
            root.join("target/conformance").join(crate::conformance::folder(language)).join("template");
        if !folder.join("word-limit.wasm").is_file() {
            eprintln!("bench: {language} is not built: `cargo xtask conformance` builds it");
            continue;
        }
        let mut bench = shell::command(root, root.join("target/release/gavel"));
        let said = shell::read(bench.args(["plugin", "bench", "--json", "--seconds", "5"]).arg(&folder))?;
        let measured: Value = serde_json::from_str(&said)?;
        let number =
            |key: &str| measured[key].as_f64().with_context(|| format!("bench says no {key}: {said}"));
        println!(
            "| {language} | {} KB | {:.0} ms | {:.2} ms | {:.0} µs | {:.0} µs |",
            (number("size")? / 1e3).ceil(),
            number("cold_load_ms")?,
            number("cached_load_ms")?,
            number("p50_us")?,
            number("p99_us")?,
        );
        rows += 1;
    }
    ensure!(rows > 0, "nothing to measure: `cargo xtask conformance` builds the templates");
    Ok(())
}
