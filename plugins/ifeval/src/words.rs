//! Words as NLTK counts them.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether a word may consist of it: letters, decimal digits, joining punctuation, and the marks that go with letters.
///
/// It is `\w` of Unicode's UTS 18, as NLTK 3.10 has it. Python's own `re` leaves the marks out and so takes a
/// word of Hindi for several.
fn is_word_char(c: char) -> bool {
    use GeneralCategory::{ConnectorPunctuation, DecimalNumber, EnclosingMark, NonspacingMark, SpacingMark};
    if c.is_ascii() {
        return c == '_' || c.is_ascii_alphanumeric();
    }
    let others = [ConnectorPunctuation, DecimalNumber, EnclosingMark, NonspacingMark, SpacingMark];
    let joins = matches!(c, '\u{200c}' | '\u{200d}');
    c.is_alphabetic() || joins || others.contains(&get_general_category(c))
}

/// How many words the text has. Marks and joiners alone, which \w takes as well, are none.
pub(crate) fn count_words(text: &str) -> usize {
    let has_letter = |word: &&str| word.contains(|c: char| c == '_' || c.is_alphanumeric());
    text.split(|c| !is_word_char(c)).filter(has_letter).count()
}

/// Whether a word boundary, `\b`, lies at this byte.
pub(crate) fn is_boundary(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back().is_some_and(is_word_char);
    let after = text[at..].chars().next().is_some_and(is_word_char);
    before != after
}

/// Whether the text has a letter with case and none that is not in upper case: Python's `isupper`.
pub(crate) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

/// Whether the text has a letter with case and none that is not in lower case: Python's `islower`.
pub(crate) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
}

/// How many tokens of NLTK's `word_tokenize` are in capitals.
///
/// Of its rules only those matter that part letters from letters: marks that stand alone, and contractions. So `I'M` and
/// `DON'T` are two tokens in capitals each, `AD-HOC` and `U.S.` one.
pub(crate) fn count_capital_tokens(text: &str) -> usize {
    let pieces = text.split_whitespace().filter(|piece| piece.contains(char::is_uppercase));
    pieces.map(|piece| part(piece).split_whitespace().map(capitals_in_token).sum::<usize>()).sum()
}

/// The piece, which has no blanks, with blanks around every mark that is a token of its own.
fn part(piece: &str) -> String {
    let mut parted = String::with_capacity(2 * piece.len());
    let mut before = ' ';
    let mut rest = piece.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let doubled = before == c || next == Some(c);
        let alone = match c {
            ':' | ',' => !next.is_some_and(char::is_numeric),
            '.' | '-' | '\'' if doubled => true,
            '\'' => opens_quotation(before, rest.clone()),
            _ => is_alone(c),
        };
        if alone {
            parted.extend([' ', c, ' ']);
        } else {
            parted.push(c);
        }
        before = c;
    }
    parted
}

/// Marks that never belong to a word.
fn is_alone(c: char) -> bool {
    matches!(
        c,
        '«' | '»'
            | '“'
            | '”'
            | '‘'
            | '’'
            | '„'
            | '`'
            | '"'
            | ';'
            | '@'
            | '#'
            | '$'
            | '%'
            | '&'
            | '?'
            | '!'
            | '*'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | '\u{2012}'..='\u{2015}'
    )
}

/// Whether an apostrophe opens a quotation, rather than a clitic such as `'s`.
fn opens_quotation(before: char, rest: impl Iterator<Item = char>) -> bool {
    if is_word_char(before) {
        return false;
    }
    let word: String = rest.take_while(|c| is_word_char(*c)).take(3).flat_map(char::to_lowercase).collect();
    !word.is_empty() && !matches!(word.as_str(), "re" | "ve" | "ll" | "m" | "t" | "s" | "d" | "n")
}

/// How many tokens in capitals a piece without blanks has, once contractions are parted.
fn capitals_in_token(token: &str) -> usize {
    // The word, and how long its first part is.
    const CONTRACTED: &[(&str, usize)] =
        &[("CANNOT", 3), ("GIMME", 3), ("GONNA", 3), ("GOTTA", 3), ("LEMME", 3), ("D'YE", 1), ("MORE'N", 4)];
    const CLITICS: &[&str] =
        &["'S", "'s", "'M", "'m", "'D", "'d", "'LL", "'ll", "'RE", "'re", "'VE", "'ve", "N'T", "n't"];
    for (word, head) in CONTRACTED {
        if let Some(at) = find_word(token, word) {
            let (before, after) = (&token[..at], &token[at + head..]);
            return capitals_in_token(before) + 1 + capitals_in_token(after);
        }
    }
    let token = token.strip_suffix('\'').filter(|rest| !rest.is_empty()).unwrap_or(token);
    for clitic in CLITICS {
        let head = token.strip_suffix(clitic).filter(|head| !head.is_empty() && !head.ends_with('\''));
        if let Some(head) = head {
            return usize::from(is_upper(head)) + usize::from(is_upper(clitic));
        }
    }
    usize::from(is_upper(token))
}

/// Where the word stands in the text, with a word boundary at both ends.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let bounded = |at: &usize| is_boundary(text, *at) && is_boundary(text, at + word.len());
    text.match_indices(word).map(|(at, _)| at).find(bounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_every_script() {
        for (text, count) in [
            ("", 0),
            ("It's well-known: 3.5 snake_case", 7),
            ("नमस्ते दुनिया", 2),
            ("½ ² …", 0),
            ("你好，世界", 2),
            ("a \u{332} \u{200d} \u{20dd}", 1),
        ] {
            assert_eq!(count_words(text), count, "{text}");
        }
    }

    #[test]
    fn capitals_are_counted_by_token() {
        for (text, count) in [
            ("", 0),
            ("I AM here", 2),
            ("AD-HOC U.S. COVID-19 A/B", 4),
            ("I'M DON'T WE'LL I've", 7),
            ("CANNOT WANNABE", 3),
            ("(NASA) \"ESA\", *JAXA*: 5", 3),
            ("YES...NO--MAYBE", 3),
            ("10,000 3RD", 1),
            ("A,B A:B 'QUOTED' DOGS'", 6),
        ] {
            assert_eq!(count_capital_tokens(text), count, "{text}");
        }
    }

    #[test]
    fn case_is_that_of_letters_with_case() {
        assert!(is_upper("ÀB 1!") && !is_upper("1!") && !is_upper("AbC"));
        assert!(is_lower("àb 1!") && !is_lower("1!") && !is_lower("aBc"));
    }
}
