//! AssemblyScript: asc makes a WASI command.

use std::path::{Path, PathBuf};

use super::Product;
use crate::ToolkitError;
use crate::project::Workshop;
use crate::tools::{ASSEMBLYSCRIPT, NODE};

/// An absolute path from the plugin's folder: asc takes every path to be relative to where it starts.
fn from_root(workshop: &Workshop<'_>, path: &Path) -> PathBuf {
    let up: PathBuf = workshop.folder.ancestors().skip(1).map(|_| "..").collect();
    up.join(path.strip_prefix("/").unwrap_or(path))
}

/// What the shim has of a browser's globals, but `abort` and `console`, which are the SDK's own.
const WASI: [&str; 6] = ["trace", "seed", "crypto", "performance", "process", "Date"];

pub(super) fn build(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let modules = workshop.tools.packages(&ASSEMBLYSCRIPT, workshop.report)?.join("node_modules");
    let command = workshop.scratch().join("command.wasm");
    let mut node = NODE.command(&workshop.folder);
    node.arg(modules.join("assemblyscript/bin/asc.js")).arg(&workshop.project.source);
    // WASI in place of the browser, for console, clock, entropy, stdin and stdout.
    node.arg("--lib").arg(from_root(workshop, &modules.join("@assemblyscript/wasi-shim/assembly")));
    node.arg("--path").arg(from_root(workshop, &modules));
    for name in WASI {
        node.arg("--use").arg(format!("{name}=wasi_{name}"));
    }
    // What ends a plugin is its answer: message and place.
    node.args(["--use", "abort=.gavel/sdk/assemblyscript/gavel/broke"]);
    // The shim's console writes to stdout, which is the answer.
    node.args(["--use", "console=.gavel/sdk/assemblyscript/gavel/people"]);
    node.args(["--use", "ASC_WASI=1", "--exportStart", "_start"]);
    node.args(["-O3", "--runtime", "incremental", "--debug", "--outFile"]).arg(&command);
    NODE.run_quietly(&mut node)?;
    Ok(Product::Finished(command))
}
