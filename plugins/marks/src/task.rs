//! What a task says of how its checks look: what they compute, and what has to come out.

use gavel_plugin::{Error, Submission};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::expression::{self, Value};
use crate::form::Form;

/// What a check has to be to count as one.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// What each statement of a check has to come to; empty where checks are chains of `<`.
    pub(crate) goals: Vec<Value>,
    /// What the statements of a check begin with.
    pub(crate) forms: Option<Vec<Form>>,
    /// A check begins with a text that begins so.
    pub(crate) begins: Option<String>,
    /// A check uses exactly these numbers, ascending.
    pub(crate) numbers: Option<Vec<i64>>,
}

#[derive(Deserialize)]
struct Columns {
    goal: Option<Json>,
    target: Option<Json>,
    form: Option<String>,
    begins: Option<String>,
    numbers: Option<Vec<i64>>,
}

impl Task {
    /// Reads the task's columns.
    pub(crate) fn of(submission: &Submission) -> Result<Self, Error> {
        let columns: Columns = submission.metadata()?;
        let goals = match columns.goal.or(columns.target) {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Number(number)) => vec![goal(&number.to_string())?],
            Some(Json::String(text)) => text.split(',').map(goal).collect::<Result<_, _>>()?,
            Some(_) => return Err(invalid("goal", "is neither a number nor a text")),
        };
        let forms: Option<Vec<Form>> = columns.form.map(|form| form.split(',').map(Form::new).collect());
        if forms.as_ref().is_some_and(|forms| forms.len() != goals.len()) {
            return Err(invalid("form", "has another number of statements than `goal`"));
        }
        if goals.is_empty() && columns.numbers.is_none() {
            return Err(invalid(
                "goal",
                "is missing, and so are the `numbers` that a chain of < would order",
            ));
        }
        let numbers = columns.numbers.map(|mut numbers| {
            numbers.sort_unstable();
            numbers
        });
        Ok(Self { goals, forms, begins: columns.begins, numbers })
    }
}

fn goal(text: &str) -> Result<Value, Error> {
    let problem = |why| invalid("goal", &format!("is {text:?}, and {why}"));
    expression::value(text.trim()).map_err(problem)
}

fn invalid(column: &str, problem: &str) -> Error {
    Error::InvalidTask(format!("{column}: {problem}"))
}
