//! Log-probabilities of given tokens, and the gradient of a loss of them, without ever holding logits of more than a chunk.

use std::ops::Range;

use gavel_torch::{Parameter, backward_from, clear_gradient, fused, product_gradient, set_gradient};
use tch::{Device, Kind, Tensor, no_grad};

use crate::decoder::{Decoder, Stream};
use crate::packed::{Group, Packed, takes_bounds};
use crate::{Model, Precision};

/// At most this many logits are made at a time on a CPU: 256 MiB in fp32.
pub(crate) const LOGITS_PER_CHUNK: i64 = 1 << 26;
/// And on CUDA, where a chunk has to be large to be worth its multiplications: 1 GiB in bf16.
pub(crate) const LOGITS_PER_CHUNK_CUDA: i64 = 1 << 29;

/// The log-probabilities of given tokens.
#[derive(Debug)]
pub struct TokenLogProbs {
    /// `(n)` fp32, in nats.
    pub log_probs: Tensor,
    /// `(n)` fp32: the entropy in nats of the distributions that the tokens were drawn from.
    pub entropy: Tensor,
}

/// The derivative of a loss by log-probabilities, and by entropies where it looks at them; `(n)` each.
#[derive(Debug)]
pub struct ByTokens {
    /// By the log-probability of each token.
    pub log_probs: Tensor,
    /// By the entropy of the distribution that each token was drawn from.
    pub entropy: Option<Tensor>,
}

impl Model {
    /// The groups as tensors to learn from.
    ///
    /// # Panics
    /// If a prompt is empty, or a sequence is longer than positions are followed: than `max_position_embeddings`, where they are
    /// [dynamic](crate::RopeScaling::Dynamic), or than the original context of [LongRoPE](crate::RopeScaling::LongRope).
    pub fn pack(&self, groups: &[Group<'_>]) -> Packed {
        let Precision { compute, .. } = self.precision();
        let length = |group: &Group<'_>| {
            group.prompt.len()
                + group.completions.iter().map(|completion| completion.len()).max().unwrap_or(0)
        };
        let longest = groups.iter().map(length).max().unwrap_or(0) as i64;
        self.config().check_length(longest);
        let bounds = takes_bounds(self.device(), compute, self.config().head_dim)
            && !self.config().attends_otherwise(longest);
        Packed::new(groups, bounds, self.device())
    }

    /// The log-probabilities of all tokens of all completions, in the order of the groups, given what precedes each, under
    /// `softmax(logits / temperature)`, which is what TRL compares policies by. No gradient is recorded.
    pub fn log_probs(&self, batch: &Packed, temperature: f64) -> TokenLogProbs {
        no_grad(|| {
            let decoder = self.decoder();
            let head = Head::new(&decoder, &batch.targets, temperature);
            let hidden = decoder.hidden_states(batch);
            let chunks = chunks(&(0..batch.predicted_tokens() as i64), self.rows_per_chunk());
            let (log_probs, entropy): (Vec<_>, Vec<_>) = chunks
                .map(|rows| {
                    let found = head.score(&hidden, rows).scores;
                    (found.log_probs, found.entropy)
                })
                .unzip();
            TokenLogProbs { log_probs: joined(&log_probs), entropy: joined(&entropy) }
        })
    }

    /// How many predicted tokens [`Model::backward`] has logits of at a time. A section that has no more costs one
    /// multiplication by the head less.
    pub fn rows_per_chunk(&self) -> i64 {
        self.config().rows_per_chunk(self.device().is_cuda())
    }

    /// Adds the gradient of a loss of log-probabilities and entropies to those of the parameters.
    ///
    /// The predicted tokens come in `sections`, which follow each other and cover all, as ranges of their order; the loss is
    /// a sum over sections. `gradient` is called once for each, in order, with the section's index and its
    /// log-probabilities and entropies `(n)`, and gives the derivative of the loss by each of them. So forward and backward
    /// pass of the head are one where a section has at most [`Model::rows_per_chunk`] tokens, and logits are made
    /// twice where it has more.
    ///
    /// With `recompute`, blocks keep their input alone and are run once more for the backward pass.
    pub fn backward(
        &self,
        batch: &Packed,
        temperature: f64,
        recompute: bool,
        sections: &[Range<i64>],
        gradient: &mut dyn FnMut(usize, &TokenLogProbs) -> ByTokens,
    ) {
        self.backward_by_chunks(batch, temperature, recompute, sections, self.rows_per_chunk(), gradient);
    }

