//! Answers in `\boxed{…}`.

use std::borrow::Cow;

use gavel_text::{braced, is_case_split};

use super::{Placed, attached, working};

/// The longest content of a box, and the most boxes that make one list.
const LONGEST: usize = 20_000;
const MOST_BOXES: usize = 24;
/// How far boxes may be apart that `and` or `or` joins, in bytes.
const FARTHEST: usize = 70;
/// How far back the box before a box is looked for, its content included, in bytes.
const NEAR: usize = 2_000;

/// A box: where its command starts, its content, and where it ends.
struct Found<'a> {
    start: usize,
    content: &'a str,
    end: usize,
}

/// The content of the last box, together with those that stand beside it: `\boxed{1}, \boxed{2}` is `1, 2`; and where
/// the last box starts and ends.
pub(super) fn placed(text: &str) -> Option<Placed<'_>> {
    let last = last_box(text)?;
    let before = box_before(text, last.start);
    let is_case = before.as_ref().is_some_and(|before| is_one_of_cases(text, before, &last));
    let (content, is_joined) = with_neighbours(text, &last, before);
    Some(Placed { start: last.start, end: last.end, content, is_joined, is_case })
}

/// Whether the last box is one of several cases: `\boxed{8} if x > 0, otherwise \boxed{7}`.
fn is_one_of_cases(text: &str, before: &Found<'_>, last: &Found<'_>) -> bool {
    before.content.trim() != last.content.trim()
        && before.end <= last.start
        && is_case_split(&text[before.end..last.start])
}

/// The content of a box and of those that stand beside it, of which the next is `before`; and whether a word joins some.
fn with_neighbours<'a>(text: &'a str, last: &Found<'a>, before: Option<Found<'a>>) -> (Cow<'a, str>, bool) {
    if let Some(whole) = attached::enclosing(text, last.start, last.end, last.content) {
        return (Cow::Owned(whole), false);
    }
    let mut is_joined = false;
    let mut contents = vec![with_attached(text, last)];
    let mut start = last.start;
    let mut next = before;
    for _ in 0..MOST_BOXES {
        let Some(before) = next else { break };
        if before.end > start || !joins(&text[before.end..start]) {
            break;
        }
        is_joined |= !words_of(&text[before.end..start]).is_empty();
        start = before.start;
        let content = with_attached(text, &before);
        if !contents.iter().any(|it| it.trim() == content.trim()) {
            contents.push(content);
        }
        next = box_before(text, start);
    }
    let percent = sign_behind(&text[last.end..]);
    if let Some(value) = solved(&contents) {
        contents = vec![Cow::Owned(value)];
    } else if are_steps(&contents) {
        contents.truncate(1);
    }
    if contents.len() == 1 && percent.is_none() {
        return (contents.swap_remove(0), false);
    }
    contents.reverse();
    let joined = contents.join(", ");
    let content = Cow::Owned(match percent {
        Some(sign) if !joined.contains('%') => format!("{joined} {sign}"),
        _ => joined,
    });
    (content, is_joined)
}

