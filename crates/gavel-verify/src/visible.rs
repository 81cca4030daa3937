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
        .map(|character| if matches!(character, '\n' | '\t') { character } else { sign(character) })
        .collect()
}

/// A name from outside, for one line of an error or a table: as [`visible`], with line ends and tabs as signs too, and
/// cut after `most` characters.
///
/// ```
/// assert_eq!(gavel_verify::visible_name("env\nerror: all is well", 8), "env␊erro…");
/// ```
pub fn visible_name(name: &str, most: usize) -> String {
    let mut characters = name.chars();
    let mut shown: String = characters.by_ref().take(most).map(sign).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The character, or what stands for it where it would not be seen as itself.
fn sign(character: char) -> char {
    match character {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{feff}' => '\u{fffd}',
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => '\u{fffd}',
        // Tags: a whole alphabet that no font shows.
        '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        _ => character,
    }
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

    #[test]
    fn what_no_font_shows_is_shown() {
        for hidden in ['\u{61c}', '\u{fff9}', '\u{e0041}'] {
            assert_eq!(visible(&hidden.to_string()), "\u{fffd}");
        }
    }

    #[test]
    fn a_name_stays_on_its_line_and_is_cut() {
        assert_eq!(visible_name("a\tb\r\nc", 200), "a␉b␍␊c");
        assert_eq!(visible_name(&"x".repeat(300), 200).chars().count(), 201);
    }
}
