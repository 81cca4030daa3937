//! How to sample.

use crate::Error;

/// How to sample. By default at most 256 new tokens, from the whole distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// A completion has at most this many tokens.
    pub max_new_tokens: usize,
    /// Logits are divided by it. 0 takes the most likely token, always.
    pub temperature: f64,
    /// Sample among the fewest tokens whose probabilities sum to at least this; 1 is all.
    pub top_p: f64,
    /// Sample among this many of the most likely tokens; 0 is all. It cuts before `top_p` does. In both, tokens that are as
    /// likely as the last one stay too.
    pub top_k: usize,
    /// Sample among the tokens whose probability is at least this part of the greatest one; 0 is all
    /// (<https://arxiv.org/abs/2407.01082>).
    pub min_p: f64,
    /// Completion `i` draws from random stream `first_stream + i` of this seed, whatever else is in the batch.
    pub seed: u64,
    /// The random stream of the first completion. Who splits a request counts on, and gets the same completions.
    pub first_stream: u64,
    /// A completion ends with the first of these ids, and keeps it.
    pub end_tokens: Vec<i64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            max_new_tokens: 256,
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            seed: 0,
            first_stream: 0,
            end_tokens: Vec::new(),
        }
    }
}

impl Sampling {
    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |field, reason: String| Err(Error::Request { field, reason });
        if self.max_new_tokens == 0 {
            return wrong("max_new_tokens", "must be at least 1".to_owned());
        }
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return wrong("temperature", format!("is {}, and must be 0 or more", self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return wrong("top_p", format!("is {}, and must be above 0 and at most 1", self.top_p));
        }
        if !(0.0..=1.0).contains(&self.min_p) {
            return wrong("min_p", format!("is {}, and must be between 0 and 1", self.min_p));
        }
        Ok(())
    }

    /// Whether it takes the most likely token, always.
    pub(super) fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// Whether some tokens are never drawn.
    pub(super) fn cuts(&self) -> bool {
        !self.is_greedy() && (self.top_k > 0 || self.top_p < 1.0 || self.min_p > 0.0)
    }
}
