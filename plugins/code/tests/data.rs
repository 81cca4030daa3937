//! HumanEval, sanitized MBPP, and 1,325 programs with what CPython 3.11 made of them. Skipped where the shared data
//! or python3 is absent. By default every tenth row is judged; with `GAVEL_CODE_ALL=1` all of them.

mod cpython;

use std::fs;

use cpython::python_is_there;
use gavel_plugin::interpreter;
use gavel_plugin::{Error, Submission, Verdict, judge};
use gavel_plugin_code::Code;
use serde_json::{Value, json};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

fn text(file: &str) -> Option<String> {
    let path = format!("{DATA}/{file}");
    match fs::read_to_string(&path) {
        Ok(text) if python_is_there() => Some(text),
        Ok(_) => None,
        Err(_) => {
            #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
            {
                eprintln!("skipped: {path} is not there");
            }
            None
        }
    }
}

/// Judges with `python3` as the interpreter.
fn judged(submission: &Submission, options: &str) -> Result<Verdict, Error> {
    interpreter::with(cpython::run, || judge::<Code>(submission, options))
}

fn sample<T>(rows: Vec<T>) -> Vec<T> {
    let step = if std::env::var_os("GAVEL_CODE_ALL").is_some() { 1 } else { 10 };
    rows.into_iter().step_by(step).collect()
}

fn metric(verdict: &Verdict, name: &str) -> f64 {
    verdict.metrics.iter().find(|(metric, _)| metric == name).map_or(f64::NAN, |&(_, value)| value)
}

/// How the verdicts came about: read in Rust, in rounds, guarded.
#[derive(Default)]
struct Ways([usize; 3]);

impl Ways {
    fn count(&mut self, verdict: &Verdict) {
        let way = match (metric(verdict, "guarded") > 0.0, metric(verdict, "rounds") > 0.0) {
            (true, _) => 2,
            (_, true) => 1,
            _ => 0,
        };
        self.0[way] += 1;
    }

    #[expect(clippy::print_stderr, reason = "a test says what it measured")]
    fn print(&self, what: &str) {
        let [here, rounds, guarded] = self.0;
        eprintln!("{what}: {here} read here, {rounds} in rounds, {guarded} guarded");
    }
}

#[test]
fn every_humaneval_solution_passes_as_a_continuation_and_as_a_block() {
    let Some(lines) = text("humaneval/HumanEval.jsonl") else { return };
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 164);
    let (mut wrong, mut ways) = (Vec::new(), Ways::default());
    for row in sample(rows) {
        let field = |name: &str| row[name].as_str().unwrap();
        let (prompt, solution) = (field("prompt"), field("canonical_solution"));
        let block = format!("Here you are:\n```python\n{prompt}{solution}```\nDone.");
        for completion in [solution, &block] {
            let submission = Submission::new(completion).with_prompt(prompt).with_metadata(row.to_string());
            let verdict = judged(&submission, r#"{"dataset": "humaneval"}"#).unwrap();
            ways.count(&verdict);
            if verdict.reward != 1.0 {
                wrong.push(format!("{}: {:?}", row["task_id"], verdict.reason));
            }
        }
    }
    ways.print("HumanEval");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_sanitized_mbpp_solution_passes() {
    let Some(rows) = text("mbpp/sanitized-mbpp.json") else { return };
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.len(), 427);
    let (mut wrong, mut ways) = (Vec::new(), Ways::default());
    for row in sample(rows) {
        let completion = format!("```python\n{}\n```", row["code"].as_str().unwrap());
        let submission = Submission::new(completion).with_metadata(row.to_string());
        let verdict = judged(&submission, "{}").unwrap();
        ways.count(&verdict);
        if verdict.reward != 1.0 {
            wrong.push(format!("{}: {:?}", row["task_id"], verdict.reason));
        }
    }
    ways.print("MBPP");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_are_judged_as_cpython_does_and_no_cheat_is_rewarded() {
    let Some(lines) = text("code_cases/cases.jsonl") else { return };
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1_325);
    let is_cheat = |row: &Value| row["variant"].as_str().unwrap().starts_with("adversarial");
    let (cheats, honest): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_cheat);
    let mut ways = Ways::default();
    let mut verdict = |row: &Value| {
        let reference = json!({"type": "assert", "tests": row["tests"]}).to_string();
        let completion = format!("```python\n{}\n```", row["program"].as_str().unwrap());
        let verdict = judged(&Submission::new(completion).with_reference(reference), "{}").unwrap();
        ways.count(&verdict);
        verdict
    };
    let mut wrong = Vec::new();
    for row in cheats {
        let verdict = verdict(&row);
        if verdict.reward != 0.0 {
            wrong.push(format!("{} is rewarded: {:?}", row["id"], verdict.reason));
        }
    }
    for row in sample(honest) {
        let verdict = verdict(&row);
        if (verdict.reward == 1.0) != row["cpython_passed"].as_bool().unwrap() {
            wrong.push(format!("{} ({}): {:?}", row["id"], row["outcome"], verdict.reason));
        }
    }
    ways.print("code_cases");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
