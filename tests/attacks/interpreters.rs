//! The interpreters of `plugins/interpreters`: what programs find there, as their `cases.jsonl` say.

use std::fs;
use std::path::Path;

use gavel_host::{Interpreter, Limits, ProgramLimits};
use gavel_verify::{Submission, Verdict, Verifier};
use serde_json::Value;

use crate::world::{host, runner, with_stack};

#[test]
fn python_programs_find_what_its_cases_say() {
    check("python");
}

#[test]
fn javascript_programs_find_what_its_cases_say() {
    check("javascript");
}

/// Runs every case of an interpreter, where that has been built.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn check(language: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/interpreters").join(language);
    let component = folder.join(language).with_extension("wasm");
    if !component.exists() {
        println!("skipped: the cases of {language}, which `cargo xtask plugins` has not built");
        return;
    }
    let interpreter = host().load_interpreter_file(&component).unwrap();
    let cases = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let cases: Vec<Value> = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() >= 40, "{language} has lost its cases");
    let wrong: Vec<String> = cases.iter().filter_map(|case| difference(&interpreter, case)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Where a program ends or prints otherwise than its case says.
fn difference(interpreter: &Interpreter, case: &Value) -> Option<String> {
    let said = run(interpreter, case);
    let expect = &case["expect"];
    let text = |name: &str| expect[name].as_str();
    let ending = match (text("ending").unwrap(), expect["code"].as_u64()) {
        // Behind the interpreter's back, WASI 0.2 tells a host only whether it was 0.
        ("exit-status", _) => "exited ".to_owned(),
        (ending, Some(code)) => format!("{ending} {code} "),
        (ending, None) => ending.to_owned(),
    };
    let (_, output) = said.split_once(" stdout=").unwrap();
    let (stdout, stderr) = output.split_once(" stderr=").unwrap();
    let right = said.starts_with(&ending)
        && text("stdout").is_none_or(|wanted| stdout == format!("{wanted:?}"))
        && text("stderr_contains").is_none_or(|part| stderr.contains(&escaped(part)))
        && text("stderr_lacks").is_none_or(|part| !stderr.contains(&escaped(part)));
    (!right).then(|| format!("{}: {said}", case["name"]))
}

/// Runs the case's program with the runner of the guests, which says how it ended.
fn run(interpreter: &Interpreter, case: &Value) -> String {
    let number = |name: &str, default: u64| case[name].as_u64().unwrap_or(default);
    let settings = [
        format!("language={}", interpreter.language().name),
        format!("fuel={}", number("fuel", 5_000_000_000)),
        format!("memory={}", number("memory", 256 << 20)),
        "whole=true".to_owned(),
    ];
    let programs = ProgramLimits { memory: 1 << 30, ..ProgramLimits::default() };
    let limits = Limits { output: 16 << 20, programs, ..Limits::default() };
    let granted = runner().clone().grant([interpreter.clone()].into_iter().collect());
    let verifier = granted.verifier("{}", &limits).unwrap();
    let submission = Submission {
        completion: format!("{}\n\n{}", settings.join("\n"), case["source"].as_str().unwrap()),
        reference: case["stdin"].as_str().map(str::to_owned),
        ..Submission::default()
    };
    match with_stack(|| verifier.verify(&submission)).result {
        Ok(Verdict { reason: Some(said), .. }) => said,
        other => panic!("{}: {other:?}", case["name"]),
    }
}

/// A text as the runner shows it, without the quotation marks.
fn escaped(text: &str) -> String {
    let shown = format!("{text:?}");
    shown[1..shown.len() - 1].to_owned()
}
