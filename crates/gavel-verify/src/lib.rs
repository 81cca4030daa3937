//! The words of gavel as types, and the traits that judge.
//!
//! A [`Submission`] is one completion of one task. A [`Verifier`] turns it into an [`Outcome`]: a [`Verdict`], or
//! the [`Failure`] that says why there is none. A [`Reward`] turns it into a [`Score`]: the number that training
//! uses, together with the outcomes of every verifier that had a say in it.
//!
//! This crate knows nothing of WebAssembly, tensors, files or async runtimes, and depends on nothing. A verifier
//! can be a sandboxed plugin or ten lines of Rust; who asks cannot tell:
//!
//! ```
//! use gavel_verify::{Description, Outcome, Submission, Verdict, Verifier};
//! use std::time::Duration;
//!
//! struct ExactMatch(Description);
//!
//! impl Verifier for ExactMatch {
//!     fn description(&self) -> &Description {
//!         &self.0
//!     }
//!
//!     fn verify(&self, submission: &Submission) -> Outcome {
//!         let right = submission.reference.as_deref() == Some(submission.completion.trim());
//!         Outcome::verdict(Verdict::new(if right { 1.0 } else { 0.0 }), Duration::ZERO)
//!     }
//! }
//!
//! let verifier = ExactMatch(Description::named("exact-match"));
//! let outcome = verifier.verify(&Submission {
//!     completion: " 42\n".to_owned(),
//!     reference: Some("42".to_owned()),
//!     ..Submission::default()
//! });
//! assert_eq!(outcome.reward(), Some(1.0));
//! ```

mod asynchronous;
mod cancel;
mod limits;
mod outcome;
mod reward;
mod version;
mod visible;

pub use asynchronous::{AsyncVerifier, Judging};
pub use cancel::{Cancel, WhenSet};
pub use limits::{Limits, ProgramLimits};
pub use outcome::{Call, Failure, Outcome, Status};
pub use reward::{
    Change, Group, NoReward, Refreshed, Reply, Reward, Score, Unanswered, score_all, score_groups,
};
pub use version::{VerifierVersion, Version};
pub use visible::{visible, visible_name};

/// One completion of one task, as a verifier sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submission {
    /// The prompt as the policy saw it, or the last user message of a chat.
    pub prompt: String,
    /// The text that the policy wrote.
    pub completion: String,
    /// The ground truth, when the task has one.
    pub reference: Option<String>,
    /// A JSON object as text: the task's other columns. Empty text means `{}`.
    pub metadata: String,
}

/// A judgement: the verifier understood the submission, and this is what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Finite. By custom 0 is wrong and 1 is right.
    pub reward: f64,
    /// One line for a person: what was extracted and how it was compared.
    pub reason: Option<String>,
    /// Named finite numbers, in the verifier's order.
    pub metrics: Vec<(String, f64)>,
}

impl Verdict {
    /// A verdict with a reward alone.
    pub fn new(reward: f64) -> Self {
        Self { reward, reason: None, metrics: Vec::new() }
    }

    /// The metric called `name`, if the verdict carries it.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(metric, _)| metric == name).map(|&(_, value)| value)
    }
}

/// What a verifier says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Kebab-case, as the plugin is called in a reward file.
    pub name: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of the options object, as text.
    pub options: String,
    /// The names of the metrics that every verdict carries.
    pub metrics: Vec<String>,
}

impl Description {
    /// A description with a name and nothing else, for verifiers that take no options.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), options: r#"{"type":"object"}"#.to_owned(), ..Self::default() }
    }
}

/// Judges submissions one at a time.
pub trait Verifier: Send + Sync {
    /// What this verifier is. Cheap; called any number of times.
    fn description(&self) -> &Description;

    /// Judges one submission, on the calling thread, within the verifier's limits.
    ///
    /// Called from many threads at once. It must not panic, and it must come back: what goes wrong while judging
    /// is a [`Failure`] in the outcome.
    fn verify(&self, submission: &Submission) -> Outcome;

    /// Gets ready to judge on the calling thread, so that its first submission need not wait for that.
    fn prepare(&self) {}

    /// As [`Verifier::verify`], and gives up early once `cancel` is set: the outcome is [`Failure::HostFailed`] then,
    /// which says nothing about the submission.
    ///
    /// A verifier that is done in a moment need not look.
    fn verify_until(&self, submission: &Submission, cancel: &Cancel) -> Outcome {
        let _ = cancel;
        self.verify(submission)
    }

    /// As [`Verifier::verify_until`], within these limits, which are nowhere higher than its own.
    ///
    /// A verifier that has no limits need not look.
    fn verify_within(&self, submission: &Submission, cancel: &Cancel, limits: &Limits) -> Outcome {
        let _ = limits;
        self.verify_until(submission, cancel)
    }

    /// Whether it judges the completions of a prompt together, by [`Verifier::verify_group`].
    fn judges_groups(&self) -> bool {
        false
    }

    /// Judges all completions of one prompt, in the order of their places: there are as many outcomes, in the same order.
    /// What it spends on all of them is shared among the outcomes, whose sum is the whole. `limits`, where there are any,
    /// hold for the call, and are nowhere higher than its own.
    fn verify_group(
        &self,
        submissions: &[&Submission],
        cancel: &Cancel,
        limits: Option<&Limits>,
    ) -> Vec<Outcome> {
        let judge = |submission: &&Submission| match limits {
            Some(limits) => self.verify_within(submission, cancel, limits),
            None => self.verify_until(submission, cancel),
        };
        submissions.iter().map(judge).collect()
    }
}
