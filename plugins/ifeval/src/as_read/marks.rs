//! Marks of Markdown and brackets that a reader takes for what they should be: with words in them, where they belong.

use std::collections::BTreeSet;

use gavel_text::is_contentless;

/// What a line may have before what it says.
fn without_marks(line: &str) -> &str {
    line.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '#' | '*' | '_' | '>' | '-' | '"' | '“')
    })
}

/// How many `[…]` have something in them and are no link, `[…](…)`.
pub(super) fn placeholders(text: &str) -> usize {
    let in_line = |line: &str| {
        let (mut count, mut rest) = (0, line);
        while let Some((inner, after)) = rest.split_once('[').and_then(|(_, opened)| opened.split_once(']')) {
            count += usize::from(!is_contentless(inner) && !after.starts_with('('));
            rest = after;
        }
        count
    };
    text.lines().map(in_line).sum()
}

/// How many lines start with a bullet and say something behind it.
pub(super) fn bullets(text: &str) -> usize {
    let is_point = |line: &&str| {
        let line = line.trim_start();
        let point =
            line.strip_prefix('-').or_else(|| line.strip_prefix('*').filter(|it| !it.starts_with('*')));
        point.is_some_and(|point| !is_contentless(point))
    };
    text.lines().filter(is_point).count()
}

/// How many pieces of a line are emphasised, as Markdown does it: no blank within the stars, and something in them.
pub(super) fn highlights(text: &str) -> usize {
    text.lines().map(highlights_of_line).sum()
}

fn highlights_of_line(line: &str) -> usize {
    let (mut count, mut rest) = (0, line);
    while let Some(at) = rest.find('*') {
        let opened = rest[at..].trim_start_matches('*');
        let Some(end) = opened.find('*') else { break };
        let inner = &opened[..end];
        if inner.trim() == inner && !is_contentless(inner) {
            count += 1;
            rest = opened[end..].trim_start_matches('*');
        } else {
            rest = &opened[end..];
        }
        // Stars that open nothing may close nothing either.
        if inner.is_empty() {
            break;
        }
    }
    count
}

/// How many sections of different numbers start a line with the splitter and have words behind it.
pub(super) fn sections(text: &str, splitter: &str) -> usize {
    let heading = |line: &str| -> Option<(String, usize)> {
        let said = without_marks(line);
        let rest = said.strip_prefix(splitter)?;
        let rest = rest.strip_prefix(char::is_whitespace).unwrap_or(rest);
        let number: String = rest.chars().take_while(|c| c.is_numeric()).collect();
        (!number.is_empty()).then(|| (number.clone(), line.len() - rest.len() + number.len()))
    };
    let mut found = BTreeSet::new();
    let mut open = None;
    for line in text.lines() {
        let mut said = line;
        if let Some((number, end)) = heading(line) {
            open = Some(number);
            said = &line[end..];
        }
        if !is_contentless(said)
            && let Some(number) = open.take()
        {
            found.insert(number);
        }
    }
    found.len()
}

/// Whether a line starts with a title in `<<…>>`, or names one: `Title: <<A Walk>>`.
pub(super) fn has_title(text: &str) -> bool {
    text.lines().any(|line| {
        let Some((before, rest)) = line.split_once("<<") else { return false };
        let Some((title, _)) = rest.rsplit_once(">>") else { return false };
        let is_led_to = is_contentless(before) || before.trim_end_matches([' ', '*', '_']).ends_with(':');
        is_led_to && !is_contentless(title)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_hold_something() {
        assert_eq!(placeholders("[name] [ ] [.] [a](b) [x]"), 2);
        assert_eq!(bullets("- a\n- \n---\n* b\n**c**\n-5"), 3);
        assert_eq!(highlights("*a* **b** 2 * 3 * 4 *.* ***c***"), 3);
        assert_eq!(highlights("* a point with *one* and **two**"), 2);
        assert_eq!(sections("SECTION 1\na\n**SECTION 2:** b\nas SECTION 3 says", "SECTION"), 2);
        assert_eq!(sections("Day 1\nDay 2\n", "Day"), 0);
        assert_eq!(sections("Day 1\na\nDay 1\nb", "Day"), 1);
        assert!(has_title("# <<A Walk>>") && has_title("**Title:** <<A Walk>>."));
        assert!(!has_title("cout << x; cin >> y") && !has_title("<<.>>") && !has_title("1 << 2 >> 3"));
    }
}
