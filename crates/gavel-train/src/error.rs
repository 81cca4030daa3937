//! Why a run cannot start, or had to stop.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use gavel_files::{closest, did_you_mean};

use crate::optim::StateMismatch;
use crate::task::TaskError;

/// What was tried with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To make it, or its folder.
    Create,
    /// To read it.
    Read,
    /// To write it.
    Write,
    /// To remove it.
    Remove,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::Remove => "remove",
        })
    }
}

/// Who can do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Whoever wrote the settings, the tasks, the model or the reward.
    Input,
    /// Whoever runs the machine: its disk is full, or it could not judge.
    Machine,
}

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
    #[error("{}:{line}: the prompt cannot be encoded", path.display())]
    Prompt {
        /// The task file.
        path: PathBuf,
        /// The line of the task, from 1.
        line: u64,
        /// Why.
        #[source]
        source: gavel_model::Error,
    },
    /// A prompt leaves the model nothing to continue.
    #[error("{}:{line}: the prompt encodes to no token; a model continues at least one", path.display())]
    EmptyPrompt {
        /// The task file.
        path: PathBuf,
        /// The line of the task, from 1.
        line: u64,
    },
    /// The tokenizer has tokens that the model has not.
    #[error(
        "{}:{line}: the prompt has the token `{token}`, which is id {id}, and the model has {vocabulary} ids: are tokenizer and model \
         of one kind?",
        path.display()
    )]
    UnknownToken {
        /// The task file.
        path: PathBuf,
        /// The line of the task, from 1.
        line: u64,
        /// How the token is written.
        token: String,
        /// The id.
        id: i64,
        /// The model's `vocab_size`.
        vocabulary: i64,
    },
    /// No verifier has the name that a setting says.
    #[error(
        "no verifier is called `{name}`, which is to say {wanted}{}; the reward has {}",
        did_you_mean(closest(name, known.iter().map(String::as_str))), known.join(", ")
    )]
    UnknownVerifier {
        /// The name.
        name: String,
        /// What it was named for.
        wanted: &'static str,
        /// Those that the reward has.
        known: Vec<String>,
    },
    /// A file of the run cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: Action,
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
        action: Action,
        /// The file.
        path: PathBuf,
        /// What libtorch says.
        #[source]
        source: tch::TchError,
    },
    /// The disk has no room for what is to be written.
    #[error("cannot write {}: it takes {needed} bytes, and the disk has {available} left", path.display())]
    NoRoom {
        /// The file or directory.
        path: PathBuf,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that are free.
        available: u64,
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
    /// A file of the checkpoint to go on from cannot be read.
    #[error(
        "the checkpoint {} is damaged: move that folder away, and `--resume` {}",
        path.display(),
        before.map_or_else(|| "begins anew".to_owned(), |step| format!("goes on from step {step}"))
    )]
    Damaged {
        /// The checkpoint.
        path: PathBuf,
        /// The step of the one before it.
        before: Option<u64>,
        /// What is wrong with which file.
        #[source]
        source: Box<TrainError>,
    },
    /// The run directory holds a run already.
    #[error("{} holds a run already; `--resume` goes on with it, or choose another output_dir", path.display())]
    RunExists {
        /// The run directory.
        path: PathBuf,
    },
    /// Another process writes into the run's directory.
    #[error(
        "{} is trained in by another process already{}: wait until it has ended, or end it; then `--resume` goes on",
        path.display(),
        by.map(|id| format!(" ({id})")).unwrap_or_default()
    )]
    Busy {
        /// The directory.
        path: PathBuf,
        /// The other process, where it says so.
        by: Option<u32>,
    },
    /// There is no run to resume.
    #[error("{} holds no run to resume", path.display())]
    NoRun {
        /// The run directory.
        path: PathBuf,
    },
    /// What the run was started with is not what it would be resumed with.
    #[error(
        "{what} has changed since the run in {} began; a run goes on with what it began with: start another{}", path.display(),
        if *reloads { ", or set `reload = \"between-steps\"`, with which the reward may change" } else { "" }
    )]
    Changed {
        /// The verifier or the file.
        what: String,
        /// Whether it may change in a run that reloads.
        reloads: bool,
        /// The run directory.
        path: PathBuf,
    },
    /// A setting that decides the course of a run is not what it was.
    #[error(
        "`{field}` is {now}, and the run in {} began with {before}; a run goes on as it began, start another",
        path.display()
    )]
    SettingChanged {
        /// The setting.
        field: String,
        /// What the run began with, as TOML.
        before: String,
        /// What it would be resumed with, as TOML.
        now: String,
        /// The run directory.
        path: PathBuf,
    },
    /// The settings that a run was started with are not settings of this version.
    #[error("{} is not what this version of gavel writes", path.display())]
    RunSettings {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Step after step, no completion had a reward: there is nothing to learn from.
    #[error("no completion has had a reward for {steps} step{}: {why}", if *steps == 1 { "" } else { "s" })]
    NoRewards {
        /// How many steps, the last ones.
        steps: u64,
        /// What happened most often in the last of them.
        why: String,
        /// Whether that was this machine's failure.
        host_failed: bool,
    },
    /// Sampling failed in the middle of a run.
    #[error("step {step}")]
    Sampling {
        /// The step, from 1.
        step: u64,
        /// Why.
        #[source]
        source: gavel_model::Error,
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
    /// The ranks of a run cannot work together, or one of them has ended without a word.
    #[error(transparent)]
    Ranks(#[from] gavel_torch::distributed::Error),
    /// Another rank of the run failed, and with it all.
    #[error("rank {rank}: {message}")]
    OtherRank {
        /// Which one, from 0.
        rank: usize,
        /// Its error, with its causes.
        message: String,
        /// Whether its machine is to blame.
        of_machine: bool,
    },
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
    /// Who can do something about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::File { action: Action::Write, .. }
            | Self::Tensors { action: Action::Write, .. }
            | Self::NoRoom { .. }
            | Self::NoRewards { host_failed: true, .. }
            | Self::OtherRank { of_machine: true, .. }
            | Self::Ranks(_)
            | Self::Unanswered { .. } => Fault::Machine,
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => Fault::Machine,
            Self::Model(error) if error.is_write() => Fault::Machine,
            _ => Fault::Input,
        }
    }

    /// `value`, unless training has diverged.
    ///
    /// # Errors
    ///
    /// [`TrainError::NotFinite`].
    pub fn require_finite(step: u64, what: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NotFinite { step, what, value }) }
    }

    /// The same error, with the step in which it happened where that tells more.
    pub(crate) fn while_sampling(self, step: u64) -> Self {
        match self {
            Self::Model(source @ gavel_model::Error::NotFinite { .. }) => Self::Sampling { step, source },
            other => other,
        }
    }

    pub(crate) fn file(action: Action, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }
}
