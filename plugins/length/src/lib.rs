//! Judges how long a completion is and how much it repeats itself, never what it says.

mod cosine;
mod overlong;
mod repetition;
mod seen;
mod unit;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

pub use cosine::Cosine;
pub use overlong::SoftOverlong;
pub use repetition::Repetition;
pub use unit::Unit;

/// What the reward file may say under `options`: `kind` and what belongs to it; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Options {
    /// DAPO's soft overlong punishment.
    SoftOverlong {
        /// `L_max`, in units.
        max_completion_len: u64,
        /// `L_cache`, in units: the last part of `max_completion_len`, in which the punishment grows.
        soft_punish_cache: u64,
        /// What is counted.
        #[serde(default)]
        unit: Unit,
    },
    /// A cosine from short to long, one for right answers and one for wrong ones.
    Cosine {
        /// Where the cosine ends, in units.
        max_len: u64,
        /// Reward of a wrong completion at length 0.
        #[serde(default = "minus_one")]
        min_value_wrong: f64,
        /// Reward of a wrong completion at `max_len` and beyond.
        #[serde(default = "minus_half")]
        max_value_wrong: f64,
        /// Reward of a right completion at `max_len` and beyond.
        #[serde(default = "half")]
        min_value_correct: f64,
        /// Reward of a right completion at length 0.
        #[serde(default = "one")]
        max_value_correct: f64,
        /// Whether the completion counts as right; when left out, the task's column `correct` says so.
        correct: Option<bool>,
        /// What is counted.
        #[serde(default)]
        unit: Unit,
    },
    /// A penalty for n-grams that come again.
    Repetition {
        /// The `n` of the n-grams.
        #[serde(default = "three")]
        ngram_size: usize,
        /// Reward of a completion that is one n-gram over and over; not above 0.
        #[serde(default = "minus_one")]
        max_penalty: f64,
        /// What the n-grams are made of; not tokens.
        #[serde(default = "words")]
        unit: Unit,
    },
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

fn minus_half() -> f64 {
    -0.5
}

fn minus_one() -> f64 {
    -1.0
}

fn three() -> usize {
    3
}

fn words() -> Unit {
    Unit::Words
}

/// The `length` verifier.
#[derive(Debug)]
pub struct Length;

impl Verifier for Length {
    type Options = Options;
    const NAME: &str = "length";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "The completion is not too long (DAPO, cosine) or does not repeat itself (n-grams).";
    const METRICS: &[&str] = &["length", "if_correct", "if_wrong", "repeated"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        match *options {
            Options::SoftOverlong { max_completion_len, soft_punish_cache, unit } => {
                let rule = SoftOverlong::new(max_completion_len, soft_punish_cache)?;
                Ok(rule.judge(unit.length(submission)?, unit))
            }
            Options::Cosine {
                max_len,
                min_value_wrong,
                max_value_wrong,
                min_value_correct,
                max_value_correct,
                correct,
                unit,
            } => {
                let rule = Cosine::new(
                    max_len,
                    [min_value_wrong, max_value_wrong],
                    [min_value_correct, max_value_correct],
                )?;
                // A wrong answer earns by its length, so what is hidden in it does not count.
                let length = unit.seen_length(submission)?;
                let correct = correct.map_or_else(|| cosine::correct(submission), Ok)?;
                Ok(rule.judge(length, unit, correct))
            }
            Options::Repetition { ngram_size, max_penalty, unit } => {
                Ok(Repetition::new(ngram_size, max_penalty, unit)?.judge(submission.completion()))
            }
        }
    }
}

export!(Length);
