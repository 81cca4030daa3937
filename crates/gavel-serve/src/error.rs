//! The one form of errors: `{"error": {"code": …, "message": …}}`, with codes that stay.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gavel_reward::{Full, RaisedLimit};
use gavel_verify::visible_name;
use gavel_wire::RowError;
use serde_json::json;

/// Why a request is not answered as it asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the body is not UTF-8: byte {at} is no part of a character")]
    NotUtf8 { at: usize },
    #[error("the body is not JSON: {0}")]
    BadJson(String),
    #[error("the body is JSON of another form: {0}")]
    WrongType(String),
    #[error("submission {index}: {problem}")]
    BadSubmission { index: usize, problem: String },
    #[error("the query of the address: {0}")]
    BadQuery(String),
    #[error("there is no reward `{}`; there {}", visible_name(name, 60), listed(known))]
    UnknownReward { name: String, known: Vec<String> },
    #[error("say which reward: `?reward=NAME`, or `/rewards/NAME` before the path; there {}", listed(known))]
    RewardNotNamed { known: Vec<String> },
    #[error("this server wants a token: send `Authorization: Bearer TOKEN` with what its --token-file holds")]
    Unauthorized,
    #[error(
        "the body is larger than {limit} bytes; send less at a time, or start the server with a larger --max-body"
    )]
    BodyTooLarge { limit: usize },
    #[error("{count} submissions are more than the {limit} of a request; send less at a time")]
    TooManySubmissions { count: usize, limit: usize },
    #[error(
        "the reward compares the completions of a prompt: send all of them in one request, as the list `submissions` of \
         `/v1/score`"
    )]
    NeedsGroups,
    #[error("the request did not arrive within {seconds} s")]
    SlowRequest { seconds: u64 },
    #[error("the server is busy: {0}; try again")]
    Busy(#[from] Full),
    #[error("it could not be judged within {seconds} s")]
    Deadline { seconds: f64 },
    #[error(transparent)]
    RaisedLimit(#[from] RaisedLimit),
    #[error("{0}")]
    BadLimits(String),
    #[error("`deadline` is a number of seconds above 0")]
    BadDeadline,
    #[error("the server is about to stop")]
    Stopping,
    #[error("there is no such path; `/openapi.json` lists them")]
    NotFound,
    #[error("the path does not take this method; `/openapi.json` lists them")]
    MethodNotAllowed,
    #[error(
        "this server runs no programs in {}: start it with `--run-code {}`",
        visible_name(language, 60),
        visible_name(language, 60)
    )]
    NotGranted { language: String },
    #[error("there is no open episode `{}`: `/reset` opens one", visible_name(episode, 60))]
    NoEpisode { episode: String },
    #[error("several episodes are open: say which by `episode_id`")]
    EpisodeNotNamed,
    #[error(
        "there are no tasks of `{}` here: start the server with `--tasks {}=FILE`",
        visible_name(environment, 60),
        visible_name(environment, 60)
    )]
    NoTasks { environment: String },
    #[error("there is no split `{}`; there {}", visible_name(split, 60), listed(known))]
    NoSplit { split: String, known: Vec<String> },
    #[error("there is no task {index} in `{}`: it has {count}, from 0", visible_name(split, 60))]
    NoTask { split: String, index: usize, count: usize },
    #[error("this path is for a WebSocket: {0}")]
    NoWebSocket(String),
    #[error("a page of another server may not open a session here")]
    ForeignOrigin,
    #[error("there are {limit} sessions already; try again")]
    TooManySessions { limit: usize },
    #[error("a bug in gavel: {0}")]
    Internal(String),
}

impl ApiError {
    /// The submission at `index` is none, for this reason.
    pub(crate) fn of_row(index: usize, error: &RowError) -> Self {
        Self::BadSubmission { index, problem: error.to_string() }
    }

    /// What serde_json says of a body.
    pub(crate) fn of_json(error: &serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::WrongType(error.to_string()),
            _ => Self::BadJson(error.to_string()),
        }
    }

    /// The status and the code, one line for each.
    pub(crate) fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotUtf8 { .. } => (StatusCode::BAD_REQUEST, "not-utf8"),
            Self::BadJson(_) => (StatusCode::BAD_REQUEST, "bad-json"),
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "bad-query"),
            Self::RaisedLimit(_) => (StatusCode::BAD_REQUEST, "limit-raised"),
            Self::BadLimits(_) => (StatusCode::BAD_REQUEST, "bad-limits"),
            Self::BadDeadline => (StatusCode::BAD_REQUEST, "bad-deadline"),
            Self::RewardNotNamed { .. } => (StatusCode::BAD_REQUEST, "reward-not-named"),
            Self::NoTask { .. } => (StatusCode::BAD_REQUEST, "no-task"),
            Self::NoSplit { .. } => (StatusCode::NOT_FOUND, "no-split"),
            Self::NoTasks { .. } => (StatusCode::NOT_IMPLEMENTED, "no-tasks"),
            Self::EpisodeNotNamed => (StatusCode::BAD_REQUEST, "episode-not-named"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::NotGranted { .. } => (StatusCode::FORBIDDEN, "not-granted"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign-origin"),
            Self::UnknownReward { .. } => (StatusCode::NOT_FOUND, "unknown-reward"),
            Self::NoEpisode { .. } => (StatusCode::NOT_FOUND, "no-episode"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::SlowRequest { .. } => (StatusCode::REQUEST_TIMEOUT, "slow-request"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::TooManySubmissions { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-many-submissions"),
            Self::WrongType(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wrong-type"),
            Self::BadSubmission { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "bad-submission"),
            Self::NeedsGroups => (StatusCode::UNPROCESSABLE_ENTITY, "needs-groups"),
            Self::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "busy"),
            Self::NoWebSocket(_) => (StatusCode::UPGRADE_REQUIRED, "no-websocket"),
            Self::TooManySessions { .. } => (StatusCode::TOO_MANY_REQUESTS, "too-many-sessions"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Self::Deadline { .. } => (StatusCode::GATEWAY_TIMEOUT, "deadline"),
        }
    }

    /// The error as its body has it.
    pub(crate) fn body(&self) -> serde_json::Value {
        json!({"error": {"code": self.kind().1, "message": self.to_string()}})
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            // What waits is judged in well under a second, unless it is slow, and then another try costs little.
            Self::Busy(_) | Self::Stopping | Self::TooManySessions { .. } => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::NoWebSocket(_) => Some((header::UPGRADE, HeaderValue::from_static("websocket"))),
            Self::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json_response(self.kind().0, self.body().to_string());
        response.headers_mut().extend(self.header());
        response
    }
}

/// A response whose body is JSON already.
pub(crate) fn json_response(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "are none".to_owned(),
        [one] => format!("is `{one}`"),
        several => format!("are `{}`", several.join("`, `")),
    }
}
