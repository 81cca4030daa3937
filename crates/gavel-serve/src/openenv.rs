//! OpenEnv over a WebSocket, which is all that its own client speaks: a connection is a session, and a session has one
//! episode at a time. Messages are `reset`, `step`, `state` and `close`, answered one after the other.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::app::{App, stopped};
use crate::environment::{Action, Reset, opened, stepped};
use crate::episodes::Episode;
use crate::error::ApiError;
use crate::payload::Asked;
use crate::server::Held;

/// How long a session may say nothing at all. OpenEnv's client sends a ping every 20 s; who sends none may be sampling.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// How long to wait where there is no room to judge: a session is told to come again by nothing but an error, which its
/// client raises.
const PAUSE: Duration = Duration::from_millis(2);

/// What messages are counted as, among the paths.
const ENDPOINT: &str = "/ws";

/// Opens a session, for who is no page of somebody else's.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    Extension(held): Extension<Held>,
    asked: Asked,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|error| ApiError::NoWebSocket(error.body_text()))?;
    if is_from_another_page(&headers) {
        return Err(ApiError::ForeignOrigin);
    }
    // Whether there is such a reward is said now, and not to the first message.
    app.choose(asked.reward())?;
    let place = Arc::clone(&app.sessions).try_acquire_owned();
    let place = place.map_err(|_| ApiError::TooManySessions { limit: app.options.max_sessions })?;
    let most = app.options.max_body;
    let stopping = app.listen_for_stop();
    Ok(upgrade.max_message_size(most).max_frame_size(most).on_upgrade(move |socket| async move {
        let session = Session { app, asked, episode: None };
        session.run(socket, stopping).await;
        drop((held, place));
    }))
}

/// Browsers let any page open a WebSocket to any server, and read what it says. Programs send no origin.
fn is_from_another_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let of_origin = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    of_origin.is_none() || of_origin != text(header::HOST)
}

struct Session {
    app: Arc<App>,
    asked: Asked,
    episode: Option<Episode>,
}

impl Session {
    /// Answers messages until the client has enough, or has gone, or the server is to stop.
    async fn run(mut self, mut socket: WebSocket, mut stopping: watch::Receiver<bool>) {
        let mut early = None;
        loop {
            let message = match early.take() {
                Some(message) => message,
                None => tokio::select! {
                    () = stopped(&mut stopping) => {
                        return end(socket, close_code::AWAY, "the server is about to stop").await;
                    }
                    received = timeout(IDLE, socket.recv()) => match received {
                        Ok(Some(Ok(message))) => message,
                        Ok(Some(Err(error))) => {
                            return end(socket, close_code::PROTOCOL, &error.to_string()).await;
                        }
                        Ok(None) => return,
                        Err(_) => return end(socket, close_code::AWAY, "nothing was said for half an hour").await,
                    }
                },
            };
            let text = match message {
                Message::Text(text) => text,
                Message::Binary(_) => {
                    return end(socket, close_code::UNSUPPORTED, "messages are texts").await;
                }
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(_) => return,
            };
            let Some(answer) = self.answer_to(&text, &mut socket, &mut early).await else { return };
            let sent = timeout(self.app.options.timeout, socket.send(Message::text(answer.to_string())));
            if !matches!(sent.await, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Answers a message while the socket is listened to, so that judging ends when the client goes. What it sends
    /// meanwhile is left in `early`. `None` ends the session.
    async fn answer_to(
        &mut self,
        text: &str,
        socket: &mut WebSocket,
        early: &mut Option<Message>,
    ) -> Option<Value> {
        let (app, started) = (Arc::clone(&self.app), Instant::now());
        let mut answering = pin!(self.answer(text));
        let answer = loop {
            tokio::select! {
                answer = answering.as_mut() => break answer,
                received = socket.recv(), if early.is_none() => match received? {
                    Ok(Message::Ping(_) | Message::Pong(_)) => {}
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(message) => *early = Some(message),
                },
            }
        };
        let status = answer.as_ref().err().map_or(200, |refusal| refusal.status);
        app.stats.answered(ENDPOINT, status, started.elapsed());
        match answer {
            Ok(answer) => answer,
            Err(Refusal { code, message, .. }) => {
                Some(json!({"type": "error", "data": {"message": message, "code": code}}))
            }
        }
    }

    /// The answer to a message; `None` where it says that the session ends.
    async fn answer(&mut self, text: &str) -> Result<Option<Value>, Refusal> {
        let message: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| ApiError::of_json(&error))?;
        let data = match message.get("data") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(data)) => data.clone(),
            Some(_) => return Err(ApiError::WrongType("`data` is an object".to_owned()).into()),
        };
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        let answer = match kind {
            "reset" => json!({"type": "observation", "data": self.reset(data)?}),
            "step" => json!({"type": "observation", "data": self.step(data).await?}),
            "state" => json!({"type": "state", "data": self.state()}),
            "close" => return Ok(None),
            _ => return Err(Refusal::unknown(kind)),
        };
        Ok(Some(answer))
    }

