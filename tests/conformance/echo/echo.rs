//! Says what it was given.

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    tag: String,
}

#[derive(Deserialize)]
struct Columns {
    note: Option<String>,
}

pub struct Echo;

impl Verifier for Echo {
    type Options = Options;
    const NAME: &str = "echo";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Says what it was given.";
    const METRICS: &[&str] = &["prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes"];

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let (prompt, completion) = (submission.prompt(), submission.completion());
        let reference = submission.reference().ok();
        let note = submission.metadata::<Columns>()?.note;
        let shown = |text: Option<&str>| text.map_or("<none>".to_owned(), |text| format!("[{text}]"));
        let all = format!(
            "[{prompt}][{completion}]{}{}[{}]",
            shown(reference),
            shown(note.as_deref()),
            options.tag
        );
        let bytes = |text: &str| text.len() as f64;
        Ok(Verdict::new(1.0)
            .because(if all.len() <= 1100 { all } else { "large".to_owned() })
            .metric("prompt_bytes", bytes(prompt))
            .metric("completion_bytes", bytes(completion))
            .metric("completion_sum", completion.bytes().map(u64::from).sum::<u64>() as f64)
            .metric("reference_bytes", reference.map_or(-1.0, bytes)))
    }
}

export!(Echo);
