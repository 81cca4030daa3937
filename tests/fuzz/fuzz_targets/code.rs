//! The code verifier on any completion, with any tests, and with whatever an interpreter answers: it comes to an end
//! and never panics, and no expected value is in a text that runs with the program.

#![no_main]

use std::cell::Cell;

use gavel_plugin::interpreter::{self, Ending, Outcome, Program};
use gavel_plugin::{Submission, judge};
use gavel_plugin_code::Code;
use libfuzzer_sys::fuzz_target;

/// An expected value that nothing else is.
const EXPECTED: &str = "830946172";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\0');
    let [completion, tests, answer] = [(); 3].map(|()| parts.next().unwrap_or_default());

    // Tests from the fuzzer.
    for kind in ["assert", "stdin", "function"] {
        let reference = format!(r#"{{"type": "{kind}", {tests}}}"#);
        assess(completion, &reference, answer, |_| {});
    }
    assess(completion, tests, answer, |_| {});

    // Tests whose expected value must stay outside.
    if completion.contains(EXPECTED) || answer.contains(EXPECTED) {
        return;
    }
    let entry = format!(r#"{{"type": "assert", "entry_point": "f", "tests": "assert f(1) == {EXPECTED}"}}"#);
    let function = format!(
        r#"{{"type": "function", "fn_name": "f", "cases": [{{"args": [1], "expected": {EXPECTED}}}]}}"#
    );
    let stdin = format!(r#"{{"type": "stdin", "cases": [{{"input": "1", "output": "{EXPECTED}"}}]}}"#);
    for reference in [entry, function, stdin] {
        assess(completion, &reference, answer, |program| {
            assert!(!program.source.contains(EXPECTED), "the program could read what is expected of it");
            assert!(!String::from_utf8_lossy(&program.stdin).contains(EXPECTED));
        });
    }
});

/// Judges with an interpreter that answers what the fuzzer says.
fn assess(completion: &str, reference: &str, answer: &str, look: fn(&Program)) {
    let (runs, answer) = (Cell::new(0), answer.to_owned());
    let pretend = move |program: &Program| {
        look(program);
        runs.set(runs.get() + 1);
        assert!(runs.get() < 100, "it never has enough");
        let ending = match answer.len() % 4 {
            0 => Ending::Raised,
            1 => Ending::OutOfFuel,
            _ => Ending::Exited(0),
        };
        Outcome { ending, stdout: answer.as_bytes().to_vec(), stderr: Vec::new() }
    };
    let submission = Submission::new(completion).with_reference(reference);
    let verdict = interpreter::with(pretend, || judge::<Code>(&submission, "{}"));
    if let Ok(verdict) = verdict {
        assert!((0.0..=1.0).contains(&verdict.reward), "{verdict:?}");
    }
}
