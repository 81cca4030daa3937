//! GSM8K: every reference solution is right, every near-miss wrong, and the authors' labels of 2,638 real model
//! solutions hold. Skipped where the shared data is absent.

use std::fs;

use gavel_plugin::{Submission, Verdict, judge};
use gavel_plugin_math::Math;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/gsm8k");

#[derive(Deserialize)]
struct Task {
    answer: String,
}

#[derive(Deserialize)]
struct Solution {
    id: String,
    gold: String,
    completion: String,
    label: bool,
}

#[test]
fn every_reference_solution_is_right() {
    let Some(tasks) = rows::<Task>("test.jsonl") else { return };
    assert_eq!(tasks.len(), 1_319);
    for Task { answer: solution } in &tasks {
        let (_, answer) = solution.rsplit_once("#### ").unwrap();
        assert_right(solution, answer);
        // The reference may also be the whole solution, as the dataset has it.
        assert_right(answer, solution);
        let plain = answer.replace(',', "");
        for completion in [
            format!(r"Hence it is \boxed{{{plain}}}."),
            format!("<think>8 or 9?</think><answer>{answer}</answer>"),
            format!("It takes 3 steps. The answer is ${plain}.00."),
            format!("**Final answer:** {answer} apples"),
        ] {
            assert_right(&completion, answer);
        }
    }
}

#[test]
fn every_near_miss_is_wrong() {
    let Some(tasks) = rows::<Task>("test.jsonl") else { return };
    for Task { answer: solution } in &tasks {
        let (working, answer) = solution.rsplit_once("#### ").unwrap();
        let value: i64 = answer.replace(',', "").parse().unwrap();
        for wrong in [value + 1, value - 1, value * 10 + 1, -value - 1] {
            assert_wrong(&format!("{working}#### {wrong}"), answer);
            assert_wrong(&format!(r"\boxed{{{wrong}}}"), answer);
        }
        for wrong in [format!("{value}.5"), format!("{value} or {}", value + 1), format!("{value}/7 x")] {
            assert_wrong(&format!("<answer>{wrong}</answer>"), answer);
        }
    }
}

#[test]
fn real_solutions_are_judged_as_their_authors_did() {
    let Some(solutions) = rows::<Solution>("model_solutions.jsonl") else { return };
    assert_eq!(solutions.len(), 2_638);
    let disagreements: Vec<String> = solutions
        .iter()
        .filter(|solution| is_right(&verdict(&solution.completion, &solution.gold)) != solution.label)
        .map(|solution| {
            format!("{}: {:?}", solution.id, verdict(&solution.completion, &solution.gold).reason)
        })
        .collect();
    assert!(disagreements.is_empty(), "{} disagree:\n{}", disagreements.len(), disagreements.join("\n"));
}

fn rows<T: DeserializeOwned>(file: &str) -> Option<Vec<T>> {
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

fn verdict(completion: &str, reference: &str) -> Verdict {
    judge::<Math>(&Submission::new(completion).with_reference(reference), r#"{"preset": "gsm8k"}"#).unwrap()
}

fn is_right(verdict: &Verdict) -> bool {
    verdict.reward == 1.0
}

fn assert_right(completion: &str, reference: &str) {
    let verdict = verdict(completion, reference);
    assert!(is_right(&verdict), "{completion:?} for {reference:?}: {:?}", verdict.reason);
}

fn assert_wrong(completion: &str, reference: &str) {
    let verdict = verdict(completion, reference);
    assert!(!is_right(&verdict), "{completion:?} for {reference:?}: {:?}", verdict.reason);
}
