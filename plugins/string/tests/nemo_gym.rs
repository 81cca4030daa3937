//! NeMo Gym's scored rollouts of its string_match server; skipped where the shared data is absent.

use std::fs;

use gavel_plugin::{Submission, judge};
use gavel_plugin_string::StringMatch;
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/nemo_gym_fixtures");

/// The rollouts do not say how the answer was extracted, so the task of the same question does.
#[test]
fn scores_rollouts_as_nemo_gym_does() {
    let (Some(tasks), Some(rollouts)) =
        (rows("string_match.example.jsonl"), rows("string_match.example_rollouts.jsonl"))
    else {
        return;
    };
    assert_eq!(rollouts.len(), 5);
    for rollout in &rollouts {
        let task =
            tasks.iter().find(|task| question(task) == question(rollout)).expect("a task for each rollout");
        let order = match task["extraction_mode"].as_str().unwrap() {
            "boxed" => r#"["boxed"]"#,
            "final_answer" => r#"["final-answer", "boxed"]"#,
            "last_line" => r#"["last-line"]"#,
            other => panic!("an extraction mode that the README does not name: {other}"),
        };
        let completion = rollout["response"]["output"][0]["content"][0]["text"].as_str().unwrap();
        let submission =
            Submission::new(completion).with_reference(task["expected_answer"].as_str().unwrap());
        let verdict = judge::<StringMatch>(&submission, &format!(r#"{{"order": {order}}}"#)).unwrap();
        assert_eq!(Some(verdict.reward), rollout["reward"].as_f64(), "{completion}: {verdict:?}");
        let wrong = Submission::new(completion).with_reference("Atlantis");
        let verdict = judge::<StringMatch>(&wrong, &format!(r#"{{"order": {order}}}"#)).unwrap();
        assert_eq!(verdict.reward, 0.0, "{completion}: {verdict:?}");
    }
}

fn question(row: &Value) -> &str {
    row["responses_create_params"]["input"][0]["content"][0]["text"].as_str().unwrap()
}

fn rows(file: &str) -> Option<Vec<Value>> {
    let path = format!("{DATA}/{file}");
    let Ok(lines) = fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {path} is not there");
        }
        return None;
    };
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
