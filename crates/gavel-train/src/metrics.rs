//! Named numbers of a step, under TRL's names, and how those of several steps become one row.

use std::collections::BTreeMap;

use gavel_verify::{NoReward, Score, Status};
use serde_json::{Map, Number, Value};
use tch::Tensor;

use crate::grpo::{self, ScaleRewards};
use crate::rollout::Rollout;

/// The kinds of [`NoReward`], by their names in metrics. A reward whose number is not finite counts as the last.
const NO_REWARD: [&str; 6] =
    ["dropped", "missing-metric", "host-failed", "task-column", "not-finite", "no-group"];

/// A number that knows how it merges with the same number of a later step or update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// The weighted mean of what is finite: `sum / weight`, NaN of nothing.
    Mean {
        /// The sum of the values times their weights.
        sum: f64,
        /// The sum of the weights.
        weight: f64,
    },
    /// A count: those of several steps are added up.
    Sum(f64),
    /// A level that only its latest value says anything of.
    Latest(f64),
    /// The smallest.
    Min(f64),
    /// The largest.
    Max(f64),
}

impl Metric {
    /// A value of which the mean over steps is of interest, every step weighing the same.
    pub fn mean(value: f64) -> Self {
        if value.is_finite() {
            Self::Mean { sum: value, weight: 1.0 }
        } else {
            Self::Mean { sum: 0.0, weight: 0.0 }
        }
    }

    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Self::Mean { sum, weight } => sum / weight,
            Self::Sum(value) | Self::Latest(value) | Self::Min(value) | Self::Max(value) => value,
        }
    }

    /// This number together with that of a later step or update.
    ///
    /// # Panics
    ///
    /// If the two are of different kinds: one name has one kind.
    #[must_use]
    pub fn merge(self, later: Self) -> Self {
        match (self, later) {
            (Self::Mean { sum, weight }, Self::Mean { sum: more, weight: added }) => {
                Self::Mean { sum: sum + more, weight: weight + added }
            }
            (Self::Sum(a), Self::Sum(b)) => Self::Sum(a + b),
            (Self::Latest(a), Self::Latest(b)) => Self::Latest(if b.is_finite() { b } else { a }),
            (Self::Min(a), Self::Min(b)) => Self::Min(a.min(b)),
            (Self::Max(a), Self::Max(b)) => Self::Max(a.max(b)),
            (a, b) => panic!("{a:?} and {b:?} are of different kinds"),
        }
    }
}

/// Named numbers, in the order in which they were first added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(Vec<(String, Metric)>);

impl Metrics {
    /// Adds to the metric called `name`; see [`Metric::merge`].
    pub fn add(&mut self, name: impl Into<String>, metric: Metric) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.merge(metric),
            None => self.0.push((name, metric)),
        }
    }

    /// Adds a value of which the mean over steps is of interest.
    pub fn add_mean(&mut self, name: impl Into<String>, value: f64) {
        self.add(name, Metric::mean(value));
    }

    /// The value of the metric called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|&(_, metric)| metric.value())
    }

    /// The names and values of all of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, metric)| (name.as_str(), metric.value()))
    }

    /// Adds everything that `later` holds.
    pub fn merge(&mut self, later: Self) {
        for (name, metric) in later.0 {
            self.add(name, metric);
        }
    }

    /// The same numbers as those of one step: a mean over its updates weighs as much as a mean of one update.
    pub(crate) fn of_one_step(self) -> Self {
        let one = |metric| match metric {
            Metric::Mean { .. } => Metric::mean(metric.value()),
            other => other,
        };
        Self(self.0.into_iter().map(|(name, metric)| (name, one(metric))).collect())
    }

    /// As a JSON object; numbers that are not finite become `null`.
    pub fn to_json(&self) -> Map<String, Value> {
        let value = |value| Number::from_f64(value).map_or(Value::Null, Value::Number);
        self.iter().map(|(name, number)| (name.to_owned(), value(number))).collect()
    }
}

