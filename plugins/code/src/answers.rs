//! What a program answered to the calls of one run.

use gavel_plugin::interpreter::Outcome;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::run::{is_limit, records, told};
use crate::value::{TooStrange, Value, decode};

/// What came of one call.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It returned this; with the arguments that it changed and what they are now.
    Returned(Value, Vec<(usize, Value)>),
    /// It raised: the names of the error's classes, the most particular first, and its text.
    Raised(Vec<String>, String),
    /// The run ended before there was an answer; this says how.
    Ended(String),
}

impl Answer {
    /// For people: why this is no value.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Returned(..) => None,
            Self::Raised(classes, text) => {
                let class = classes.first().map_or("an error", String::as_str);
                Some(gavel_plugin::excerpt(&format!("raised {class}: {text}")))
            }
            Self::Ended(how) => Some(how.clone()),
        }
    }
}

/// What a program answered.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// One for each call.
    pub(crate) calls: Vec<Answer>,
    /// Why the program itself, before any call, came to no good end.
    pub(crate) broken: Option<String>,
    /// Whether a limit cut the run.
    pub(crate) limited: bool,
}

#[derive(Deserialize)]
struct Record {
    value: Option<Json>,
    #[serde(default)]
    changed: Vec<(usize, Json)>,
    raised: Option<Vec<String>>,
    #[serde(default)]
    text: String,
}

impl Answers {
    /// Reads the records of a run that made so many calls.
    pub(crate) fn of(outcome: &Outcome, nonce: &str, calls: usize) -> Self {
        let records = records(&outcome.stdout, nonce);
        let ended = || Answer::Ended(told(outcome));
        let answer = |number: usize| records.get(&number).map_or_else(ended, |json| read(json.get()));
        let broken = answer(0).failure().map(|why| format!("the program {why}"));
        let calls = (1..=calls).map(answer).collect();
        Self { calls, broken, limited: is_limit(&outcome.ending) }
    }
}

fn read(json: &str) -> Answer {
    let strange =
        || Answer::Raised(vec!["ValueError".to_owned()], "an answer that cannot be read".to_owned());
    let Ok(record) = serde_json::from_str::<Record>(json) else { return strange() };
    if let Some(classes) = record.raised {
        return Answer::Raised(
            classes.into_iter().take(16).collect(),
            record.text.chars().take(200).collect(),
        );
    }
    let changed: Result<_, TooStrange> =
        record.changed.iter().map(|(index, json)| Ok((*index, decode(json)?))).collect();
    match (decode(&record.value.unwrap_or(Json::Null)), changed) {
        (Ok(value), Ok(changed)) => Answer::Returned(value, changed),
        _ => strange(),
    }
}
