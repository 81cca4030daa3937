//! Builds the plugin of a folder, by the `[build]` of its gavel.toml: `cargo run -p gavel-toolkit --example build -- DIR`.
//! The toolkit without the host, for those who work on a recipe.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example speaks to a person")]

use std::error::Error;
use std::path::PathBuf;

use gavel_toolkit::{Project, Tools, build};

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("usage: build DIR")?.into();
    let manifest = std::fs::read_to_string(folder.join("gavel.toml"))?;
    // Good enough for templates; gavel itself reads TOML.
    let value = |key: &str| -> Result<&str, Box<dyn Error>> {
        let line = manifest.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
        Ok(line.and_then(|rest| rest.split('"').nth(1)).ok_or_else(|| format!("no {key} in gavel.toml"))?)
    };
    let project = Project {
        language: value("language")?.parse()?,
        source: value("source")?.into(),
        entry: value("entry")?.into(),
        paths: Vec::new(),
        folder,
    };
    let built = build(&project, &Tools::near(&project.folder), &|progress| eprintln!("{progress}"))?;
    println!("{}", built.display());
    Ok(())
}
