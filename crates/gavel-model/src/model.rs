//! A decoder-only transformer: its parameters, and the forward pass.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use crate::{Config, Error};

/// In which number formats a model holds its parameters and computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision {
    /// The format of the parameters, and so of their gradients.
    pub parameters: Kind,
    /// The format of the forward and backward pass. Logits become fp32 before any softmax.
    pub compute: Kind,
}

impl Precision {
    /// fp32 throughout: the choice on a CPU.
    pub const FULL: Self = Self { parameters: Kind::Float, compute: Kind::Float };
    /// bf16 computation on fp32 parameters: the choice for training on CUDA, where an update of a bf16 parameter
    /// would be rounded away.
    pub const MIXED: Self = Self { parameters: Kind::Float, compute: Kind::BFloat16 };
    /// bf16 throughout: half the memory, for models that are not trained (the reference policy, evaluation).
    pub const BF16: Self = Self { parameters: Kind::BFloat16, compute: Kind::BFloat16 };
}

/// The log-probabilities of given tokens.
#[derive(Debug)]
pub struct TokenLogProbs {
    /// `(B, T - first)` fp32, in nats; differentiable.
    pub log_probs: Tensor,
    /// `(B, T - first)` fp32: the entropy in nats of the distributions that the tokens were drawn from. No gradient.
    pub entropy: Tensor,
}

/// A language model with its parameters.
///
/// Everything it computes is a function of parameters and input: there is no dropout and no hidden state.
#[derive(Debug)]
pub struct Model {
    config: Config,
    precision: Precision,
    device: Device,
}

impl Model {
    /// Reads a Hugging Face directory: `config.json`, and `model.safetensors` or the shards that
    /// `model.safetensors.index.json` lists. Parameters require no gradient yet.
    ///
    /// # Errors
    /// When a file is missing or malformed, a tensor is missing or has the wrong shape, or the configuration asks
    /// for what is not supported.
    pub fn load(directory: &Path, device: Device, precision: Precision) -> Result<Self, Error> {
        unimplemented!("{directory:?}{device:?}{precision:?}")
    }

    /// Draws fresh parameters as `transformers` does: normal with `initializer_range`, norms 1, biases 0.
    ///
    /// The same seed gives the same parameters on every device. Seeds torch's global generator.
    pub fn random(config: Config, seed: i64, device: Device, precision: Precision) -> Self {
        unimplemented!("{config:?}{seed:?}{device:?}{precision:?}")
    }

    /// Writes `config.json` and `model.safetensors` with Hugging Face's names into `directory`, which must exist.
    /// `transformers` loads it unchanged, and so does [`Model::load`], bit for bit. The tokenizer's files are
    /// written by [`Tokenizer::save`](crate::Tokenizer::save).
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        unimplemented!("{directory:?}")
    }

    /// The shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the parameters live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The number formats.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The parameters by name, always in the same order. The tensors share the model's memory, so an optimiser
    /// updates them in place (under `no_grad`).
    ///
    /// Query, key and value projections are one parameter (`…self_attn.qkv_proj.weight`), and so are gate and up
    /// (`…mlp.gate_up_proj.weight`); files hold them apart, under Hugging Face's names.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        unimplemented!()
    }

    /// The number of parameters, tied ones counted once.
    pub fn parameter_count(&self) -> usize {
        unimplemented!()
    }

    /// Whether the parameters collect gradients. Off after loading.
    pub fn set_requires_grad(&mut self, requires_grad: bool) {
        unimplemented!("{requires_grad}")
    }

    /// An independent copy, without gradients: a reference policy.
    pub fn frozen_copy(&self, precision: Precision) -> Self {
        unimplemented!("{precision:?}")
    }

    /// The logits after every token: `tokens` `(B, T)` i64 in, `(B, T, vocab_size)` of the compute format out.
    ///
    /// `attention_mask` `(B, T)`, 1 for tokens and 0 for padding, on either side; positions count the tokens.
    /// Batches padded on the right alone need none, because no token sees what comes after it: that is faster, so
    /// prefer it. Logits at padding mean nothing.
    pub fn forward(&self, tokens: &Tensor, attention_mask: Option<&Tensor>) -> Tensor {
        unimplemented!("{tokens:?}{attention_mask:?}")
    }

    /// The log-probabilities of `tokens[:, first..]` given what precedes each, and the entropies there, under
    /// `softmax(logits / temperature)`, which is what TRL compares policies by.
    ///
    /// `first >= 1`: the first token has no prediction. Padding as in [`Model::forward`]; values at padding mean
    /// nothing, mask them. Logits are made for the columns needed only, and in chunks, so that without gradients
    /// one chunk exists at a time, and with gradients nothing vocabulary-sized but what the backward pass needs.
    pub fn log_probs(&self, tokens: &Tensor, attention_mask: Option<&Tensor>, first: i64, temperature: f64) -> TokenLogProbs {
        unimplemented!("{tokens:?}{attention_mask:?}{first}{temperature}")
    }
}
