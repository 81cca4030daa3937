//! Breaks in every way that a plugin can break.

use std::hint::black_box;

use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};

pub struct Faults;

impl Verifier for Faults {
    type Options = NoOptions;
    const NAME: &str = "faults";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Breaks in every way that a plugin can break.";

    fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        match submission.completion() {
            "panic" => panic!("as asked"),
            "loop" => spin(),
            "bomb" => bomb(),
            "recurse" => drop(recurse(1)),
            _ => {}
        }
        Ok(Verdict::new(1.0))
    }
}

fn spin() {
    let mut number = 1_u64;
    while number != 0 {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005) | 1);
    }
}

fn bomb() {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1_u8; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "that is the fault")]
fn recurse(depth: u64) -> u64 {
    black_box([depth; 16]);
    recurse(black_box(depth + 1)) + 1
}

export!(Faults);
