//! Whether a reader would call an instruction followed that IFEval's rules take for followed: the option `as_read`.
//!
//! It only ever says no to more: `check` has said yes before.

mod marks;
mod wording;

use std::collections::BTreeSet;

use gavel_text::{is_contentless, page, shown, words};
use serde_json::Value;

use crate::check;
use crate::instruction::{Bound, Instruction, Relation};
use crate::language::Language;
use crate::{punkt, words as tokens};

/// Why a reader would not call the instruction followed by this response.
pub(crate) fn met(instruction: &Instruction, response: &str) -> Result<(), String> {
    if *instruction == Instruction::JsonFormat {
        return says(has_content(response), "it is JSON without content");
    }
    let shown = shown(response);
    let seen = page(&shown);
    if seen != response {
        check::follows(instruction, &seen)?;
    }
    match instruction {
        Instruction::Existence { keywords } => {
            let missing = keywords.iter().find(|keyword| wording::times(&seen, keyword) == 0);
            says(missing.is_none(), "a keyword stands within another word alone")
        }
        Instruction::Frequency { keyword, bound } if bound.relation == Relation::AtLeast => says(
            wording::times(&seen, keyword) >= bound.threshold,
            "the keyword stands within other words too often",
        ),
        Instruction::ResponseLanguage { language } => {
            says(Language::of(&seen) == Some(*language), "it has nothing to tell a language from")
        }
        Instruction::NumberParagraphs { count } => paragraphs(&seen, *count),
        Instruction::NthParagraphFirstWord { .. } => {
            let mut parts = seen.split("\n\n").filter(|part| !part.trim().is_empty());
            says(parts.all(|part| !is_contentless(part)), "a paragraph has no words")
        }
        Instruction::NumberWords { bound } => fewer(*bound, count_words(&seen), "words"),
        Instruction::NumberSentences { bound } => sentences(&seen, *bound),
        Instruction::CapitalWordFrequency { bound } => {
            fewer(*bound, tokens::count_capital_tokens(&parted(&seen)), "words in capitals")
        }
        Instruction::NumberPlaceholders { least } => {
            says(marks::placeholders(&seen) >= *least, "a placeholder is empty or a link")
        }
        Instruction::NumberBulletLists { count } => {
            says(marks::bullets(&seen) == *count, "a bullet point has no words")
        }
        Instruction::NumberHighlightedSections { least } => {
            says(marks::highlights(&seen) >= *least, "what is highlighted has no words")
        }
        Instruction::MultipleSections { splitter, least } => {
            says(marks::sections(&seen, splitter) >= *least, "a section has no heading or no words")
        }
        Instruction::Title => says(marks::has_title(&seen), "the title starts no line"),
        Instruction::TwoResponses => two_responses(&seen),
        Instruction::Quotation => {
            let quoted = seen.trim().trim_matches('"');
            says(!is_contentless(quoted) && !marks::closes_early(quoted), "what is quoted is not all of it")
        }
        Instruction::RepeatPrompt { prompt } => {
            let (seen, prompt) = (seen.trim().to_lowercase(), prompt.to_lowercase());
            let behind = seen.strip_prefix(&prompt).unwrap_or_default();
            let said = behind.replace(&*prompt, "");
            says(!is_contentless(&said), "it repeats the request and does not answer it")
        }
        Instruction::Postscript { marker } => {
            says(wording::has_postscript(&seen, marker), "the postscript says nothing, or is only spoken of")
        }
        Instruction::ConstrainedResponse => {
            says(wording::gives_one_answer(&seen), "it gives two answers, or takes its answer back")
        }
        Instruction::EndChecker { phrase } => {
            says(wording::ends_with(&seen, phrase), "it does not say the phrase that it ends with")
        }
        Instruction::NoComma => says(!wording::has_comma(&seen), "it has a comma of another script"),
        Instruction::JsonFormat
        | Instruction::Frequency { .. }
        | Instruction::ForbiddenWords { .. }
        | Instruction::LetterFrequency { .. } => Ok(()),
        Instruction::EnglishCapital | Instruction::EnglishLowercase => {
            says(!response.contains("text-transform"), "its style shows other letters")
        }
    }
}

impl Instruction {
    /// Whether it wants something not to be there: what is left out of a response to judge it loosely was there.
    pub(crate) fn forbids(&self) -> bool {
        match self {
            Self::ForbiddenWords { .. } | Self::NoComma => true,
            Self::Frequency { bound, .. }
            | Self::LetterFrequency { bound, .. }
            | Self::NumberWords { bound }
            | Self::NumberSentences { bound }
            | Self::CapitalWordFrequency { bound } => bound.relation == Relation::LessThan,
            _ => false,
        }
    }
}

fn says(is_met: bool, why_not: &str) -> Result<(), String> {
    if is_met { Ok(()) } else { Err(format!("as read, {why_not}")) }
}

/// Where there must be few of something, what a reader counts.
fn fewer(bound: Bound, count: usize, things: &str) -> Result<(), String> {
    let is_met = bound.relation == Relation::AtLeast || count < bound.threshold;
    says(is_met, &format!("it has {count} {things}"))
}

