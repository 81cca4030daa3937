//! A decoder-only transformer: its parameters, and the forward pass.

use std::path::Path;

use tch::{Device, Kind, Tensor, no_grad};

use crate::attention::{Look, Rope, attend, causal_mask, neighbours_from_halves, positions_of};
use crate::decoder::Decoder;
use crate::families::{Activation, Place};
use crate::layers::{Routing, plain_experts};
use crate::rope::PerRotary;
use crate::weights::{Block, Weights};
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
    config: Config,
    precision: Precision,
    device: Device,
    weights: Weights,
    /// The parameters in the compute format: copies in memory of their own that lasts, or, where the format is the same,
    /// the parameters themselves. See [`Model::refresh`].
    values: Weights,
    generation_config: Option<GenerationConfig>,
    /// The format that the weights came in.
    stored: Kind,
}

impl Model {
    /// Reads a Hugging Face directory: `config.json`, `generation_config.json` where there is one, and
    /// `model.safetensors` or the shards that `model.safetensors.index.json` lists. Parameters require no gradient yet.
    ///
    /// # Errors
    /// When a file is missing or malformed, a tensor is missing or has the wrong shape, or the configuration asks
    /// for what is not supported.
    pub fn load(directory: &Path, device: Device, precision: Precision) -> Result<Self, Error> {
        let config = Config::load(directory)?;
        let generation_config = GenerationConfig::load(directory)?;
        let (weights, stored) = checkpoint::read(directory, &config, precision.parameters, device)?;
        let values = values_of(&weights, precision);
        Ok(Self { config, precision, device, weights, values, generation_config, stored })
    }

    /// Draws fresh parameters as `transformers` does: normal with `initializer_range`, norms 1, biases 0.
    ///
    /// The same seed gives the same parameters on every device; torch's generators are left alone.
    pub fn random(config: Config, seed: i64, device: Device, precision: Precision) -> Self {
        let weights =
            no_grad(|| Weights::random(&config, seed.cast_unsigned(), precision.parameters, device));
        let (stored, values) = (precision.parameters, values_of(&weights, precision));
        Self { config, precision, device, weights, values, generation_config: None, stored }
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
        checkpoint::write(directory, &self.config, &self.weights, kind)?;
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
        self.weights.named().into_iter().find(|(_, tensor)| !finite(tensor)).map(|(name, _)| name)
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
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        self.weights.named().into_iter().map(|(name, tensor)| (name, tensor.shallow_clone())).collect()
    }

    /// The number of parameters, tied ones counted once.
    pub fn parameter_count(&self) -> usize {
        self.weights.named().iter().map(|(_, tensor)| tensor.numel()).sum()
    }

    /// Whether the parameters collect gradients. Off after loading.
    pub fn set_requires_grad(&mut self, requires_grad: bool) {
        for (_, tensor) in self.weights.named() {
            // The flag is set on the shared tensor; what comes back is another name for it.
            let _ = tensor.set_requires_grad(requires_grad);
        }
    }

    /// An independent copy, without gradients: a reference policy.
    pub fn frozen_copy(&self, precision: Precision) -> Self {
        let weights = self.weights.map(|tensor| tensor.detach().to_dtype(precision.parameters, false, true));
        Self {
            config: self.config.clone(),
            precision,
            device: self.device,
            values: values_of(&weights, precision),
            weights,
            generation_config: self.generation_config.clone(),
            stored: self.stored,
        }
    }

    /// The logits after every token: `tokens` `(B, T)` i64 in, `(B, T, vocab_size)` of the compute format out.
    ///
    /// `attention_mask` `(B, T)`, 1 for tokens and 0 for padding, on either side; positions count the tokens.
    /// Batches padded on the right alone need none, because no token sees what comes after it: that is faster, so
    /// prefer it. Logits at padding mean nothing.
    ///
    /// # Panics
    /// If sequences are longer than `max_position_embeddings` and positions are [dynamic](crate::RopeScaling::Dynamic).
    pub fn forward(&self, tokens: &Tensor, attention_mask: Option<&Tensor>) -> Tensor {
        self.config.check_length(tokens.size()[1]);
        let network = self.network();
        network.logits(&network.hidden_states(tokens, attention_mask))
    }

