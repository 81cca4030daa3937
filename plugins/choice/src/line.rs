//! Finds an answer that is a line of its own: `B`, `(B) Rome`, the text of a choice; or the one letter that the last line
//! sets apart.

mod only;

use gavel_text::{end_of, first_of, is_counterfactual, is_disowned};

use crate::dress::{skip_to_mark, strip_folded};
use crate::letters::{Letters, mark};
use crate::phrase::is_instruction;
use crate::places::Statement;
use crate::reading::{Reading, is_bare, read, read_strictly};
use crate::rival::names_a_rival;
use crate::task::Task;
use only::{behind_copula, left_over, only_one};

/// How much of a last line is searched, in bytes.
const LONGEST_SENTENCE: usize = 600;
/// How many lines at the end can take back what stands before them.
const MOST_BARE: usize = 30;
/// How many lines are looked at.
const MOST_LINES: usize = 400;

/// The answer that stands on a line, if there is one and nothing speaks against it.
pub(crate) fn statements(text: &str, task: &Task, strict: bool) -> Vec<Statement> {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // The first and the last ones: no choices are listed in more.
    if lines.len() > MOST_LINES {
        lines.drain(MOST_LINES / 2..lines.len() - MOST_LINES / 2);
    }
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Vec::new() };
    // Where each reading stands, so that what follows it can take it back.
    let place = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
    let at = |line: &str, reading| Statement { start: place(line), end: place(line), reading };
    let found = if strict {
        read_strictly(last, task).map(|reading| at(last, reading))
    } else {
        let first_line = || {
            let reading = own_line(&lines, first, task)?;
            let is_open = lines.len() > 1 && takes_back(last, reading, task);
            Some(at(first, if is_open { Reading::Open } else { reading }))
        };
        let last_line = || {
            let named = task.letter_of(last).map(|letter| Reading::Letters(Letters::from_iter([letter])));
            let found = named
                .or_else(|| all_right(last, task))
                .or_else(|| set_apart(last, task))
                .or_else(|| named_last(last, task));
            found.map(|reading| at(last, reading))
        };
        own_line(&lines, last, task).map(|reading| at(last, reading)).or_else(first_line).or_else(last_line)
    };
    found.into_iter().collect()
}

/// Whether a last line draws another conclusion than the first one did: `So it is C.`
fn takes_back(last: &str, reading: Reading, task: &Task) -> bool {
    const CONCLUSIONS: [&str; 9] =
        ["so ", "so,", "thus", "hence", "therefore", "wait", "actually", "no,", "sorry"];
    CONCLUSIONS.iter().any(|word| strip_folded(last, word).is_some())
        && set_apart(last, task).is_some_and(|other| other != reading)
}

/// The lines that are nothing but letters, the last ones of a text: where they start, and what they name.
pub(crate) fn bare<'a>(text: &'a str, task: &'a Task) -> impl Iterator<Item = (usize, Reading)> + 'a {
    text.lines().rev().filter(|line| !line.trim().is_empty()).take(MOST_BARE).filter_map(|line| {
        let (reading, is_bare) = marked(line.trim(), task)?;
        is_bare.then(|| (line.as_ptr() as usize - text.as_ptr() as usize, reading))
    })
}

/// What a line names, when it is a letter or starts with one and no line like it names another.
fn own_line(lines: &[&str], line: &str, task: &Task) -> Option<Reading> {
    let (reading, is_bare) = marked(line, task)?;
    // A letter alone says more than the analysis of choices above it; but letters alone, one each line, are a list.
    if let Reading::Letters(found) = reading
        && names_a_rival(line, found, task)
    {
        return Some(Reading::Open);
    }
    let rivals = lines.iter().filter_map(|other| marked(other, task)).filter(|(_, bare)| *bare || !is_bare);
    let agree = rivals.into_iter().all(|(other, _)| other == reading);
    if agree {
        Some(reading)
    } else if let Some(all) = whole_list(lines, task) {
        Some(all)
    } else if is_bare {
        Some(Reading::Open)
    } else {
        None
    }
}

/// The letters of a text that is nothing but one on each line, where several are right.
fn whole_list(lines: &[&str], task: &Task) -> Option<Reading> {
    let mut found = Letters::default();
    for line in lines.iter().filter(|_| task.is_multiple()) {
        match marked(line, task)? {
            (Reading::Letters(letters), true) if letters.count() == 1 => found = found.union(letters),
            _ => return None,
        }
    }
    (found.count() > 1).then_some(Reading::Letters(found))
}

