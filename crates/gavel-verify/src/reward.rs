//! The number that training uses, and who is asked for it.

use std::fmt;
use std::sync::mpsc;

use crate::{Outcome, Submission, Version};

/// What a submission is worth, and the outcomes that say why.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The reward, a finite number; or why there is none, which leaves the submission out of its group's baseline and
    /// gives it advantage 0.
    pub reward: Result<f64, NoReward>,
    /// The values of the reward's [components](Reward::components), before their weights, in the order of the reward
    /// file: of all of them where there is a reward, but for those that weigh nothing and have no value.
    pub components: Vec<(String, f64)>,
    /// What each named verifier said, in the order of the reward file.
    pub outcomes: Vec<(String, Outcome)>,
}

/// Why a submission has no reward. Branch on the variant; the texts are for people.
#[derive(Debug, Clone, PartialEq)]
pub enum NoReward {
    /// A verifier that the formula needs has no verdict, and the reward file does not say what that is worth.
    Dropped {
        /// The verifier.
        verifier: String,
    },
    /// A verdict lacks a metric that the formula needs.
    MissingMetric {
        /// The verifier.
        verifier: String,
        /// The metric, as the formula writes it.
        metric: String,
    },
    /// The formula, or a condition, needs a column of the task that is not there, or not what it is taken for.
    TaskColumn {
        /// The column, as the formula writes it behind `task.`.
        column: String,
        /// What is there instead, for a person.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// The formula gives infinity, or no number at all.
    NotFinite {
        /// What it gives.
        value: f64,
    },
    /// This machine could not judge; see [`Failure::HostFailed`](crate::Failure::HostFailed).
    HostFailed {
        /// The verifier.
        verifier: String,
    },
}

impl NoReward {
    /// The name of the kind in JSON, metrics and summaries.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dropped { .. } => "dropped",
            Self::MissingMetric { .. } => "missing-metric",
            Self::TaskColumn { .. } => "task-column",
            Self::NotFinite { .. } => "not-finite",
            Self::HostFailed { .. } => "host-failed",
        }
    }
}

impl fmt::Display for NoReward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped { verifier } => write!(f, "`{verifier}` has no verdict"),
            Self::MissingMetric { verifier, metric } => {
                write!(f, "the verdict of `{verifier}` lacks the metric `{metric}`")
            }
            Self::TaskColumn { column, found, wanted } => {
                write!(f, "the column `{column}` of the task should be {wanted}; there is {found}")
            }
            Self::NotFinite { value } => write!(f, "the formula gives {value}"),
            Self::HostFailed { verifier } => write!(f, "this machine could not judge `{verifier}`"),
        }
    }
}

impl std::error::Error for NoReward {}

/// A reward did not answer submissions that it took: it broke its promise in [`Reward::submit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered {
    /// How many.
    pub count: usize,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the reward left {} submissions unanswered", self.count)
    }
}

impl std::error::Error for Unanswered {}

/// Called once with the score, on a thread of the reward's own. It must be quick and must not panic.
pub type Reply = Box<dyn FnOnce(Score) + Send>;

/// One part of a reward that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The verifier, `VERIFIER/LANGUAGE` for one of its interpreters, or the file of settings.
    pub what: String,
    /// The digest (sha256, hex) before; `None` where it is new.
    pub before: Option<String>,
    /// The digest now; `None` where it is gone.
    pub after: Option<String>,
}

/// What came of a [`Reward::refresh`] that found something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// From now on what is there now judges; what was submitted before is still judged by what was there then.
    Changed(Vec<Change>),
    /// What is there now cannot be used, so what judged before goes on. This is why, for a person.
    Refused(String),
}

/// Scores submissions. This is all that a trainer sees: it cannot tell a plugin from native code.
pub trait Reward: Send + Sync {
    /// Starts to score one submission and returns at once; `reply` gets the score when it is there.
    ///
    /// Replies come in any order. Every submission is answered, whatever its verifiers do.
    fn submit(&self, submission: Submission, reply: Reply);

    /// The name of each verifier and the digest (sha256, hex) of its plugin, for the record of a run, and after it
    /// those of the interpreters that it runs programs with, as `VERIFIER/LANGUAGE`.
    /// The digest is empty for native verifiers.
    fn digests(&self) -> Vec<(String, String)>;

    /// Everything that scores depend on besides the submissions, as it is now, for the record of a run. `None` where
    /// nobody knows, as of verifiers written in Rust.
    fn version(&self) -> Option<Version> {
        None
    }

    /// The named parts of the reward and their weights, as they are now, in the order of the reward file: the reward is
    /// the sum of their values, each times its weight. Empty where it has none.
    fn components(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// Takes up what has changed of whatever the reward was made from, such as a plugin's file. `None` where nothing
    /// has, and where the same change was refused before.
    ///
    /// Who asks decides when: never, unless it is called. May take as long as loading takes.
    fn refresh(&self) -> Option<Refreshed> {
        None
    }
}

/// Scores submissions and waits for all of them; scores come in the order of the submissions.
///
/// # Errors
/// When the reward has dropped a reply, so that a score will never come.
pub fn score_all(
    reward: &dyn Reward,
    submissions: impl IntoIterator<Item = Submission>,
) -> Result<Vec<Score>, Unanswered> {
    let (sender, scores) = mpsc::channel();
    let mut scored = Vec::new();
    for (index, submission) in submissions.into_iter().enumerate() {
        let sender = sender.clone();
        scored.push(None);
        // The receiver outlives the loop below, so a failed send means that this thread is gone.
        reward.submit(submission, Box::new(move |score| drop(sender.send((index, score)))));
    }
    // The channel closes when the last reply was called or dropped, which ends the loop.
    drop(sender);
    for (index, score) in scores {
        scored[index] = Some(score);
    }
    let count = scored.iter().filter(|score| score.is_none()).count();
    scored.into_iter().collect::<Option<Vec<_>>>().ok_or(Unanswered { count })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers on a thread, later submissions first.
    struct LastFirst;

    impl Reward for LastFirst {
        fn submit(&self, submission: Submission, reply: Reply) {
            let reward: f64 = submission.completion.parse().unwrap();
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(30 - 10 * reward as u64));
                reply(Score { reward: Ok(reward), components: Vec::new(), outcomes: Vec::new() });
            });
        }

        fn digests(&self) -> Vec<(String, String)> {
            Vec::new()
        }
    }

    #[test]
    fn scores_come_in_the_order_of_the_submissions() {
        let submissions = (0..3).map(|n| Submission { completion: n.to_string(), ..Submission::default() });
        let scores = score_all(&LastFirst, submissions).unwrap();
        let rewards: Vec<_> = scores.into_iter().map(|score| score.reward).collect();
        assert_eq!(rewards, [Ok(0.0), Ok(1.0), Ok(2.0)]);
    }

    /// Forgets every reply.
    struct Forgetful;

    impl Reward for Forgetful {
        fn submit(&self, _: Submission, _: Reply) {}

        fn digests(&self) -> Vec<(String, String)> {
            Vec::new()
        }
    }

    #[test]
    fn a_reply_that_is_lost_is_an_error() {
        let submissions = vec![Submission::default(); 3];
        assert_eq!(score_all(&Forgetful, submissions), Err(Unanswered { count: 3 }));
    }
}
