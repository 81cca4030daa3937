//! NeMo Gym's resources server: `/verify` answers with the request and its reward, `/aggregate_metrics` sums up.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gavel_verify::{Failure, Score};
use gavel_wire::{Preset, Row, RowError, ScoreForm};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::columns::columns_or;
use crate::error::ApiError;
use crate::judge::judge_one;
use crate::payload::{Asked, Payload, row};
use crate::score::written;

/// The number of a task among the rows that were sampled.
const TASK_INDEX: &str = "_ng_task_index";

/// What no measure is made of.
const NO_MEASURE: [&str; 2] = [TASK_INDEX, "_ng_rollout_index"];

pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let (row, score) = judged(&app, &asked, &payload).await?;
    written(&Verified { row: &row, score: &score, timing: asked.timing() })
}

/// The row of a request with a response, and its score.
pub(crate) async fn judged(app: &App, asked: &Asked, payload: &Payload) -> Result<(Row, Score), ApiError> {
    let chosen = app.choose_for(asked, None)?;
    let row = payload.row()?;
    let columns = columns_or(&chosen, Preset::NemoGym);
    let submission = match row.submission(&columns) {
        Err(RowError::NoMessage { column, role: "assistant" }) => {
            silent(payload, column)?.submission(&columns)
        }
        submission => submission,
    };
    let submission = submission.map_err(|error| ApiError::of_row(0, &error))?;
    let score = judge_one(app, &chosen, submission, asked.client).await?;
    Ok((row, score))
}

/// The row of a policy that reasoned until its last token, and has written nothing: that is an answer, and an empty one. A
/// column that is named as a whole comes before one that a name with dots leads to.
fn silent(payload: &Payload, column: String) -> Result<Row, ApiError> {
    let mut body: Map<String, Value> = payload.parse()?;
    body.insert(column, "".into());
    row(&Value::Object(body).to_string())
}

/// A session has nothing to keep here. One that its caller has named is confirmed.
pub(crate) async fn seed_session(payload: Payload) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    struct Request {
        resources_session_id: Option<String>,
    }
    match payload.parse::<Request>()?.resources_session_id {
        Some(id) => written(&json!({"resources_session_id": id})),
        None => written(&json!({})),
    }
}

/// Whether `/verify` may be asked again: it keeps nothing.
pub(crate) async fn reverify_mode() -> Result<Response, ApiError> {
    written(&"stateless")
}

/// The body of a request with what it is worth. The protocol wants a number: where there is no reward it is 0 and
/// `mask_sample` says that it measures nothing.
struct Verified<'a> {
    row: &'a Row,
    score: &'a Score,
    timing: bool,
}

impl Serialize for Verified<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { row, score, timing } = self;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in row.columns().filter(|(name, _)| !ADDED.contains(name)) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("reward", &score.reward.as_ref().copied().unwrap_or(0.0))?;
        map.serialize_entry("mask_sample", &score.reward.is_err())?;
        map.serialize_entry(
            "failure_kind",
            &score.reward.as_ref().err().map(|why| format!("gavel:{}", why.name())),
        )?;
        map.serialize_entry("failure_reason", &failure_reason(score))?;
        let components = score.outcomes.iter().filter_map(|(name, outcome)| Some((name, outcome.reward()?)));
        map.serialize_entry("reward_components", &components.collect::<BTreeMap<_, _>>())?;
        map.serialize_entry("gavel", &ScoreForm { score, timing: *timing })?;
        map.end()
    }
}

/// What gavel adds, which a row that was verified before has already.
const ADDED: [&str; 6] =
    ["reward", "mask_sample", "failure_kind", "failure_reason", "reward_components", "gavel"];

/// Why there is no reward: what the formula lacks, and what the verifiers say of it.
fn failure_reason(score: &Score) -> Option<String> {
    let why = score.reward.as_ref().err()?;
    let failed = score.outcomes.iter().filter_map(|(name, outcome)| match &outcome.result {
        Ok(_) | Err(Failure::Skipped | Failure::ConditionUnknown { .. }) => None,
        Err(failure) => Some(format!("{name}: {failure}")),
    });
    Some(std::iter::once(why.to_string()).chain(failed).collect::<Vec<_>>().join("; "))
}

#[derive(Deserialize)]
struct Aggregated {
    verify_responses: Vec<Map<String, Value>>,
}

/// The mean, greatest, least, median and deviation of every number, per task and over all, as NeMo Gym's profiler names
/// them. What measures nothing (`mask_sample`) is left out.
pub(crate) async fn aggregate_metrics(payload: Payload) -> Result<Response, ApiError> {
    let Aggregated { verify_responses } = payload.parse()?;
    let measured: Vec<_> = verify_responses
        .iter()
        .filter(|response| response.get("mask_sample") != Some(&true.into()))
        .collect();
    let mut tasks: BTreeMap<i64, Vec<&Map<String, Value>>> = BTreeMap::new();
    for response in &measured {
        if let Some(task) = response.get(TASK_INDEX).and_then(Value::as_i64) {
            tasks.entry(task).or_default().push(response);
        }
    }
    let groups: Vec<Map<String, Value>> = tasks
        .iter()
        .map(|(task, responses)| {
            let mut metrics = described(responses);
            metrics.insert(TASK_INDEX.to_owned(), (*task).into());
            metrics
        })
        .collect();
    let agent = described(&measured);
    let key: Map<String, Value> = agent
        .iter()
        .filter(|(name, _)| *name == "mean/reward")
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    written(&json!({"group_level_metrics": groups, "agent_metrics": agent, "key_metrics": key}))
}

fn described(responses: &[&Map<String, Value>]) -> Map<String, Value> {
    let mut numbers: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in responses.iter().flat_map(|response| response.iter()) {
        let number = value.as_f64().or_else(|| value.as_bool().map(f64::from));
        if let Some(number) = number.filter(|_| !NO_MEASURE.contains(&name.as_str())) {
            numbers.entry(name).or_default().push(number);
        }
    }
    let mut metrics = Map::new();
    for (name, mut values) in numbers {
        values.sort_by(f64::total_cmp);
        let (count, middle) = (values.len() as f64, values.len() / 2);
        let mean = values.iter().sum::<f64>() / count;
        let median = match values.len() % 2 {
            0 => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
        let (least, greatest) = (values[0], values[values.len() - 1]);
        for (what, value) in
            [("mean", mean), ("max", greatest), ("min", least), ("median", median), ("std", deviation)]
        {
            metrics.insert(format!("{what}/{name}"), value.into());
        }
    }
    metrics
}
