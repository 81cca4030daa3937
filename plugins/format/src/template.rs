//! The R1-Zero template: `<think>…</think><answer>…</answer>`, each tag exactly once, in order, nothing outside.
//!
//! Plain string search: nothing is compiled, so a submission costs little more than reading it.

use gavel_plugin::{Submission, Verdict};

use crate::Options;

const OPEN_THINK: &str = "<think>";
const CLOSE_THINK: &str = "</think>";
const OPEN_ANSWER: &str = "<answer>";
const CLOSE_ANSWER: &str = "</answer>";

/// Judges the completion by the template's rules; the reward is 1 when all hold.
pub(crate) fn verify(submission: &Submission, options: &Options) -> Verdict {
    let prefilled =
        options.prefilled_think.unwrap_or_else(|| submission.prompt().trim_end().ends_with(OPEN_THINK));
    let rules = Rules::read(submission.completion(), prefilled, options);
    let verdict = Verdict::right_if(rules.broken().is_none())
        .because(rules.broken().unwrap_or("follows the template"))
        .metric("think_once", rules.think_once)
        .metric("answer_once", rules.answer_once)
        .metric("ordered", rules.ordered)
        .metric("nothing_outside", rules.nothing_outside);
    if options.allow_empty == Some(false) { verdict.metric("not_empty", rules.not_empty) } else { verdict }
}

/// Which rules a completion keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rules {
    think_once: bool,
    answer_once: bool,
    ordered: bool,
    nothing_outside: bool,
    not_empty: bool,
}

impl Rules {
    fn read(completion: &str, prefilled: bool, options: &Options) -> Self {
        let once = |tag| completion.matches(tag).nth(1).is_none() && completion.contains(tag);
        let opened = if prefilled { !completion.contains(OPEN_THINK) } else { once(OPEN_THINK) };
        let think_once = opened && once(CLOSE_THINK);
        let answer_once = once(OPEN_ANSWER) && once(CLOSE_ANSWER);
        let parts = (think_once && answer_once).then(|| Parts::cut(completion, prefilled)).flatten();
        let blank: fn(&str) -> bool = if options.allow_whitespace.unwrap_or(true) {
            |text| text.trim().is_empty()
        } else {
            str::is_empty
        };
        Self {
            think_once,
            answer_once,
            ordered: parts.is_some(),
            nothing_outside: parts.is_some_and(|parts| parts.outside.into_iter().all(blank)),
            not_empty: options.allow_empty.unwrap_or(true)
                || parts.is_some_and(|parts| parts.inside.iter().all(|text| !text.trim().is_empty())),
        }
    }

    /// The first broken rule, for a person.
    fn broken(self) -> Option<&'static str> {
        [
            (self.think_once, "needs <think> and </think> exactly once each"),
            (self.answer_once, "needs <answer> and </answer> exactly once each"),
            (self.ordered, "needs <think>, </think>, <answer>, </answer> in this order"),
            (self.nothing_outside, "has text outside the two blocks"),
            (self.not_empty, "has an empty block"),
        ]
        .into_iter()
        .find_map(|(kept, broken)| (!kept).then_some(broken))
    }
}

/// A completion, cut at the four tags.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    /// Before, between and after the blocks.
    outside: [&'a str; 3],
    /// The thinking and the answer.
    inside: [&'a str; 2],
}

impl<'a> Parts<'a> {
    /// `None` when the tags do not come in order.
    fn cut(completion: &'a str, prefilled: bool) -> Option<Self> {
        let (before, rest) = if prefilled { ("", completion) } else { completion.split_once(OPEN_THINK)? };
        let (thinking, rest) = rest.split_once(CLOSE_THINK)?;
        let (between, rest) = rest.split_once(OPEN_ANSWER)?;
        let (answer, after) = rest.split_once(CLOSE_ANSWER)?;
        Some(Self { outside: [before, between, after], inside: [thinking, answer] })
    }
}
