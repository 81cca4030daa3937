//! `gavel plugin new`, `build` and `test --bless`: from nothing to a plugin. That every language's template builds and
//! passes is what `cargo xtask conformance` shows.

use std::fs;

use crate::gavel::{Folder, first_party_folder, repository};

#[test]
fn new_says_what_it_has_made_and_what_comes_next() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.shown(&["plugin", "new", "my-reward", "--lang", "python"]));
    assert!(folder.read("my-reward/my_reward.py").contains("name=\"my-reward\""));
    assert!(folder.read("my-reward/gavel.toml").contains("source = \"my_reward.py\""));
    assert!(folder.path("my-reward/.gavel/sdk/python/gavel_plugin/__init__.py").is_file());
}

#[test]
fn new_in_another_folder_is_called_after_its_last_part() {
    let folder = Folder::new();
    assert!(folder.run(&["plugin", "new", "rewards/mine", "--lang", "rust"]).status.success());
    assert!(folder.read("rewards/mine/Cargo.toml").contains("name = \"mine\""));
}

#[test]
fn a_language_is_what_people_call_it() {
    for (said, manifest) in [("cpp", "c++"), ("JS", "javascript"), ("golang", "go"), ("py", "python")] {
        let folder = Folder::new();
        assert!(folder.run(&["plugin", "new", "mine", "--lang", said]).status.success(), "{said}");
        assert!(folder.read("mine/gavel.toml").contains(&format!("language = \"{manifest}\"")), "{said}");
    }
}

#[test]
fn new_refuses_what_it_cannot_make() {
    let folder = Folder::new().file("taken/thesis.tex", "years of work");
    insta::assert_snapshot!(
        [
            folder.shown(&["plugin", "new", "My_Reward", "--lang", "rust"]),
            folder.shown(&["plugin", "new", "taken", "--lang", "rust"]),
            folder.shown(&["plugin", "new", "mine", "--lang", "pyton"]),
        ]
        .join("\n")
    );
}

const MANIFEST: &str =
    "manifest_version = 1\n[plugin]\nname = 'mine'\nversion = '0.1.0'\nentry = 'mine.wasm'\n";

#[test]
fn build_says_what_the_manifest_lacks() {
    let build = |section: &str| {
        let folder = Folder::new().file("mine/gavel.toml", format!("{MANIFEST}{section}"));
        folder.shown(&["plugin", "build", "mine"])
    };
    insta::assert_snapshot!(
        [
            build(""),
            build("[build]\nlanguage = 'rust'\n"),
            build("[build]\nlanguage = 'cobol'\nsource = 'mine.cob'\n"),
            build("[build]\nlanguage = 'rust'\nsource = 'src/lib.rs'\n"),
        ]
        .join("\n")
    );
}

#[test]
fn a_missing_compiler_is_named_with_the_way_to_install_it() {
    let folder = Folder::new();
    assert!(folder.run(&["plugin", "new", "mine", "--lang", "rust"]).status.success());
    let build =
        folder.gavel(&["plugin", "build", "mine"]).env("PATH", folder.path("nothing")).output().unwrap();
    let said = String::from_utf8_lossy(&build.stderr);
    assert_eq!(build.status.code(), Some(1), "{said}");
    assert!(said.contains("`rustc` is not there") && said.contains("rustup target add"), "{said}");
}

#[test]
fn what_the_compiler_refuses_is_shown_and_the_plugin_before_stays() {
    let folder = Folder::new();
    assert!(folder.run(&["plugin", "new", "mine", "--lang", "rust"]).status.success());
    // Nothing has to be downloaded to find this out.
    let folder = folder.file("mine/Cargo.toml", "[package\nname = 'mine'").file("mine/mine.wasm", "before");
    let build = folder.run(&["plugin", "build", "mine"]);
    let said = String::from_utf8_lossy(&build.stderr);
    assert_eq!(build.status.code(), Some(1), "{said}");
    assert!(said.contains("Cargo.toml:1") && said.contains("Rust refuses the plugin"), "{said}");
    assert_eq!(folder.read("mine/mine.wasm"), "before");
}

/// Also where the module is used for nothing, so that no bundle has it, and where it goes by its name alone.
#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn what_is_nodes_own_is_said_not_to_be_there() {
    let tools = repository().join(".gavel/tools");
    if !tools.join("javascript").is_dir() {
        println!("skipped: there are no tools for JavaScript, which `cargo xtask setup` installs");
        return;
    }
    let folder = Folder::new();
    assert!(folder.run(&["plugin", "new", "mine", "--lang", "typescript"]).status.success());
    let source = folder.read("mine/mine.ts");
    for (line, name) in [
        ("import fs from 'fs';", "fs"),
        ("import { readFileSync } from 'node:fs';", "node:fs"),
        ("import fs from 'fs';\nfs.readFileSync('a');", "fs"),
        ("const key = process.env.KEY;", "process"),
    ] {
        fs::write(folder.path("mine/mine.ts"), format!("{line}\n{source}")).unwrap();
        let build =
            folder.gavel(&["plugin", "build", "mine"]).env("GAVEL_TOOLS_DIR", &tools).output().unwrap();
        let said = String::from_utf8_lossy(&build.stderr);
        assert!(
            said.contains(&format!("there is no Node in the sandbox: \"{name}\" is Node's own")),
            "{said}"
        );
        assert!(!said.contains("@types/node") && build.status.code() == Some(1), "{said}");
    }
}

/// A folder with the manifest of `length`, which is built in, and cases of its own.
fn length_with(cases: &str) -> Folder {
    let manifest = fs::read_to_string(first_party_folder("length").join("gavel.toml")).unwrap();
    Folder::new().file("length/gavel.toml", manifest).file("length/cases.jsonl", cases)
}

#[test]
fn bless_writes_what_came_and_leaves_the_other_lines_alone() {
    let options = r#""options": {"kind": "repetition", "ngram_size": 3, "max_penalty": -1}"#;
    let right =
        format!(r#"{{ "name": "right",  "completion": "a b c", {options}, "expect": {{"reward": 0}} }}"#);
    let wrong =
        format!(r#"{{"name": "wrong", "completion": "a b c", {options}, "expect": {{"reward": 1}}}}"#);
    let new = format!(r#"{{"name": "new", "completion": "a", {options}}}"#);
    let folder = length_with(&format!("{right}\n\n{wrong}\n{new}\n"));
    let before = folder.run(&["plugin", "test", "length"]);
    assert_eq!(before.status.code(), Some(1), "{}", String::from_utf8_lossy(&before.stdout));
    let blessed = folder.run(&["plugin", "test", "length", "--bless"]);
    assert_eq!(blessed.status.code(), Some(0), "{}", String::from_utf8_lossy(&blessed.stderr));
    let said = String::from_utf8_lossy(&blessed.stdout);
    assert!(said.ends_with("1 of 3 cases passed, 2 blessed\n"), "{said}");
    let cases = folder.read("length/cases.jsonl");
    assert!(cases.starts_with(&format!("{right}\n\n")), "{cases}");
    let after = folder.run(&["plugin", "test", "length"]);
    assert_eq!(after.status.code(), Some(0), "{}", String::from_utf8_lossy(&after.stdout));
}
