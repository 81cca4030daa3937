//! The parameters of a model, and how they correspond to the tensors of a Hugging Face checkpoint.

use std::convert::Infallible;
use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::{Device, Kind, Tensor};

use crate::{Architecture, Config};

/// All parameters. Matrices are `(out, in)`, as in checkpoints.
#[derive(Debug)]
pub(crate) struct Weights {
    /// `(vocab_size, hidden_size)`.
    pub(crate) embedding: Tensor,
    pub(crate) blocks: Vec<Block>,
    /// `(hidden_size)`, after the last block.
    pub(crate) norm: Tensor,
    /// `(vocab_size, hidden_size)`; absent when it is the embedding.
    pub(crate) head: Option<Tensor>,
}

/// The parameters of one block. Projections of the same input are one matrix: one large multiplication is faster
/// than three small ones.
#[derive(Debug)]
pub(crate) struct Block {
    /// `(hidden_size)`.
    pub(crate) attention_norm: Tensor,
    /// Queries, keys, values one under the other: `((heads + 2 key_value_heads) * head_dim, hidden_size)`.
    pub(crate) qkv: Tensor,
    pub(crate) qkv_bias: Option<Tensor>,
    /// `(head_dim)`, of every query.
    pub(crate) query_norm: Option<Tensor>,
    /// `(head_dim)`, of every key.
    pub(crate) key_norm: Option<Tensor>,
    /// `(hidden_size, heads * head_dim)`.
    pub(crate) output: Tensor,
    pub(crate) output_bias: Option<Tensor>,
    /// `(hidden_size)`.
    pub(crate) feed_forward_norm: Tensor,
    /// Gate over up: `(2 intermediate_size, hidden_size)`.
    pub(crate) gate_up: Tensor,
    /// `(hidden_size, intermediate_size)`.
    pub(crate) down: Tensor,
}

/// One tensor of a checkpoint: its name and shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) shape: Vec<i64>,
}

