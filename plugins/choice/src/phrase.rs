//! Finds where a text announces its answer: "The answer is …", "Antwort: …", "答案是…", "I choose …", "… is the correct
//! answer".

mod lexicon;

use gavel_text::{end_of, is_counterfactual, is_disowned, sentence_before, start_of};

use crate::dress::{closed, skip_to_mark, strip_folded};
use crate::letters::mark;
use crate::places::Statement;
use crate::reading::{Reading, read};
use crate::rival::denies;
use crate::standing::mark_at;
use crate::task::Task;
use lexicon::{COPULAS, NOUNS, UNSPACED_NOUNS, VERBS};

/// How far from its noun a letter may stand, in bytes.
const FARTHEST: usize = 90;

/// How much of a list of choices is looked at, in bytes.
const FARTHEST_LIST: usize = 1_000;

/// How many nouns and verbs are looked at, from the end of a text; an answer comes late.
const MOST_TRIED: usize = 200;

/// The announcements in `text`, in order; the last of them, where there are very many.
pub(crate) fn statements(text: &str, task: &Task) -> Vec<Statement> {
    let is_ascii = text.is_ascii();
    let fits = |word: &&&str| !is_ascii || word.is_ascii();
    let mut found = Vec::new();
    let mut tried = 0;
    let mut characters = text.char_indices().rev().peekable();
    while let Some((at, c)) = characters.next() {
        let is_inside = characters.peek().is_some_and(|(_, before)| before.is_alphanumeric());
        if !c.is_alphabetic() || is_inside && !is_unspaced(c) {
            continue;
        }
        let rest = &text[at..];
        // Most words start as none of these do, and telling that is cheap.
        let first = c.to_lowercase().next().unwrap_or(c);
        let starts = |word: &&&str| word.starts_with(first);
        let noun =
            NOUNS.iter().filter(fits).filter(starts).find_map(|noun| whole(rest, noun)).or_else(|| {
                if is_unspaced(c) {
                    UNSPACED_NOUNS.iter().find_map(|noun| rest.strip_prefix(noun))
                } else {
                    None
                }
            });
        let verb = || VERBS.iter().filter(fits).filter(starts).find_map(|verb| whole(rest, verb));
        // `Options: A, B` lists them, and `the correct options are A and B` answers.
        let is_list = ["options", "choices"].iter().any(|noun| whole(rest, noun).is_some());
        if is_list && !["correct ", "right "].iter().any(|word| text[..at].ends_with(word)) {
            continue;
        }
        let after = noun.or_else(verb);
        let Some(after) = after else { continue };
        let statement = if noun.is_some() {
            let subject = || before_noun(&text[..at], task).filter(|_| !is_faulted(after));
            behind_noun(text, after, task).or_else(subject)
        } else {
            let told = is_instruction(&text[..at], after, task);
            let after = after.strip_prefix(':').unwrap_or(after);
            read(after, task).filter(|_| !told).map(|reading| (reading, after))
        };
        let stands = |(_, at_letter): &(Reading, &str)| {
            let before = &text[..offset(text, at_letter)];
            !is_disowned(before)
                && !is_counterfactual(before)
                && !is_warning(before)
                && !is_negated(&text[..at])
                && !is_in_tag(&text[..at], rest)
        };
        if let Some((reading, at_letter)) = statement.filter(stands) {
            let place = offset(text, at_letter);
            found.push(Statement { start: at.min(place), end: at.max(place), reading });
        }
        tried += 1;
        if tried == MOST_TRIED {
            break;
        }
    }
    found.reverse();
    found
}

/// Whether a sentence, cut off before a letter, warns of choosing it: `A common mistake is to choose`.
fn is_warning(before: &str) -> bool {
    const WARNINGS: [&str; 7] = [
        "mistake is to",
        "mistake would be to",
        "error is to",
        "error would be to",
        "tempting to",
        "tempted to",
        "careful not to",
    ];
    let sentence = sentence_before(before).to_ascii_lowercase();
    WARNINGS.iter().any(|warning| sentence.contains(warning))
}

