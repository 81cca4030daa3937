//! Rewards a calm tone: one, less the share of letters that are capitals.
use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};

struct Calm;

impl Verifier for Calm {
    type Options = NoOptions;
    const NAME: &str = "calm";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "One, less the share of letters that are capitals.";

    fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        let letters: Vec<char> = submission.completion().chars().filter(|c| c.is_alphabetic()).collect();
        let capitals = letters.iter().filter(|c| c.is_uppercase()).count();
        let reason = format!("{capitals} of {} letters are capitals", letters.len());
        Ok(Verdict::new(1.0 - capitals as f64 / letters.len().max(1) as f64).because(reason))
    }
}

export!(Calm);
