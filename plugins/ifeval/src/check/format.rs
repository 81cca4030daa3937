//! The kinds `detectable_content:…` and `detectable_format:…`: marks of Markdown, placeholders, JSON.

use gavel_plugin::excerpt;
use gavel_text::is_blank;
use serde::de::IgnoredAny;

use super::{at_least, exactly, holds};

/// At least so many `[…]`, each within a line.
pub(super) fn placeholders(response: &str, least: usize) -> Result<(), String> {
    let in_line = |line: &str| {
        let (mut count, mut rest) = (0, line);
        while let Some((_, after)) = rest.split_once('[').and_then(|(_, opened)| opened.split_once(']')) {
            count += 1;
            rest = after;
        }
        count
    };
    at_least(response.split('\n').map(in_line).sum(), least, "placeholders in square brackets")
}

/// The marker occurs, in any case; `P.S.` and `P.P.S` may have one blank between the letters.
pub(super) fn postscript(response: &str, marker: &str) -> Result<(), String> {
    let response = response.to_lowercase();
    let found = match marker {
        "P.S." => has_spaced(&response, &["p.", "s."]),
        "P.P.S" => has_spaced(&response, &["p.", "p.", "s"]),
        marker => response.contains(&marker.to_lowercase()),
    };
    holds(found, || format!("no postscript {:?}", excerpt(marker)))
}

/// Whether the parts occur one after the other, with at most one blank between.
fn has_spaced(text: &str, parts: &[&str]) -> bool {
    text.match_indices(parts[0]).any(|(at, _)| {
        let mut rest = Some(&text[at..]);
        for (index, part) in parts.iter().enumerate() {
            rest = rest.and_then(|rest| {
                let rest = if index > 0 { without_blank(rest) } else { rest };
                rest.strip_prefix(part)
            });
        }
        rest.is_some()
    })
}

/// The text without one white-space character at its start.
fn without_blank(text: &str) -> &str {
    text.strip_prefix(char::is_whitespace).unwrap_or(text)
}

/// Exactly so many lines that start with `*` (one) or `-`, after white space.
pub(super) fn bullets(response: &str, wanted: usize) -> Result<(), String> {
    let stars = count_lines(response, |line| {
        let mut after = line.strip_prefix('*')?.chars();
        // The character after the star may be the line break itself; the next line then belongs to the point.
        let second = after.next().filter(|second| *second != '*')?;
        Some(1 + second.len_utf8())
    });
    let hyphens = count_lines(response, |line| line.strip_prefix('-').map(|_| 1));
    exactly(stars + hyphens, wanted, "bullet points")
}

/// How many matches of `^\s*…$` there are, one after the other, where `head` is the length of what it wants of `…`.
fn count_lines(text: &str, head: impl Fn(&str) -> Option<usize>) -> usize {
    let (mut count, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        let start = text.len() - trimmed.len();
        let searched = match head(trimmed) {
            Some(length) => {
                count += 1;
                let end = start + length + trimmed[length..].find('\n').unwrap_or(trimmed.len() - length);
                // The point may end where the next line starts, if it ate a line break and found an empty line.
                if text[..end].ends_with('\n') && end < text.len() {
                    at = end;
                    continue;
                }
                end
            }
            None => start,
        };
        match text[searched..].find('\n') {
            Some(newline) => at = searched + newline + 1,
            None => return count,
        }
    }
}

/// One of the three answers occurs.
pub(super) fn constrained_response(response: &str) -> Result<(), String> {
    const ANSWERS: [&str; 3] = ["My answer is yes.", "My answer is no.", "My answer is maybe."];
    let found = ANSWERS.iter().any(|answer| response.contains(answer));
    holds(found, || "none of the three answers such as \"My answer is yes.\"".to_owned())
}

/// At least so many `*…*` within a line with something in them; `**…**` counts once more.
pub(super) fn highlights(response: &str, least: usize) -> Result<(), String> {
    let lines = || response.split('\n').filter(|line| line.contains('*'));
    let count = |mark| lines().map(|line| count_between(line, mark)).sum::<usize>();
    at_least(count("*") + count("**"), least, "highlighted sections")
}

/// How many pieces of the line stand between two marks, with no star and more than white space in them.
fn count_between(line: &str, mark: &str) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = line[at..].find(mark) {
        let start = at + found + mark.len();
        let end = line[start..].find('*').map(|end| start + end);
        match end {
            Some(end) if line[end..].starts_with(mark) => {
                count += usize::from(!is_blank(&line[start..end]));
                at = end + mark.len();
            }
            // Only with two stars: what was found is no end, but may be a start.
            Some(_) => at += found + 1,
            None => break,
        }
    }
    count
}

/// At least so many times the splitter and a number.
pub(super) fn sections(response: &str, splitter: &str, least: usize) -> Result<(), String> {
    let (mut count, mut rest) = (0, response);
    while let Some((_, after)) = rest.split_once(splitter) {
        let numbered = without_blank(after).starts_with(char::is_numeric);
        count += usize::from(numbered);
        rest = after;
    }
    at_least(count, least, &format!("sections that start with {:?} and a number", excerpt(splitter)))
}

/// The whole response is JSON, be it within a fence.
pub(super) fn json(response: &str) -> Result<(), String> {
    let mut text = response.trim();
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    let text = text.strip_suffix("```").unwrap_or(text).trim();
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("is no JSON: {error}")),
    }
}

/// A line has `<<…>>` with something in it that is neither white space nor a bracket.
pub(super) fn title(response: &str) -> Result<(), String> {
    let has_title = |line: &str| {
        let Some((_, opened)) = line.split_once("<<") else { return false };
        let Some((title, _)) = opened.rsplit_once(">>") else { return false };
        !is_blank(&title.replace(['<', '>'], ""))
    };
    holds(response.split('\n').any(has_title), || "no title such as <<poem of joy>>".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_are_lines() {
        for (text, count) in [
            ("* one\n* two\n- three\n  * nested", 4),
            ("** bold\n**two", 0),
            ("*", 0),
            ("a * b\nc - d", 0),
            ("*\nfoo", 1),
            ("-\n-\n\n-", 3),
            ("---", 1),
            ("*\n\n- a", 2),
            ("\n\n\n* a", 1),
        ] {
            assert_eq!(bullets(text, count), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn highlights_are_within_a_line() {
        for (text, count) in
            [("*one* and *two*", 2), ("**three**", 1), ("***", 0), ("* *", 0), ("*a\nb*", 0), ("a*b*c*d*", 2)]
        {
            assert_eq!(highlights(text, count), Ok(()), "{text:?}");
            assert!(highlights(text, count + 1).is_err(), "{text:?}");
        }
    }

    #[test]
    fn titles_need_something_between_the_brackets() {
        assert!(title("x <<poem>> y").is_ok());
        for text in ["<<>>", "<< >>", "<poem>", "<<poem\n>>", "<<<>>>"] {
            assert!(title(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn long_hostile_texts_are_judged_in_linear_time() {
        for piece in ["\n", "*", "* ", "[", "**a", "<<", "p.", "- \n", "SECTION"] {
            let text = piece.repeat(200_000);
            let _ = (bullets(&text, 1), highlights(&text, 1), placeholders(&text, 1), title(&text));
            let _ = (postscript(&text, "P.P.S"), sections(&text, "SECTION", 1));
        }
    }
}