/// Whether a verb tells a reader what a letter is for: `Select B to report an error`, `Choose C for no`.
pub(crate) fn is_instruction(before: &str, after: &str, task: &Task) -> bool {
    const PURPOSES: [&str; 5] = ["to ", "for ", "if ", "when ", "in order "];
    let line = before.trim_end_matches([' ', '*', '_', '-', '>', '#', '"']);
    let opens = line.is_empty() || line.ends_with(['.', '!', '?', ':', ';', '\n']) || line.ends_with("lease");
    let (_, letter) = skip_to_mark(after);
    let Some((_, behind)) = mark_at(letter, task).filter(|_| opens) else { return false };
    let purpose = closed(behind).trim_start();
    PURPOSES.iter().any(|word| purpose.starts_with(word)) && !clause(purpose).contains("answer")
}

fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// Chinese characters, kana and Thai: there, a word may start anywhere.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// The rest behind `word` when it stands at the start of `text` as a whole word.
fn whole<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = strip_folded(text, word)?;
    let goes_on = rest.starts_with(|c: char| c.is_alphanumeric() && !is_unspaced(c));
    // Korean writes its copula onto the noun, and Bengali a colon that counts as a letter.
    let may_go_on = rest.starts_with('ঃ')
        || word.starts_with(|c: char| is_unspaced(c) || ('\u{ac00}'..='\u{d7a3}').contains(&c));
    (!goes_on || may_go_on).then_some(rest)
}

/// Reads what a copula joins to a noun, trying each copula of the clause in turn.
fn behind_noun<'a>(text: &'a str, after: &'a str, task: &Task) -> Option<(Reading, &'a str)> {
    let clause = clause(after);
    let mut before = ' ';
    for (at, c) in clause.char_indices() {
        let starts = !c.is_alphanumeric() || !before.is_alphanumeric() || !c.is_ascii();
        before = c;
        if !starts {
            continue;
        }
        let rest = &after[at..];
        let Some(joined) = COPULAS.iter().find_map(|copula| copula_at(rest, copula)) else { continue };
        // In English, "to" joins nothing: `Answer: from A to B`.
        let is_english_to = strip_folded(rest, "to").is_some() && clause[..at].contains([':', '"']);
        // `Option A is wrong, as are C and D.`
        let is_fault = clause[..at].ends_with("as ")
            && clause[..at].split(|c: char| !c.is_alphabetic()).any(is_fault_word);
        if denies(&clause[..at]) || is_english_to || is_fault {
            continue;
        }
        if let Some(reading) = read_joined(joined, task) {
            return Some((reading, joined));
        }
    }
    // `**Answer** B`, alone on its line; `उत्तर B है` in languages that put the copula last.
    let direct = start_of(after.trim_start_matches(['*', '_', ' ']), FARTHEST);
    let line = end_of(&text[..offset(text, after)], FARTHEST).rsplit('\n').next().unwrap_or_default();
    let is_alone =
        line.split_whitespace().count() <= 2 && direct.lines().next().is_some_and(|rest| rest.len() <= 6);
    let copula_is_last = line.ends_with(|c: char| ('\u{900}'..='\u{dff}').contains(&c));
    if (is_alone || copula_is_last) && after.starts_with(['*', '_', ' ', '\n']) {
        return read(direct, task).map(|reading| (reading, direct));
    }
    None
}

fn is_fault_word(word: &str) -> bool {
    ["wrong", "incorrect", "false", "eliminated", "excluded"].contains(&word)
}

/// A colon may end its line, and the answer stand on the next.
fn read_joined(joined: &str, task: &Task) -> Option<Reading> {
    let bare = joined.trim_start_matches(['*', '_', ' ', '\t', ':', '：', '.']);
    if bare.starts_with('\n') && lists_choices(bare, task) {
        return None;
    }
    read(if bare.starts_with('\n') { bare } else { joined.trim_start_matches([':', '：', ' ', '*']) }, task)
}

/// Whether the next lines list choices, each behind its letter: `A) 6` and below it `B) 12`.
fn lists_choices(text: &str, task: &Task) -> bool {
    let letter = |line: &str| {
        let line = line.trim().trim_start_matches(['(', '*', '-', ' ']);
        let mut characters = line.chars();
        let mark = mark(characters.next()?, task.script)?;
        let is_set_off = matches!(characters.next()?, ')' | '.' | ':' | ']' | '*');
        (is_set_off && task.letters.contains(mark.letter)).then_some(mark.letter)
    };
    let mut lines = start_of(text, FARTHEST_LIST).lines().filter(|line| !line.trim().is_empty()).map(letter);
    match (lines.next().flatten(), lines.next().flatten()) {
        (Some(first), Some(second)) => first != second,
        _ => false,
    }
}

