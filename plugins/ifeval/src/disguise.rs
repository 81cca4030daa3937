//! What an eye takes a text for: markup as it is rendered, letters as what they look like.
//!
//! It finds what must not be there, never what must: a word that is read is there, however it is spelled.

use gavel_text::{is_invisible, joins};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection;

/// The longest tag or comment that is taken for one, in bytes.
const LONGEST_TAG: usize = 500;

/// Characters that take room and show nothing, though Unicode has some of them for letters.
pub(crate) fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{1d159}')
}

/// Whether there is nothing to be seen in a text.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| is_filler(c) || gavel_text::is_blank(c.encode_utf8(&mut [0; 4])))
}

/// The text without what cannot be seen, and with blanks where it seems to have some.
pub(crate) fn visible(text: &str) -> String {
    let seen = text.chars().filter(|&c| !is_invisible(c));
    seen.map(|c| if is_filler(c) { ' ' } else { c }).collect()
}

/// What an eye takes a text for, where that is more than what is written.
pub(crate) fn read(text: &str) -> Option<String> {
    if text.is_ascii() && !text.contains(['<', '&', '_', '*', '`', '~']) {
        return None;
    }
    let rendered = without_emphasis(&without_entities(&without_tags(text)));
    if rendered.is_ascii() {
        return Some(rendered);
    }
    let marked = without_loose_marks(&rendered);
    // What letters look like comes first: made compatible, the Greek letter `ϲ` is a sigma.
    let seen = marked.chars().map(looks_like).nfkc();
    Some(seen.filter(|&c| !is_invisible(c) && (!joins(c) || is_mark(c))).collect())
}

/// HTML without its tags and comments, which part no word that is read.
fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        let end = if tag.starts_with("!--") {
            tag.find("-->").map(|at| at + 3)
        } else {
            tag.find('>').map(|at| at + 1)
        };
        match end.filter(|end| is_tag && *end <= LONGEST_TAG) {
            Some(end) => rest = &tag[end..],
            None => {
                out.push('<');
                rest = tag;
            }
        }
    }
    out + rest
}

/// HTML with characters in the place of their names and numbers.
fn without_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        out.push_str(before);
        let named = entity.split_once(';').and_then(|(name, behind)| Some((character(name)?, behind)));
        match named {
            Some((c, behind)) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push('&');
                rest = entity;
            }
        }
    }
    out + rest
}

/// The character that HTML calls so: by number, or one of those that hide or part something.
fn character(name: &str) -> Option<char> {
    const NAMES: [(&str, char); 14] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("ensp", ' '),
        ("emsp", ' '),
        ("thinsp", ' '),
        ("shy", '\u{ad}'),
        ("zwj", '\u{200d}'),
        ("zwnj", '\u{200c}'),
        ("lrm", '\u{200e}'),
        ("rlm", '\u{200f}'),
    ];
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        },
        None => return NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    };
    number.and_then(char::from_u32)
}

/// Markdown without the marks of emphasis and code. An underscore within a word is part of it, as in `snake_case`.
fn without_emphasis(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`', '~', '_']) {
        let marks = rest[at..].len() - rest[at..].trim_start_matches(['*', '`', '~', '_']).len();
        let (before, behind) = (&rest[..at], &rest[at + marks..]);
        out.push_str(before);
        let run = &rest[at..at + marks];
        let in_word = out.ends_with(char::is_alphanumeric) && behind.starts_with(char::is_alphanumeric);
        if in_word {
            out.extend(run.chars().filter(|c| *c == '_'));
        }
        rest = behind;
    }
    out + rest
}

/// The text without the marks that stand by themselves behind a Latin letter: `a` and a grave accent are two characters
/// where a keyboard makes one, `à`, which is a letter of its own.
fn without_loose_marks(text: &str) -> String {
    let mut letter = false;
    let kept = text.chars().filter(|&c| {
        let is_loose = is_mark(c) && letter;
        if !is_mark(c) && !is_invisible(c) {
            letter = c.is_ascii_alphabetic();
        }
        !is_loose
    });
    kept.collect()
}

/// Whether a character is a mark on the letter before it. In scripts of India, a word is none without them.
fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    !c.is_ascii() && [EnclosingMark, NonspacingMark, SpacingMark].contains(&get_general_category(c))
}

/// The small letters of the size of capitals, from A to Z; `-` where Unicode has none.
const SMALL_CAPITALS: &str = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡ-ʏᴢ";
/// Where the alphabet begins that is in black circles, in black squares, and on flags.
const ALPHABETS: [u32; 3] = [0x1f150, 0x1f170, 0x1f1e6];

/// The letter from A to Z that a character looks like; itself where there is none.
fn looks_like(c: char) -> char {
    // What looks like a letter from A to Z is none of the characters of East Asia.
    if c.is_ascii() || matches!(c, '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{ffff}') {
        return c;
    }
    let letter = |place: usize| u8::try_from(place).ok().map(|place| char::from(b'a' + place));
    if let Some(place) = SMALL_CAPITALS.chars().position(|small| small == c) {
        return letter(place).unwrap_or(c);
    }
    let place = |start: &u32| u32::from(c).checked_sub(*start).filter(|place| *place < 26);
    if let Some(place) = ALPHABETS.iter().find_map(place) {
        return letter(place as usize).unwrap_or(c);
    }
    let mut prototype =
        confusable_detection::skeleton(c.encode_utf8(&mut [0; 4])).collect::<Vec<_>>().into_iter();
    match (prototype.next(), prototype.next(), prototype.next()) {
        (Some(seen), None, _) if seen.is_ascii_alphabetic() => seen,
        // Unicode has `m` look like `rn`.
        (Some('r'), Some('n'), None) => 'm',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> String {
        read(text).unwrap_or_else(|| text.to_owned()).to_lowercase()
    }

    #[test]
    fn a_word_is_read_however_it_is_spelled() {
        for text in [
            "_cat_",
            "__cat__",
            "**c**at",
            "c*a*t",
            "`c`at",
            "~~cat~~",
            "<b>c</b>at",
            "<span class=\"a\">c</span>at",
            "c<!-- x -->at",
            "c&#97;t",
            "c&#x61;t",
            "c&shy;at",
            "ca\u{300}t",
            "c\u{332}a\u{332}t\u{332}",
            "саt",
            "cɑt",
            "ᴄᴀᴛ",
            "ⓒⓐⓣ",
            "🅒🅐🅣",
            "🅲🅰🆃",
            "🇨🇦🇹",
            "ｃａｔ",
            "𝒸𝒶𝓉",
            "ϲаt",
        ] {
            assert_eq!(reads(text), "cat", "{text}");
        }
        for (text, read) in [
            ("my_cat_name", "my_cat_name"),
            ("a < b > c", "a < b > c"),
            ("càt résumé", "càt résumé"),
            ("R&D; AT&T", "r&d; at&t"),
            ("猫 ねこ", "猫 ねこ"),
            ("मैं", "मैं"),
        ] {
            assert_eq!(reads(text), read, "{text}");
        }
    }

    #[test]
    fn nothing_is_seen_of_fillers() {
        assert!(is_blank("\u{1d159}\u{3164} \u{200b}\u{fe0f}"));
        assert!(!is_blank("."));
        assert_eq!(visible("a\u{200b}b\u{3164}c"), "ab c");
    }
}
