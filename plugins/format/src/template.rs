//! The R1-Zero template: `<think>…</think><answer>…</answer>`, each tag exactly once, in order, nothing outside.
//!
//! One pass over the completion, and nothing is compiled, so a submission costs little more than its start.

use gavel_plugin::{Submission, Verdict};

use crate::Options;

/// Judges the completion by the template's rules; the reward is 1 when all hold.
pub(crate) fn verify(submission: &Submission, options: &Options) -> Verdict {
    let prefilled = options
        .prefilled_think
        .unwrap_or_else(|| submission.prompt().trim_end().ends_with(Tag::OpenThink.text()));
    let rules = Rules::read(submission.completion(), prefilled, options);
    let verdict = Verdict::right_if(rules.broken().is_none())
        .because(rules.broken().unwrap_or("follows the template"))
        .metric("think_once", rules.think_once)
        .metric("answer_once", rules.answer_once)
        .metric("ordered", rules.ordered)
        .metric("nothing_outside", rules.nothing_outside);
    if options.allow_empty == Some(false) { verdict.metric("not_empty", rules.not_empty) } else { verdict }
}

/// The tags, in the order of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    OpenThink,
    CloseThink,
    OpenAnswer,
    CloseAnswer,
}

impl Tag {
    const ALL: [Self; 4] = [Self::OpenThink, Self::CloseThink, Self::OpenAnswer, Self::CloseAnswer];

    fn text(self) -> &'static str {
        match self {
            Self::OpenThink => "<think>",
            Self::CloseThink => "</think>",
            Self::OpenAnswer => "<answer>",
            Self::CloseAnswer => "</answer>",
        }
    }
}

/// Every tag in `text` and where it starts, in order.
fn tags(text: &str) -> Vec<(Tag, usize)> {
    let tag = |at: usize| Tag::ALL.into_iter().find(|tag| text[at..].starts_with(tag.text()));
    text.match_indices('<').filter_map(|(at, _)| Some((tag(at)?, at))).collect()
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
        let tags = tags(completion);
        let times = |wanted: Tag| tags.iter().filter(|(tag, _)| *tag == wanted).count();
        let think_once = times(Tag::OpenThink) == usize::from(!prefilled) && times(Tag::CloseThink) == 1;
        let answer_once = times(Tag::OpenAnswer) == 1 && times(Tag::CloseAnswer) == 1;
        let ordered = think_once && answer_once && tags.is_sorted();
        let parts = ordered.then(|| Parts::cut(completion, &tags)).flatten();
        let blank: fn(&str) -> bool = if options.allow_whitespace.unwrap_or(true) {
            |text| text.trim().is_empty()
        } else {
            str::is_empty
        };
        Self {
            think_once,
            answer_once,
            ordered,
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

/// A completion, cut at its tags.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    /// Before, between and after the blocks.
    outside: [&'a str; 3],
    /// The thinking and the answer.
    inside: [&'a str; 2],
}

impl<'a> Parts<'a> {
    /// Cuts at tags that come in order; the first is missing where the prompt holds it.
    fn cut(completion: &'a str, tags: &[(Tag, usize)]) -> Option<Self> {
        let end = |&(tag, at): &(Tag, usize)| at + tag.text().len();
        let (before, start, rest) = match tags {
            [opening @ (Tag::OpenThink, at), rest @ ..] => (&completion[..*at], end(opening), rest),
            rest => ("", 0, rest),
        };
        let [close_think, open_answer, close_answer] = rest else { return None };
        Some(Self {
            outside: [before, &completion[end(close_think)..open_answer.1], &completion[end(close_answer)..]],
            inside: [&completion[start..close_think.1], &completion[end(open_answer)..close_answer.1]],
        })
    }
}
