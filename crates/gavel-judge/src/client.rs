//! Calls of an endpoint: within a time, with retries where it could not be reached, was busy or broke.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};

use crate::settings::{JudgeError, JudgeSettings, Key};

/// The most bytes of what an endpoint says.
const LARGEST: usize = 256 << 10;

/// The most characters that are repeated of what it says when it refuses.
const EXCERPT: usize = 300;

/// How long the first retry waits; each waits twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest that a retry waits, also where the endpoint asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long it may take to reach the endpoint at all.
const CONNECT: Duration = Duration::from_secs(10);

/// An endpoint, and how it is asked.
#[derive(Debug)]
pub(crate) struct Endpoint {
    http: Client,
    url: Url,
    key: Option<Key>,
    timeout: Duration,
    retries: u32,
}

/// What of an answer is kept: all that an outcome is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) finish_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

/// A chat completion, as far as it is read.
#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    choices: [Choice; 1],
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

/// Why an attempt has no answer.
struct Failed {
    reason: String,
    /// Whether another may have one, and how long the endpoint wants it to wait.
    again: Option<Option<Duration>>,
}

impl Failed {
    fn again(reason: String) -> Self {
        Self { reason, again: Some(None) }
    }
}

impl Endpoint {
    pub(crate) fn new(settings: &JudgeSettings) -> Result<Self, JudgeError> {
        let url = settings.url()?;
        // Another part of the process may have chosen already, which is as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut http = Client::builder()
            .user_agent(concat!("gavel/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // Only the address that was granted is spoken to.
            .redirect(redirect::Policy::none());
        if is_this_machine(&url) {
            http = http.no_proxy();
        } else if url.scheme() == "http" && settings.key.is_some() {
            tracing::warn!("{} is asked without TLS: whoever listens can read the key", settings.endpoint);
        }
        let http = http.build().map_err(|error| JudgeError::Client {
            endpoint: settings.endpoint.clone(),
            reason: causes(&error),
        })?;
        let JudgeSettings { key, timeout, retries, .. } = settings;
        Ok(Self { http, url, key: key.clone(), timeout: *timeout, retries: *retries })
    }

    /// Asks until there is an answer, or nothing is left to try. `retried` is called before every attempt but the first;
    /// `jitter` moves the waits of submissions apart.
    pub(crate) async fn ask(&self, body: &str, jitter: u8, retried: impl Fn()) -> Result<Answer, String> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 0;
        loop {
            let failed = match tokio::time::timeout(self.timeout, self.attempt(body)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failed)) => failed,
                Err(_) => Failed::again(format!("no answer within {:?}", self.timeout)),
            };
            let reason = self.key.as_ref().map_or(failed.reason.clone(), |key| key.hide_in(&failed.reason));
            let tried = match attempt {
                0 => String::new(),
                more => format!(", after {} attempts", more + 1),
            };
            let said = format!("{}: {reason}{tried}", self.url);
            let Some(wish) = failed.again.filter(|_| attempt < self.retries) else { return Err(said) };
            attempt += 1;
            // Up to a quarter longer, so that those who failed together do not come again together.
            let spread = wait.mul_f64(f64::from(jitter) / 1024.0);
            tokio::time::sleep(wish.unwrap_or(wait).max(wait).min(LONGEST_WAIT) + spread).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            retried();
        }
    }

    async fn attempt(&self, body: &str) -> Result<Answer, Failed> {
        let mut request =
            self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_owned());
        if let Some(key) = &self.key {
            // A key has only characters that a header may have.
            if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", key.reveal())) {
                value.set_sensitive(true);
                request = request.header(AUTHORIZATION, value);
            }
        }
        let response = request.send().await.map_err(|error| Failed::again(causes(&error)))?;
        let (status, wish) = (response.status(), retry_after(&response));
        let said = read(response).await?;
        if status.is_success() {
            return answer(&said);
        }
        let said = String::from_utf8_lossy(&said);
        let said: String =
            said.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let reason = format!("{status}: {}", said.trim().chars().take(EXCERPT).collect::<String>());
        let again = is_passing(status).then_some(wish);
        Err(Failed { reason, again })
    }
}

/// Reads what an endpoint says, up to a bound.
async fn read(mut response: Response) -> Result<Vec<u8>, Failed> {
    let mut said = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| Failed::again(causes(&error)))? {
        said.extend_from_slice(&part);
        if said.len() > LARGEST {
            return Err(Failed { reason: format!("it says more than {LARGEST} bytes"), again: None });
        }
    }
    Ok(said)
}

/// The answer in a chat completion.
fn answer(said: &[u8]) -> Result<Answer, Failed> {
    let body: Body = serde_json::from_slice(said)
        .map_err(|error| Failed::again(format!("what it says is no chat completion: {error}")))?;
    let [Choice { message, finish_reason }] = body.choices;
    let Message { content, refusal } = message;
    Ok(Answer { model: body.model, content, refusal, finish_reason, usage: body.usage })
}

/// Whether it may be another a moment later.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::CONFLICT,
            StatusCode::TOO_EARLY,
            StatusCode::TOO_MANY_REQUESTS,
        ]
        .contains(&status)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// An error and what caused it.
fn causes(error: &dyn Error) -> String {
    let all = std::iter::successors(Some(error), |&error| error.source());
    let mut texts: Vec<String> = all.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