    fn backward_by_chunks(
        &self,
        batch: &Packed,
        temperature: f64,
        recompute: bool,
        sections: &[Range<i64>],
        rows_per_chunk: i64,
        gradient: &mut dyn FnMut(usize, &TokenLogProbs) -> ByTokens,
    ) {
        self.backward_through(batch, recompute, &mut |hidden| {
            let head = Head::new(&self.decoder(), &batch.targets, temperature);
            head.backward(hidden, rows_per_chunk, sections, gradient)
        });
    }

    /// Adds the gradient of a loss of hidden states to those of the parameters below the head. `through_head` gets the
    /// hidden states of the predicted tokens, `(n, hidden_size)`, which require no gradient, and gives the derivative of the
    /// loss by them.
    pub(crate) fn backward_through(
        &self,
        batch: &Packed,
        recompute: bool,
        through_head: &mut dyn FnMut(&Tensor) -> Tensor,
    ) {
        let balance = self.balance_loss(batch.router_aux_loss);
        let decoder = Decoder { load: Some(&self.load), balance: balance.as_ref(), ..self.decoder() };
        if recompute {
            recomputing_backward(&decoder, batch, through_head);
        } else {
            let hidden = decoder.hidden_states(batch);
            let by_hidden = through_head(&hidden.detach());
            backward_from(&[&hidden], &[&by_hidden]);
        }
        if let Some(value) = balance.and_then(|balance| balance.value()) {
            self.load.add_loss(value);
        }
    }
}

/// Activation checkpointing by block ([1604.06174](https://arxiv.org/abs/1604.06174)).
fn recomputing_backward(
    decoder: &Decoder<'_>,
    batch: &Packed,
    through_head: &mut dyn FnMut(&Tensor) -> Tensor,
) {
    let rotations = decoder.rotations(batch);
    let mut inputs = Vec::new();
    let mut stream = no_grad(|| decoder.embed(batch));
    for layer in 0..decoder.values.blocks.len() {
        inputs.push(stream.shallow_clone());
        stream = no_grad(|| decoder.block(layer, stream, batch, &rotations));
    }
    let end = stream.into_leaf();
    let hidden = decoder.finish(end.shallow_clone(), batch);
    let by_hidden = through_head(&hidden.detach());
    backward_from(&[&hidden], &[&by_hidden]);
    let mut by_stream = end.gradient();
    drop((hidden, by_hidden, end));
    // Tokens have been counted.
    let decoder = &Decoder { load: None, ..*decoder };
    for (layer, input) in inputs.into_iter().enumerate().rev() {
        let leaf = input.into_leaf();
        let output = decoder.block(layer, leaf.shallow_clone(), batch, &rotations);
        let delta = output.delta.expect("a block adds something");
        backward_from(&[&output.sum, &delta], &[&by_stream, &by_stream]);
        by_stream = leaf.gradient();
    }
    let embedded = decoder.embed(batch).sum;
    if embedded.requires_grad() {
        backward_from(&[&embedded], &[&by_stream]);
    }
}

impl Stream {
    fn shallow_clone(&self) -> Self {
        Self { sum: self.sum.shallow_clone(), delta: self.delta.as_ref().map(Tensor::shallow_clone) }
    }

    /// The same as the beginning of a graph.
    fn into_leaf(self) -> Self {
        let leaf = |tensor: Tensor| tensor.detach().set_requires_grad(true);
        Self { sum: leaf(self.sum), delta: self.delta.map(leaf) }
    }

    /// The gradient by a leaf's sum, which is that by its delta too. It is taken away.
    fn gradient(&self) -> Tensor {
        let gradient = self.sum.grad();
        clear_gradient(&self.sum);
        gradient
    }
}

/// The output projection with what it is asked about.
struct Head<'a> {
    weight: Parameter<'a>,
    /// `(n)`.
    targets: &'a Tensor,
    temperature: f64,
    /// Logits stay between minus this and this, by tanh.
    cap: Option<f64>,
}

/// The logits of some rows, and what they say.
struct Scored {
    rows: Range<i64>,
    /// `(rows, vocab_size)`, capped.
    logits: Tensor,
    scores: fused::Scores,
}

