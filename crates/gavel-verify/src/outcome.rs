//! What gavel records of one submission: a verdict, or why there is none.

use std::fmt;
use std::time::Duration;

use crate::Verdict;

/// What became of one submission at one verifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The verdict, or why there is none.
    pub result: Result<Verdict, Failure>,
    /// Instructions spent. `None` where the verifier counts none, and where nobody knows: a guest that is interrupted
    /// by the clock takes its count with it.
    pub fuel: Option<u64>,
    /// Wall-clock time spent judging.
    pub elapsed: Duration,
    /// What the verifier wrote to its standard streams, where it was asked to be kept: for its author, and no part of
    /// any record.
    pub output: Option<String>,
    /// Whether it was known already: the verifier was not asked again. It says the same as if it had been.
    pub cached: bool,
    /// What the verifier asked of somebody else, and the answer: with it, the outcome can be derived again without them.
    pub call: Option<Box<Call>>,
}

/// What a verifier asked of somebody else, and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The digest (sha256, hex) of all that was asked.
    pub request: String,
    /// What of the answer the outcome depends on: a JSON object as text. Or why there was none, for a person.
    pub answer: Result<String, String>,
}

impl Outcome {
    /// An outcome with a verdict, from a verifier that counts no fuel.
    pub fn verdict(verdict: Verdict, elapsed: Duration) -> Self {
        Self { result: Ok(verdict), fuel: None, elapsed, output: None, cached: false, call: None }
    }

    /// An outcome without verdict, from a verifier that counts no fuel.
    pub fn failure(failure: Failure, elapsed: Duration) -> Self {
        Self { result: Err(failure), fuel: None, elapsed, output: None, cached: false, call: None }
    }

    /// The verdict's reward, if there is a verdict.
    pub fn reward(&self) -> Option<f64> {
        self.result.as_ref().ok().map(|verdict| verdict.reward)
    }

    /// The kind of outcome, for counting.
    pub fn status(&self) -> Status {
        match &self.result {
            Ok(_) => Status::Verdict,
            Err(failure) => failure.status(),
        }
    }
}

/// Why a submission has no verdict. Branch on the variant; the texts are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The verifier was not asked: the reward file's condition for asking it did not hold. Nothing went wrong.
    Skipped,
    /// The verifier was not asked: its condition looks at a verifier that has no verdict, so that nobody knows whether it
    /// holds. A kind of [`Status::Skipped`].
    ConditionUnknown {
        /// The verifier without a verdict.
        verifier: String,
    },
    /// The verifier says that it cannot judge this submission.
    Abstained(String),
    /// The verifier says that the reference or the metadata is not what it needs.
    InvalidTask(String),
    /// The verifier says that it failed.
    InternalError(String),
    /// The verifier spent all its instructions.
    OutOfFuel {
        /// Instructions allowed.
        limit: u64,
    },
    /// The verifier, or a program that it ran, went past its time limit. Unlike fuel, this depends on the machine, so
    /// it says nothing about the completion.
    Deadline {
        /// Time allowed.
        limit: Duration,
    },
    /// The verifier asked for more memory, or more table entries, than it may hold.
    OutOfMemory {
        /// Bytes allowed.
        limit: u64,
    },
    /// The verifier broke: an abort, an illegal access, a stack overflow.
    Trap {
        /// What broke.
        message: String,
        /// The guest's call stack, innermost first, where it is known.
        backtrace: Vec<String>,
    },
    /// The verifier said more than it may.
    OutputTooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// gavel refused what the verifier was given, asked for, or answered: an oversized submission, an authority
    /// that it was not granted, a reward that is not a finite number, text that is not UTF-8.
    Refused(String),
    /// This machine could not judge: it has no memory, address space or thread left, or gavel itself has a bug. It says
    /// nothing about the completion or the verifier, and no reward file can give it a price.
    HostFailed(String),
}

impl Failure {
    /// The kind of failure, for counting.
    pub fn status(&self) -> Status {
        match self {
            Self::Skipped | Self::ConditionUnknown { .. } => Status::Skipped,
            Self::Abstained(_) => Status::Abstained,
            Self::InvalidTask(_) => Status::InvalidTask,
            Self::InternalError(_) => Status::InternalError,
            Self::OutOfFuel { .. } => Status::OutOfFuel,
            Self::Deadline { .. } => Status::Deadline,
            Self::OutOfMemory { .. } => Status::OutOfMemory,
            Self::Trap { .. } => Status::Trap,
            Self::OutputTooLarge { .. } => Status::OutputTooLarge,
            Self::Refused(_) => Status::Refused,
            Self::HostFailed(_) => Status::HostFailed,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped => write!(f, "not asked: its condition did not hold"),
            Self::ConditionUnknown { verifier } => {
                write!(
                    f,
                    "not asked: `{verifier}` has no verdict, so nobody knows whether its condition holds"
                )
            }
            Self::Abstained(reason) => write!(f, "abstained: {reason}"),
            Self::InvalidTask(reason) => write!(f, "invalid task: {reason}"),
            Self::InternalError(reason) => write!(f, "the plugin failed: {reason}"),
            Self::OutOfFuel { limit } => write!(f, "out of fuel after {limit} instructions"),
            Self::Deadline { limit } => write!(f, "still running after {limit:?}"),
            Self::OutOfMemory { limit } => write!(f, "asked for more than {limit} bytes of memory"),
            Self::Trap { message, .. } => write!(f, "trap: {message}"),
            Self::OutputTooLarge { limit } => write!(f, "said more than {limit} bytes"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::HostFailed(reason) => write!(f, "this machine could not judge: {reason}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Makes the enum of kinds, the list of all of them and their names from one table, so that none can be forgotten.
macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The kinds of outcome, for counting and for records. The order is the order of reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Status {
            $($(#[$doc])* $variant,)*
        }

        impl Status {
            /// Every kind, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in JSON, metrics and summaries.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

statuses! {
    /// There is a verdict.
    Verdict = "verdict",
    /// See [`Failure::Skipped`].
    Skipped = "skipped",
    /// See [`Failure::Abstained`].
    Abstained = "abstained",
    /// See [`Failure::InvalidTask`].
    InvalidTask = "invalid-task",
    /// See [`Failure::InternalError`].
    InternalError = "internal-error",
    /// See [`Failure::OutOfFuel`].
    OutOfFuel = "out-of-fuel",
    /// See [`Failure::Deadline`].
    Deadline = "deadline",
    /// See [`Failure::OutOfMemory`].
    OutOfMemory = "out-of-memory",
    /// See [`Failure::Trap`].
    Trap = "trap",
    /// See [`Failure::OutputTooLarge`].
    OutputTooLarge = "output-too-large",
    /// See [`Failure::Refused`].
    Refused = "refused",
    /// See [`Failure::HostFailed`].
    HostFailed = "host-failed",
}

impl Status {
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.name() == name)
    }

    /// Whether a limit ended the judging that a completion can reach by its length or its form, at the same place on
    /// every machine. A reward file can price these apart from failures that a completion has no say in.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::OutOfFuel | Self::OutOfMemory | Self::OutputTooLarge)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = Status::ALL.iter().map(|status| status.name()).collect();
        assert_eq!(names.len(), Status::ALL.len());
    }

    #[test]
    fn a_failure_has_no_reward() {
        let outcome = Outcome::failure(Failure::OutOfFuel { limit: 7 }, Duration::ZERO);
        assert_eq!(outcome.reward(), None);
        assert_eq!(outcome.status(), Status::OutOfFuel);
    }
}
