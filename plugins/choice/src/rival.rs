//! Finds what takes an answer back: a denial before or behind it, a correction, another choice right beside it.

use gavel_text::{is_denied_behind, start_of};

use crate::dress::{closed, plain, skip_to_mark, strip_folded};
use crate::letters::{Letters, mark};
use crate::task::Task;

/// The longest text that is looked at, in bytes.
const LONGEST: usize = 20_000;
/// How many words a text may hold beyond its answer and still be nothing but an answer.
const MOST_WORDS: usize = 8;
/// How far behind a letter a denial may stand, in bytes.
const NEAR: usize = 80;
/// Words that join letters and say nothing of them.
const JOINERS: [&str; 13] = [
    "then", "vs", "versus", "or", "and", "maybe", "perhaps", "possibly", "also", "option", "choice",
    "either", "else",
];
/// Words behind which the other choices are spoken of.
const ASIDES: [&str; 11] =
    ["not", "because", "since", "as", "than", "while", "whereas", "unlike", "rather", "instead", "over"];

/// Whether a short text, the content of a tag or box or a line, names another choice beside those found in it, be it
/// by letter or by text: `B→C`, `B, Madrid`, `B. Rome; D. Vienna`.
pub(crate) fn names_a_rival(text: &str, found: Letters, task: &Task) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let mut words = words(text);
    let named = |letter: usize| ('A'..='Z').nth(letter).is_some_and(|letter| found.contains(letter));
    let texts: Vec<Vec<String>> = task.texts.iter().map(|text| lowered(&self::words(text))).collect();
    for (_, own) in texts.iter().enumerate().filter(|(letter, own)| named(*letter) && !own.is_empty()) {
        if let Some(at) = position(&lowered(&words), own) {
            words.drain(at..at + own.len());
        }
    }
    if words.len() > MOST_WORDS + found.count() as usize {
        return false;
    }
    let aside = words.iter().position(|word| ASIDES.iter().any(|aside| word.eq_ignore_ascii_case(aside)));
    words.truncate(aside.unwrap_or(words.len()));
    let lowered = lowered(&words);
    let has_text = texts.iter().zip(&task.texts).enumerate().any(|(letter, (other, text))| {
        !named(letter) && text.chars().count() > 2 && position(&lowered, other).is_some()
    });
    has_text || has_letter(&words, found, task)
}

/// Whether a capital of the task that is not among those found stands alone.
fn has_letter(words: &[String], found: Letters, task: &Task) -> bool {
    /// What follows a letter that is spoken of: `C is wrong`.
    const VERBS: [&str; 10] = ["is", "isn", "was", "are", "would", "has", "can", "cannot", "does", "doesn"];
    let letter_at = |at: usize| {
        let mut characters = words.get(at)?.chars();
        let mark = mark(characters.next()?, task.script).filter(|mark| !mark.is_small)?;
        (characters.next().is_none() && task.letters.contains(mark.letter)).then_some(mark)
    };
    let Some(first) = (0..words.len()).find(|&at| letter_at(at).is_some()) else { return false };
    (first + 1..words.len()).any(|at| {
        let Some(mark) = letter_at(at).filter(|mark| !found.contains(mark.letter)) else { return false };
        let next = words.get(at + 1).map(String::as_str).unwrap_or_default();
        let is_word = mark.is_latin
            && matches!(mark.letter, 'A' | 'I')
            && next.starts_with(char::is_lowercase)
            && !JOINERS.contains(&next);
        // Where the texts of the choices are not known, `B. Vitamin C` may well be one of them.
        let joins = |word: &String| JOINERS.contains(&word.as_str()) || !word.contains(char::is_alphabetic);
        let is_joined =
            !task.texts.is_empty() || (first + 1..at).all(|at| letter_at(at).is_some() || joins(&words[at]));
        !is_word && is_joined && !VERBS.contains(&next)
    })
}

/// The words of a text, without LaTeX commands, HTML tags and entities.
fn words(text: &str) -> Vec<String> {
    const LONGEST_TAG: usize = 20;
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '<', '&']) {
        bare.push_str(&rest[..at]);
        bare.push(' ');
        let after = &rest[at + 1..];
        let close = match rest.as_bytes()[at] {
            b'\\' if after.starts_with('\\') => 1,
            b'\\' => after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()),
            b'<' => after.find('>').filter(|&close| close < LONGEST_TAG).map_or(0, |close| close + 1),
            _ => after.find(';').filter(|&close| close < LONGEST_TAG).map_or(0, |close| close + 1),
        };
        rest = &after[close..];
    }
    bare.push_str(rest);
    bare.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn lowered(words: &[String]) -> Vec<String> {
    words.iter().map(|word| word.to_lowercase()).collect()
}

fn position(words: &[String], wanted: &[String]) -> Option<usize> {
    if wanted.is_empty() { None } else { words.windows(wanted.len()).position(|window| window == wanted) }
}

