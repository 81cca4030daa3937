//! What a program answered to the questions of one run.

use std::collections::{BTreeMap, BTreeSet};

use gavel_plugin::Error;
use gavel_plugin::interpreter::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::drivers::{self, Driver};
use crate::knowledge::{ObjectId, Question};
use crate::run::{Runner, is_limit, nonce, records, told};
use crate::value::{LETTERS_OF_AN_ITEM, TooStrange, Value, decode};

/// Items that all answers of a run may have together; beyond that they are wrong, whatever they are. An output of
/// 4 MiB can hold more than the plugin has memory and fuel for.
const MOST_ITEMS: usize = 300_000;

/// What came of one question.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Returned(Claim),
    /// It raised: the error's classes, the most particular first, and its text.
    Raised(Vec<ErrorClass>, String),
    /// The run ended before there was an answer; this says how.
    Ended(String),
}

/// A class of an error, by where it is found and not by what it calls itself: a module and a name in it.
///
/// `builtins` and the modules of the library are those that the interpreter came with, `solution` is the program. A class
/// that is found nowhere has no module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorClass(String, String);

impl ErrorClass {
    /// A class of Python itself.
    fn builtin(name: &str) -> Self {
        Self("builtins".to_owned(), name.to_owned())
    }
}

/// What a program says that it returned.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) value: Value,
    /// The arguments that it changed, and what they are now.
    pub(crate) changed: Vec<(usize, Value)>,
    /// The objects of the program that came up.
    pub(crate) state: Vec<Held>,
    /// The methods of their classes, behind the name of each.
    pub(crate) kinds: Vec<Vec<String>>,
    /// What the program printed meanwhile, to standard output and to standard error.
    pub(crate) printed: [String; 2],
    /// All of this as the program wrote it.
    json: Box<str>,
}

/// An object of the program and its attributes.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) object: ObjectId,
    /// The place of its class among [`Claim::kinds`].
    pub(crate) kind: usize,
    pub(crate) attributes: Vec<(String, Value)>,
}

impl Answer {
    /// A plain value and nothing else.
    #[cfg(test)]
    pub(crate) fn value(value: Value) -> Self {
        let json = value.literal().into();
        Self::Returned(Claim {
            value,
            changed: Vec::new(),
            state: Vec::new(),
            kinds: Vec::new(),
            json,
            printed: [const { String::new() }; 2],
        })
    }

    /// For people: why this is no value.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Returned(_) => None,
            Self::Raised(classes, text) => {
                let class = classes.first().map_or("an error", |ErrorClass(_, name)| name.as_str());
                Some(gavel_plugin::excerpt(&format!("raised {class}: {text}")))
            }
            Self::Ended(how) => Some(how.clone()),
        }
    }

    /// What it tells of an object, as a text.
    pub(crate) fn held(&self, object: ObjectId) -> Option<String> {
        let Self::Returned(claim) = self else { return None };
        let held = claim.state.iter().find(|held| held.object == object)?;
        let attributes =
            held.attributes.iter().map(|(name, value)| (name, value.literal())).collect::<Vec<_>>();
        Some(format!("{:?} {attributes:?}", claim.kinds.get(held.kind)?.first()))
    }

    /// The objects of the program in what was returned.
    pub(crate) fn returned(&self) -> BTreeSet<ObjectId> {
        let mut objects = BTreeSet::new();
        if let Self::Returned(claim) = self {
            claim.value.objects(&mut objects);
        }
        objects
    }

    /// The objects of the program that came up.
    pub(crate) fn objects(&self) -> BTreeSet<ObjectId> {
        let mut objects = self.returned();
        if let Self::Returned(claim) = self {
            objects.extend(claim.state.iter().map(|held| held.object));
        }
        objects
    }

    /// As [`agrees_with`](Self::agrees_with), also of what the object that comes with it holds.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        let held = |answer: &Self| match answer {
            Self::Returned(Claim { value: Value::Object(object, _), .. }) => answer.held(*object),
            _ => None,
        };
        self.agrees_with(other) && held(self) == held(other)
    }

    /// Whether the program says the same of the same question in two runs. Texts of errors and what is told of an
    /// ending may differ.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Returned(left), Self::Returned(right)) => {
                // Mostly they are the same to the letter, which spares writing both anew.
                left.json == right.json
                    || left.value.literal() == right.value.literal()
                        && left.changed.len() == right.changed.len()
                        && left.printed == right.printed
            }
            (Self::Raised(left, _), Self::Raised(right, _)) => left == right,
            (Self::Ended(_), Self::Ended(_)) => true,
            _ => false,
        }
    }
}

/// What a program answered.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// One for each question.
    pub(crate) answers: Vec<Answer>,
    /// Why the program itself, before any question, came to no good end.
    pub(crate) broken: Option<String>,
    /// Whether a limit cut the run.
    pub(crate) limited: bool,
    /// What they cost to read, in items.
    pub(crate) items: usize,
}