/// What a line names that starts with a letter and a mark behind it; and whether it is nothing but letters.
fn marked(line: &str, task: &Task) -> Option<(Reading, bool)> {
    const MARKS: [char; 15] =
        ['-', '#', '>', '•', '·', '+', ' ', '✅', '✓', '✔', '☑', '→', '⇒', '➡', '\u{fe0f}'];
    let line = line.strip_prefix("=>").unwrap_or(line).trim_start_matches(MARKS);
    let line = behind_heading(line);
    if let Some(reading) = text_and_letter(line, task) {
        return Some((reading, false));
    }
    let reading = read(line, task)?;
    if is_bare(line, reading) {
        return Some((reading, true));
    }
    let body = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let mut characters = body.chars();
    let named = characters.next().is_some_and(|c| mark(c, task.script).is_some());
    let is_dashed = [" - ", " – ", " — "].iter().any(|dash| characters.as_str().starts_with(dash));
    let behind = characters.next();
    let is_set_off = is_dashed
        || behind
            .is_some_and(|c| matches!(c, ')' | '.' | ':' | ']' | '：' | '、' | '）' | '．' | '*' | '】'));
    const NAMES: [&str; 8] =
        ["option", "choice", "letra", "opción", "opção", "alternativa", "antwort", "réponse"];
    // `B (Jupiter)`
    let has_text = || {
        let text = line.split_once(" (")?.1.strip_suffix(')')?;
        Some(reading == Reading::Letters(Letters::from_iter([task.letter_of(text)?])))
    };
    let option = NAMES.iter().any(|word| strip_folded(body, word).is_some());
    (named && (is_set_off || has_text() == Some(true)) || option && line.len() < 24)
        .then_some((reading, false))
}

/// Words that announce an answer before a colon, in lower case.
const HEADINGS: [&str; 13] = [
    "therefore",
    "thus",
    "hence",
    "so",
    "result",
    "correct",
    "final",
    "final decision",
    "decision",
    "final choice",
    "correct options",
    "correct choices",
    "correct answers",
];

/// What a line says behind one of the [`HEADINGS`]: `Therefore: B`.
fn behind_heading(line: &str) -> &str {
    let bare = line.trim_start_matches(['*', '_']);
    let behind = HEADINGS.iter().find_map(|heading| strip_folded(bare, heading)?.strip_prefix([':', '*']));
    behind.map_or(line, |rest| rest.trim_start_matches(['*', ':', ' ']))
}

/// The letter behind the text of its own choice: `Jupiter, B`, `Jupiter (B)`.
fn text_and_letter(line: &str, task: &Task) -> Option<Reading> {
    let at = line.rfind([',', '(', ':', '-'])?;
    let (text, letter) = (line[..at].trim(), line[at + 1..].trim());
    let reading = read(letter, task).filter(|reading| is_bare(letter, *reading))?;
    let named = Reading::Letters(Letters::from_iter([task.letter_of(text)?]));
    (reading == named).then_some(reading)
}

/// Words of a line that may speak against what it names.
const AGAINST: [&str; 14] = [
    "not",
    "wrong",
    "incorrect",
    "false",
    "or",
    "cannot",
    "neither",
    "unlikely",
    "eliminate",
    "eliminated",
    "except",
    "isn",
    "doesn",
    "rule",
];

/// The one letter that a line sets apart by brackets or bold: `So it is **B**.`
fn set_apart(line: &str, task: &Task) -> Option<Reading> {
    let line = end_of(line, LONGEST_SENTENCE);
    let speaks_against = line
        .split(|c: char| !c.is_alphabetic())
        .any(|word| AGAINST.iter().any(|against| word.eq_ignore_ascii_case(against)));
    let speaks_against = speaks_against || line.contains("n't") || line.contains("n’t");
    if line.ends_with('?') || is_counterfactual(line) {
        return None;
    }
    let only = left_over(line, task).or_else(|| only_one(line, task));
    if speaks_against {
        return only.or_else(|| behind_copula(line, task)).map(Reading::Letters);
    }
    let mut found = Letters::default();
    for (at, _) in line.match_indices(['(', '*', '[']) {
        let rest = line[at..].trim_start_matches(['(', '*', '[']);
        let end = rest.chars().next().map_or(0, char::len_utf8);
        let closes = [")", "*", "]", ".", ":"].iter().any(|close| rest[end..].starts_with(close));
        if closes && is_disowned(&line[..at]) {
            return None;
        }
        if closes
            && let Some(Reading::Letters(letters)) = read(&rest[..end], task).filter(|_| is_capital(rest))
        {
            found = found.union(letters);
        }
    }
    for (at, word) in line.match_indices("ption ").chain(line.match_indices("hoice ")) {
        // The cut word itself stands between its letter and what is before it.
        if is_disowned(&line[..at + word.len()]) {
            return None;
        }
        if let Some(Reading::Letters(letters)) = read(&line[at + word.len()..], task) {
            // `Select option B to continue`
            if is_instruction("", &line[at + word.len()..], task) && is_told(&line[..at]) {
                return None;
            }
            found = found.union(letters);
        }
    }
    if let Some(reading) = last_word(line, task).or(only) {
        found = found.union(reading);
    }
    match found.count() {
        0 => None,
        1 => Some(Reading::Letters(found)),
        _ => Some(Reading::Open),
    }
}

