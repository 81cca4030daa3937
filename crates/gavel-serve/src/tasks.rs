//! Tasks that the server has, by reward and split: OpenEnv's task API, and what `reset` picks of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Path, State};
use axum::response::Response;
use gavel_wire::Columns;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::payload::Payload;
use crate::score::written;

/// The tasks of a split: rows without answers.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// The reward that judges them.
    pub reward: String,
    /// What the split is called, such as `train`.
    pub split: String,
    /// Its rows, in order.
    pub rows: Vec<Map<String, Value>>,
}

/// The splits of a reward.
#[derive(Default)]
pub(crate) struct Splits {
    rows: IndexMap<String, Vec<Map<String, Value>>>,
    /// The task that is given to who names none.
    next: AtomicUsize,
}

/// The splits of all rewards, by their names.
pub(crate) fn by_reward(tasks: Vec<Tasks>) -> HashMap<String, Splits> {
    let mut all: HashMap<String, Splits> = HashMap::new();
    for Tasks { reward, split, rows } in tasks {
        all.entry(reward).or_default().rows.entry(split).or_default().extend(rows);
    }
    all
}

impl Splits {
    fn split(&self, name: &str) -> Result<&[Map<String, Value>], ApiError> {
        let known = || self.rows.keys().cloned().collect();
        let rows = self.rows.get(name).map(Vec::as_slice);
        rows.ok_or_else(|| ApiError::NoSplit { split: name.to_owned(), known: known() })
    }

    fn task(&self, split: &str, index: usize) -> Result<&Map<String, Value>, ApiError> {
        let rows = self.split(split)?;
        rows.get(index).ok_or_else(|| ApiError::NoTask { split: split.to_owned(), index, count: rows.len() })
    }

    /// The task that `reset` means by these of its arguments: one that is named; by a seed, always the same; else the next.
    pub(crate) fn pick(&self, asked: &mut Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        let number = |name: &str, value: Option<Value>| match value {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let wrong = || ApiError::WrongType(format!("`{name}` is a whole number from 0"));
                value.as_u64().map(Some).ok_or_else(wrong)
            }
        };
        let (index, seed) = (number("index", asked.remove("index"))?, number("seed", asked.remove("seed"))?);
        let split = match asked.remove("split") {
            None | Some(Value::Null) => self.rows.keys().next().cloned().unwrap_or_default(),
            Some(Value::String(split)) => split,
            Some(_) => return Err(ApiError::WrongType("`split` is a text".to_owned())),
        };
        let count = self.split(&split)?.len();
        let index = match (index, seed) {
            (Some(index), _) => usize::try_from(index).unwrap_or(usize::MAX),
            (None, Some(seed)) => (seed % count.max(1) as u64) as usize,
            (None, None) => self.next.fetch_add(1, Ordering::Relaxed) % count.max(1),
        };
        self.task(&split, index).cloned()
    }
}

/// The arguments of `reset` that pick a task and are none themselves.
pub(crate) const PICKS: [&str; 3] = ["index", "seed", "split"];

/// The environments: every reward is one.
pub(crate) async fn environments(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    written(&app.rewards.keys().collect::<Vec<_>>())
}

pub(crate) async fn splits(
    State(app): State<Arc<App>>,
    Path(environment): Path<String>,
) -> Result<Response, ApiError> {
    let (splits, _) = of(&app, &environment)?;
    written(&splits.rows.keys().map(|name| json!({"name": name, "type": name})).collect::<Vec<_>>())
}

#[derive(Deserialize)]
struct OfSplit {
    split: String,
    index: Option<usize>,
    start: Option<usize>,
    stop: Option<usize>,
}

