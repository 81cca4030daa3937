//! Judges a final answer against a reference: finds it, reads it, compares it exactly.
//!
//! The three steps are apart, each in a module of its own: [`extract`] cuts the answer out of a text, [`parse`] reads
//! it (by way of [`token`]), [`mod@compare`] says whether two of them are equal and how that was decided.

pub mod compare;
pub mod extract;
pub mod parse;
pub mod token;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};
use serde::Deserialize;

use compare::compare;
use extract::{DEFAULT_ORDER, Mode};
use parse::Answer;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where to look for the final answer. The first place that has one counts.
    pub order: Vec<Mode>,
}

impl Default for Options {
    fn default() -> Self {
        Self { order: DEFAULT_ORDER.to_vec() }
    }
}

/// The `math` verifier.
#[derive(Debug)]
pub struct Math;

impl Verifier for Math {
    type Options = Options;
    const NAME: &str = "math";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The final answer equals the reference: numbers exactly, other answers as written.";
    const METRICS: &[&str] = &["has_answer", "is_number", "correct"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        if options.order.is_empty() {
            return Err(Error::InvalidOptions("order: names no place to look for the answer".to_owned()));
        }
        let reference = extract::reference(submission.reference()?);
        if reference.is_empty() {
            return Err(Error::InvalidTask("reference: is empty".to_owned()));
        }
        Ok(match extract::answer(submission.completion(), &options.order) {
            Some((answer, mode)) => judge_answer(answer, mode, reference),
            None => no_answer(&options.order),
        })
    }
}

export!(Math);

fn judge_answer(found: &str, mode: Mode, reference: &str) -> Verdict {
    let answer = Answer::read(found);
    let comparison = compare(&answer, &Answer::read(reference));
    let reason = format!("{} (from {mode}) {comparison} {}", excerpt(found), excerpt(reference));
    verdict(true, matches!(answer, Answer::Number(_)), comparison.equal(), reason)
}

fn no_answer(order: &[Mode]) -> Verdict {
    let places: Vec<String> = order.iter().map(Mode::to_string).collect();
    verdict(false, false, false, format!("no answer in any of: {}", places.join(", ")))
}

fn verdict(has_answer: bool, is_number: bool, correct: bool, reason: String) -> Verdict {
    Verdict::right_if(correct)
        .because(reason)
        .metric("has_answer", has_answer)
        .metric("is_number", is_number)
        .metric("correct", correct)
}
