//! How many words a text has, whatever keeps them apart.

use unicode_segmentation::UnicodeSegmentation;

use crate::joins;

/// The longest word of a language, in characters; the longest in an English dictionary has 45.
const LONGEST: usize = 45;
/// What is longer is no word, and counts as pieces of so many characters.
const PIECE: usize = 10;

/// The words of a text. White space keeps words apart, and so does what Unicode has between two words (UAX 29): `a,b` and
/// `a/b` are two, `don't` and `3.14` are one, and in scripts without spaces every sign is one. Marks alone between white
/// space, such as `+`, are one as well. A run of more characters than any word has is cut into pieces, so that nothing is
/// short, or repeats nothing, for want of spaces.
pub fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for run in text.split_whitespace() {
        let before = found.len();
        let mut rest = run;
        while !rest.is_empty() {
            let spaced = rest.find(is_unspaced).unwrap_or(rest.len());
            add_spaced(&rest[..spaced], &mut found);
            rest = &rest[spaced..];
            if let Some(length) = sign(rest) {
                found.push(&rest[..length]);
                rest = &rest[length..];
            }
        }
        if found.len() == before {
            found.push(run);
        }
    }
    found
}

/// How long the sign of a script without spaces is that a text starts with, together with its marks.
fn sign(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    let is_next = |c: char| !is_unspaced(c) || !joins(c);
    (!text.is_empty()).then(|| characters.find(|(_, c)| is_next(*c)).map_or(text.len(), |(at, _)| at))
}

/// Adds the words of a run in which only scripts with spaces stand.
fn add_spaced<'t>(run: &'t str, found: &mut Vec<&'t str>) {
    // Where the marks start that stand between two words.
    let mut marks = 0;
    for (at, word) in run.unicode_word_indices() {
        add_long(&run[marks..at], found);
        add(word, found);
        marks = at + word.len();
    }
    add_long(&run[marks..], found);
}

/// Adds a word, or the pieces of what is too long for one.
fn add<'t>(word: &'t str, found: &mut Vec<&'t str>) {
    if is_longer(word, LONGEST) {
        add_pieces(word, found);
    } else {
        found.push(word);
    }
}

/// Adds marks that belong to no word, where they are too many to belong to one.
fn add_long<'t>(marks: &'t str, found: &mut Vec<&'t str>) {
    if is_longer(marks, PIECE) {
        add_pieces(marks, found);
    }
}

fn is_longer(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().nth(most).is_some()
}

fn add_pieces<'t>(mut rest: &'t str, found: &mut Vec<&'t str>) {
    while !rest.is_empty() {
        let end = rest.char_indices().nth(PIECE).map_or(rest.len(), |(at, _)| at);
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
}

/// Whether a character is of a script that is written without spaces: Chinese characters, kana, Thai, Lao, Burmese, Khmer.
/// There, a word may start anywhere.
pub fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A text with the letters joined that are spelled out one by one, each apart from the next by the same sign: `P-a-r-i-s`,
/// `P a r i s`. For finding what must not be there. `None` where nothing is spelled so.
pub fn unspelled(text: &str) -> Option<String> {
    const FEWEST: usize = 3;
    // `(P)(a)(r)` has one sign between two letters, as `$P$a$r$` has.
    let characters: Vec<char> =
        text.replace(")(", "-").replace("][", "-").replace("}{", "-").chars().collect();
    let is_letter = |at: usize| characters.get(at).is_some_and(|c| c.is_alphanumeric());
    let mut joined = String::with_capacity(text.len());
    let (mut at, mut found) = (0, false);
    while at < characters.len() {
        let starts = is_letter(at) && (at == 0 || !is_letter(at - 1));
        let sign = characters.get(at + 1).filter(|c| starts && !c.is_alphanumeric());
        // Where the letter stands that the row goes on to.
        let mut last = at;
        while sign.is_some()
            && characters.get(last + 1) == sign
            && is_letter(last + 2)
            && !is_letter(last + 3)
        {
            last += 2;
        }
        if (last - at) / 2 + 1 >= FEWEST {
            joined.extend(characters[at..=last].iter().step_by(2));
            (at, found) = (last + 1, true);
        } else {
            joined.push(characters[at]);
            at += 1;
        }
    }
    found.then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_apart_by_more_than_spaces() {
        for (text, wanted) in [
            ("Don't go: it's 3.14 or 1,000!", 6),
            ("one two\nthree", 3),
            ("a,a,a/a", 4),
            ("well-known", 2),
            ("snake_case", 1),
            ("1 + 2 = 3", 5),
            ("- - -", 3),
            ("一二三", 3),
            ("コンピュータ", 6),
            ("他说hello吗？", 4),
            ("ภาษาไทย", 7),
            ("มี", 1),
            ("नमस्ते दुनिया", 2),
            ("안녕 세상", 2),
            ("", 0),
            ("!!", 1),
        ] {
            assert_eq!(words(text).len(), wanted, "{text}: {:?}", words(text));
        }
    }

    #[test]
    fn letters_spelled_out_are_a_word() {
        for (text, joined) in [
            ("It is P-a-r-i-s.", "It is Paris."),
            ("P a r i s", "Paris"),
            ("p.a.r.i.s and r*o*m*e", "paris and rome"),
            ("U.S.A. now", "USA. now"),
            ("(P)(a)(r)(i)(s)", "(Paris)"),
            ("P\na\nr\ni\ns", "Paris"),
        ] {
            assert_eq!(unspelled(text).as_deref(), Some(joined), "{text}");
        }
        for text in ["Paris", "a-b", "well-known", "I am", "1 + 2", "a, b, c"] {
            assert_eq!(unspelled(text), None, "{text}");
        }
    }

    #[test]
    fn what_no_word_is_as_long_as_is_many() {
        for text in ["a", "a_", "a.", "1,", "a'", "👍", "!", "ab"] {
            let text = text.repeat(10_000);
            assert!(words(&text).len() >= 1_000, "{}: {}", &text[..8], words(&text).len());
        }
        assert_eq!(words("Pneumonoultramicroscopicsilicovolcanoconiosis").len(), 1);
    }
}
