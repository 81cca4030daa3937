//! What can be seen of a text, and what is hidden in it.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Whether a character has no width and no meaning of its own: soft hyphens, marks of direction, joiners, byte order
/// marks. Leaving it out changes nothing that is read.
///
/// Tag characters (U+E0000 to U+E007F) are none of these: they spell a second text, so they are text.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Whether a character belongs to the one before it and makes another sign of it: a combining mark, a tag character, or
/// one that no font shows. `7` with one behind is not 7.
pub fn joins(c: char) -> bool {
    if c.is_ascii() || is_invisible(c) {
        return false;
    }
    c.general_category_group() == GeneralCategoryGroup::Mark
        || matches!(
            c.general_category(),
            GeneralCategory::Format | GeneralCategory::PrivateUse | GeneralCategory::Unassigned
        )
}

/// Whether there is nothing to be seen in a text.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || is_invisible(c)
            || joins(c)
            || matches!(
                c,
                '\u{2028}' | '\u{2029}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
            )
    })
}

/// The text as it is seen: nothing invisible in it, and plain white space, so that neither can keep letters apart.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r');
    if text.is_ascii() && !text.contains(['\u{b}', '\u{c}']) {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|&c| !is_invisible(c));
    Cow::Owned(seen.map(|c| if is_odd(c) { ' ' } else { c }).collect())
}

/// Letters of Greek and Cyrillic, each beside the Latin one that it looks like.
const LOOK_ALIKES: [(&str, &str); 4] = [
    ("АВЕЅІЈКМНОРСТУХ", "ABESIJKMHOPCTYX"),
    ("аеѕіјорсух", "aesijopcyx"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    ("ανο", "avo"),
];

/// What an eye takes a text for: nothing invisible in it, no marks that compose with no letter, and the Latin letters
/// that others look like. For finding what must not be there; never for finding what must.
pub fn skeleton(text: &str) -> String {
    text.nfkc().filter(|&c| !is_invisible(c) && !joins(c)).map(without_disguise).collect()
}

fn without_disguise(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let seen = LOOK_ALIKES.iter().find_map(|(letters, latin)| {
        let place = letters.chars().position(|letter| letter == c)?;
        latin.chars().nth(place)
    });
    seen.unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_width_is_not_there() {
        assert_eq!(visible("a\u{200b}b\u{a0}c"), "ab c");
        assert_eq!(visible("7\u{e0038}"), "7\u{e0038}", "a tag character is text");
        assert!(is_blank(" \u{200b}\u{e0041}\n"));
        assert!(!is_blank("."));
    }

    #[test]
    fn marks_and_tags_belong_to_what_they_follow() {
        for c in ['\u{332}', '\u{e0038}', '\u{20dd}', '\u{e000}'] {
            assert!(joins(c), "{c:?}");
        }
        for c in ['a', '7', 'é', '\u{200b}', '好', ' ', '\u{fe0f}'] {
            assert!(!joins(c), "{c:?}");
        }
    }

    #[test]
    fn disguised_letters_look_like_others() {
        for text in ["Par\u{e0041}is", "Pa\u{332}ris", "Pа\u{200b}ris", "Ρaris"] {
            assert_eq!(skeleton(text), "Paris", "{text:?}");
        }
        assert_eq!(skeleton("cafe\u{301}"), "café");
    }

    #[test]
    fn look_alikes_come_in_pairs() {
        for (letters, latin) in LOOK_ALIKES {
            assert_eq!(letters.chars().count(), latin.chars().count());
        }
    }
}
