//! What operators ask: whether the server is there, whether it takes requests, and what it judges with.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gavel_reward::PluginReward;
use gavel_verify::Reward as _;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::score::written;

pub(crate) async fn healthz() -> Result<Response, ApiError> {
    written(&json!({"status": "ok"}))
}

/// Rewards are loaded before the server listens, so that only one that stops is not ready.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    if app.is_stopping() { Err(ApiError::Stopping) } else { written(&json!({"status": "ready"})) }
}

pub(crate) async fn rewards(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let rewards = app.rewards.iter().map(|(name, reward)| {
        let current = reward.current();
        json!({
            "name": name,
            "verifiers": current.verifiers().collect::<Vec<_>>(),
            "digests": Map::from_iter(pairs(reward.digests())),
            "files": Map::from_iter(pairs(reward.files())),
            "columns": columns(&current),
            "largest_input": current.largest_input(),
        })
    });
    written(&json!({
        "gavel": env!("CARGO_PKG_VERSION"),
        "engine": gavel_host::ENGINE,
        "rewards": rewards.collect::<Vec<_>>(),
        "run_code": app.programs.languages().collect::<Vec<_>>(),
    }))
}

fn pairs(pairs: Vec<(String, String)>) -> impl Iterator<Item = (String, Value)> {
    pairs.into_iter().map(|(name, digest)| (name, digest.into()))
}

fn columns(reward: &PluginReward) -> Value {
    let columns = reward.columns();
    let names =
        |names: &gavel_wire::Names| names.iter().collect::<Vec<_>>().into_iter().map(Value::from).collect();
    let named = [
        ("prompt", &columns.prompt),
        ("completion", &columns.completion),
        ("reference", &columns.reference),
        ("metadata", &columns.metadata),
    ];
    Value::Object(
        named.into_iter().map(|(part, column)| (part.to_owned(), Value::Array(names(column)))).collect(),
    )
}
