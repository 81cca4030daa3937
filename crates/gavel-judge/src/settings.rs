//! What a judge is: where it is asked, what, how, and what counts as an answer.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use serde_json::{Map, Value, json};

/// Everything that a judge's outcomes depend on besides its submissions, and how it is reached.
#[derive(Debug, Clone)]
pub struct JudgeSettings {
    /// The address of the API, such as `https://api.openai.com/v1`: `/chat/completions` below it is asked.
    pub endpoint: String,
    /// The model. An answer that names another one is no answer.
    pub model: String,
    /// What the endpoint wants to be shown.
    pub key: Option<Key>,
    /// What the judge is told before everything else, as it is.
    pub system: Option<String>,
    /// The question, as a Jinja template over `prompt`, `completion`, `reference` and `metadata`.
    pub template: String,
    /// The JSON Schema of the answer, an object.
    pub schema: Value,
    /// The field of the answer that is the reward; with dots, a place within objects.
    pub reward: String,
    /// How freely it samples; 0 is as little as it can.
    pub temperature: Option<f64>,
    /// What it samples by, where the endpoint knows seeds.
    pub seed: Option<u64>,
    /// The most tokens of an answer.
    pub max_tokens: Option<u64>,
    /// More fields of the request, as some endpoints want them.
    pub extra: Map<String, Value>,
    /// How the endpoint is told the form of the answer.
    pub response_format: ResponseFormat,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often it is asked again where the endpoint could not be reached, was busy, or broke.
    pub retries: u32,
    /// What tokens cost.
    pub price: Option<Price>,
}

/// What a million tokens cost, in whatever the operator counts in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Of the question.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

/// How the endpoint is told what an answer looks like. The answer is held against the schema in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// By the schema, which holds the model to it while it samples.
    #[default]
    JsonSchema,
    /// That it is some JSON object.
    JsonObject,
    /// In the question alone, for endpoints that know neither.
    Text,
}

impl ResponseFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::JsonSchema, Self::JsonObject, Self::Text];

    /// As reward files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonSchema => "json-schema",
            Self::JsonObject => "json-object",
            Self::Text => "text",
        }
    }
}

/// What an endpoint wants to be shown. It is in no error and no record.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// `None` where it cannot be a header's: it is empty, or has characters that are not of printable ASCII.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        let is_fit = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        is_fit.then(|| Self(key.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// The same text without the key, which an endpoint may repeat in what it says.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Why there can be no such judge.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The address is none, or holds what does not belong there.
    #[error("{reason}: write the address of the API, such as `https://api.openai.com/v1`")]
    Endpoint {
        /// What is wrong.
        reason: String,
    },
    /// The template cannot be used.
    #[error("the template {reason}")]
    Template {
        /// What is wrong.
        reason: String,
    },
    /// The schema is none.
    #[error("the schema {reason}")]
    Schema {
        /// What is wrong.
        reason: String,
    },
    /// The schema does not hold the reward to a range.
    #[error("the schema does not hold the reward `{field}` to a range: {reason}")]
    Reward {
        /// The field of the answer.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// This machine cannot ask anybody.
    #[error("cannot prepare to ask {endpoint}: {reason}")]
    Client {
        /// The address.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
}

impl JudgeError {
    /// The setting that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Endpoint { .. } | Self::Client { .. } => "endpoint",
            Self::Template { .. } => "template",
            Self::Schema { .. } => "schema",
            Self::Reward { .. } => "reward",
        }
    }
}

impl Default for JudgeSettings {
    /// Temperature 0 and seed 0, 1024 tokens, a minute for each of four attempts; the reward is `score`.
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            model: String::new(),
            key: None,
            system: None,
            template: String::new(),
            schema: Value::Null,
            reward: "score".to_owned(),
            temperature: Some(0.0),
            seed: Some(0),
            max_tokens: Some(1024),
            extra: Map::new(),
            response_format: ResponseFormat::default(),
            timeout: Duration::from_secs(60),
            retries: 3,
            price: None,
        }
    }
}

impl JudgeSettings {
    /// The fields of a request that [`JudgeSettings::extra`] does not say.
    pub const OWN_FIELDS: [&str; 9] =
        ["model", "messages", "max_tokens", "temperature", "seed", "response_format", "stream", "n", "tools"];

    /// The address that is asked.
    pub(crate) fn url(&self) -> Result<Url, JudgeError> {
        let wrong = |reason: &str| JudgeError::Endpoint { reason: reason.to_owned() };
        let url =
            Url::parse(&self.endpoint).map_err(|error| wrong(&format!("it is no address ({error})")))?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return Err(wrong("it is no address of a web server"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it holds a password, which `key_env` is for"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has something behind its path"));
        }
        let whole = format!("{}/chat/completions", self.endpoint.trim_end_matches('/'));
        Url::parse(&whole).map_err(|error| wrong(&format!("it is no address ({error})")))
    }

    /// All of it that outcomes depend on, for records. The key is not.
    pub(crate) fn recorded(&self) -> Value {
        json!({
            "endpoint": self.endpoint,
            "model": self.model,
            "system": self.system,
            "template": self.template,
            "schema": self.schema,
            "reward": self.reward,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "extra": self.extra,
            "response_format": self.response_format.name(),
            "price": self.price.map(|price| json!({"input": price.input, "output": price.output})),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_nothing_else() {
        let url = |endpoint: &str| {
            let settings = JudgeSettings { endpoint: endpoint.to_owned(), ..JudgeSettings::default() };
            settings.url().map(|url| url.to_string()).map_err(|error| error.to_string())
        };
        for endpoint in ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"] {
            assert_eq!(url(endpoint).unwrap(), "http://127.0.0.1:8000/v1/chat/completions");
        }
        for (endpoint, reason) in [
            ("api.openai.com", "no address"),
            ("file:///etc/passwd", "no address of a web server"),
            ("https://me:secret@example.com/v1", "`key_env`"),
            ("https://example.com/v1?key=secret", "behind its path"),
        ] {
            let error = url(endpoint).unwrap_err();
            assert!(error.contains(reason) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_key_is_in_no_text() {
        let key = Key::new(" sk-12345\n").unwrap();
        assert_eq!(format!("{key:?}"), "Key");
        assert_eq!(key.hide_in("no such key: sk-12345."), "no such key: [key].");
        assert!(Key::new(" ").is_none() && Key::new("a b").is_none() && Key::new("ä").is_none());
    }
}
