//! What is said behind a letter of the other choices, so that the letter is no longer the answer: another one is called
//! right as well, or instead; the text of another one stands in its place; it is called false.

use gavel_text::start_of;

use crate::dress::{closed, is_closing, skip_to_mark, strip_folded};
use crate::letters::Letters;
use crate::places::Statement;
use crate::reading::Reading;
use crate::standing::{is_word, mark_at};
use crate::task::Task;

/// How far behind a letter the others are looked for, in bytes.
const NEAR: usize = 160;
/// How many clauses are looked at.
const MOST_CLAUSES: usize = 4;

/// Whether the text behind a statement of letters speaks for another choice, or against these.
pub(crate) fn is_rebutted(text: &str, statement: &Statement, behind: &str, task: &Task) -> bool {
    let Reading::Letters(found) = statement.reading else { return false };
    let near = start_of(behind, NEAR);
    if !near.contains(char::is_alphanumeric) {
        return false;
    }
    let is_in_tag = text[statement.end..].starts_with("</answer>");
    !is_in_tag && has_other_text(near, found, task)
        || is_shared(near, found, task)
        || is_called_false(near, found, task)
        || speaks_for_another(near, found, task)
}

/// Whether one of the next clauses prefers another choice; `Actually, C is correct` has its first word before a comma.
fn speaks_for_another(behind: &str, found: Letters, task: &Task) -> bool {
    let mut is_correction = false;
    for clause in clauses(without_own_text(behind, found, task)) {
        if prefers_another(clause, is_correction, found, task) {
            return true;
        }
        is_correction =
            ["actually", "correction", "edit"].iter().any(|word| clause.eq_ignore_ascii_case(word));
    }
    false
}

/// Whether the text of another choice stands right behind a letter and ends its clause: `B (Venus)`, `B, which is Mars`.
fn has_other_text(behind: &str, found: Letters, task: &Task) -> bool {
    const LEADS: [&str; 5] = ["which is ", "that is ", "namely ", "i.e. ", "i.e., "];
    let rest =
        behind.trim_start_matches(|c: char| is_closing(c) || c.is_whitespace() || ",:-–—(".contains(c));
    let rest = LEADS.iter().find_map(|lead| rest.strip_prefix(lead)).unwrap_or(rest);
    let is_own = |letter: char| found.contains(letter);
    let longest = |own: bool| {
        let texts = ('A'..='Z').zip(&task.texts).filter(|(letter, _)| is_own(*letter) == own);
        texts.filter(|(_, text)| strip_folded(rest, text).is_some()).map(|(_, text)| text.len()).max()
    };
    let Some(other) = longest(false) else { return false };
    let is_telling =
        rest.get(..other).is_some_and(|text| text.chars().filter(|c| c.is_alphabetic()).count() > 1);
    is_telling
        && longest(true).is_none_or(|own| own < other)
        && ends_clause(rest.get(other..).unwrap_or_default())
}

/// Whether a clause ends where a text starts; the point of `5.2` ends none.
fn ends_clause(rest: &str) -> bool {
    let mut characters = rest.trim_start_matches(['*', '"', '”']).chars();
    match characters.next() {
        None | Some(')' | ';' | '!' | '\n' | ']') => true,
        Some('.') => characters.next().is_none_or(char::is_whitespace),
        _ => false,
    }
}

/// Whether the letters share the answer with another: `B (30%), C (70%)`, `B…C…D`, `B = C`.
fn is_shared(behind: &str, found: Letters, task: &Task) -> bool {
    let line = behind.lines().next().unwrap_or_default();
    let Some(at) = line.find(char::is_alphabetic) else { return false };
    let between = &line[..at];
    let parts = between.contains(['%', '…', '=']) || between.contains("...");
    parts && other_at(&line[at..], found, task).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Whether a letter is called false, and false is no choice: `B (false)`, `B. False.`
fn is_called_false(behind: &str, found: Letters, task: &Task) -> bool {
    if task.texts.is_empty() || task.texts.iter().any(|text| text.contains("false")) {
        return false;
    }
    let rest = without_own_text(behind, found, task);
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    strip_folded(rest, "false").is_some_and(ends_clause)
}

/// What stands behind the text of the choice itself.
fn without_own_text<'t>(behind: &'t str, found: Letters, task: &Task) -> &'t str {
    let rest = behind.trim_start_matches(|c: char| is_closing(c) || " .,:-–—(".contains(c));
    let own =
        ('A'..='Z').zip(&task.texts).filter(|(letter, text)| found.contains(*letter) && !text.is_empty());
    let after = own.filter_map(|(_, text)| strip_folded(rest, text)).min_by_key(|after| after.len());
    after.unwrap_or(behind)
}

