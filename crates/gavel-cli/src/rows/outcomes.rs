//! Outcomes, and why there is no reward, as columns of a row.

use std::borrow::Cow;
use std::time::Duration;

use gavel_verify::{NoReward, Outcome};
use indexmap::IndexMap;
use serde::Serialize;

/// An outcome, as it is written.
#[derive(Debug, Serialize)]
pub struct OutcomeRow<'a> {
    status: &'static str,
    reward: Option<f64>,
    reason: Option<Cow<'a, str>>,
    metrics: IndexMap<&'a str, f64>,
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
}

impl<'a> OutcomeRow<'a> {
    /// The outcome, with the time that it took or without.
    pub fn new(outcome: &'a Outcome, timing: bool) -> Self {
        let (reason, metrics) = match &outcome.result {
            Ok(verdict) => (verdict.reason.as_deref().map(Cow::from), verdict.metrics.as_slice()),
            Err(failure) => (Some(Cow::from(failure.to_string())), [].as_slice()),
        };
        Self {
            status: outcome.status().name(),
            reward: outcome.reward(),
            reason,
            metrics: metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
            fuel: outcome.fuel,
            ms: timing.then(|| milliseconds(outcome.elapsed)),
        }
    }
}

/// The kind of [`NoRewardRow`] of a line that is no submission, which no score has.
pub const BAD_LINE: &str = "bad-line";

/// Why there is no reward, as it is written.
#[derive(Debug, Serialize)]
pub(super) struct NoRewardRow<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    /// As text: JSON has no such numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl<'a> NoRewardRow<'a> {
    fn of_kind(kind: &'static str) -> Self {
        Self { kind, reason: None, verifier: None, metric: None, value: None }
    }

    /// Of a line that is no submission, for this reason.
    pub(super) fn of_bad_line(reason: &'a str) -> Self {
        Self { reason: Some(reason.into()), ..Self::of_kind(BAD_LINE) }
    }
}

impl<'a> From<&'a NoReward> for NoRewardRow<'a> {
    fn from(reason: &'a NoReward) -> Self {
        let (verifier, metric, value) = match reason {
            NoReward::Dropped { verifier } | NoReward::HostFailed { verifier } => {
                (Some(verifier), None, None)
            }
            NoReward::MissingMetric { verifier, metric } => (Some(verifier), Some(metric), None),
            NoReward::TaskColumn { .. } => {
                let text = reason.to_string();
                return Self { reason: Some(text.into()), ..Self::of_kind(reason.name()) };
            }
            NoReward::NotFinite { value } => (None, None, Some(value.to_string())),
        };
        let (verifier, metric) = (verifier.map(String::as_str), metric.map(String::as_str));
        Self { verifier, metric, value, ..Self::of_kind(reason.name()) }
    }
}

/// A time in milliseconds, to the microsecond.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_reward_has_one_form_for_each_kind() {
        let [a, m] = ["a", "m"].map(str::to_owned);
        for (reason, expected) in [
            (NoReward::Dropped { verifier: a.clone() }, r#"{"kind":"dropped","verifier":"a"}"#),
            (NoReward::HostFailed { verifier: a.clone() }, r#"{"kind":"host-failed","verifier":"a"}"#),
            (
                NoReward::MissingMetric { verifier: a, metric: m },
                r#"{"kind":"missing-metric","verifier":"a","metric":"m"}"#,
            ),
            (
                NoReward::TaskColumn {
                    column: "level".to_owned(),
                    found: "text".to_owned(),
                    wanted: "a number",
                },
                r#"{"kind":"task-column","reason":"the column `level` of the task should be a number; there is text"}"#,
            ),
            (NoReward::NotFinite { value: f64::NAN }, r#"{"kind":"not-finite","value":"NaN"}"#),
            (NoReward::NotFinite { value: f64::NEG_INFINITY }, r#"{"kind":"not-finite","value":"-inf"}"#),
        ] {
            assert_eq!(serde_json::to_string(&NoRewardRow::from(&reason)).unwrap(), expected);
        }
    }
}
