//! Cuts the answer out of a completion. How it is compared is said elsewhere.

use std::fmt;

use serde::Deserialize;

use crate::normalize::normalized;
use crate::{
    after_thinking, braced, correction, is_blank, is_block_disowned, is_crossed, is_disowned,
    is_in_attribute, is_negated, is_withdrawn, start_of, turns,
};

/// A place where an answer may stand. In each, the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// All of the completion.
    Whole,
    /// `<answer>…</answer>`.
    AnswerTag,
    /// `\boxed{…}`, without a `\text{…}` around all of it.
    Boxed,
    /// `Answer: …` or `the answer is …`, to the end of the line.
    FinalAnswer,
    /// The last line that is not empty.
    LastLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "the completion",
            Self::AnswerTag => "<answer>",
            Self::Boxed => "\\boxed",
            Self::FinalAnswer => "\"answer:\"",
            Self::LastLine => "the last line",
        })
    }
}

/// The answer and where it stood: the first place in `order` that has one that is not empty.
pub fn answer<'a>(completion: &'a str, order: &[Place]) -> Option<(&'a str, Place)> {
    let text = after_thinking(completion);
    let text = turns(text).first().copied().unwrap_or(text);
    let (found, place) = order.iter().copied().find_map(|place| Some((find(text, place)?, place)))?;
    (!is_taken_back(text, found, place, order)).then_some((found, place))
}

/// What stands in a place.
fn find(text: &str, place: Place) -> Option<&str> {
    let found = match place {
        Place::Whole => Some(text),
        Place::AnswerTag => answer_tag(text),
        Place::Boxed => boxed(text),
        Place::FinalAnswer => final_answer(text),
        Place::LastLine => text.lines().rfind(|line| !line.trim().is_empty()),
    };
    found.map(str::trim).filter(|found| !is_blank(found))
}

/// Whether a text does not stand by the answer that it announces: "Let me pretend the answer is", "Just kidding", "Edit:
/// London"; or announces another one in a tag or a box.
fn is_taken_back(text: &str, found: &str, place: Place, order: &[Place]) -> bool {
    /// Longer ones explain, and name no answer.
    const MOST_WORDS: usize = 4;
    let start = found.as_ptr() as usize - text.as_ptr() as usize;
    let behind = &text[start + found.len()..];
    let closed = behind.trim_start_matches(['}', ' ', '\n', '$', '.']);
    let behind = closed.strip_prefix("</answer>").unwrap_or(behind);
    let is_announced = !matches!(place, Place::Whole | Place::LastLine);
    if !is_announced {
        return place == Place::LastLine && is_block_disowned(&text[..start]);
    }
    let is_other = |other: &str| {
        let other = other.trim_matches(|c: char| !c.is_alphanumeric());
        !other.is_empty()
            // `That is correct.`
            && !["correct", "right", "true", "all", "it", "so"].contains(&other)
            && other.split_whitespace().count() <= MOST_WORDS
            && normalized(other, false) != normalized(found, false)
    };
    let elsewhere = || {
        let others = [Place::AnswerTag, Place::Boxed, Place::FinalAnswer];
        let others = others.into_iter().filter(|other| *other != place && order.contains(other));
        others.filter_map(|other| find(if other == Place::FinalAnswer { behind } else { text }, other))
    };
    is_disowned(&text[..start])
        || place == Place::Boxed && is_disowned(before_box(&text[..start]))
        || place == Place::Boxed && is_negated(before_box(&text[..start]))
        || is_withdrawn(behind)
        || is_crossed(before_box(&text[..start]), behind)
        || is_in_attribute(&text[..start], &text[start..])
        || rules_for_another(behind, is_other)
        || correction(behind).is_some_and(is_other)
        || elsewhere().any(is_other)
}

/// What stands before the command of the box whose content a text ends before.
fn before_box(text: &str) -> &str {
    text.rfind("\\boxed").filter(|at| text.len() - at < 40).map_or(text, |at| &text[..at])
}

