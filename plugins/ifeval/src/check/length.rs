//! The kinds `length_constraints:…`: words, sentences and paragraphs.

use gavel_plugin::excerpt;
use gavel_text::{is_blank, visible};

use super::{exactly, holds};
use crate::instruction::{Bound, Relation};
use crate::{punkt, words};

pub(super) fn words(response: &str, bound: Bound) -> Result<(), String> {
    let seen = words::count_words(&visible(response));
    // Where words must be few, a space without width keeps them apart as one that is seen.
    let count = match bound.relation {
        Relation::AtLeast => seen,
        Relation::LessThan => seen.max(words::count_words(&visible(&response.replace('\u{200b}', " ")))),
    };
    bound.check(count, "words")
}

pub(super) fn sentences(response: &str, bound: Bound) -> Result<(), String> {
    bound.check(punkt::count_sentences(&visible(response)), "sentences")
}

/// Exactly so many paragraphs between dividers `***`; none is empty but what stands before the first or after the last.
pub(super) fn paragraphs(response: &str, wanted: usize) -> Result<(), String> {
    let parts: Vec<&str> = response.split("***").map(str::trim).collect();
    let inner = parts.get(1..parts.len() - 1).unwrap_or_default();
    if inner.iter().any(|part| is_blank(part)) {
        return Err("an empty paragraph between two dividers ***".to_owned());
    }
    exactly(parts.iter().filter(|part| !is_blank(part)).count(), wanted, "paragraphs parted by ***")
}

/// Exactly so many paragraphs between empty lines, and the nth starts with the word, given in lower case.
pub(super) fn nth_paragraph_first_word(
    response: &str,
    wanted: usize,
    nth: usize,
    word: &str,
) -> Result<(), String> {
    let parts: Vec<&str> = response.split("\n\n").map(str::trim).collect();
    let count = parts.iter().filter(|part| !is_blank(part)).count();
    exactly(count, wanted, "paragraphs parted by empty lines")?;
    // Counted with the empty ones, as IFEval does: three line breaks in a row move the paragraphs behind them.
    let paragraph = parts.get(nth - 1).map(|part| visible(part)).unwrap_or_default();
    let first = paragraph.split_whitespace().next().unwrap_or_default();
    let first = first.trim_start_matches('\'').trim_start_matches('"');
    let end = first.find(['.', ',', '?', '!', '\'', '"']).unwrap_or(first.len());
    let first = first[..end].to_lowercase();
    holds(first == word, || format!("paragraph {nth} starts with {:?}, wants {word:?}", excerpt(&first)))
}
