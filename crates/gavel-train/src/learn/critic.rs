//! What PPO has beside the policy: a value model that learns what each token may expect, and advantages from it.

use std::path::Path;

use gavel_model::{Packed, Precision, ValueModel, add_expert_loads};
use tch::{Device, Kind, Tensor};

use super::{Example, micro_batch};
use crate::TrainError;
use crate::grpo::gae::{explained_variance, gae, value_loss, whiten};
use crate::optim::{AdamW, AdamWOptions};
use crate::ranks::{Moments, Ranks};

/// How a value model learns, and what is made of it. Sizes are those of [`LearnOptions`](super::LearnOptions).
#[derive(Debug, Clone, Copy)]
pub struct CriticOptions {
    /// γ: what a reward is worth a token earlier.
    pub gamma: f64,
    /// λ of generalised advantage estimation.
    pub lam: f64,
    /// A value moves by at most this much before the loss stops asking for more.
    pub cliprange_value: f64,
    /// Examples per update.
    pub optimizer_batch_size: usize,
    /// At most so many examples per forward and backward pass.
    pub micro_batch_size: usize,
    /// At most so many tokens per forward and backward pass; a completion that is longer is alone in one.
    pub micro_batch_tokens: usize,
    /// Compute each block again for the backward pass.
    pub gradient_checkpointing: bool,
    /// What evens out the load of experts moves by this after an update.
    pub router_bias_update_rate: f64,
}

/// The value model in training, with what trains it.
#[derive(Debug)]
pub struct Critic {
    /// The value model.
    pub model: ValueModel,
    /// What updates its parameters.
    pub optimizer: AdamW,
    /// How it learns.
    pub options: CriticOptions,
}

/// What the value model says of a step's completions, and what it should have said.
#[derive(Debug)]
pub struct Appraisal {
    /// For each example by its index, an advantage for each of its tokens; 0 for those without reward.
    pub advantages: Vec<Vec<f64>>,
    /// What each update learns from.
    pub batches: Vec<ValueBatch>,
    /// The mean of all values.
    pub mean: f64,
    /// How much of the returns' variance the values explain.
    pub explained_variance: f64,
}

/// What one update of the value model learns from: of its completions, those that this rank learns from.
#[derive(Debug)]
pub struct ValueBatch {
    parts: Vec<ValuePart>,
    /// Of all ranks.
    tokens: f64,
}

/// Completions that fit into memory together. Tensors are `(n)`, one number for each of their tokens.
#[derive(Debug)]
struct ValuePart {
    packed: Packed,
    old_values: Tensor,
    returns: Tensor,
}

/// What is logged of an update.
#[derive(Debug, Clone, Copy)]
pub struct ValueUpdate {
    /// The mean loss of a token.
    pub loss: f64,
    /// The share of tokens whose value was held back.
    pub clipped: f64,
    /// The gradient's norm before clipping.
    pub norm: f64,
}

impl Critic {
    /// A value model that begins as the language model of `directory`, or goes on as one that was saved there.
    ///
    /// # Errors
    ///
    /// When the model cannot be read.
    pub fn load(
        directory: &Path,
        device: Device,
        precision: Precision,
        (options, adamw): (CriticOptions, AdamWOptions),
        (ranks, moments): (&Ranks, Moments),
    ) -> Result<Self, TrainError> {
        let mut model = ValueModel::load(directory, device, precision)?;
        model.set_requires_grad(true);
        let optimizer = ranks.optimizer(model.parameters(), adamw, moments);
        Ok(Self { model, optimizer, options })
    }

