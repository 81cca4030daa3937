//! The cosine length reward: appendix C.1 of <https://arxiv.org/abs/2502.03373>, in the form that open-r1 and TRL use.

use std::f64::consts::PI;

use gavel_plugin::{Error, Submission, Verdict};
use serde::Deserialize;

use crate::Unit;

/// `long + (short - long) · (1 + cos(π · length / max_len)) / 2`, one pair of ends for right and one for wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    max_len: u64,
    /// The ends for wrong answers: short ones earn the less.
    wrong: Ends,
    /// The ends for right answers: short ones earn the more.
    correct: Ends,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Ends {
    short: f64,
    long: f64,
}

impl Cosine {
    /// `wrong` and `correct` are the least and the greatest reward of each.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOptions`] when `max_len` is 0, or a least reward is above its greatest.
    pub fn new(max_len: u64, wrong: [f64; 2], correct: [f64; 2]) -> Result<Self, Error> {
        if max_len == 0 {
            return Err(Error::InvalidOptions("max_len: must be above 0".to_owned()));
        }
        for (name, [min, max]) in [("wrong", wrong), ("correct", correct)] {
            if min > max {
                return Err(Error::InvalidOptions(format!(
                    "min_value_{name}: {min} is above max_value_{name}, which is {max}"
                )));
            }
        }
        Ok(Self {
            max_len,
            wrong: Ends { short: wrong[0], long: wrong[1] },
            correct: Ends { short: correct[1], long: correct[0] },
        })
    }

    /// The reward at this length. Beyond `max_len` it stays what it is there: the cosine itself would rise again.
    pub fn reward(self, length: u64, correct: bool) -> f64 {
        let Ends { short, long } = if correct { self.correct } else { self.wrong };
        let progress = (length as f64 / self.max_len as f64).min(1.0);
        long + 0.5 * (short - long) * (1.0 + (progress * PI).cos())
    }

    /// The verdict on a completion of this length.
    pub(crate) fn judge(self, length: u64, unit: Unit, correct: bool) -> Verdict {
        let kind = if correct { "right" } else { "wrong" };
        Verdict::new(self.reward(length, correct))
            .because(format!("{kind}, {length} {unit} of {}", self.max_len))
            .metric("length", length as f64)
            .metric("if_correct", self.reward(length, true))
            .metric("if_wrong", self.reward(length, false))
            .metric("repeated", 0.0)
    }
}

#[derive(Deserialize)]
struct Columns {
    correct: Option<Truth>,
}

/// Datasets and other verifiers write truth as `true` or as `1`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Bool(bool),
    Number(f64),
}

/// What the task's column `correct` says.
pub(crate) fn correct(submission: &Submission) -> Result<bool, Error> {
    match submission.metadata::<Columns>()?.correct {
        Some(Truth::Bool(correct)) => Ok(correct),
        Some(Truth::Number(0.0)) => Ok(false),
        Some(Truth::Number(1.0)) => Ok(true),
        Some(Truth::Number(other)) => {
            Err(Error::InvalidTask(format!("correct: must be true, false, 1 or 0, not {other}")))
        }
        None => Err(Error::InvalidTask(
            "correct: the task has no such column; add it, or set the option correct and choose in the formula \
             with the metrics if_correct and if_wrong"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Cosine {
        Cosine::new(100, [-1.0, -0.5], [0.5, 1.0]).unwrap()
    }

    #[test]
    fn right_answers_fall_and_wrong_ones_rise() {
        assert_eq!([0, 100].map(|length| rule().reward(length, true)), [1.0, 0.5]);
        assert_eq!([0, 100].map(|length| rule().reward(length, false)), [-1.0, -0.5]);
        assert!((rule().reward(50, true) - 0.75).abs() < 1e-12);
    }

    #[test]
    fn beyond_the_end_the_cosine_does_not_rise_again() {
        assert_eq!(rule().reward(200, true), 0.5);
        assert_eq!(rule().reward(u64::MAX, false), -0.5);
    }
}
