//! Halves of characters, which Python writes and no text can hold.

use std::borrow::Cow;

/// A line of JSON in which every half of a surrogate pair that stands alone is a replacement character (U+FFFD). Python's
/// `json.dumps` writes such halves where a text was cut in the middle of an emoji; they are no characters, and no plugin
/// can be given them.
pub(crate) fn whole_characters(line: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(backslash) = line[at..].find('\\').map(|found| at + found) {
        at = match (unit(line, backslash), unit(line, backslash + 6)) {
            // Not a `\u`: what is escaped is a single byte, such as a second backslash.
            (None, _) => (backslash + 2).min(line.len()),
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => backslash + 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.push_str(&line[kept..backslash]);
                mended.push_str("\\ufffd");
                kept = backslash + 6;
                kept
            }
            (Some(_), _) => backslash + 6,
        };
        // The escaped byte may be the first of a longer character, in text that is no JSON.
        at = line.ceil_char_boundary(at);
    }
    if kept == 0 {
        return Cow::Borrowed(line);
    }
    mended.push_str(&line[kept..]);
    Cow::Owned(mended)
}

/// The UTF-16 unit of the escape `\uXXXX` at this byte, if there is one.
fn unit(line: &str, at: usize) -> Option<u16> {
    let digits = line.get(at..at + 6)?.strip_prefix("\\u")?;
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_surrogate_pairs_are_replaced() {
        for (text, expected) in [
            (r"a\ud83d\ude00b", r"a\ud83d\ude00b"),
            (r"a\ud83db", r"a\ufffdb"),
            (r"\uDE00\uD83D", r"\ufffd\ufffd"),
            (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
            (r"\\ud83d\\\ud83d", r"\\ud83d\\\ufffd"),
            (r"\ud83d\n\u00e9", r"\ufffd\n\u00e9"),
            (r"\ud83d\u00e9é", r"\ufffd\u00e9é"),
        ] {
            assert_eq!(whole_characters(text), expected, "{text}");
        }
        for text in ["", "\\", "\\é", "\\u", "\\ud8", "\\ud80é", "é\\", "\\ud800\\"] {
            assert_eq!(whole_characters(text), text.replace("\\ud800", "\\ufffd"), "{text}");
        }
    }
}