    /// Advantages of the examples, in the order in which updates learn from them. `rewards` has those of all completions of
    /// the step, by the examples' indices; NaN is none. Of each batch, a rank values its share, and learns from it later.
    ///
    /// # Errors
    /// When another rank has failed.
    pub fn appraise(
        &self,
        examples: &[Example<'_>],
        rewards: &[f64],
        ranks: &Ranks,
    ) -> Result<Appraisal, TrainError> {
        let mut advantages = vec![Vec::new(); rewards.len()];
        let (mut all_values, mut all_returns, mut batches) = (Vec::new(), Vec::new(), Vec::new());
        let known =
            |example: &&Example<'_>| !rewards[example.index].is_nan() && !example.completion.is_empty();
        for batch in examples.chunks(self.options.optimizer_batch_size) {
            let valued = micro_batch::by_prompt(batch.iter().filter(known)).concat();
            let share = ranks.share_by_weight(&micro_batch::tokens(&valued));
            let parts = self.value(&valued[share.clone()]);
            let values: Vec<f64> =
                ranks.all(parts.iter().flat_map(|(_, values)| doubles(values)).collect())?;
            let mut returns = Vec::with_capacity(values.len());
            let mut rest = &values[..];
            for example in &valued {
                let (own, later) = rest.split_at(example.completion.len());
                let (of_example, earned) =
                    gae(rewards[example.index], own, self.options.gamma, self.options.lam);
                advantages[example.index] = of_example;
                returns.extend(earned);
                rest = later;
            }
            let before: usize = valued[..share.start].iter().map(|example| example.completion.len()).sum();
            batches.push(ValueBatch::new(parts, &returns[before..], values.len()));
            all_values.extend(values);
            all_returns.extend(returns);
        }
        whiten(&mut advantages);
        for example in examples.iter().filter(|example| !known(example)) {
            advantages[example.index] = vec![0.0; example.completion.len()];
        }
        let mean = all_values.iter().sum::<f64>() / all_values.len() as f64;
        let explained_variance = explained_variance(&all_values, &all_returns);
        Ok(Appraisal { advantages, batches, mean, explained_variance })
    }

    /// The values of the tokens of some completions, by what fits into memory together.
    fn value(&self, examples: &[Example<'_>]) -> Vec<(Packed, Tensor)> {
        let groups = micro_batch::by_prompt(examples.iter());
        let CriticOptions { micro_batch_tokens, micro_batch_size, .. } = self.options;
        let parts = micro_batch::split(&groups, micro_batch_tokens, micro_batch_size);
        let values = parts.iter().map(|examples| {
            let packed = self.model.pack(&micro_batch::groups(examples));
            let values = self.model.values(&packed);
            (packed, values)
        });
        values.collect()
    }

    /// Learns from a batch, as all ranks do from their shares; where the gradient is not finite, nothing changes.
    ///
    /// # Errors
    /// When another rank has failed.
    pub fn update(
        &mut self,
        batch: &ValueBatch,
        learning_rate: f64,
        ranks: &Ranks,
    ) -> Result<ValueUpdate, TrainError> {
        let mut sums = Vec::new();
        for part in &batch.parts {
            self.model.backward(&part.packed, self.options.gradient_checkpointing, &mut |values| {
                let leaf = values.detach().set_requires_grad(true);
                tch::with_grad(|| {
                    let (loss, clipped) =
                        value_loss(&leaf, &part.old_values, &part.returns, self.options.cliprange_value);
                    let loss = loss.sum(Kind::Float) / batch.tokens;
                    loss.backward();
                    let clipped = clipped.to_kind(Kind::Double).sum(Kind::Double);
                    sums.push(Tensor::stack(&[loss.detach().to_kind(Kind::Double), clipped], 0));
                });
                leaf.grad()
            });
        }
        ranks.add_gradients(&self.optimizer.parameters())?;
        let sums = if sums.is_empty() {
            Tensor::zeros([2], (Kind::Double, Device::Cpu))
        } else {
            Tensor::stack(&sums, 0).sum_dim_intlist([0i64].as_slice(), false, Kind::Double)
        };
        let of_ranks = ranks.each(doubles(&sums))?;
        let [loss, clipped] = [0, 1].map(|place| of_ranks.iter().map(|sums| sums[place]).sum::<f64>());
        let norm = if loss.is_finite() { self.optimizer.step(learning_rate) } else { f64::NAN };
        ranks.spread_parameters(&self.optimizer)?;
        self.model.refresh();
        let decoder = self.model.decoder();
        if decoder.has_experts() {
            let load = add_expert_loads(ranks.each(decoder.take_expert_load())?);
            let rate = if norm.is_finite() { self.options.router_bias_update_rate } else { 0.0 };
            decoder.move_router_biases(&load, rate);
        }
        Ok(ValueUpdate { loss, clipped: clipped / batch.tokens, norm })
    }
}

impl ValueBatch {
    /// Parts with the returns of their tokens, which come in the same order, of a batch of so many tokens.
    fn new(parts: Vec<(Packed, Tensor)>, returns: &[f64], tokens: usize) -> Self {
        let mut rest = returns;
        let part = |(packed, old_values): (Packed, Tensor)| {
            let (own, later) = rest.split_at(old_values.numel());
            rest = later;
            let returns = Tensor::from_slice(own).to_kind(Kind::Float).to_device(old_values.device());
            ValuePart { packed, old_values, returns }
        };
        Self { parts: parts.into_iter().map(part).collect(), tokens: tokens as f64 }
    }
}

fn doubles(values: &Tensor) -> Vec<f64> {
    Vec::try_from(values.to_kind(Kind::Double)).expect("a vector of numbers")
}
