//! Values at the end of what a setting may be, with which a run would go through all its steps and learn nothing.

use super::{Problem, found};
use crate::grpo::{MultiObjectiveAggregation, Surrogate};
use crate::settings::Settings;

impl Settings {
    pub(super) fn standstill(&self) -> Option<Problem> {
        let above_0 = [
            ("learning_rate", self.learning_rate, "above 0: with 0 nothing is learnt"),
            // What has had no gradient yet would be divided by 0.
            ("adam_epsilon", self.adam_epsilon, "above 0"),
            (
                "top_entropy_quantile",
                self.top_entropy_quantile,
                "above 0 and at most 1: it is the share of tokens to learn from",
            ),
        ];
        if let Some((field, value, wanted)) = above_0.into_iter().find(|(_, value, _)| *value == 0.0) {
            return Some((field, found(wanted, &value)));
        }
        if self.top_k == 1 {
            return Some((
                "top_k",
                found("0, which is all tokens, or at least 2, for a group to differ", &self.top_k),
            ));
        }
        if self.min_p == 1.0 {
            return Some(("min_p", found("below 1, for a group to differ", &self.min_p)));
        }
        if self.warmup_ratio > 1.0 {
            return Some(("warmup_ratio", found("between 0 and 1", &self.warmup_ratio)));
        }
        self.standing_ratio().or_else(|| self.weightless())
    }

    /// Bounds of the ratio to the policy that sampled, which is 1 where nothing has been learnt yet.
    fn standing_ratio(&self) -> Option<Problem> {
        let surrogate = self.surrogate();
        let largest = match surrogate {
            Surrogate::Clip | Surrogate::ClipCov => self.delta.filter(|delta| *delta <= 1.0),
            Surrogate::DppoTv | Surrogate::DppoKl => self.delta.filter(|delta| *delta == 0.0),
            _ => None,
        };
        if let Some(delta) = largest {
            return Some((
                "delta",
                found("above 1, which is the ratio that every update begins with", &delta),
            ));
        }
        if surrogate == Surrogate::Cispo && self.epsilon_high == Some(0.0) {
            return Some((
                "epsilon_high",
                found("above 0: with cispo it is the largest weight of a token", &0),
            ));
        }
        None
    }

    fn weightless(&self) -> Option<Problem> {
        let weights = &self.reward_weights;
        let of_parts = self.multi_objective_aggregation == MultiObjectiveAggregation::NormalizeThenSum;
        if of_parts && !weights.is_empty() && weights.values().all(|weight| *weight == 0.0) {
            return Some(("reward_weights", "must have a weight that is not 0".to_owned()));
        }
        None
    }
}
