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

/// What was judged.
pub(crate) struct Judged<'a> {
    pub(crate) prompt: &'a str,
    /// What verifiers were given as the prompt, where it is something else.
    pub(crate) question: Option<&'a str>,
    pub(crate) completion: &'a str,
    pub(crate) reference: Option<&'a str>,
    /// The other columns of the task.
    pub(crate) metadata: &'a Map<String, Value>,
}

/// A row: `prompt`, `question` where there is one, `completion`, `reference`, `metadata` where there is any, then `reward`,
/// `no_reward`, `reward_components` and `outcomes` as `gavel score` writes them, with `extra` before the outcomes. Numbers that are not finite
/// become `null`. Everything that a verifier was given is there, so that the score can be derived again.
pub(crate) fn completion_row(
    judged: &Judged<'_>,
    score: &Score,
    extra: &[(&str, Value)],
) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("prompt".to_owned(), judged.prompt.into());
    row.extend(judged.question.map(|question| ("question".to_owned(), question.into())));
    row.insert("completion".to_owned(), judged.completion.into());
    row.insert("reference".to_owned(), judged.reference.into());
    if !judged.metadata.is_empty() {
        row.insert("metadata".to_owned(), judged.metadata.clone().into());
    }
    let score = Score {
        reward: rollout::finite_reward(score),
        components: score.components.clone(),
        outcomes: score.outcomes.clone(),
    };
    let form = serde_json::to_value(ScoreForm { score: &score, timing: true });
    let Ok(Value::Object(mut form)) = form else { unreachable!("a score is an object in JSON") };
    let outcomes = form.shift_remove("outcomes");
    row.extend(form);
    row.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    row.extend(outcomes.map(|outcomes| ("outcomes".to_owned(), outcomes)));
    row
}
