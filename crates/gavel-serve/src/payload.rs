//! What a request brings: its body within limits of size and time, the reward that it names, and who sends it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use gavel_reward::{Client, LimitSettings};
use gavel_wire::Row;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tokio::time::timeout;

use crate::app::App;
use crate::error::ApiError;
use crate::server::Held;

/// The body of a request, as text.
pub(crate) struct Payload(Bytes);

impl FromRequest<Arc<App>> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (limit, declared) = (app.options.max_body, declared_length(request.headers()));
        let mut body = request.into_body().into_data_stream();
        // Whoever says how much is coming is told before it comes.
        if declared.is_some_and(|length| length > limit as u64) {
            linger(body).await;
            return Err(ApiError::BodyTooLarge { limit });
        }
        let bytes = timeout(app.options.timeout, read(&mut body, limit)).await;
        let bytes = bytes.map_err(|_| ApiError::SlowRequest { seconds: app.options.timeout.as_secs() })?;
        let Some(bytes) = bytes? else {
            linger(body).await;
            return Err(ApiError::BodyTooLarge { limit });
        };
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(error) => Err(ApiError::NotUtf8 { at: error.valid_up_to() }),
        }
    }
}

/// The whole body; `None` where it is larger than that.
async fn read(body: &mut BodyDataStream, limit: usize) -> Result<Option<Bytes>, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        // Whoever has gone gets no answer anyway.
        let chunk = chunk.map_err(|_| ApiError::BadJson("the body ends too early".to_owned()))?;
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

/// How much of a body that nobody wants is read all the same, and for how long.
const LINGER: (usize, Duration) = (16 << 20, Duration::from_millis(500));

/// Reads on for a moment before a request is refused. A connection that is closed with something unread in it is reset, and
/// then the client may never see the answer: so what is on its way is read, up to a point.
pub(crate) async fn linger(mut body: BodyDataStream) {
    let (most, time) = LINGER;
    let linger = async {
        let mut count = 0;
        while let Some(Ok(chunk)) = body.next().await {
            count += chunk.len();
            if count > most {
                break;
            }
        }
    };
    // Whether it came to its end does not matter.
    let _ = timeout(time, linger).await;
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Payload {
    pub(crate) fn text(&self) -> &str {
        // Checked when it was read.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The body as an object of this form.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_str(self.text()).map_err(|error| {
            // What is missing is said before what stands behind the end, which makes it no JSON at all.
            let is_json = serde_json::from_str::<IgnoredAny>(self.text());
            ApiError::of_json(&is_json.err().unwrap_or(error))
        })
    }

    /// The body as one row.
    pub(crate) fn row(&self) -> Result<Row, ApiError> {
        row(self.text())
    }
}

/// One row of a body, which is JSON or not, an object or not.
pub(crate) fn row(text: &str) -> Result<Row, ApiError> {
    Row::parse(text).map_err(|error| match error {
        gavel_wire::RowError::NotJson(error) => ApiError::of_json(&error),
        error @ gavel_wire::RowError::NoNumber { .. } => ApiError::BadJson(error.to_string()),
        error => ApiError::WrongType(error.to_string()),
    })
}

/// What the query of an address may say.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wishes {
    /// Which reward is meant.
    pub(crate) reward: Option<String>,
    /// Whether the times that verifiers took are wanted.
    pub(crate) timing: Option<bool>,
    /// Whether outcomes are wanted where a protocol has none.
    pub(crate) details: Option<bool>,
    /// Which episode is meant.
    pub(crate) episode_id: Option<String>,
    /// How many seconds the judging may take, where that is less than the server allows.
    pub(crate) deadline: Option<f64>,
    /// Lower limits than the reward file's: a JSON object.
    pub(crate) limits: Option<String>,
}

/// What a request says besides its body.
pub(crate) struct Asked {
    pub(crate) wishes: Wishes,
    pub(crate) client: Client,
    /// How long the judging may take, where that is less than the server allows.
    pub(crate) deadline: Option<Duration>,
    /// Lower limits than the reward file's.
    pub(crate) limits: Option<LimitSettings>,
}

impl Asked {
    pub(crate) fn reward(&self) -> Option<&str> {
        self.wishes.reward.as_deref()
    }

    /// Takes up what the body says where the address does not.
    pub(crate) fn say(&mut self, limits: Option<&Value>, deadline: Option<f64>) -> Result<(), ApiError> {
        if let (Some(limits), None) = (limits, &self.limits) {
            self.limits = Some(LimitSettings::of_json(limits).map_err(ApiError::BadLimits)?);
        }
        if let (Some(seconds), None) = (deadline, self.deadline) {
            let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
            self.deadline = Some(time.ok_or(ApiError::BadDeadline)?);
        }
        Ok(())
    }

    pub(crate) fn timing(&self) -> bool {
        self.wishes.timing.unwrap_or(true)
    }
}

impl FromRequestParts<Arc<App>> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Query(mut wishes) = Query::<Wishes>::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::BadQuery(error.body_text()))?;
        // What is no text names no reward.
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
        if let Some((_, name)) = path.iter().find(|(key, _)| *key == "reward") {
            wishes.reward = Some(name.to_owned());
        }
        let limits = wishes.limits.as_deref().map(serde_json::from_str::<Value>).transpose();
        let limits = limits.map_err(|error| ApiError::BadLimits(format!("`limits` is no JSON: {error}")))?;
        let deadline = wishes.deadline;
        let mut asked = Self { wishes, client: client(parts), deadline: None, limits: None };
        asked.say(limits.as_ref(), deadline)?;
        Ok(asked)
    }
}

fn client(parts: &Parts) -> Client {
    parts.extensions.get::<Held>().map(|held| held.client).unwrap_or_default()
}
