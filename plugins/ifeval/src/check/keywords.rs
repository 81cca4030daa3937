//! The kinds `keywords:…`: words and letters that must or must not occur, without regard to case.

use gavel_plugin::excerpt;
use gavel_text::unspelled;

use crate::disguise;
use crate::instruction::{Bound, Relation};
use crate::words::is_boundary;

/// Every keyword occurs, be it within a word.
pub(super) fn existence(response: &str, keywords: &[String]) -> Result<(), String> {
    let response = response.to_lowercase();
    let missing = keywords.iter().find(|keyword| !response.contains(&keyword.to_lowercase()));
    missing.map_or(Ok(()), |keyword| Err(format!("does not contain {:?}", excerpt(keyword))))
}

/// The keyword occurs often enough, or seldom enough; within words counts.
pub(super) fn frequency(response: &str, keyword: &str, bound: Bound) -> Result<(), String> {
    let count = |text: &str| text.to_lowercase().matches(&keyword.to_lowercase()).count();
    bound.check(counted(response, bound, count), &format!("times {:?}", excerpt(keyword)))
}

/// None of the words occurs as a whole word.
pub(super) fn forbidden_words(response: &str, words: &[String]) -> Result<(), String> {
    let seen = disguise::read(response).map(|seen| seen.to_lowercase());
    let spelled = unspelled(seen.as_deref().unwrap_or(response)).map(|joined| joined.to_lowercase());
    let response = response.to_lowercase();
    let found = words.iter().find(|word| {
        let word = word.to_lowercase();
        contains_word(&response, &word)
            || [&seen, &spelled].into_iter().flatten().any(|seen| contains_word(seen, &word))
    });
    found.map_or(Ok(()), |word| Err(format!("contains {:?}", excerpt(word))))
}

/// Whether the word, which is not empty, occurs with a word boundary at both ends.
fn contains_word(text: &str, word: &str) -> bool {
    let mut from = 0;
    while let Some(found) = text[from..].find(word) {
        let start = from + found;
        if is_boundary(text, start) && is_boundary(text, start + word.len()) {
            return true;
        }
        from = start + word.chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// The letter, given in lower case, occurs often enough, or seldom enough.
pub(super) fn letter_frequency(response: &str, letter: char, bound: Bound) -> Result<(), String> {
    let count = |text: &str| text.to_lowercase().chars().filter(|c| *c == letter).count();
    bound.check(counted(response, bound, count), &format!("times {letter:?}"))
}

/// How often something occurs. Where it must be seldom, what an eye takes for it counts as well.
fn counted(response: &str, bound: Bound, count: impl Fn(&str) -> usize) -> usize {
    let written = count(response);
    match (bound.relation, disguise::read(response)) {
        (Relation::LessThan, Some(seen)) => written.max(count(&seen)),
        _ => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_word_is_a_whole_word() {
        assert!(contains_word("a rock.", "rock"));
        assert!(!contains_word("rocks rocket", "rock"));
        assert!(contains_word("rocks rocket rock", "rock"));
        assert!(!contains_word("rock_", "rock"));
        assert!(contains_word("naïve é", "é"));
    }
}
