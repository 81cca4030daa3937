//! A value model: a decoder that says of every token what is still to be earned, as PPO needs one.

use std::path::{Path, PathBuf};

use gavel_torch::{product_gradient, set_gradient};
use tch::{Device, Kind, Tensor, no_grad};

use crate::checkpoint::{Contents, write_tensors};
use crate::{Error, Group, Model, Packed, Precision};

/// The head's name, as in `transformers`' models for sequence classification, which is what other trainers take.
const HEAD: &str = "score.weight";
/// The file it lies in, beside the decoder's.
const HEAD_FILE: &str = "value_head.safetensors";
/// The output projection, which a value model does not use.
const UNUSED: &str = "lm_head.weight";

/// A decoder whose head gives one number in place of the vocabulary.
#[derive(Debug)]
pub struct ValueModel {
    decoder: Model,
    /// `(1, hidden_size)`, in the format of the parameters.
    head: Tensor,
}

impl ValueModel {
    /// Reads a Hugging Face directory, with the head that [`ValueModel::save`] left there. Without one, the head is 0, and
    /// so is every value. Parameters require no gradient yet.
    ///
    /// # Errors
    /// Those of [`Model::load`], and when the head cannot be read.
    pub fn load(directory: &Path, device: Device, precision: Precision) -> Result<Self, Error> {
        let decoder = Model::load(directory, device, precision)?;
        let shape = [1, decoder.config().hidden_size];
        let path = directory.join(HEAD_FILE);
        let head = if path.exists() {
            read_head(&path, &shape)?.to_device(device).to_kind(precision.parameters)
        } else {
            Tensor::zeros(shape, (precision.parameters, device))
        };
        Ok(Self { decoder, head })
    }

    /// Writes the decoder as [`Model::save`] does, and the head beside it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        self.decoder.save(directory)?;
        write_tensors(&directory.join(HEAD_FILE), [(HEAD, Contents::of(&self.head, self.head.kind()))])
    }

    /// Whether the parameters collect gradients. Off after loading.
    pub fn set_requires_grad(&mut self, requires_grad: bool) {
        self.decoder.set_requires_grad(requires_grad);
        let _ = self.head.set_requires_grad(requires_grad);
    }

    /// The parameters that values depend on, by name; see [`Model::parameters`].
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let used = self.decoder.parameters().into_iter().filter(|(name, _)| name != UNUSED);
        used.chain([(HEAD.to_owned(), self.head.shallow_clone())]).collect()
    }

    /// Brings what the decoder computes with up to date with the parameters; see [`Model::refresh`].
    pub fn refresh(&self) {
        self.decoder.refresh();
    }

    /// The decoder, for what is not learnt by gradients; see [`Model::move_router_biases`].
    pub fn decoder(&self) -> &Model {
        &self.decoder
    }

    /// Where the parameters live.
    pub fn device(&self) -> Device {
        self.decoder.device()
    }

    /// The groups as tensors to learn from; see [`Model::pack`].
    ///
    /// # Panics
    /// If a prompt is empty.
    pub fn pack(&self, groups: &[Group<'_>]) -> Packed {
        self.decoder.pack(groups)
    }

    /// What is expected before each token of each completion, given what precedes it, `(n)` fp32. No gradient is recorded.
    pub fn values(&self, batch: &Packed) -> Tensor {
        no_grad(|| self.of_hidden(&self.decoder.decoder().hidden_states(batch)))
    }

    /// Adds the gradient of a loss of values to those of the parameters. `gradient` gets the values `(n)`, and gives the
    /// derivative of the loss by each of them, `(n)`.
    ///
    /// With `recompute`, blocks keep their input alone and are run once more for the backward pass.
    pub fn backward(&self, batch: &Packed, recompute: bool, gradient: &mut dyn FnMut(&Tensor) -> Tensor) {
        self.decoder.backward_through(batch, recompute, &mut |hidden| {
            let by_values = gradient(&no_grad(|| self.of_hidden(hidden))).unsqueeze(-1);
            no_grad(|| {
                if let Some(first) =
                    product_gradient(&self.head, &by_values, &hidden.to_kind(by_values.kind()))
                {
                    set_gradient(&self.head, &first);
                }
                by_values.matmul(&self.head).to_kind(hidden.kind())
            })
        });
    }

    /// The head takes part in full precision: a value is one sum, and its rounding would be that of every advantage.
    fn of_hidden(&self, hidden: &Tensor) -> Tensor {
        hidden.to_kind(Kind::Float).matmul(&self.head.detach().to_kind(Kind::Float).tr()).squeeze_dim(-1)
    }
}

