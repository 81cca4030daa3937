//! Rows: JSON objects with the columns that a data set happens to have, as submissions, and with their scores.

use gavel_verify::{Score, Submission, visible_name};
use indexmap::IndexMap;
use serde::Serializer as _;
use serde::ser::{Error as _, SerializeMap as _};
use serde_json::value::{RawValue, to_raw_value};

use crate::characters::whole_characters;
use crate::chat::{Flattened, flatten};
use crate::columns::{Columns, Names, Part};
use crate::object::Object;
use crate::outcome::{COMPONENTS, NoRewardForm, ScoreForm};
use crate::path::{follow, raw_within};

/// The columns that gavel itself adds; they are never part of a task.
const ADDED: [&str; 4] = ["reward", "no_reward", COMPONENTS, "outcomes"];

/// Columns that an error names, and the most characters of each.
const NAMED: usize = 20;
const NAME: usize = 60;

/// One row: an object, every value kept exactly as it was written, but for halves of surrogate pairs.
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
    /// It has what Python writes for a number that JSON does not have.
    #[error(
        "not JSON, which has no `{name}`, column {column}: write null, as Python's `json.dumps(…, allow_nan=False)` makes sure of"
    )]
    NoNumber {
        /// Such as `NaN`.
        name: &'static str,
        /// Where, from 1.
        column: usize,
    },
    /// It is JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// Two columns have one name, and which is meant nobody knows.
    #[error("the column `{column}` is there twice")]
    Twice {
        /// The name.
        column: String,
    },
    /// A column is missing.
    #[error("no `{names}`: {there}")]
    Missing {
        /// What should stand there.
        part: Part,
        /// What its column may be called.
        names: Names,
        /// Which columns there are.
        there: String,
    },
    /// A column is neither text nor a list of chat messages.
    #[error("`{column}` is neither a string nor a list of messages with `role` and `content`")]
    NotText {
        /// The column.
        column: String,
    },
    /// A list of chat messages has none by the one who should have written it.
    #[error("`{column}` has no message by `{role}` with text")]
    NoMessage {
        /// The column.
        column: String,
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
        let line = &*whole_characters(line);
        let not_json = |error: serde_json::Error| match number_of_python(line, error.column()) {
            Some(name) => RowError::NoNumber { name, column: error.column() },
            None => RowError::NotJson(error),
        };
        if serde_json::from_str::<&RawValue>(line).map_err(not_json)?.get().starts_with('{') {
            let Object { columns, twice } = serde_json::from_str(line).map_err(not_json)?;
            twice.map_or(Ok(Self { columns }), |column| Err(RowError::Twice { column }))
        } else {
            Err(RowError::NotAnObject)
        }
    }

    /// The submission that the row describes.
    ///
    /// # Errors
    /// When prompt or completion is missing or no text.
    pub fn submission(&self, columns: &Columns) -> Result<Submission, RowError> {
        Ok(Submission {
            prompt: self.text(Part::Prompt, columns)?,
            completion: self.text(Part::Completion, columns)?,
            reference: self.reference(columns)?,
            metadata: self.metadata(columns)?,
        })
    }

    /// Takes a column out of the row.
    pub fn take(&mut self, column: &str) -> Option<Box<RawValue>> {
        self.columns.shift_remove(column)
    }

    /// Adds a column, unless it is there.
    pub fn add(&mut self, column: &str, value: Box<RawValue>) {
        self.columns.entry(column.to_owned()).or_insert(value);
    }

    /// The columns, each as it is written.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.columns.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// Whether another row has the same columns in the same order, each written alike, but for those that gavel adds: so
    /// a line of output has those of its line of input.
    pub fn has_columns_of(&self, other: &Self) -> bool {
        let own = |row: &Self| -> Vec<(String, String)> {
            let columns = row.columns().filter(|(name, _)| !ADDED.contains(name));
            columns.map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect()
        };
        own(self) == own(other)
    }

    /// The names of the columns, as they are written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// The names of the columns that gavel has not added.
    pub fn own_names(&self) -> impl Iterator<Item = &str> {
        self.names().filter(|name| !ADDED.contains(name))
    }

    /// The names of the columns in a sentence's middle: "its columns are …".
    pub fn there(&self) -> String {
        let names: Vec<String> =
            self.own_names().take(NAMED).map(|name| format!("`{}`", visible_name(name, NAME))).collect();
        let more = if self.columns.len() > NAMED { ", …" } else { "" };
        if names.is_empty() {
            "it has no columns".to_owned()
        } else {
            format!("its columns are {}{more}", names.join(", "))
        }
    }

    /// The row with its score, as a line without its end. Without `timing` it is the same whenever the submission is
    /// judged by the same plugins.
    ///
    /// # Errors
    /// Never: every part can be written as JSON.
    pub fn with_score(&self, score: &Score, timing: bool) -> serde_json::Result<String> {
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.columns.iter().filter(|(name, _)| !ADDED.contains(&name.as_str())) {
            map.serialize_entry(name, value)?;
        }
        ScoreForm { score, timing }.write(&mut map)?;
        map.end()?;
        String::from_utf8(line).map_err(serde_json::Error::custom)
    }

    /// A line in the place of one that could not be scored, for who counts on an answer to every line. What the row had
    /// stays in it, where there was a row.
    ///
    /// # Errors
    /// Never: every part can be written as JSON.
    pub fn answer_to_bad_line(row: Option<Self>, reason: &str) -> serde_json::Result<String> {
        let mut columns = row.map(|row| row.columns).unwrap_or_default();
        for column in ADDED {
            columns.shift_remove(column);
        }
        columns.insert("reward".to_owned(), to_raw_value(&())?);
        columns.insert("no_reward".to_owned(), to_raw_value(&NoRewardForm::of_bad_line(reason))?);
        columns.insert("outcomes".to_owned(), to_raw_value(&serde_json::Map::new())?);
        serde_json::to_string(&columns)
    }

    /// The value of a column, or of what a name with dots leads to.
    pub fn find(&self, name: &str) -> Option<&RawValue> {
        follow(name, |name| self.columns.get(name).map(|column| &**column), raw_within)
    }

    /// The names in the object that a column, or a name with dots, leads to; `None` where it leads to none.
    pub fn entries(&self, name: &str) -> Option<Vec<String>> {
        let entries: IndexMap<String, &RawValue> = serde_json::from_str(self.find(name)?.get()).ok()?;
        Some(entries.into_keys().collect())
    }

    /// The first of these names that leads anywhere, and where to: to a value before `null`, since a table of rows of many
    /// kinds has every column in each.
    fn first<'a>(&self, names: &'a Names) -> Option<(&'a str, &RawValue)> {
        let there = || names.iter().filter_map(|name| Some((name, self.find(name)?)));
        there().find(|(_, raw)| raw.get() != "null").or_else(|| there().next())
    }

    /// The text of a column: itself, or that of the last message by whoever writes it.
    fn text(&self, part: Part, columns: &Columns) -> Result<String, RowError> {
        let (names, role) = (columns.of(part), part.role());
        let Some((column, raw)) = self.first(names) else {
            return Err(RowError::Missing { part, names: names.clone(), there: self.there() });
        };
        // Most are plain texts, which need no value made of them first.
        if raw.get().starts_with('"') {
            return serde_json::from_str(raw.get()).map_err(RowError::NotJson);
        }
        let column = || column.to_owned();
        match flatten(serde_json::from_str(raw.get()).map_err(RowError::NotJson)?, role) {
            Flattened::Text(text) => Ok(text),
            Flattened::NoMessage => Err(RowError::NoMessage { column: column(), role }),
            Flattened::NotText => Err(RowError::NotText { column: column() }),
        }
    }

    /// The reference: a string as it is, anything else as the JSON that is written there.
    fn reference(&self, columns: &Columns) -> Result<Option<String>, RowError> {
        let Some((_, raw)) = self.first(&columns.reference) else { return Ok(None) };
        match raw.get() {
            "null" => Ok(None),
            text if text.starts_with('"') => serde_json::from_str(text).map(Some).map_err(RowError::NotJson),
            other => Ok(Some(other.to_owned())),
        }
    }

    /// All other columns as a JSON object. A column that is named as the metadata's and is an object is spread out among
    /// them; a column of the row wins over an entry of the same name in it.
    fn metadata(&self, columns: &Columns) -> Result<String, RowError> {
        let mut metadata: IndexMap<String, &RawValue> = IndexMap::new();
        let spread = self.first(&columns.metadata).filter(|(_, raw)| raw.get().starts_with('{'));
        if let Some((_, raw)) = spread {
            metadata = serde_json::from_str(raw.get()).map_err(RowError::NotJson)?;
        }
        let is_named = |name: &str| {
            spread.is_some_and(|(spread, _)| spread == name)
                || Part::ALL.iter().any(|&part| self.is(name, columns.of(part)))
                || columns.leave_out.iter().any(|left_out| left_out == name)
                || ADDED.contains(&name)
        };
        let others = self.columns.iter().filter(|(name, _)| !is_named(name));
        metadata.extend(others.map(|(name, value)| (name.clone(), &**value)));
        // As a text, `[2, 3]` may be an interval. A verifier that wants one answer can look here whether it was a list.
        if let Some((_, raw)) = self.first(&columns.reference).filter(|(_, raw)| raw.get().starts_with('[')) {
            metadata.insert("reference".to_owned(), raw);
        }
        serde_json::to_string(&metadata).map_err(RowError::NotJson)
    }

    /// Whether a column is the one that these names mean here.
    fn is(&self, column: &str, names: &Names) -> bool {
        self.first(names).is_some_and(|(name, _)| name == column)
    }
}

