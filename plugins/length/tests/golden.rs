//! Rewards agree with what `golden.py` computed from the papers' formulas.

use gavel_plugin::{Submission, judge};
use gavel_plugin_length::Length;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Row {
    options: Value,
    metadata: Value,
    completion: String,
    reward: f64,
}

#[test]
fn agrees_with_the_formulas_of_the_papers() {
    let lines: Vec<&str> = include_str!("golden.jsonl").lines().collect();
    assert!(lines.len() > 100, "the golden values are cut short");
    for line in lines {
        let row: Row = serde_json::from_str(line).unwrap();
        let submission = Submission::new(&row.completion).with_metadata(row.metadata.to_string());
        let verdict = judge::<Length>(&submission, &row.options.to_string()).unwrap();
        assert!((verdict.reward - row.reward).abs() < 1e-12, "{line}: {verdict:?}");
    }
}
