//! What the task says: its choices and which of them are right.

use gavel_plugin::{Error, Submission, excerpt};
use gavel_text::start_of;
use serde::Deserialize;
use serde_json::Value;

use crate::Options;
use crate::dress::{formula, plain, spelt};
use crate::letters::{Letters, Script, lists_in_cyrillic, writes};
use crate::reading::{Reading, read};

/// How much of a completion tells in which script it is written, in bytes.
const FARTHEST: usize = 20_000;
/// How much may be written around the text of a choice, in bytes.
const LONGEST_DRESS: usize = 400;

/// A question's choices, and the letters of those that are right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Task {
    /// The letters that an answer may name.
    pub(crate) letters: Letters,
    /// The texts of the choices in the order of their letters, in plain spelling; empty when they are not known.
    pub(crate) texts: Vec<String>,
    /// The texts in the spelling in which formulas are compared.
    pub(crate) formulas: Vec<String>,
    /// The letters of the right choices.
    pub(crate) expected: Letters,
    /// How choices are named in the completion.
    pub(crate) script: Script,
}

#[derive(Deserialize)]
struct Columns {
    choices: Option<Value>,
    options: Option<Value>,
}

impl Task {
    pub(crate) fn of(submission: &Submission, options: &Options) -> Result<Self, Error> {
        let Columns { choices, options: column } = submission.metadata()?;
        let choices = match (choices, column) {
            (Some(choices), _) => Choices::read(&choices, "choices")?,
            (None, Some(column)) => Choices::read(&column, "options")?,
            (None, None) => Choices::default(),
        };
        let letters = match &options.letters {
            Some(letters) => Letters::parse(letters).ok_or_else(|| {
                Error::InvalidOptions(format!(
                    "letters: {:?} is neither a range such as A-J nor a list such as ABCD",
                    excerpt(letters)
                ))
            })?,
            None if choices.texts.is_empty() => Letters::first(4),
            None => Letters::first(choices.texts.len()),
        };
        let written = |script: std::ops::RangeInclusive<char>| {
            writes(submission.prompt(), script.clone())
                || writes(start_of(submission.completion(), FARTHEST), script)
        };
        let script = Script {
            digits: choices.by_digits,
            cyrillic: lists_in_cyrillic(submission.prompt()),
            writes_cyrillic: written('а'..='я'),
            writes_greek: written('ά'..='ώ'),
        };
        let formulas = choices.texts.iter().map(|text| spelt(text)).collect();
        let texts = choices.texts;
        let mut task = Self { letters, texts, formulas, expected: Letters::default(), script };
        task.expected = task.expected(submission.reference()?, options)?;
        Ok(task)
    }

    /// Whether several choices are right.
    pub(crate) fn is_multiple(&self) -> bool {
        self.expected.count() > 1
    }

    /// The length of the longest text of a choice, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.texts.iter().map(String::len).max().unwrap_or(0)
    }

    /// The letter of the choice with exactly this text, if one and only one has it.
    pub(crate) fn letter_of(&self, text: &str) -> Option<char> {
        // No text of a choice is that much longer for its dress.
        if self.texts.is_empty() || text.len() > 4 * self.longest() + LONGEST_DRESS {
            return None;
        }
        let words = plain(text);
        only_one(&self.texts, &words).or_else(|| only_one(&self.formulas, &formula(&words)))
    }

    fn expected(&self, reference: &str, options: &Options) -> Result<Letters, Error> {
        let parts: Vec<String> = match serde_json::from_str::<Vec<String>>(reference) {
            Ok(parts) => parts,
            Err(_) => vec![reference.to_owned()],
        };
        let mut expected = Letters::default();
        for part in &parts {
            let letters = self.letters_of(part.trim(), options).filter(|letters| letters.count() > 0);
            let letters = letters.ok_or_else(|| {
                Error::InvalidTask(format!(
                    "reference: {:?} names no choice: write its letter (of {}; see the option letters), its text, or \
                     its number with the option index_from",
                    excerpt(part),
                    self.letters
                ))
            })?;
            expected = expected.union(letters);
        }
        if expected.count() == 0 || !expected.is_within(self.letters) {
            return Err(Error::InvalidTask(format!(
                "reference: {:?} is not among the letters {}; see the option letters",
                excerpt(reference),
                self.letters
            )));
        }
        Ok(expected)
    }

    /// What one part of a reference names.
    fn letters_of(&self, part: &str, options: &Options) -> Option<Letters> {
        if let (Some(first), Ok(number)) = (options.index_from, part.parse::<usize>()) {
            let letter = ('A'..='Z').nth(number.checked_sub(usize::from(first))?)?;
            return Some(Letters::from_iter([letter]));
        }
        // `ACD`, as Chinese datasets write several.
        let is_block = part.len() > 1 && part.chars().all(|c| self.letters.contains(c));
        if is_block && part.as_bytes().is_sorted_by(|left, right| left < right) {
            return Some(part.chars().collect());
        }
        match read(part, self) {
            Some(Reading::Letters(letters)) => Some(letters),
            _ => self.letter_of(part).map(|letter| Letters::from_iter([letter])),
        }
    }
}

