//! Brings texts into one spelling: SQuAD's, and a stricter one that keeps what changes a value.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// As SQuAD's evaluation script does: lower case, without ASCII punctuation, without articles, one space between words.
///
/// <https://worksheets.codalab.org/rest/bundles/0x6b567e1cf2e041ec80d7098f031c5c9e/contents/blob/>
pub fn squad(text: &str) -> String {
    let text: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    words_without_articles(text.split_whitespace())
}

/// NFKC, without articles and punctuation, one space between words, and in lower case unless `case_sensitive`.
///
/// What SQuAD's normalisation drops and a value needs stays: the point in `1.5`, the sign of `-5`, the sharp of `C#`,
/// the height of `10²`. Punctuation between words is a space, so that `a,b` is two words.
pub fn normalized(text: &str, case_sensitive: bool) -> String {
    let characters: Vec<char> = unfolded(text).nfkc().map(|c| if c == '⁄' { '/' } else { c }).collect();
    let mut spelled = String::with_capacity(text.len());
    for (at, &c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(at + 1).copied();
        match c {
            // Invisible, and a cheap way to make two words of one.
            _ if crate::is_invisible(c) => {}
            _ if is_dash(c) => {
                let earlier = at.checked_sub(2).map(|earlier| characters[earlier]);
                let stays = is_sign(before, after) || is_minus_of_letter(earlier, before, after);
                spelled.push(if stays { '-' } else { ' ' });
            }
            ',' if is_thousands(&characters, at) => {}
            '.' | ',' | '/' | ':' if is_digit(before) && is_digit(after) => spelled.push(c),
            '.' if is_digit(after) && before.is_none_or(char::is_whitespace) => spelled.push_str("0."),
            '%' | '#' if before.is_some_and(char::is_alphanumeric) => spelled.push(c),
            // `!true` is the opposite.
            '!' if after.is_some_and(char::is_alphanumeric)
                && before.is_none_or(|c| !c.is_alphanumeric()) =>
            {
                spelled.push(c);
            }
            '.' | '\'' | '’' | '‘' | '"' | '“' | '”' | '`' => {}
            _ if c.general_category_group() == GeneralCategoryGroup::Punctuation => spelled.push(' '),
            _ => spelled.push(c),
        }
    }
    if !case_sensitive {
        spelled = spelled.to_lowercase();
    }
    words_without_articles(spelled.split_whitespace())
}

/// Writes `10²` as `10^2` and sets a fraction apart from the number before it: NFKC would make 102 and 11/2 of them.
fn unfolded(text: &str) -> impl Iterator<Item = char> + Clone {
    text.chars().flat_map(|c| {
        let mark = match c {
            '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' => Some('^'),
            '¼'..='¾' | '⅐'..='⅞' => Some(' '),
            _ => None,
        };
        mark.into_iter().chain([c])
    })
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// A dash before a digit is a sign, and between digits a range or a date; between words it is a space.
fn is_sign(before: Option<char>, after: Option<char>) -> bool {
    let dot = after == Some('.');
    (is_digit(after) || dot) && before.is_none_or(|c| !c.is_alphabetic())
}

/// `A-` is a grade, and `O-` a blood group.
fn is_minus_of_letter(earlier: Option<char>, before: Option<char>, after: Option<char>) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    before.is_some_and(|c| c.is_ascii_alphabetic()) && ends(earlier) && after.is_none_or(char::is_whitespace)
}

/// A comma with three digits behind it, and no more than three before it.
fn is_thousands(characters: &[char], at: usize) -> bool {
    let before = characters[..at].iter().rev().take_while(|c| c.is_ascii_digit()).take(4).count();
    let after = characters[at + 1..].iter().take_while(|c| c.is_ascii_digit()).take(4).count();
    (1..=3).contains(&before) && after == 3
}

fn is_digit(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_digit())
}

/// The words without articles; with them, if there is nothing else.
fn words_without_articles<'a>(words: impl Iterator<Item = &'a str> + Clone) -> String {
    let is_article =
        |word: &&str| ["a", "an", "the"].iter().any(|article| word.eq_ignore_ascii_case(article));
    let kept: Vec<&str> = words.clone().filter(|word| !is_article(word)).collect();
    if kept.is_empty() { words.collect::<Vec<_>>().join(" ") } else { kept.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_their_dress() {
        for (text, words) in [
            ("The  Eiffel\nTower!", "eiffel tower"),
            ("**Paris, France.**", "paris france"),
            ("well-known", "well known"),
            ("U.S.", "us"),
            ("Ｐａｒｉｓ", "paris"),
            ("ﬁne", "fine"),
            ("“Hello”, don’t", "hello dont"),
            ("pa\u{200b}ris", "paris"),
            ("A", "a"),
        ] {
            assert_eq!(normalized(text, false), words, "{text}");
        }
    }

    #[test]
    fn values_keep_what_makes_them() {
        for (text, words) in [
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("-5", "-5"),
            ("−5", "-5"),
            ("1,000,000.", "1000000"),
            ("1,5", "1,5"),
            ("2019–2020", "2019-2020"),
            ("C#", "c#"),
            ("C++", "c++"),
            ("A-", "a-"),
            ("O− or", "o- or"),
            ("well- ", "well"),
            ("5 %", "5"),
            ("5%", "5%"),
            ("10²", "10^2"),
            ("1½", "1 1/2"),
            ("3:45", "3:45"),
            ("!true", "!true"),
            ("hey!you true!", "hey you true"),
        ] {
            assert_eq!(normalized(text, false), words, "{text}");
        }
    }

    #[test]
    fn squad_is_as_lax_as_its_script() {
        assert_eq!(squad("The  Cat's (1.5) A"), "cats 15");
        assert_eq!(squad("C++"), "c");
    }
}
