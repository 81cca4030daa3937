//! Tasks of a single turn as environments: Gymnasium's `/reset` and `/step` as NeMo Gym asks for them, and OpenEnv's, whose
//! episodes are kept between the two.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use gavel_verify::Score;
use gavel_wire::{Flattened, Row, ScoreForm, flatten};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::judge::judge_one;
use crate::nemo_gym;
use crate::payload::{Asked, Payload, row};
use crate::score::written;

/// The most episodes that are open at once; the oldest makes room.
const MOST: usize = 65_536;

/// What makes a body one of NeMo Gym's.
const NEMO: &str = "responses_create_params";

/// The episodes that are open, by their names.
#[derive(Default)]
pub(crate) struct Episodes {
    open: Mutex<Open>,
    opened: AtomicU64,
}

#[derive(Default)]
struct Open {
    episodes: HashMap<String, Episode>,
    /// The names in the order of opening; some may be closed by now.
    order: VecDeque<String>,
}

/// One episode: a task, and whether it has been answered.
#[derive(Clone)]
struct Episode {
    task: Map<String, Value>,
    steps: u64,
}

impl Episodes {
    fn open(&self, name: Option<String>, task: Map<String, Value>) -> String {
        let name =
            name.unwrap_or_else(|| format!("episode-{}", self.opened.fetch_add(1, Ordering::Relaxed) + 1));
        let mut open = self.lock();
        let episode = Episode { task, steps: 0 };
        match open.episodes.entry(name.clone()) {
            Entry::Occupied(mut entry) => drop(entry.insert(episode)),
            Entry::Vacant(entry) => {
                entry.insert(episode);
                open.order.push_back(name.clone());
            }
        }
        while open.order.len() > MOST {
            if let Some(oldest) = open.order.pop_front() {
                open.episodes.remove(&oldest);
            }
        }
        name
    }

    /// The episode that is named; without a name, the only one.
    fn named(&self, name: Option<&str>) -> Result<(String, Episode), ApiError> {
        let open = self.lock();
        let found = match name {
            Some(name) => open.episodes.get_key_value(name),
            None if open.episodes.len() > 1 => return Err(ApiError::EpisodeNotNamed),
            None => open.episodes.iter().next(),
        };
        let found = found.map(|(name, episode)| (name.clone(), episode.clone()));
        found.ok_or_else(|| ApiError::NoEpisode { episode: name.unwrap_or_default().to_owned() })
    }

    fn step(&self, name: &str) {
        if let Some(episode) = self.lock().episodes.get_mut(name) {
            episode.steps += 1;
        }
    }

    fn close(&self, name: &str) {
        let mut open = self.lock();
        open.episodes.remove(name);
        open.order.retain(|other| other != name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Reset {
    episode_id: Option<String>,
    #[serde(default)]
    task: Map<String, Value>,
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
    let Reset { episode_id, task } =
        serde_json::from_value(body.into()).map_err(|error| ApiError::WrongType(error.to_string()))?;
    let columns = app.choose(asked.reward())?.reward.columns().clone();
    let prompt = columns.prompt.iter().find_map(|name| gavel_wire::value_within(&task, name)).cloned();
    let prompt = match flatten(prompt.unwrap_or_default(), "user") {
        Flattened::Text(text) => text,
        Flattened::NoMessage | Flattened::NotText => String::new(),
    };
    let name = app.episodes.open(episode_id, task);
    written(&json!({
        "observation": {"prompt": prompt, "episode_id": name, "done": false, "reward": null, "metadata": {}},
        "reward": null,
        "done": false,
    }))
}

#[derive(Deserialize)]
struct Step {
    action: Action,
    episode_id: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(alias = "message", alias = "text", alias = "response")]
    completion: Value,
    episode_id: Option<String>,
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
    let (name, episode) = app.episodes.named(named.as_deref())?;
    let chosen = app.choose(asked.reward())?;
    let columns = chosen.reward.columns();
    let submission = answered(episode.task, columns.completion.first(), action.completion)
        .and_then(|row| row.submission(columns).map_err(|error| ApiError::of_row(0, &error)))?;
    let score = judge_one(&app, &chosen, submission, asked.client).await?;
    app.episodes.step(&name);
    let reward = score.reward.as_ref().ok();
    written(&json!({
        "observation": {"episode_id": name, "done": true, "reward": reward, "metadata": {}},
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
    let (name, episode) = app.episodes.named(asked.wishes.episode_id.as_deref())?;
    written(&json!({"episode_id": name, "step_count": episode.steps, "done": episode.steps > 0}))
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
        None => app.episodes.close(&app.episodes.named(None)?.0),
    }
    written(&json!({}))
}
