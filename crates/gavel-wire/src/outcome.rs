//! Scores, outcomes, and why there is no reward, as they are written.

use std::borrow::Cow;
use std::time::Duration;

use gavel_verify::{NoReward, Outcome, Score};
use indexmap::IndexMap;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::call::CallForm;

/// A score, as it is written: `reward`, `no_reward` where that is null, `reward_components` where it has any,
/// `outcomes`.
#[derive(Debug, Clone, Copy)]
pub struct ScoreForm<'a> {
    /// The score.
    pub score: &'a Score,
    /// Whether the times that verifiers took are written; without them, the same submissions give the same bytes.
    pub timing: bool,
}

impl ScoreForm<'_> {
    /// Adds the score's entries to an object that has others.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Self { score, timing } = self;
        map.serialize_entry("reward", &score.reward.as_ref().ok())?;
        if let Err(reason) = &score.reward {
            map.serialize_entry("no_reward", &NoRewardForm::from(reason))?;
        }
        if !score.components.is_empty() {
            map.serialize_entry(COMPONENTS, &Components(&score.components))?;
        }
        map.serialize_entry("outcomes", &Outcomes { outcomes: &score.outcomes, timing: *timing })
    }
}

impl Serialize for ScoreForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map)?;
        map.end()
    }
}

/// The column of the values of a reward's components.
pub(crate) const COMPONENTS: &str = "reward_components";

/// The components by their names.
struct Components<'a>(&'a [(String, f64)]);

impl Serialize for Components<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The outcomes by the names of their verifiers.
struct Outcomes<'a> {
    outcomes: &'a [(String, Outcome)],
    timing: bool,
}

impl Serialize for Outcomes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let forms =
            self.outcomes.iter().map(|(name, outcome)| (name, OutcomeForm::new(outcome, self.timing)));
        serializer.collect_map(forms)
    }
}

/// An outcome, as it is written.
#[derive(Debug, Serialize)]
pub struct OutcomeForm<'a> {
    status: &'static str,
    reward: Option<f64>,
    reason: Option<Cow<'a, str>>,
    metrics: IndexMap<&'a str, f64>,
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallForm>,
}

impl<'a> OutcomeForm<'a> {
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
            call: outcome.call.as_deref().map(CallForm::from),
        }
    }
}

/// The kind of [`NoRewardForm`] of a line that is no submission, which no score has.
pub const BAD_LINE: &str = "bad-line";

/// Why there is no reward, as it is written.
#[derive(Debug, Serialize)]
pub struct NoRewardForm<'a> {
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

impl<'a> NoRewardForm<'a> {
    fn of_kind(kind: &'static str) -> Self {
        Self { kind, reason: None, verifier: None, metric: None, value: None }
    }

    /// Of a line that is no submission, for this reason.
    pub fn of_bad_line(reason: &'a str) -> Self {
        Self { reason: Some(reason.into()), ..Self::of_kind(BAD_LINE) }
    }
}

impl<'a> From<&'a NoReward> for NoRewardForm<'a> {
    fn from(reason: &'a NoReward) -> Self {
        let (verifier, metric, value) = match reason {
            NoReward::Dropped { verifier } | NoReward::HostFailed { verifier } => {
                (Some(verifier), None, None)
            }
            NoReward::MissingMetric { verifier, metric } => (Some(verifier), Some(metric), None),
            NoReward::TaskColumn { .. } | NoReward::NoGroup => {
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
            (
                NoReward::NoGroup,
                r#"{"kind":"no-group","reason":"it depends on the other completions of its prompt, and was handed in without them"}"#,
            ),
            (NoReward::NotFinite { value: f64::NAN }, r#"{"kind":"not-finite","value":"NaN"}"#),
            (NoReward::NotFinite { value: f64::NEG_INFINITY }, r#"{"kind":"not-finite","value":"-inf"}"#),
        ] {
            assert_eq!(serde_json::to_string(&NoRewardForm::from(&reason)).unwrap(), expected);
        }
    }
}
