//! A decoder-only transformer: its parameters, in the formats that training and sampling need.

use std::path::Path;

use tch::{Device, Kind, Tensor, no_grad};

use crate::attention::neighbours_from_halves;
use crate::decoder::Decoder;
use crate::families::Place;
use crate::load::ExpertLoad;
use crate::lora::{self, Adapter};
use crate::network::Network;
use crate::weights::Weights;
use crate::{Config, Error, GenerationConfig, SaveDtype, checkpoint};

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

/// A language model with its parameters.
///
/// Everything it computes is a function of parameters and input: there is no dropout and no hidden state.
#[derive(Debug)]
pub struct Model {
    pub(crate) config: Config,
    precision: Precision,
    pub(crate) device: Device,
    pub(crate) weights: Weights,
    /// The parameters in the compute format: copies in memory of their own that lasts, or, where the format is the same,
    /// the parameters themselves. See [`Model::refresh`].
    pub(crate) values: Weights,
    /// What is trained in place of the weights; it is in `values`, and not in `weights`.
    pub(crate) adapter: Option<Adapter>,
    generation_config: Option<GenerationConfig>,
    /// The format that the weights came in.
    stored: Kind,
    /// What went to which expert in learning.
    pub(crate) load: ExpertLoad,
}

impl Model {
    /// Reads a Hugging Face directory: `config.json`, `generation_config.json` where there is one, and
    /// `model.safetensors` or the shards that `model.safetensors.index.json` lists. Of a directory that PEFT wrote, an adapter,
    /// the model is read that it names, and the adapter added to its parameters. Parameters require no gradient yet.
    ///
    /// # Errors
    /// When a file is missing or malformed, a tensor is missing or has the wrong shape, or the configuration asks
    /// for what is not supported.
    pub fn load(directory: &Path, device: Device, precision: Precision) -> Result<Self, Error> {
        if let Some(base) = lora::base_of(directory)? {
            let mut model = Self::load(&base, device, precision)?;
            model.load_adapter(directory)?;
            model.absorb_adapter();
            return Ok(model);
        }
        let config = Config::load(directory)?;
        let generation_config = GenerationConfig::load(directory)?;
        let (weights, stored) = checkpoint::read(directory, &config, precision.parameters, device)?;
        let values = values_of(&weights, precision);
        let (adapter, load) = (None, ExpertLoad::default());
        Ok(Self { config, precision, device, weights, values, adapter, generation_config, stored, load })
    }

    /// Draws fresh parameters as `transformers` does: normal with `initializer_range`, norms 1, biases 0.
    ///
    /// The same seed gives the same parameters on every device; torch's generators are left alone.
    pub fn random(config: Config, seed: i64, device: Device, precision: Precision) -> Self {
        let weights =
            no_grad(|| Weights::random(&config, seed.cast_unsigned(), precision.parameters, device));
        let (stored, values) = (precision.parameters, values_of(&weights, precision));
        let (adapter, generation_config, load) = (None, None, ExpertLoad::default());
        Self { config, precision, device, weights, values, adapter, generation_config, stored, load }
    }

