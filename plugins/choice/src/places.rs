//! Finds where a completion states its answer, and what the statements come to.

use gavel_text::{
    braced, correction, is_crossed, is_disowned, is_in_attribute, is_led_astray, is_negated, is_seen,
    is_withdrawn, page, renamed, sentence_before,
};
use serde::Deserialize;

use crate::dress::{is_closing, skip_to_mark};
use crate::letters::Letters;
use crate::named;
use crate::reading::{Reading, read, read_strictly};
use crate::rebuttal::is_rebutted;
use crate::rival::names_a_rival;
use crate::standing::mark_at;
use crate::task::Task;
use crate::{Options, line, phrase};

/// A place where an answer may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// `<answer>…</answer>`.
    AnswerTag,
    /// `\boxed{…}`.
    Boxed,
    /// "The answer is …", "Answer: …" and the like in many languages.
    Phrase,
    /// A line that is a letter, or starts with one.
    Line,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AnswerTag => "<answer>",
            Self::Boxed => "\\boxed",
            Self::Phrase => "\"the answer is\"",
            Self::Line => "a line",
        })
    }
}

/// An answer that stands somewhere, from byte `start` to byte `end` or a little beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) reading: Reading,
}

/// What a completion comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It names these letters.
    Letters(Letters, Place),
    /// It names several, or takes back what it said.
    Open(Place),
}

/// Statements that are this near to each other, in bytes, are one answer; a change of mind takes more words.
const NEAR: usize = 24;
/// How many tags or boxes are read, from the end.
const MOST_PARTS: usize = 64;
/// The longest content of a box, in bytes.
const LONGEST_BOX: usize = 2_000;

/// The answer of the first place in `order` that has one.
pub(crate) fn answer(text: &str, prompt: &str, task: &Task, options: &Options) -> Option<Answer> {
    let (order, strict) = (&options.order, options.strict);
    // Statements of a place with less weight can take back what stands before them.
    let mut spoken =
        if order.contains(&Place::Phrase) && !strict { phrase::statements(text, task) } else { Vec::new() };
    while spoken.len() > 1
        && spoken.last().is_some_and(|last| {
            let is_supposed = text.get(last.start..last.end).is_some_and(|said| said.contains(" would "));
            is_supposed && is_of_another_task(&text[..last.start])
        })
    {
        spoken.pop();
    }
    for &place in order {
        let found = match place {
            Place::AnswerTag => enclosed(text, tags(text), task, strict),
            Place::Boxed => enclosed(text, boxes(text), task, strict),
            Place::Phrase if strict => strict_phrases(text, task),
            Place::Phrase => spoken.clone(),
            Place::Line => line::statements(text, task, strict),
        };
        let Some(last) = found.last() else { continue };
        let all_must_agree = matches!(place, Place::AnswerTag | Place::Boxed);
        let joined = if all_must_agree { join(&found, task) } else { settle(&found, last) };
        let spoken = spoken.iter().map(|it| (it.start, it.reading)).filter(|_| all_must_agree);
        let mut later = spoken.chain(line::bare(text, task)).filter(|(start, _)| *start > last.end);
        let behind = behind(text, last, joined, task);
        let taken_back = place != Place::Line && later.any(|(_, reading)| differs(reading, joined))
            || all_must_agree && is_disowned(&text[..last.start])
            || place == Place::Boxed && is_negated(before_box(&text[..last.start]))
            || is_withdrawn(behind)
            || place != Place::Line && becomes_another(behind)
            || place != Place::Line && !is_seen(&text[..last.start])
            || place == Place::Boxed && is_led_astray(before_box(&text[..last.start]), prompt)
            || is_crossed("", behind)
            || is_in_attribute(&text[..last.start], behind)
            || is_rebutted(text, &Statement { reading: joined, ..*last }, behind, task)
            || named::is_renamed(text, joined, task)
            || other_behind(behind, task).is_some_and(|other| differs(other, joined))
            || all_must_agree && contradicts(text, place, joined, order, task, strict);
        return Some(match joined {
            Reading::Letters(letters) if !taken_back => Answer::Letters(letters, place),
            _ => Answer::Open(place),
        });
    }
    None
}