/// The tasks of a split; of one that is larger than a request may be, as many as that.
pub(crate) async fn tasks(
    State(app): State<Arc<App>>,
    Path(environment): Path<String>,
    payload: Payload,
) -> Result<Response, ApiError> {
    let (splits, columns) = of(&app, &environment)?;
    let rows = splits.split(&payload.parse::<OfSplit>()?.split)?;
    let shown: Vec<_> =
        rows.iter().take(app.options.max_submissions).map(|row| shown(row, &columns)).collect();
    written(&json!({"tasks": shown, "env_name": environment}))
}

pub(crate) async fn num_tasks(
    State(app): State<Arc<App>>,
    Path(environment): Path<String>,
    payload: Payload,
) -> Result<Response, ApiError> {
    let (splits, _) = of(&app, &environment)?;
    written(&json!({"num_tasks": splits.split(&payload.parse::<OfSplit>()?.split)?.len()}))
}

pub(crate) async fn task(
    State(app): State<Arc<App>>,
    Path(environment): Path<String>,
    payload: Payload,
) -> Result<Response, ApiError> {
    let (splits, columns) = of(&app, &environment)?;
    let OfSplit { split, index, .. } = payload.parse()?;
    let index = index.ok_or_else(|| ApiError::WrongType("missing field `index`".to_owned()))?;
    written(&json!({"task": shown(splits.task(&split, index)?, &columns)}))
}

pub(crate) async fn task_range(
    State(app): State<Arc<App>>,
    Path(environment): Path<String>,
    payload: Payload,
) -> Result<Response, ApiError> {
    let (splits, columns) = of(&app, &environment)?;
    let OfSplit { split, start, stop, .. } = payload.parse()?;
    let rows = splits.split(&split)?;
    let stop = stop.unwrap_or(rows.len()).min(rows.len());
    let range = rows.get(start.unwrap_or(0)..stop).unwrap_or_default();
    let limit = app.options.max_submissions;
    if range.len() > limit {
        return Err(ApiError::TooManySubmissions { count: range.len(), limit });
    }
    written(&json!({"tasks": range.iter().map(|row| shown(row, &columns)).collect::<Vec<_>>()}))
}

/// The splits of an environment, and how its rows are read.
fn of<'a>(app: &'a App, environment: &str) -> Result<(&'a Splits, Columns), ApiError> {
    let columns = app.choose(Some(environment))?.reward.columns().clone();
    let splits = app.tasks.get(environment);
    Ok((splits.ok_or_else(|| ApiError::NoTasks { environment: environment.to_owned() })?, columns))
}

/// A task as it is shown: without its reference, which is for who judges.
fn shown(row: &Map<String, Value>, columns: &Columns) -> Map<String, Value> {
    let mut row = row.clone();
    columns.reference.iter().for_each(|name| drop(row.remove(name)));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_picked_by_index_by_seed_or_in_turn() {
        let row = |number: usize| Map::from_iter([("prompt".to_owned(), number.into())]);
        let tasks =
            |split: &str, rows: Vec<_>| Tasks { reward: "r".to_owned(), split: split.to_owned(), rows };
        let all = by_reward(vec![tasks("train", (0..3).map(row).collect()), tasks("test", vec![row(7)])]);
        let pick = |asked: Value| {
            let mut asked = asked.as_object().unwrap().clone();
            all["r"].pick(&mut asked).map(|task| task["prompt"].as_u64().unwrap())
        };
        assert_eq!(pick(json!({"index": 2})).ok(), Some(2));
        assert_eq!(pick(json!({"seed": 10})).ok(), Some(1));
        assert_eq!(pick(json!({"split": "test", "seed": 3})).ok(), Some(7));
        let in_turn: Vec<_> = (0..4).filter_map(|_| pick(json!({})).ok()).collect();
        assert_eq!(in_turn, [0, 1, 2, 0]);
        assert!(matches!(pick(json!({"index": 3})), Err(ApiError::NoTask { count: 3, .. })));
        assert!(matches!(pick(json!({"split": "dev"})), Err(ApiError::NoSplit { .. })));
        assert!(matches!(pick(json!({"index": -1})), Err(ApiError::WrongType(_))));
    }
}
