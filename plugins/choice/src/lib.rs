//! Judges multiple-choice answers: finds the letters that a completion settles on and compares them with the task's.

mod dress;
mod letters;
mod line;
mod lists;
mod named;
mod phrase;
mod places;
mod reading;
mod rebuttal;
mod rival;
mod standing;
mod task;

use gavel_plugin::{Error, Submission, Verdict, Verifier, export};
use gavel_text::{after_thinking, end_of, shown, tasks, turns, visible};
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
        let text = shown(submission.completion());
        let text = visible(&text);
        if is_flood(&text) {
            return Ok(verdict(false, false, false).because("so many boxes that none is an answer"));
        }
        let parts = own_parts(&text, submission.prompt());
        let found =
            parts.into_iter().find_map(|part| places::answer(part, submission.prompt(), &task, options));
        Ok(match found {
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

/// Whether a long text opens more boxes than anything that is said has: each may reach to the end of the text, so reading them
/// would take more than a verdict may.
fn is_flood(text: &str) -> bool {
    /// From which length on a text may be one, in bytes.
    const LONG: usize = 20_000;
    const MOST_BOXES: usize = 500;
    text.len() >= LONG && text.matches("\\boxed").nth(MOST_BOXES).is_some()
}

/// How much of a part is searched, from its end, in bytes.
const FARTHEST_BACK: usize = 100_000;

/// What the policy says as its answer: without the thinking, and cut where the prompt is repeated, a turn ends, or a new
/// task starts. The first part that has an answer counts, for what runs on answers something else.
fn own_parts<'a>(text: &'a str, prompt: &str) -> Vec<&'a str> {
    /// A shorter prompt may well stand in an answer.
    const SHORTEST_PROMPT: usize = 20;
    let prompt = visible(prompt.trim());
    let mut parts = Vec::new();
    for turn in turns(text) {
        let said = after_thinking(turn);
        let said: Vec<&str> = match prompt.len() >= SHORTEST_PROMPT {
            true => said.splitn(MOST_REPEATS, &*prompt).collect(),
            false => vec![said],
        };
        parts.extend(said.into_iter().flat_map(tasks).map(|part| end_of(part, FARTHEST_BACK)));
    }
    parts
}

/// How many times the prompt may be repeated; what follows is one part.
const MOST_REPEATS: usize = 8;

fn verdict(has_answer: bool, correct: bool, open: bool) -> Verdict {
    Verdict::right_if(correct)
        .metric("has_answer", has_answer)
        .metric("correct", correct)
        .metric("open", open)
}

export!(Choice);
