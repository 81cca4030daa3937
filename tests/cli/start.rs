//! The first minutes: `gavel init` lays down what runs, `gavel doctor` says what is there.

use std::fs;

use crate::gavel::Folder;

#[test]
fn a_new_project_runs() {
    let folder = Folder::new();
    insta::assert_snapshot!(
        [
            folder.shown(&["init", "first"]),
            folder.shown(&[
                "score",
                "--reward",
                "first/reward.toml",
                "first/completions.jsonl",
                "--no-timing"
            ]),
            folder.shown(&["init", "first"]),
            folder.shown(&["init", "second", "--model", "first"]),
        ]
        .join("\n")
    );
}

#[test]
fn settings_name_the_model_and_its_template() {
    let settings = |config: &str| {
        let folder =
            Folder::new().file("model/config.json", "{}").file("model/tokenizer_config.json", config);
        assert!(folder.run(&["init", "first", "--model", "model"]).status.success());
        let text = folder.read("first/train.toml");
        let model = folder.path("model").canonicalize().unwrap();
        let named = text
            .lines()
            .find_map(|line| line.strip_prefix("model      = "))
            .unwrap()
            .trim_matches('"')
            .to_owned();
        assert_eq!(fs::canonicalize(named).unwrap(), model);
        text
    };
    assert!(settings(r#"{"chat_template": "{{ messages }}"}"#).contains("template = \"chat\""));
    assert!(settings("{}").contains("template = \"r1-zero\""));
}

#[test]
fn doctor_says_what_is_there_and_how_to_get_the_rest() {
    let folder = Folder::new();
    let output = folder.gavel(&["doctor"]).env("PATH", folder.path("nothing")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "scoring needs nothing that is missing: {said}");
    for line in
        ["  ok       engine      wasmtime", "  ok       stack ", "  ok       plugins     11 embedded plugins"]
    {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(said.contains("  missing  rust        no rustc on PATH\n"), "{said}");
    assert!(
        said.contains("for plugins in Rust\n                       https://rustup.rs, then `rustup target add wasm32-wasip2`\n"),
        "{said}"
    );
    let broken = folder.run(&["doctor", "--cache-dir", "reward.toml", "--plugin-path", "absent"]);
    let said = String::from_utf8(broken.stdout).unwrap();
    assert!(said.contains("  missing  plugins     no such folder: absent\n"), "{said}");
}
