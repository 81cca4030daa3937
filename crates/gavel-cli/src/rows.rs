//! The JSON lines that `gavel score` reads and writes, and what they are as submissions and scores.

use std::time::Duration;

use gavel_verify::{Outcome, Score, Submission};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The columns that gavel itself adds; they are never part of a task.
const ADDED: [&str; 2] = ["reward", "outcomes"];

/// One line of input: an object, every value kept exactly as it was written.
#[derive(Debug)]
pub struct Row {
    columns: IndexMap<String, Box<RawValue>>,
}

/// Why a line is not a submission.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// It is not JSON.
    #[error("not JSON: {}", without_line(.0))]
    NotJson(serde_json::Error),
    /// It is JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A column is missing.
    #[error("no `{column}`")]
    Missing {
        /// The column.
        column: &'static str,
    },
    /// A column is neither text nor a list of chat messages.
    #[error("`{column}` is neither a string nor a list of messages with `role` and `content`")]
    NotText {
        /// The column.
        column: &'static str,
    },
    /// A list of chat messages has none by the one who should have written it.
    #[error("`{column}` has no message by `{role}` with text")]
    NoMessage {
        /// The column.
        column: &'static str,
        /// Whose message is needed.
        role: &'static str,
    },
}

impl Row {
    /// Reads one line.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn parse(line: &str) -> Result<Self, RowError> {
        if serde_json::from_str::<&RawValue>(line).map_err(RowError::NotJson)?.get().starts_with('{') {
            Ok(Self { columns: serde_json::from_str(line).map_err(RowError::NotJson)? })
        } else {
            Err(RowError::NotAnObject)
        }
    }

    /// The submission that the row describes.
    ///
    /// # Errors
    /// When `prompt` or `completion` is missing or no text.
    pub fn submission(&self) -> Result<Submission, RowError> {
        Ok(Submission {
            prompt: self.text("prompt", "user")?,
            completion: self.text("completion", "assistant")?,
            reference: self.reference()?,
            metadata: self.metadata()?,
        })
    }

    /// The row with its score, as a line without its end.
    ///
    /// # Errors
    /// Never: every part can be written as JSON.
    pub fn with_score(mut self, score: &Score) -> serde_json::Result<String> {
        for column in ADDED {
            self.columns.shift_remove(column);
        }
        let outcomes: IndexMap<_, _> =
            score.outcomes.iter().map(|(name, outcome)| (name, OutcomeRow::from(outcome))).collect();
        self.columns.insert("reward".to_owned(), to_raw_value(&score.reward)?);
        self.columns.insert("outcomes".to_owned(), to_raw_value(&outcomes)?);
        serde_json::to_string(&self.columns)
    }

    /// The text of a column: itself, or that of the last message by `role`.
    fn text(&self, column: &'static str, role: &'static str) -> Result<String, RowError> {
        let raw = self.columns.get(column).ok_or(RowError::Missing { column })?;
        match serde_json::from_str(raw.get()).map_err(RowError::NotJson)? {
            Value::String(text) => Ok(text),
            Value::Array(messages) if messages.iter().all(|message| message["role"].is_string()) => messages
                .iter()
                .rev()
                .filter(|message| message["role"] == role)
                .find_map(|message| content(&message["content"]))
                .ok_or(RowError::NoMessage { column, role }),
            _ => Err(RowError::NotText { column }),
        }
    }

    /// The reference: a string as it is, anything else as the JSON that is written there.
    fn reference(&self) -> Result<Option<String>, RowError> {
        let Some(raw) = self.columns.get("reference") else { return Ok(None) };
        match raw.get() {
            "null" => Ok(None),
            text if text.starts_with('"') => serde_json::from_str(text).map(Some).map_err(RowError::NotJson),
            other => Ok(Some(other.to_owned())),
        }
    }

    /// All other columns as a JSON object. A column `metadata` that is an object is spread out among them; a column
    /// of the row wins over an entry of the same name in it.
    fn metadata(&self) -> Result<String, RowError> {
        let mut metadata: IndexMap<String, &RawValue> = IndexMap::new();
        let spread = self.columns.get("metadata").filter(|raw| raw.get().starts_with('{'));
        if let Some(raw) = spread {
            metadata = serde_json::from_str(raw.get()).map_err(RowError::NotJson)?;
        }
        let named = |name: &str| match name {
            "prompt" | "completion" | "reference" => true,
            "metadata" => spread.is_some(),
            name => ADDED.contains(&name),
        };
        let others = self.columns.iter().filter(|(name, _)| !named(name));
        metadata.extend(others.map(|(name, value)| (name.clone(), &**value)));
        serde_json::to_string(&metadata).map_err(RowError::NotJson)
    }
}

/// An outcome, as it is written.
#[derive(Debug, Serialize)]
pub struct OutcomeRow<'a> {
    status: &'static str,
    reward: Option<f64>,
    reason: Option<String>,
    metrics: IndexMap<&'a str, f64>,
    fuel: u64,
    ms: f64,
}

