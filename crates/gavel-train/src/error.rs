//! Why a run cannot start, or had to stop.

use std::io;
use std::path::{Path, PathBuf};

use crate::optim::StateMismatch;
use crate::task::TaskError;

/// A failure of training, evaluation or pre-training. Branch on the variant; the texts are for people.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting has a value that it cannot have.
    #[error("`{field}` {problem}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The tasks cannot be used.
    #[error(transparent)]
    Tasks(#[from] TaskError),
    /// The model or the tokenizer cannot be used.
    #[error(transparent)]
    Model(#[from] gavel_model::Error),
    /// The device that was asked for cannot be had.
    #[error(transparent)]
    Device(#[from] gavel_torch::Error),
    /// A prompt cannot be encoded.
    #[error("the prompt of task {index} cannot be encoded")]
    Prompt {
        /// Its place among the tasks, from 0.
        index: usize,
        /// Why.
        #[source]
        source: gavel_model::Error,
    },
    /// A file of the run cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried: `read`, `write`, `remove`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file of the run does not hold what it should.
    #[error("{} is not what this version of gavel writes", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The optimiser's state cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Tensors {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What libtorch says.
        #[source]
        source: tch::TchError,
    },
    /// A checkpoint's optimiser state is that of another model.
    #[error("{} cannot be resumed from", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: StateMismatch,
    },
    /// The run directory holds a run already.
    #[error("{} holds a run already; resume it, or choose another output_dir", path.display())]
    RunExists {
        /// The run directory.
        path: PathBuf,
    },
    /// There is no run to resume.
    #[error("{} holds no run to resume", path.display())]
    NoRun {
        /// The run directory.
        path: PathBuf,
    },
    /// What the run was started with is not what it would be resumed with.
    #[error("{what} has changed since the run in {} began; a run goes on with what it began with, start another", path.display())]
    Changed {
        /// The verifier or the file.
        what: String,
        /// The run directory.
        path: PathBuf,
    },
    /// The loss or the gradient is not a number any more. The last checkpoint is from before.
    #[error(
        "step {step}: the {what} is {value}; try a lower learning rate, or resume from an earlier checkpoint"
    )]
    NotFinite {
        /// The step, from 1.
        step: u64,
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// NaN or an infinity.
        value: f64,
    },
    /// Pre-training needs to know how a document ends.
    #[error("the tokenizer names no end token")]
    NoEndToken,
    /// The stream of documents ended before the last step.
    #[error("there are not enough documents for so many steps")]
    OutOfDocuments,
    /// The reward broke its promise to answer every submission.
    #[error("the reward left {missing} of {submitted} submissions unanswered")]
    Unanswered {
        /// How many.
        missing: usize,
        /// Of how many.
        submitted: usize,
    },
}

impl TrainError {
    /// `value`, unless training has diverged.
    pub(crate) fn require_finite(step: u64, what: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NotFinite { step, what, value }) }
    }

    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }
}