/// The letter of the only text that is `wanted`.
fn only_one(texts: &[String], wanted: &str) -> Option<char> {
    let mut same = (0..texts.len()).filter(|&at| !wanted.is_empty() && texts[at] == wanted);
    match (same.next(), same.next()) {
        (Some(at), None) => ('A'..='Z').nth(at),
        _ => None,
    }
}

/// The choices of a task, in any of the forms that datasets have.
#[derive(Debug, Default)]
struct Choices {
    texts: Vec<String>,
    by_digits: bool,
}

impl Choices {
    /// `["x", "y"]` (MMLU), `{"text": […], "label": […]}` (ARC), `{"A": "x"}` (MedQA), `[{"A": "x"}, …]` (NeMo Gym).
    fn read(column: &Value, name: &str) -> Result<Self, Error> {
        let found = match column {
            Value::Null => Some(Vec::new()),
            Value::Array(items) => items.iter().enumerate().map(|(at, item)| labelled(at, item)).collect(),
            Value::Object(map) => match (map.get("label"), map.get("text")) {
                (Some(Value::Array(labels)), Some(Value::Array(texts))) if labels.len() == texts.len() => {
                    labels
                        .iter()
                        .zip(texts)
                        .map(|(label, text)| Some((text_of(label)?, text_of(text)?)))
                        .collect()
                }
                _ => map.iter().map(|(label, text)| Some((label.clone(), text_of(text)?))).collect(),
            },
            _ => None,
        };
        let found: Vec<(String, String)> = found.filter(|found| found.len() <= 26).ok_or_else(|| {
            Error::InvalidTask(format!(
                "{name}: must be a list of at most 26 texts, or an object of texts by their letters"
            ))
        })?;
        let by_digits = !found.is_empty() && found.iter().all(|(label, _)| label.parse::<u8>().is_ok());
        let in_order = found.iter().enumerate().all(|(at, (label, _))| {
            let letter =
                ('A'..='Z').nth(at).is_some_and(|letter| label.eq_ignore_ascii_case(&letter.to_string()));
            letter || label.parse() == Ok(at + 1)
        });
        if !in_order {
            return Err(Error::InvalidTask(format!(
                "{name}: the labels must be A, B, C, … or 1, 2, 3, … in their order"
            )));
        }
        Ok(Self { texts: found.iter().map(|(label, text)| without_label(label, text)).collect(), by_digits })
    }
}

/// A text, or an object of one text by its letter.
fn labelled(at: usize, item: &Value) -> Option<(String, String)> {
    match item {
        Value::Object(map) if map.len() == 1 => {
            let (label, text) = map.iter().next()?;
            Some((label.clone(), text_of(text)?))
        }
        _ => Some((('A'..='Z').nth(at)?.to_string(), text_of(item)?)),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Some datasets write the label into the text, `A) Paris`.
fn without_label(label: &str, text: &str) -> String {
    let text = text.trim();
    let bare = text.trim_start_matches('(');
    let rest = bare.strip_prefix(label).and_then(|rest| rest.strip_prefix([')', '.', ':']));
    plain(rest.unwrap_or(text))
}