/// Whether an arrow leads from an answer to the letter of another: `\\boxed{B} -> C`. What explains is no letter: `B → Rome`.
fn becomes_another(behind: &str) -> bool {
    const ARROWS: [&str; 9] = ["->", "-->", "=>", "~>", "→", "⇒", "\\to ", "\\rightarrow", "\\Rightarrow"];
    let rest = behind.trim_start_matches(|c: char| is_closing(c) || c == ' ' || c == '$');
    let Some(target) = ARROWS.iter().find_map(|arrow| rest.strip_prefix(arrow)) else { return false };
    let target = target.trim_start_matches([' ', '*', '(', '$']);
    let target = target.strip_prefix("\\boxed{").or_else(|| target.strip_prefix("\\text{")).unwrap_or(target);
    target.starts_with(|c: char| c.is_ascii_uppercase())
        && !target[1..].starts_with(|c: char| c.is_alphanumeric() || c == '\'')
}

/// Whether the sentence of a statement, cut off before it, is about what was not asked: `For France, the answer would be`.
fn is_of_another_task(before: &str) -> bool {
    let sentence = sentence_before(before).trim_start_matches(|c: char| !c.is_alphanumeric());
    let named = ["For ", "In "].iter().find_map(|start| sentence.strip_prefix(start));
    named.is_some_and(|named| {
        let (name, _) = named.split_once(',').unwrap_or(("", ""));
        name.starts_with(char::is_uppercase) && name.split(' ').count() <= 3
    })
}

/// What follows a statement, its letter left out where it is a part of the text and no tag or box.
fn behind<'t>(text: &'t str, last: &Statement, joined: Reading, task: &Task) -> &'t str {
    let rest = &text[last.end..];
    if let Some(rest) = rest.strip_prefix("</answer>") {
        return rest;
    }
    let (_, at) = skip_to_mark(rest);
    match mark_at(at, task) {
        Some((mark, after)) if !mark.is_small && names(joined, mark.letter) => after,
        _ => rest,
    }
}

/// The choice that the words behind an answer put in its place.
fn other_behind(behind: &str, task: &Task) -> Option<Reading> {
    // Chinese and Japanese write a copula onto the letter.
    let corrected = correction(behind);
    let other = renamed(behind).or_else(|| corrected.filter(|it| !it.is_ascii()));
    let by_letter = other.and_then(|other| read(other, task));
    let page = page(behind);
    by_letter
        .or_else(|| named::by_text(correction(&page)?, task))
        .or_else(|| named::confessed(behind, task))
        .or_else(|| named::asked_for(behind, task))
}

fn names(reading: Reading, letter: char) -> bool {
    matches!(reading, Reading::Letters(letters) if letters.contains(letter))
}

/// Whether the content of a tag or a box is another sign than its letter: `B!`, `B ❌`, `B≠`, `B minus`.
fn is_other_sign(part: &str) -> bool {
    const WORDS: [&str; 7] = ["minus", "plus", "prime", "star", "bar", "negated", "complement"];
    let part = part.trim_end_matches(|c: char| c.is_whitespace() || is_closing(c) || c == '.');
    let last = part.rsplit(' ').next().unwrap_or_default();
    part.ends_with(['!', '≠', '¬'])
        || is_crossed("", &part[part.len() - part.chars().next_back().map_or(0, char::len_utf8)..])
        || last != part && WORDS.contains(&last)
}

/// Whether a tag and a box name different letters, where both are places of an answer.
fn contradicts(
    text: &str,
    place: Place,
    joined: Reading,
    order: &[Place],
    task: &Task,
    strict: bool,
) -> bool {
    let other = match place {
        Place::AnswerTag if order.contains(&Place::Boxed) => enclosed(text, boxes(text), task, strict),
        Place::Boxed if order.contains(&Place::AnswerTag) => enclosed(text, tags(text), task, strict),
        _ => return false,
    };
    other.last().is_some_and(|other| differs(other.reading, joined))
}

/// What several statements that must agree come to. Where several choices are right, each may have its own.
fn join(found: &[Statement], task: &Task) -> Reading {
    let mut joined = None;
    for statement in found {
        joined = match (joined, statement.reading) {
            (None, reading) => Some(reading),
            (Some(Reading::Letters(left)), Reading::Letters(right)) if left == right => joined,
            (Some(Reading::Letters(left)), Reading::Letters(right)) if task.is_multiple() => {
                Some(Reading::Letters(left.union(right)))
            }
            _ => Some(Reading::Open),
        };
    }
    joined.unwrap_or(Reading::Open)
}

