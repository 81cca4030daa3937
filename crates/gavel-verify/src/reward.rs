//! The number that training uses, and who is asked for it.

use std::sync::mpsc;

use crate::{Outcome, Submission};

/// What a submission is worth, and the outcomes that say why.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// The reward; `None` leaves the submission out of its group's baseline and gives it advantage 0.
    pub reward: Option<f64>,
    /// What each named verifier said, in the order of the reward file.
    pub outcomes: Vec<(String, Outcome)>,
}

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

    /// Takes up what has changed of whatever the reward was made from, such as a plugin's file. `None` where nothing
    /// has, and where the same change was refused before.
    ///
    /// Who asks decides when: never, unless it is called. May take as long as loading takes.
    fn refresh(&self) -> Option<Refreshed> {
        None
    }
}

/// Scores submissions and waits for all of them; scores come in the order of the submissions.
pub fn score_all(reward: &dyn Reward, submissions: impl IntoIterator<Item = Submission>) -> Vec<Score> {
    let (sender, scores) = mpsc::channel();
    let mut count = 0;
    for submission in submissions {
        let sender = sender.clone();
        let index = count;
        count += 1;
        // The receiver outlives the loop below, so a failed send means that this thread is gone.
        reward.submit(submission, Box::new(move |score| drop(sender.send((index, score)))));
    }
    drop(sender);
    let mut scored = vec![Score::default(); count];
    for (index, score) in scores {
        scored[index] = score;
    }
    scored
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
                reply(Score { reward: Some(reward), outcomes: Vec::new() });
            });
        }

        fn digests(&self) -> Vec<(String, String)> {
            Vec::new()
        }
    }

    #[test]
    fn scores_come_in_the_order_of_the_submissions() {
        let submissions = (0..3).map(|n| Submission { completion: n.to_string(), ..Submission::default() });
        let rewards: Vec<_> = score_all(&LastFirst, submissions).iter().map(|score| score.reward).collect();
        assert_eq!(rewards, [Some(0.0), Some(1.0), Some(2.0)]);
    }
}
