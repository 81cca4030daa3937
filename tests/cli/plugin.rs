//! `gavel plugin`: inspect, test, bench; and where plugins are found.

use std::fs;

use crate::gavel::{Folder, first_party_folder};

const FIRST_PARTY: [&str; 3] = ["countdown", "format", "math"];

#[test]
fn inspect_shows_what_a_plugin_is() {
    insta::assert_snapshot!(Folder::new().shown(&["plugin", "inspect", "countdown"]));
}

#[test]
fn inspect_as_json_says_the_same() {
    let output = Folder::new().run(&["plugin", "inspect", "countdown", "--json"]);
    let plugin: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plugin["name"], "countdown");
    assert_eq!(plugin["format"], "component");
    assert_eq!(plugin["digest"].as_str().unwrap().len(), 64);
    assert_eq!(plugin["options"]["type"], "object");
}

#[test]
fn inspect_a_file_that_is_not_there() {
    insta::assert_snapshot!(Folder::new().shown(&["plugin", "inspect", "absent.wasm"]));
}

#[test]
fn every_first_party_plugin_passes_its_cases() {
    for name in FIRST_PARTY {
        let folder = first_party_folder(name);
        let output = Folder::new().run(&["plugin", "test", folder.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// A folder with the manifest of `countdown` and cases of its own.
fn countdown_with(cases: &str) -> Folder {
    let manifest = fs::read_to_string(first_party_folder("countdown").join("gavel.toml")).unwrap();
    Folder::new().file("countdown/gavel.toml", manifest).file("countdown/cases.jsonl", cases)
}

#[test]
fn a_case_that_goes_another_way_is_shown_as_a_difference() {
    let task = r#""metadata": {"numbers": [1, 2], "target": 3}"#;
    let cases = [
        format!(r#"{{"name": "right", "completion": "<answer>1+2</answer>", {task}, "expect": {{"reward": 1}}}}"#),
        format!(
            r#"{{"name": "wrong on purpose", "completion": "<answer>1*2</answer>", {task}, "expect": {{"reward": 1, "metrics": {{"correct": 1, "uses_numbers": 1}}}}}}"#
        ),
        r#"{"name": "no task", "completion": "<answer>1+2</answer>", "expect": {"reward": 0}}"#.to_owned(),
        format!(
            r#"{{"name": "refused options", "completion": "", {task}, "options": {{"us": "all"}}, "expect": {{"reward": 0, "reason_contains": "four"}}}}"#
        ),
    ]
    .join("\n");
    insta::assert_snapshot!(countdown_with(&cases).shown(&["plugin", "test", "countdown"]));
}

#[test]
fn a_line_that_is_no_case_is_named() {
    let cases = "{\"name\": \"x\", \"completion\": \"\", \"expect\": {\"rewrad\": 1}}";
    insta::assert_snapshot!(countdown_with(cases).shown(&["plugin", "test", "countdown"]));
}

#[test]
fn a_folder_without_manifest_is_no_plugin() {
    let folder =
        Folder::new().file("x/cases.jsonl", r#"{"name": "x", "completion": "", "expect": {"reward": 1}}"#);
    insta::assert_snapshot!(folder.shown(&["plugin", "test", "x"]));
}

#[test]
fn bench_measures() {
    let folder = first_party_folder("format");
    let args = ["plugin", "bench", folder.to_str().unwrap(), "--seconds", "0.2", "--jobs", "2", "--json"];
    let output = Folder::new().run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let bench: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| bench[name].as_f64().unwrap_or_else(|| panic!("{name} in {bench}"));
    let cases = fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines().count() as f64;
    assert!(number("submissions") >= cases * 0.5, "every case whose options are accepted is judged: {bench}");
    assert!(number("p50_us") > 0.0 && number("p50_us") <= number("p99_us"), "{bench}");
    assert!(number("p99_us") <= number("max_us"), "{bench}");
    let rate = number("submissions") / number("seconds");
    assert!((number("submissions_per_second") - rate).abs() < 1e-6 * rate, "{bench}");
    assert!(number("cached_load_ms") < number("cold_load_ms"), "a cached plugin is not compiled: {bench}");
}

#[test]
fn a_plugin_beside_the_reward_file_wins_over_the_path_and_the_path_over_the_first_party() {
    let reward = "[verifiers.a]\nplugin = 'countdown'";
    let folder = Folder::with_reward(reward).file("path/countdown.wasm", "not wasm");
    let error = |folder: &Folder| {
        let output = folder.run(&[
            "score",
            "-r",
            "reward.toml",
            "--plugin-path",
            "elsewhere",
            "--plugin-path",
            "path",
        ]);
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error(&folder).contains("path/countdown.wasm is not WebAssembly"), "{}", error(&folder));
    let folder = folder.file("countdown.wasm", "not wasm either");
    assert!(error(&folder).contains(": countdown.wasm is not WebAssembly"), "{}", error(&folder));
    let by_variable = Folder::with_reward(reward).file("path/countdown/gavel.toml", "nonsense");
    let mut command = by_variable.gavel(&["score", "-r", "reward.toml"]);
    let output = command.env("GAVEL_PLUGIN_PATH", "elsewhere:path").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("path/countdown/gavel.toml:1:"), "{stderr}");
}
