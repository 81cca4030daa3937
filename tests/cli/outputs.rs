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
    assert!(folder.path("zipped.record.json").exists() && folder.path("rows.record.json").exists());
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
