//! Named numbers of a step, under TRL's names, and their means over several steps.

use std::collections::BTreeMap;

use gavel_verify::{Score, Status};
use serde_json::{Map, Number, Value};
use tch::Tensor;

use crate::grpo::{self, ScaleRewards};
use crate::rollout::Rollout;

/// Metrics that count up or that only their latest value says anything of; all others are averaged.
const LATEST: [&str; 4] = ["num_tokens", "epoch", "learning_rate", "reloads"];

/// Named numbers, in the order in which they were first set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Sets the metric called `name`.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// The metric called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|&(_, value)| value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Sets everything that `other` holds.
    pub fn extend(&mut self, other: Self) {
        for (name, value) in other.0 {
            self.set(name, value);
        }
    }

    /// As a JSON object; numbers that are not finite become `null`.
    pub fn to_json(&self) -> Map<String, Value> {
        let value = |value| Number::from_f64(value).map_or(Value::Null, Value::Number);
        self.iter().map(|(name, number)| (name.to_owned(), value(number))).collect()
    }
}

/// The metrics of the steps since the last row was logged.
#[derive(Debug, Default)]
pub(crate) struct Window(Vec<Metrics>);

impl Window {
    pub(crate) fn push(&mut self, metrics: Metrics) {
        self.0.push(metrics);
    }

    /// The means over the steps, leaving out what is not finite; the window is empty afterwards.
    pub(crate) fn take_means(&mut self) -> Metrics {
        let steps = std::mem::take(&mut self.0);
        let mut means = Metrics::default();
        for name in steps.iter().flat_map(|step| step.iter().map(|(name, _)| name)) {
            if means.get(name).is_some() {
                continue;
            }
            let values: Vec<f64> =
                steps.iter().filter_map(|step| step.get(name)).filter(|value| value.is_finite()).collect();
            means.set(
                name,
                if LATEST.contains(&name) { *values.last().unwrap_or(&f64::NAN) } else { mean(&values) },
            );
        }
        means
    }
}

/// What TRL logs of rewards and lengths, and what gavel adds: how the verifiers fared.
pub(crate) fn of_rollout(rollout: &Rollout, rewards: &Tensor, scale: ScaleRewards) -> Metrics {
    let mut metrics = Metrics::default();
    let all = rewards.reshape([1, -1]);
    metrics.set("reward", grpo::nan_mean(&all, false).double_value(&[0]));
    metrics.set("reward_std", grpo::nan_std(&all, false).double_value(&[0]));
    metrics.set("frac_reward_zero_std", grpo::frac_reward_zero_std(rewards, scale));
    metrics.extend(of_scores(rollout.samples.iter().map(|sample| &sample.score)));
    metrics.extend(of_lengths(rollout));
    metrics
}

/// Per verifier: mean and deviation of its rewards, how often each status occurred, and the means of its metrics.
pub(crate) fn of_scores<'a>(scores: impl Iterator<Item = &'a Score>) -> Metrics {
    let mut verifiers: Vec<(&str, OfVerifier<'_>)> = Vec::new();
    for (name, outcome) in scores.flat_map(|score| &score.outcomes) {
        let index = verifiers.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            verifiers.push((name, OfVerifier::default()));
            verifiers.len() - 1
        });
        verifiers[index].1.add(outcome);
    }
    let mut metrics = Metrics::default();
    for (name, seen) in &verifiers {
        metrics.set(format!("rewards/{name}/mean"), mean(&seen.rewards));
        metrics.set(format!("rewards/{name}/std"), deviation(&seen.rewards));
    }
    for (name, seen) in &verifiers {
        for status in Status::ALL {
            let count = seen.statuses.get(&status).copied().unwrap_or(0);
            metrics.set(format!("verify/{name}/{status}"), f64::from(count));
        }
        for (metric, values) in &seen.metrics {
            metrics.set(format!("verify/{name}/metric/{metric}"), mean(values));
        }
    }
    metrics
}

#[derive(Default)]
struct OfVerifier<'a> {
    rewards: Vec<f64>,
    statuses: BTreeMap<Status, u32>,
    metrics: BTreeMap<&'a str, Vec<f64>>,
}

impl<'a> OfVerifier<'a> {
    fn add(&mut self, outcome: &'a gavel_verify::Outcome) {
        *self.statuses.entry(outcome.status()).or_default() += 1;
        if let Ok(verdict) = &outcome.result {
            self.rewards.push(verdict.reward);
            for (name, value) in &verdict.metrics {
                self.metrics.entry(name).or_default().push(*value);
            }
        }
    }
}

fn of_lengths(rollout: &Rollout) -> Metrics {
    let lengths = |only_terminated: bool| -> Vec<f64> {
        let counted = rollout.samples.iter().filter(|sample| !(only_terminated && sample.truncated));
        counted.map(|sample| sample.tokens.len() as f64).collect()
    };
    let mut metrics = Metrics::default();
    for (suffix, lengths) in [("length", lengths(false)), ("terminated_length", lengths(true))] {
        // TRL logs 0 when nothing terminated.
        let lengths = if lengths.is_empty() { vec![0.0] } else { lengths };
        metrics.set(format!("completions/mean_{suffix}"), mean(&lengths));
        metrics
            .set(format!("completions/min_{suffix}"), lengths.iter().copied().fold(f64::INFINITY, f64::min));
        metrics.set(format!("completions/max_{suffix}"), lengths.iter().copied().fold(0.0, f64::max));
    }
    let truncated: Vec<f64> =
        rollout.samples.iter().map(|sample| f64::from(u8::from(sample.truncated))).collect();
    metrics.set("completions/clipped_ratio", mean(&truncated));
    metrics
}

/// The mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The unbiased standard deviation; NaN of fewer than two.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if values.len() < 2 { f64::NAN } else { (squares / (values.len() - 1) as f64).sqrt() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Failure, Outcome, Verdict};

    use super::*;

    #[test]
    fn a_window_averages_what_is_finite_and_keeps_the_latest_of_counts() {
        let mut window = Window::default();
        for (reward, tokens) in [(1.0, 10.0), (f64::NAN, 20.0), (2.0, 30.0)] {
            let mut metrics = Metrics::default();
            metrics.set("reward", reward);
            metrics.set("num_tokens", tokens);
            window.push(metrics);
        }
        let means = window.take_means();
        assert_eq!((means.get("reward"), means.get("num_tokens")), (Some(1.5), Some(30.0)));
        assert_eq!(window.take_means(), Metrics::default());
    }

    #[test]
    fn outcomes_are_counted_by_status() {
        let verdict = Verdict { reward: 1.0, reason: None, metrics: vec![("length".to_owned(), 3.0)] };
        let outcomes = [
            Outcome::verdict(verdict, Duration::ZERO),
            Outcome::failure(Failure::OutOfFuel { limit: 1 }, Duration::ZERO),
        ];
        let scores =
            outcomes.map(|outcome| Score { reward: None, outcomes: vec![("a".to_owned(), outcome)] });
        let metrics = of_scores(scores.iter());
        assert_eq!(metrics.get("verify/a/verdict"), Some(1.0));
        assert_eq!(metrics.get("verify/a/out-of-fuel"), Some(1.0));
        assert_eq!(metrics.get("verify/a/trap"), Some(0.0));
        assert_eq!(metrics.get("verify/a/metric/length"), Some(3.0));
        assert_eq!(metrics.get("rewards/a/mean"), Some(1.0));
        assert_eq!(metrics.to_json()["rewards/a/std"], Value::Null);
    }
}
