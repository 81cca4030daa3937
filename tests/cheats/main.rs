//! The red team: completions that try to earn a reward without deserving it. None does.
//!
//! One file for each plugin, a row for each submission. A row is a cheat unless it says `"honest": true`; an honest
//! row must be rewarded, which shows that the task can be solved and that the check could fail.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use gavel_host::{Host, HostConfig, Plugin, STACK, WasmVerifier};
use gavel_plugins::{Capability, FoundPlugin, PluginError, WatchedFiles};
use gavel_reward::{RewardError, grant, load_plugin};
use gavel_verify::{Submission, Verifier};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How many cheats there are at least, so that none gets lost.
const AT_LEAST: usize = 150;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What is tried.
    name: String,
    #[serde(default)]
    honest: bool,
    #[serde(default)]
    prompt: String,
    completion: String,
    reference: Option<Value>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    options: Map<String, Value>,
}

#[test]
fn no_cheat_is_rewarded_and_honest_work_is() {
    // Programs that recurse take more stack than a test's thread has.
    let judging = thread::Builder::new().stack_size(STACK).spawn(judge_all).unwrap();
    let (cheats, wrong) = judging.join().unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cheats >= AT_LEAST, "only {cheats} cheats");
}

/// What cannot be read for its size is wrong: a completion must not choose to have no verdict.
#[test]
fn no_flood_leaves_an_answer_without_a_verdict() {
    const LENGTH: usize = 600_000;
    const FLOODS: [&str; 25] = [
        r"\boxed{8} ",
        r"\boxed{",
        r"\boxed{B",
        r"\boxed{7",
        r"\boxed{8} and ",
        "$1$ ",
        "the answer is 8. ",
        "<answer>8</answer>",
        "#### 8\n",
        "8",
        " answer",
        "[THINK]",
        "~~a",
        r"\",
        "(",
        "<",
        "\n",
        "\n%a",
        r"\frac{",
        "1,2,",
        "–",
        "答案是C。",
        r"\cancel{",
        "<div style=\"",
        // NFKC makes eighteen letters of one.
        "\u{fdfa}",
    ];
    let host = Host::new(HostConfig::default()).unwrap();
    for (plugin, reference) in [("math", "7"), ("choice", "B"), ("string", "Paris")] {
        let mut verifiers = Verifiers::of(&host, plugin).unwrap();
        let verifier = verifiers.with(&Map::new());
        for flood in FLOODS {
            let text = flood.repeat(LENGTH / flood.len());
            for completion in [
                text.clone(),
                format!("<answer>{text}</answer>"),
                format!("\\boxed{{{text}}}"),
                format!("The answer is {text}"),
            ] {
                let submission = Submission {
                    prompt: String::new(),
                    completion,
                    reference: Some(reference.to_owned()),
                    metadata: "{}".to_owned(),
                };
                let outcome = verifier.verify(&submission);
                assert_eq!(outcome.reward(), Some(0.0), "{plugin}: {flood:?}: {:?}", outcome.result);
            }
        }
    }
}

/// The same of programs: answers of as many items, or as large ones, as can be had. Each has a verdict within the limits
/// that the plugin's manifest sets.
#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn no_flood_leaves_a_program_without_a_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cheats/floods");
    let judging = || {
        let host = Host::new(HostConfig::default()).unwrap();
        let Some(mut verifiers) = Verifiers::of(&host, "code") else {
            println!("skipped: floods of code, which needs what `cargo xtask plugins` has not built");
            return;
        };
        for row in rows(&folder.join("code.jsonl")) {
            let outcome = verifiers.with(&row.options).verify(&submission(&row));
            let expected = if row.honest { 1.0 } else { 0.0 };
            assert_eq!(outcome.reward(), Some(expected), "{}: {:?}", row.name, outcome.result);
        }
    };
    thread::scope(|scope| {
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, judging).unwrap().join().unwrap();
    });
}

/// How many cheats there are, and which rows are rewarded wrongly or wrongly not.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn judge_all() -> (usize, Vec<String>) {
    let host = Host::new(HostConfig::default()).unwrap();
    let (mut cheats, mut wrong) = (0, Vec::new());
    for file in files() {
        let plugin = file.file_stem().unwrap().to_str().unwrap();
        let rows = rows(&file);
        cheats += rows.iter().filter(|row| !row.honest).count();
        assert!(rows.iter().any(|row| row.honest), "{plugin}: no honest row shows that the check can fail");
        let Some(mut verifiers) = Verifiers::of(&host, plugin) else {
            println!("skipped: the cheats of {plugin}, which needs what `cargo xtask plugins` has not built");
            continue;
        };
        for row in rows {
            let outcome = verifiers.with(&row.options).verify(&submission(&row));
            if outcome.reward().is_some_and(|reward| reward > 0.0) != row.honest {
                wrong.push(format!("{plugin}: {}: {:?}", row.name, outcome.result));
            }
        }
    }
    (cheats, wrong)
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cheats");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
    files.sort();
    files
}

fn rows(file: &Path) -> Vec<Row> {
    let text = fs::read_to_string(file).unwrap();
    let row = |(index, line)| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}:{}: {error}", file.display(), index + 1))
    };
    text.lines().enumerate().map(row).collect()
}

fn submission(row: &Row) -> Submission {
    // As `gavel score` does, a reference that is no text reaches the plugin as JSON.
    let reference = row.reference.as_ref().map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Submission {
        prompt: row.prompt.clone(),
        completion: row.completion.clone(),
        reference,
        metadata: Value::Object(row.metadata.clone()).to_string(),
    }
}

/// The verifiers of one plugin, by their options.
struct Verifiers {
    plugin: Plugin,
    found: FoundPlugin,
    loaded: HashMap<String, WasmVerifier>,
}

impl Verifiers {
    /// `None` where the plugin, or an interpreter that it asks for, is one that only `cargo xtask plugins` builds.
    fn of(host: &Host, name: &str) -> Option<Self> {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let files = WatchedFiles::default();
        let found = match FoundPlugin::in_folder(&plugins.join(name), &files) {
            Err(PluginError::NotBuilt { .. }) => return None,
            found => found.unwrap(),
        };
        let plugin = load_plugin(&found, host, &files).unwrap();
        let folders = [plugins.join("interpreters")];
        let plugin = match grant(&found, plugin, host, &[Capability::Interpreter], &folders, &files) {
            Err(RewardError::Plugins(PluginError::InterpreterNotFound { .. })) => return None,
            plugin => plugin.unwrap(),
        };
        Some(Self { plugin, found, loaded: HashMap::new() })
    }

    fn with(&mut self, options: &Map<String, Value>) -> &WasmVerifier {
        let options = Value::Object(options.clone()).to_string();
        let (plugin, limits) = (&self.plugin, self.found.limits().resolve());
        self.loaded.entry(options.clone()).or_insert_with(|| plugin.verifier(&options, &limits).unwrap())
    }
}
