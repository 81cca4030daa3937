//! What to say of a row that has no column for a part of a submission: which one is probably meant, and how to say so.

use std::fmt;

use gavel_files::closest;
use gavel_wire::{Part, Row, RowError};

/// What data sets call a part, the most usual first.
fn other_names(part: Part) -> &'static [&'static str] {
    match part {
        Part::Prompt => &["question", "problem", "input", "instruction", "query", "messages"],
        Part::Completion => &["response", "output", "generation", "prediction", "answer", "messages"],
        Part::Reference => &[
            "answer",
            "ground_truth",
            "solution",
            "label",
            "gold",
            "expected",
            "final_answer",
            "reward_model.ground_truth",
        ],
    }
}

/// The column of a row that is most likely meant to be the part.
pub fn likely(part: Part, row: &Row) -> Option<&'static str> {
    other_names(part).iter().copied().find(|other| row.find(other).is_some())
}

/// How to say which of the columns of a row is the part, where none is called `asked`: the one whose name is nearly that,
/// the one that is most likely meant, or `NAME`.
pub fn advice(part: Part, row: &Row, asked: &str) -> String {
    let name = part.name();
    let near = (asked != name).then(|| nearest(row, asked)).flatten();
    match (near, likely(part, row)) {
        (Some(near), _) => format!("did you mean `--{name}-column {near}`?"),
        (None, Some(likely)) => format!("if it is `{likely}`, say `--{name}-column {likely}`"),
        (None, None) => format!("`--{name}-column NAME` says which one it is"),
    }
}

/// What is wrong with a row, and what to do about it.
pub fn with_advice<'a>(error: &'a RowError, row: &'a Row) -> impl fmt::Display + 'a {
    fmt::from_fn(move |f| match error {
        RowError::Missing { part, names, .. } => {
            write!(f, "{error}; {}", advice(*part, row, names.first()))
        }
        error => write!(f, "{error}"),
    })
}

/// The name of a column, or of a place within one, that is nearly the one that was asked for.
pub(crate) fn nearest(row: &Row, asked: &str) -> Option<String> {
    if let Some((object, entry)) = asked.rsplit_once('.')
        && let Some(entries) = row.entries(object)
    {
        return closest(entry, entries.iter().map(String::as_str)).map(|entry| format!("{object}.{entry}"));
    }
    closest(asked, row.own_names()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use gavel_wire::Columns;

    use super::*;

    #[test]
    fn a_column_that_is_missing_is_said_with_what_may_be_it() {
        for (line, expected) in [
            (
                r#"{"completion": "", "question": "?"}"#,
                "no `prompt`: its columns are `completion`, `question`; if it is `question`, say `--prompt-column question`",
            ),
            (
                r#"{"prompt": ""}"#,
                "no `completion`: its columns are `prompt`; `--completion-column NAME` says which one it is",
            ),
            ("{}", "no `prompt`: it has no columns; `--prompt-column NAME` says which one it is"),
            (
                r#"{"prompt": 1, "completion": ""}"#,
                "`prompt` is neither a string nor a list of messages with `role` and `content`",
            ),
        ] {
            let row = Row::parse(line).unwrap();
            let error = row.submission(&Columns::default()).unwrap_err();
            assert_eq!(with_advice(&error, &row).to_string(), expected, "for {line}");
        }
    }
}
