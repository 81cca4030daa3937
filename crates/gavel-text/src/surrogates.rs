//! Reads JSON as its grammar allows it: with escapes of half a character.

use std::borrow::Cow;

/// The JSON with U+FFFD in the place of every `\ud83d` and its like that has no second half. The grammar of RFC 8259
/// allows these, Python and JavaScript read and write them, and a Rust string cannot hold them.
pub fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    let mut whole = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        let start = at + found;
        let Some(code) = escaped(&json[start..]) else {
            // An escape of one character, such as a backslash.
            at = start + 1 + json[start + 1..].chars().next().map_or(0, char::len_utf8);
            continue;
        };
        at = start + ESCAPE;
        let is_first = (0xd800..0xdc00).contains(&code);
        let second = escaped(&json[at..]).filter(|code| (0xdc00..0xe000).contains(code));
        if is_first && second.is_some() {
            at += ESCAPE;
        } else if (0xd800..0xe000).contains(&code) {
            whole.push_str(&json[kept..start]);
            whole.push_str("\\ufffd");
            kept = at;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    whole.push_str(&json[kept..]);
    Cow::Owned(whole)
}

/// The length of `\ud83d`.
const ESCAPE: usize = 6;

/// The code of the escape that a text starts with.
fn escaped(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_without_the_other_are_replaced() {
        for (json, read) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\ud83dx\u0041""#, r#""\ufffdx\u0041""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(without_lone_surrogates(json), read, "{json}");
        }
    }
}
