//! Whether there is anything to be seen in a text: neither characters that show nothing nor markup without content are.

/// Elements of HTML that show nothing but what is in them.
const ELEMENTS: [&str; 18] = [
    "b", "br", "center", "code", "div", "em", "font", "i", "p", "pre", "s", "small", "span", "strong", "sub",
    "sup", "u", "wbr",
];

/// Names that HTML has for characters that show nothing.
const ENTITIES: [&str; 16] = [
    "nbsp",
    "ensp",
    "emsp",
    "emsp13",
    "emsp14",
    "thinsp",
    "hairsp",
    "numsp",
    "puncsp",
    "shy",
    "zwj",
    "zwnj",
    "lrm",
    "rlm",
    "ZeroWidthSpace",
    "NoBreak",
];

/// Whether a text shows nothing, as a page or as Markdown.
pub(crate) fn is_blank(text: &str) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '<' => empty_tag(rest),
            '&' => blank_entity(rest),
            c => shows_nothing(c).then(|| c.len_utf8()),
        };
        match length {
            Some(length) => rest = &rest[length..],
            None => return false,
        }
    }
    true
}

fn shows_nothing(c: char) -> bool {
    // A note head that music fonts leave empty.
    c == '\u{1d159}' || gavel_text::is_blank(c.encode_utf8(&mut [0; 4]))
}

/// How long the comment or the tag is with which a text begins, if it shows nothing.
fn empty_tag(text: &str) -> Option<usize> {
    if text.starts_with("<!--") {
        // One that is not closed hides all that follows.
        return Some(text.find("-->").map_or(text.len(), |at| at + 3));
    }
    let end = text.find('>')?;
    let name = text[1..end].trim_start_matches('/');
    let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
    ELEMENTS.iter().any(|element| element.eq_ignore_ascii_case(name)).then_some(end + 1)
}

/// How long the entity is with which a text begins, if it stands for a character that shows nothing.
fn blank_entity(text: &str) -> Option<usize> {
    let end = text.bytes().take(20).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let is_blank = match name.strip_prefix('#') {
        Some(digits) => {
            let hex = digits.strip_prefix(['x', 'X']);
            let number = hex.map_or_else(|| digits.parse(), |hex| u32::from_str_radix(hex, 16)).ok()?;
            char::from_u32(number).is_some_and(shows_nothing)
        }
        None => ENTITIES.contains(&name),
    };
    is_blank.then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in [
            "",
            " \n\u{200b}\u{3164}\u{2800}",
            "\u{1d159}",
            "<!-- -->",
            "<!-- a thought -->\n",
            "<!-- never closed",
            "&nbsp;&#160;&#x200B;",
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
    fn hostile_texts_are_read_in_linear_time() {
        for piece in ["<", "&", "<!--", "<br", "&#", "<b>"] {
            is_blank(&piece.repeat(200_000));
        }
    }
}
