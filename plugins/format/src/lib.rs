//! Judges the form of a completion, never its content: tagged blocks, a regular expression, a fenced block, JSON.

mod fence;
mod json;
mod metrics;
mod options;
mod pattern;
mod tags;
mod template;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};

use metrics::Metrics;
pub use options::Options;
use options::Shape;

/// The `format` verifier.
#[derive(Debug)]
pub struct Format;

impl Verifier for Format {
    type Options = Options;
    const NAME: &str = "format";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "The completion has the form: tagged blocks, a regular expression, a fenced block or JSON.";
    const METRICS: &[&str] = Metrics::NAMES;
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let completion = submission.completion();
        match options.shape()? {
            Shape::Regex(regex) => pattern::verify(completion, regex),
            Shape::Fence(fence) => Ok(fence::verify(completion, fence, options)),
            Shape::Json(json) => Ok(json::verify(completion, json)),
            Shape::Template(template) => Ok(template::verify(submission, &template, options)),
        }
    }
}

export!(Format);
