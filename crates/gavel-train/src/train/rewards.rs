//! The rewards of a step as numbers to compare, and why there are none.

use gavel_verify::{Failure, NoReward, Reward, Status};
use tch::Tensor;

use crate::TrainError;
use crate::eval::check_verifier;
use crate::grpo::{self, MultiObjectiveAggregation};
use crate::rollout::{Rollout, Sample};
use crate::settings::Settings;

/// A number of each sample, by group: `(P, G)`.
pub(super) fn by_group(settings: &Settings, rollout: &Rollout, number: impl Fn(&Sample) -> f64) -> Tensor {
    let numbers: Vec<f64> = rollout.samples.iter().map(number).collect();
    Tensor::from_slice(&numbers).reshape([-1, settings.num_generations as i64])
}

/// The rewards of the samples that `counts` holds for, `(P, G)`; NaN for those without reward and all others.
pub(super) fn rewards(settings: &Settings, rollout: &Rollout, counts: impl Fn(&Sample) -> bool) -> Tensor {
    by_group(settings, rollout, |sample| match sample.reward() {
        Ok(reward) if counts(sample) => reward,
        _ => f64::NAN,
    })
}

/// What a verifier gave a sample; NaN where it has no verdict.
pub(super) fn given_by(verifier: &str, sample: &Sample) -> f64 {
    let outcome = sample.score.outcomes.iter().find(|(name, _)| name == verifier);
    let verdict = outcome.and_then(|(_, outcome)| outcome.result.as_ref().ok());
    verdict.map_or(f64::NAN, |verdict| verdict.reward)
}

/// The rewards that advantages are made from, without those of completions that are masked where they have no say, or that
/// do not remain in their group; and how many tokens of each completion are learnt from. Both `(P, G)`.
pub(super) fn rewards_to_compare(settings: &Settings, rollout: &Rollout) -> (Tensor, Tensor) {
    let is_masked = |sample: &Sample| settings.mask_truncated_completions && sample.truncated;
    let compared = |sample: &Sample| settings.truncated_in_baseline || !is_masked(sample);
    let length = |sample: &Sample| if is_masked(sample) { 0.0 } else { sample.tokens.len() as f64 };
    let mut rewards = rewards(settings, rollout, compared);
    if let Some(count) = settings.num_remains_in_group {
        let tokens = by_group(settings, rollout, |sample| sample.tokens.len() as f64);
        rewards = grpo::remaining(&rewards, &tokens, settings.group_filter_func, count);
    }
    (rewards, by_group(settings, rollout, length))
}

/// Refuses what would be found out at the first step only: parts of a reward that it has not.
pub(super) fn check_parts(settings: &Settings, reward: &dyn Reward) -> Result<(), TrainError> {
    for name in settings.reward_weights.keys() {
        check_verifier(name, "what is compared", reward)?;
    }
    for name in settings.watch.iter().flat_map(|watch| watch.verifiers()) {
        check_verifier(name, "what is watched", reward)?;
    }
    let normalises = settings.multi_objective_aggregation == MultiObjectiveAggregation::NormalizeThenSum;
    if normalises && settings.reward_weights.is_empty() && reward.components().is_empty() {
        let problem = "is \"normalize_then_sum\", and the reward has no parts: name them under [reward.components] in the \
                       reward file, or verifiers and their weights in reward_weights";
        return Err(TrainError::Setting {
            field: "multi_objective_aggregation",
            problem: problem.to_owned(),
        });
    }
    Ok(())
}

