//! Pre-training that was stopped: the model so far, the optimiser's moments, and how far it is.

use std::fs;
use std::path::Path;

use gavel_model::{Model, Precision, Tokenizer};
use gavel_train::{Action, TrainError, write_directory_atomically};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::{PretrainError, PretrainOptions, Pretraining, State};

const MOMENTS: &str = "optimizer.safetensors";
const STATE: &str = "pretraining.json";

/// What is written beside the model.
#[derive(Serialize, Deserialize)]
struct Stored {
    state: State,
    /// What decides the course of pre-training, in words.
    recipe: String,
}

impl Pretraining {
    /// Writes everything that it takes to go on into `directory`, at once or not at all. `recipe` says in words what the
    /// documents and the model are, so that nothing else is gone on with.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn store(&self, tokenizer: &Tokenizer, directory: &Path, recipe: &str) -> Result<(), TrainError> {
        let stored = Stored { state: self.state, recipe: self.recipe(recipe) };
        let json = serde_json::to_vec_pretty(&stored).expect("numbers and a text");
        write_directory_atomically(directory, |directory| {
            self.model.save(directory)?;
            tokenizer.save(directory)?;
            let path = directory.join(MOMENTS);
            let moments = self.optimizer.state().into_iter();
            let moments: Vec<(String, Tensor)> =
                moments.map(|(name, tensor)| (name, tensor.to_device(Device::Cpu).contiguous())).collect();
            Tensor::write_safetensors(&moments, &path).map_err(|source| TrainError::Tensors {
                action: Action::Write,
                path,
                source,
            })?;
            let path = directory.join(STATE);
            fs::write(&path, json).map_err(|source| TrainError::File { action: Action::Write, path, source })
        })
    }

    /// Goes on with what [`Pretraining::store`] has written; `None` where there is nothing.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or pre-training was begun with another recipe or other options.
    pub fn stored(
        directory: &Path,
        device: Device,
        precision: Precision,
        options: PretrainOptions,
        recipe: &str,
    ) -> Result<Option<Self>, PretrainError> {
        if !directory.exists() {
            return Ok(None);
        }
        let path = directory.join(STATE);
        let bytes = fs::read(&path).map_err(|source| TrainError::File {
            action: Action::Read,
            path: path.clone(),
            source,
        })?;
        let stored: Stored =
            serde_json::from_slice(&bytes).map_err(|source| TrainError::Json { path, source })?;
        let model = Model::load(directory, device, precision).map_err(TrainError::from)?;
        let mut pretraining = Self::new(model, options);
        let now = pretraining.recipe(recipe);
        if stored.recipe != now {
            return Err(PretrainError::OtherRecipe {
                path: directory.to_owned(),
                before: stored.recipe,
                now,
            });
        }
        let path = directory.join(MOMENTS);
        let moments = Tensor::read_safetensors(&path).map_err(|source| TrainError::Tensors {
            action: Action::Read,
            path: path.clone(),
            source,
        })?;
        let updates = stored.state.step as i64;
        let restored = pretraining.optimizer.restore(moments, updates);
        restored.map_err(|source| TrainError::Checkpoint { path, source })?;
        pretraining.state = stored.state;
        Ok(Some(pretraining))
    }

    /// What has to be the same to go on.
    fn recipe(&self, of_documents: &str) -> String {
        let options = &self.options;
        format!(
            "{of_documents}, {} steps of {} rows of {} tokens, learning rate {}",
            options.steps, options.batch_size, options.sequence_length, options.learning_rate
        )
    }
}
