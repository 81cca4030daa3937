//! Gives no verdict, for each reason that there is.

use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};
use serde::Deserialize;

#[derive(Deserialize)]
struct Columns {
    level: f64,
}

pub struct Errors;

impl Verifier for Errors {
    type Options = NoOptions;
    const NAME: &str = "errors";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Gives no verdict, for each reason that there is.";

    fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        let told = format!("told: {}", submission.reference().unwrap_or("nothing"));
        match submission.completion() {
            "invalid-task" => Err(Error::InvalidTask(told)),
            "abstain" => Err(Error::Abstain(told)),
            "internal-error" => Err(Error::Internal(told)),
            "invalid-options" => Err(Error::InvalidOptions(told)),
            "column" => Ok(Verdict::new(submission.metadata::<Columns>()?.level)),
            _ => Ok(Verdict::new(0.25)),
        }
    }
}

export!(Errors);
