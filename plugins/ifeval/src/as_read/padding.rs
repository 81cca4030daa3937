//! What is written only to be counted: passages that come again, letters in a row, words that are none.
//!
//! A refrain is no padding, so what comes again counts as often as there is something new beside it.

use std::collections::BTreeSet;

use gavel_text::{is_unspaced, words};

/// How many words a reader would grant a text where there must be many. A word is new where the passage of four that it
/// ends was not there before; of numbers and single letters, one may go with two others.
pub(super) fn granted_words(text: &str) -> usize {
    const PASSAGE: usize = 4;
    let words: Vec<String> = words(text)
        .into_iter()
        .filter(|word| word.contains(char::is_alphanumeric))
        .map(str::to_lowercase)
        .collect();
    let mut seen = BTreeSet::new();
    let new =
        (0..words.len()).filter(|&end| seen.insert(&words[end.saturating_sub(PASSAGE - 1)..=end])).count();
    let solid = words.iter().filter(|word| is_solid(word)).count();
    words.len().min(2 * new).min(solid + solid / 2)
}

/// Whether a word has more than a letter, or is of a script in which one sign may be a word.
fn is_solid(word: &str) -> bool {
    word.chars().filter(|c| c.is_alphabetic()).count() > 1 || word.chars().any(is_unspaced)
}

/// How often a reader would grant a letter where there must be many: of the same one in a row, two; of the same word in a
/// row, one.
pub(super) fn granted_letters(text: &str, letter: char) -> usize {
    // Not by Unicode's rules for case, which make a K of the sign for kelvins.
    let lower =
        |c: char| if c.is_ascii() || !letter.is_ascii() { c.to_lowercase().next().unwrap_or(c) } else { c };
    let (mut count, mut before) = (0, Vec::new());
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word: Vec<char> = word.chars().map(lower).collect();
        if word != before {
            let is_granted =
                |at: &usize| word[*at] == letter && !(*at > 1 && word[at - 2..*at] == [letter; 2]);
            count += (0..word.len()).filter(is_granted).count();
        }
        before = word;
    }
    count
}

/// Whether things that must be many are told apart: no more than half of them come again.
pub(super) fn differ<T: AsRef<str>>(things: &[T]) -> bool {
    let different: BTreeSet<Vec<String>> = things
        .iter()
        .map(|thing| words(thing.as_ref()).into_iter().map(str::to_lowercase).collect())
        .collect();
    2 * different.len() >= things.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_granted_once_more() {
        assert_eq!(granted_words(&"cat ".repeat(40)), 8);
        assert_eq!(granted_words("Cats sleep all day. Cats sleep all day."), 8);
        assert!(granted_words(&"Write a short note about cats. ".repeat(6)) < 24);
        assert_eq!(granted_words("a b c d e f g h"), 0);
        assert_eq!(granted_words("1 2 3 4 cats sleep"), 3);
        assert_eq!(granted_words("In 1999 the cat sat on I-95 for 3 days"), 10);
        assert_eq!(granted_words("猫睡觉"), 3);
    }

    #[test]
    fn letters_in_a_row_are_granted_twice() {
        for (text, letter, count) in [
            ("zzzzzz", 'z', 2),
            ("z z z z", 'z', 1),
            ("\"z\", \"z\"", 'z', 1),
            ("pizzazz", 'z', 4),
            ("Lazy Zoe", 'z', 2),
            ("\u{212a}ind", 'k', 0),
            ("ÄÄh, nä", 'ä', 3),
        ] {
            assert_eq!(granted_letters(text, letter), count, "{text}");
        }
    }

    #[test]
    fn the_same_thing_again_is_no_other() {
        assert!(differ(&["name", "name", "date"]) && differ(&["a", "b"]) && differ::<&str>(&[]));
        assert!(!differ(&["a", "A.", "a"]));
    }
}