impl Weights {
    /// Fresh parameters: normal matrices, norms 1, biases 0. Drawn on the CPU.
    pub(crate) fn random(config: &Config, seed: u64, kind: Kind, device: Device) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let result: Result<_, Infallible> = Self::from_stored(config, |stored| {
            let options = (Kind::Float, Device::Cpu);
            Ok(if stored.name.ends_with("bias") {
                Tensor::zeros(&stored.shape, options)
            } else if stored.shape.len() == 1 {
                Tensor::ones(&stored.shape, options)
            } else {
                normal(&stored.shape, &mut random) * config.initializer_range
            })
        });
        let Ok(weights) = result;
        weights.map(|tensor| tensor.to_device(device).to_kind(kind))
    }

    /// Puts the parameters together from a checkpoint's tensors; `get` is asked for each once.
    pub(crate) fn from_stored<E>(
        config: &Config,
        mut get: impl FnMut(Stored) -> Result<Tensor, E>,
    ) -> Result<Self, E> {
        let mut fused = |parts: Vec<Stored>| -> Result<Tensor, E> {
            let parts: Vec<_> = parts.into_iter().map(&mut get).collect::<Result<_, E>>()?;
            Ok(Tensor::cat(&parts, 0))
        };
        let names = Names { config };
        let blocks = (0..config.num_hidden_layers)
            .map(|layer| {
                Ok(Block {
                    attention_norm: fused(names.attention_norm(layer))?,
                    qkv: fused(names.qkv(layer))?,
                    qkv_bias: names.qkv_bias(layer).map(&mut fused).transpose()?,
                    query_norm: names.head_norm(layer, "q").map(&mut fused).transpose()?,
                    key_norm: names.head_norm(layer, "k").map(&mut fused).transpose()?,
                    output: fused(names.output(layer))?,
                    output_bias: names.output_bias(layer).map(&mut fused).transpose()?,
                    feed_forward_norm: fused(names.feed_forward_norm(layer))?,
                    gate_up: fused(names.gate_up(layer))?,
                    down: fused(names.down(layer))?,
                })
            })
            .collect::<Result<_, E>>()?;
        Ok(Self {
            embedding: fused(names.embedding())?,
            blocks,
            norm: fused(names.norm())?,
            head: names.head().map(&mut fused).transpose()?,
        })
    }

    /// Takes the parameters apart into a checkpoint's tensors: views of the parameters.
    pub(crate) fn to_stored(&self, config: &Config) -> Vec<(Stored, Tensor)> {
        let mut stored = Vec::new();
        let mut split = |parts: Vec<Stored>, tensor: &Tensor| {
            let mut row = 0;
            for part in parts {
                let rows = part.shape[0];
                stored.push((part, tensor.detach().narrow(0, row, rows)));
                row += rows;
            }
        };
        let names = Names { config };
        split(names.embedding(), &self.embedding);
        for (layer, block) in (0..).zip(&self.blocks) {
            split(names.attention_norm(layer), &block.attention_norm);
            split(names.qkv(layer), &block.qkv);
            if let Some((parts, bias)) = names.qkv_bias(layer).zip(block.qkv_bias.as_ref()) {
                split(parts, bias);
            }
            for (letter, norm) in [("q", &block.query_norm), ("k", &block.key_norm)] {
                if let Some((parts, norm)) = names.head_norm(layer, letter).zip(norm.as_ref()) {
                    split(parts, norm);
                }
            }
            split(names.output(layer), &block.output);
            if let Some((parts, bias)) = names.output_bias(layer).zip(block.output_bias.as_ref()) {
                split(parts, bias);
            }
            split(names.feed_forward_norm(layer), &block.feed_forward_norm);
            split(names.gate_up(layer), &block.gate_up);
            split(names.down(layer), &block.down);
        }
        split(names.norm(), &self.norm);
        if let Some((parts, head)) = names.head().zip(self.head.as_ref()) {
            split(parts, head);
        }
        stored
    }

    /// Every parameter with a name, always in the same order.
    pub(crate) fn named(&self) -> Vec<(String, &Tensor)> {
        let mut named = vec![("model.embed_tokens.weight".to_owned(), &self.embedding)];
        for (layer, block) in self.blocks.iter().enumerate() {
            let name = |rest: &str| format!("model.layers.{layer}.{rest}");
            named.push((name("input_layernorm.weight"), &block.attention_norm));
            named.push((name("self_attn.qkv_proj.weight"), &block.qkv));
            named.extend(block.qkv_bias.as_ref().map(|bias| (name("self_attn.qkv_proj.bias"), bias)));
            named.extend(block.query_norm.as_ref().map(|norm| (name("self_attn.q_norm.weight"), norm)));
            named.extend(block.key_norm.as_ref().map(|norm| (name("self_attn.k_norm.weight"), norm)));
            named.push((name("self_attn.o_proj.weight"), &block.output));
            named.extend(block.output_bias.as_ref().map(|bias| (name("self_attn.o_proj.bias"), bias)));
            named.push((name("post_attention_layernorm.weight"), &block.feed_forward_norm));
            named.push((name("mlp.gate_up_proj.weight"), &block.gate_up));
            named.push((name("mlp.down_proj.weight"), &block.down));
        }
        named.push(("model.norm.weight".to_owned(), &self.norm));
        named.extend(self.head.as_ref().map(|head| ("lm_head.weight".to_owned(), head)));
        named
    }

    /// The head, which may be the embedding: `(vocab_size, hidden_size)`.
    pub(crate) fn output_projection(&self) -> &Tensor {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// The same parameters, each passed through `f`.
    pub(crate) fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Self {
        let block = |block: &Block| Block {
            attention_norm: f(&block.attention_norm),
            qkv: f(&block.qkv),
            qkv_bias: block.qkv_bias.as_ref().map(&f),
            query_norm: block.query_norm.as_ref().map(&f),
            key_norm: block.key_norm.as_ref().map(&f),
            output: f(&block.output),
            output_bias: block.output_bias.as_ref().map(&f),
            feed_forward_norm: f(&block.feed_forward_norm),
            gate_up: f(&block.gate_up),
            down: f(&block.down),
        };
        Self {
            embedding: f(&self.embedding),
            blocks: self.blocks.iter().map(block).collect(),
            norm: f(&self.norm),
            head: self.head.as_ref().map(&f),
        }
    }
}

/// The names and shapes in a checkpoint: for each parameter the tensors that it is made of, in order.
struct Names<'a> {
    config: &'a Config,
}

