//! Untrusted text for a person's eyes.

/// The text with every character visible: a control or direction mark, which could hide, reorder or colour what a
/// person reads, becomes a sign for itself. Line ends and tabs stay.
///
/// Completions, and whatever a plugin says of itself or of them, go through this before they reach a terminal or a
/// page.
///
/// ```
/// assert_eq!(gavel_verify::visible("right\u{1b}[2K\u{202e}!"), "right␛[2K\u{fffd}!");
/// ```
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            '\0'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{feff}' => '\u{fffd}',
            '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => '\u{fffd}',
            _ => character,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["", "3*5-2=13✓", "日本語\n\tand tabs"] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        let all: String = ('\0'..='\u{9f}').collect();
        assert!(
            visible(&all)
                .chars()
                .all(|character| matches!(character, '\n' | '\t') || !character.is_control())
        );
    }
}
