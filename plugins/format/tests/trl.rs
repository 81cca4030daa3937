//! TRL's own tests of `think_format_reward`; skipped where the shared data is absent.

use std::fs;

use gavel_plugin::{Submission, judge};
use gavel_plugin_format::Format;
use serde_json::Value;

const DATA: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/format_tests/trl_rewards.jsonl");

#[test]
fn a_think_block_before_text_is_what_trl_rewards() {
    let Ok(lines) = fs::read_to_string(DATA) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {DATA} is not there");
        }
        return;
    };
    let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut judged = 0;
    for row in rows.filter(|row| row["reward"] == "think_format_reward") {
        let rewards = row["expected_rewards"].as_array().unwrap();
        for (completion, reward) in row["completions"].as_array().unwrap().iter().zip(rewards) {
            let completion = completion.as_str().unwrap();
            let options = r#"{"template": ["think", "*"], "allow_whitespace": false}"#;
            let verdict = judge::<Format>(&Submission::new(completion), options).unwrap();
            assert_eq!(Some(verdict.reward), reward.as_f64(), "{completion:?}: {:?}", verdict.reason);
            judged += 1;
        }
    }
    assert!(judged >= 18, "only {judged} completions");
}
