//! Batched sampling with a key-value cache. Knows token ids only; text enters through [`StopStrings`].

use crate::{Error, Model, Tokenizer};

/// How to sample. The defaults are TRL's for GRPO, with 256 new tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// A completion has at most this many tokens.
    pub max_new_tokens: usize,
    /// Logits are divided by it. 0 takes the most likely token, always.
    pub temperature: f64,
    /// Sample among the fewest tokens whose probabilities sum to at least this; 1 is all.
    pub top_p: f64,
    /// Sample among this many of the most likely tokens; 0 is all.
    pub top_k: usize,
    /// Completion `i` draws from random stream `i` of this seed, whatever else is in the batch.
    pub seed: u64,
    /// A completion ends with the first of these ids, and keeps it.
    pub end_tokens: Vec<i64>,
    /// Fills rows up to a common length; any valid id, since nothing attends to it.
    pub pad_token: i64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            max_new_tokens: 256,
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            seed: 0,
            end_tokens: Vec::new(),
            pad_token: 0,
        }
    }
}

/// Why a completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// An end token or the stop condition.
    Stop,
    /// `max_new_tokens`: the completion is truncated.
    Length,
}

/// What was sampled after one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The new tokens, with the end token or the tokens that completed a stop string.
    pub tokens: Vec<i64>,
    /// The log-probability of each token under `softmax(logits / temperature)` over the whole vocabulary, before
    /// `top_p` and `top_k` cut it: the same quantity as [`Model::log_probs`]. With temperature 0, of
    /// `softmax(logits)`.
    pub log_probs: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
}

/// Says when a completion is complete, beside end tokens.
pub trait Stop {
    /// Whether the completion ends here. Called once for each new token, the last of `tokens`.
    fn is_complete(&self, tokens: &[i64]) -> bool;
}

/// Leaves ending to end tokens and length.
#[derive(Debug, Clone, Copy, Default)]
pub struct NeverStop;

impl Stop for NeverStop {
    fn is_complete(&self, _tokens: &[i64]) -> bool {
        false
    }
}

/// Ends a completion once its text contains one of some strings, across whatever token boundaries.
#[derive(Debug)]
pub struct StopStrings<'a> {
    tokenizer: &'a Tokenizer,
}

impl<'a> StopStrings<'a> {
    /// # Errors
    /// When a string is empty.
    pub fn new(tokenizer: &'a Tokenizer, strings: &[impl AsRef<str>]) -> Result<Self, Error> {
        let _ = strings;
        Ok(Self { tokenizer })
    }
}

impl Stop for StopStrings<'_> {
    fn is_complete(&self, tokens: &[i64]) -> bool {
        unimplemented!("{tokens:?}{:?}", self.tokenizer)
    }
}

impl Model {
    /// Samples one completion for each prompt; completions come in the order of the prompts.
    ///
    /// For a group of G completions, repeat its prompt G times: equal prompts are computed once. Prompts may differ
    /// in length. `on_finished` gets each completion as soon as it ends, with its index, so that scoring can start
    /// while others are still being sampled; sequences that ended are dropped from the batch.
    ///
    /// The same seed, prompts and parameters give the same tokens on the same machine. No gradients.
    ///
    /// # Errors
    /// When an option is out of range or a prompt is empty.
    pub fn generate<P: AsRef<[i64]>>(
        &self,
        prompts: &[P],
        sampling: &Sampling,
        stop: &dyn Stop,
        on_finished: impl FnMut(usize, &Completion),
    ) -> Result<Vec<Completion>, Error> {
        let _ = (prompts, sampling, stop, on_finished);
        unimplemented!()
    }
}