/// The parts of the rewards that are compared, `(K, P, G)`, and what each weighs: the components of the reward, or what the
/// verifiers of `reward_weights` gave. NaN where there is no such value, and where there is no reward.
pub(super) fn parts_to_compare(
    settings: &Settings,
    rollout: &Rollout,
    reward: &dyn Reward,
) -> (Tensor, Vec<f64>) {
    let (rewards, _) = rewards_to_compare(settings, rollout);
    let known = rewards.isnan().logical_not();
    let of_known = |value: &dyn Fn(&Sample) -> f64| {
        by_group(settings, rollout, value).where_scalarother(&known, f64::NAN)
    };
    let components = reward.components();
    let (parts, weights): (Vec<Tensor>, Vec<f64>) = if !settings.reward_weights.is_empty() {
        let weighed = settings.reward_weights.iter();
        weighed.map(|(name, &weight)| (of_known(&|sample| given_by(name, sample)), weight)).unzip()
    } else if !components.is_empty() {
        let weighed = components.iter();
        weighed.map(|(name, weight)| (of_known(&|sample| component(name, sample)), *weight)).unzip()
    } else {
        // A reward that had parts when the run began, and was changed since.
        (vec![rewards], vec![1.0])
    };
    (Tensor::stack(&parts, 0), weights)
}

/// The value of a component of a sample's reward; NaN where it has none.
fn component(name: &str, sample: &Sample) -> f64 {
    let found = sample.score.components.iter().find(|(known, _)| known == name);
    found.map_or(f64::NAN, |&(_, value)| value)
}

/// Completions of a step that have no reward.
pub(super) struct Without {
    pub(super) count: usize,
    /// What happened most often to them.
    pub(super) why: String,
    /// Whether that was this machine's failure.
    pub(super) host_failed: bool,
}

impl Without {
    /// Those of a rollout; `None` where every completion has a reward.
    pub(super) fn of(rollout: &Rollout) -> Option<Self> {
        let mut causes: Vec<(String, bool, usize)> = Vec::new();
        for sample in &rollout.samples {
            let Err(why) = sample.reward() else { continue };
            let failure = sample
                .score
                .outcomes
                .iter()
                .find_map(|(name, outcome)| Some(format!(" (`{name}`: {})", failure(&outcome.result)?)));
            let text = format!("{why}{}", failure.unwrap_or_default());
            match causes.iter_mut().find(|(known, ..)| *known == text) {
                Some((.., count)) => *count += 1,
                None => causes.push((text, matches!(why, NoReward::HostFailed { .. }), 1)),
            }
        }
        let count = causes.iter().map(|&(.., count)| count).sum();
        let (why, host_failed) = most_frequent(causes)?;
        Some(Self { count, why, host_failed })
    }
}

/// The verifiers that were asked in a step and gave no verdict at all, each with what happened most often.
pub(super) fn without_verdict(rollout: &Rollout) -> Vec<(&str, String)> {
    let Some(first) = rollout.samples.first() else { return Vec::new() };
    let names = first.score.outcomes.iter().map(|(name, _)| name.as_str());
    let without = names.filter_map(|name| {
        let all = rollout.samples.iter().flat_map(|sample| &sample.score.outcomes);
        let mut causes: Vec<(String, (), usize)> = Vec::new();
        for (_, outcome) in all.filter(|(known, _)| known == name) {
            if outcome.result.is_ok() {
                return None;
            }
            let Some(failure) = failure(&outcome.result) else { continue };
            let text = failure.to_string();
            match causes.iter_mut().find(|(known, ..)| *known == text) {
                Some((.., count)) => *count += 1,
                None => causes.push((text, (), 1)),
            }
        }
        Some((name, most_frequent(causes)?.0))
    });
    without.collect()
}

/// Why a verifier that was asked has no verdict.
fn failure<T>(result: &Result<T, Failure>) -> Option<&Failure> {
    result.as_ref().err().filter(|failure| failure.status() != Status::Skipped)
}

/// The first of the causes that came up most often.
fn most_frequent<T>(causes: Vec<(String, T, usize)>) -> Option<(String, T)> {
    let most = causes.iter().map(|&(.., count)| count).max()?;
    causes.into_iter().find(|&(.., count)| count == most).map(|(why, what, _)| (why, what))
}
