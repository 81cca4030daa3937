//! Reads which choices a short text names: `B`, `(B)`, `**B.** Paris`, `A and C`, or the text of a choice.

use gavel_text::start_of;

use crate::dress::{closed, is_closing, plain, skip_to_mark, without_commands};
use crate::letters::{Letters, Mark, mark};
use crate::lists::{connector, is_joined_by_a_word, names_another, spans_to_another, trails_off};
use crate::rival::{goes_on_to_another, is_taken_back};
use crate::standing::{mark_at, stands_alone};
use crate::task::Task;

/// What a text says of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It names these.
    Letters(Letters),
    /// It leaves open which, or contradicts itself.
    Open,
}

/// How much of a text is read, in bytes, beyond the length of a choice.
const LONGEST: usize = 400;

/// What `text` names, starting at its first word; `None` when that is no choice.
pub(crate) fn read(text: &str, task: &Task) -> Option<Reading> {
    let text = start_of(text.trim_start(), LONGEST + task.longest());
    let first = text.lines().next().unwrap_or_default();
    // `\{A, C\}` is a set.
    let line = without_commands(&first.replace("\\{", "{").replace("\\}", "}"));
    let line = line.as_str();
    // `A dog` may be the text of a choice; `A` is a letter even where it is a text, such as a blood type.
    let is_text = line.chars().filter(|c| c.is_alphanumeric()).nth(1).is_some();
    if let Some(letter) = task.letter_of(first).or_else(|| task.letter_of(line)).filter(|_| is_text) {
        return Some(single(letter));
    }
    match letters(line, task) {
        Some(Reading::Letters(found)) if contradicts(line, found, task) => Some(Reading::Open),
        Some(reading) => Some(reading),
        None => choice_text(line, task).or_else(|| task.letter_of(text).map(single)),
    }
}

/// As [`read`], but for nothing beside the letters: no words before or after them, and capitals alone.
pub(crate) fn read_strictly(text: &str, task: &Task) -> Option<Reading> {
    let reading = read(text, task)?;
    let is_capital = |c| mark(c, task.script).is_some_and(|mark| !mark.is_small);
    let bare = without_commands(text);
    let mut said = bare.chars().filter(|c| c.is_alphanumeric());
    said.all(is_capital).then_some(reading)
}

/// Whether a text that reads as letters holds little else: the words that join them.
pub(crate) fn is_bare(text: &str, reading: Reading) -> bool {
    let letters = match reading {
        Reading::Letters(letters) => letters.count() as usize,
        Reading::Open => 4,
    };
    let said = without_commands(text).chars().filter(|c| c.is_alphanumeric()).count();
    said <= if letters == 1 { 1 } else { 4 * letters }
}

fn single(letter: char) -> Reading {
    Reading::Letters(Letters::from_iter([letter]))
}

/// The letters that a text starts with, one or a list of them.
fn letters(line: &str, task: &Task) -> Option<Reading> {
    let mut found = Letters::default();
    let mut rest = line;
    let mut is_open = false;
    loop {
        let (opened, at) = skip_to_mark(rest);
        let is_quoted = rest[..rest.len() - at.len()].contains(['\'', '‘', '’', '"', '“', '`', '′']);
        let Some((mark, after)) = mark_at(at, task) else {
            // Behind letters, it was no connector: `B and that is it`.
            return if found.count() == 0 { block(at, task) } else { finish(rest, found, is_open, task) };
        };
        let stands = || stands_alone(mark, opened, after) || has_own_text(mark, after, task);
        if found.count() == 0 && (is_primed(is_quoted, after) || !stands()) {
            return None;
        }
        found.insert(mark.letter);
        rest = closed(after);
        // `**B**erlin`, `(B)C`; but `(B)Rome` has its own text behind it.
        let is_closed = rest.len() < after.len();
        let goes_on = rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        if is_closed && goes_on && !has_own_text_behind(mark, rest, task) {
            return Some(Reading::Open);
        }
        match connector(rest, task) {
            Some((next, opens)) => {
                is_open |= opens;
                rest = next;
            }
            None => return finish(rest, found, is_open, task),
        }
    }
}

