//! About 900 answers of 27 kinds with known truth, cheats included; skipped where the shared data is absent.

use std::fs;

use gavel_plugin::{Submission, judge};
use gavel_plugin_countdown::Countdown;
use serde::Deserialize;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/countdown/cases.jsonl");

#[derive(Deserialize)]
struct Row {
    id: u64,
    kind: String,
    response: String,
    correct: bool,
}

#[test]
fn agrees_with_the_truth_on_every_answer() {
    let Ok(lines) = fs::read_to_string(DATA) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {DATA} is not there");
        }
        return;
    };
    let wrong: Vec<String> = lines.lines().filter_map(disagreement).collect();
    assert!(lines.lines().count() > 800, "the data is cut short");
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n"));
}

/// The row has the columns `numbers` and `target`, so it is the metadata as it stands.
fn disagreement(line: &str) -> Option<String> {
    let row: Row = serde_json::from_str(line).unwrap();
    let verdict = judge::<Countdown>(&Submission::new(&row.response).with_metadata(line), "{}").unwrap();
    let agrees = (verdict.reward == 1.0) == row.correct;
    (!agrees).then(|| format!("{} ({}): truth {}, {:?}", row.id, row.kind, row.correct, verdict.reason))
}
