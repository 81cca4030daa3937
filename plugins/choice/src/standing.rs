//! Whether a letter stands for a choice, or is part of a word, a number or a sentence.

use gavel_text::joins;

use crate::dress::{closed, is_closing, without_commands, word_at};
use crate::letters::{Mark, Script, mark};
use crate::task::Task;

/// A letter of the task at the start of `text`, with the rest behind it, when no word goes on there.
pub(crate) fn mark_at<'a>(text: &'a str, task: &Task) -> Option<(Mark, &'a str)> {
    let c = text.chars().next()?;
    let mark = mark(c, task.script).filter(|mark| task.letters.contains(mark.letter))?;
    let rest = &text[c.len_utf8()..];
    (!goes_on(mark, rest)).then_some((mark, rest))
}

/// Whether the characters behind a mark make it part of a word, a number or a formula.
fn goes_on(mark: Mark, rest: &str) -> bool {
    let mut characters = rest.chars();
    let Some(next) = characters.next() else { return false };
    let after = characters.next();
    let is_alphanumeric = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    match next {
        '\'' | '’' => after.is_some_and(char::is_alphabetic),
        '+' | '^' | '=' => true,
        '_' => is_alphanumeric(after),
        // `A-level` is a word, `A-D` a range, `A-` a grade.
        '-' if after.is_none_or(|c| !c.is_alphanumeric() && !c.is_whitespace() && !is_closing(c)) => true,
        '-' => is_alphanumeric(after) && is_alphanumeric(characters.next()),
        // `A.D.` is a word, `B.Rome` is not.
        '.' => after.is_some_and(char::is_uppercase) && characters.next() == Some('.'),
        _ if mark.is_latin && joins(next) => true,
        _ if mark.is_latin => {
            let is_letter = next.is_alphabetic() && next < '\u{250}' || is_latin(next);
            next.is_ascii_alphanumeric() || is_letter
        }
        _ => next.is_alphanumeric() || matches!(next, '\u{64b}'..='\u{65f}'),
    }
}

/// Whether it is a Latin letter in some font: `𝐁𝐂` is a word, too.
fn is_latin(c: char) -> bool {
    mark(c, Script::default()).is_some_and(|mark| mark.is_latin)
}

/// Whether the first mark of a text is a letter and not a word: "a", "A good …", "I think …".
pub(crate) fn stands_alone(mark: Mark, opened: bool, after: &str) -> bool {
    let closed_by_bracket = after.starts_with([')', ']', '）', '】', ':', '：', '*', '"']);
    if mark.is_small {
        let rest =
            after.trim_matches(|c: char| is_closing(c) || c.is_whitespace() || matches!(c, '.' | '。' | '!'));
        return opened && closed_by_bracket
            || after.starts_with(')')
            || without_commands(rest).trim().is_empty();
    }
    if !mark.is_latin || !matches!(mark.letter, 'A' | 'I') {
        return true;
    }
    let Some(next) = after.strip_prefix(' ').map(str::trim_start) else { return true };
    if !next.starts_with(char::is_lowercase) {
        return true;
    }
    const FOLLOWERS: [&str; 34] = [
        "because", "since", "as", "is", "which", "for", "with", "based", "due", "and", "or", "but", "not",
        "so", "would", "in", "here", "from", "if", "when", "where", "porque", "parce", "car", "weil", "denn",
        "und", "et", "y", "perché", "pois", "karena", "oder", "ou",
    ];
    FOLLOWERS.iter().any(|follower| word_at(next, follower).is_some())
}

/// Whether a letter is the word "A" or "I" of a sentence.
pub(crate) fn is_word(mark: Mark, after: &str) -> bool {
    matches!(mark.letter, 'A' | 'I') && after.trim_start().starts_with(char::is_lowercase)
}

/// Whether no word goes on behind a letter and the brackets that close it.
pub(crate) fn ends(after: &str) -> bool {
    closed(after).chars().next().is_none_or(|c| !c.is_alphanumeric())
}
