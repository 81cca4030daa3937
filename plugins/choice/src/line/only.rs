//! Sentences that leave one letter over: "leaving D", "Only D remains", "The one that could not be folded is (D)".

use gavel_text::is_disowned;

use crate::letters::Letters;
use crate::reading::{Reading, is_bare, read};
use crate::task::Task;

/// The letter that an elimination leaves: `This rules out A, B and C, leaving D.`
pub(super) fn left_over(line: &str, task: &Task) -> Option<Letters> {
    const LEAVING: [&str; 7] = [
        "leaving ",
        "leaves ",
        "leaving only ",
        "leaves only ",
        "leaving us with ",
        "leaves us with ",
        "are left with ",
    ];
    let sentence = line.trim_end_matches(['.', '!', ' ', '*']);
    let letter = LEAVING.iter().find_map(|word| {
        let at = sentence.rfind(word)?;
        read(&sentence[at + word.len()..], task)
            .filter(|reading| is_bare(&sentence[at + word.len()..], *reading))
    })?;
    match letter {
        Reading::Letters(letters) if letters.count() == 1 => Some(letters),
        _ => None,
    }
}

/// The letter that a sentence says is the only one: `Only D remains.`, `D is the only option left.`, `Neither A nor B
/// works, so D.`
pub(super) fn only_one(line: &str, task: &Task) -> Option<Letters> {
    const STAYS: [&str; 8] =
        [" remains", " is left", " works", " fits", " is correct", " is right", " is possible", " is valid"];
    const THINGS: [&str; 6] = ["option", "choice", "answer", "one", "possibility", "statement"];
    const SO: [&str; 4] = [", so it must be ", ", so it is ", ", so ", ", hence "];
    let sentence = line.trim_end_matches(['.', '!', ' ', '*']).rsplit(". ").next()?.trim();
    let only = ["Only ", "only "].iter().find_map(|word| sentence.rsplit_once(word));
    let only = only.filter(|(before, _)| !is_disowned(before));
    let staying = only.and_then(|(_, rest)| STAYS.iter().find_map(|end| rest.strip_suffix(end)));
    let left = || {
        let (subject, rest) = sentence.split_once(" is the only ")?;
        let thing = THINGS.iter().find_map(|thing| rest.strip_prefix(thing))?;
        matches!(
            thing.trim(),
            "" | "left" | "remaining" | "possible" | "that works" | "that fits" | "that remains"
        )
        .then(|| subject.rsplit(", ").next().unwrap_or(subject))
    };
    let concluded = || SO.iter().find_map(|so| sentence.rsplit_once(so)).map(|(_, letter)| letter);
    // `Since A, B and C are false, D is correct.`, `By elimination: B`
    let others_fail = || {
        let (reason, clause) = sentence.rsplit_once(", ")?;
        let is_reason = ["Since ", "As ", "Because "].iter().any(|word| reason.starts_with(word));
        STAYS.iter().find_map(|end| clause.strip_suffix(end)).filter(|_| is_reason)
    };
    let eliminated = || {
        let (_, letter) = sentence.split_once("limination")?;
        Some(letter.trim_start_matches([':', ',', ' ']))
    };
    let letter = staying.or_else(left).or_else(concluded).or_else(others_fail).or_else(eliminated)?.trim();
    match read(letter, task).filter(|reading| is_bare(letter.trim_start_matches("option "), *reading)) {
        Some(Reading::Letters(letters)) if letters.count() == 1 => Some(letters),
        _ => None,
    }
}

/// The letter behind the copula of a sentence whose subject alone says no: `The one that could not be folded is (D).`
pub(super) fn behind_copula(line: &str, task: &Task) -> Option<Letters> {
    const AGAINST: [&str; 6] = ["not", "cannot", "except", "isn't", "doesn't", "can't"];
    // A subject that denies being the answer says nothing of which is.
    const ANSWERS: [&str; 9] =
        ["answer", "correct", "right", "true", "solution", "option", "choice", "possible", "wrong"];
    let sentence = line.trim_end_matches(['.', '!', ' ', '*']).rsplit(". ").next()?;
    let (subject, letter) = [" is ", " are ", " was "]
        .iter()
        .filter_map(|verb| {
            let at = sentence.rfind(verb)?;
            Some((&sentence[..at], &sentence[at + verb.len()..]))
        })
        .min_by_key(|(_, letter)| letter.len())?;
    let words: Vec<String> = subject
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .map(|word| word.to_lowercase().replace('’', "'"))
        .collect();
    let relative = words.iter().position(|word| matches!(word.as_str(), "that" | "which" | "who"))?;
    let is_in_clause = |no: &&str| words.iter().position(|word| word == no).is_none_or(|at| at > relative);
    // `The option that is not a mammal` denies something else.
    let no = words.iter().position(|word| AGAINST.contains(&word.as_str()))?;
    let denies_answer = words[no..].iter().any(|word| ANSWERS.contains(&word.as_str()));
    if denies_answer || !AGAINST.iter().all(is_in_clause) || is_disowned(subject) {
        return None;
    }
    match read(letter, task).filter(|reading| is_bare(letter, *reading)) {
        Some(Reading::Letters(letters)) if letters.count() == 1 => Some(letters),
        _ => None,
    }
}
