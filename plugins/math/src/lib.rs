//! Judges a final answer against a reference: finds it, reads it, compares it.
//!
//! The steps are apart, each in a module of its own: [`extract`] cuts the answer out of a text, [`token`] and [`parse`]
//! read it to an [`expr::Expr`], [`mod@compare`] says whether two of them are equal and how that was decided, with the
//! help of [`algebra`] (exact values), [`numeric`] (high precision at several points) and [`units`].

pub mod algebra;
#[cfg(any(target_arch = "wasm32", test))]
mod arena;
pub mod compare;
pub mod expr;
pub mod extract;
pub mod numeric;
pub mod options;
pub mod parse;
pub mod reading;
pub mod token;
pub mod units;

use std::borrow::Cow;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};

use serde::Deserialize;
use serde::de::IgnoredAny;

use compare::{Comparison, compare, compare_written};
use extract::{Found, Mode};
pub use options::Options;
use reading::Written;

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
        let stated = submission.reference()?;
        if is_json_of_texts(stated) || is_list(submission)? {
            return Err(Error::InvalidTask(format!(
                "reference: {} is a list or an object in the data set, and an answer is compared with one text: give that",
                excerpt(stated)
            )));
        }
        let reference = extract::reference(stated);
        if reference.is_empty() {
            let reason = match stated.trim() {
                "" => "is empty".to_owned(),
                text => format!("{} holds no answer", excerpt(text)),
            };
            return Err(Error::InvalidTask(format!("reference: {reason}")));
        }
        let Some(near) = extract::near_end(submission.completion()) else {
            return Ok(verdict(false, false, false, "too long, and no answer stands at its end".to_owned()));
        };
        let completion = gavel_text::shown(near);
        match extract::answer(&completion, submission.prompt(), order) {
            Some(Found::Answer(answer, mode)) => {
                // What stands in a box as it is was chosen so; a bound was put together of a box and its formula.
                let bound = match &answer {
                    Cow::Owned(whole) => extract::bound_asked_for(whole, submission.prompt()),
                    Cow::Borrowed(_) => None,
                };
                judge_answer(bound.unwrap_or(&answer), mode, &reference, submission.prompt(), options)
            }
            Some(Found::TakenBack(mode)) => {
                let reason = format!("{mode} states an answer and does not stand by it");
                Ok(verdict(true, false, false, reason))
            }
            None => Ok(no_answer(order)),
        }
    }
}

/// Whether a reference was no text in its data set, but a list of texts or an object, which come as JSON. No formula
/// has such quotes.
fn is_json_of_texts(reference: &str) -> bool {
    let text = reference.trim();
    let is_within = |open, close| text.starts_with(open) && text.ends_with(close);
    (is_within('[', ']') || is_within('{', '}')) && text.contains('"')
}

/// Whether a reference was a list in its data set. The text of a list of numbers may be an interval too, so the metadata says.
fn is_list(submission: &Submission) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Columns {
        reference: Option<IgnoredAny>,
    }
    if !submission.reference()?.starts_with('[') {
        return Ok(false);
    }
    Ok(submission.metadata::<Columns>()?.reference.is_some())
}

export!(Math);

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: arena::Arena = arena::Arena::new();

fn judge_answer(
    answer: &str,
    mode: Mode,
    reference: &str,
    prompt: &str,
    options: &Options,
) -> Result<Verdict, Error> {
    let (read, comparison) = compare_spellings(answer, mode, reference, prompt, options);
    let reason = format!("{} (from {mode}) {comparison} {}", excerpt(read.text), excerpt(reference));
    match comparison.equal() {
        Some(true) if extract::repeats(read.text, prompt, reference) => {
            let reason = format!("{} (from {mode}) is what the prompt asks to work out", excerpt(read.text));
            Ok(verdict(true, false, false, reason))
        }
        Some(correct) => Ok(verdict(true, read.is_number(), correct, reason)),
        // What cannot be decided is the task's fault where its reference cannot be compared with a plain number either.
        // Else it is the answer's, which must not choose to have no verdict.
        None if compare("1", reference, options.rules()).equal().is_some() => {
            Ok(verdict(true, false, false, reason))
        }
        None => Err(Error::Abstain(reason)),
    }
}

/// Compares an answer as it is written and, where that is not equal, as what it comes to; says what was compared.
fn compare_spellings<'a>(
    answer: &'a str,
    mode: Mode,
    reference: &str,
    prompt: &str,
    options: &Options,
) -> (Written<'a>, Comparison) {
    let rules = options.rules();
    let written = Written::new(reference);
    let is_same = |one: &str, other: &str| compare(one, other, rules).equal() == Some(true);
    let against = |answer: &Written<'_>| {
        let comparison = compare_written(answer, &written, rules);
        if comparison.equal() == Some(true) {
            return comparison;
        }
        let alternatives = extract::alternatives(reference, is_same);
        let mut others =
            alternatives.into_iter().map(|other| compare_written(answer, &Written::new(other), rules));
        others.find(|it| it.equal() == Some(true)).unwrap_or(comparison)
    };
    let first = Written::new(answer);
    let comparison = against(&first);
    if comparison.equal() == Some(true) {
        return (first, comparison);
    }
    // In prose, `5!` may be an exclamation; `5!!` is none of 5.
    let exclaimed = answer.strip_suffix('!').filter(|it| mode == Mode::Phrase && !it.ends_with('!'));
    let others = [exclaimed, extract::conclusion(answer), extract::asked(answer, prompt)];
    let found = others.into_iter().flatten().map(|other| {
        let other = Written::new(other);
        let comparison = against(&other);
        (other, comparison)
    });
    let mut equal = found.filter(|(_, comparison)| comparison.equal() == Some(true));
    equal.next().unwrap_or((first, comparison))
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
