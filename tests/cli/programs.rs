//! Verifiers that run programs: what they ask, what the operator grants, and what is said where the two differ.

use std::fs;

use gavel_reward::{Workspace, WorkspaceOptions};
use gavel_verify::{Reward, Submission, score_all};

use crate::gavel::Folder;
use crate::guests::guest;

const RUNNER: &str =
    "manifest_version = 1\n[plugin]\nname = 'runner'\nversion = '1.0.0'\nentry = 'runner.wasm'\n";

pub(crate) const GRANTED: &str = "[verifiers.tests]\nplugin = 'runner'\ngrant = ['interpreter']\n";

const CASES: &str = r#"{"name": "it exits", "completion": "print a", "expect": {"reward": 1, "reason_contains": "exited 0"}}
{"name": "it does not", "completion": "raise b", "expect": {"reward": 0, "reason_contains": "raised"}}
"#;

/// A folder with the code verifier of the attacks, which asks for what `capabilities` say, and its cases.
fn runner(capabilities: &str) -> Folder {
    Folder::new()
        .file("runner/gavel.toml", format!("{RUNNER}{capabilities}"))
        .file("runner/cases.jsonl", CASES)
        .file("runner/runner.wasm", fs::read(guest("runner_guest")).unwrap())
}

pub(crate) fn asking() -> Folder {
    runner("[capabilities]\ninterpreter = ['toy']\n[limits.programs]\nfuel = 10_000_000\nruns = 3\n")
}

/// The same with the interpreter of the toy language, as a folder in `path`.
pub(crate) fn with_interpreter(folder: Folder) -> Folder {
    folder
        .file("path/toy/toy.wasm", fs::read(guest("toy_interpreter")).unwrap())
        .file(
            "path/toy/gavel.toml",
            "manifest_version = 1\n[plugin]\nname = 'toy'\nversion = '1.0.0'\nentry = 'toy.wasm'\nkind = 'interpreter'\n",
        )
}