/// What a list of letters comes to, given what follows it.
fn finish(rest: &str, found: Letters, is_open: bool, task: &Task) -> Option<Reading> {
    // `The answer is B?` asks.
    if rest.trim_start().starts_with(['?', '？']) || is_taken_back(rest, found, task) {
        return None;
    }
    let open = is_open
        || trails_off(rest)
        || is_joined_by_a_word(rest, found, task)
        || names_another(rest, found, task)
        || goes_on_to_another(rest, found, task)
        || spans_to_another(rest, found, task);
    Some(if open { Reading::Open } else { Reading::Letters(found) })
}

/// `ACD` in one word, where several are right.
fn block(text: &str, task: &Task) -> Option<Reading> {
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let word = &text[..end];
    let fits = task.is_multiple()
        && word.len() > 1
        && word.chars().all(|c| task.letters.contains(c))
        && word.as_bytes().is_sorted_by(|left, right| left < right);
    fits.then(|| Reading::Letters(word.chars().collect()))
}

/// `B'` is another sign than `B`; in `'B'` the mark closes a quotation. A footnote says what is not read.
fn is_primed(is_quoted: bool, after: &str) -> bool {
    !is_quoted && after.starts_with(['\'', '’', '′', '″']) || after.starts_with("[^")
}

/// `b. 4`, `b - Rome`: a small letter with the text of its choice.
fn has_own_text(mark: Mark, after: &str, task: &Task) -> bool {
    let text = after.strip_prefix(" - ").or_else(|| after.strip_prefix(" – "));
    let text = text.unwrap_or_else(|| after.trim_start_matches(['.', ')', ':']));
    let letter = || task.letter_of(text.lines().next().unwrap_or_default());
    text.len() < after.len() && letter() == Some(mark.letter)
}

/// Whether a text starts with the one of the letter's choice, or the task does not say what its choices are.
fn has_own_text_behind(mark: Mark, rest: &str, task: &Task) -> bool {
    let place = ('A'..='Z').position(|letter| letter == mark.letter);
    let own = place.and_then(|place| task.texts.get(place)).filter(|text| !text.is_empty());
    own.is_none_or(|own| plain(rest).starts_with(own.as_str()))
}

/// Whether the text behind one letter is the text of another choice: `B) Paris` where Paris is A.
fn contradicts(line: &str, found: Letters, task: &Task) -> bool {
    if found.count() != 1 {
        return false;
    }
    let (_, at) = skip_to_mark(line);
    let Some((_, after)) = mark_at(at, task) else { return false };
    let text = closed(after).trim_start_matches(['.', ')', ':', '-', '–', '—', ' ', '：', '、']);
    task.letter_of(text.trim_end_matches(is_closing)).is_some_and(|letter| !found.contains(letter))
}

/// Whether the text of a choice ends where `rest` begins: no word and no formula goes on there.
fn ends_there(text: &str, rest: &str) -> bool {
    const OPERATORS: [char; 14] = ['+', '-', '*', '/', '=', '^', '_', '<', '>', '\\', '·', '×', '(', '['];
    let is_formula = text.contains(['\\', '^', '=', '+', '{']) || text.contains(|c: char| c.is_ascii_digit());
    let behind = if is_formula { rest.trim_start() } else { rest };
    let goes_on = is_formula && behind.starts_with(OPERATORS) || rest.starts_with(['(', '[', '{', '^']);
    !goes_on && !rest.starts_with(char::is_alphanumeric)
}

