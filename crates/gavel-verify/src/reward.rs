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
    /// The reward compares the completions of one prompt with each other, and this one was handed in alone.
    NoGroup,
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
            Self::NoGroup => "no-group",
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
            Self::NoGroup => f.write_str(
                "it depends on the other completions of its prompt, and was handed in without them",
            ),
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
    /// Replies come in any order. Every submission is answered, whatever its verifiers do. A reward that
    /// [needs groups](Self::needs_groups) answers one that comes this way with [`NoReward::NoGroup`].
    fn submit(&self, submission: Submission, reply: Reply);

    /// Whether the reward of a completion depends on the others of its prompt.
    fn needs_groups(&self) -> bool {
        false
    }

    /// Opens a group: what is submitted to it are completions of one prompt.
    fn group(&self) -> Box<dyn Group + '_> {
        Box::new(Each(self))
    }

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

/// The completions of one prompt, which may come one after the other.
///
/// Each is judged as soon as it is submitted; where their rewards depend on each other, they are answered once the group
/// is dropped, which closes it, and all of them are judged. A group of one is a group.
pub trait Group: Send {
    /// As [`Reward::submit`], of the completion at this place of the group. Who looks at all of them sees them in the
    /// order of their places, in whichever order they come.
    fn submit(&mut self, place: usize, submission: Submission, reply: Reply);
}

/// A group whose completions have nothing to do with each other.
struct Each<'a, R: ?Sized>(&'a R);

impl<R: Reward + ?Sized> Group for Each<'_, R> {
    fn submit(&mut self, _: usize, submission: Submission, reply: Reply) {
        self.0.submit(submission, reply);
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
    let mut answers = Answers::new();
    for submission in submissions {
        reward.submit(submission, answers.next());
    }
    answers.wait()
}

/// As [`score_all`], of submissions in groups, each the completions of one prompt. Scores come in the order of the
/// submissions, whatever group they are of.
///
/// # Errors
/// As [`score_all`].
pub fn score_groups(
    reward: &dyn Reward,
    groups: impl IntoIterator<Item = impl IntoIterator<Item = Submission>>,
) -> Result<Vec<Score>, Unanswered> {
    let mut answers = Answers::new();
    for submissions in groups {
        let mut group = reward.group();
        for (place, submission) in submissions.into_iter().enumerate() {
            group.submit(place, submission, answers.next());
        }
    }
    answers.wait()
}

/// Scores that are waited for.
struct Answers {
    sender: mpsc::Sender<(usize, Score)>,
    scores: mpsc::Receiver<(usize, Score)>,
    count: usize,
}

impl Answers {
    fn new() -> Self {
        let (sender, scores) = mpsc::channel();
        Self { sender, scores, count: 0 }
    }

    /// The reply to the next submission.
    fn next(&mut self) -> Reply {
        let (sender, index) = (self.sender.clone(), self.count);
        self.count += 1;
        // The receiver outlives the wait for it, so a failed send means that its thread is gone.
        Box::new(move |score| drop(sender.send((index, score))))
    }

    fn wait(self) -> Result<Vec<Score>, Unanswered> {
        let mut scored = vec![None; self.count];
        // The channel closes when the last reply was called or dropped, which ends the loop.
        drop(self.sender);
        for (index, score) in self.scores {
            scored[index] = Some(score);
        }
        let count = scored.iter().filter(|score| score.is_none()).count();
        scored.into_iter().collect::<Option<Vec<_>>>().ok_or(Unanswered { count })
    }
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

    #[test]
    fn a_reward_that_compares_nothing_takes_groups_all_the_same() {
        let submission = |n: i32| Submission { completion: n.to_string(), ..Submission::default() };
        let scores = score_groups(&LastFirst, [vec![submission(0), submission(2)], vec![submission(1)]]);
        let rewards: Vec<_> = scores.unwrap().into_iter().map(|score| score.reward).collect();
        assert_eq!(rewards, [Ok(0.0), Ok(2.0), Ok(1.0)]);
        assert!(!LastFirst.needs_groups());
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
