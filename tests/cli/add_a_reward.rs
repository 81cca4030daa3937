//! `examples/add-a-reward`: a new reward, with the `gavel` that is already there.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::gavel::{GAVEL, repository, without_measurements};

/// Runs the commands of the example's README as they are written there.
#[test]
fn the_readme_does_what_it_shows_and_gavel_stays_as_it_is() {
    let folder = repository().join("examples/add-a-reward");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let shown = session(&readme);
    let before = digest(Path::new(GAVEL));
    // What an earlier run has left: a reader has none, and `gavel score` would say that it is written over.
    let _ = std::fs::remove_file(folder.join("scored.jsonl"));
    let mut came = String::new();
    for command in shown.lines().filter_map(|line| line.strip_prefix("$ ")) {
        came += &format!("$ {command}\n{}", run(command, &folder));
    }
    assert_eq!(without_measurements(&came), without_measurements(&shown));
    #[cfg(feature = "train")]
    crate::trainer::trains_with_a_new_plugin(&folder.join("target/wasm32-wasip2/release/calm.wasm"));
    assert_eq!(digest(Path::new(GAVEL)), before, "gavel was recompiled");
}

/// The README's shell session.
fn session(readme: &str) -> String {
    readme.split("```console\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// What a command writes, with the gavel under test in the `PATH`.
fn run(command: &str, folder: &Path) -> String {
    let binaries = PathBuf::from(GAVEL).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([binaries].into_iter().chain(std::env::split_paths(&others))).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{command} 2>&1")]).current_dir(folder).env("PATH", path);
    // The example builds as it does for a reader, not as this test was built.
    for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER"] {
        shell.env_remove(name);
    }
    let output = shell.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "`{command}` failed:\n{text}");
    text
}

/// The sha256 of a file.
pub(crate) fn digest(file: &Path) -> String {
    format!("{:x}", Sha256::digest(std::fs::read(file).unwrap()))
}