/// The first clauses of a text.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| matches!(c, '\n' | ';' | '!' | '?' | ',' | '。' | '，');
    text.split(ends)
        .flat_map(|part| part.split(". "))
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .take(MOST_CLAUSES)
}

/// Whether a clause calls another choice right as well or instead: `But it could also be D`, `C is just as good`, `C is
/// the right one`, `today it is C`, `likewise A`.
fn prefers_another(clause: &str, is_correction: bool, found: Letters, task: &Task) -> bool {
    /// Whoever speaks so speaks of what others think, or gives a reason.
    const OTHERS: [&str; 16] = [
        "not",
        "if",
        "unless",
        "why",
        "because",
        "since",
        "think",
        "thinks",
        "thought",
        "say",
        "claim",
        "believe",
        "wrong",
        "incorrect",
        "although",
        "cannot",
    ];
    const JOINTS: [&str; 12] = [
        "it is",
        "it's",
        "it was",
        "could be",
        "could also be",
        "might be",
        "might also be",
        "may be",
        "may also be",
        "could just as well be",
        "likewise",
        "else",
    ];
    const RULINGS: [&str; 12] = [
        "is also correct",
        "is also right",
        "is also possible",
        "is just as good",
        "is equally good",
        "is as good",
        "is the right one",
        "is the correct one",
        "is the right answer",
        "is the correct answer",
        "is right",
        "is correct",
    ];
    const LEADS: [&str; 5] = ["but ", "and ", "then again", "though ", "again"];
    let mut words =
        clause.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty());
    if words.any(|word| OTHERS.iter().any(|other| other.eq_ignore_ascii_case(word)) || word.ends_with("n't"))
    {
        return false;
    }
    let is_whole = |rest: &str| rest.trim_start_matches(|c: char| !c.is_alphanumeric()).is_empty();
    // Where the wrong choice is asked for, `C is correct` is a reason, unless it corrects what was said.
    let opening = ["Edit:", "edit:", "Correction:", "Actually", "actually"];
    let corrected = opening.iter().find_map(|word| clause.strip_prefix(word));
    let subject = corrected.unwrap_or(clause).trim_start();
    let subject = LEADS.iter().find_map(|lead| strip_folded(subject, lead)).unwrap_or(subject);
    let is_ruled = |rest: &str| {
        let rest = rest.trim_start();
        RULINGS.iter().any(|ruling| {
            let is_plain = matches!(*ruling, "is right" | "is correct");
            rest.strip_prefix(ruling).is_some_and(|after| {
                !after.starts_with(char::is_alphanumeric)
                    && (!is_plain || (is_correction || corrected.is_some()) && is_whole(after))
            })
        })
    };
    other_at(subject, found, task).is_some_and(is_ruled)
        || JOINTS.iter().any(|joint| {
            let lowered = clause.to_ascii_lowercase();
            lowered.rfind(joint).is_some_and(|at| {
                let is_own_word = !lowered[..at].ends_with(char::is_alphanumeric);
                let rest = &clause[at + joint.len()..];
                is_own_word && rest.starts_with(' ') && other_at(rest, found, task).is_some_and(is_whole)
            })
        })
}

/// What stands behind the letter of another choice that a text starts with.
fn other_at<'t>(text: &'t str, found: Letters, task: &Task) -> Option<&'t str> {
    let (mark, after) = mark_at(skip_to_mark(text).1, task)?;
    let is_other = !mark.is_small && !found.contains(mark.letter) && !is_word(mark, after);
    is_other.then(|| closed(after))
}
