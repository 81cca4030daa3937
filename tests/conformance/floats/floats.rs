//! Says the number that the reference is, and its bits.

use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};

pub struct Floats;

impl Verifier for Floats {
    type Options = NoOptions;
    const NAME: &str = "floats";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Says the number that the reference is, and its bits.";
    const METRICS: &[&str] = &["value", "high", "low"];

    fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
        let text = submission.reference()?;
        let value: f64 = text.parse().map_err(|_| Error::InvalidTask(format!("{text:?} is no number")))?;
        let bits = value.to_bits();
        Ok(Verdict::new(value)
            .metric("value", value)
            .metric("high", (bits >> 32) as f64)
            .metric("low", (bits & 0xffff_ffff) as f64))
    }
}

export!(Floats);
