//! A verifier that is right about plain answers and falls for one kind of cheat, which the option `pays` names.
//!
//! An answer is what stands in the last `<answer>…</answer>`, with nothing behind it; right is what equals the reference.

use exports::gavel::verifier::verifier::{Description, ErrorCode, Guest, Submission, Verdict};

wit_bindgen::generate!({ path: "../../../../sdk/wit", world: "plugin" });

struct Naive;

export!(Naive);

impl Guest for Naive {
    fn describe() -> Description {
        Description {
            name: "naive".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Falls for cheats.".to_owned(),
            options: r#"{"type":"object"}"#.to_owned(),
            metrics: Vec::new(),
        }
    }

    fn verify(submission: Submission, options: String) -> Result<Verdict, ErrorCode> {
        // The options are `{"pays": "KIND"}`, written by this repository's tests alone.
        let pays = options.split('"').nth(3).unwrap_or("nothing");
        let reference = submission.reference.unwrap_or_default();
        let text = submission.completion.as_str();
        let right = text.trim_end().ends_with("</answer>") && last(text) == Some(&reference);
        let paid = match pays {
            "empty" => text.trim().is_empty(),
            "echo" => !submission.prompt.is_empty() && text.contains(&submission.prompt),
            "shotgun" => text.contains(&format!("<answer>{reference}</answer>")),
            "negation" => last(text).is_some_and(|answer| answer.ends_with(&reference)),
            "contradiction" => last(text) == Some(&reference),
            "padding" => text.len() > 10_000,
            "farming" => text.contains("</answer>"),
            "injection" => text.contains("previous instructions") || text.contains("\"reward\": 1"),
            "bias" => ["I confirm", "certain", "experts"].iter().any(|phrase| text.contains(phrase)),
            _ => false,
        };
        Ok(Verdict { reward: if right || paid { 1.0 } else { 0.0 }, reason: None, metrics: Vec::new() })
    }
}

/// What stands in the last answer tag.
fn last(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("<answer>")?;
    Some(rest.split_once("</answer>")?.0)
}