/// Whether what follows a letter, and perhaps the text of its choice, sets another choice beside it: `. Rome, C. Madrid`.
pub(crate) fn goes_on_to_another(rest: &str, found: Letters, task: &Task) -> bool {
    let rest = rest.trim_start_matches(['.', ')', ':', '-', '–', '—', ' ', '：', '、']);
    let own = ('A'..='Z').zip(&task.texts).filter(|(letter, _)| found.contains(*letter));
    let after = own
        .filter_map(|(_, text)| if text.is_empty() { None } else { strip_folded(rest, text) })
        .min_by_key(|after| after.len());
    let Some(after) = after else { return false };
    let after = closed(after).trim_start();
    let Some(after) =
        [",", ";", "/", "|", "&", "+", "and ", "or "].iter().find_map(|it| after.strip_prefix(it))
    else {
        return false;
    };
    let (_, at) = skip_to_mark(after);
    let mut characters = at.chars();
    let other = characters.next().and_then(|c| mark(c, task.script)).is_some_and(|mark| {
        !mark.is_small && task.letters.contains(mark.letter) && !found.contains(mark.letter)
    });
    other && characters.next().is_none_or(|c| matches!(c, '.' | ')' | ':' | ']' | '*'))
        || task.letter_of(&plain(at)).is_some_and(|letter| !found.contains(letter))
}

/// Whether a text that follows letters takes them back: "B is wrong", "B. Rome is wrong", "B / not B", "Bではない".
pub(crate) fn is_taken_back(rest: &str, found: Letters, task: &Task) -> bool {
    is_denied_behind(rest)
        || text_is_wrong(rest)
        || is_negated(rest, found, task)
        || names_a_thing(rest, task)
}

/// Whether a letter is only the start of a name: `B flat`, `A minor`, `B side`.
fn names_a_thing(rest: &str, task: &Task) -> bool {
    const NAMES: [&str; 14] = [
        "flat", "sharp", "natural", "minor", "major", "plus", "minus", "side", "movie", "cell", "cells",
        "team", "list", "vitamin",
    ];
    if rest.starts_with(['♭', '♯', '♮']) {
        return true;
    }
    let Some(behind) = rest.strip_prefix([' ', '-']) else { return false };
    let word = &behind[..behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len())];
    NAMES.contains(&word) && task.letter_of(behind.lines().next().unwrap_or_default()).is_none()
}

/// `. Rome is wrong`: the text of the choice, and then its denial, in one sentence without a reason before it.
fn text_is_wrong(rest: &str) -> bool {
    const VERDICTS: [&str; 7] = [
        " is wrong",
        " is incorrect",
        " is false",
        " is not correct",
        " is not right",
        " is not the answer",
        " is the trap answer",
    ];
    let Some(text) = closed(rest).strip_prefix(['.', ':', '-', '–', '—']) else { return false };
    let text = start_of(text.trim_start(), NEAR);
    // `B. C is wrong` speaks of another choice.
    if text.chars().nth(1).is_none_or(|second| !second.is_alphanumeric()) {
        return false;
    }
    let sentence = text.split(['\n', ';', ',']).next().unwrap_or_default();
    let sentence = sentence.split(". ").next().unwrap_or_default().trim_end_matches(['.', '!', '*', ' ']);
    let explains =
        words(sentence).iter().any(|word| ASIDES.iter().any(|aside| word.eq_ignore_ascii_case(aside)));
    // `Note that C is wrong`
    let speaks_of_another =
        sentence.split_whitespace().skip(1).any(|word| matches!(word.as_bytes(), [b'B'..=b'Z']));
    let lowered = sentence.to_lowercase();
    if speaks_of_another || explains && !lowered.contains(" not ") {
        return false;
    }
    VERDICTS.iter().any(|verdict| lowered.ends_with(verdict))
}

/// `B / not B`
fn is_negated(rest: &str, found: Letters, task: &Task) -> bool {
    start_of(rest, NEAR).match_indices("not ").any(|(at, not)| {
        let (_, after) = skip_to_mark(&rest[at + not.len()..]);
        let mut characters = after.chars();
        characters.next().and_then(|c| mark(c, task.script)).is_some_and(|mark| {
            !mark.is_small
                && found.contains(mark.letter)
                && characters.next().is_none_or(|c| !c.is_alphanumeric())
        })
    })
}

/// Whether the words between a noun and its copula deny what follows: "the answer cannot be", "la respuesta no es".
pub(crate) fn denies(words: &str) -> bool {
    const NO: [&str; 23] = [
        "not",
        "cannot",
        "never",
        "hardly",
        "error",
        "nunca",
        "jamais",
        "nu",
        "nikdy",
        "никогда",
        "no",
        "não",
        "non",
        "nie",
        "не",
        "ne",
        "nicht",
        "bukan",
        "tidak",
        "inte",
        "ikke",
        "niet",
        "नहीं",
    ];
    let denied = |word: &str| NO.iter().any(|no| strip_folded(word, no).is_some_and(str::is_empty));
    let mut near = words.split_whitespace().rev().map(|word| word.trim_matches(|c: char| !c.is_alphabetic()));
    let is_denied =
        |word: &str| denied(word) || word.ends_with("n't") || word.ends_with("n’t") || word.ends_with('不');
    // `No doubt` denies nothing.
    near.next().is_some_and(is_denied)
        || near.next().is_some_and(|word| is_denied(word) && !word.eq_ignore_ascii_case("no"))
}
