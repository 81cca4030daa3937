//! What a run tells whoever watches, and what it comes to.

use std::path::{Path, PathBuf};

use gavel_verify::Refreshed;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tch::Device;

use super::plan::MemoryPlan;
use crate::eval::Evaluation;
use crate::metrics::Metrics;
use crate::watch::Raised;

/// Whether to begin a run or to go on with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A new run; the run directory must not hold one.
    New,
    /// The run in the run directory, from its last checkpoint, or from the start if there is none yet.
    Resume,
}

/// What is going on, for whoever watches.
#[derive(Debug)]
pub enum Progress<'a> {
    /// How much memory the run will take, before anything is loaded on to a card. Not said of a CPU.
    Planned {
        /// What for.
        plan: &'a MemoryPlan,
        /// The card's memory in bytes, where it says so.
        of: Option<u64>,
    },
    /// Everything is loaded.
    Started {
        /// Steps made already: 0, unless the run is resumed.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// Parameters of the model.
        parameters: usize,
        /// Those of the adapter, where it alone is trained.
        adapter: Option<usize>,
        /// Where it trains.
        device: Device,
    },
    /// A step is done.
    Stepped(&'a StepReport<'a>),
    /// The run that was to be resumed has made all its steps already; nothing happens.
    AlreadyFinished {
        /// How many.
        step: u64,
        /// The run directory.
        path: &'a Path,
    },
    /// No completion of a step has a reward, so that nothing is learnt from it.
    WithoutReward {
        /// The step, from 1.
        step: u64,
        /// How many such steps there have been, one after the other; the run ends with the tenth.
        in_a_row: u64,
        /// What happened most often.
        why: &'a str,
    },
    /// Some completions of a step have no reward, and training leaves them out. Said of the first such step.
    SomeWithoutReward {
        /// The step, from 1.
        step: u64,
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// What happened most often to them.
        why: &'a str,
    },
    /// A verifier was asked in a step, and had no verdict on any completion: what the reward file says of failures is all that
    /// comes of it. Said once of each verifier.
    WithoutVerdict {
        /// The step, from 1.
        step: u64,
        /// The verifier.
        verifier: &'a str,
        /// What happened most often.
        why: &'a str,
    },
    /// Something is wrong with the run, by what `[watch]` says. Said once, until it has been right again.
    Warned {
        /// The step, from 1.
        step: u64,
        /// What, and by which numbers.
        raised: &'a Raised,
    },
    /// An evaluation goes on.
    Evaluating {
        /// After this step; 0 is before the first.
        step: u64,
        /// Completions that are done.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// An evaluation is done.
    Evaluated {
        /// After this step; 0 is before the first.
        step: u64,
        /// What it found.
        evaluation: &'a Evaluation,
    },
    /// Something of the reward has changed, with `reload = "between-steps"`.
    Refreshed {
        /// After this step; 0 is before the first.
        step: u64,
        /// What came of it.
        refreshed: &'a Refreshed,
    },
    /// A checkpoint is written.
    Saved {
        /// After this step.
        step: u64,
        /// Its directory.
        path: &'a Path,
    },
}

/// One step.
#[derive(Debug)]
pub struct StepReport<'a> {
    /// From 1.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// The metrics of this step alone.
    pub metrics: &'a Metrics,
    /// What was sampled, the completions of a prompt one after the other.
    pub completions: Vec<SampledCompletion<'a>>,
}

/// One completion of a step.
#[derive(Debug, Clone, Copy)]
pub struct SampledCompletion<'a> {
    /// The prompt.
    pub prompt: &'a str,
    /// What the policy wrote.
    pub text: &'a str,
    /// `None` if it was left out.
    pub reward: Option<f64>,
    /// How much better than its group.
    pub advantage: f64,
}

/// A finished run, and what `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// See [`Evaluation::summary`]; empty if nothing was evaluated before the first step.
    pub before: Map<String, Value>,
    /// See [`Evaluation::summary`]; the latest; empty without evaluation tasks.
    pub after: Map<String, Value>,
    /// Steps made.
    pub steps: u64,
    /// Time spent, evaluation included, resumed runs added up.
    pub seconds: f64,
    /// The last checkpoint: the trained model.
    #[serde(skip)]
    pub model: PathBuf,
}
