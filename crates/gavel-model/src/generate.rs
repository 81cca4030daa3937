//! Batched sampling with a key-value cache. Knows token ids only; text enters through [`Stop`].

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::{Device, Kind, Tensor, no_grad};

use crate::attention::{Cache, Rope, causal_mask, positions_of};
use crate::model::Network;
use crate::sample::sample;
use crate::{Error, Model, Stop};

/// Sequences that ended are dropped from the batch once they are this part of it. Dropping copies the cache of
/// those that go on, so it must not happen at every step.
const DROP_AT: f64 = 0.2;

/// How to sample. By default at most 256 new tokens, from the whole distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// A completion has at most this many tokens.
    pub max_new_tokens: usize,
    /// Logits are divided by it. 0 takes the most likely token, always.
    pub temperature: f64,
    /// Sample among the fewest tokens whose probabilities sum to at least this; 1 is all.
    pub top_p: f64,
    /// Sample among this many of the most likely tokens; 0 is all. It cuts before `top_p` does.
    pub top_k: usize,
    /// Completion `i` draws from random stream `first_stream + i` of this seed, whatever else is in the batch.
    pub seed: u64,
    /// The random stream of the first completion. Who splits a request counts on, and gets the same completions.
    pub first_stream: u64,
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
            first_stream: 0,
            end_tokens: Vec::new(),
            pad_token: 0,
        }
    }
}

impl Sampling {
    fn check(&self, vocabulary: i64) -> Result<(), Error> {
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
        if !(0..vocabulary).contains(&self.pad_token) {
            return wrong(
                "pad_token",
                format!("is {}, and the vocabulary has {vocabulary} ids", self.pad_token),
            );
        }
        Ok(())
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
    /// When an option is out of range, a prompt is empty or holds an id that is not in the vocabulary, or the logits
    /// are not numbers.
    pub fn generate<P: AsRef<[i64]>>(
        &self,
        prompts: &[P],
        sampling: &Sampling,
        stop: &dyn Stop,
        mut on_finished: impl FnMut(usize, &Completion),
    ) -> Result<Vec<Completion>, Error> {
        sampling.check(self.config().vocab_size)?;
        let prompts: Vec<_> = prompts.iter().map(AsRef::as_ref).collect();
        check_prompts(&prompts, self.config().vocab_size)?;
        let mut completions: Vec<Option<Completion>> = vec![None; prompts.len()];
        if !prompts.is_empty() {
            no_grad(|| {
                self.roll_out(&prompts, sampling, stop, |index, completion| {
                    on_finished(index, &completion);
                    completions[index] = Some(completion);
                })
            })?;
        }
        Ok(completions.into_iter().map(|completion| completion.expect("every sequence ends")).collect())
    }

    fn roll_out(
        &self,
        prompts: &[&[i64]],
        sampling: &Sampling,
        stop: &dyn Stop,
        mut finish: impl FnMut(usize, Completion),
    ) -> Result<(), Error> {
        let (mut batch, mut logits) = Batch::start(self, prompts, sampling);
        let mut rows: Vec<_> = (0..prompts.len()).map(|index| Some(Sequence::new(index, sampling))).collect();
        loop {
            let uniforms: Vec<_> =
                rows.iter_mut().map(|row| row.as_mut().map_or(0.0, Sequence::uniform)).collect();
            let (mut tokens, log_probs) = sample(&logits, sampling, &uniforms);
            for ((row, &token), log_prob) in rows.iter_mut().zip(&tokens).zip(log_probs) {
                let Some(sequence) = row else { continue };
                if log_prob.is_nan() {
                    let position = sequence.completion.tokens.len();
                    let tensor = self.first_not_finite();
                    return Err(Error::NotFinite { tensor, index: sequence.index, position });
                }
                sequence.completion.tokens.push(token);
                sequence.completion.log_probs.push(log_prob);
                if sequence.has_ended(sampling, stop) {
                    let Sequence { index, completion, .. } = row.take().expect("matched above");
                    finish(index, completion);
                }
            }
            let running: Vec<_> = (0..rows.len()).filter(|&row| rows[row].is_some()).collect();
            if running.is_empty() {
                return Ok(());
            }
            if ((rows.len() - running.len()) as f64) >= DROP_AT * rows.len() as f64 {
                batch.keep(&running);
                tokens = running.iter().map(|&row| tokens[row]).collect();
                rows.retain(Option::is_some);
            }
            logits = batch.step(&tokens);
        }
    }
}

fn check_prompts(prompts: &[&[i64]], vocabulary: i64) -> Result<(), Error> {
    for (index, prompt) in prompts.iter().enumerate() {
        let wrong = |reason| Err(Error::Request { field: "prompts", reason });
        if prompt.is_empty() {
            return wrong(format!("holds nothing at {index}: a prompt needs at least one token"));
        }
        if let Some(id) = prompt.iter().find(|id| !(0..vocabulary).contains(id)) {
            return wrong(format!("holds id {id} at {index}, and the vocabulary has {vocabulary} ids"));
        }
    }
    Ok(())
}

/// One completion while it is being sampled.
struct Sequence {
    index: usize,
    random: ChaCha8Rng,
    completion: Completion,
}

impl Sequence {
    fn new(index: usize, sampling: &Sampling) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(sampling.seed);
        random.set_stream(sampling.first_stream.wrapping_add(index as u64));
        let completion = Completion { tokens: Vec::new(), log_probs: Vec::new(), finish: Finish::Stop };
        Self { index, random, completion }
    }

    /// A number in `[0, 1)`.
    fn uniform(&mut self) -> f64 {
        f64::from(self.random.next_u32()) / 2.0_f64.powi(32)
    }