/// Whether a clause near behind an answer calls another one right: `London is right`.
fn rules_for_another(behind: &str, is_other: impl Fn(&str) -> bool) -> bool {
    const RULINGS: [&str; 6] = [
        " is right",
        " is correct",
        " is the right one",
        " is the answer",
        " is the correct answer",
        " is what i mean",
    ];
    const MEANT: [&str; 8] =
        ["that", "this", "it", "which", "the above", "my answer", "the answer", "everything"];
    let near = start_of(behind, 200);
    near.split(['.', ';', ',', '!', '\n']).any(|clause| {
        let clause = clause.trim();
        let lowered = clause.to_ascii_lowercase();
        let subject = RULINGS.iter().find_map(|ruling| lowered.strip_suffix(ruling));
        subject.is_some_and(|subject| !MEANT.contains(&subject) && is_other(&clause[..subject.len()]))
    })
}

/// One that is not closed counts as none, so that nothing before it can stand in for it.
fn answer_tag(text: &str) -> Option<&str> {
    text.rsplit_once("<answer>")?.1.split_once("</answer>").map(|(answer, _)| answer)
}

fn boxed(text: &str) -> Option<&str> {
    let (_, after) = text.rsplit_once("\\boxed")?;
    let mut found = braced(after.trim_start(), LONGEST_BOX)?.trim();
    while let Some(rest) = ["\\text", "\\mathrm", "\\textbf"].iter().find_map(|it| found.strip_prefix(it)) {
        match braced(rest, LONGEST_BOX) {
            Some(inner) if inner.len() + 2 == rest.len() => found = inner.trim(),
            _ => break,
        }
    }
    Some(found)
}

/// The longest content of a box, in bytes.
const LONGEST_BOX: usize = 20_000;

fn final_answer(text: &str) -> Option<&str> {
    const MARKS: [&str; 4] = [":", "：", "**:", " is"];
    // Few letters are as rare as the `w` of "answer".
    text.rmatch_indices(['w', 'W']).find_map(|(at, _)| {
        let word = text.get(at.checked_sub("ans".len())?..at + "wer".len())?;
        let rest = text[at + "wer".len()..].trim_start_matches([' ', '\t']);
        let spaced = &text[at + "wer".len()..];
        let mark = MARKS
            .into_iter()
            .find_map(|mark| rest.strip_prefix(mark).or_else(|| spaced.strip_prefix(mark)))?;
        let line = mark.trim_start_matches(':').lines().next().unwrap_or_default();
        let answer = line.trim().trim_matches('*').trim();
        // "If the answer is" and "the wrong answer is" announce nothing.
        (word.eq_ignore_ascii_case("answer") && !is_disowned(&text[..at + "wer".len()]))
            .then(|| answer.strip_suffix('.').unwrap_or(answer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, place: Place) -> Option<&str> {
        answer(text, &[place]).map(|(found, _)| found)
    }

    #[test]
    fn the_last_one_counts() {
        assert_eq!(found("<answer>a</answer><answer> b </answer>", Place::AnswerTag), Some("b"));
        assert_eq!(found("<answer>a</answer><answer>b", Place::AnswerTag), None);
        assert_eq!(found(r"\boxed{a} \boxed{\text{b {c}}}", Place::Boxed), Some("b {c}"));
        assert_eq!(found(r"\boxed{a", Place::Boxed), None);
        assert_eq!(found("Answer: a\nFinal answer: b.\n", Place::FinalAnswer), Some("b"));
        assert_eq!(found("a\nb\n\n", Place::LastLine), Some("b"));
    }

    #[test]
    fn an_answer_is_announced_in_several_ways() {
        for text in ["**Answer:** b", "**Answer**: b", "ANSWER : b", "The answer is b.", "答え Answer：b"]
        {
            assert_eq!(found(text, Place::FinalAnswer), Some("b"), "{text}");
        }
        for text in
            ["I cannot answer this", "I cannot answer: b", "The wrong answer is b", "If the answer is b"]
        {
            assert_eq!(found(text, Place::FinalAnswer), None, "{text}");
        }
        for text in [
            "<answer>b</answer> Just kidding.",
            "Pretend it is <answer>b</answer>",
            "<answer>b</answer>\nThat is wrong.",
        ] {
            assert_eq!(found(text, Place::AnswerTag), None, "{text}");
        }
    }

    #[test]
    fn thinking_is_no_answer() {
        assert_eq!(found("<think>a</think>\n b ", Place::Whole), Some("b"));
        assert_eq!(found("<think>a</think>\n ", Place::Whole), None);
        assert_eq!(found("<think>or <answer>a</answer>", Place::AnswerTag), None);
    }
}
