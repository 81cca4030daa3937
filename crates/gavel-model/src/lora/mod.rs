//! LoRA ([2106.09685](https://arxiv.org/abs/2106.09685)): a model that stays as it is, and small adapters that are trained.

mod files;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;

use gavel_torch::{LowRank, merge};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::{Device, Kind, Tensor, no_grad};

use crate::families::Place;
use crate::weights::{Weights, stored_in};
use crate::{Config, Model};
pub(crate) use files::{CONFIG, WEIGHTS, base_of, with_tokenizer};
pub use files::{is_adapter, merge_adapter};

/// What an adapter is, with PEFT's names.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraOptions {
    /// The rank.
    pub r: i64,
    /// α: what is added is `α / r · B · A`.
    pub alpha: f64,
    /// The last parts of the names of the layers that get one, such as `q_proj`; empty means every linear layer of a block
    /// that is no router and no expert.
    pub target_modules: Vec<String>,
    /// Scale by α / √r ([2312.03732](https://arxiv.org/abs/2312.03732)).
    pub rslora: bool,
}

impl LoraOptions {
    fn scale(&self) -> f64 {
        let r = self.r as f64;
        self.alpha / if self.rslora { r.sqrt() } else { r }
    }
}

/// The adapters of a model.
#[derive(Debug)]
pub(crate) struct Adapter {
    options: LoraOptions,
    /// Those of each block.
    blocks: Vec<Vec<Adapted>>,
}

/// A tensor of a block that has adapters.
#[derive(Debug)]
struct Adapted {
    place: Place,
    /// A name for each of `parts`, such as `model.layers.0.self_attn.q_proj`.
    names: Vec<String>,
    parts: Vec<LowRank>,
}

/// A linear layer that can have an adapter.
struct Module {
    layer: usize,
    place: Place,
    name: String,
    /// Its rows in the tensor of its place.
    rows: Range<i64>,
    /// How wide its input is.
    width: i64,
}

impl Module {
    /// The last part of its name, by which PEFT chooses layers.
    fn kind(&self) -> &str {
        self.name.rsplit('.').next().expect("a name has a last part")
    }
}

impl Adapter {
    /// B is 0, so that nothing is added yet; A is drawn as PEFT does, uniformly within ±1/√in, from a generator of this seed.
    fn fresh(
        config: &Config,
        options: &LoraOptions,
        seed: u64,
        device: Device,
    ) -> Result<Self, UnknownModule> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let chosen = chosen(config, options)?;
        let mut part = |module: &Module| {
            let bound = (module.width as f64).sqrt().recip();
            let a = uniform(&[options.r, module.width], &mut random) * bound;
            let b =
                Tensor::zeros([module.rows.end - module.rows.start, options.r], (Kind::Float, Device::Cpu));
            [a, b].map(|tensor| tensor.to_device(device))
        };
        let found: Result<_, Infallible> = Self::new(config, options, chosen, |module| Ok(part(module)));
        let Ok(adapter) = found;
        Ok(adapter)
    }

    /// With what `get` gives for each layer: A and B, in float32.
    fn new<E>(
        config: &Config,
        options: &LoraOptions,
        modules: Vec<Module>,
        mut get: impl FnMut(&Module) -> Result<[Tensor; 2], E>,
    ) -> Result<Self, E> {
        let mut blocks: Vec<Vec<Adapted>> = (0..config.layers()).map(|_| Vec::new()).collect();
        for module in modules {
            let [a, b] = get(&module)?;
            let block = &mut blocks[module.layer];
            let known = block.iter().position(|adapted| adapted.place == module.place);
            let index = known.unwrap_or_else(|| {
                block.push(Adapted { place: module.place, names: Vec::new(), parts: Vec::new() });
                block.len() - 1
            });
            block[index].parts.push(LowRank { a, b, rows: module.rows, scale: options.scale() });
            block[index].names.push(module.name);
        }
        Ok(Self { options: options.clone(), blocks })
    }

    /// What is added to the tensor in a place of a block.
    pub(crate) fn of(&self, layer: usize, place: Place) -> &[LowRank] {
        let adapted = self.blocks[layer].iter().find(|adapted| adapted.place == place);
        adapted.map_or(&[], |adapted| &adapted.parts)
    }

    /// A and B of every layer by PEFT's names within the model, always in the same order.
    pub(crate) fn named(&self) -> Vec<(String, &Tensor)> {
        let parts = self.blocks.iter().flatten().flat_map(|adapted| adapted.names.iter().zip(&adapted.parts));
        parts
            .flat_map(|(name, part)| [(name_of(name, "A"), &part.a), (name_of(name, "B"), &part.b)])
            .collect()
    }

    /// Gives `values` memory of its own where adapters are added, and adds them.
    fn give_room(&self, values: &mut Weights, weights: &Weights) {
        for (block, adapted) in values.blocks.iter_mut().zip(&self.blocks) {
            for Adapted { place, .. } in adapted {
                block.replace(*place, Tensor::copy);
            }
        }
        self.merge(values, weights);
    }

    /// Writes the sum of `weights` and adapters into `values`, where those have adapters.
    pub(crate) fn merge(&self, values: &Weights, weights: &Weights) {
        let blocks = values.blocks.iter().zip(&weights.blocks).zip(&self.blocks);
        for ((values, weights), adapted) in blocks {
            for Adapted { place, parts, .. } in adapted {
                merge(values.tensor(*place), weights.tensor(*place), parts);
            }
        }
    }
}