#[test]
fn a_plugin_that_asks_and_is_granted_passes_its_cases() {
    let folder = with_interpreter(asking());
    let args = ["plugin", "test", "runner", "--grant", "interpreter", "--plugin-path", "path"];
    let output = folder.run(&args);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 of 2 cases passed\n", "{output:?}");
    let mut bench = args;
    bench[1] = "bench";
    let output = folder.run(&[&bench[..], &["--seconds", "0.1"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_plugin_that_is_not_granted_what_it_asks_for() {
    insta::assert_snapshot!(with_interpreter(asking()).shown(&["plugin", "test", "runner"]));
}

#[test]
fn a_reward_file_without_the_grant() {
    let folder = with_interpreter(asking()).file("reward.toml", "[verifiers.tests]\nplugin = 'runner'\n");
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml", "--plugin-path", "path"]));
}

#[test]
fn a_plugin_whose_manifest_does_not_ask() {
    let folder = with_interpreter(runner("")).file("reward.toml", GRANTED);
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml", "--plugin-path", "path"]));
}

#[test]
fn an_interpreter_that_is_not_there() {
    let folder = asking().file("reward.toml", GRANTED);
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml", "--plugin-path", "path"]));
}

#[test]
fn an_unknown_capability() {
    let folder = asking().file("reward.toml", GRANTED.replace("interpreter", "network"));
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml"]));
    let output = folder.run(&["plugin", "test", "runner", "--grant", "network"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no such capability; gavel knows interpreter"), "{said}");
}

#[test]
fn an_interpreter_is_no_verifier() {
    let folder = with_interpreter(asking()).file("reward.toml", "[verifiers.tests]\nplugin = 'path/toy/'\n");
    insta::assert_snapshot!(folder.shown(&["score", "--reward", "reward.toml"]));
}

#[test]
fn inspect_shows_what_a_plugin_asks_for() {
    let folder = with_interpreter(asking());
    let text = folder.run(&["plugin", "inspect", "runner"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("needs interpreter (toy)"), "{text:?}");
    let json = folder.run(&["plugin", "inspect", "runner", "--json"]);
    let plugin: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(plugin["asks_for"]["interpreter"][0], "toy");
    assert_eq!(plugin["kind"], "verifier");
}

#[test]
fn inspect_shows_what_an_interpreter_is() {
    let folder = with_interpreter(asking());
    for path in ["path/toy", "path/toy/toy.wasm"] {
        let text = folder.run(&["plugin", "inspect", path]);
        let text = String::from_utf8_lossy(&text.stdout);
        assert!(
            text.starts_with("runs      toy\nversion   1.0.0\nsummary   One command a line.\n"),
            "{text}"
        );
        let json = folder.run(&["plugin", "inspect", path, "--json"]);
        let interpreter: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!((&interpreter["kind"], &interpreter["name"]), (&"interpreter".into(), &"toy".into()));
    }
}

#[test]
fn limits_of_programs_come_from_both_files() {
    let limits = "[verifiers.tests.limits.programs]\nruns = 2\n";
    let folder = with_interpreter(asking()).file("reward.toml", format!("{GRANTED}{limits}"));
    let score = |completion: &str| {
        let line = serde_json::json!({ "prompt": "", "completion": completion }).to_string();
        let output =
            folder.run_with_input(&["score", "--reward", "reward.toml", "--plugin-path", "path"], &line);
        let scored: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        scored["reward"].as_f64().unwrap()
    };
    // Two of four, by the reward file; none, by the manifest's fuel.
    assert_eq!(score("times=4\n\nprint a"), 2.0);
    assert_eq!(score("count 100000000"), 0.0);
}

#[test]
fn the_digests_of_interpreters_are_recorded() {
    let folder = with_interpreter(asking()).file("reward.toml", GRANTED);
    let options = WorkspaceOptions { plugin_path: vec![folder.path("path")], ..WorkspaceOptions::default() };
    let reward = Workspace::start(&options).unwrap().load(&folder.path("reward.toml")).unwrap();
    let digests = reward.digests();
    let names: Vec<&str> = digests.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["tests", "tests/toy"]);
    assert!(digests.iter().all(|(_, digest)| digest.len() == 64), "{digests:?}");
    assert_ne!(digests[0].1, digests[1].1);
    let submission = Submission { completion: "dig\n---\nprint a".to_owned(), ..Submission::default() };
    assert_eq!(score_all(&reward, [submission]).unwrap()[0].reward, Ok(1.0), "on the threads of a reward");
}

#[test]
fn an_interpreter_that_was_added_is_what_the_lock_says() {
    let folder = with_interpreter(asking().file("reward.toml", GRANTED));
    let row = "{\"prompt\": \"\", \"completion\": \"print a\"}\n";
    let score = || folder.run_with_input(&["score", "-r", "reward.toml", "--plugin-path", "kept"], row);
    for source in ["path/toy/toy.wasm", "path/toy"] {
        let add = folder.run(&["plugin", "add", source, "--plugin-path", "kept", "--force"]);
        assert!(add.status.success(), "{}", String::from_utf8_lossy(&add.stderr));
        let scored = score();
        assert!(scored.status.success(), "{}", String::from_utf8_lossy(&scored.stderr));
    }
    fs::copy(folder.path("path/toy/toy.wasm"), folder.path("kept/toy.wasm")).unwrap();
    let error = String::from_utf8(score().stderr).unwrap();
    assert!(error.contains("kept/toy.wasm is called `toy` too"), "{error}");
    fs::remove_file(folder.path("kept/toy.wasm")).unwrap();
    fs::write(folder.path("kept/toy/toy.wasm"), fs::read(guest("runner_guest")).unwrap()).unwrap();
    let error = String::from_utf8(score().stderr).unwrap();
    assert!(error.contains("`plugins.toy.digest` in kept/gavel.lock"), "{error}");
}
