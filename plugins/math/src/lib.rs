//! Judges a final answer against a reference: finds it, reads it, compares it.
//!
//! The steps are apart, each in a module of its own: [`extract`] cuts the answer out of a text, [`token`] and [`parse`]
//! read it to an [`expr::Expr`], [`mod@compare`] says whether two of them are equal and how that was decided, with the
//! help of [`algebra`] (exact values), [`numeric`] (high precision at several points) and [`units`].

pub mod algebra;
pub mod compare;
pub mod expr;
pub mod extract;
pub mod numeric;
pub mod options;
pub mod parse;
pub mod reading;
pub mod token;
pub mod units;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};

use compare::compare;
use extract::Mode;
pub use options::Options;

/// The `math` verifier.
#[derive(Debug)]
pub struct Math;

impl Verifier for Math {
    type Options = Options;
    const NAME: &str = "math";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "The final answer equals the reference: numbers, formulas, sets, equations, units, texts.";
    const METRICS: &[&str] = &["has_answer", "is_number", "correct"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let order = options.order();
        if order.is_empty() {
            return Err(Error::InvalidOptions("order: names no place to look for the answer".to_owned()));
        }
        let reference = extract::reference(submission.reference()?);
        if reference.is_empty() {
            return Err(Error::InvalidTask("reference: is empty".to_owned()));
        }
        // With an answer in it, the box would be gone by now.
        if reference.starts_with("\\boxed") {
            return Err(Error::InvalidTask(format!("reference: {} holds no answer", excerpt(&reference))));
        }
        match extract::answer(submission.completion(), order) {
            Some((answer, mode)) => judge_answer(&answer, mode, &reference, options),
            None => Ok(no_answer(order)),
        }
    }
}

export!(Math);

fn judge_answer(answer: &str, mode: Mode, reference: &str, options: &Options) -> Result<Verdict, Error> {
    let comparison = compare(answer, reference, options.rules());
    let reason = format!("{} (from {mode}) {comparison} {}", excerpt(answer), excerpt(reference));
    match comparison.equal() {
        Some(correct) => Ok(verdict(true, reading::is_number(answer), correct, reason)),
        None => Err(Error::Abstain(reason)),
    }
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
