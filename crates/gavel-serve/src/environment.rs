//! Tasks of a single turn as environments: Gymnasium's `/reset` and `/step` as NeMo Gym asks for them, and OpenEnv's by
//! plain requests, whose episodes are kept between the two. [`crate::openenv`] speaks to OpenEnv's own client.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gavel_verify::Score;
use gavel_wire::{Columns, Flattened, Row, ScoreForm, flatten};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::{App, Chosen};
use crate::episodes::Episode;
use crate::error::ApiError;
use crate::judge::judge_one;
use crate::nemo_gym;
use crate::payload::{Asked, Payload, row};
use crate::score::written;
use crate::tasks::{PICKS, Splits};

/// What makes a body one of NeMo Gym's.
const NEMO: &str = "responses_create_params";

/// What `reset` is called with.
pub(crate) struct Reset {
    pub(crate) episode_id: Option<String>,
    pub(crate) task: Map<String, Value>,
}

impl Reset {
    /// The task is `task`; without one, it is all that OpenEnv itself gives no meaning; and where that is nothing, one of
    /// those that the server has.
    pub(crate) fn read(mut body: Map<String, Value>, tasks: Option<&Splits>) -> Result<Self, ApiError> {
        let episode_id = match body.remove("episode_id") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(ApiError::WrongType("`episode_id` is a text".to_owned())),
        };
        let task = match body.remove("task") {
            None | Some(Value::Null) => match tasks {
                Some(tasks) if body.keys().all(|name| PICKS.contains(&name.as_str())) => {
                    tasks.pick(&mut body)?
                }
                _ => {
                    body.remove("seed");
                    body
                }
            },
            Some(Value::Object(task)) => task,
            Some(_) => {
                return Err(ApiError::WrongType("`task` is an object: a row without its answer".to_owned()));
            }
        };
        Ok(Self { episode_id, task })
    }
}

/// Opens an episode. NeMo Gym sends the task again with the response, so there nothing is kept.
pub(crate) async fn reset(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let body: Map<String, Value> = payload.parse()?;
    if body.contains_key(NEMO) {
        return written(&json!({"observation": null, "info": {}}));
    }
    let chosen = app.choose_for(&asked, None)?;
    let Reset { episode_id, task } = Reset::read(body, app.tasks_of(&chosen))?;
    let episode = app.episodes.begin(episode_id, task);
    let answer = opened(chosen.reward.columns(), &episode);
    app.episodes.keep(episode)?;
    written(&answer)
}

/// What is observed of an episode that has just been opened: its prompt.
pub(crate) fn opened(columns: &Columns, episode: &Episode) -> Value {
    let prompt =
        columns.prompt.iter().find_map(|name| gavel_wire::value_within(&episode.task, name)).cloned();
    let prompt = match flatten(prompt.unwrap_or_default(), "user") {
        Flattened::Text(text) => text,
        Flattened::NoMessage | Flattened::NotText => String::new(),
    };
    json!({
        "observation": {"prompt": prompt, "episode_id": episode.name, "done": false, "reward": null, "metadata": {}},
        "reward": null,
        "done": false,
    })
}

#[derive(Deserialize)]
struct Step {
    action: Action,
    episode_id: Option<String>,
}

/// The answer to a task.
#[derive(Deserialize)]
pub(crate) struct Action {
    #[serde(alias = "message", alias = "text", alias = "response")]
    pub(crate) completion: Value,
    pub(crate) episode_id: Option<String>,
}

/// Judges the answer, which ends the episode.
pub(crate) async fn step(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    let body: Map<String, Value> = payload.parse()?;
    if body.contains_key(NEMO) {
        let (_, score) = nemo_gym::judged(&app, &asked, &payload).await?;
        let form = score_value(&score, asked.timing())?;
        return written(&json!({
            "observation": null,
            "reward": score.reward.as_ref().copied().unwrap_or(0.0),
            "terminated": score.reward.is_ok(),
            // An episode that could not be judged has not come to its end.
            "truncated": score.reward.is_err(),
            "info": form,
        }));
    }
    let Step { action, episode_id } =
        serde_json::from_value(body.into()).map_err(|error| ApiError::WrongType(error.to_string()))?;
    let named = episode_id.or(action.episode_id).or_else(|| asked.wishes.episode_id.clone());
    let episode = app.episodes.named(named.as_deref())?;
    let chosen = app.choose_for(&asked, None)?;
    let answer = stepped(&app, &chosen, &episode, action.completion, &asked).await?;
    app.episodes.step(&episode.name)?;
    written(&answer)
}

/// Judges the answer to an episode, and says what it is worth.
pub(crate) async fn stepped(
    app: &App,
    chosen: &Chosen,
    episode: &Episode,
    completion: Value,
    asked: &Asked,
) -> Result<Value, ApiError> {
    let columns = chosen.reward.columns();
    let submission = answered(episode.task.clone(), columns.completion.first(), completion)
        .and_then(|row| row.submission(columns).map_err(|error| ApiError::of_row(0, &error)))?;
    let score = judge_one(app, chosen, submission, asked.client).await?;
    let reward = score.reward.as_ref().ok();
    Ok(json!({
        "observation": {"episode_id": episode.name, "done": true, "reward": reward, "metadata": {}},
        "reward": reward,
        "done": true,
        "metadata": score_value(&score, asked.timing())?,
    }))
}

/// The task with its answer. Without a prompt of its own it has an empty one: an episode may be about the answer alone.
fn answered(mut task: Map<String, Value>, column: &str, completion: Value) -> Result<Row, ApiError> {
    task.entry("prompt").or_insert_with(|| "".into());
    task.insert(column.to_owned(), completion);
    row(&Value::Object(task).to_string())
}

fn score_value(score: &Score, timing: bool) -> Result<Value, ApiError> {
    serde_json::to_value(ScoreForm { score, timing }).map_err(|error| ApiError::Internal(error.to_string()))
}

/// Where an episode stands.
pub(crate) async fn state(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    written(&app.episodes.named(asked.wishes.episode_id.as_deref())?.state())
}

/// Closes an episode; one that is closed already is none the worse.
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    asked: Asked,
    payload: Payload,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    struct Close {
        episode_id: Option<String>,
    }
    let named = payload.parse::<Close>()?.episode_id.or_else(|| asked.wishes.episode_id.clone());
    match named {
        Some(name) => app.episodes.close(&name),
        None => app.episodes.close(&app.episodes.named(None)?.name),
    }
    written(&json!({}))
}