/// The value that the last box gives an expression in the letters of the boxes before it: `a = 3`, `b = 4`, `a + b = 7`.
fn solved(contents: &[Cow<'_, str>]) -> Option<String> {
    let (last, before) = contents.split_first()?;
    working::solved(&before.join(", "), last).map(str::to_owned)
}

/// Whether boxes, the last one first, are steps to it. Either the last one is the value of a letter, and all before are
/// equations in that letter that are not solved for it: `x + 2x = 54` and then `x = 18`. Or it is the value that all
/// before come to: `A = 5 \cdot 4 = 20` and then `20`.
fn are_steps(contents: &[Cow<'_, str>]) -> bool {
    let sides = |text: &str| text.split_once('=').map(|(left, _)| left.trim().to_owned());
    let Some((last, before)) = contents.split_first() else { return false };
    let come_to_it =
        |step: &Cow<'_, str>| step.rsplit_once('=').is_some_and(|(_, value)| value.trim() == last.trim());
    if !before.is_empty() && before.iter().all(come_to_it) {
        return true;
    }
    let Some(name) = sides(last).filter(|name| name.chars().count() == 1) else { return false };
    !before.is_empty()
        && before.iter().all(|step| sides(step).is_some_and(|left| left != name && left.contains(&name)))
}

fn with_attached<'a>(text: &'a str, found: &Found<'a>) -> Cow<'a, str> {
    attached::around(text, found.start, found.end, found.content)
        .map_or(Cow::Borrowed(found.content), Cow::Owned)
}

/// The last box in front of `end`, if it is near enough to matter.
fn box_before(text: &str, end: usize) -> Option<Found<'_>> {
    let mut from = end.saturating_sub(NEAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let found = last_box(&text[from..end])?;
    Some(Found { start: from + found.start, content: found.content, end: from + found.end })
}

/// The content of the last box alone.
pub(super) fn last_content(text: &str) -> Option<&str> {
    last_box(text).map(|it| it.content)
}

/// The last box that is closed and not empty, with all that it is in: `\boxed{8 \boxed{7}}` says more than 7. One that
/// is not closed was cut off.
fn last_box(text: &str) -> Option<Found<'_>> {
    // Few letters are as rare as the `x` of "box".
    let ends = memchr::memrchr_iter(b'x', text.as_bytes());
    let places = ends.filter_map(|end| command_at(text, text[..=end].strip_suffix("box")?.len()));
    let mut boxes = places.take(MOST_BOXES).filter_map(|command| box_behind(text, command));
    let mut last = boxes.find(|it| !is_blank(it.content))?;
    for before in boxes {
        let encloses = before.end >= last.end;
        if encloses && before.content.trim() != &text[last.start..last.end] {
            last = before;
        }
    }
    Some(last)
}

fn is_blank(content: &str) -> bool {
    super::bare(content).is_empty()
}

/// A command that draws a box: where it starts and ends, and whether its backslash is there.
struct Command {
    start: usize,
    end: usize,
    whole: bool,
}

/// The command that has its `box` at `at`: `\boxed`, `\fbox`, `\framebox`.
///
/// Of `\boxed` the backslash may be missing, as where a program took `\b` for a character.
fn command_at(text: &str, at: usize) -> Option<Command> {
    let is_boxed = text[at..].starts_with("boxed");
    let end = at + if is_boxed { "boxed".len() } else { "box".len() };
    let names: &[&str] = if is_boxed { &["\\"] } else { &["\\f", "\\frame"] };
    if text[end..].starts_with(|c: char| c.is_alphabetic()) {
        return None;
    }
    if let Some(before) = names.iter().find_map(|name| text[..at].strip_suffix(name)) {
        return Some(Command { start: before.len(), end, whole: true });
    }
    let is_name = is_boxed && !text[..at].ends_with(|c: char| c.is_alphanumeric());
    (is_name && text[end..].starts_with('{')).then_some(Command { start: at, end, whole: false })
}

/// The box of a command: `\boxed{…}`, `\boxed 7`.
fn box_behind(text: &str, command: Command) -> Option<Found<'_>> {
    let behind = &text[command.end..];
    let rest = behind.trim_start();
    let inner = command.end + behind.len() - rest.len();
    if rest.starts_with('{') {
        let content = braced(rest, LONGEST)?;
        return Some(Found { start: command.start, content, end: inner + content.len() + 2 });
    }
    let content = rest.split([' ', '$', '\n']).next().filter(|_| command.whole)?;
    Some(Found { start: command.start, content, end: inner + content.len() })
}

/// Whether two boxes with `gap` between them are one answer: nothing but signs between them, or a short `and`.
fn joins(gap: &str) -> bool {
    if gap.len() > FARTHEST {
        return false;
    }
    // `\boxed{3} + \boxed{4} = \boxed{7}` is an equation.
    if matches!(gap.trim_matches([' ', '$']), "+" | "*" | "/" | "=") {
        return false;
    }
    let words = words_of(gap);
    let conjunction = words.iter().any(|word| matches!(*word, "and" | "or"));
    // `x = \boxed{3}, y = \boxed{4}`
    let is_next_name = gap.starts_with(',') && gap.trim_end().ends_with('=') && !gap.contains('\n');
    let is_named = is_next_name && matches!(words[..], [name] if name.len() == 1);
    words.is_empty()
        || is_named
        || conjunction && (words.len() == 1 || !gap.contains('\n') && !gap.contains(". "))
}

/// The words of a gap without the commands that lay out.
fn words_of(gap: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = gap;
    while let Some(at) = rest.find(|c: char| c.is_alphabetic()) {
        let command = rest[..at].ends_with('\\');
        let length = rest[at..].find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len() - at);
        if !command {
            words.push(&rest[at..at + length]);
        }
        rest = &rest[at + length..];
    }
    words
}

/// A sign of percent or a word of scale behind a box: `\boxed{28}\%`, `$\boxed{28}$ percent`, `\boxed{7}` million.
fn sign_behind(rest: &str) -> Option<&'static str> {
    const SCALES: [(&str, &str); 6] = [
        ("hundred", r"\text{ hundred}"),
        ("thousand", r"\text{ thousand}"),
        ("million", r"\text{ million}"),
        ("billion", r"\text{ billion}"),
        ("trillion", r"\text{ trillion}"),
        ("dozen", r"\text{ dozen}"),
    ];
    let rest = rest.trim_start_matches(['$', ' ', ')', '~']);
    let rest = rest.strip_prefix("\\)").unwrap_or(rest).trim_start();
    if ["%", "\\%", "percent", "pct"].iter().any(|it| rest.starts_with(it)) {
        return Some("\\%");
    }
    let rest = rest.strip_prefix("\\text{").unwrap_or(rest).trim_start();
    let is_word = |word: &str| {
        rest.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    SCALES.iter().find(|(word, _)| is_word(word)).map(|(_, sign)| *sign)
}
