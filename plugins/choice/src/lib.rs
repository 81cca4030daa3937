//! Judges multiple-choice answers: finds the letters that a completion settles on and compares them with the task's.

mod dress;
mod letters;
mod line;
mod phrase;
mod places;
mod reading;
mod rival;
mod task;
mod window;

use std::borrow::Cow;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use serde::Deserialize;

use letters::Letters;
use places::Answer;
pub use places::Place;
use task::Task;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The letters that an answer may name, `A-J` or `ABCD`; when left out, as many as the task has choices, or A to D.
    pub letters: Option<String>,
    /// Where the answer may stand; the first place that has one counts.
    pub order: Vec<Place>,
    /// The place holds the letter and nothing else.
    pub strict: bool,
    /// The reference is the number of the choice, counted from this.
    pub index_from: Option<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            letters: None,
            order: vec![Place::AnswerTag, Place::Boxed, Place::Phrase, Place::Line],
            strict: false,
            index_from: None,
        }
    }
}

/// The `choice` verifier.
#[derive(Debug)]
pub struct Choice;

impl Verifier for Choice {
    type Options = Options;
    const NAME: &str = "choice";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The completion settles on the letters of the right choices.";
    const METRICS: &[&str] = &["has_answer", "correct", "open"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        options.check()?;
        let task = Task::of(submission, options)?;
        let text = visible(own_text(submission));
        Ok(match places::answer(&text, &task, &options.order, options.strict) {
            Some(Answer::Letters(letters, place)) => {
                let correct = letters == task.expected;
                let relation = if correct { "is" } else { "is not" };
                verdict(true, correct, false)
                    .because(format!("{letters} (from {place}) {relation} {}", task.expected))
            }
            Some(Answer::Open(place)) => verdict(true, false, true)
                .because(format!("{place} leaves open which, or contradicts itself")),
            None => verdict(false, false, false).because("no answer that names a choice"),
        })
    }
}

impl Options {
    /// What a type cannot say.
    fn check(&self) -> Result<(), Error> {
        let refuse = |text: &str| Err(Error::InvalidOptions(text.to_owned()));
        if self.order.is_empty() {
            return refuse("order: names no place");
        }
        if self.index_from.is_some_and(|first| first > 1) {
            return refuse("index_from: must be 0 or 1");
        }
        match &self.letters {
            Some(letters) if Letters::parse(letters).is_none() => {
                refuse("letters: must be a range such as A-J or a list such as ABCD, of two letters or more")
            }
            _ => Ok(()),
        }
    }
}

/// What the policy says as its answer: without the prompt, where it was repeated, and without the thinking.
fn own_text(submission: &Submission) -> &str {
    /// A shorter prompt may well stand in an answer.
    const SHORTEST_PROMPT: usize = 20;
    let prompt = submission.prompt().trim();
    let text = submission.completion();
    let text = match text.rsplit_once(prompt) {
        Some((_, after)) if prompt.len() >= SHORTEST_PROMPT => after,
        _ => text,
    };
    match text.rsplit_once("</think>") {
        Some((_, after)) => after,
        // Cut off while it was thinking.
        None if text.trim_start().starts_with("<think>") => "",
        None => text,
    }
}

/// The text as it is seen: nothing invisible in it, and plain white space, so that neither can keep letters apart.
fn visible(text: &str) -> Cow<'_, str> {
    let is_invisible = |c: char| {
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let is_odd = |c: char| c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r');
    if !text.contains(|c| is_invisible(c) || is_odd(c)) {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|&c| !is_invisible(c));
    Cow::Owned(seen.map(|c| if is_odd(c) { ' ' } else { c }).collect())
}

fn verdict(has_answer: bool, correct: bool, open: bool) -> Verdict {
    Verdict::right_if(correct)
        .metric("has_answer", has_answer)
        .metric("correct", correct)
        .metric("open", open)
}

export!(Choice);