impl Names<'_> {
    fn embedding(&self) -> Vec<Stored> {
        one("model.embed_tokens.weight", &[self.config.vocab_size, self.config.hidden_size])
    }

    fn norm(&self) -> Vec<Stored> {
        one("model.norm.weight", &[self.config.hidden_size])
    }

    fn head(&self) -> Option<Vec<Stored>> {
        let shape = [self.config.vocab_size, self.config.hidden_size];
        (!self.config.tie_word_embeddings).then(|| one("lm_head.weight", &shape))
    }

    fn attention_norm(&self, layer: i64) -> Vec<Stored> {
        one(&format!("model.layers.{layer}.input_layernorm.weight"), &[self.config.hidden_size])
    }

    fn feed_forward_norm(&self, layer: i64) -> Vec<Stored> {
        one(&format!("model.layers.{layer}.post_attention_layernorm.weight"), &[self.config.hidden_size])
    }

    fn qkv(&self, layer: i64) -> Vec<Stored> {
        self.projections(layer, "weight", Some(self.config.hidden_size))
    }

    fn qkv_bias(&self, layer: i64) -> Option<Vec<Stored>> {
        let biased = self.config.architecture == Architecture::Qwen2 || self.config.attention_bias;
        biased.then(|| self.projections(layer, "bias", None))
    }

    /// The norm of queries (`q`) or keys (`k`).
    fn head_norm(&self, layer: i64, letter: &str) -> Option<Vec<Stored>> {
        let name = || format!("model.layers.{layer}.self_attn.{letter}_norm.weight");
        (self.config.architecture == Architecture::Qwen3).then(|| one(&name(), &[self.config.head_dim]))
    }

    fn projections(&self, layer: i64, what: &str, inputs: Option<i64>) -> Vec<Stored> {
        let Config { num_attention_heads, num_key_value_heads, head_dim, .. } = *self.config;
        [("q", num_attention_heads), ("k", num_key_value_heads), ("v", num_key_value_heads)]
            .into_iter()
            .map(|(letter, heads)| Stored {
                name: format!("model.layers.{layer}.self_attn.{letter}_proj.{what}"),
                shape: [heads * head_dim].into_iter().chain(inputs).collect(),
            })
            .collect()
    }

    fn output(&self, layer: i64) -> Vec<Stored> {
        let inputs = self.config.num_attention_heads * self.config.head_dim;
        one(&format!("model.layers.{layer}.self_attn.o_proj.weight"), &[self.config.hidden_size, inputs])
    }

    fn output_bias(&self, layer: i64) -> Option<Vec<Stored>> {
        let biased = self.config.architecture != Architecture::Qwen2 && self.config.attention_bias;
        let name = || format!("model.layers.{layer}.self_attn.o_proj.bias");
        biased.then(|| one(&name(), &[self.config.hidden_size]))
    }

    fn gate_up(&self, layer: i64) -> Vec<Stored> {
        let shape = [self.config.intermediate_size, self.config.hidden_size];
        ["gate", "up"]
            .into_iter()
            .flat_map(|part| one(&format!("model.layers.{layer}.mlp.{part}_proj.weight"), &shape))
            .collect()
    }

    fn down(&self, layer: i64) -> Vec<Stored> {
        let shape = [self.config.hidden_size, self.config.intermediate_size];
        one(&format!("model.layers.{layer}.mlp.down_proj.weight"), &shape)
    }
}

fn one(name: &str, shape: &[i64]) -> Vec<Stored> {
    vec![Stored { name: name.to_owned(), shape: shape.to_vec() }]
}

/// Standard normal numbers by the Box-Muller transform. Not torch's: its generator is global, so that another thread
/// could come between a seed and what is drawn from it.
fn normal(shape: &[i64], random: &mut ChaCha8Rng) -> Tensor {
    let count = shape.iter().product::<i64>();
    let mut uniform = |lowest: f32| -> Tensor {
        let steps = (0..count).map(|_| ((random.next_u32() >> 8) as f32 + lowest) / (1 << 24) as f32);
        Tensor::from_slice(&steps.collect::<Vec<_>>())
    };
    let radius = (uniform(1.0).log() * -2.0).sqrt();
    let angle = uniform(0.0) * TAU;
    (radius * angle.cos()).view(shape)
}
