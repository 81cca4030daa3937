//! What a length is counted in.

use std::fmt;

use gavel_plugin::{Error, Submission};
use gavel_text::words;
use serde::Deserialize;

use crate::seen::seen;

/// What a length is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Tokens of the policy: the column `completion_tokens`, which the trainer adds.
    #[default]
    Tokens,
    /// Words, as [`gavel_text::words`] counts them.
    Words,
    /// Unicode scalar values, white space included.
    Characters,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokens => "tokens",
            Self::Words => "words",
            Self::Characters => "characters",
        })
    }
}

/// What the trainer knows of the completion.
#[derive(Deserialize)]
struct Columns {
    completion_tokens: Option<u64>,
}

impl Unit {
    /// How long the completion is. What is hidden in it is long as well.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTask`] when tokens are asked for and the task has no column `completion_tokens`.
    pub fn length(self, submission: &Submission) -> Result<u64, Error> {
        let completion = submission.completion();
        Ok(self.seen_length(submission)?.max(match self {
            Self::Tokens => 0,
            Self::Words => words(completion).len() as u64,
            Self::Characters => completion.chars().count() as u64,
        }))
    }

    /// How much of the completion can be seen.
    ///
    /// # Errors
    ///
    /// As [`Unit::length`].
    pub fn seen_length(self, submission: &Submission) -> Result<u64, Error> {
        match self {
            Self::Tokens => submission
                .metadata::<Columns>()?
                .completion_tokens
                .ok_or_else(|| Error::InvalidTask(NO_TOKENS.to_owned())),
            Self::Words => Ok(words(&seen(submission.completion())).len() as u64),
            Self::Characters => Ok(seen(submission.completion()).chars().count() as u64),
        }
    }
}

const NO_TOKENS: &str = "completion_tokens: the task has no such column, which training adds; \
    add it, or set the option unit to \"words\" or \"characters\"";
