//! The same rows judged by two rewards: what one says otherwise than the other.

use gavel_verify::{Outcome, Score, Submission};
use indexmap::IndexMap;
use serde::Serialize;

use super::{Excerpt, RIGHT, Said};

/// What two rewards say of the same rows.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Whether any row has another reward, or another verdict of a verifier that both have.
    pub differs: bool,
    /// Rows that both judged.
    pub rows: u64,
    /// Lines that are no submissions to one of them or both.
    pub bad_lines: u64,
    /// Of the rewards.
    pub rewards: RewardChanges,
    /// Of the verifiers, by name.
    pub verifiers: IndexMap<String, Flips>,
    /// The first rows of each kind.
    pub examples: Vec<DiffExample>,
}

/// How rewards changed.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct RewardChanges {
    /// Rows whose reward is another one, to the last bit, or there for one of the two only.
    pub changed: u64,
    /// Those of them that are higher.
    pub up: u64,
    /// Those that are lower.
    pub down: u64,
    /// Rows that have a reward by the second only.
    pub gained: u64,
    /// Rows that have one by the first only.
    pub lost: u64,
    /// The mean reward by the first; `None` where there is none.
    pub mean_before: Option<f64>,
    /// The mean reward by the second.
    pub mean_after: Option<f64>,
    #[serde(skip)]
    sums: [(f64, u64); 2],
}

/// How the verdicts of a verifier changed. A verdict of 1 or more says right, a lower one wrong.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Flips {
    /// Where only one of the two has it; then there is nothing to compare.
    pub only_in: Option<Side>,
    /// Right to the first, wrong to the second.
    pub right_to_wrong: u64,
    /// Wrong to the first, right to the second.
    pub wrong_to_right: u64,
    /// A verdict of the first, none of the second.
    pub verdict_lost: u64,
    /// No verdict of the first, one of the second.
    pub verdict_gained: u64,
    /// Another reward, and right or wrong as before.
    pub other_reward: u64,
    /// No verdict of either, for another kind of reason.
    pub other_status: u64,
}

/// One of the two rewards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

/// A row about which the two differ.
#[derive(Debug, PartialEq, Serialize)]
pub struct DiffExample {
    /// The kind: `reward`, or a field of [`Flips`] with `-` in the place of `_`.
    pub kind: &'static str,
    /// The verifier; `None` where it is about the reward.
    pub verifier: Option<String>,
    /// The line of the input.
    pub line: u64,
    /// The rewards, `null` where there is none.
    pub rewards: [Option<f64>; 2],
    /// What the verifier says by either.
    pub said: Option<[Said; 2]>,
    /// What was judged.
    pub submission: Excerpt,
}

/// A kind of change of a verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flip {
    RightToWrong,
    WrongToRight,
    VerdictLost,
    VerdictGained,
    OtherReward,
    OtherStatus,
}

impl Flip {
    fn of(before: &Outcome, after: &Outcome) -> Option<Self> {
        match (before.reward(), after.reward()) {
            (Some(before), Some(after)) => match (before >= RIGHT, after >= RIGHT) {
                (true, false) => Some(Self::RightToWrong),
                (false, true) => Some(Self::WrongToRight),
                _ => (before.to_bits() != after.to_bits()).then_some(Self::OtherReward),
            },
            (Some(_), None) => Some(Self::VerdictLost),
            (None, Some(_)) => Some(Self::VerdictGained),
            (None, None) => (before.status() != after.status()).then_some(Self::OtherStatus),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::RightToWrong => "right-to-wrong",
            Self::WrongToRight => "wrong-to-right",
            Self::VerdictLost => "verdict-lost",
            Self::VerdictGained => "verdict-gained",
            Self::OtherReward => "other-reward",
            Self::OtherStatus => "other-status",
        }
    }
}

