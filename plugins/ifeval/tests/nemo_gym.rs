//! NeMo Gym's own verdicts on rollouts of its instruction-following server; skipped where the shared data is absent.
//!
//! Its tasks mix IFEval's kinds with others, which this plugin refuses; so each instruction is judged alone.

use std::fs;

use gavel_plugin::{Error, Submission, judge};
use gavel_plugin_ifeval::IfEval;
use serde_json::{Value, json};

const DATA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/nemo_gym_fixtures/instruction_following.example_rollouts.jsonl"
);

#[test]
fn agrees_with_nemo_gym_on_the_kinds_of_ifeval() {
    let Ok(lines) = fs::read_to_string(DATA) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {DATA} is not there");
        }
        return;
    };
    let (mut judged, mut refused) = (0, 0);
    for row in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let response = row["response"]["output"][0]["content"][0]["text"].as_str().unwrap();
        for (index, id) in row["instruction_id_list"].as_array().unwrap().iter().enumerate() {
            let task = json!({"instruction_id_list": [id], "kwargs": [row["kwargs"][index]]});
            match judge::<IfEval>(&Submission::new(response).with_metadata(task.to_string()), "{}") {
                Ok(verdict) => {
                    let followed = row["follow_instruction_list"][index].as_bool().unwrap();
                    assert_eq!(verdict.reward == 1.0, followed, "{id}: {:?}", verdict.reason);
                    judged += 1;
                }
                Err(Error::InvalidTask(reason)) => {
                    assert!(reason.contains(id.as_str().unwrap()), "{reason}");
                    refused += 1;
                }
                Err(error) => panic!("{id}: {error:?}"),
            }
        }
    }
    assert!(judged >= 5, "only {judged} judged, {refused} refused");
}