#[derive(Deserialize)]
struct Record {
    value: Option<Json>,
    #[serde(default)]
    changed: Vec<(usize, Json)>,
    #[serde(default)]
    state: Vec<(ObjectId, usize, Vec<(String, Json)>)>,
    #[serde(default)]
    kinds: Vec<Vec<String>>,
    #[serde(default)]
    printed: [String; 2],
    raised: Option<Vec<ErrorClass>>,
    #[serde(default)]
    text: String,
}

/// Runs the program and asks it everything in order.
pub(crate) fn ask(
    program: &str,
    driver: Driver,
    questions: &[Question],
    runner: &mut Runner<'_>,
) -> Result<Answers, Error> {
    ask_first(questions.len(), program, driver, questions, runner)
}

/// As [`ask`], but only so many of the questions. The program is run the very same way.
pub(crate) fn ask_first(
    count: usize,
    program: &str,
    driver: Driver,
    questions: &[Question],
    runner: &mut Runner<'_>,
) -> Result<Answers, Error> {
    let nonce = nonce();
    let outcome = if driver == Driver::Javascript {
        runner.run(drivers::execute_javascript(program, &nonce, &questions[..count]), Vec::new())?
    } else {
        let texts: Vec<String> = questions.iter().map(Question::text).collect();
        let source = drivers::execute(program, driver, &nonce, &texts);
        runner.run(source, drivers::stdin(&texts[..count]))?
    };
    Ok(Answers::of(&outcome, &nonce, count))
}

/// Asks these of the questions again, by their places, in a run without the others. Objects have the numbers that they
/// had with them.
pub(crate) fn ask_again(
    places: &[usize],
    program: &str,
    questions: &[Question],
    runner: &mut Runner<'_>,
) -> Result<Answers, Error> {
    let mut times = BTreeMap::new();
    let mut texts = Vec::new();
    for (place, text) in questions.iter().map(Question::text).enumerate() {
        let (before, asked) = times.entry(text.clone()).or_insert((0, 0));
        *before += 1;
        if places.binary_search(&place).is_ok() {
            *asked += 1;
            texts.push(if before == asked { text } else { format!("#{before} {text}") });
            *asked = *before;
        }
    }
    let nonce = nonce();
    let source = drivers::execute(program, Driver::Objects, &nonce, &texts);
    let outcome = runner.run(source, drivers::stdin(&texts))?;
    Ok(Answers::of(&outcome, &nonce, texts.len()))
}

impl Answers {
    /// Reads the records of a run that was asked so many questions.
    pub(crate) fn of(outcome: &Outcome, nonce: &str, questions: usize) -> Self {
        let records = records(&outcome.stdout, nonce);
        let ended = || Answer::Ended(told(outcome));
        let mut affordable = MOST_ITEMS;
        let mut answer = |number: usize| match records.get(&number) {
            None => ended(),
            Some(json) => {
                let parts = json.get().bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
                let weight = parts + json.get().len() / LETTERS_OF_AN_ITEM;
                match affordable.checked_sub(weight) {
                    Some(rest) => {
                        affordable = rest;
                        read(json.get())
                    }
                    None => strange("an answer too large to be compared"),
                }
            }
        };
        let broken = answer(0).failure().map(|why| format!("the program {why}"));
        let answers = (1..=questions).map(answer).collect();
        Self { answers, broken, limited: is_limit(&outcome.ending), items: MOST_ITEMS - affordable }
    }
}

fn strange(why: &str) -> Answer {
    Answer::Raised(vec![ErrorClass::builtin("ValueError")], why.to_owned())
}

fn read(json: &str) -> Answer {
    let Ok(record) = serde_json::from_str::<Record>(json) else {
        return strange("an answer that cannot be read");
    };
    if let Some(classes) = record.raised {
        return Answer::Raised(
            classes.into_iter().take(32).collect(),
            record.text.chars().take(200).collect(),
        );
    }
    claim(&record, json).map_or_else(|_| strange("an answer that cannot be read"), Answer::Returned)
}

fn claim(record: &Record, json: &str) -> Result<Claim, TooStrange> {
    let held = |(object, kind, attributes): &(ObjectId, usize, Vec<(String, Json)>)| {
        let attribute = |(name, json): &(String, Json)| Ok((name.clone(), decode(json)?));
        let attributes = attributes.iter().map(attribute).collect::<Result<_, TooStrange>>()?;
        let kind = Some(*kind).filter(|kind| *kind < record.kinds.len()).ok_or(TooStrange)?;
        Ok(Held { object: *object, kind, attributes })
    };
    Ok(Claim {
        value: decode(record.value.as_ref().unwrap_or(&Json::Null))?,
        changed: record
            .changed
            .iter()
            .map(|(index, json)| Ok((*index, decode(json)?)))
            .collect::<Result<_, _>>()?,
        state: record.state.iter().map(held).collect::<Result<_, _>>()?,
        kinds: record.kinds.clone(),
        printed: record.printed.clone(),
        json: json.into(),
    })
}
