//! Rows of completion files: what was written, what it was worth, and why.

use gavel_verify::Score;
use gavel_wire::ScoreForm;
use serde_json::{Map, Value};

use crate::rollout;

/// A row of a run's file: `step`, then the columns of `row`.
pub(crate) fn at_step(step: u64, row: Map<String, Value>) -> Map<String, Value> {
    let mut columns = Map::from_iter([("step".to_owned(), step.into())]);
    columns.extend(row);
    columns
}

/// A row: `prompt`, `completion`, `reference`, then `reward`, `no_reward` and `outcomes` as `gavel score` writes them,
/// with `extra` before the outcomes. Numbers that are not finite become `null`.
pub(crate) fn completion_row(
    (prompt, completion, reference): (&str, &str, Option<&str>),
    score: &Score,
    extra: &[(&str, Value)],
) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("prompt".to_owned(), prompt.into());
    row.insert("completion".to_owned(), completion.into());
    row.insert("reference".to_owned(), reference.into());
    let score = Score { reward: rollout::finite_reward(score), outcomes: score.outcomes.clone() };
    let form = serde_json::to_value(ScoreForm { score: &score, timing: true });
    let Ok(Value::Object(mut form)) = form else { unreachable!("a score is an object in JSON") };
    let outcomes = form.shift_remove("outcomes");
    row.extend(form);
    row.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    row.extend(outcomes.map(|outcomes| ("outcomes".to_owned(), outcomes)));
    row
}