impl Flips {
    /// The counts with their names, in the order in which they matter.
    pub fn counts(&self) -> [(&'static str, u64); 6] {
        [
            (Flip::RightToWrong.name(), self.right_to_wrong),
            (Flip::WrongToRight.name(), self.wrong_to_right),
            (Flip::VerdictLost.name(), self.verdict_lost),
            (Flip::VerdictGained.name(), self.verdict_gained),
            (Flip::OtherReward.name(), self.other_reward),
            (Flip::OtherStatus.name(), self.other_status),
        ]
    }

    fn count(&mut self, flip: Flip) {
        *match flip {
            Flip::RightToWrong => &mut self.right_to_wrong,
            Flip::WrongToRight => &mut self.wrong_to_right,
            Flip::VerdictLost => &mut self.verdict_lost,
            Flip::VerdictGained => &mut self.verdict_gained,
            Flip::OtherReward => &mut self.other_reward,
            Flip::OtherStatus => &mut self.other_status,
        } += 1;
    }
}

impl RewardChanges {
    fn add(&mut self, rewards: [Option<f64>; 2]) -> bool {
        for (sum, reward) in self.sums.iter_mut().zip(rewards) {
            if let Some(reward) = reward {
                *sum = (sum.0 + reward, sum.1 + 1);
            }
        }
        let changed = match rewards {
            [Some(before), Some(after)] if before.to_bits() != after.to_bits() => {
                self.up += u64::from(after > before);
                self.down += u64::from(after < before);
                true
            }
            [Some(_), None] => {
                self.lost += 1;
                true
            }
            [None, Some(_)] => {
                self.gained += 1;
                true
            }
            _ => false,
        };
        self.changed += u64::from(changed);
        changed
    }
}

impl Diff {
    /// Compares what two rewards say of the submission on a line, and keeps it as an example where it is one of the first
    /// `examples` of its kind.
    pub fn add(&mut self, line: u64, submission: &Submission, [before, after]: [&Score; 2], examples: usize) {
        self.rows += 1;
        let rewards = [before, after].map(|score| score.reward.as_ref().ok().copied());
        let mut found = Vec::new();
        if self.rewards.add(rewards) {
            found.push(("reward", None, None));
        }
        for (name, outcome) in &before.outcomes {
            let flips = self.verifiers.entry(name.clone()).or_default();
            let Some((_, now)) = after.outcomes.iter().find(|(other, _)| other == name) else {
                flips.only_in = Some(Side::A);
                continue;
            };
            if let Some(flip) = Flip::of(outcome, now) {
                flips.count(flip);
                found.push((flip.name(), Some(name.clone()), Some([outcome.into(), now.into()])));
            }
        }
        for (name, _) in &after.outcomes {
            if !before.outcomes.iter().any(|(other, _)| other == name) {
                self.verifiers.entry(name.clone()).or_default().only_in = Some(Side::B);
            }
        }
        self.differs |= !found.is_empty();
        for (kind, verifier, said) in found {
            let is_alike = |known: &&DiffExample| known.kind == kind && known.verifier == verifier;
            if self.examples.iter().filter(is_alike).count() < examples {
                let submission = submission.into();
                self.examples.push(DiffExample { kind, verifier, line, rewards, said, submission });
            }
        }
    }

    /// Works out the means, once all rows are there.
    pub fn end(&mut self) {
        let [before, after] = self.rewards.sums.map(|(sum, count)| (count > 0).then(|| sum / count as f64));
        (self.rewards.mean_before, self.rewards.mean_after) = (before, after);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Failure, NoReward, Verdict};

    use super::*;

    fn score(verdicts: &[(&str, Option<f64>)]) -> Score {
        let outcome = |reward: Option<f64>| match reward {
            Some(reward) => Outcome::verdict(Verdict::new(reward), Duration::ZERO),
            None => Outcome::failure(Failure::Abstained(String::new()), Duration::ZERO),
        };
        let reward = verdicts[0].1.ok_or_else(|| NoReward::Dropped { verifier: verdicts[0].0.to_owned() });
        Score {
            reward,
            components: Vec::new(),
            outcomes: verdicts.iter().map(|&(name, reward)| (name.to_owned(), outcome(reward))).collect(),
        }
    }

    fn diff(pairs: &[(Score, Score)]) -> Diff {
        let mut diff = Diff::default();
        for (line, (before, after)) in (1..).zip(pairs) {
            diff.add(line, &Submission::default(), [before, after], 1);
        }
        diff.end();
        diff
    }

    #[test]
    fn every_kind_of_flip_is_counted_by_verifier() {
        let one = |reward| score(&[("a", reward)]);
        let same = diff(&[(one(Some(0.5)), one(Some(0.5))), (one(None), one(None))]);
        assert!(!same.differs && same.examples.is_empty() && same.rewards.changed == 0);
        let all = diff(&[
            (one(Some(1.0)), one(Some(0.9))),
            (one(Some(0.0)), one(Some(1.0))),
            (one(Some(0.0)), one(Some(1.0))),
            (one(Some(1.0)), one(None)),
            (one(None), one(Some(0.0))),
            (one(Some(0.1)), one(Some(0.2))),
        ]);
        assert!(all.differs);
        assert_eq!(all.verifiers["a"].counts().map(|(_, count)| count), [1, 2, 1, 1, 1, 0]);
        let RewardChanges { changed, up, down, gained, lost, .. } = all.rewards;
        assert_eq!((changed, up, down, gained, lost), (6, 3, 1, 1, 1));
        assert_eq!(all.rewards.mean_after, Some((0.9 + 1.0 + 1.0 + 0.0 + 0.2) / 5.0));
        let lines: Vec<_> = all.examples.iter().map(|it| (it.kind, it.line)).collect();
        let expected = [
            ("reward", 1),
            ("right-to-wrong", 1),
            ("wrong-to-right", 2),
            ("verdict-lost", 4),
            ("verdict-gained", 5),
            ("other-reward", 6),
        ];
        assert_eq!(lines, expected, "the first of each kind");
    }

    #[test]
    fn a_verifier_of_one_side_is_no_flip() {
        let found = diff(&[(
            score(&[("a", Some(1.0)), ("b", Some(0.0))]),
            score(&[("a", Some(1.0)), ("c", Some(0.0))]),
        )]);
        assert!(!found.differs, "the rewards are the same");
        assert_eq!(found.verifiers["b"].only_in, Some(Side::A));
        assert_eq!(found.verifiers["c"].only_in, Some(Side::B));
    }
}
