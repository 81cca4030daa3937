//! Counts sentences as Punkt does with the English model of NLTK, which IFEval counts with.
//!
//! Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection", 2006. A period, question mark or exclamation
//! mark may end a sentence where white space and a word follow, or a mark that is part of no word. The word before and
//! the token after then decide: abbreviations, initials, numbers and ellipses need evidence for a new sentence.

mod english;
mod token;

use english::Within;
use token::{Token, tokens};

/// How many sentences the text has, by NLTK's `sent_tokenize` for English.
pub(crate) fn count_sentences(text: &str) -> usize {
    count_realigned(text, &slices(text))
}

/// A place where a sentence may end, with what decides it.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Where the word before the mark starts.
    word: usize,
    /// Where the mark stands.
    mark: usize,
    /// Where the token after it starts, if white space is between.
    next: Option<usize>,
    /// Where the token after it ends.
    end: usize,
}

/// Characters of which no word consists, as Punkt has it; a mark before one may end a sentence.
fn is_no_word_char(c: char) -> bool {
    matches!(c, ')' | '"' | ';' | '}' | ']' | '*' | ':' | '@' | '\'' | '(' | '{' | '[' | '!' | '?')
        || is_curly_quote(c)
}

/// Quotation marks that NLTK 3.10 treats as the straight ones; older releases do not.
fn is_curly_quote(c: char) -> bool {
    matches!(c, '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{ab}' | '\u{bb}')
}

/// Candidates in order; of those that share a word, the last.
fn candidates(text: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (mark, _) in text.match_indices(['.', '?', '!']) {
        let Some((next, end)) = after(text, mark + 1) else { continue };
        let (from, before) = found.last().map_or((0, 0), |previous| (previous.mark, previous.word));
        // A blank at the very start of the searched part does not count, which is how NLTK joins `a.b! c` to one word.
        let blank =
            text[from..mark].rfind(|c: char| c.is_ascii_whitespace() || c == '\x0b').filter(|&at| at > 0);
        let word = blank.map_or(before, |blank| from + blank + 1);
        if found.last().is_some_and(|previous| previous.mark > word) {
            found.pop();
        }
        found.push(Candidate { word, mark, next, end });
    }
    found
}

/// The token after a mark that ends at `at`: where it starts, if behind white space, and where it ends.
fn after(text: &str, at: usize) -> Option<(Option<usize>, usize)> {
    let rest = &text[at..];
    let first = rest.chars().next()?;
    if is_no_word_char(first) {
        return Some((None, at + first.len_utf8()));
    }
    let token = rest.trim_start();
    if token.is_empty() || token.len() == rest.len() {
        return None;
    }
    let start = text.len() - token.len();
    let length = token.find(char::is_whitespace).unwrap_or(token.len());
    Some((Some(start), start + length))
}

/// The sentences, before closing quotes and brackets go to the sentence that they close.
fn slices(text: &str) -> Vec<(usize, usize)> {
    let mut slices = Vec::new();
    let mut start = 0;
    for candidate in candidates(text) {
        if holds_a_break(&text[candidate.word..candidate.end]) {
            slices.push((start, candidate.mark + 1));
            start = candidate.next.unwrap_or(candidate.mark + 1);
        }
    }
    slices.push((start, text.trim_end().len()));
    slices
}

/// How many sentences are left when closing quotes and brackets go to the sentence that they close.
fn count_realigned(text: &str, slices: &[(usize, usize)]) -> usize {
    let (mut count, mut moved) = (0, 0);
    for (index, &(start, end)) in slices.iter().enumerate() {
        let empty = start + moved >= end;
        moved = match slices.get(index + 1) {
            Some(&(next, next_end)) => closing(text.get(next..next_end).unwrap_or_default()),
            None => 0,
        };
        count += usize::from(moved > 0 || !empty);
    }
    count
}

/// The length of closing quotes and brackets at the start of a sentence, and of the white space after them.
fn closing(sentence: &str) -> usize {
    let closes = |c| matches!(c, '"' | '\'' | ')' | ']' | '}') || is_curly_quote(c);
    let rest = sentence.trim_start_matches(closes);
    let blank = rest.len() - rest.trim_start().len();
    let closes = rest.is_empty() || blank > 0 || rest.starts_with("--");
    if closes && rest.len() < sentence.len() { sentence.len() - rest.len() + blank } else { 0 }
}

/// Whether a sentence ends within the context, before its last token.
fn holds_a_break(context: &str) -> bool {
    let tokens = tokens(context);
    tokens.windows(2).any(|pair| ends_sentence(&pair[0], &pair[1]))
}

/// Whether a sentence ends between the two.
fn ends_sentence(token: &Token, next: &Token) -> bool {
    if !token.ends_with_period() {
        return token.is_break;
    }
    let next_type = next.type_without_sentence_period();
    if english::is_collocation(token.type_without_period(), next_type) {
        return false;
    }
    let initial = token.is_initial();
    let short = (token.is_abbreviation || token.is_ellipsis) && !initial;
    let named = initial || token.type_without_period() == token::NUMBER;
    if !short && !named {
        return token.is_break;
    }
    let starts = starts_sentence(next, next_type);
    if short {
        let usual = next.starts_uppercase() && english::is_sentence_starter(next_type);
        if starts == Some(true) || usual {
            return true;
        }
    }
    if named {
        let name = starts.is_none()
            && initial
            && next.starts_uppercase()
            && english::seen_in_lowercase(next_type).is_none();
        if starts == Some(false) || name {
            return false;
        }
    }
    token.is_break
}

/// What the spelling of a token tells of whether it starts a sentence; `None` is nothing.
fn starts_sentence(token: &Token, token_type: &str) -> Option<bool> {
    if matches!(token.text, ";" | ":" | "," | "." | "!" | "?") {
        return Some(false);
    }
    if token.starts_uppercase() && english::seen_in_lowercase(token_type) == Some(Within::Lowercase) {
        return Some(true);
    }
    if token.starts_lowercase() && !english::starts_in_lowercase(token_type) {
        return Some(false);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_counted_as_nltk_does() {
        for (text, count) in [
            ("", 0),
            (" \n ", 0),
            ("No mark at the end", 1),
            ("One. Two. Three.", 3),
            ("Dr. Smith met Mr. Jones at 5 p.m. yesterday. They talked.", 2),
            ("He works for Acme Inc. in the U.S. today.", 1),
            ("It ended at 5 p.m. The crowd left.", 2),
            ("J. Bach wrote it. F. Liszt played it.", 2),
            ("Pi is 3.14. Really?! Yes!", 3),
            ("She said \"Stop.\" Then she left.", 2),
            ("She said \u{201c}Stop.\u{201d} Then she left.", 2),
            ("(A first sentence.) A second one.", 2),
            ("Wait... what? Wait... What?", 2),
            ("Wait... what? Wait... However.", 3),
            ("1. First item\n2. Second item\n3. Third item", 4),
            ("Line one\nLine two\nLine three", 1),
            ("a.b! c", 2),
            ("Visit www.example.com now. Go!", 2),
            ("Very bad acting!!! I promise.", 2),
        ] {
            assert_eq!(count_sentences(text), count, "{text}");
        }
    }

    #[test]
    fn marks_without_end_cost_little() {
        for piece in [".", ". ", "?)", "a.\"", ". . ", "!!! x"] {
            assert!(count_sentences(&piece.repeat(20_000)) > 0);
        }
    }
}
