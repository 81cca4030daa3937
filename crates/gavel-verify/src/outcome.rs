//! What gavel records of one submission: a verdict, or why there is none.

use std::fmt;
use std::time::Duration;

use crate::Verdict;

/// What became of one submission at one verifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The verdict, or why there is none.
    pub result: Result<Verdict, Failure>,
    /// Instructions spent, where the verifier counts them; 0 elsewhere.
    pub fuel: u64,
    /// Wall-clock time spent judging.
    pub elapsed: Duration,
}

impl Outcome {
    /// An outcome with a verdict, from a verifier that counts no fuel.
    pub fn verdict(verdict: Verdict, elapsed: Duration) -> Self {
        Self { result: Ok(verdict), fuel: 0, elapsed }
    }

    /// An outcome without verdict, from a verifier that counts no fuel.
    pub fn failure(failure: Failure, elapsed: Duration) -> Self {
        Self { result: Err(failure), fuel: 0, elapsed }
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
    /// The verifier ran past its wall-clock limit. Unlike fuel, this depends on the machine.
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
}

impl Failure {
    /// The kind of failure, for counting.
    pub fn status(&self) -> Status {
        match self {
            Self::Skipped => Status::Skipped,
            Self::Abstained(_) => Status::Abstained,
            Self::InvalidTask(_) => Status::InvalidTask,
            Self::InternalError(_) => Status::InternalError,
            Self::OutOfFuel { .. } => Status::OutOfFuel,
            Self::Deadline { .. } => Status::Deadline,
            Self::OutOfMemory { .. } => Status::OutOfMemory,
            Self::Trap { .. } => Status::Trap,
            Self::OutputTooLarge { .. } => Status::OutputTooLarge,
            Self::Refused(_) => Status::Refused,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped => write!(f, "not asked: its condition did not hold"),
            Self::Abstained(reason) => write!(f, "abstained: {reason}"),
            Self::InvalidTask(reason) => write!(f, "invalid task: {reason}"),
            Self::InternalError(reason) => write!(f, "the plugin failed: {reason}"),
            Self::OutOfFuel { limit } => write!(f, "out of fuel after {limit} instructions"),
            Self::Deadline { limit } => write!(f, "still running after {limit:?}"),
            Self::OutOfMemory { limit } => write!(f, "asked for more than {limit} bytes of memory"),
            Self::Trap { message, .. } => write!(f, "trap: {message}"),
            Self::OutputTooLarge { limit } => write!(f, "said more than {limit} bytes"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The kinds of outcome, for counting and for records. The order is the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// There is a verdict.
    Verdict,
    /// See [`Failure::Skipped`].
    Skipped,
    /// See [`Failure::Abstained`].
    Abstained,
    /// See [`Failure::InvalidTask`].
    InvalidTask,
    /// See [`Failure::InternalError`].
    InternalError,
    /// See [`Failure::OutOfFuel`].
    OutOfFuel,
    /// See [`Failure::Deadline`].
    Deadline,
    /// See [`Failure::OutOfMemory`].
    OutOfMemory,
    /// See [`Failure::Trap`].
    Trap,
    /// See [`Failure::OutputTooLarge`].
    OutputTooLarge,
    /// See [`Failure::Refused`].
    Refused,
}

impl Status {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Verdict,
        Self::Skipped,
        Self::Abstained,
        Self::InvalidTask,
        Self::InternalError,
        Self::OutOfFuel,
        Self::Deadline,
        Self::OutOfMemory,
        Self::Trap,
        Self::OutputTooLarge,
        Self::Refused,
    ];

    /// The name in JSON, metrics and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Skipped => "skipped",
            Self::Abstained => "abstained",
            Self::InvalidTask => "invalid-task",
            Self::InternalError => "internal-error",
            Self::OutOfFuel => "out-of-fuel",
            Self::Deadline => "deadline",
            Self::OutOfMemory => "out-of-memory",
            Self::Trap => "trap",
            Self::OutputTooLarge => "output-too-large",
            Self::Refused => "refused",
        }
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
