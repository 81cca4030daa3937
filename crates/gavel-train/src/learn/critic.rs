//! What PPO has beside the policy: a value model that learns what each token may expect, and advantages from it.

use std::path::Path;

use gavel_model::{Packed, Precision, ValueModel};
use tch::{Device, Kind, Tensor};

use super::{Example, micro_batch};
use crate::TrainError;
use crate::grpo::gae::{explained_variance, gae, value_loss, whiten};
use crate::optim::{AdamW, AdamWOptions};

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

/// What one update of the value model learns from.
#[derive(Debug)]
pub struct ValueBatch {
    parts: Vec<ValuePart>,
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
    ) -> Result<Self, TrainError> {
        let mut model = ValueModel::load(directory, device, precision)?;
        model.set_requires_grad(true);
        let optimizer = AdamW::new(model.parameters(), adamw);
        Ok(Self { model, optimizer, options })
    }

    /// Advantages of the examples, in the order in which updates learn from them. `rewards` has those of all completions of
    /// the step, by the examples' indices; NaN is none.
    pub fn appraise(&self, examples: &[Example<'_>], rewards: &[f64]) -> Appraisal {
        let mut advantages = vec![Vec::new(); rewards.len()];
        let (mut all_values, mut all_returns) = (Vec::new(), Vec::new());
        let known =
            |example: &&Example<'_>| !rewards[example.index].is_nan() && !example.completion.is_empty();
        let mut batch = |examples: &[Example<'_>]| {
            let groups = micro_batch::by_prompt(examples.iter().filter(known));
            let CriticOptions { micro_batch_tokens, micro_batch_size, .. } = self.options;
            let parts = micro_batch::split(&groups, micro_batch_tokens, micro_batch_size);
            let before = all_values.len();
            let parts = parts.iter().map(|examples| {
                let packed = self.model.pack(&micro_batch::groups(examples));
                let old_values = self.model.values(&packed);
                let values: Vec<f64> =
                    Vec::try_from(old_values.to_kind(Kind::Double)).expect("a vector of doubles");
                let first = all_returns.len();
                let mut rest = &values[..];
                for example in examples {
                    let (own, later) = rest.split_at(example.completion.len());
                    let of_example = gae(rewards[example.index], own, self.options.gamma, self.options.lam);
                    advantages[example.index] = of_example.0;
                    all_returns.extend(of_example.1);
                    rest = later;
                }
                all_values.extend(values);
                let returns = Tensor::from_slice(&all_returns[first..]).to_kind(Kind::Float);
                ValuePart { packed, old_values, returns: returns.to_device(self.model.device()) }
            });
            let parts = parts.collect();
            ValueBatch { parts, tokens: (all_values.len() - before) as f64 }
        };
        let batches = examples.chunks(self.options.optimizer_batch_size).map(&mut batch).collect();
        whiten(&mut advantages);
        for example in examples.iter().filter(|example| !known(example)) {
            advantages[example.index] = vec![0.0; example.completion.len()];
        }
        let mean = all_values.iter().sum::<f64>() / all_values.len() as f64;
        Appraisal {
            advantages,
            batches,
            mean,
            explained_variance: explained_variance(&all_values, &all_returns),
        }
    }

    /// Learns from a batch; where the gradient is not finite, nothing changes.
    pub fn update(&mut self, batch: &ValueBatch, learning_rate: f64) -> ValueUpdate {
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
        let sums = if sums.is_empty() {
            Tensor::zeros([2], (Kind::Double, Device::Cpu))
        } else {
            Tensor::stack(&sums, 0).sum_dim_intlist([0i64].as_slice(), false, Kind::Double)
        };
        let sums: Vec<f64> = Vec::try_from(sums).expect("two doubles");
        let norm = if sums[0].is_finite() { self.optimizer.step(learning_rate) } else { f64::NAN };
        self.model.refresh();
        ValueUpdate { loss: sums[0], clipped: sums[1] / batch.tokens, norm }
    }
}
