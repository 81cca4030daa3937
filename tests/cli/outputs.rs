//! What `gavel score -o` writes, by the end of the name.

use std::fs::File;
use std::io::Read as _;

use serde_json::{Value, json};

use crate::gavel::Folder;

const FORMAT: &str = "[verifiers.form]\nplugin = 'format'\non_failure = 0\n";

fn rows() -> String {
    let rows = [
        json!({"prompt": [{"role": "user", "content": "why?"}], "completion": "<think>so</think><answer>1</answer>", "id": 1, "level": 1.5, "hard": false}),
        json!({"prompt": "why?", "completion": "no", "id": 2, "level": 0.5, "hard": true}),
    ];
    rows.map(|row| format!("{row}\n")).concat()
}

/// The lines without what a missing column is as Parquet, and without how numbers are written.
fn values(text: &str) -> Vec<Value> {
    let line = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        row
    };
    text.lines().map(line).collect()
}

#[test]
fn what_is_scored_is_the_same_in_every_form() {
    let folder = Folder::with_reward(FORMAT).file("rows.jsonl", rows());
    let score = |output: &str| {
        let run = folder.run(&["score", "-r", "reward.toml", "--no-timing", "rows.jsonl", "-o", output]);
        assert!(run.status.success(), "{output}: {}", String::from_utf8_lossy(&run.stderr));
    };
    score("plain.jsonl");
    let plain = folder.read("plain.jsonl");
    assert_eq!(plain.lines().count(), 2);
    score("zipped.jsonl.gz");
    let mut unzipped = String::new();
    flate2::read::GzDecoder::new(File::open(folder.path("zipped.jsonl.gz")).unwrap())
        .read_to_string(&mut unzipped)
        .unwrap();
    assert_eq!(unzipped, plain);
    score("packed.jsonl.zst");
    score("rows.parquet");
    // What was written is read, scored again, and proven.
    for name in ["zipped.jsonl.gz", "packed.jsonl.zst", "rows.parquet"] {
        let again = folder.run(&["score", "-r", "reward.toml", "--no-timing", name]);
        assert_eq!(values(&String::from_utf8(again.stdout).unwrap()), values(&plain), "{name}");
        let proven = folder.run(&["rescore", name]);
        assert!(proven.status.success(), "{name}: {}", String::from_utf8_lossy(&proven.stdout));
    }
    let records = ["zipped.jsonl.gz.record.json", "packed.jsonl.zst.record.json", "rows.parquet.record.json"];
    assert!(records.iter().all(|name| folder.path(name).exists()));
}

#[test]
fn a_refused_input_costs_nobody_the_scores_of_an_earlier_run() {
    let folder = Folder::with_reward(FORMAT).file("rows.jsonl", rows());
    for name in ["out.jsonl", "out.jsonl.gz", "out.parquet"] {
        let score = |more: &[&str]| {
            folder.run(&[["score", "-r", "reward.toml", "rows.jsonl", "-o", name].as_slice(), more].concat())
        };
        assert!(score(&[]).status.success());
        let read = || {
            let record = if name == "out.jsonl" {
                "out.record.json".to_owned()
            } else {
                format!("{name}.record.json")
            };
            [name, &record].map(|name| std::fs::read(folder.path(name)).unwrap())
        };
        let before = read();
        assert_eq!(score(&["--completion-column", "complete"]).status.code(), Some(1));
        assert!(read() == before, "{name}");
        // What is judged again is written anew, with nothing of before behind it.
        assert!(score(&["--no-timing", "--shard", "1/2"]).status.success());
        assert!(read() != before, "{name}");
        assert!(folder.run(&["rescore", name]).status.success(), "{name}");
    }
}

#[test]
fn what_goes_with_a_plugin_is_refused_beside_a_reward_file() {
    let folder = Folder::with_reward(FORMAT).file("rows.jsonl", rows());
    for flag in [["--options", "{}"], ["--grant", "interpreter"]] {
        for command in [["score", "rows.jsonl"].as_slice(), &["audit", "rows.jsonl", "--label", "human"]] {
            let output = folder.run(&[command, &["-r", "reward.toml"], &flag].concat());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains("cannot be used with") && stderr.contains(flag[0]), "{stderr}");
        }
    }
}

#[test]
fn what_nothing_writes_and_what_cannot_go_on_is_refused() {
    let folder = Folder::with_reward(FORMAT).file("rows.jsonl", rows());
    for (flags, expected) in [
        (&["-o", "x.bz2"][..], "would not be compressed"),
        (&["-o", "x.csv"], "would hold JSON Lines"),
        (&["-o", "x.parquet", "--resume"], "--resume goes on behind the last whole line"),
        (&["-o", "x.gz", "--resume"], "--resume goes on behind the last whole line"),
    ] {
        let run = folder.run(&[&["score", "-r", "reward.toml", "rows.jsonl"], flags].concat());
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