/// The text with blanks for what joins words that a reader keeps apart: signs that Unicode has for letters, and that look
/// like marks between two words.
fn parted(text: &str) -> String {
    const GLUE: [char; 14] = ['_', '\u{200b}', 'ʹ', 'ʺ', 'ʻ', 'ˈ', 'ˌ', 'ː', 'ㆍ', 'ᆞ', 'ǀ', 'ǁ', 'ǃ', 'ꞏ'];
    // Roman numerals that are one sign stand between words.
    text.replace(|c: char| GLUE.contains(&c) || matches!(c, '\u{2160}'..='\u{2188}'), " ")
}

/// Words in every script: those without spaces have one for each sign.
fn count_words(text: &str) -> usize {
    words(&parted(text)).into_iter().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// Whether JSON, be it in a fence, is a list or an object that says something.
fn has_content(response: &str) -> bool {
    let json = response.trim().trim_start_matches('`').trim_end_matches('`');
    let json = json.find(['{', '[']).map_or("", |at| &json[at..]);
    match serde_json::from_str::<Value>(json.trim()) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => holds_something(&value),
        _ => false,
    }
}

/// Whether a value of JSON has one in it that says something; the names of an object's members say what it would be.
fn holds_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !is_contentless(text),
        Value::Array(values) => values.iter().any(holds_something),
        Value::Object(members) => members.values().any(holds_something),
    }
}

/// Dividers with white space around them, and paragraphs with words between them.
fn paragraphs(seen: &str, wanted: usize) -> Result<(), String> {
    let mut count = 0;
    let mut has_words = false;
    for piece in seen.split_whitespace() {
        if piece == "***" {
            count += usize::from(has_words);
            has_words = false;
        } else {
            has_words |= !is_contentless(piece);
        }
    }
    count += usize::from(has_words);
    says(count == wanted, &format!("it has {count} paragraphs with a divider *** apart from them"))
}

fn sentences(seen: &str, bound: Bound) -> Result<(), String> {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '。' | '！' | '？' | '…' | '\n');
    match bound.relation {
        Relation::AtLeast => {
            let with_words = seen.split(ends).filter(|part| part.contains(char::is_alphanumeric)).count();
            says(with_words >= bound.threshold, &format!("it has {with_words} sentences with words in them"))
        }
        Relation::LessThan => {
            let count = punkt::count_sentences(&spaced(seen));
            says(count < bound.threshold, &format!("it has {count} sentences"))
        }
    }
}

/// Marks that end a sentence, and those that look like one that does.
const STOPS: [char; 17] =
    ['。', '！', '？', '．', '｡', '․', '꓿', '܁', '܂', '۔', '।', '॥', '։', '᠃', '⳹', '⸼', '፡'];

/// The text with a blank behind each mark that ends a sentence where none stands: `One.Two`, `一。二`.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let (mut before, mut last) = (' ', ' ');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let is_joined = matches!(c, '.' | '!' | '?')
            && before.is_lowercase()
            && last.is_lowercase()
            && next.is_uppercase();
        // A stop between a blank and a letter ends a sentence as well: `sleep .they`.
        let is_set_apart = c == '.' && last == ' ' && next.is_alphabetic();
        if STOPS.contains(&c) || is_set_apart {
            spaced.push_str(". ");
            // A new sentence, however it is written.
            while rest.peek() == Some(&' ') {
                rest.next();
            }
            if let Some(first) = rest.next() {
                spaced.extend(first.to_uppercase());
                (before, last) = (c, first);
                continue;
            }
        } else {
            spaced.push(c);
        }
        if is_joined {
            spaced.push(' ');
        }
        (before, last) = (last, c);
    }
    spaced
}

/// Two responses that differ in their words.
fn two_responses(seen: &str) -> Result<(), String> {
    let spoken = |part: &str| -> Vec<String> { words(part).into_iter().map(str::to_lowercase).collect() };
    let parts: Vec<&str> = seen.split("******").filter(|part| !part.trim().is_empty()).collect();
    let distinct: BTreeSet<Vec<String>> =
        parts.iter().filter(|part| !is_contentless(part)).map(|part| spoken(part)).collect();
    says(distinct.len() == 2, "it gives no two responses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_not_followed_by_a_blank_end_sentences() {
        assert_eq!(spaced("One is.Two is. U.S.A. 3.14"), "One is. Two is. U.S.A. 3.14");
        assert_eq!(spaced("一。二"), "一. 二");
        assert_eq!(spaced("Cats sleep․they eat꓿ All"), "Cats sleep. They eat. All");
        assert_eq!(spaced("Cats sleep .they eat ."), "Cats sleep . They eat .");
    }

    #[test]
    fn json_has_to_say_something() {
        for (json, says) in [
            ("{}", false),
            ("[]", false),
            ("\"I refuse.\"", false),
            ("{\"\": \"\"}", false),
            ("{\"a\": null}", false),
            ("{\"a\": \" \"}", false),
            ("{\"a\": [{\"b\": 0}]}", true),
            ("```json\n{\"a\": 1}\n```", true),
            ("[1]", true),
        ] {
            assert_eq!(has_content(json), says, "{json}");
        }
    }
}
