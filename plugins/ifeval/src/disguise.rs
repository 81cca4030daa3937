//! What an eye takes a text for: markup as it is rendered, letters as what they look like.
//!
//! It finds what must not be there, never what must: a word that is read is there, however it is spelled.

use gavel_text::{is_invisible, joins, without_entities, without_tags};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection;

/// What an eye takes a text for, where that is more than what is written.
pub(crate) fn read(text: &str) -> Option<String> {
    if text.is_ascii() && !text.contains(['<', '&', '_', '*', '`', '~', '\\']) {
        return None;
    }
    // A hyphen that LaTeX may set, and does not.
    let rendered = without_emphasis(&without_entities(&without_tags(&text.replace("\\-", ""))));
    if rendered.is_ascii() {
        return Some(rendered);
    }
    let marked = without_loose_marks(&rendered);
    // What letters look like comes first: made compatible, the Greek letter `ϲ` is a sigma.
    let seen = marked.chars().map(looks_like).nfkc();
    Some(seen.filter(|&c| !is_invisible(c) && (!joins(c) || is_mark(c))).collect())
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
}