    /// Copies the parameters into their copies in the compute format, in the memory where those lie. Without it, whoever
    /// computes with the copies does not notice that the parameters have changed.
    pub fn refresh(&self) {
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
        Decoder { config: &self.config, masters: &self.weights, values: &self.values }
    }

    /// The parameters in the compute format and in checkpoint order; see [`Model::refresh`].
    pub(crate) fn values(&self) -> &Weights {
        &self.values
    }

    /// The parameters in the compute format, ready for one or many forward passes; gradients flow through.
    pub(crate) fn network(&self) -> Network {
        let mut weights = self.weights.map(|tensor| tensor.to_kind(self.precision.compute));
        let rows = Tensor::from_slice(&neighbours_from_halves(&self.config)).to_device(self.device);
        let add_one = self.config.architecture.family().norms_add_one;
        for block in &mut weights.blocks {
            for place in [Place::Qkv, Place::QkvBias] {
                block.replace(place, |tensor| tensor.index_select(0, &rows));
            }
            // Norms of queries and keys go along with their rows. The first head's are in the order of every head's, so
            // this holds for those of a head too.
            for place in [Place::QueryNorm, Place::KeyNorm] {
                block.replace(place, |norm| norm.index_select(0, &rows.narrow(0, 0, norm.size()[0])));
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

/// A model's shape with its weights in the compute format, and queries and keys in neighbour order (see [`Rope`]):
/// the forward pass.
#[derive(Debug)]
pub(crate) struct Network {
    config: Config,
    weights: Weights,
}

/// Attention of one layer: its index, then queries `(B, heads, T, head_dim)`, and keys and values of the same tokens,
/// `(B, key_value_heads, T, head_dim)`; gives `(B, heads, T, head_dim)`.
pub(crate) type Attend<'a> = dyn FnMut(usize, &Tensor, &Tensor, &Tensor) -> Tensor + 'a;

impl Network {
    /// The format that it computes in.
    pub(crate) fn kind(&self) -> Kind {
        self.weights.embedding.kind()
    }

    /// What the last block says of every token: `(B, T)` in, `(B, T, hidden_size)` out, normalised.
    fn hidden_states(&self, tokens: &Tensor, attention_mask: Option<&Tensor>) -> Tensor {
        let positions = match attention_mask {
            Some(mask) => positions_of(mask),
            None => Tensor::arange(tokens.size()[1], (Kind::Int64, tokens.device())),
        };
        let ropes = Rope::of_layers(&self.config, &positions);
        let mask = attention_mask.map(causal_mask);
        let causal = mask.is_none() && tokens.size()[1] > 1;
        self.run(tokens, &ropes, &mut |layer, queries, keys, values| {
            attend(queries, keys, values, mask.as_ref(), causal, Look::of_layer(&self.config, layer))
        })
    }

    /// Runs all blocks on `tokens` `(B, T)`; which tokens they see is up to `attend`.
    pub(crate) fn run(&self, tokens: &Tensor, ropes: &PerRotary<Rope>, attend: &mut Attend<'_>) -> Tensor {
        let mut stream = Tensor::embedding(&self.weights.embedding, tokens, -1, false, false);
        if let Some(scale) = self.config.embedding_scale(self.kind()) {
            stream = stream * scale;
        }
        let perhaps = |norm: Option<&Tensor>, rows: Tensor| match norm {
            Some(norm) => self.normalise(&rows, norm),
            None => rows,
        };
        for (layer, block) in self.weights.blocks.iter().enumerate() {
            let rope = ropes.of(self.config.rotary(layer));
            let seen = perhaps(block.perhaps(Place::AttentionNorm), stream.shallow_clone());
            let attended = self.attention(layer, block, &seen, rope, attend);
            // Not added in place: the backward pass needs the stream as it was.
            stream = perhaps(block.perhaps(Place::AttentionPostNorm), attended) + stream;
            let seen = perhaps(block.perhaps(Place::FeedForwardNorm), stream.shallow_clone());
            let fed = self.feed_forward(block, &seen);
            stream = perhaps(block.perhaps(Place::FeedForwardPostNorm), fed) + stream;
        }
        self.normalise(&stream, &self.weights.norm)
    }

    /// Logits `(.., vocab_size)` for hidden states `(.., hidden_size)`.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Tensor {
        let logits = hidden.linear(self.weights.output_projection(), None::<&Tensor>);
        match self.config.final_logit_softcapping {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }

    fn attention(
        &self,
        layer: usize,
        block: &Block,
        input: &Tensor,
        rope: &Rope,
        attend: &mut Attend<'_>,
    ) -> Tensor {
        let Config { num_attention_heads, num_key_value_heads, head_dim, .. } = self.config;
        let [rows, length, _] = input.size()[..] else {
            unreachable!("hidden states are (B, T, hidden_size)")
        };
        let projected = input.linear(block.tensor(Place::Qkv), block.perhaps(Place::QkvBias));
        let heads = projected.view([rows, length, num_attention_heads + 2 * num_key_value_heads, head_dim]);
        let (rotary, values) = split(&heads, 2, num_attention_heads + num_key_value_heads);
        let rotary = match block.perhaps(Place::QueryNorm).zip(block.perhaps(Place::KeyNorm)) {
            Some((query_norm, key_norm)) => {
                let (queries, keys) = split(&rotary, 2, num_attention_heads);
                // Each head by itself, or all of a token together: as many numbers as the norm has.
                let normalised = |heads: &Tensor, weight: &Tensor| {
                    let rows = heads.reshape([-1, weight.size()[0]]);
                    self.normalise(&rows, weight).view_as(heads)
                };
                Tensor::cat(&[normalised(&queries, query_norm), normalised(&keys, key_norm)], 2)
            }
            None => rotary,
        };
        let (queries, keys) = split(&rope.turn(&rotary), 2, num_attention_heads);
        let [queries, keys, values] = [queries, keys, values].map(|heads| heads.transpose(1, 2));

        let attended = attend(layer, &queries, &keys, &values);
        let joined = attended.transpose(1, 2).reshape([rows, length, num_attention_heads * head_dim]);
        joined.linear(block.tensor(Place::Output), block.perhaps(Place::OutputBias))
    }

    /// SwiGLU or GeGLU, <https://arxiv.org/abs/2002.05202>.
    fn feed_forward(&self, block: &Block, input: &Tensor) -> Tensor {
        if let Some(router) = block.perhaps(Place::Router) {
            let rows = input.flatten(0, -2);
            let logits = rows.linear(router, None::<&Tensor>);
            let matrices = [Place::GateUp, Place::Down].map(|place| block.tensor(place));
            return plain_experts(&rows, &logits, matrices, Routing::of(&self.config)).view_as(input);
        }
        let both = input.linear(block.tensor(Place::GateUp), None::<&Tensor>);
        let (gate, up) = split(&both, 2, self.config.intermediate_size);
        let gate = match self.config.architecture.family().activation {
            Activation::Silu => gate.silu(),
            Activation::GeluTanh => gate.gelu("tanh"),
        };
        (gate * up).linear(block.tensor(Place::Down), None::<&Tensor>)
    }

    /// RMSNorm, <https://arxiv.org/abs/1910.07467>.
    fn normalise(&self, input: &Tensor, weight: &Tensor) -> Tensor {
        if weight.kind() == input.kind() {
            return input.rms_norm(weight.size(), Some(weight), self.config.rms_norm_eps);
        }
        // A weight in fp32 is multiplied by before rounding.
        let exact = input.to_kind(weight.kind());
        exact.rms_norm(weight.size(), Some(weight), self.config.rms_norm_eps).to_kind(input.kind())
    }
}

/// The first `size` columns of `dimension`, and the others. One operation, so that the backward pass puts the parts
/// together once.
fn split(tensor: &Tensor, dimension: usize, size: i64) -> (Tensor, Tensor) {
    let rest = tensor.size()[dimension] - size;
    let mut parts = tensor.split_with_sizes([size, rest], dimension as i64).into_iter();
    let mut next = || parts.next().expect("two sizes make two parts");
    (next(), next())
}
