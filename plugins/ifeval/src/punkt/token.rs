//! Cuts a context into Punkt's tokens: words keep their period, other punctuation stands alone.

use std::borrow::Cow;

use super::{english, is_no_word_char};

/// The type of every token that is a number.
pub(super) const NUMBER: &str = "##number##";

/// A token with what its spelling alone tells.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// In lower case; every number is [`NUMBER`].
    kind: Cow<'static, str>,
    /// It ends a sentence unless its neighbours tell otherwise.
    pub(super) is_break: bool,
    pub(super) is_abbreviation: bool,
    pub(super) is_ellipsis: bool,
}

impl<'a> Token<'a> {
    fn new(text: &'a str) -> Self {
        let lower = text.to_lowercase();
        let is_ellipsis = text.len() > 1 && text.bytes().all(|byte| byte == b'.');
        let word = lower.strip_suffix('.').filter(|word| !word.is_empty() && !word.ends_with('.'));
        let is_abbreviation = word.is_some_and(|word| {
            let last = word.rsplit('-').next().unwrap_or(word);
            english::is_abbreviation(word) || english::is_abbreviation(last)
        });
        let is_break = matches!(text, "." | "?" | "!") || (word.is_some() && !is_abbreviation);
        let kind = if is_number(&lower) { Cow::Borrowed(NUMBER) } else { Cow::Owned(lower) };
        Self { text, kind, is_break, is_abbreviation, is_ellipsis }
    }

    pub(super) fn ends_with_period(&self) -> bool {
        self.text.ends_with('.')
    }

    /// The type without a last period.
    pub(super) fn type_without_period(&self) -> &str {
        self.kind.strip_suffix('.').filter(|kind| !kind.is_empty()).unwrap_or(&self.kind)
    }

    /// The type without a last period that ends a sentence.
    pub(super) fn type_without_sentence_period(&self) -> &str {
        if self.is_break { self.type_without_period() } else { &self.kind }
    }

    /// One letter and a period.
    pub(super) fn is_initial(&self) -> bool {
        let mut chars = self.text.chars();
        matches!((chars.next(), chars.next(), chars.next()), (Some(letter), Some('.'), None)
            if letter == '_' || letter.is_alphabetic())
    }

    pub(super) fn starts_uppercase(&self) -> bool {
        self.text.starts_with(char::is_uppercase)
    }

    pub(super) fn starts_lowercase(&self) -> bool {
        self.text.starts_with(char::is_lowercase)
    }
}

/// Digits with commas, periods and hyphens among them.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_prefix(['.', ',']).unwrap_or(text);
    text.starts_with(char::is_numeric) && text.chars().all(|c| c.is_numeric() || matches!(c, ',' | '.' | '-'))
}

/// The tokens of a context.
pub(super) fn tokens(context: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = context.trim_start();
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest));
        tokens.push(Token::new(token));
        rest = after.trim_start();
    }
    tokens
}

/// The length of the token that the text, which is not empty, starts with.
fn token_length(text: &str) -> usize {
    let run = run_length(text);
    if run > 0 {
        return run;
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    if text.starts_with(cannot_start_a_word) {
        return first;
    }
    let ends = |&(at, _): &(usize, char)| at > 0 && ends_word(&text[at..]);
    text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)
}

fn cannot_start_a_word(c: char) -> bool {
    matches!(c, '(' | '"' | '`' | '{' | '[' | ':' | ';' | '&' | '#' | '*' | '@' | ')' | '}' | ']' | '-' | ',')
}

/// Whether a word ends where the rest starts.
fn ends_word(rest: &str) -> bool {
    let breaks = |rest: &str| {
        rest.chars().next().is_none_or(|c| c.is_whitespace() || is_no_word_char(c)) || run_length(rest) > 0
    };
    breaks(rest) || rest.strip_prefix(',').is_some_and(breaks)
}

/// The length of two or more hyphens or periods at the start, or of three or more periods with a blank between each.
fn run_length(text: &str) -> usize {
    for mark in ['-', '.'] {
        let run = text.len() - text.trim_start_matches(mark).len();
        if run > 1 {
            return run;
        }
    }
    spaced_periods(text)
}

/// The length of `. . .` at the start, with at least three periods; else 0.
fn spaced_periods(text: &str) -> usize {
    let (mut count, mut length, mut rest) = (0, 0, text);
    while let Some(after) = rest.strip_prefix('.') {
        count += 1;
        length = text.len() - after.len();
        rest = match after.chars().next() {
            Some(blank) if blank.is_whitespace() => &after[blank.len_utf8()..],
            _ => break,
        };
    }
    if count >= 3 { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(context: &str) -> Vec<&str> {
        tokens(context).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_keep_their_period_and_nothing_else() {
        assert_eq!(texts("(He said, \"Hi.\")"), ["(", "He", "said", ",", "\"", "Hi.", "\"", ")"]);
        assert_eq!(texts("3,000 well-known -- yes... no"), ["3,000", "well-known", "--", "yes", "...", "no"]);
        assert_eq!(texts("so . . . on"), ["so", ". . .", "on"]);
        assert_eq!(texts("acting!!! I"), ["acting", "!", "!", "!", "I"]);
    }

    #[test]
    fn a_number_has_one_type() {
        assert_eq!(tokens("-1,000.50.")[0].type_without_period(), "-");
        assert_eq!(tokens("1,000.50.")[0].type_without_period(), NUMBER);
        assert_eq!(tokens("3rd.")[0].type_without_period(), "3rd");
    }

    #[test]
    fn an_abbreviation_may_follow_a_hyphen() {
        assert!(tokens("vice-gen.")[0].is_abbreviation);
        assert!(tokens("Mr.")[0].is_abbreviation);
        assert!(tokens("end.")[0].is_break);
    }
}
