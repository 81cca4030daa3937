//! The letters of choices: sets of them, and the forms in which scripts and fonts write them.

use std::fmt;

/// A set of the letters A to Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Letters(u32);

impl Letters {
    /// The first `count` letters.
    pub(crate) fn first(count: usize) -> Self {
        Self(if count >= 26 { (1 << 26) - 1 } else { (1 << count) - 1 })
    }

    /// Reads `A-D` or `ABCD`; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut letters = Self::default();
        match text.as_bytes() {
            &[first @ b'A'..=b'Z', b'-', last @ b'A'..=b'Z'] if first < last => {
                (first..=last).for_each(|letter| letters.insert(char::from(letter)));
            }
            list if list.iter().all(u8::is_ascii_uppercase) => {
                list.iter().for_each(|&letter| letters.insert(char::from(letter)));
            }
            _ => return None,
        }
        (letters.count() > 1).then_some(letters)
    }

    /// Adds one of A to Z; anything else is ignored.
    pub(crate) fn insert(&mut self, letter: char) {
        if letter.is_ascii_uppercase() {
            self.0 |= 1 << (letter as u32 - 'A' as u32);
        }
    }

    pub(crate) fn contains(self, letter: char) -> bool {
        letter.is_ascii_uppercase() && self.0 & (1 << (letter as u32 - 'A' as u32)) != 0
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl FromIterator<char> for Letters {
    fn from_iter<I: IntoIterator<Item = char>>(letters: I) -> Self {
        let mut set = Self::default();
        letters.into_iter().for_each(|letter| set.insert(letter));
        set
    }
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in ('A'..='Z').filter(|&letter| self.contains(letter)).enumerate() {
            write!(f, "{}{letter}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// How the task names its choices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// By the digits 1 to 9, as some of ARC's do.
    pub(crate) digits: bool,
    /// By the Cyrillic letters in their order, so that В is the third and no look-alike of B.
    pub(crate) cyrillic: bool,
    /// In words of Cyrillic letters, so that a keyboard may have written В for B. Elsewhere it is a look-alike, and text.
    pub(crate) writes_cyrillic: bool,
    /// In words of Greek letters, so that Β is a letter of a choice. Elsewhere it is a look-alike, and text.
    pub(crate) writes_greek: bool,
}

/// A character that names a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// A to Z.
    pub(crate) letter: char,
    /// Written small: it takes more to tell it from a word.
    pub(crate) is_small: bool,
    /// Of the Latin script, in any font.
    pub(crate) is_latin: bool,
}

/// Letters that enumerate choices in other scripts, in their order.
const ORDERS: [&str; 12] = [
    "أبجدهوزحطي",
    "ابجدهوزحطي",
    "অবডঢ",
    "কখগঘঙ",
    "कखगघङ",
    "אבגדה",
    "甲乙丙丁戊",
    "가나다라마",
    "アイウエオ",
    "กขคงจ",
    "കഖഗഘ",
    "కఖగఘ",
];
const CYRILLIC: &str = "АБВГДЕЖЗИК";
const GREEK: &str = "ΑΒΓΔΕ";

/// What `c` names, if anything.
pub(crate) fn mark(c: char, script: Script) -> Option<Mark> {
    let latin = |letter: u32, is_small| {
        char::from_u32('A' as u32 + letter).map(|letter| Mark { letter, is_small, is_latin: true })
    };
    let code = c as u32;
    match c {
        'A'..='Z' => latin(code - 'A' as u32, false),
        'a'..='z' => latin(code - 'a' as u32, true),
        '1'..='9' if script.digits => latin(code - '1' as u32, false),
        _ if c.is_ascii() => None,
        'Ａ'..='Ｚ' => latin(code - 'Ａ' as u32, false),
        'ａ'..='ｚ' => latin(code - 'ａ' as u32, true),
        'Ⓐ'..='Ⓩ' => latin(code - 'Ⓐ' as u32, false),
        'ⓐ'..='ⓩ' => latin(code - 'ⓐ' as u32, false),
        '⒜'..='⒵' => latin(code - '⒜' as u32, false),
        // The fonts of mathematics: 26 capitals and 26 small letters each.
        '\u{1d400}'..='\u{1d6a3}' => {
            let place = (code - 0x1d400) % 52;
            latin(place % 26, place >= 26)
        }
        '\u{1f130}'..='\u{1f149}' | '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}' => {
            latin((code - 0x1f130) % 32, false)
        }
        _ => other_script(c, script).map(|letter| Mark { letter, is_small: false, is_latin: false }),
    }
}

fn other_script(c: char, script: Script) -> Option<char> {
    let nth = |order: &str| order.chars().position(|it| it == c);
    let place = if script.cyrillic {
        nth(CYRILLIC)
    } else if script.writes_cyrillic {
        // As a keyboard of the wrong language writes them.
        nth("А\u{0}\u{0}\u{0}Е").or_else(|| nth("\u{0}ВС"))
    } else {
        None
    };
    let place = place.or_else(|| if script.writes_greek { nth(GREEK) } else { None });
    let place = place.or_else(|| ORDERS.iter().find_map(|order| nth(order)))?;
    char::from_u32('A' as u32 + u32::try_from(place).ok()?)
}

/// Whether the prompt lists its choices by the Cyrillic letters in their order.
pub(crate) fn lists_in_cyrillic(prompt: &str) -> bool {
    prompt.lines().any(|line| {
        let mut characters = line.trim_start().trim_start_matches('(').chars();
        characters.next() == Some('Б') && matches!(characters.next(), Some(')' | '.' | ':'))
    })
}

/// Whether a text has a word of at least three letters in a script, given by its range.
pub(crate) fn writes(text: &str, script: std::ops::RangeInclusive<char>) -> bool {
    if text.is_ascii() {
        return false;
    }
    let mut run = 0;
    text.chars().any(|c| {
        run = if script.contains(&c) { run + 1 } else { 0 };
        run == 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_many_scripts_name_the_same_letter() {
        for b in ['B', 'b', 'Ｂ', 'Ⓑ', 'ⓑ', '⒝', '𝐁', '𝖡', '🄱', '🅑', '🅱', 'ب', 'ব', 'খ', 'ख', 'ב', '乙', '나']
        {
            assert_eq!(mark(b, Script::default()).map(|mark| mark.letter), Some('B'), "{b}");
        }
        for nothing in ['1', '?', 'é', 'Б', 'ß', '日', ' ', 'В', 'Β'] {
            assert_eq!(mark(nothing, Script::default()), None, "{nothing}");
        }
    }

    #[test]
    fn cyrillic_letters_count_where_they_are_written_or_counted_by() {
        let named = |c, cyrillic| {
            let script = Script { cyrillic, writes_cyrillic: true, ..Script::default() };
            mark(c, script).map(|mark| mark.letter)
        };
        assert_eq!((named('В', false), named('В', true)), (Some('B'), Some('C')));
        assert_eq!((named('С', false), named('С', true)), (Some('C'), None));
        assert_eq!((named('Б', false), named('Б', true)), (None, Some('B')));
        assert!(writes("Ответ: В", 'а'..='я') && !writes("The answer is В", 'а'..='я'));
        assert!(lists_in_cyrillic("Что?\nА) да\nБ) нет"));
    }

    #[test]
    fn a_range_and_a_list_are_sets() {
        assert_eq!(Letters::parse("A-D"), Some(Letters::first(4)));
        assert_eq!(Letters::parse("ABCD"), Some(Letters::first(4)));
        for wrong in ["", "A", "D-A", "a-d", "A-", "A–D", "1-4"] {
            assert_eq!(Letters::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Letters::first(3).to_string(), "A, B, C");
    }
}