/// The text up to where its sentence or line ends; where a line ends with a colon, that is its end too.
fn clause(text: &str) -> &str {
    let text = start_of(text, FARTHEST);
    let stops = ["\n", ". ", "。", "! ", "? ", "; ", "？"];
    let end = stops.iter().filter_map(|stop| text.find(stop)).min().unwrap_or(text.len());
    &text[..end]
}

fn copula_at<'a>(text: &'a str, copula: &str) -> Option<&'a str> {
    let rest = strip_folded(text, copula)?;
    let is_spaced = copula
        .chars()
        .all(|c| c.is_alphabetic() && !is_unspaced(c) && !('\u{ac00}'..='\u{d7a3}').contains(&c));
    let goes_on = rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '’'));
    (!is_spaced || !goes_on).then_some(rest)
}

/// Reads `B` in "B is the correct answer" and "(B) is therefore the best choice", given what stands before the noun.
fn before_noun<'a>(before: &'a str, task: &Task) -> Option<(Reading, &'a str)> {
    const JOINTS: [&str; 8] = [
        " is the ",
        " is therefore the ",
        " is thus the ",
        " is clearly the ",
        " ist die ",
        " est la ",
        " es la ",
        " è la ",
    ];
    let line = end_of(before, 2 * FARTHEST).rsplit('\n').next()?;
    let sentence = line.rsplit(". ").next()?;
    let (joint, at) =
        JOINTS.iter().filter_map(|joint| Some((joint, sentence.rfind(joint)?))).max_by_key(|(_, at)| *at)?;
    let qualities = &sentence[at + joint.len()..];
    if qualities.split_whitespace().count() > 3 || says_no(qualities) {
        return None;
    }
    let subject = &sentence[..at];
    // `Either A or B is the correct answer.`
    let subject =
        if subject.contains(" or ") { Some(subject.trim_start()) } else { last_words(subject, task) };
    subject.and_then(|subject| Some((read(subject, task)?, subject)))
}

/// Whether a noun is called wrong behind it: `B is the only option that is wrong`.
fn is_faulted(after: &str) -> bool {
    const FAULTS: [&str; 4] = ["wrong", "incorrect", "false", "not"];
    let clause = ["that is ", "which is "].iter().find_map(|start| after.trim_start().strip_prefix(start));
    clause.is_some_and(|clause| FAULTS.iter().any(|fault| clause.starts_with(fault)))
}

/// The last word of a subject, or all of it, whichever reads as a letter.
fn last_words<'a>(subject: &'a str, task: &Task) -> Option<&'a str> {
    let starts = subject.char_indices().rev().filter(|&(at, c)| c == ' ' || at == 0);
    let last = starts.take(1).map(|(at, _)| subject[at..].trim_start());
    let mut candidates = last.chain([subject.trim_start()]);
    candidates.find(|part| read(part, task).is_some())
}

fn says_no(text: &str) -> bool {
    const NO: [&str; 13] = [
        "not",
        "wrong",
        "incorrect",
        "false",
        "worst",
        "least",
        "never",
        "falsche",
        "second",
        "trap",
        "decoy",
        "distractor",
        "third",
    ];
    text.split(|c: char| !c.is_alphabetic()).any(|word| NO.iter().any(|no| word.eq_ignore_ascii_case(no)))
}

/// Whether a noun stands in an HTML or XML tag with attributes, as in `<answer choice="B">`.
fn is_in_tag(before: &str, rest: &str) -> bool {
    let line = end_of(before, FARTHEST).rsplit('\n').next().unwrap_or_default();
    let behind = start_of(rest, FARTHEST).split(['>', '\n']).next().unwrap_or_default();
    match line.rfind('<').map(|at| &line[at + 1..]) {
        Some("") => behind.contains('='),
        Some(tag) => tag.contains(' ') && tag.starts_with(char::is_alphabetic) && !tag.contains('>'),
        None => false,
    }
}

/// Whether a negation in another language stands right before an announcement.
fn is_negated(before: &str) -> bool {
    let sentence =
        end_of(before, FARTHEST).rsplit(['\n', '.', '!', '?', ';', ',', ':']).next().unwrap_or_default();
    ["不是", "不", "如果", "falsche "].iter().any(|no| sentence.ends_with(no))
}
