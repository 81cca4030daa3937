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
            // `[1]` and `[^1]` point elsewhere, and `a[i]` is code.
            let is_pointer = inner.trim_start_matches('^').bytes().all(|it| it.is_ascii_digit());
            count += usize::from(!is_contentless(inner) && !is_pointer && !after.starts_with('('));
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
        let point = line.strip_prefix(['-', '*', '+', '•']).filter(|point| !is_other_mark(line, point));
        point.is_some_and(|point| !is_contentless(point))
    };
    text.lines().filter(is_point).count()
}

/// Whether a mark at the start of a line is another one than a bullet: `**bold**`, `*emphasised* word`, `-5`, `--`.
fn is_other_mark(line: &str, point: &str) -> bool {
    let is_emphasis = || {
        let word = point.split(' ').next().unwrap_or_default();
        !point.starts_with(' ') && word.contains('*')
    };
    point.starts_with(['*', '-', '+'])
        || line.starts_with('-') && point.starts_with(|c: char| c.is_ascii_digit())
        || line.starts_with('*') && is_emphasis()
        || line.starts_with('+') && !point.starts_with(' ')
}

/// Whether a quotation ends before the text does that has quotation marks at both ends: `"Cats" are "animals"`.
pub(super) fn closes_early(quoted: &str) -> bool {
    quoted.find('"').is_some_and(|at| {
        let before = quoted[..at].chars().next_back();
        let behind = quoted[at + 1..].chars().next();
        before.is_some_and(|c| !c.is_whitespace()) && behind.is_some_and(char::is_whitespace)
    })
}

/// A text without code, in which stars are no emphasis, and without stars that a backslash escapes.
fn without_code(text: &str) -> String {
    let mut lines = Vec::new();
    let mut is_fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            let spoken = line.split('`').step_by(2).collect::<Vec<_>>();
            // A backtick that nothing closes opens no code.
            let is_closed = line.matches('`').count() % 2 == 0;
            lines.push(if is_closed { spoken.join("·") } else { line.to_owned() }.replace("\\*", ""));
        }
    }
    lines.join("\n")
}

/// How many pieces of a line are emphasised, as Markdown does it: no blank within the stars, and something in them.
pub(super) fn highlights(text: &str) -> usize {
    without_code(text).lines().map(highlights_of_line).sum()
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
        assert_eq!(placeholders("[name] [ ] [.] [a](b) [x] [1] [^2]"), 2);
        assert_eq!(bullets("- a\n- \n---\n* b\n**c**\n-5\n-- d\n*e* f\n+ g\n• h\n-i"), 5);
        assert_eq!(highlights("`*a* *b*` \\*c\\* *d*\n```\n*e*\n```"), 1);
        assert!(closes_early("Cats\" are \"animals") && !closes_early("He said \"hi\" and left"));
        assert_eq!(highlights("*a* **b** 2 * 3 * 4 *.* ***c***"), 3);
        assert_eq!(highlights("* a point with *one* and **two**"), 2);
        assert_eq!(sections("SECTION 1\na\n**SECTION 2:** b\nas SECTION 3 says", "SECTION"), 2);
        assert_eq!(sections("Day 1\nDay 2\n", "Day"), 0);
        assert_eq!(sections("Day 1\na\nDay 1\nb", "Day"), 1);
        assert!(has_title("# <<A Walk>>") && has_title("**Title:** <<A Walk>>."));
        assert!(!has_title("cout << x; cin >> y") && !has_title("<<.>>") && !has_title("1 << 2 >> 3"));
    }
}