/// The last statement, unless another stands right before it.
fn settle(found: &[Statement], last: &Statement) -> Reading {
    let rivals = found.iter().rev().skip(1).take_while(|it| last.start <= it.end + NEAR);
    if rivals.into_iter().any(|it| differs(it.reading, last.reading)) { Reading::Open } else { last.reading }
}

fn differs(left: Reading, right: Reading) -> bool {
    matches!((left, right), (Reading::Letters(left), Reading::Letters(right)) if left != right)
}

/// Reads what stands in tags or boxes. What is no choice there says nothing: a box may hold a value.
fn enclosed<'a>(
    text: &str,
    parts: impl Iterator<Item = &'a str>,
    task: &Task,
    strict: bool,
) -> Vec<Statement> {
    let read = if strict { read_strictly } else { read };
    let statement = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        let inner = if strict { None } else { phrase::statements(part, task).last().map(|it| it.reading) };
        let reading = read(part, task).or(inner)?;
        // `\boxed{A` and `B}` on the next line.
        let lines = line::bare(part, task).map(|(_, reading)| Statement { start, end: start, reading });
        let lines: Vec<Statement> = lines.chain([Statement { start, end: start, reading }]).collect();
        let reading = match join(&lines, task) {
            Reading::Letters(found) if !strict && names_a_rival(part, found, task) => Reading::Open,
            Reading::Letters(_) if is_other_sign(part) => Reading::Open,
            Reading::Letters(_) if is_withdrawn(behind_letter(part, task)) => Reading::Open,
            reading => reading,
        };
        Some(Statement { start, end: start + part.len(), reading })
    };
    let parts: Vec<&str> = parts.collect();
    parts[parts.len().saturating_sub(MOST_PARTS)..].iter().copied().filter_map(statement).collect()
}

/// What stands before the command of the box whose content a text ends before.
fn before_box(text: &str) -> &str {
    text.rfind("\\boxed").map_or("", |at| &text[..at])
}

/// What stands in a tag or a box behind its letter.
fn behind_letter<'t>(part: &'t str, task: &Task) -> &'t str {
    mark_at(skip_to_mark(part).1, task).map_or("", |(_, after)| after)
}

/// The contents of tags; none where the last one is not closed, so that nothing before it can stand in for it. An
/// earlier one that is not closed ends where the next one opens, and what it says counts, too.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<&str> = text.split("<answer>").skip(1).collect();
    let is_closed = parts.last().is_some_and(|last| last.contains("</answer>"));
    let inner = |part: &'_ str| part.find("</answer>").unwrap_or(part.len());
    parts.into_iter().map(move |part| &part[..inner(part)]).filter(move |_| is_closed)
}

/// The contents of boxes; of the last, where there are very many.
fn boxes(text: &str) -> impl Iterator<Item = &str> {
    let mut found: Vec<usize> =
        text.rmatch_indices("\\boxed").take(2 * MOST_PARTS).map(|(at, _)| at).collect();
    found.reverse();
    found.into_iter().filter_map(|at| {
        let rest = text[at + "\\boxed".len()..].trim_start();
        braced(rest, LONGEST_BOX)
    })
}

/// `Answer: B` and nothing else on the line.
fn strict_phrases(text: &str, task: &Task) -> Vec<Statement> {
    let mut found = Vec::new();
    for line in text.lines() {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        let Some((_, answer)) = line.rsplit_once([':', '：']) else { continue };
        if phrase::statements(line, task).is_empty() {
            continue;
        }
        if let Some(reading) = read_strictly(answer, task) {
            found.push(Statement { start, end: start + line.len(), reading });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_nest() {
        assert_eq!(
            boxes(r"\boxed{\text{B}} or \boxed {C} boxed{D} \boxed{E").collect::<Vec<_>>(),
            [r"\text{B}", "C"]
        );
    }

    #[test]
    fn a_tag_that_is_not_closed_leaves_none() {
        assert_eq!(tags("<answer>A</answer> <answer>B</answer>").collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(tags("<answer>A</answer> <answer>B").count(), 0);
    }
}