/// Whether a line tells a reader to do something: it starts with a verb and no subject.
fn is_told(before: &str) -> bool {
    const VERBS: [&str; 10] =
        ["select ", "choose ", "pick ", "press ", "click ", "type ", "use ", "enter ", "take ", "please "];
    VERBS.iter().any(|verb| strip_folded(before.trim_start_matches(['*', '-', ' ']), verb).is_some())
}

/// The letters of which a last sentence says that all are right: `Both A and C are correct`.
fn all_right(line: &str, task: &Task) -> Option<Reading> {
    let sentence = line.trim_end_matches(['.', '!', ' ', '*']).rsplit(". ").next()?;
    let subject = [" are correct", " are right"].iter().find_map(|end| sentence.strip_suffix(end))?;
    let letters = skip_to_mark(subject).1;
    read(letters, task).filter(|reading| is_bare(letters, *reading))
}

/// The choice whose text a last sentence ends with, when it names no other: `The largest planet is Jupiter.`
fn named_last(line: &str, task: &Task) -> Option<Reading> {
    let sentence = line.trim_end_matches(['.', '!', ' ', '*']).rsplit(". ").next()?;
    let (at, verb) = [" is ", " are ", " was ", " were "]
        .iter()
        .filter_map(|verb| Some((sentence.rfind(verb)?, verb)))
        .max()?;
    let (subject, text) = (&sentence[..at], &sentence[at + verb.len()..]);
    let letter = task.letter_of(text).filter(|_| text.chars().count() > 2)?;
    let denies = subject.split(|c: char| !c.is_alphanumeric() && c != '\'').any(|word| {
        AGAINST.iter().any(|against| word.eq_ignore_ascii_case(against)) || word.ends_with("n't")
    });
    let found = Letters::from_iter([letter]);
    let is_said = !denies && !is_disowned(&sentence[..at + verb.len()]) && !line.ends_with('?');
    (is_said && !is_counterfactual(sentence) && !names_a_rival(sentence, found, task))
        .then_some(Reading::Letters(found))
}

/// The letter that a last sentence ends with, `It's B.`, or finds right, `So B is correct.`
fn last_word(line: &str, task: &Task) -> Option<Letters> {
    const JOINTS: [&str; 11] =
        ["is", "it's", "that's", "be", "leaves", "leaving", "—", "–", "therefore", "thus", "hence"];
    let sentence = line.trim_end_matches(['.', '!', ' ', '*']).rsplit(". ").next()?;
    // `B is correct because …`
    let sentence = first_of(sentence, &[" because ", " since ", ", because ", ", since "])
        .map_or(sentence, |(reason, _)| &sentence[..reason]);
    // `Richtig ist B`
    let german = ["richtig ist ", "korrekt ist "].iter().find_map(|start| strip_folded(sentence, start));
    if let Some(letter) = german {
        return match read(letter, task).filter(|reading| is_bare(letter, *reading))? {
            Reading::Letters(letters) => Some(letters),
            Reading::Open => None,
        };
    }
    let ruling = [
        " it is",
        " ist richtig",
        " ist korrekt",
        " est correcte",
        " es correcta",
        "是正确的",
        "是对的",
        " is correct",
        " is right",
        " is the answer",
        " is the right one",
        " is the correct one",
        " is the best one",
    ]
    .iter()
    .find_map(|end| sentence.strip_suffix(end));
    let mut words = ruling.unwrap_or(sentence).rsplit(' ');
    let last = words.next().filter(|word| is_capital(word))?;
    let last = if ruling.is_some() { skip_to_mark(last).1 } else { last };
    if is_disowned(&sentence[..last.as_ptr() as usize - sentence.as_ptr() as usize]) {
        return None;
    }
    let word = words.next().unwrap_or_default();
    let before = word.trim_end_matches(',').to_lowercase().replace('’', "'");
    let is_alone = words.next().is_none();
    let joins = JOINTS.contains(&before.as_str())
        || ruling.is_some() && (matches!(before.as_str(), "so" | "") || word.ends_with(','))
        || ruling.is_some() && is_alone && matches!(before.as_str(), "antwort" | "réponse" | "opción" | "respuesta")
        // `Final decision: B`
        || word.ends_with(':') && matches!(&*before, "decision:" | "final:" | "result:" | "correct:" | "therefore:");
    let joins = joins || before == "so" && is_alone;
    match read(last, task) {
        Some(Reading::Letters(letters)) if joins && is_bare(last, Reading::Letters(letters)) => Some(letters),
        _ => None,
    }
}

fn is_capital(text: &str) -> bool {
    text.starts_with(|c: char| !c.is_lowercase())
}
