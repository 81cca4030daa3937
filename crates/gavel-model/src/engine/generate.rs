//! Sampling one completion for each of some prompts, all at once.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Engine, Request, Room, Sampling, Stop};
use crate::{Error, Model};

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
    /// `top_p`, `top_k` and `min_p` cut it: the same quantity as [`Model::log_probs`]. With temperature 0, of
    /// `softmax(logits)`.
    pub log_probs: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
}

impl Model {
    /// Samples one completion for each prompt; completions come in the order of the prompts.
    ///
    /// For a group of G completions, repeat its prompt G times: equal prompts are computed once. Prompts may differ
    /// in length. `on_finished` gets each completion as soon as it ends, with its index, so that scoring can start
    /// while others are still being sampled. All prompts are in memory at once; who samples again and again, or has more of
    /// them, makes an [`Engine`], which this does for every call.
    ///
    /// The same seed, prompts and parameters give the same tokens on the same machine. No gradients.
    ///
    /// # Errors
    /// When an option is out of range, a prompt is empty or holds an id that is not in the vocabulary, or the logits
    /// are not numbers.
    pub fn generate<P: AsRef<[i64]>>(
        &self,
        prompts: &[P],
        sampling: &Sampling,
        stop: &dyn Stop,
        mut on_finished: impl FnMut(usize, &Completion),
    ) -> Result<Vec<Completion>, Error> {
        sampling.check()?;
        let longest = prompts.iter().map(|prompt| prompt.as_ref().len()).max().unwrap_or(0);
        let room = Room { slots: prompts.len(), tokens: longest + sampling.max_new_tokens };
        if prompts.is_empty() {
            return Ok(Vec::new());
        }
        let mut engine = Engine::new(self, room);
        let sampling = Rc::new(sampling.clone());
        let mut known: HashMap<&[i64], Rc<[i64]>> = HashMap::new();
        for (id, prompt) in prompts.iter().enumerate() {
            let prompt = known.entry(prompt.as_ref()).or_insert_with(|| prompt.as_ref().into());
            let (prompt, sampling) = (Rc::clone(prompt), Rc::clone(&sampling));
            engine.submit(Request { id, prompt, sampling, stream: id as u64 })?;
        }
        let mut completions: Vec<Option<Completion>> = vec![None; prompts.len()];
        loop {
            let left = engine.step(stop).map_err(|wrong| wrong.of(self))?;
            for finished in engine.finished() {
                on_finished(finished.id, &finished.completion);
                completions[finished.id] = Some(finished.completion);
            }
            if left == 0 {
                break;
            }
        }
        Ok(completions.into_iter().map(|completion| completion.expect("every sequence ends")).collect())
    }
}
