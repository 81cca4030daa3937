//! One rank's error ends all, with its message.

use std::time::{Duration, Instant};

use gavel_torch::distributed::ProcessGroup;
use serde::{Deserialize, Serialize};

use super::Ranks;
use crate::TrainError;
use crate::error::Fault;

/// What a rank leaves for the others when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Which one it was.
    pub(crate) rank: usize,
    /// Its error, with its causes.
    pub(crate) message: String,
    /// Whether its machine is to blame, and not what the run was given.
    pub(crate) of_machine: bool,
}

impl Ranks {
    /// Does what all ranks do together. Where it fails on this rank alone, the others are told; where it fails because
    /// another rank has, that one's error is this one's too.
    pub(crate) fn together<T>(&self, body: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
        let result = body();
        let (Some(group), Err(error)) = (&self.group, &result) else { return result };
        if let TrainError::Ranks(cause) = error
            && cause.is_of_another_rank()
            && let Some(failure) = group.failure()
            && let Ok(failure) = serde_json::from_str::<Failure>(&failure)
        {
            return Err(failure.into());
        }
        let own = Failure {
            rank: group.rank(),
            message: with_causes(error),
            of_machine: error.fault() == Fault::Machine,
        };
        group.fail(&serde_json::to_string(&own).expect("texts and numbers"));
        // What is wrong for all of them is the error of the first that has found it.
        match first_failure(group) {
            Some(first) if first.rank != own.rank && first.message == own.message => Err(first.into()),
            _ => result,
        }
    }
}

/// The failure that came first. It is there, or just about to be.
fn first_failure(group: &ProcessGroup) -> Option<Failure> {
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        match group.failure() {
            Some(text) => return serde_json::from_str(&text).ok(),
            None if Instant::now() > until => return None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl From<Failure> for TrainError {
    fn from(Failure { rank, message, of_machine }: Failure) -> Self {
        Self::OtherRank { rank, message, of_machine }
    }
}

/// An error and all that caused it, in one line.
fn with_causes(error: &TrainError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!(": {source}"));
        cause = source.source();
    }
    text
}
