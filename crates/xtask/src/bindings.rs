//! The contract's bindings for C and Go: generated from `sdk/wit` and kept in the tree, so that whoever builds a plugin
//! needs no generator. Rust's are made by a macro, Python's and JavaScript's by what makes their components.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

#[derive(clap::Args)]
pub struct Args {
    /// Write nothing; fail where a file is not as it would be written.
    #[arg(long)]
    check: bool,
}

/// The world of every plugin that runs no programs, whether it judges one submission at a time or groups: a library has the
/// exports of both, and the toolkit makes a component with those that the plugin has filled in.
const WORLD: &str = "plugin";
const BOTH: &str = "package gavel:bindings;

world plugin {
    export gavel:verifier/verifier@0.1.0;
    export gavel:verifier/group-verifier@0.1.0;
}
";

/// Writes the bindings, or says which are stale.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    for (file, text) in generate(root)? {
        let path = root.join(&file);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        ensure!(!args.check, "{} is not what sdk/wit comes to: run `cargo xtask bindings`", file.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        eprintln!("bindings: wrote {}", file.display());
    }
    Ok(())
}

/// Every file of the bindings, by its path from the root.
fn generate(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    // The object file would hold the contract; the toolkit embeds it itself.
    let c = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
    let mut files = BTreeMap::new();
    for (name, text) in bindings(root, &mut *c.build())? {
        let opening =
            "// The contract in C, as `cargo xtask bindings` makes it of sdk/wit. For gavel.c alone.";
        files.insert(Path::new("sdk/c/bindings").join(name), format!("{opening}\n{text}"));
    }
    let contract = Path::new("sdk/go/internal/contract");
    for (name, text) in bindings(root, &mut *wit_bindgen_go::Opts::default().build())? {
        let place = match name.as_str() {
            // The suffix has it compiled for WebAssembly alone, so that plugins can be tested natively.
            "wit_exports.go" => contract.join("exports_wasip1.go"),
            "gavel_verifier_types/wit_bindings.go" => contract.join("gavel_verifier_types/types.go"),
            // A module of its own, aliases, and what imports would need.
            _ => continue,
        };
        let opening =
            "// The contract in Go, as `cargo xtask bindings` makes it of sdk/wit. For package gavel alone.";
        files.insert(place, format!("{opening}\n{}", as_a_package(&text)));
    }
    Ok(files)
}

fn bindings(root: &Path, generator: &mut dyn WorldGenerator) -> Result<Vec<(String, String)>> {
    let mut resolve = Resolve::default();
    resolve.push_dir(root.join("sdk/wit"))?;
    let package = resolve.push_str("both.wit", BOTH)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    let text = |(name, bytes): (&str, &[u8])| Ok((name.to_owned(), String::from_utf8(bytes.to_vec())?));
    files.iter().map(text).collect()
}

/// The generator makes a program, whose author fills one package in. Ours is a library that others import, with
/// stand-ins for the packages that only the Go proxy has.
fn as_a_package(text: &str) -> String {
    const CHANGES: [(&str, &str); 6] = [
        ("package main\n", "package contract\n"),
        ("\n// Unused, but present to make the compiler happy\nfunc main() {}\n", ""),
        (
            "\"wit_component/export_gavel_verifier_verifier\"",
            "export_gavel_verifier_verifier \"gavel.dev/plugin/internal/contract/verifier\"",
        ),
        (
            "\"wit_component/export_gavel_verifier_group_verifier\"",
            "export_gavel_verifier_group_verifier \"gavel.dev/plugin/internal/contract/groupverifier\"",
        ),
        ("\"wit_component/", "\"gavel.dev/plugin/internal/contract/"),
        ("\"go.bytecodealliance.org/pkg/wit/", "\"gavel.dev/plugin/internal/wit/"),
    ];
    CHANGES.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bindings_in_the_tree_are_those_of_the_contract() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        run(root, &Args { check: true }).unwrap();
    }

    #[test]
    fn every_change_to_go_still_finds_what_it_changes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for (file, text) in generate(root).unwrap() {
            for trace in ["package main", "func main", "wit_component", "go.bytecodealliance.org"] {
                assert!(!text.contains(trace), "{} has {trace}", file.display());
            }
        }
    }
}
