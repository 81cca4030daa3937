//! What is seen of a completion: nothing that is hidden in it makes it longer, or two words of one.

use std::borrow::Cow;

use gavel_text::{is_filler, is_invisible, joins, page};

/// The text as it is seen: without characters that have no width and marks that are stuck to plain letters, and with
/// blanks where there seem to be some.
pub(crate) fn seen(text: &str) -> Cow<'_, str> {
    let page = page(text);
    if page.is_ascii() {
        return page;
    }
    Cow::Owned(without_invisible(&page))
}

fn without_invisible(text: &str) -> String {
    let mut on_plain = false;
    let kept = text.chars().filter(|&c| {
        let stuck = joins(c) && on_plain;
        if !joins(c) && !is_invisible(c) {
            // In other scripts, marks make the letter; no word of English differs from another by one.
            on_plain = c.is_ascii();
        }
        !is_invisible(c) && !stuck
    });
    kept.map(|c| if is_filler(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_not_seen() {
        assert_eq!(seen("a\u{200b}b\u{3164}c\u{e0041}d\u{332}"), "ab cd");
        assert_eq!(seen("नमस्ते é"), "नमस्ते é");
        assert_eq!(seen("9 [](x/y) <!-- a b -->&nbsp;<p hidden>c d</p>").trim(), "9");
        assert_eq!(seen("<think>a</think> \\boxed{7}"), "<think>a</think> \\boxed{7}");
    }
}
