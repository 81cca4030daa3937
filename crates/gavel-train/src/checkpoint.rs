//! A checkpoint: the model or its adapter, what the optimiser knows, and what else a run goes on with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gavel_model::{Model, SaveDtype, Tokenizer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::error::Action;
use crate::files::{json_bytes, read_json, write_synced, write_tensors};
use crate::learn::Critic;
use crate::optim::AdamW;
use crate::train::StoredRollout;
use crate::watch::WatchState;

const OPTIMIZER: &str = "optimizer.safetensors";
/// A folder of its own within a checkpoint, with its optimiser's state: the weights in full precision.
const VALUE_MODEL: &str = "value";
const STATE: &str = "trainer_state.json";
/// What was sampled ahead of a checkpoint, where there is any.
const ROLLOUTS: &str = "rollouts.json";

/// What a run knows besides its weights and the optimiser's moments. Random choices follow from seed and step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainerState {
    /// Steps made.
    pub(crate) step: u64,
    /// Optimiser updates made.
    pub(crate) updates: i64,
    /// Those of the value model.
    #[serde(default)]
    pub(crate) value_updates: i64,
    /// Prompts that completions were sampled for, in the order of the tasks. Where groups are filtered that is more than
    /// what was learnt from.
    #[serde(default)]
    pub(crate) prompts: u64,
    /// Tokens of prompts and completions, all together.
    pub(crate) num_tokens: u64,
    /// Time spent, resumed runs added up.
    pub(crate) seconds: f64,
    /// What the evaluation before the first step said.
    pub(crate) before: Option<Map<String, Value>>,
    /// What the latest evaluation said.
    pub(crate) after: Option<Map<String, Value>>,
    /// The step of the latest evaluation.
    #[serde(default)]
    pub(crate) evaluated: Option<u64>,
    /// What the early warning remembers.
    #[serde(default)]
    pub(crate) watch: WatchState,
}

/// Tensors with their names in a file.
pub(crate) type NamedTensors = Vec<(String, Tensor)>;

/// What goes into a checkpoint.
pub(crate) struct Saved<'a> {
    pub(crate) state: &'a TrainerState,
    pub(crate) model: &'a Model,
    /// The directory of the model that the run began with.
    pub(crate) base: &'a Path,
    pub(crate) tokenizer: &'a Tokenizer,
    /// Those of the optimiser, of all ranks.
    pub(crate) moments: NamedTensors,
    /// The value model with the moments of its optimiser, where there is one.
    pub(crate) critic: Option<(&'a Critic, NamedTensors)>,
    /// Those sampled ahead of the step.
    pub(crate) rollouts: &'a [StoredRollout],
    /// The format of the model's weights.
    pub(crate) dtype: SaveDtype,
}

