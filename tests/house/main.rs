//! The rules of the house that a machine can check: who may depend on whom, under which licences, and how files
//! open, are called and point at each other. ARCHITECTURE.md says why.

mod dependencies;
mod licences;
mod links;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the repository.
fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).expect("this crate lies in `crates`").to_owned()
}

/// The text of a file of the repository.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Every file of the repository whose name ends on `.extension`, build outputs and hidden folders apart.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root(), extension, &mut found);
    assert!(
        !found.is_empty(),
        "the repository has no .{extension} file; is this its root: {}?",
        root().display()
    );
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the repository can be read") {
        let path = entry.expect("the repository can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let left_out = name.starts_with('.') || ["target", "runs", "node_modules"].contains(&name.as_str());
        if path.is_dir() && !left_out {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
}

/// How a file is called in a message.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// What `cargo` says, without asking the network.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be run, since it runs this test");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {} failed: {complaint}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// `cargo metadata`, with the packages that this machine and plugins are built from.
fn metadata() -> Value {
    let version = cargo(&["--version", "--verbose"]);
    let machine = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let arguments = ["metadata", "--format-version=1", "--offline", "--filter-platform", machine];
    let plugins = ["--filter-platform", "wasm32-wasip2"];
    serde_json::from_str(&cargo(&[&arguments[..], &plugins[..]].concat())).expect("cargo writes JSON")
}

/// Fails with all that is wrong, not only the first of it.
fn assert_none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}
