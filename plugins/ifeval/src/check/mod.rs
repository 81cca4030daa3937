//! Whether a text follows an instruction, one function for each kind.
//!
//! IFEval's own checks are regular expressions in Python; what they match is written out here, since a pattern would be
//! compiled for every submission. Keywords, markers and splitters are texts here, not patterns.

mod format;
mod keywords;
mod length;
mod text;

use gavel_text::is_blank;

use crate::instruction::{Bound, Instruction, Relation};

/// Whether `response` follows the instruction; if not, why. A response in which nothing is seen follows none.
pub(crate) fn follows(instruction: &Instruction, response: &str) -> Result<(), String> {
    if is_blank(response) {
        return Err("nothing is written".to_owned());
    }
    match instruction {
        Instruction::Existence { keywords } => keywords::existence(response, keywords),
        Instruction::Frequency { keyword, bound } => keywords::frequency(response, keyword, *bound),
        Instruction::ForbiddenWords { words } => keywords::forbidden_words(response, words),
        Instruction::LetterFrequency { letter, bound } => {
            keywords::letter_frequency(response, *letter, *bound)
        }
        Instruction::NumberParagraphs { count } => length::paragraphs(response, *count),
        Instruction::NumberWords { bound } => length::words(response, *bound),
        Instruction::NumberSentences { bound } => length::sentences(response, *bound),
        Instruction::NthParagraphFirstWord { paragraphs, nth, word } => {
            length::nth_paragraph_first_word(response, *paragraphs, *nth, word)
        }
        Instruction::NumberPlaceholders { least } => format::placeholders(response, *least),
        Instruction::Postscript { marker } => format::postscript(response, marker),
        Instruction::NumberBulletLists { count } => format::bullets(response, *count),
        Instruction::ConstrainedResponse => format::constrained_response(response),
        Instruction::NumberHighlightedSections { least } => format::highlights(response, *least),
        Instruction::MultipleSections { splitter, least } => format::sections(response, splitter, *least),
        Instruction::JsonFormat => format::json(response),
        Instruction::Title => format::title(response),
        Instruction::TwoResponses => text::two_responses(response),
        Instruction::RepeatPrompt { prompt } => text::repeats_prompt(response, prompt),
        Instruction::EndChecker { phrase } => text::ends_with(response, phrase),
        Instruction::CapitalWordFrequency { bound } => text::capital_words(response, *bound),
        Instruction::EnglishCapital => text::english_capital(response),
        Instruction::EnglishLowercase => text::english_lowercase(response),
        Instruction::ResponseLanguage { language } => text::language(response, *language),
        Instruction::NoComma => text::no_comma(response),
        Instruction::Quotation => text::quotation(response),
    }
}

impl Bound {
    /// Whether the count of `things` keeps to it.
    fn check(self, count: usize, things: &str) -> Result<(), String> {
        let (kept, relation) = match self.relation {
            Relation::LessThan => (count < self.threshold, "less than"),
            Relation::AtLeast => (count >= self.threshold, "at least"),
        };
        holds(kept, || format!("{count} {things}, wants {relation} {}", self.threshold))
    }
}

/// At least so many `things`.
fn at_least(count: usize, least: usize, things: &str) -> Result<(), String> {
    Bound { relation: Relation::AtLeast, threshold: least }.check(count, things)
}

/// Exactly so many `things`.
fn exactly(count: usize, wanted: usize, things: &str) -> Result<(), String> {
    holds(count == wanted, || format!("{count} {things}, wants exactly {wanted}"))
}

fn holds(kept: bool, why_not: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(why_not()) }
}
