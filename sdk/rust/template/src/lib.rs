//! Judges length: the completion has at most `limit` words.

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    limit: usize,
}

pub struct WordLimit;

impl Verifier for WordLimit {
    type Options = Options;
    const NAME: &str = "word-limit";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The completion has at most `limit` words.";
    const METRICS: &[&str] = &["words"];

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let words = submission.completion().split_whitespace().count();
        Ok(Verdict::right_if(words <= options.limit)
            .because(format!("{words} words, at most {} allowed", options.limit))
            .metric("words", words as f64))
    }
}

export!(WordLimit);

#[test]
fn every_case_goes_as_expected() {
    if let Err(failed) = gavel_plugin::cases::check::<WordLimit>(include_str!("../cases.jsonl")) {
        panic!("{failed}");
    }
}