    /// Writes `config.json`, `model.safetensors` with Hugging Face's names, and `generation_config.json` where the model
    /// came with one, into `directory`, which must exist. `transformers` loads it unchanged, and so does
    /// [`Model::load`], bit for bit. The tokenizer's files are written by
    /// [`Tokenizer::save`](crate::Tokenizer::save).
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        self.save_kind(directory, self.precision.parameters)
    }

    /// As [`Model::save`], with the weights in another format than the parameters have, perhaps: one that is narrower
    /// rounds them.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save_as(&self, directory: &Path, dtype: SaveDtype) -> Result<(), Error> {
        self.save_kind(directory, self.kind_to_save(dtype))
    }

    /// The format in which [`Model::save_as`] writes weights.
    pub fn kind_to_save(&self, dtype: SaveDtype) -> Kind {
        match dtype {
            SaveDtype::Auto => self.stored,
            SaveDtype::Float32 => Kind::Float,
            SaveDtype::Bfloat16 => Kind::BFloat16,
        }
    }

    fn save_kind(&self, directory: &Path, kind: Kind) -> Result<(), Error> {
        checkpoint::write(directory, &self.config, self.whole(), kind)?;
        self.generation_config.as_ref().map_or(Ok(()), |config| config.save(directory))
    }

    /// The `generation_config.json` that the model came with.
    pub fn generation_config(&self) -> Option<&GenerationConfig> {
        self.generation_config.as_ref()
    }

    /// The ids that end a text, by `config.json` and by `generation_config.json`, each once. As in vLLM, each of them
    /// ends a completion.
    pub fn end_tokens(&self) -> Vec<i64> {
        let mut ids = self.config.eos_token_ids.clone();
        let more = self.generation_config.iter().flat_map(|config| &config.eos_token_ids);
        for id in more {
            if !ids.contains(id) {
                ids.push(*id);
            }
        }
        ids
    }

    /// The first parameter that holds NaN or an infinity.
    pub(crate) fn first_not_finite(&self) -> Option<String> {
        let finite = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) != 0;
        let adapter = self.adapter.iter().flat_map(Adapter::named);
        let mut all = self.weights.named().into_iter().chain(adapter);
        all.find(|(_, tensor)| !finite(tensor)).map(|(name, _)| name)
    }

    /// The parameters with the adapter added, where there is one.
    fn whole(&self) -> &Weights {
        if self.adapter.is_some() { &self.values } else { &self.weights }
    }

    /// Puts other parameters in the place of those there are.
    pub(crate) fn set_weights(&mut self, weights: Weights) {
        self.values = values_of(&weights, self.precision);
        self.weights = weights;
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
    /// updates them in place (under `no_grad`), and calls [`Model::refresh`] then.
    ///
    /// Query, key and value projections are one parameter (`…self_attn.qkv_proj.weight`), and so are gate and up
    /// (`…mlp.gate_up_proj.weight`); files hold them apart, under Hugging Face's names.
    ///
    /// Of a model with an adapter, they are those of the adapter alone, under PEFT's names without their prefix
    /// (`…self_attn.q_proj.lora_A.weight`).
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        self.trained().into_iter().map(|(name, tensor)| (name, tensor.shallow_clone())).collect()
    }

    fn trained(&self) -> Vec<(String, &Tensor)> {
        self.adapter.as_ref().map_or_else(|| self.weights.named(), Adapter::named)
    }

    /// The number of parameters, tied ones counted once, and without those of an adapter.
    pub fn parameter_count(&self) -> usize {
        self.weights.named().iter().map(|(_, tensor)| tensor.numel()).sum()
    }

    /// Whether the parameters collect gradients. Off after loading.
    pub fn set_requires_grad(&mut self, requires_grad: bool) {
        for (_, tensor) in self.trained() {
            // The flag is set on the shared tensor; what comes back is another name for it.
            let _ = tensor.set_requires_grad(requires_grad);
        }
    }

    /// An independent copy, without gradients: a reference policy.
    pub fn frozen_copy(&self, precision: Precision) -> Self {
        let weights = self.whole().map(|tensor| tensor.detach().to_dtype(precision.parameters, false, true));
        self.with_weights(weights, precision)
    }

    /// The model as it is without its adapter, in the same memory: the reference of a policy with one.
    pub fn without_adapter(&self) -> Self {
        self.with_weights(self.weights.map(Tensor::shallow_clone), self.precision)
    }

    fn with_weights(&self, weights: Weights, precision: Precision) -> Self {
        Self {
            config: self.config.clone(),
            precision,
            device: self.device,
            values: values_of(&weights, precision),
            weights,
            adapter: None,
            generation_config: self.generation_config.clone(),
            stored: self.stored,
            load: ExpertLoad::default(),
        }
    }

    /// The logits after every token: `tokens` `(B, T)` i64 in, `(B, T, vocab_size)` of the compute format out.
    ///
    /// `attention_mask` `(B, T)`, 1 for tokens and 0 for padding, on either side; positions count the tokens.
    /// Batches padded on the right alone need none, because no token sees what comes after it: that is faster, so
    /// prefer it. Logits at padding mean nothing.
    ///
    /// # Panics
    /// If sequences are longer than positions are followed: than `max_position_embeddings`, where they are
    /// [dynamic](crate::RopeScaling::Dynamic), or than the original context of [LongRoPE](crate::RopeScaling::LongRope).
    pub fn forward(&self, tokens: &Tensor, attention_mask: Option<&Tensor>) -> Tensor {
        self.config.check_length(tokens.size()[1]);
        let network = self.network();
        network.logits(&network.hidden_states(tokens, attention_mask))
    }

    /// Copies the parameters into their copies in the compute format, in the memory where those lie. Without it, whoever
    /// computes with the copies does not notice that the parameters have changed.
    pub fn refresh(&self) {
        if let Some(adapter) = &self.adapter {
            no_grad(|| adapter.merge(&self.values, &self.weights));
            return;
        }
        if self.precision.parameters == self.precision.compute {
            return;
        }
        let (copies, masters) = (self.values.named(), self.weights.named());
        let copies: Vec<&Tensor> = copies.into_iter().map(|(_, copy)| copy).collect();
        let masters: Vec<&Tensor> = masters.into_iter().map(|(_, master)| master).collect();
        no_grad(|| gavel_torch::optim::copy_all(&copies, &masters));
    }

    /// What training runs.
    pub(crate) fn decoder(&self) -> Decoder<'_> {
        let adapter = self.adapter.as_ref();
        Decoder {
            config: &self.config,
            masters: &self.weights,
            values: &self.values,
            adapter,
            load: None,
            balance: None,
        }
    }

    /// The parameters in the compute format and in checkpoint order; see [`Model::refresh`].
    pub(crate) fn values(&self) -> &Weights {
        &self.values
    }

    /// The parameters in the compute format, ready for one or many forward passes; gradients flow through to those of a model
    /// without adapter.
    pub(crate) fn network(&self) -> Network {
        let mut weights = self.whole().map(|tensor| tensor.to_kind(self.precision.compute));
        // Heads of latent attention are put in this order where they are turned.
        let rows = self.config.latent_attention.is_none().then(|| neighbours_from_halves(&self.config));
        let rows = rows.map(|rows| Tensor::from_slice(&rows).to_device(self.device));
        let add_one = self.config.architecture.family().norms_add_one;
        for block in &mut weights.blocks {
            if let Some(rows) = &rows {
                for place in [Place::Qkv, Place::QkvBias] {
                    block.replace(place, |tensor| tensor.index_select(0, rows));
                }
                // Norms of queries and keys go along with their rows. The first head's are in the order of every head's, so
                // this holds for those of a head too.
                for place in [Place::QueryNorm, Place::KeyNorm] {
                    block.replace(place, |norm| norm.index_select(0, &rows.narrow(0, 0, norm.size()[0])));
                }
            }
            for place in Place::NORMS.into_iter().filter(|_| add_one) {
                block.replace(place, one_more);
            }
        }
        if add_one {
            weights.norm = one_more(&weights.norm);
        }
        Network { config: self.config.clone(), weights }
    }
}

/// What a norm multiplies by where its weight says how much it is more than 1; in fp32, since in bf16 a small weight would
/// be lost.
pub(crate) fn one_more(norm: &Tensor) -> Tensor {
    norm.to_kind(if norm.kind() == Kind::Double { Kind::Double } else { Kind::Float }) + 1.0
}

/// `weights` in the compute format, without gradients.
fn values_of(weights: &Weights, precision: Precision) -> Weights {
    weights.map(|tensor| tensor.detach().to_kind(precision.compute))
}
