//! `POST /get_reward`: OpenRLHF's remote reward model (`--reward.remote_url`).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gavel_verify::{Score, Submission};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::App;
use crate::error::ApiError;
use crate::judge::judge;
use crate::payload::{Asked, Payload};
use crate::score::written;

#[derive(Deserialize)]
struct Request {
    /// Prompts with their completions behind them.
    query: Vec<String>,
    prompts: Vec<String>,
    #[serde(default)]
    labels: Vec<Value>,
}

#[derive(Serialize)]
struct Answer<'a> {
    rewards: Vec<Option<f64>>,
    scores: Vec<Option<f64>>,
    extra_logs: IndexMap<&'a str, Vec<f64>>,
}

pub(crate) async fn get_reward(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let chosen = app.choose_for(&asked, None)?;
    let Request { query, prompts, labels } = payload.parse()?;
    let count = query.len();
    for (name, length) in [("prompts", prompts.len()), ("labels", labels.len())] {
        if length != count && (name == "prompts" || length != 0) {
            return Err(ApiError::WrongType(format!(
                "`{name}` has {length} entries, and `query` has {count}"
            )));
        }
    }
    let mut labels = labels.into_iter();
    let of_each = query.iter().zip(prompts).enumerate();
    let submissions = of_each.map(|(index, (query, prompt))| submission(index, query, prompt, labels.next()));
    let scores = judge(&app, &chosen, submissions.collect::<Result<_, _>>()?, asked.client).await?;
    let rewards: Vec<Option<f64>> = scores.iter().map(|score| score.reward.as_ref().ok().copied()).collect();
    written(&Answer { scores: rewards.clone(), rewards, extra_logs: logs(&scores) })
}

/// The completion is what stands behind the prompt. A tokenizer may have put a token before the prompt; but where the prompt
/// is not in the query at all, it would be judged as if the policy had written it.
fn submission(
    index: usize,
    query: &str,
    prompt: String,
    label: Option<Value>,
) -> Result<Submission, ApiError> {
    let Some((_, completion)) = query.split_once(prompt.as_str()) else {
        let problem =
            "`query` does not have the text of `prompts` in it, so nobody knows where the completion begins";
        return Err(ApiError::BadSubmission { index, problem: problem.to_owned() });
    };
    let completion = completion.to_owned();
    let reference = match label {
        None | Some(Value::Null) => None,
        Some(Value::String(label)) => Some(label),
        Some(other) => Some(other.to_string()),
    };
    Ok(Submission { prompt, completion, reference, metadata: String::new() })
}

/// What is logged besides: whether there is a reward, and what each verifier says. A verifier that says nothing of one of
/// the submissions is left out, for there is no number for that.
fn logs(scores: &[Score]) -> IndexMap<&str, Vec<f64>> {
    let has_reward = scores.iter().map(|score| f64::from(score.reward.is_ok())).collect();
    let mut logs = IndexMap::from([("has_reward", has_reward)]);
    let Some(first) = scores.first() else { return logs };
    for (place, (name, _)) in first.outcomes.iter().enumerate() {
        let rewards = scores.iter().map(|score| score.outcomes.get(place)?.1.reward());
        if let Some(rewards) = rewards.collect() {
            logs.insert(name.as_str(), rewards);
        }
    }
    logs
}
