//! The verdicts of IFEval's own code on real responses, strict and loose; skipped where the shared data is absent.
//!
//! `differences.md` beside this file lists every difference with its reason.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use gavel_plugin::{Submission, judge};
use gavel_plugin_ifeval::IfEval;
use serde_json::{Value, json};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/ifeval");
const DIFFERENCES: &str = include_str!("differences.md");

/// The rows of a file of the shared data; `None` and a line that says so where it is absent.
fn rows(name: &str) -> Option<Vec<Value>> {
    let path = format!("{DATA}/{name}");
    let Ok(lines) = fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {path} is not there");
        }
        return None;
    };
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Whether the response follows the one instruction, strict and loose.
fn follows(id: &Value, kwargs: &Value, response: &str) -> [bool; 2] {
    follows_under("{}", id, kwargs, response)
}

fn follows_under(options: &str, id: &Value, kwargs: &Value, response: &str) -> [bool; 2] {
    let task = json!({"instruction_id_list": [id], "kwargs": [kwargs]});
    let verdict =
        judge::<IfEval>(&Submission::new(response).with_metadata(task.to_string()), options).unwrap();
    let metrics: BTreeMap<_, _> = verdict.metrics.into_iter().collect();
    [metrics["strict"] == 1.0, metrics["loose"] == 1.0]
}

/// Responses by the key of their prompt.
fn responses() -> Option<HashMap<String, String>> {
    let prompts: HashMap<String, String> = rows("input_response_data_gpt4_20231107_145030.jsonl")?
        .iter()
        .map(|row| (text(&row["prompt"]), text(&row["response"])))
        .collect();
    let inputs = rows("input_data.jsonl")?;
    let keyed = inputs.iter().map(|row| (row["key"].to_string(), prompts[&text(&row["prompt"])].clone()));
    Some(keyed.collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Counts agreement over all verdicts, and fails on too little of it or on a difference that is not listed.
fn assert_agreement(name: &str, all: usize, differences: &[String]) {
    let share = 1.0 - differences.len() as f64 / all as f64;
    #[expect(clippy::print_stderr, reason = "the measurement that the README cites")]
    {
        eprintln!("{name}: {} of {all} verdicts differ, agreement {:.2} %", differences.len(), share * 100.0);
    }
    let unlisted: Vec<_> = differences.iter().filter(|line| !DIFFERENCES.contains(line.as_str())).collect();
    assert!(unlisted.is_empty(), "not in differences.md:\n{unlisted:#?}");
    assert!(share >= 0.995, "{name}: agreement is only {:.2} %", share * 100.0);
}

#[test]
fn agrees_with_ifeval_on_the_responses_of_gpt4() {
    let (Some(labels), Some(responses)) = (rows("gpt4_labels.jsonl"), responses()) else { return };
    let (mut all, mut differences) = (0, Vec::new());
    for row in &labels {
        let response = &responses[&row["key"].to_string()];
        let ids = row["instruction_id_list"].as_array().unwrap();
        for (index, id) in ids.iter().enumerate() {
            let expected =
                [&row["strict"][index], &row["loose"][index]].map(|label| label.as_bool().unwrap());
            let found = follows(id, &row["kwargs"][index], response);
            all += 2;
            for (mode, (found, expected)) in ["strict", "loose"].iter().zip(found.iter().zip(expected)) {
                if *found != expected {
                    differences.push(format!("gpt4 {} {} {mode}", row["key"], text(id)));
                }
            }
        }
    }
    assert!(all > 1_600, "the data is cut short");
    assert_agreement("gpt4_labels", all, &differences);
}

#[test]
fn agrees_with_ifeval_on_responses_to_other_prompts() {
    let (Some(checks), Some(responses)) = (rows("cross_checks.jsonl"), responses()) else { return };
    let edges: HashMap<String, String> =
        serde_json::from_str(&fs::read_to_string(format!("{DATA}/edge_responses.json")).unwrap()).unwrap();
    let (mut all, mut differences) = (0, Vec::new());
    for row in &checks {
        let key = &row["response_key"];
        let response = key.as_str().map_or_else(|| &responses[&key.to_string()], |edge| &edges[edge]);
        let found = follows(&row["instruction_id"], &row["kwargs"], response);
        all += 2;
        for (mode, found) in ["strict", "loose"].into_iter().zip(found) {
            if found != row[mode].as_bool().unwrap() {
                let (prompt, id) = (&row["prompt_key"], text(&row["instruction_id"]));
                differences.push(format!("cross {prompt} {id} {} {mode}", key.to_string().trim_matches('"')));
            }
        }
    }
    assert!(all > 5_000, "the data is cut short");
    assert_agreement("cross_checks", all, &differences);
}

/// What GPT-4 wrote is honest work, so the stricter reading of a reader must let nearly all of it pass.
#[test]
fn a_reader_sees_nearly_all_as_ifeval_does() {
    let (Some(labels), Some(responses)) = (rows("gpt4_labels.jsonl"), responses()) else { return };
    let (mut all, mut refused) = (0, Vec::new());
    for row in &labels {
        let response = &responses[&row["key"].to_string()];
        for (index, id) in row["instruction_id_list"].as_array().unwrap().iter().enumerate() {
            let kwargs = &row["kwargs"][index];
            if follows(id, kwargs, response)[0] {
                all += 1;
                if !follows_under(r#"{"as_read": true}"#, id, kwargs, response)[0] {
                    refused.push(format!("{} {}", row["key"], text(id)));
                }
            }
        }
    }
    #[expect(clippy::print_stderr, reason = "the measurement that the README cites")]
    {
        eprintln!("as_read refuses {} of {all} that are followed: {refused:#?}", refused.len());
    }
    assert!(all > 600 && 100 * refused.len() <= all, "{} of {all} refused", refused.len());
}
