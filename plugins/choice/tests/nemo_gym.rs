//! NeMo Gym's scored rollouts of its mcqa server; skipped where the shared data is absent.

use std::fs;

use gavel_plugin::{Submission, judge};
use gavel_plugin_choice::Choice;
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/nemo_gym_fixtures");

/// `strict_single_letter_boxed`, the grading mode of all of them.
const STRICT: &str = r#"{"order": ["boxed"], "strict": true}"#;

#[test]
fn scores_rollouts_as_nemo_gym_does() {
    let Some(rollouts) = rows("mcqa.example_rollouts.jsonl") else { return };
    assert_eq!(rollouts.len(), 5);
    for rollout in &rollouts {
        assert_eq!(Some(reward(rollout, STRICT)), rollout["reward"].as_f64(), "{}", completion(rollout));
    }
}

/// One rollout writes the text of the right choice beside its letter, which that mode does not take.
#[test]
fn takes_a_letter_with_its_text_where_it_may() {
    let Some(rollouts) = rows("mcqa.example_rollouts.jsonl") else { return };
    let right = rollouts.iter().filter(|rollout| reward(rollout, "{}") == 1.0).count();
    let there = rollouts.iter().filter(|rollout| rollout["reward"] == 1.0).count();
    assert_eq!((right, there), (4, 3));
}

#[test]
fn every_task_knows_its_choices() {
    let Some(tasks) = rows("mcqa.example.jsonl") else { return };
    assert_eq!(tasks.len(), 5);
    for task in &tasks {
        let answer = task["expected_answer"].as_str().unwrap();
        for choice in task["options"].as_array().unwrap() {
            let (letter, text) = choice.as_object().unwrap().iter().next().unwrap();
            let wanted = f64::from(letter == answer);
            let text = text.as_str().unwrap();
            for completion in [
                format!("\\boxed{{{letter}}}"),
                format!("The answer is ({letter}) {text}"),
                format!("\\boxed{{\\text{{{text}}}}}"),
                format!("**{letter}. {text}**\n\nThe others are not."),
            ] {
                let submission =
                    Submission::new(&completion).with_reference(answer).with_metadata(task.to_string());
                let verdict = judge::<Choice>(&submission, "{}").unwrap();
                assert_eq!(verdict.reward, wanted, "{completion}: {verdict:?}");
            }
        }
    }
}

/// The rollouts do not carry their choices; the prompts have ten each.
fn reward(rollout: &Value, options: &str) -> f64 {
    let options = options.replacen('{', r#"{"letters": "A-J", "#, 1).replace(", }", "}");
    let submission = Submission::new(completion(rollout))
        .with_prompt(rollout["responses_create_params"]["input"][0]["content"].as_str().unwrap())
        .with_reference(rollout["expected_answer"].as_str().unwrap());
    judge::<Choice>(&submission, &options).unwrap().reward
}

fn completion(rollout: &Value) -> &str {
    rollout["response"]["output"][0]["content"][0]["text"].as_str().unwrap()
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