impl<'a> From<&'a Outcome> for OutcomeRow<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        let (reason, metrics) = match &outcome.result {
            Ok(verdict) => (verdict.reason.clone(), verdict.metrics.as_slice()),
            Err(failure) => (Some(failure.to_string()), [].as_slice()),
        };
        Self {
            status: outcome.status().name(),
            reward: outcome.reward(),
            reason,
            metrics: metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
            fuel: outcome.fuel,
            ms: milliseconds(outcome.elapsed),
        }
    }
}

/// A time in milliseconds, to the microsecond.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// The text of a message: a string, or the parts of a list that are text, joined. `None` when there is no text, as
/// in a message that only calls a tool.
fn content(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            (!texts.is_empty()).then(|| texts.concat())
        }
        _ => None,
    }
}

/// serde_json counts lines within the text that it is given, which here is always the first.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", ", column ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_verify::{Failure, Verdict};

    fn submission(line: &str) -> Result<Submission, String> {
        Row::parse(line).and_then(|row| row.submission()).map_err(|error| error.to_string())
    }

    #[test]
    fn other_columns_become_metadata_exactly_as_written() {
        let line = r#"{"numbers": [12345678901234567890123, 1.10], "prompt": "p", "completion": "\u00e9", "reward": 1, "outcomes": {}, "id": "x\ny"}"#;
        let submission = submission(line).unwrap();
        assert_eq!(submission.completion, "é");
        assert_eq!(submission.metadata, r#"{"numbers":[12345678901234567890123, 1.10],"id":"x\ny"}"#);
    }

    #[test]
    fn a_metadata_object_is_spread_and_a_column_wins() {
        let line = r#"{"prompt": "", "completion": "", "metadata": {"target": 1, "id": 2}, "target": 3}"#;
        assert_eq!(submission(line).unwrap().metadata, r#"{"target":3,"id":2}"#);
        let line = r#"{"prompt": "", "completion": "", "metadata": "text"}"#;
        assert_eq!(submission(line).unwrap().metadata, r#"{"metadata":"text"}"#);
    }

    #[test]
    fn a_reference_is_text_or_json() {
        let reference = |value: &str| {
            submission(&format!(r#"{{"prompt": "", "completion": "", "reference": {value}}}"#))
                .unwrap()
                .reference
        };
        assert_eq!(reference(r#""a\"b""#).as_deref(), Some(r#"a"b"#));
        assert_eq!(reference("null"), None);
        assert_eq!(reference("42").as_deref(), Some("42"));
        assert_eq!(reference(r#"{"target": 98}"#).as_deref(), Some(r#"{"target": 98}"#));
    }

    #[test]
    fn chat_messages_give_the_last_of_their_role() {
        let line = r#"{
            "prompt": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "first"},
                       {"role": "assistant", "content": "?"}, {"role": "user", "content": "second"}],
            "completion": [{"role": "assistant", "content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]},
                           {"role": "assistant", "content": null, "tool_calls": []}]
        }"#;
        let submission = submission(line).unwrap();
        assert_eq!((submission.prompt.as_str(), submission.completion.as_str()), ("second", "42"));
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        for (line, expected) in [
            ("{", "not JSON: EOF while parsing an object, column 1"),
            ("[1]", "not a JSON object"),
            (r#"{"completion": ""}"#, "no `prompt`"),
            (r#"{"prompt": ""}"#, "no `completion`"),
            (
                r#"{"prompt": 1, "completion": ""}"#,
                "`prompt` is neither a string nor a list of messages with `role` and `content`",
            ),
            (
                r#"{"prompt": "", "completion": [{"role": "user", "content": ""}]}"#,
                "`completion` has no message by `assistant` with text",
            ),
            (r#"{"prompt": "", "completion": "\ud800"}"#, "not JSON: unexpected end of hex escape, column 8"),
        ] {
            assert_eq!(submission(line).unwrap_err(), expected, "for {line}");
        }
    }

    #[test]
    fn a_score_is_added_at_the_end_and_replaces_an_older_one() {
        let row = Row::parse(r#"{"reward": 7, "prompt": "p", "x": 1.10, "completion": "c", "outcomes": 1}"#)
            .unwrap();
        let verdict =
            Verdict { reward: 1.0, reason: Some("right".to_owned()), metrics: vec![("m".to_owned(), 0.5)] };
        let mut right = Outcome::verdict(verdict, Duration::from_nanos(1_234_567));
        right.fuel = 42;
        let failed = Outcome::failure(Failure::OutOfFuel { limit: 9 }, Duration::ZERO);
        let score = Score { reward: None, outcomes: vec![("a".to_owned(), right), ("b".to_owned(), failed)] };
        assert_eq!(
            row.with_score(&score).unwrap(),
            concat!(
                r#"{"prompt":"p","x":1.10,"completion":"c","reward":null,"outcomes":{"#,
                r#""a":{"status":"verdict","reward":1.0,"reason":"right","metrics":{"m":0.5},"fuel":42,"ms":1.235},"#,
                r#""b":{"status":"out-of-fuel","reward":null,"reason":"out of fuel after 9 instructions","metrics":{},"#,
                r#""fuel":0,"ms":0.0}}}"#
            )
        );
    }
}
