//! The plugin's cases, natively with python3; `gavel plugin test` runs the same in the sandbox.

mod cpython;

use gavel_plugin::interpreter::{self, Ending, Outcome, Program};
use gavel_plugin::{Error, Submission, Verifier, cases, judge};
use gavel_plugin_code::Code;

#[test]
fn every_case_goes_as_expected() {
    if !cpython::python_is_there() {
        return;
    }
    // A process for each program: side by side, or the processors would mostly wait.
    let judged = std::thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| {
            let lines: Vec<&str> = include_str!("../cases.jsonl")
                .lines()
                .enumerate()
                // Those of the other threads are blank, so that every case keeps the number of its line.
                .map(|(number, line)| if number % 4 == thread { line } else { "" })
                .collect();
            scope.spawn(move || interpreter::with(cpython::run, || cases::check::<Code>(&lines.join("\n"))))
        });
        threads.map(|thread| thread.join().unwrap())
    });
    let failed: Vec<String> =
        judged.iter().filter_map(|judged| Some(judged.as_ref().err()?.to_string())).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let count: usize = judged.iter().flatten().sum();
    assert!(count >= 600, "only {count} cases");
}

#[test]
fn without_an_interpreter_there_is_no_verdict_but_a_word_on_what_to_grant() {
    let submission = Submission::new("print(1)")
        .with_reference(r#"{"type": "stdin", "cases": [{"input": "", "output": "1"}]}"#);
    let Err(Error::Internal(reason)) = judge::<Code>(&submission, "{}") else {
        panic!("a program was judged that did not run");
    };
    assert!(reason.contains(r#"grant = ["interpreter"]"#), "{reason}");
}

#[test]
fn programs_that_are_no_longer_run_make_no_verdict() {
    let once = std::cell::Cell::new(true);
    let interpreter = move |_: &Program| {
        let ending =
            if once.replace(false) { Ending::Exited(0) } else { Ending::Unavailable("enough".to_owned()) };
        Outcome { ending, stdout: b"1".to_vec(), stderr: Vec::new() }
    };
    let submission = Submission::new("print(1)").with_reference(
        r#"{"type": "stdin", "cases": [{"input": "", "output": "1"}, {"input": "", "output": "1"}]}"#,
    );
    let answer = interpreter::with(interpreter, || judge::<Code>(&submission, "{}"));
    assert!(matches!(answer, Err(Error::Abstain(_))), "{answer:?}");
}

#[test]
fn limits_are_wrong_answers_that_are_told() {
    for (ending, told) in [
        (Ending::OutOfFuel, "ran out of fuel"),
        (Ending::Deadline, "ran past its deadline"),
        (Ending::OutOfMemory, "ran out of memory"),
        (Ending::OutputTooLarge, "printed too much"),
        (Ending::Trapped("stack".to_owned()), "trapped: stack"),
    ] {
        let interpreter =
            move |_: &Program| Outcome { ending: ending.clone(), stdout: b"1".to_vec(), stderr: Vec::new() };
        for reference in [
            r#"{"type": "stdin", "cases": [{"input": "", "output": "1"}]}"#,
            r#"{"type": "function", "fn_name": "f", "cases": [{"args": [], "expected": 1}]}"#,
            r#"{"type": "assert", "tests": "assert f() == 1"}"#,
        ] {
            let submission = Submission::new("def f(): pass").with_reference(reference);
            let verdict =
                interpreter::with(interpreter.clone(), || judge::<Code>(&submission, "{}")).unwrap();
            assert_eq!(verdict.reward, 0.0);
            assert!(verdict.reason.as_ref().unwrap().contains(told), "{verdict:?}");
            assert!(verdict.metrics.contains(&("limited".to_owned(), 1.0)), "{verdict:?}");
        }
    }
}

#[test]
fn no_program_sees_what_is_expected() {
    let interpreter = |program: &Program| {
        assert!(
            !program.source.contains("314159") && !program.source.contains("0x4cb2f"),
            "{}",
            program.source
        );
        assert!(!String::from_utf8_lossy(&program.stdin).contains("314159"));
        Outcome { ending: Ending::Exited(0), stdout: Vec::new(), stderr: Vec::new() }
    };
    for reference in [
        r#"{"type": "stdin", "cases": [{"input": "2", "output": "314159"}]}"#,
        r#"{"type": "function", "fn_name": "f", "cases": [{"args": [2], "expected": 314159}]}"#,
        r#"{"type": "assert", "tests": "assert f(2) == 314159\nassert abs(f(3) - 314159) < 1"}"#,
    ] {
        let submission = Submission::new("def f(x): return x").with_reference(reference);
        let verdict = interpreter::with(interpreter, || judge::<Code>(&submission, "{}")).unwrap();
        assert_eq!(verdict.reward, 0.0);
    }
}

#[test]
fn the_options_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(Code::OPTIONS_SCHEMA).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}
