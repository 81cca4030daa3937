//! `gavel train` and its kind start the `gavel-train` beside them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::gavel::{Folder, GAVEL};

/// A folder with a copy of gavel.
fn installed() -> Folder {
    let folder = Folder::new();
    fs::copy(GAVEL, folder.path("gavel")).unwrap();
    folder
}

#[test]
fn gavel_itself_links_no_libtorch() {
    let binary = fs::read(GAVEL).unwrap();
    let name = b"libtorch_cpu.so";
    assert!(!binary.windows(name.len()).any(|window| window == name));
}

#[test]
fn without_gavel_train_the_error_says_what_to_build() {
    let folder = installed();
    let output = Command::new(folder.path("gavel")).args(["train", "--help"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let program = folder.path("gavel-train");
    let expected = format!(
        "error: `gavel train` needs {}, which is not there: build it with `cargo build --release -p gavel-cli`: ",
        program.display()
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
}

#[test]
fn everything_is_handed_on_and_the_exit_code_comes_back() {
    let folder = installed().file("gavel-train", "#!/bin/sh\nprintf '%s|' \"$@\"\nexit 7\n");
    fs::set_permissions(folder.path("gavel-train"), fs::Permissions::from_mode(0o755)).unwrap();
    for (args, expected) in [
        (&["train", "--help"][..], "train|--help|"),
        (
            &["-v", "--color", "never", "eval", "--k", "8", "a b", "--", "-x"],
            "--verbose|--color=never|eval|--k|8|a b|--|-x|",
        ),
        (&["plan", "a.toml", "--card", "80"], "plan|a.toml|--card|80|"),
        (&["data", "check", "a.jsonl"], "data|check|a.jsonl|"),
        (&["generate", "-v"], "--verbose|generate|"),
        (&["import", "a.gguf", "b"], "import|a.gguf|b|"),
        (&["pretrain"], "pretrain|"),
        (&["tasks", "countdown"], "tasks|countdown|"),
    ] {
        let output = Command::new(folder.path("gavel")).args(args).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        assert_eq!(output.status.code(), Some(7));
    }
}
