//! Which settings can be used together where they say what a completion is compared with, and which groups are learnt from.

use super::{Problem, found};
use crate::grpo::{AdvEstimator, GroupEstimator, MultiObjectiveAggregation};
use crate::settings::Settings;

impl Settings {
    pub(super) fn bad_comparison(&self) -> Option<Problem> {
        let compares_groups = matches!(self.adv_estimator, AdvEstimator::Group(_)) || self.filter_groups;
        if self.num_generations < 2 && compares_groups {
            return Some((
                "num_generations",
                found("at least 2: a group is compared within itself", &self.num_generations),
            ));
        }
        self.bad_parts().or_else(|| self.bad_remainder()).or_else(|| self.bad_filter())
    }

    /// Of a reward.
    fn bad_parts(&self) -> Option<Problem> {
        if self.multi_objective_aggregation == MultiObjectiveAggregation::NormalizeThenSum
            && self.adv_estimator != AdvEstimator::Group(GroupEstimator::Grpo)
        {
            let problem = "is \"normalize_then_sum\", which says what each part of a reward is compared with, and so does \
                           adv_estimator: leave that at \"grpo\"";
            return Some(("multi_objective_aggregation", problem.to_owned()));
        }
        self.bad_reward_weights().map(|problem| ("reward_weights", problem))
    }

    fn bad_reward_weights(&self) -> Option<String> {
        let normalises = self.multi_objective_aggregation == MultiObjectiveAggregation::NormalizeThenSum;
        if !normalises && !self.reward_weights.is_empty() {
            let problem = "says what verifiers weigh that are compared one by one; where their sum is, the formula of the \
                           reward file weighs: set multi_objective_aggregation to \"normalize_then_sum\" or leave it out";
            return Some(problem.to_owned());
        }
        let (name, weight) = self.reward_weights.iter().find(|(_, weight)| !weight.is_finite())?;
        Some(format!("must have finite numbers, found {name} = {weight}"))
    }

    /// Of a group.
    fn bad_remainder(&self) -> Option<Problem> {
        if let Some(remain) = self.num_remains_in_group {
            if !(2..self.num_generations).contains(&remain) {
                let generations = self.num_generations;
                let wanted = format!("at least 2 and less than num_generations = {generations}");
                return Some(("num_remains_in_group", found(&wanted, &remain)));
            }
            if self.adv_estimator == AdvEstimator::Gae {
                let problem = "says how many of a group are compared, and adv_estimator \"gae\" compares none: leave it out";
                return Some(("num_remains_in_group", problem.to_owned()));
            }
        }
        None
    }

    fn bad_filter(&self) -> Option<Problem> {
        if self.filter_groups && self.rollout_ahead > 0 {
            let problem = "has to wait for the rewards of a step before it knows what to sample, and rollout_ahead does not wait \
                           for them: set one of them"
                .to_owned();
            return Some(("filter_groups", problem));
        }
        if self.min_pass_rate > self.max_pass_rate {
            let problem =
                format!("is {}, more than max_pass_rate = {}", self.min_pass_rate, self.max_pass_rate);
            return Some(("min_pass_rate", problem));
        }
        None
    }
}