/// What TRL logs of rewards and lengths, and what gavel adds: how the verifiers fared.
pub(crate) fn of_rollout(rollout: &Rollout, rewards: &Tensor, scale: ScaleRewards) -> Metrics {
    let mut metrics = Metrics::default();
    let all = rewards.reshape([1, -1]);
    metrics.add_mean("reward", grpo::nan_mean(&all, false).double_value(&[0]));
    metrics.add_mean("reward_std", grpo::nan_std(&all, false).double_value(&[0]));
    metrics.add_mean("frac_reward_zero_std", grpo::frac_reward_zero_std(rewards, scale));
    metrics.merge(of_missing_rewards(rollout.samples.iter().map(|sample| sample.reward())));
    metrics.merge(of_components(rollout.samples.iter().map(|sample| &sample.score)));
    metrics.merge(of_scores(rollout.samples.iter().map(|sample| &sample.score)));
    metrics.merge(of_lengths(rollout));
    metrics
}

/// `reward/none/<kind>`: how many completions have no reward, by why; 0 is counted too, so that a curve begins there.
fn of_missing_rewards(rewards: impl Iterator<Item = Result<f64, NoReward>>) -> Metrics {
    let mut metrics = Metrics::default();
    for kind in NO_REWARD {
        metrics.add(format!("reward/none/{kind}"), Metric::Sum(0.0));
    }
    for why in rewards.filter_map(Result::err) {
        metrics.add(format!("reward/none/{}", why.name()), Metric::Sum(1.0));
    }
    metrics
}