impl Model {
    /// Adds a fresh adapter, which changes nothing yet. From now on the model's own parameters stay as they are, and
    /// [`Model::parameters`] are those of the adapter, in float32.
    ///
    /// # Errors
    /// When `target_modules` names a layer that the model does not have.
    pub fn add_adapter(&mut self, options: &LoraOptions, seed: u64) -> Result<(), UnknownModule> {
        let adapter = Adapter::fresh(&self.config, options, seed, self.device)?;
        self.take_adapter(adapter);
        Ok(())
    }

    fn take_adapter(&mut self, adapter: Adapter) {
        no_grad(|| adapter.give_room(&mut self.values, &self.weights));
        self.adapter = Some(adapter);
    }

    /// Makes the adapter part of the model's own parameters.
    pub(crate) fn absorb_adapter(&mut self) {
        let Some(adapter) = self.adapter.take() else { return };
        let mut weights = self.weights.map(Tensor::shallow_clone);
        no_grad(|| adapter.give_room(&mut weights, &self.weights));
        self.set_weights(weights);
    }

    /// Whether the adapter alone is trained.
    pub fn has_adapter(&self) -> bool {
        self.adapter.is_some()
    }
}

/// How many numbers an adapter has, and those of the tensors that it is added to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AdapterCounts {
    /// Those that are trained.
    pub parameters: u64,
    /// Those of the model's tensors of which there is another copy, with the adapter added.
    pub adapted: u64,
}

impl Config {
    /// How many numbers an adapter of this model has.
    ///
    /// # Errors
    /// When `target_modules` names a layer that the model does not have.
    pub fn count_adapter(&self, options: &LoraOptions) -> Result<AdapterCounts, UnknownModule> {
        let mut counts = AdapterCounts::default();
        let mut places = BTreeSet::new();
        for module in chosen(self, options)? {
            counts.parameters +=
                (options.r * (module.width + module.rows.end - module.rows.start)).unsigned_abs();
            if places.insert((module.layer, module.place as usize)) {
                let stored = stored_in(self, module.layer, module.place);
                let numbers = stored.iter().map(|stored| stored.shape.iter().product::<i64>().unsigned_abs());
                counts.adapted += numbers.sum::<u64>();
            }
        }
        Ok(counts)
    }
}

/// A layer is to have an adapter, and the model has none of this name.
#[derive(Debug, thiserror::Error)]
#[error("the model has no layer `{name}` that can have an adapter; it has {known}")]
pub struct UnknownModule {
    /// The name that was asked for.
    pub name: String,
    /// Those that there are.
    pub known: String,
}

/// The layers that `options` choose.
fn chosen(config: &Config, options: &LoraOptions) -> Result<Vec<Module>, UnknownModule> {
    let mut modules = modules(config);
    let targets = &options.target_modules;
    if targets.is_empty() {
        return Ok(modules);
    }
    let known: BTreeSet<&str> = modules.iter().map(Module::kind).collect();
    if let Some(name) = targets.iter().find(|name| !known.contains(name.as_str())) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(UnknownModule { name: name.clone(), known });
    }
    modules.retain(|module| targets.iter().any(|name| name == module.kind()));
    Ok(modules)
}

/// All layers that can have an adapter, block by block: linear ones that every token goes through.
fn modules(config: &Config) -> Vec<Module> {
    let mut modules = Vec::new();
    for layer in 0..config.layers() {
        for place in Place::MATRICES {
            let stored = stored_in(config, layer, place);
            // The tensors of experts are many and small; tokens of a batch go to each by turns.
            if config.has_experts(layer) && matches!(place, Place::GateUp | Place::Down) {
                continue;
            }
            let mut row = 0;
            for part in stored {
                let [out, width] = part.shape[..] else { unreachable!("these places hold matrices") };
                let name = part.name.strip_suffix(".weight").expect("a matrix is a weight").to_owned();
                modules.push(Module { layer, place, name, rows: row..row + out, width });
                row += out;
            }
        }
    }
    modules
}

fn name_of(module: &str, part: &str) -> String {
    format!("{module}.lora_{part}.weight")
}

/// Uniform within ±1, in float32. Not torch's: see [`Weights::random`].
fn uniform(shape: &[i64], random: &mut ChaCha8Rng) -> Tensor {
    let count = shape.iter().product::<i64>();
    let numbers: Vec<f32> = (0..count)
        .map(|_| {
            let unit = f64::from(random.next_u32()) / f64::from(u32::MAX);
            (2.0 * unit - 1.0) as f32
        })
        .collect();
    Tensor::from_slice(&numbers).view(shape)
}