    fn reset(&mut self, data: Map<String, Value>) -> Result<Value, ApiError> {
        let chosen = self.app.choose(self.asked.reward())?;
        let Reset { episode_id, task } = Reset::read(data, self.app.tasks_of(&chosen))?;
        let episode = self.app.episodes.begin(episode_id, task);
        let answer = opened(chosen.reward.columns(), &episode);
        self.episode = Some(episode);
        Ok(answer)
    }

    async fn step(&mut self, data: Map<String, Value>) -> Result<Value, ApiError> {
        let Action { completion, .. } =
            serde_json::from_value(data.into()).map_err(|error| ApiError::WrongType(error.to_string()))?;
        let Some(episode) = &mut self.episode else {
            return Err(ApiError::NoEpisode { episode: String::new() });
        };
        let (app, started) = (&self.app, Instant::now());
        let answer = loop {
            let chosen = app.choose(self.asked.reward())?;
            match stepped(app, &chosen, episode, completion.clone(), &self.asked).await {
                Err(ApiError::Busy(_)) if started.elapsed() < app.options.timeout => sleep(PAUSE).await,
                answer => break answer?,
            }
        };
        episode.steps += 1;
        Ok(answer)
    }

    fn state(&self) -> Value {
        match &self.episode {
            Some(episode) => episode.state(),
            None => json!({"episode_id": null, "step_count": 0, "done": false}),
        }
    }
}

/// Why a message is not answered as it asks, with the code that OpenEnv has for it.
struct Refusal {
    code: &'static str,
    /// What the same is as the status of a request, for the numbers.
    status: u16,
    message: String,
}

impl Refusal {
    fn unknown(kind: &str) -> Self {
        let kind = gavel_verify::visible_name(kind, 60);
        let message = format!("there is no message `{kind}`: there are `reset`, `step`, `state` and `close`");
        Self { code: "UNKNOWN_TYPE", status: 422, message }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let code = match &error {
            ApiError::BadJson(_) | ApiError::NotUtf8 { .. } => "INVALID_JSON",
            ApiError::WrongType(_) | ApiError::BadSubmission { .. } => "VALIDATION_ERROR",
            _ => "EXECUTION_ERROR",
        };
        Self { code, status: error.kind().0.as_u16(), message: error.to_string() }
    }
}

/// Says why the session ends, to who still listens.
async fn end(mut socket: WebSocket, code: u16, reason: &str) {
    // A close frame has room for 123 bytes.
    let reason: String = reason.chars().take(30).collect();
    let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
    let close = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // The client's own close comes after what it had sent before.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    drop(timeout(Duration::from_secs(1), close).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_server_is_told_by_its_origin() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |&(name, value): &(&'static str, &'static str)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let foreign = |pairs: &[_]| is_from_another_page(&headers(pairs));
        assert!(!foreign(&[("host", "localhost:8080")]));
        assert!(!foreign(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]));
        assert!(foreign(&[("host", "localhost:8080"), ("origin", "https://example.org")]));
        assert!(foreign(&[("host", "localhost:8080"), ("origin", "null")]));
    }
}
