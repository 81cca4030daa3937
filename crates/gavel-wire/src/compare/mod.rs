//! What scores say of each other, and of labels: derived again ([`Rescore`]), by another reward ([`Diff`]), beside what
//! people say ([`Audit`]). All three count row by row, in memory that does not depend on how many there are.

mod audit;
mod diff;
mod rescore;

pub use audit::{Audit, AuditExample, Confusion, Label, LabelError, Share, VerifierAudit};
pub use diff::{Diff, DiffExample, Flips, RewardChanges, Side};
pub use rescore::{Rescore, RowDifference};

use gavel_verify::{Outcome, Submission};
use serde::Serialize;

/// From which reward on a verdict says that a completion is right. Verdicts go from 0 to 1.
pub const RIGHT: f64 = 1.0;

/// The most characters of a text that an example has.
const EXCERPT: usize = 2000;

/// A submission as an example has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The prompt, or its beginning.
    pub prompt: String,
    /// The completion, or its end: the answer comes last.
    pub completion: String,
    /// The reference, or its beginning.
    pub reference: Option<String>,
}

impl From<&Submission> for Excerpt {
    fn from(submission: &Submission) -> Self {
        Self {
            prompt: beginning(&submission.prompt),
            completion: end(&submission.completion),
            reference: submission.reference.as_deref().map(beginning),
        }
    }
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn end(text: &str) -> String {
    match text.char_indices().rev().nth(EXCERPT) {
        Some((before, letter)) => format!("…{}", &text[before + letter.len_utf8()..]),
        None => text.to_owned(),
    }
}

/// What an outcome says, as an example has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// The kind of outcome.
    pub status: &'static str,
    /// The verdict's reward.
    pub reward: Option<f64>,
    /// Why.
    pub reason: Option<String>,
}

impl From<&Outcome> for Said {
    fn from(outcome: &Outcome) -> Self {
        let reason = match &outcome.result {
            Ok(verdict) => verdict.reason.clone(),
            Err(failure) => Some(failure.to_string()),
        };
        let reason = reason.as_deref().map(beginning);
        Self { status: outcome.status().name(), reward: outcome.reward(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_the_end_of_a_completion() {
        let long = "é".repeat(EXCERPT) + "x";
        assert_eq!(beginning(&long), "é".repeat(EXCERPT) + "…");
        assert_eq!(end(&long), format!("…{}x", "é".repeat(EXCERPT - 1)));
        assert_eq!((beginning("a"), end("a")), ("a".to_owned(), "a".to_owned()));
    }
}
