//! Scores that were written down, and whether one that is derived again is the same, bit for bit.

use gavel_verify::{Call, Score};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::CallForm;
use crate::outcome::{BAD_LINE, COMPONENTS, ScoreForm};
use crate::row::Row;

/// A score as a line of output has it, but for the times that verifiers took.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RecordedScore {
    /// The reward.
    pub reward: Option<f64>,
    /// Why there is none.
    #[serde(default)]
    pub no_reward: Option<Value>,
    /// The values of the reward's components.
    #[serde(default)]
    pub reward_components: IndexMap<String, f64>,
    /// By verifier.
    pub outcomes: IndexMap<String, RecordedOutcome>,
}

/// An outcome as a line of output has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RecordedOutcome {
    /// The kind of outcome.
    pub status: String,
    /// The verdict's reward.
    pub reward: Option<f64>,
    /// What the verdict or the failure says.
    pub reason: Option<String>,
    /// The verdict's metrics.
    pub metrics: IndexMap<String, f64>,
    /// Instructions that were spent.
    pub fuel: Option<u64>,
    /// What the verifier asked of somebody else.
    #[serde(default)]
    pub call: Option<CallForm>,
}

/// One field of a score that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Which: `reward`, `outcomes.accuracy.reason`.
    pub field: String,
    /// What the record says, as JSON.
    pub recorded: String,
    /// What is derived now, as JSON.
    pub now: String,
}

/// Why a row has no score to compare with.
#[derive(Debug, thiserror::Error)]
pub enum NotScored {
    /// It has no such column.
    #[error("no `{0}`: it is no line that `gavel score` or a training run wrote")]
    Missing(&'static str),
    /// The columns are there and hold something else.
    #[error("`reward` and `outcomes` are not what `gavel score` or a training run writes: {0}")]
    Other(serde_json::Error),
}

impl RecordedScore {
    /// The score of a row.
    ///
    /// # Errors
    /// When the row has none.
    pub fn of_row(row: &Row) -> Result<Self, NotScored> {
        let read = |name: &str| -> Result<Option<Value>, NotScored> {
            let column = row.columns().find(|(column, _)| *column == name).map(|(_, raw)| raw.get());
            column.map(serde_json::from_str).transpose().map_err(NotScored::Other)
        };
        let present = |name| read(name)?.ok_or(NotScored::Missing(name));
        let form = serde_json::json!({
            "reward": present("reward")?,
            "no_reward": read("no_reward")?.unwrap_or_default(),
            "reward_components": read(COMPONENTS)?.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            "outcomes": present("outcomes")?,
        });
        serde_json::from_value(form).map_err(NotScored::Other)
    }

    /// What its verifiers asked of others, by their names.
    pub fn calls(&self) -> impl Iterator<Item = (String, Call)> {
        let calls = self.outcomes.iter();
        calls.filter_map(|(name, outcome)| Some((name.clone(), outcome.call.clone()?.into())))
    }

    /// Whether the line was no submission, and was answered all the same.
    pub fn is_bad_line(&self) -> bool {
        self.no_reward.as_ref().is_some_and(|why| why["kind"] == BAD_LINE)
    }