impl<'a> Head<'a> {
    fn new(decoder: &Decoder<'a>, targets: &'a Tensor, temperature: f64) -> Self {
        let cap = decoder.config.final_logit_softcapping;
        Self { weight: decoder.head(), targets, temperature, cap }
    }

    fn score(&self, hidden: &Tensor, rows: Range<i64>) -> Scored {
        let logits = slice(hidden, &rows).linear(self.weight.value, None::<&Tensor>);
        let logits = match self.cap {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        };
        let scores = fused::score(&logits, &slice(self.targets, &rows), self.temperature);
        Scored { rows, logits, scores }
    }

    /// Adds to the head's gradient, and gives that by `hidden` `(n, hidden_size)`, which requires none itself.
    fn backward(
        &self,
        hidden: &Tensor,
        rows_per_chunk: i64,
        sections: &[Range<i64>],
        gradient: &mut dyn FnMut(usize, &TokenLogProbs) -> ByTokens,
    ) -> Tensor {
        let mut by_hidden = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            if section.end - section.start <= rows_per_chunk {
                let scored = no_grad(|| self.score(hidden, section.clone()));
                let by_tokens = gradient(index, &scored.token_log_probs());
                by_hidden.push(no_grad(|| self.backward_of(scored, hidden, &by_tokens)));
                continue;
            }
            // What one token contributes may depend on all tokens of its completion: first all are scored.
            let score = |rows| no_grad(|| self.score(hidden, rows).token_log_probs());
            let (log_probs, entropy): (Vec<_>, Vec<_>) = chunks(section, rows_per_chunk)
                .map(score)
                .map(|found| (found.log_probs, found.entropy))
                .unzip();
            let found = TokenLogProbs { log_probs: joined(&log_probs), entropy: joined(&entropy) };
            let by_tokens = gradient(index, &found);
            for rows in chunks(section, rows_per_chunk) {
                let within = rows.start - section.start..rows.end - section.start;
                let scored = no_grad(|| self.score(hidden, rows));
                by_hidden.push(no_grad(|| self.backward_of(scored, hidden, &by_tokens.of(&within))));
            }
        }
        no_grad(|| Tensor::cat(&by_hidden, 0))
    }

    fn backward_of(&self, scored: Scored, hidden: &Tensor, by: &ByTokens) -> Tensor {
        let Scored { rows, logits, scores } = scored;
        let targets = slice(self.targets, &rows);
        // The derivative of tanh, by its value; before the memory of the logits becomes that of their gradient.
        let slope = self.cap.map(|cap| (&logits / cap).square().neg() + 1.0);
        let by = fused::ByScores { log_probs: &by.log_probs, entropy: by.entropy.as_ref() };
        let by_logits = fused::score_backward(logits, &targets, &scores, by, self.temperature);
        let by_logits = match slope {
            Some(slope) => by_logits * slope,
            None => by_logits,
        };
        let master = self.weight.master;
        if let Some(first) = product_gradient(master, &by_logits, &slice(hidden, &rows)) {
            set_gradient(master, &first);
        }
        by_logits.matmul(self.weight.value)
    }
}

impl ByTokens {
    fn of(&self, rows: &Range<i64>) -> Self {
        Self {
            log_probs: slice(&self.log_probs, rows),
            entropy: self.entropy.as_ref().map(|by| slice(by, rows)),
        }
    }
}

impl Scored {
    fn token_log_probs(&self) -> TokenLogProbs {
        let fused::Scores { log_probs, entropy, .. } = &self.scores;
        TokenLogProbs { log_probs: log_probs.shallow_clone(), entropy: entropy.shallow_clone() }
    }
}

/// The numbers of one dimension or the rows of two.
fn slice(tensor: &Tensor, rows: &Range<i64>) -> Tensor {
    tensor.narrow(0, rows.start, rows.end - rows.start)
}

fn joined(parts: &[Tensor]) -> Tensor {
    if parts.is_empty() { Tensor::zeros([0i64], (Kind::Float, Device::Cpu)) } else { Tensor::cat(parts, 0) }
}

fn chunks(rows: &Range<i64>, size: i64) -> impl Iterator<Item = Range<i64>> + use<> {
    let end = rows.end;
    let starts = rows.clone().step_by(usize::try_from(size).expect("a chunk has rows"));
    starts.map(move |start| start..(start + size).min(end))
}

#[cfg(test)]
#[path = "log_probs_tests.rs"]
mod tests;