fn read_head(path: &Path, shape: &[i64]) -> Result<Tensor, Error> {
    let wrong = |reason: String| Error::Weights { path: PathBuf::from(path), name: HEAD.to_owned(), reason };
    let tensors = Tensor::read_safetensors(path).map_err(|error| wrong(error.to_string()))?;
    match tensors.into_iter().find(|(name, _)| name == HEAD) {
        Some((_, head)) if head.size() == shape => Ok(head),
        Some((_, head)) => {
            Err(wrong(format!("has the shape {:?}, and the decoder wants {shape:?}", head.size())))
        }
        None => Err(wrong("is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn model(directory: &Path) -> ValueModel {
        let config = Config {
            vocab_size: 11,
            hidden_size: 16,
            intermediate_size: 24,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 4,
            tie_word_embeddings: false,
            initializer_range: 0.4,
            ..Config::default()
        };
        Model::random(config, 3, Device::Cpu, Precision::FULL).save(directory).unwrap();
        let mut model = ValueModel::load(directory, Device::Cpu, Precision::FULL).unwrap();
        let head = (Tensor::arange(16, (Kind::Float, Device::Cpu)) * 12.9898).sin().unsqueeze(0);
        no_grad(|| model.head.copy_(&head));
        model.set_requires_grad(true);
        model
    }

    fn groups() -> [Group<'static>; 2] {
        [
            Group { prompt: &[1, 2, 3], completions: vec![&[4, 5, 6, 7], &[9], &[10, 0]] },
            Group { prompt: &[3], completions: vec![&[5, 2]] },
        ]
    }

    #[test]
    fn without_a_head_every_value_is_0_and_a_saved_one_is_read_back() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let model = model(first.path());
        let fresh = ValueModel::load(first.path(), Device::Cpu, Precision::FULL).unwrap();
        let packed = fresh.pack(&groups());
        assert_eq!(fresh.values(&packed), Tensor::zeros([9], (Kind::Float, Device::Cpu)));
        model.save(second.path()).unwrap();
        let again = ValueModel::load(second.path(), Device::Cpu, Precision::FULL).unwrap();
        assert_eq!(again.values(&packed), model.values(&packed));
        assert_ne!(again.values(&packed), fresh.values(&packed));
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let directory = tempfile::tempdir().unwrap();
        let model = model(directory.path());
        let packed = model.pack(&groups());
        let weights = (Tensor::arange(9, (Kind::Float, Device::Cpu)) * 78.233).sin();
        let loss = || (model.values(&packed) * &weights).sum(Kind::Double).double_value(&[]);
        for recompute in [false, true] {
            model.backward(&packed, recompute, &mut |_| weights.shallow_clone());
            for (name, mut parameter) in model.parameters() {
                let gradient = parameter.grad().copy();
                gavel_torch::clear_gradient(&parameter);
                // Along the gradient itself, the slope is its norm.
                let norm = gradient.norm().double_value(&[]);
                assert!(norm > 1e-3, "{name} has no gradient");
                let step = 1e-2 / norm.max(1.0);
                let along = &gradient / norm;
                no_grad(|| parameter += &along * step);
                let above = loss();
                no_grad(|| parameter -= &along * (2.0 * step));
                let below = loss();
                no_grad(|| parameter += &along * step);
                let slope = (above - below) / (2.0 * step);
                assert!(
                    (slope - norm).abs() < 2e-2 * norm.max(0.1),
                    "{name}: {slope}, and the gradient says {norm}"
                );
            }
        }
    }
}
