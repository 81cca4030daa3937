//! Judges the form of a completion, never its content: the R1-Zero template, or a regular expression.

mod pattern;
mod template;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The prompt ended with `<think>`, so the completion starts inside the thinking. When left out, the prompt tells.
    pub prefilled_think: Option<bool>,
    /// White space may stand before, between and after the blocks; true when left out.
    pub allow_whitespace: Option<bool>,
    /// `<think></think>` and `<answer></answer>` with nothing but white space in them pass; true when left out.
    pub allow_empty: Option<bool>,
    /// The completion must match this, instead of the template; `^` and `$` tie it to both ends.
    pub regex: Option<String>,
}

/// The `format` verifier.
#[derive(Debug)]
pub struct Format;

impl Verifier for Format {
    type Options = Options;
    const NAME: &str = "format";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The completion follows the R1-Zero template, or matches a regular expression.";
    const METRICS: &[&str] =
        &["think_once", "answer_once", "ordered", "nothing_outside", "not_empty", "regex_match"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        match &options.regex {
            Some(_) if options.shapes_the_template() => Err(Error::InvalidOptions(
                "regex: leave out the template's options, or say them in the regular expression".to_owned(),
            )),
            Some(regex) => pattern::verify(submission.completion(), regex),
            None => Ok(template::verify(submission, options)),
        }
    }
}

impl Options {
    fn shapes_the_template(&self) -> bool {
        [self.prefilled_think, self.allow_whitespace, self.allow_empty].iter().any(Option::is_some)
    }
}

export!(Format);
