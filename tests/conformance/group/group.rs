//! Says of each completion of a prompt how many are the same.

use gavel_plugin::{Error, GroupVerifier, Judged, Submission, Verdict, export_group};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    tag: String,
}

pub struct Group;

impl GroupVerifier for Group {
    type Options = Options;
    const NAME: &str = "group";
    const VERSION: &str = "0.1.0";
    const SUMMARY: &str = "Says of each completion of a prompt how many are the same.";
    const METRICS: &[&str] = &["same", "size"];
    const OPTIONS_SCHEMA: &str = r#"{"type": "object", "properties": {"tag": {"type": "string", "default": ""}}}"#;

    fn verify_group(submissions: &[Submission], options: &Options) -> Result<Vec<Judged>, Error> {
        let texts: Vec<&str> = submissions.iter().map(Submission::completion).collect();
        if texts.contains(&"all") {
            return Err(Error::InvalidTask("told by one".to_owned()));
        }
        let judge = |(place, submission): (usize, &Submission)| {
            if submission.completion() == "abstain" {
                return Err(Error::Abstain(format!("told by {}", place + 1)));
            }
            let (size, same) = (texts.len(), texts.iter().filter(|&&text| text == texts[place]).count());
            let (prompt, tag) = (submission.prompt(), &options.tag);
            let reference = submission.reference().unwrap_or("<none>");
            Ok(Verdict::new(same as f64 / size as f64)
                .because(format!("[{prompt}][{reference}][{tag}] {} of {size}", place + 1))
                .metric("same", same as f64)
                .metric("size", size as f64))
        };
        let kept = submissions.iter().enumerate().filter(|(_, submission)| submission.completion() != "lose");
        Ok(kept.map(judge).collect())
    }
}

export_group!(Group);