impl Saved<'_> {
    /// The optimiser's moments; and the weights themselves, where the model is saved with fewer digits than they have,
    /// so that a run goes on with all of them.
    fn tensors(&self) -> NamedTensors {
        let named = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.shallow_clone());
        let mut tensors: NamedTensors = self.moments.iter().map(named).collect();
        let parameters = self.model.parameters();
        if parameters.iter().any(|(_, tensor)| tensor.kind() != self.kind()) {
            tensors
                .extend(parameters.into_iter().map(|(name, tensor)| (master_name(&name), tensor.detach())));
        }
        tensors
    }

    /// The format of the weights. Adapters are small, and keep all their digits.
    fn kind(&self) -> Kind {
        if self.model.has_adapter() { Kind::Float } else { self.model.kind_to_save(self.dtype) }
    }

    /// Writes everything into `directory`.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), TrainError> {
        if self.model.has_adapter() {
            self.model.save_adapter(directory, self.base)?;
        } else {
            self.model.save_as(directory, self.dtype)?;
        }
        self.tokenizer.save(directory)?;
        write_tensors(&directory.join(OPTIMIZER), &self.tensors())?;
        if let Some((critic, moments)) = &self.critic {
            let directory = directory.join(VALUE_MODEL);
            fs::create_dir(&directory).map_err(TrainError::file(Action::Create, &directory))?;
            critic.model.save(&directory)?;
            write_tensors(&directory.join(OPTIMIZER), moments)?;
        }
        if !self.rollouts.is_empty() {
            let rollouts = serde_json::to_vec(self.rollouts).expect("lists of numbers");
            write_synced(&directory.join(ROLLOUTS), &rollouts)?;
        }
        write_synced(&directory.join(STATE), &json_bytes(self.state))
    }

    /// How many bytes it takes, but for a few small files.
    pub(crate) fn size(&self) -> u64 {
        let parameters = self.model.parameters();
        let weights: usize =
            parameters.iter().map(|(_, tensor)| tensor.numel() * self.kind().elt_size_in_bytes()).sum();
        let tensors = self.tensors();
        let bytes = |tensor: &Tensor| tensor.numel() * tensor.kind().elt_size_in_bytes();
        let optimizer: usize = tensors.iter().map(|(_, tensor)| bytes(tensor)).sum();
        // Weights and both moments.
        let parameters = self.critic.iter().flat_map(|(critic, _)| critic.model.parameters());
        let critic: usize = parameters.map(|(_, tensor)| 3 * bytes(&tensor)).sum();
        (weights + optimizer + critic) as u64
    }
}

/// The name of a weight with all its digits, beside the optimiser's moments.
fn master_name(parameter: &str) -> String {
    format!("parameter.{parameter}")
}

/// A checkpoint of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The step after which it was taken.
    pub step: u64,
    /// A Hugging Face directory, with the optimiser's state beside.
    pub path: PathBuf,
}

impl Checkpoint {
    pub(crate) fn state(&self) -> Result<TrainerState, TrainError> {
        let path = self.path.join(STATE);
        let missing = || TrainError::file(Action::Read, &path)(io::ErrorKind::NotFound.into());
        read_json(&path)?.ok_or_else(missing)
    }

    /// What was sampled ahead of the checkpoint, the earliest step first.
    pub(crate) fn rollouts(&self) -> Result<Vec<StoredRollout>, TrainError> {
        Ok(read_json(&self.path.join(ROLLOUTS))?.unwrap_or_default())
    }

    /// Where its value model is.
    pub(crate) fn value_model(&self) -> PathBuf {
        self.path.join(VALUE_MODEL)
    }

    /// Gives the value model's optimiser the moments that it had.
    pub(crate) fn restore_value_model(&self, critic: &mut Critic) -> Result<(), TrainError> {
        let state = read_tensors(&self.value_model().join(OPTIMIZER))?;
        let updates = self.state()?.value_updates;
        let restored = critic.optimizer.restore(state, updates);
        restored.map_err(|source| TrainError::Checkpoint { path: self.path.clone(), source })
    }

    /// Gives the optimiser the moments that it had, and the model the digits that its files do not hold.
    pub(crate) fn restore(
        &self,
        optimizer: &mut AdamW,
        model: &Model,
        updates: i64,
    ) -> Result<(), TrainError> {
        let state = read_tensors(&self.path.join(OPTIMIZER))?;
        tch::no_grad(|| {
            for (name, mut parameter) in model.parameters() {
                if let Some((_, master)) = state.iter().find(|(stored, _)| *stored == master_name(&name)) {
                    parameter.copy_(master);
                }
            }
        });
        optimizer
            .restore(state, updates)
            .map_err(|source| TrainError::Checkpoint { path: self.path.clone(), source })
    }
}

fn read_tensors(path: &Path) -> Result<Vec<(String, Tensor)>, TrainError> {
    let failed = |source| TrainError::Tensors { action: Action::Read, path: path.to_owned(), source };
    Tensor::read_safetensors(path).map_err(failed)
}
