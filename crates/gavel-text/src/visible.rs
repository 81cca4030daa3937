//! What can be seen of a text, and what is hidden in it.

use std::borrow::Cow;

use crate::markup;
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

/// Characters that take room and show nothing, though Unicode has some of them for letters: fillers of Hangul, the blank
/// of Braille, and a note head that music fonts leave empty.
pub fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{1d159}')
}

/// Whether a character alone shows nothing.
fn shows_nothing(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_invisible(c) || joins(c) || is_filler(c)
}

/// Whether there is nothing to be seen in a text, be it a page of HTML or Markdown: characters that show nothing,
/// comments, and elements and entities without content.
pub fn is_blank(text: &str) -> bool {
    has_only(text, shows_nothing)
}

/// Whether a text has nothing that says something: it is blank, or has only marks that part, close and stress what words
/// say, such as `.`, `**` and `- -`. A sign that may be an answer, such as `=` and `&`, is something.
pub fn is_contentless(text: &str) -> bool {
    let is_mark = |c: char| {
        if c.is_ascii() {
            return matches!(c, '!'..='#' | '\'' | '('..='*' | ',' | '-' | '.' | ':' | ';' | '?' | '[' | ']' | '_' | '`' | '{' | '}' | '~');
        }
        let is_sign = matches!(c, '&' | '%' | '@' | '/' | '\\' | '§' | '†' | '‡' | '‰');
        matches!(c, '`' | '~') || !is_sign && c.general_category_group() == GeneralCategoryGroup::Punctuation
    };
    let is_nothing = |c| shows_nothing(c) || is_mark(c);
    // What a page shows of it is gone through only where the text itself has something.
    has_only(text, is_nothing)
        || has_only(&crate::page::without_settings(&crate::page::page(text)), is_nothing)
}

/// Whether a text has only markup without content and characters that are nothing, written out or as entities.
fn has_only(text: &str, is_nothing: impl Fn(char) -> bool) -> bool {
    /// Behind so many characters that are nothing, nobody reads on.
    const MOST: usize = 200_000;
    let mut rest = text;
    let mut left = MOST;
    while let Some(c) = rest.chars().next().filter(|_| left > 0) {
        left -= 1;
        let length = match c {
            '<' => markup::blank_tag(rest),
            '&' => markup::entity(rest).filter(|(_, c)| is_nothing(*c)).map(|(length, _)| length),
            c => is_nothing(c).then(|| c.len_utf8()),
        };
        match length {
            Some(length) => rest = &rest[length..],
            None => return false,
        }
    }
    true
}

/// The text as it is seen: nothing invisible in it, and plain white space, so that neither can keep letters apart.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| is_filler(c) || c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r');
    if text.is_ascii() && !text.contains(['\u{b}', '\u{c}']) {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|&c| !is_invisible(c));
    Cow::Owned(seen.map(|c| if is_odd(c) { ' ' } else { c }).collect())
}

