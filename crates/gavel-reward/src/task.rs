//! The columns of a task, as a reward file names them: `task.data_source`.

use std::cell::OnceCell;
use std::collections::HashMap;

use gavel_verify::{Submission, visible_name};
use gavel_wire::{follow, raw_within};
use serde_json::Value;
use serde_json::value::RawValue;

use gavel_files::closest;

/// What a name of a task's column starts with.
pub(crate) const PREFIX: &str = "task.";

/// The columns of a task, each as it is written, once they are read.
pub(crate) type Columns = OnceCell<HashMap<String, Box<RawValue>>>;

/// The columns of one submission's task, read when one is first asked for.
pub(crate) struct Task<'a> {
    metadata: &'a str,
    columns: &'a Columns,
}

/// The value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    Null,
    Truth(bool),
    Number(f64),
    Text(String),
    /// A list or an object, as JSON.
    Other(String),
}

impl<'a> Task<'a> {
    /// `columns` keeps what is read, for as long as the submission is judged.
    pub(crate) fn of(submission: &'a Submission, columns: &'a Columns) -> Self {
        Self { metadata: &submission.metadata, columns }
    }

    /// The value of a column, or of what a name with dots leads to; `None` where there is none.
    pub(crate) fn column(&self, name: &str) -> Option<Column> {
        // Metadata that is no object has no columns; the verifiers say what is wrong with it.
        let columns = self.columns.get_or_init(|| serde_json::from_str(self.metadata).unwrap_or_default());
        let column = follow(name, |name| columns.get(name).map(|column| &**column), raw_within)?;
        serde_json::from_str(column.get()).ok().map(Column::of)
    }
}

impl Task<'_> {
    /// What to say of the columns where there is none called `name`: the nearest, and those that there are.
    pub(crate) fn described(&self, name: &str) -> String {
        const MOST: usize = 10;
        let columns = self.columns.get().into_iter().flatten();
        let mut names: Vec<&str> = columns.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.is_empty() {
            return " (the task has none)".to_owned();
        }
        let near = closest(name, names.iter().copied());
        let near =
            near.map(|near| format!(", did you mean `{}`?", visible_name(near, 60))).unwrap_or_default();
        let more = if names.len() > MOST { ", …" } else { "" };
        let shown = names.iter().take(MOST).map(|name| format!("`{}`", visible_name(name, 60)));
        format!("{near} (there are {}{more})", shown.collect::<Vec<_>>().join(", "))
    }
}

impl Column {
    fn of(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Truth(truth),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Text(text),
            other => Self::Other(other.to_string()),
        }
    }

    /// What stands there, in a word or two.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Truth(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Other(_) => "a list or an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_lead_into_objects_unless_a_column_is_called_so() {
        let metadata = r#"{"a": {"b": {"c": 1.5}, "n": null}, "a.b": "text", "t": true, "l": [1]}"#;
        let submission = Submission { metadata: metadata.to_owned(), ..Submission::default() };
        let columns = Columns::new();
        let task = Task::of(&submission, &columns);
        for (name, column) in [
            ("a.b", Some(Column::Text("text".to_owned()))),
            ("a.b.c", Some(Column::Number(1.5))),
            ("a.n", Some(Column::Null)),
            ("t", Some(Column::Truth(true))),
            ("l", Some(Column::Other("[1]".to_owned()))),
            ("a.x", None),
            ("b", None),
        ] {
            assert_eq!(task.column(name), column, "{name}");
        }
        for metadata in ["", "[1]", "no JSON"] {
            let submission = Submission { metadata: metadata.to_owned(), ..Submission::default() };
            assert_eq!(Task::of(&submission, &Columns::new()).column("a"), None);
        }
    }
}