/// What Python writes for a number that JSON does not have, where it stands at about this column, from 1.
fn number_of_python(line: &str, column: usize) -> Option<&'static str> {
    let starts = column.saturating_sub(2)..=column;
    let mut ends = starts.filter_map(|start| line.get(start..));
    let names = ["NaN", "Infinity", "-Infinity"];
    ends.find_map(|end| names.into_iter().find(|name| end.starts_with(name)))
}

/// serde_json counts lines within the text that it is given, which here is always the first.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", ", column ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Failure, NoReward, Outcome, Verdict};

    use super::*;

    fn submission(line: &str) -> Result<Submission, String> {
        Row::parse(line)
            .and_then(|row| row.submission(&Columns::default()))
            .map_err(|error| error.to_string())
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
        let metadata = |value: &str| {
            submission(&format!(r#"{{"prompt": "", "completion": "", "reference": {value}}}"#))
                .unwrap()
                .metadata
        };
        assert_eq!(reference("[2, 3]").as_deref(), Some("[2, 3]"));
        assert_eq!(metadata("[2, 3]"), r#"{"reference":[2, 3]}"#, "a list is told from a text");
        assert_eq!(metadata(r#""[2, 3]""#), "{}");
    }

    #[test]
    fn of_several_names_the_first_that_is_not_null_counts() {
        let columns = Columns::of_preset(crate::Preset::Trl);
        let of = |line: &str| Row::parse(line).unwrap().submission(&columns).unwrap();
        let both = of(r#"{"prompt": "", "completion": "", "solution": null, "answer": "2"}"#);
        assert_eq!((both.reference.as_deref(), both.metadata.as_str()), (Some("2"), r#"{"solution":null}"#));
        let none = of(r#"{"prompt": "", "completion": "", "solution": null, "answer": null}"#);
        assert_eq!(none.reference, None);
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
    fn columns_have_the_names_that_they_are_said_to_have() {
        let columns = Columns {
            prompt: "messages".into(),
            completion: "messages".into(),
            reference: "reward_model.ground_truth".into(),
            ..Columns::default()
        };
        let line = r#"{"messages": [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"}],
                       "reference": "?", "reward_model": {"style": "rule", "ground_truth": 2}}"#;
        let submission = Row::parse(line).unwrap().submission(&columns).unwrap();
        assert_eq!((submission.prompt.as_str(), submission.completion.as_str()), ("1+1", "2"));
        assert_eq!(submission.reference.as_deref(), Some("2"));
        assert_eq!(
            submission.metadata,
            r#"{"reference":"?","reward_model":{"style": "rule", "ground_truth": 2}}"#
        );
        let absent = Columns { reference: "reward_model.answer".into(), ..columns };
        assert_eq!(Row::parse(line).unwrap().submission(&absent).unwrap().reference, None);
    }

    #[test]
    fn a_bad_line_can_be_answered() {
        let row = Row::parse(r#"{"id": 7, "reward": 1}"#).unwrap();
        assert_eq!(
            Row::answer_to_bad_line(Some(row), "no `prompt`").unwrap(),
            r#"{"id":7,"reward":null,"no_reward":{"kind":"bad-line","reason":"no `prompt`"},"outcomes":{}}"#
        );
        assert_eq!(
            Row::answer_to_bad_line(None, "not JSON").unwrap(),
            r#"{"reward":null,"no_reward":{"kind":"bad-line","reason":"not JSON"},"outcomes":{}}"#
        );
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        for (line, expected) in [
            ("{", "not JSON: EOF while parsing an object, column 1"),
            ("[1]", "not a JSON object"),
            (
                r#"{"prompt": "", "completion": "", "completion": "2"}"#,
                "the column `completion` is there twice",
            ),
            (
                r#"{"completion": "", "question": "?"}"#,
                "no `prompt`: its columns are `completion`, `question`",
            ),
            (r#"{"prompt": ""}"#, "no `completion`: its columns are `prompt`"),
            ("{}", "no `prompt`: it has no columns"),
            (
                r#"{"prompt": 1, "completion": ""}"#,
                "`prompt` is neither a string nor a list of messages with `role` and `content`",
            ),
            (
                r#"{"prompt": "", "completion": [{"role": "user", "content": ""}]}"#,
                "`completion` has no message by `assistant` with text",
            ),
            (r#"{"prompt": "", "completion": "\ud80"}"#, "not JSON: invalid escape, column 36"),
            (
                r#"{"prompt": "", "completion": "", "weight": NaN}"#,
                "not JSON, which has no `NaN`, column 44: write null, as Python's `json.dumps(…, allow_nan=False)` makes sure of",
            ),
            (
                r#"{"prompt": "", "completion": "", "weight": -Infinity}"#,
                "not JSON, which has no `-Infinity`, column 45: write null, as Python's `json.dumps(…, allow_nan=False)` makes \
                 sure of",
            ),
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
        right.fuel = Some(42);
        let failed = Outcome::failure(Failure::OutOfFuel { limit: 9 }, Duration::ZERO);
        let reward = Err(NoReward::Dropped { verifier: "b".to_owned() });
        let score = Score {
            reward,
            components: Vec::new(),
            outcomes: vec![("a".to_owned(), right), ("b".to_owned(), failed)],
        };
        let scored = row.with_score(&score, true).unwrap();
        assert_eq!(
            scored,
            concat!(
                r#"{"prompt":"p","x":1.10,"completion":"c","reward":null,"no_reward":{"kind":"dropped","verifier":"b"},"#,
                r#""outcomes":{"#,
                r#""a":{"status":"verdict","reward":1.0,"reason":"right","metrics":{"m":0.5},"fuel":42,"ms":1.235},"#,
                r#""b":{"status":"out-of-fuel","reward":null,"reason":"out of fuel after 9 instructions","metrics":{},"#,
                r#""fuel":null,"ms":0.0}}}"#
            )
        );
        let components = vec![("answer".to_owned(), 1.0), ("form".to_owned(), -0.5)];
        let again = Score {
            reward: Ok(0.5),
            components,
            outcomes: vec![("a".to_owned(), score.outcomes[0].1.clone())],
        };
        assert_eq!(
            Row::parse(&scored).unwrap().with_score(&again, false).unwrap(),
            concat!(
                r#"{"prompt":"p","x":1.10,"completion":"c","reward":0.5,"#,
                r#""reward_components":{"answer":1.0,"form":-0.5},"outcomes":{"a":{"status":"verdict","#,
                r#""reward":1.0,"reason":"right","metrics":{"m":0.5},"fuel":42}}}"#
            )
        );
    }

    #[test]
    fn half_a_character_is_replaced_wherever_it_stands() {
        let line = r#"{"prompt": "", "completion": "a\ud83d\ude00\ud83d", "x\ud800": "\udfff"}"#;
        let submission = submission(line).unwrap();
        assert_eq!(submission.completion, "a😀\u{fffd}");
        assert_eq!(submission.metadata, r#"{"x�":"\ufffd"}"#);
    }
}