    /// Whether the token added last is the final one; sets why.
    fn has_ended(&mut self, sampling: &Sampling, stop: &dyn Stop) -> bool {
        let Completion { tokens, finish, .. } = &mut self.completion;
        let stopped = tokens.last().is_some_and(|token| sampling.end_tokens.contains(token))
            || stop.is_complete(tokens);
        *finish = if stopped { Finish::Stop } else { Finish::Length };
        stopped || tokens.len() >= sampling.max_new_tokens
    }
}

/// The sequences in memory: one row each, padded on the left to a common length, so that all write the same column.
struct Batch<'a> {
    network: Network<'a>,
    device: Device,
    cache: Cache,
    /// For every position that can occur.
    rope: Rope,
    padding: Option<Padding>,
}

/// Where rows begin. Absent when all prompts are equally long.
struct Padding {
    /// `(B)` i64: columns of padding on the left.
    widths: Tensor,
    /// `(B, 1, 1, capacity)`: 0 for tokens, minus infinity for padding; added to attention scores.
    bias: Tensor,
}

impl Padding {
    fn new(mask: &Tensor, capacity: i64, kind: Kind) -> Self {
        let [rows, width] = mask.size()[..] else { unreachable!("masks are (B, T)") };
        let bias = Tensor::zeros([rows, 1, 1, capacity], (kind, mask.device()));
        let _ =
            bias.narrow(3, 0, width).masked_fill_(&mask.view([rows, 1, 1, width]).eq(0), f64::NEG_INFINITY);
        Self { widths: width - mask.sum_dim_intlist(1, false, Kind::Int64), bias }
    }

    fn select(&self, rows: &Tensor) -> Self {
        Self { widths: self.widths.index_select(0, rows), bias: self.bias.index_select(0, rows) }
    }
}

impl<'a> Batch<'a> {
    /// Computes the prompts, each different one once; gives the logits `(B, V)` after them.
    fn start(model: &'a Model, prompts: &[&[i64]], sampling: &Sampling) -> (Self, Tensor) {
        let (network, device) = (model.network(), model.device());
        let (different, rows) = deduplicate(prompts);
        let rows = Tensor::from_slice(&rows).to_device(device);
        let (tokens, mask) = pad_left(&different, sampling.pad_token);
        let tokens = tokens.to_device(device);
        let mask = mask.map(|mask| mask.to_device(device));
        let [count, width] = tokens.size()[..] else { unreachable!("tokens are (B, T)") };
        let capacity = width + sampling.max_new_tokens as i64;

        let positions = match &mask {
            Some(mask) => positions_of(mask),
            None => Tensor::arange(width, (Kind::Int64, device)),
        };
        let rope = Rope::new(network.config, &positions);
        let mut cache = Cache::new(network.config, count, width, (network.kind(), device));
        let hidden = network.run(&tokens, &rope, mask.as_ref().map(causal_mask).as_ref(), Some(&mut cache));
        let logits = network.logits(&hidden.narrow(1, width - 1, 1)).squeeze_dim(1).index_select(0, &rows);

        let every_position = Tensor::arange(capacity, (Kind::Int64, device));
        let batch = Self {
            device,
            cache: cache.spread(&rows, capacity),
            rope: Rope::new(network.config, &every_position),
            padding: mask.map(|mask| Padding::new(&mask, capacity, network.kind()).select(&rows)),
            network,
        };
        (batch, logits)
    }

    /// Adds one token to every row; gives the logits `(B, V)` after it.
    fn step(&mut self, tokens: &[i64]) -> Tensor {
        let tokens = Tensor::from_slice(tokens).unsqueeze(-1).to_device(self.device);
        let column = self.cache.length();
        let (rope, mask) = match &self.padding {
            None => (self.rope.at(column), None),
            Some(padding) => {
                let rope = self.rope.rows(&(column - &padding.widths));
                (rope, Some(padding.bias.narrow(3, 0, column + 1)))
            }
        };
        let hidden = self.network.run(&tokens, &rope, mask.as_ref(), Some(&mut self.cache));
        self.network.logits(&hidden).squeeze_dim(1)
    }

    /// Drops all rows but `rows`, ascending.
    fn keep(&mut self, rows: &[usize]) {
        let rows: Vec<_> = rows.iter().map(|&row| row as i64).collect();
        let rows = Tensor::from_slice(&rows).to_device(self.device);
        self.cache.keep(&rows);
        self.padding = self.padding.as_ref().map(|padding| padding.select(&rows));
    }
}

/// The different prompts in order of appearance, and for each prompt which of them it is.
fn deduplicate<'p>(prompts: &[&'p [i64]]) -> (Vec<&'p [i64]>, Vec<i64>) {
    let mut different = Vec::new();
    let mut known = HashMap::new();
    let rows = prompts
        .iter()
        .map(|&prompt| {
            *known.entry(prompt).or_insert_with(|| {
                different.push(prompt);
                different.len() as i64 - 1
            })
        })
        .collect();
    (different, rows)
}

/// Tokens `(B, T)` with padding on the left, and the mask `(B, T)` of 1 and 0, if there is any padding.
fn pad_left(prompts: &[&[i64]], pad_token: i64) -> (Tensor, Option<Tensor>) {
    let width = prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0);
    let shape = [prompts.len() as i64, width as i64];
    let (mut tokens, mut mask) = (Vec::new(), Vec::new());
    for prompt in prompts {
        let padding = width - prompt.len();
        tokens.extend(std::iter::repeat_n(pad_token, padding).chain(prompt.iter().copied()));
        mask.extend(std::iter::repeat_n(0_i64, padding).chain(std::iter::repeat_n(1, prompt.len())));
    }
    let padded = mask.contains(&0);
    (Tensor::from_slice(&tokens).view(shape), padded.then(|| Tensor::from_slice(&mask).view(shape)))
}