/// The choice whose text a line starts with, when the line names no other.
fn choice_text(line: &str, task: &Task) -> Option<Reading> {
    let said = plain(line);
    let starts = |text: &String| {
        said.strip_prefix(text.as_str())
            .is_some_and(|rest| rest.is_empty() || text.chars().count() > 2 && ends_there(text, rest))
    };
    let at = (0..task.texts.len()).filter(|&at| !task.texts[at].is_empty() && starts(&task.texts[at]));
    let at = at.max_by_key(|&at| task.texts[at].len())?;
    let letter = ('A'..='Z').nth(at)?;
    let rest = &said[task.texts[at].len()..];
    let names_other = (0..task.texts.len()).any(|other| {
        other != at && task.texts[other].chars().count() > 2 && rest.contains(&task.texts[other])
    });
    let is_twice = (0..task.texts.len()).any(|other| other != at && task.texts[other] == task.texts[at]);
    Some(if names_other || is_twice || names_another(rest, Letters::default(), task) {
        Reading::Open
    } else {
        single(letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letters::Script;

    fn task() -> Task {
        let texts = ["Paris", "Rome", "A dog", "None of the above"].map(plain).to_vec();
        Task {
            letters: Letters::first(4),
            texts,
            formulas: vec![String::new(); 4],
            expected: Letters::from_iter(['B']),
            script: Script::default(),
        }
    }

    fn named(text: &str) -> Option<Reading> {
        read(text, &task())
    }

    fn letters(letters: &str) -> Option<Reading> {
        Some(Reading::Letters(letters.chars().collect()))
    }

    #[test]
    fn a_letter_may_be_dressed() {
        for text in [
            "B",
            "'B'",
            "b. Rome",
            "B. Rome, for Paris is wrong",
            "B.",
            "B)",
            "(B)",
            "[B]",
            "**B**",
            "**(B)**",
            "\\text{B}",
            "\\textbf{(B)}",
            "$B$",
            "\\(B\\)",
            "option B",
            "Option (B)",
            "the letter B",
            "B) Rome",
            "B. Rome",
            "B: Rome",
            "B - Rome",
            "**B) Rome**",
            "B, because",
            "b",
            "(b)",
            "b)",
            "b.",
            "Ｂ",
            "ب",
            "Bです",
            "B。",
            "「B」",
            "B\n\nbecause of A",
            "Rome",
            "**Rome.**",
            "Rome, of course",
            "B is right and A is not",
            "\"B\"",
            "B!",
            "选项B",
            "B as well",
            "B (Rome)",
            "<B>",
        ] {
            assert_eq!(named(text), letters("B"), "{text}");
        }
    }

    #[test]
    fn words_are_no_letters() {
        for text in [
            "a good question",
            "A good question",
            "Berlin",
            "not B",
            "neither",
            "B's",
            "B+",
            "x",
            "E",
            "b is small",
            "B'",
            "B-.",
            "B[^1]",
            "B\u{e0043}",
            "B\u{332}",
            "B / not B",
            "B. Rome is wrong",
            "В",
            "",
            "?",
            "B?",
            "Be it",
            "A-level",
            "A.D. 5",
            "unknown",
            "BC",
            "5",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }

    #[test]
    fn lists_and_hedges_are_told_apart() {
        for text in [
            "A and C",
            "A, C",
            "A & C",
            "(A) and (C)",
            "A、C",
            "A C",
            "both A and C",
            "A, and C",
            "**A** and **C**",
        ] {
            assert_eq!(named(text), letters("AC"), "{text}");
        }
        for text in [
            "A or C",
            "A/C",
            "(A) or (C)",
            "either A or C",
            "A|C",
            "A或C",
            "A) Paris or B) Rome",
            "B) Paris",
            "Paris or Rome",
            "A-D",
            "A and/or B",
            "B or maybe D",
            "B, or (D)",
            "B ∨ C",
            "B:C",
            "B<C",
            "B..D",
            "B veya C",
            "B hoặc C",
            "B vs. C",
            "B ⇔ C",
            "B alebo D",
            "B, etc.",
            "B or else whichever",
            "B + 1",
            "**B**erlin",
        ] {
            assert_eq!(named(text), Some(Reading::Open), "{text}");
        }
    }

    #[test]
    fn an_article_belongs_to_a_text() {
        assert_eq!(named("A dog"), letters("C"));
        assert_eq!(named("A because it is"), letters("A"));
        assert_eq!(named("None of the above"), letters("D"));
    }
}