/// Per component of the reward: mean and deviation of its values, before its weight.
fn of_components<'a>(scores: impl Iterator<Item = &'a Score>) -> Metrics {
    let mut components: Vec<(&str, Vec<f64>)> = Vec::new();
    for (name, value) in scores.flat_map(|score| &score.components) {
        match components.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(*value),
            None => components.push((name, vec![*value])),
        }
    }
    let mut metrics = Metrics::default();
    for (name, values) in components {
        metrics.add_mean(format!("reward/component/{name}/mean"), mean(&values));
        metrics.add_mean(format!("reward/component/{name}/std"), deviation(&values));
    }
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
        metrics.add_mean(format!("rewards/{name}/mean"), mean(&seen.rewards));
        metrics.add_mean(format!("rewards/{name}/std"), deviation(&seen.rewards));
    }
    for (name, seen) in &verifiers {
        for status in Status::ALL {
            let count = seen.statuses.get(status).copied().unwrap_or(0);
            metrics.add(format!("verify/{name}/{status}"), Metric::Sum(f64::from(count)));
        }
        for (metric, values) in &seen.metrics {
            metrics.add_mean(format!("verify/{name}/metric/{metric}"), mean(values));
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
        let shortest = lengths.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = lengths.iter().copied().fold(0.0, f64::max);
        metrics.add_mean(format!("completions/mean_{suffix}"), mean(&lengths));
        metrics.add(format!("completions/min_{suffix}"), Metric::Min(shortest));
        metrics.add(format!("completions/max_{suffix}"), Metric::Max(longest));
    }
    let truncated: Vec<f64> =
        rollout.samples.iter().map(|sample| f64::from(u8::from(sample.truncated))).collect();
    metrics.add_mean("completions/clipped_ratio", mean(&truncated));
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
    fn every_kind_of_number_merges_in_its_own_way() {
        let mut row = Metrics::default();
        for (reward, traps, tokens) in [(1.0, 0.0, 10.0), (f64::NAN, 1.0, 20.0), (2.0, 3.0, 30.0)] {
            let mut step = Metrics::default();
            step.add_mean("reward", reward);
            step.add("verify/a/trap", Metric::Sum(traps));
            step.add("num_tokens", Metric::Latest(tokens));
            step.add("shortest", Metric::Min(tokens));
            step.add("longest", Metric::Max(tokens));
            row.merge(step);
        }
        let expected = [
            ("reward", 1.5),
            ("verify/a/trap", 4.0),
            ("num_tokens", 30.0),
            ("shortest", 10.0),
            ("longest", 30.0),
        ];
        assert_eq!(row.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_step_weighs_the_same_however_many_updates_it_makes() {
        let step = |losses: &[f64]| {
            let mut metrics = Metrics::default();
            losses.iter().for_each(|&loss| metrics.add_mean("loss", loss));
            metrics.of_one_step()
        };
        let mut row = step(&[1.0, 3.0]);
        row.merge(step(&[5.0]));
        assert_eq!(row.get("loss"), Some(3.5));
        assert!(step(&[f64::NAN]).get("loss").unwrap().is_nan());
    }

    #[test]
    #[should_panic(expected = "different kinds")]
    fn one_name_has_one_kind() {
        let mut metrics = Metrics::default();
        metrics.add("a", Metric::Sum(1.0));
        metrics.add("a", Metric::Max(1.0));
    }

    #[test]
    fn missing_rewards_are_counted_by_why() {
        let dropped = || NoReward::Dropped { verifier: "a".to_owned() };
        let failed = NoReward::HostFailed { verifier: "a".to_owned() };
        let missing = NoReward::MissingMetric { verifier: "a".to_owned(), metric: "m".to_owned() };
        let column =
            NoReward::TaskColumn { column: "c".to_owned(), found: "text".to_owned(), wanted: "a number" };
        let infinite = NoReward::NotFinite { value: f64::INFINITY };
        let kinds =
            [&dropped(), &missing, &failed, &column, &infinite, &NoReward::NoGroup].map(NoReward::name);
        assert_eq!(kinds, NO_REWARD, "every kind is counted from the start");
        let metrics = of_missing_rewards([Ok(1.0), Err(dropped()), Err(failed), Err(dropped())].into_iter());
        let counts: Vec<_> = metrics.iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [2.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn every_component_has_its_mean_and_deviation() {
        let score = |components: &[(&str, f64)]| Score {
            reward: Ok(1.0),
            components: components.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
            outcomes: Vec::new(),
        };
        let scores = [score(&[("a", 1.0), ("b", 5.0)]), score(&[("a", 3.0)])];
        let metrics = of_components(scores.iter());
        let names: Vec<_> = metrics.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(
            names,
            ["a/mean", "a/std", "b/mean", "b/std"].map(|name| format!("reward/component/{name}"))
        );
        assert_eq!(metrics.get("reward/component/a/mean"), Some(2.0));
        assert_eq!(metrics.get("reward/component/a/std"), Some(2.0_f64.sqrt()));
        assert_eq!(metrics.get("reward/component/b/mean"), Some(5.0));
        assert_eq!(of_components([score(&[])].iter()).iter().count(), 0);
    }

    #[test]
    fn outcomes_are_counted_by_status() {
        let verdict = Verdict { reward: 1.0, reason: None, metrics: vec![("length".to_owned(), 3.0)] };
        let outcomes = [
            Outcome::verdict(verdict, Duration::ZERO),
            Outcome::failure(Failure::OutOfFuel { limit: 1 }, Duration::ZERO),
        ];
        let scores = outcomes.map(|outcome| Score {
            reward: Ok(1.0),
            components: Vec::new(),
            outcomes: vec![("a".to_owned(), outcome)],
        });
        let metrics = of_scores(scores.iter());
        assert_eq!(metrics.get("verify/a/verdict"), Some(1.0));
        assert_eq!(metrics.get("verify/a/out-of-fuel"), Some(1.0));
        assert_eq!(metrics.get("verify/a/trap"), Some(0.0));
        assert_eq!(metrics.get("verify/a/metric/length"), Some(3.0));
        assert_eq!(metrics.get("rewards/a/mean"), Some(1.0));
        assert_eq!(metrics.to_json()["rewards/a/std"], Value::Null);
    }
}
