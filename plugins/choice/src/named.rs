//! A choice that is named by its text or its place and not by its letter: `Berlin`, `the one with Berlin`, `the first
//! option`, `option three`.

use gavel_text::{end_of, first_of, start_of};

use crate::letters::Letters;
use crate::reading::Reading;
use crate::task::Task;

/// How many words a text may have beside the choice that it names.
const MOST_WORDS: usize = 5;
/// How far behind an answer another one is confessed, in bytes.
const NEAR: usize = 200;

const PLACES: [&[&str]; 6] = [
    &["first", "1st", "one", "primera", "première", "erste", "prima", "primeira"],
    &["second", "2nd", "two", "segunda", "deuxième", "zweite", "seconda"],
    &["third", "3rd", "three", "tercera", "troisième", "dritte", "terza", "terceira"],
    &["fourth", "4th", "four", "cuarta", "quatrième", "vierte", "quarta"],
    &["fifth", "5th", "five", "quinta", "cinquième", "fünfte"],
    &["sixth", "6th", "six", "sexta", "sixième", "sechste"],
];
const NOUNS: [&str; 9] =
    ["option", "choice", "answer", "one", "alternative", "opción", "opzione", "opção", "letter"];

/// The one choice that a short text names by its text or its place.
pub(crate) fn by_text(text: &str, task: &Task) -> Option<Reading> {
    let lowered = text.to_lowercase();
    let words: Vec<&str> =
        lowered.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| matches!(*word, "not" | "isn" | "wrong" | "no" | "nicht" | "non" | "pas")) {
        return None;
    }
    by_whole_text(&words, task)
        .or_else(|| by_place(&words, task))
        .map(|letter| Reading::Letters(Letters::from_iter([letter])))
}

/// The choice whose text stands among few other words.
fn by_whole_text(words: &[&str], task: &Task) -> Option<char> {
    let mut found = None;
    for (letter, text) in ('A'..='Z').zip(&task.texts) {
        let own: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let is_telling = text.chars().filter(|c| c.is_alphabetic()).count() > 2;
        // Languages write the ending of a name in their own way: `Berlino`.
        let is_same = |own: &str, word: &str| {
            own == word || own.len() > 4 && word.strip_prefix(own).is_some_and(|end| end.chars().count() <= 2)
        };
        let stands = is_telling
            && words
                .windows(own.len().max(1))
                .any(|some| own.iter().zip(some).all(|(own, word)| is_same(own, word)));
        if stands && words.len() <= own.len() + MOST_WORDS {
            if found.is_some() {
                return None;
            }
            found = Some(letter);
        }
    }
    found
}

/// The choice that a text counts: `the first option`, `option three`, `la primera`.
fn by_place(words: &[&str], task: &Task) -> Option<char> {
    let place = |word: &str| PLACES.iter().position(|names| names.contains(&word));
    let last = ["last", "final", "letzte", "última", "dernière", "ultima"];
    if words
        .iter()
        .enumerate()
        .any(|(at, word)| last.contains(word) && words.get(at + 1).is_some_and(|it| NOUNS.contains(it)))
    {
        return ('A'..='Z').nth(task.texts.len().max(1) - 1).filter(|letter| task.letters.contains(*letter));
    }
    let ordinal = |word: &str| {
        place(word).filter(|_| !matches!(word, "one" | "two" | "three" | "four" | "five" | "six"))
    };
    let is_noun = |at: usize| words.get(at).is_some_and(|word| NOUNS.contains(word));
    let found = words.iter().enumerate().find_map(|(at, word)| {
        let follows = at > 0 && is_noun(at - 1) && words[at - 1] != "one";
        let leads = is_noun(at + 1) || at + 1 == words.len() && at > 0;
        place(word).filter(|_| follows).or_else(|| ordinal(word).filter(|_| leads))
    })?;
    ('A'..='Z').nth(found).filter(|letter| task.letters.contains(*letter))
}

/// The choice that the writer says to hold in truth: `my real belief is Vienna`, `My own view: Paris`.
pub(crate) fn confessed(behind: &str, task: &Task) -> Option<Reading> {
    const TRUE: [&str; 7] =
        ["my real ", "my own ", "my true ", "my actual ", "my honest ", "the real one is ", "by it i mean "];
    let near = start_of(behind, NEAR).to_lowercase();
    let (at, lead) = first_of(&near, &TRUE)?;
    let rest = &near[at + lead.len()..];
    let said = match lead.ends_with("is ") || lead.ends_with("mean ") {
        true => rest,
        false => first_of(rest, &[" is ", ": "]).map(|(at, verb)| &rest[at + verb.len()..])?,
    };
    by_text(said.split(['.', ';', '\n', '!']).next()?, task)
}

/// The choice that the sentences behind an answer ask to take for it: `Take the last option.`, `Scratch B, mark Vienna`.
pub(crate) fn asked_for(behind: &str, task: &Task) -> Option<Reading> {
    const VERBS: [&str; 9] =
        ["take ", "choose ", "pick ", "mark ", "use ", "select ", "make it ", "go with ", "rather "];
    let near = start_of(behind, NEAR).to_lowercase();
    near.split(['.', ';', ',', '!', '\n']).map(str::trim).find_map(|clause| {
        let clause = ["please ", "so ", "then ", "and ", "but ", "better "]
            .iter()
            .find_map(|it| clause.strip_prefix(it))
            .unwrap_or(clause);
        by_text(VERBS.iter().find_map(|verb| clause.strip_prefix(verb))?, task)
    })
}

/// Whether a text gives the letters of the task another meaning: `I define B := Berlin`, `By B I mean Berlin`.
pub(crate) fn is_renamed(text: &str, reading: Reading, task: &Task) -> bool {
    const FAR: usize = 1_500;
    let Reading::Letters(found) = reading else { return false };
    let near = end_of(text, FAR);
    if near.contains("relabel") || near.contains("renumber") {
        return true;
    }
    let defines = |at: usize| near[..at].trim_end().ends_with(|c: char| found.contains(c));
    let means = |at: usize| {
        near[..at].ends_with(|c: char| found.contains(c))
            && by_text(start_of(&near[at..], 60), task) != Some(reading)
    };
    near.match_indices(":=").any(|(at, _)| defines(at))
        || near.match_indices(" I mean").any(|(at, _)| means(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dress::plain;
    use crate::letters::Script;

    fn named(text: &str) -> Option<Reading> {
        let task = Task {
            letters: Letters::first(4),
            texts: ["Paris", "Rome", "Berlin", "Vienna"].map(plain).to_vec(),
            formulas: vec![String::new(); 4],
            expected: Letters::from_iter(['B']),
            script: Script::default(),
        };
        by_text(text, &task).or_else(|| confessed(text, &task))
    }

    #[test]
    fn a_choice_is_named_by_text_or_place() {
        for text in [
            "Berlin",
            "the one with Berlin",
            "Berlino",
            "the third option",
            "option three",
            "la tercera",
            "so my real belief is Berlin.",
        ] {
            assert_eq!(named(text), Some(Reading::Letters(Letters::from_iter(['C']))), "{text}");
        }
        for text in [
            "not Berlin",
            "Paris or Berlin",
            "three of them",
            "one reason",
            "my own view of it is a long one",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
