//! Says the options that it was given.

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    limit: std::num::NonZeroU32,
    #[serde(default)]
    mode: Mode,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Soft,
    Hard,
}

pub struct Said;

impl Verifier for Said {
    type Options = Options;
    const NAME: &str = "options";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Says the options that it was given.";

    fn verify(_: &Submission, options: &Options) -> Result<Verdict, Error> {
        let mode = match options.mode {
            Mode::Soft => "soft",
            Mode::Hard => "hard",
        };
        Ok(Verdict::new(f64::from(options.limit.get())).because(mode))
    }
}

export!(Said);
