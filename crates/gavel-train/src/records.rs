//! Rows of completion files: what was written, what it was worth, and why.

use gavel_verify::{Outcome, Score};
use serde_json::{Map, Value, json};

use crate::rollout;

/// A row of a run's file: `step`, then the columns of `row`.
pub(crate) fn at_step(step: u64, row: Map<String, Value>) -> Map<String, Value> {
    let mut columns = Map::from_iter([("step".to_owned(), step.into())]);
    columns.extend(row);
    columns
}

/// A row: `prompt`, `completion`, `reference`, `reward`, then `no_reward` (its kind, and a `reason` for people) where
/// there is none, then `extra`, then `outcomes` as `gavel score` writes them. Numbers that are not finite become `null`.
pub(crate) fn completion_row(
    (prompt, completion, reference): (&str, &str, Option<&str>),
    score: &Score,
    extra: &[(&str, Value)],
) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("prompt".to_owned(), prompt.into());
    row.insert("completion".to_owned(), completion.into());
    row.insert("reference".to_owned(), reference.into());
    let reward = rollout::finite_reward(score);
    row.insert("reward".to_owned(), reward.as_ref().ok().copied().into());
    if let Err(why) = &reward {
        row.insert("no_reward".to_owned(), json!({"kind": why.name(), "reason": why.to_string()}));
    }
    row.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let outcomes: Map<String, Value> =
        score.outcomes.iter().map(|(name, outcome)| (name.clone(), outcome_json(outcome))).collect();
    row.insert("outcomes".to_owned(), outcomes.into());
    row
}

fn outcome_json(outcome: &Outcome) -> Value {
    let (reason, metrics) = match &outcome.result {
        Ok(verdict) => (verdict.reason.clone(), verdict.metrics.as_slice()),
        Err(failure) => (Some(failure.to_string()), [].as_slice()),
    };
    let metrics: Map<String, Value> =
        metrics.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "status": outcome.status().name(),
        "reward": outcome.reward(),
        "reason": reason,
        "metrics": metrics,
        "fuel": outcome.fuel,
        "ms": outcome.elapsed.as_secs_f64() * 1e3,
    })
}