/// Letters of other scripts, small capitals and variants, each beside the Latin one that it looks like.
const LOOK_ALIKES: [(&str, &str); 8] = [
    // Cyrillic
    ("АВЕЅІЈКМНОРСТУХԚԜ", "ABESIJKMHOPCTYXQW"),
    ("аеѕіјорсухԁԛԝһӏ", "aesijopcyxdqwhl"),
    // Greek
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    ("ανοικρυχγ", "avoikpuxy"),
    // Latin in other shapes
    ("ɑɡıɩȷᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "agiijabcdefghijklmnoprstuvwyz"),
    // Armenian
    ("օոսհցզ", "onuhgq"),
    // Cherokee
    ("ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃ", "ABCDEGHiJKLMPRSTVWZ"),
    // Lisu
    ("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "BPDTGKJCZFMNLSRVHWXYAEIOU"),
];

/// What an eye takes a text for: nothing invisible in it, no marks that compose with no letter, and the Latin letters
/// that others look like. For finding what must not be there; never for finding what must.
pub fn skeleton(text: &str) -> String {
    text.nfkc().filter(|&c| !is_invisible(c) && !joins(c)).map(without_disguise).collect()
}

/// Whether [`bare_skeleton`] finds more in a text than its letters.
pub fn has_markup(text: &str) -> bool {
    text.contains(['*', '_', '`', '~', '{', '}', '\\', '<', '&', '\u{131}'])
        || text.chars().any(is_mark_apart)
}

/// Whether a character is a mark over or through the letter before it.
fn is_mark_apart(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// As [`skeleton`], and without markup inside of words, such as `Par**is**` and `Par&#105;s`, and without marks that are
/// characters of their own over a letter. The letter `é` is another one than `e` in many languages, and stays.
pub fn bare_skeleton(text: &str) -> String {
    let bare: String = markup::without_markup(text).chars().filter(|&c| !is_mark_apart(c)).collect();
    skeleton(&bare)
}

/// As [`bare_skeleton`], and without the accents of letters, where a text has them in one word alone: a language that
/// writes accents writes more of them, and there they make other words.
pub fn unaccented(text: &str) -> Option<String> {
    let is_accented = |c: char| !c.is_ascii() && c.is_alphabetic() && c.nfd().nth(1).is_some();
    let mut accented = text.split_whitespace().filter(|word| word.contains(is_accented));
    (accented.next().is_some() && accented.next().is_none())
        .then(|| bare_skeleton(&text.nfd().collect::<String>()))
}

/// Whether a character is of a block that has look-alikes: most texts have none of these, and long ones cost nothing.
fn may_be_disguise(c: char) -> bool {
    matches!(c, '\u{131}' | '\u{237}' | '\u{250}'..='\u{2af}' | '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}'
        | '\u{1d00}'..='\u{1d7f}' | '\u{a4d0}'..='\u{a4ff}' | '\u{a730}'..='\u{a77f}' | '\u{1f150}'..='\u{1f189}')
}

fn without_disguise(c: char) -> char {
    let letter = |first: u32| char::from_u32('A' as u32 + (c as u32 - first) % 26).unwrap_or(c);
    match c {
        _ if c.is_ascii() || !may_be_disguise(c) => c,
        '\u{1f150}'..='\u{1f169}' => letter(0x1f150),
        '\u{1f170}'..='\u{1f189}' => letter(0x1f170),
        _ => {
            let seen = LOOK_ALIKES.iter().find_map(|(letters, latin)| {
                let place = letters.chars().position(|letter| letter == c)?;
                latin.chars().nth(place)
            });
            seen.unwrap_or(c)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_width_is_not_there() {
        assert_eq!(visible("a\u{200b}b\u{a0}c"), "ab c");
        assert_eq!(visible("7\u{e0038}"), "7\u{e0038}", "a tag character is text");
        assert_eq!(visible("a\u{3164}b"), "a b");
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in [
            "",
            " \n\u{200b}\u{3164}\u{2800}\u{e0041}",
            "\u{1d159}",
            "<!-- -->",
            "<!-- a thought -->\n",
            "<!-- never closed",
            "&nbsp;&#160;&#x200B;&ZeroWidthSpace;",
            "<br><br/><BR />",
            "<p> </p><span style=\"x\"></span>",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in [
            ".",
            "a",
            "&amp;",
            "&#97;",
            "& nbsp;",
            "<answer>",
            "<done/>",
            "<",
            "<p>a</p>",
            "<!-- --> a",
            "&nbsp",
        ] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn punctuation_says_nothing() {
        for text in [
            ".",
            "**",
            "- -\n...",
            "<b>。</b>",
            "&#46; `_`",
            "",
            "…—“”",
            "<!-- a thought -->!",
            r"$\phantom{x}$",
            "$$ $$",
            r"\(\)",
            r"\quad",
            r"\\",
            "[](x)",
            "![](x)",
            "[//]: # (x)",
            "<p hidden>word</p>",
            "~~x~~",
            "<del>7</del>",
            r"\boxed{}",
            "<img>",
            r"\text{ }",
            r"\hspace{1cm}",
            r"\label{a}",
            "<script>x</script>",
            "<a id=x></a>",
            r"\begin{align}\end{align}",
            "| | |\n|-|-|",
            r"\textcolor{white}{x}",
            "<font size=0>x</font>",
        ] {
            assert!(is_contentless(text), "{text:?}");
        }
        for text in [
            "a",
            "7",
            "好",
            "∅",
            "👍",
            "=",
            "&",
            "<done/>",
            "<b>x</b>",
            "&#97;",
            "½",
            "$",
            "[a](x)",
            r"\pi",
            r"\emptyset",
            r"\boxed{7}",
            "| a |",
            "|",
        ] {
            assert!(!is_contentless(text), "{text:?}");
        }
    }

    #[test]
    fn hostile_texts_are_read_in_linear_time() {
        for piece in ["<", "&", "<!--", "<br", "&#", "<b>", "<b", "&amp;"] {
            let text = piece.repeat(200_000);
            let _ = (is_blank(&text), is_contentless(&text));
        }
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
        for text in [
            "Pa\u{300}ris",
            "Par**is**",
            "P\u{251}r\u{131}s",
            "Par<b>is</b>",
            "Par&#105;s",
            "Par&#x69;&zwnj;s",
            r"Par\textbf{is}",
            "Par_is_",
            "\u{1f17f}aris",
            "ᴘᴀʀɪꜱ",
        ] {
            assert_eq!(bare_skeleton(text).to_lowercase(), "paris", "{text:?}");
        }
        assert_eq!(unaccented("P\u{e4}r\u{ef}s"), Some("Paris".to_owned()));
        assert_eq!(unaccented("schön für"), None);
        for text in ["a & b", "5 < 6", "schön", "a &amp b; c"] {
            assert_eq!(bare_skeleton(text), text);
        }
    }

    #[test]
    fn look_alikes_come_in_pairs() {
        for (letters, latin) in LOOK_ALIKES {
            assert_eq!(letters.chars().count(), latin.chars().count());
        }
    }
}