    /// Every field that is `now` not as it is recorded here. Numbers are the same where all their bits are.
    ///
    /// `with_fuel` compares what was spent too, which differs between releases of the engine.
    pub fn differences(&self, now: &Self, with_fuel: bool) -> Vec<FieldDifference> {
        let mut found = Vec::new();
        let mut add = |field: String, recorded: Value, now: Value| {
            if !is_same(&recorded, &now) {
                found.push(FieldDifference { field, recorded: recorded.to_string(), now: now.to_string() });
            }
        };
        add("reward".to_owned(), self.reward.into(), now.reward.into());
        let why = |score: &Self| score.no_reward.clone().unwrap_or_default();
        add("no_reward".to_owned(), why(self), why(now));
        let more = now.reward_components.keys().filter(|name| !self.reward_components.contains_key(*name));
        for name in self.reward_components.keys().chain(more) {
            let of = |score: &Self| score.reward_components.get(name).copied().into();
            add(format!("{COMPONENTS}.{name}"), of(self), of(now));
        }
        let added = now.outcomes.keys().filter(|name| !self.outcomes.contains_key(*name));
        for name in self.outcomes.keys().chain(added) {
            let at = format!("outcomes.{name}");
            let (Some(recorded), Some(now)) = (self.outcomes.get(name), now.outcomes.get(name)) else {
                let status = |score: &Self| score.outcomes.get(name).map(|it| it.status.clone()).into();
                add(at, status(self), status(now));
                continue;
            };
            let [(status, reward, reason), (status_now, reward_now, reason_now)] =
                [recorded, now].map(|it| (it.status.clone(), it.reward, it.reason.clone()));
            add(format!("{at}.status"), status.into(), status_now.into());
            add(format!("{at}.reward"), reward.into(), reward_now.into());
            add(format!("{at}.reason"), reason.into(), reason_now.into());
            let more = now.metrics.keys().filter(|metric| !recorded.metrics.contains_key(*metric));
            for metric in recorded.metrics.keys().chain(more) {
                let of = |it: &RecordedOutcome| it.metrics.get(metric).copied().into();
                add(format!("{at}.metrics.{metric}"), of(recorded), of(now));
            }
            if with_fuel {
                add(format!("{at}.fuel"), recorded.fuel.into(), now.fuel.into());
            }
        }
        found
    }
}

impl From<&Score> for RecordedScore {
    /// What would be written, read again: so both sides of a comparison went the same way.
    fn from(score: &Score) -> Self {
        let form = serde_json::to_string(&ScoreForm { score, timing: false });
        let form = form.and_then(|text| serde_json::from_str(&text));
        form.unwrap_or_else(|error| unreachable!("a score is written as it is read: {error}"))
    }
}

/// JSON has one zero; floating point has two, and they are not the same bits.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64().map(f64::to_bits) == other.as_f64().map(f64::to_bits)
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Failure, NoReward, Outcome, Verdict};

    use super::*;

    fn score(reward: f64, reason: &str, metric: f64) -> Score {
        let verdict = Verdict {
            reason: Some(reason.to_owned()),
            metrics: vec![("m".to_owned(), metric)],
            ..Verdict::new(reward)
        };
        let outcome = Outcome { fuel: Some(7), ..Outcome::verdict(verdict, Duration::from_secs(1)) };
        Score { reward: Ok(reward), components: Vec::new(), outcomes: vec![("a".to_owned(), outcome)] }
    }

    fn fields(recorded: &Score, now: &Score) -> Vec<String> {
        // As a line of output has it.
        let line = Row::parse(r#"{"prompt": ""}"#).unwrap().with_score(recorded, true).unwrap();
        let recorded = RecordedScore::of_row(&Row::parse(&line).unwrap()).unwrap();
        let found = recorded.differences(&now.into(), true);
        found.into_iter().map(|it| format!("{} {} {}", it.field, it.recorded, it.now)).collect()
    }

    #[test]
    fn the_same_score_is_the_same_to_the_last_bit() {
        let odd = 0.1 + 0.2;
        assert_eq!(fields(&score(odd, "é\n", -0.0), &score(odd, "é\n", -0.0)), [""; 0]);
        let next = f64::from_bits(f64::to_bits(odd) + 1);
        let expected = [
            "reward 0.30000000000000004 0.3000000000000001",
            "outcomes.a.reward 0.30000000000000004 0.3000000000000001",
        ];
        assert_eq!(fields(&score(odd, "", 0.0), &score(next, "", 0.0)), expected);
        assert_eq!(fields(&score(1.0, "", 0.0), &score(1.0, "", -0.0)), ["outcomes.a.metrics.m 0.0 -0.0"]);
        assert_eq!(fields(&score(1.0, "x", 0.0), &score(1.0, "y", 0.0)), [r#"outcomes.a.reason "x" "y""#]);
    }

    #[test]
    fn components_are_compared_one_by_one() {
        let with = |components: &[(&str, f64)]| Score {
            components: components.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
            ..score(1.0, "", 0.0)
        };
        let both = with(&[("form", 0.5), ("answer", 1.0)]);
        assert_eq!(fields(&both, &both), [""; 0]);
        assert_eq!(
            fields(&both, &with(&[("answer", 0.0), ("length", 2.0)])),
            [
                "reward_components.form 0.5 null",
                "reward_components.answer 1.0 0.0",
                "reward_components.length null 2.0"
            ]
        );
        // What was written before there were any has none.
        assert_eq!(fields(&score(1.0, "", 0.0), &score(1.0, "", 0.0)), [""; 0]);
    }

    #[test]
    fn what_has_no_verdict_is_compared_too() {
        let failed = |failure: Failure| Score {
            reward: Err(NoReward::Dropped { verifier: "a".to_owned() }),
            components: Vec::new(),
            outcomes: vec![("a".to_owned(), Outcome::failure(failure, Duration::ZERO))],
        };
        let fuel = failed(Failure::OutOfFuel { limit: 1 });
        assert_eq!(fields(&fuel, &fuel), [""; 0]);
        let skipped = fields(&fuel, &failed(Failure::Skipped));
        assert_eq!(skipped[0], r#"outcomes.a.status "out-of-fuel" "skipped""#);
        let mut other = score(1.0, "", 0.0);
        other.outcomes[0].0 = "b".to_owned();
        let names = fields(&score(1.0, "", 0.0), &other);
        assert_eq!(names, [r#"outcomes.a "verdict" null"#, r#"outcomes.b null "verdict""#]);
    }

    #[test]
    fn a_row_without_a_score_says_so() {
        let error = |line: &str| RecordedScore::of_row(&Row::parse(line).unwrap()).unwrap_err().to_string();
        assert_eq!(error("{}"), "no `reward`: it is no line that `gavel score` or a training run wrote");
        assert!(error(r#"{"reward": 1, "outcomes": 3}"#).starts_with("`reward` and `outcomes` are not what"));
    }
}
