//! What was asked of a judge, and what that cost.

use std::sync::{Mutex, PoisonError};

/// What became of the calls of a judge since it was loaded. Answers that come from a record or a cache are none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct JudgeCounts {
    /// Submissions that it was asked about.
    pub calls: u64,
    /// Those of them for which the endpoint gave no answer, whatever was tried.
    pub failed: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Tokens of the questions, as the endpoint counts them.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// What they cost, where a price is known.
    pub cost: f64,
}

/// Counts for many threads.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<JudgeCounts>);

impl Counter {
    pub(crate) fn add(&self, change: impl FnOnce(&mut JudgeCounts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn get(&self) -> JudgeCounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
