//! The parameters of a model, and how they correspond to the tensors of a Hugging Face checkpoint.

use std::convert::Infallible;
use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::{Device, Kind, Tensor};

use crate::families::{Place, Row};
use crate::{Architecture, Config};

const EMBEDDING: &str = "model.embed_tokens.weight";
const NORM: &str = "model.norm.weight";
const HEAD: &str = "lm_head.weight";

/// All parameters. Matrices are `(out, in)`, as in checkpoints.
#[derive(Debug)]
pub(crate) struct Weights {
    architecture: Architecture,
    /// `(vocab_size, hidden_size)`.
    pub(crate) embedding: Tensor,
    pub(crate) blocks: Vec<Block>,
    /// `(hidden_size)`, after the last block.
    pub(crate) norm: Tensor,
    /// `(vocab_size, hidden_size)`; absent when it is the embedding.
    pub(crate) head: Option<Tensor>,
}

/// The parameters of one block, by their places. Projections of the same input are one matrix: one large multiplication is
/// faster than three small ones.
#[derive(Debug)]
pub(crate) struct Block([Option<Tensor>; Place::ALL.len()]);

impl Block {
    /// The tensor in a place that not every family fills.
    pub(crate) fn perhaps(&self, place: Place) -> Option<&Tensor> {
        self.0[place as usize].as_ref()
    }

    /// The tensor in a place that every family fills.
    pub(crate) fn tensor(&self, place: Place) -> &Tensor {
        self.perhaps(place).unwrap_or_else(|| panic!("a block has {place:?} in every family"))
    }

    /// Puts another tensor in a place that is filled.
    pub(crate) fn replace(&mut self, place: Place, f: impl FnOnce(&Tensor) -> Tensor) {
        if let Some(tensor) = &mut self.0[place as usize] {
            *tensor = f(tensor);
        }
    }
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
            let norm_of_one = !config.architecture.family().norms_add_one;
            Ok(if stored.shape.len() > 1 {
                normal(&stored.shape, &mut random) * config.initializer_range
            } else if norm_of_one && !stored.name.ends_with("bias") {
                Tensor::ones(&stored.shape, options)
            } else {
                Tensor::zeros(&stored.shape, options)
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
        let mut block = |layer| -> Result<Block, E> {
            let mut tensors = Place::ALL.map(|_| None);
            for place in Place::ALL {
                let parts = stored_in(config, layer, place);
                tensors[place as usize] = if parts.is_empty() { None } else { Some(fused(parts)?) };
            }
            Ok(Block(tensors))
        };
        let blocks = (0..config.layers()).map(&mut block).collect::<Result<_, E>>()?;
        let [embedding, norm, head] = outer(config);
        Ok(Self {
            architecture: config.architecture,
            embedding: fused(embedding)?,
            blocks,
            norm: fused(norm)?,
            head: if head.is_empty() { None } else { Some(fused(head)?) },
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
        let [embedding, norm, head] = outer(config);
        split(embedding, &self.embedding);
        for (layer, block) in self.blocks.iter().enumerate() {
            for place in Place::ALL {
                if let Some(tensor) = block.perhaps(place) {
                    split(stored_in(config, layer, place), tensor);
                }
            }
        }
        split(norm, &self.norm);
        if let Some(tensor) = &self.head {
            split(head, tensor);
        }
        stored
    }

    /// Every parameter with a name, always in the same order: that of its tensor, or a name for several.
    pub(crate) fn named(&self) -> Vec<(String, &Tensor)> {
        let mut named = vec![(EMBEDDING.to_owned(), &self.embedding)];
        for (layer, block) in self.blocks.iter().enumerate() {
            for place in Place::ALL.into_iter().filter(|place| place.is_parameter()) {
                let Some(tensor) = block.perhaps(place) else { continue };
                let name = match rows_of(self.architecture, place)[..] {
                    [row] if !row.of_expert => row.name,
                    _ => place.fused_name(),
                };
                named.push((format!("model.layers.{layer}.{name}"), tensor));
            }
        }
        named.push((NORM.to_owned(), &self.norm));
        named.extend(self.head.as_ref().map(|head| (HEAD.to_owned(), head)));
        named
    }

    /// The head, which may be the embedding: `(vocab_size, hidden_size)`.
    pub(crate) fn output_projection(&self) -> &Tensor {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// The same parameters, each passed through `f`, whose choice of a format does not count for biases of routers.
    pub(crate) fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Self {
        let block = |block: &Block| {
            let mut mapped = block.0.each_ref().map(|tensor| tensor.as_ref().map(&f));
            let bias = Place::RouterBias as usize;
            if let (Some(before), Some(after)) = (&block.0[bias], &mut mapped[bias])
                && before.kind() != after.kind()
            {
                *after = before.to_device(after.device()).copy();
            }
            Block(mapped)
        };
        Self {
            architecture: self.architecture,
            embedding: f(&self.embedding),
            blocks: self.blocks.iter().map(block).collect(),
            norm: f(&self.norm),
            head: self.head.as_ref().map(&f),
        }
    }
}

/// Whether a tensor of a checkpoint is in float32 whatever the format of the others is: what is added to scores of a router
/// moves in steps of a thousandth, which bfloat16 does not have.
pub(crate) fn is_in_float32(name: &str) -> bool {
    name.ends_with(".e_score_correction_bias")
}

/// The rows of a family's table for a place.
fn rows_of(architecture: Architecture, place: Place) -> Vec<&'static Row> {
    let rows = architecture.family().block.iter().flat_map(|rows| rows.iter());
    rows.filter(|row| row.place == place).collect()
}

/// The tensors of a checkpoint that a place in a block is made of, in order; none, where the place stays empty.
pub(crate) fn stored_in(config: &Config, layer: usize, place: Place) -> Vec<Stored> {
    let mut rows = rows_of(config.architecture, place);
    rows.retain(|row| row.when.holds(config, layer));
    let of_experts = rows.iter().any(|row| row.of_expert);
    let stored = |row: &Row, expert: i64| Stored {
        name: format!("model.layers.{layer}.{}", row.name.replace("{}", &expert.to_string())),
        shape: row.shape.iter().map(|size| size.of(config)).collect(),
    };
    let experts = 0..if of_experts { config.num_experts } else { 1 };
    experts
        .flat_map(|expert| rows.iter().map(move |row| (row, expert)))
        .map(|(row, expert)| stored(row, expert))
        .collect()
}

/// The tensors of a checkpoint outside of blocks: embedding, norm, and the head where it is no embedding.
pub(crate) fn outer(config: &Config) -> [Vec<Stored>; 3] {
    let table = |name: &str| one(name, &[config.vocab_size, config.hidden_size]);
    let head = if config.tie_word_embeddings { Vec::new() } else { table(HEAD) };
    [table(EMBEDDING), one(NORM, &[config.hidden_size]), head]
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
