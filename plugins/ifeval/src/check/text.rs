//! The kinds that look at the response as a whole: `change_case:…`, `combination:…`, `language:…`, `startend:…` and
//! `punctuation:…`.

use gavel_plugin::excerpt;
use gavel_text::{is_blank, visible};

use super::holds;
use crate::instruction::Bound;
use crate::language::Language;
use crate::words;

/// So many tokens in capitals.
pub(super) fn capital_words(response: &str, bound: Bound) -> Result<(), String> {
    bound.check(words::count_capital_tokens(&visible(response)), "words in capitals")
}

/// No small letter, a capital one, and English for all that can be told.
///
/// What is in capitals is often short, a name or a headline, so only another language that is told without doubt fails.
pub(super) fn english_capital(response: &str) -> Result<(), String> {
    holds(words::is_upper(response), || "not all in capital letters".to_owned())?;
    holds(Language::may_be_english(response), || "is not in English".to_owned())
}

/// No capital letter, a small one, and English.
pub(super) fn english_lowercase(response: &str) -> Result<(), String> {
    holds(words::is_lower(response), || "not all in small letters".to_owned())?;
    language(response, Language::ENGLISH)
}

/// The language that most of the response is in; a response without letters is in any.
pub(super) fn language(response: &str, wanted: Language) -> Result<(), String> {
    match Language::of(response) {
        Some(language) if language != wanted => {
            Err(format!("is in {}, wants {}", language.code, wanted.code))
        }
        _ => Ok(()),
    }
}

/// Two different responses with six stars between them.
pub(super) fn two_responses(response: &str) -> Result<(), String> {
    let parts: Vec<&str> = response.split("******").map(str::trim).collect();
    let inner = parts.get(1..parts.len() - 1).unwrap_or_default();
    if inner.iter().any(|part| is_blank(part)) {
        return Err("an empty response between two dividers ******".to_owned());
    }
    let responses: Vec<&str> = parts.into_iter().filter(|part| !is_blank(part)).collect();
    match responses[..] {
        [first, second] if visible(first) == visible(second) => {
            Err("the two responses are the same".to_owned())
        }
        [_, _] => Ok(()),
        _ => Err(format!("{} responses parted by ******, wants 2", responses.len())),
    }
}

/// The response starts with the prompt, without regard to case.
pub(super) fn repeats_prompt(response: &str, prompt: &str) -> Result<(), String> {
    let starts = response.trim().to_lowercase().starts_with(&prompt.to_lowercase());
    holds(starts, || format!("does not start with {:?}", excerpt(prompt)))
}

/// The response ends with the phrase, without regard to case and quotation marks around all of it.
pub(super) fn ends_with(response: &str, phrase: &str) -> Result<(), String> {
    let ends = response.trim().trim_matches('"').to_lowercase().ends_with(&phrase.to_lowercase());
    holds(ends, || format!("does not end with {:?}", excerpt(phrase)))
}

pub(super) fn no_comma(response: &str) -> Result<(), String> {
    holds(!response.contains(','), || "has a comma".to_owned())
}

/// Double quotation marks at both ends.
pub(super) fn quotation(response: &str) -> Result<(), String> {
    let response = response.trim();
    let wrapped = response.len() > 1 && response.starts_with('"') && response.ends_with('"');
    holds(wrapped, || "is not wrapped in double quotation marks".to_owned())
}
