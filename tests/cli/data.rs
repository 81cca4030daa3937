//! `gavel data`: task files as a run would see them, and what is said of those that it would refuse.

use std::fs;

use serde_json::Value;

use crate::gavel::Folder;
use crate::trainer::with_chat_model;

const REWARD: &str = "[verifiers.accuracy]\nplugin = \"countdown\"\n";

/// A row that a run takes, and rows that it refuses or that the reward cannot judge by.
const ROWS: &str = r#"{"problem": "3 5 2→13", "numbers": [3, 5, 2], "target": 13}
{"question": "3 5 2→13", "numbers": [3, 5, 2], "target": 13}
nonsense

{"problem": "", "numbers": [1], "target": 1}
{"problem": "3 5→8", "numbers": [], "target": 8}
{"problem": "3 5 2→13", "numbers": [3, 5, 2], "target": 13}
"#;

fn with_tasks(rows: &str) -> Folder {
    with_chat_model().file("reward.toml", REWARD).file("tasks.jsonl", rows)
}

#[test]
fn every_row_that_a_run_would_refuse_is_named() {
    let folder = with_tasks(ROWS);
    let args = ["data", "check", "tasks.jsonl", "--model", "model", "--reward", "reward.toml"];
    insta::assert_snapshot!(folder.shown(&args));
    let output = folder.run(&[&args[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = |what: &str| -> Vec<u64> {
        found[what].as_array().unwrap().iter().map(|row| row["line"].as_u64().unwrap()).collect()
    };
    assert_eq!((lines("refused"), lines("invalid")), (vec![2, 3, 5], vec![6]));
    assert_eq!((&found["rows"], &found["repeated"]), (&6.into(), &1.into()));
}

#[test]
fn what_a_run_would_take_is_said_and_the_exit_code_is_0() {
    let good: String = ROWS
        .lines()
        .filter(|line| line.contains("3 5 2") && line.contains("problem"))
        .collect::<Vec<_>>()
        .join("\n");
    let folder = with_tasks(&good).file(
        "train.toml",
        "model = \"model\"\ntasks = \"tasks.jsonl\"\nreward = \"reward.toml\"\noutput_dir = \"run\"\ntemplate = \"chat\"\n",
    );
    insta::assert_snapshot!(folder.shown(&["data", "check", "--settings", "train.toml"]));
    assert!(!folder.path("run").exists(), "nothing is begun");
    insta::assert_snapshot!(folder.shown(&["data", "check", "--settings", "train.toml", "--eval"]));
}

#[test]
fn what_training_adds_to_a_task_is_there() {
    let reward = "[verifiers.long]\nplugin = 'length'\noptions = { kind = 'soft-overlong', max_completion_len = 10, soft_punish_cache = 5 }\n";
    let folder = with_tasks("{\"problem\": \"3 5 2→13\"}\n").file("reward.toml", reward);
    let output = folder.run(&["data", "check", "tasks.jsonl", "--model", "model", "--reward", "reward.toml"]);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn the_first_tasks_are_shown_as_the_model_gets_them() {
    let folder = with_tasks(ROWS);
    insta::assert_snapshot!(folder.shown(&[
        "data",
        "head",
        "tasks.jsonl",
        "-n",
        "2",
        "--model",
        "model",
        "--template",
        "chat",
    ]));
}

#[test]
fn lengths_are_drawn_as_text_and_as_a_page() {
    let table: String = (0..120)
        .map(|n| format!("{},{n}\n", "1".repeat(10 + n % 40)))
        .chain([format!("{},0\n", "1".repeat(400))])
        .collect();
    let folder = Folder::new()
        .file("a.csv", format!("question,answer\n{table}"))
        .file("b.csv", "question,answer,id\n1,2,3\n");
    let args = ["data", "stats", "*.csv", "--problem-column", "question", "--reference-column", "answer"];
    insta::assert_snapshot!(folder.shown(&[&args[..], &["--html", "page.html"]].concat()));
    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    for expected in ["<svg", "122 rows", "Lengths in characters", "</html>"] {
        assert!(page.contains(expected), "{expected}");
    }
    let first = folder.run(&[&args[..], &["--json", "--limit", "7"]].concat());
    let found: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(
        (&found["rows"], &found["unit"], &found["lengths"]["least"]),
        (&7.into(), &"characters".into(), &10.into())
    );
}

#[test]
fn what_cannot_be_looked_at_says_why() {
    let conversation = r#"{"prompt": [{"role": "user", "content": "1+1"}]}"#;
    let folder = Folder::new().file("chat.jsonl", conversation).file("empty/notes.md", "");
    insta::assert_snapshot!(
        [
            folder.shown(&["data", "check"]),
            folder.shown(&["data", "head", "chat.jsonl"]),
            folder.shown(&["data", "stats", "missing.jsonl"]),
            folder.shown(&["data", "stats", "empty"]),
            folder.shown(&["data", "stats", "*.parquet"]),
            folder.shown(&["data", "stats", "chat.jsonl", "*.jsonl", "--model", "nowhere/model"]),
        ]
        .join("\n")
    );
}
