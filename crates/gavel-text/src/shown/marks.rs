//! Marks that are told by what they start with: tokens of thoughts, comments, what is struck out.

use super::{CLOSE, LONGEST_STRIKE, LONGEST_TAG, OPEN};
use crate::start_of;

/// A token of thoughts at the start of a text, how long it is, and what it becomes.
pub(super) fn token(text: &str) -> Option<(usize, &'static str)> {
    const TOKENS: [(&str, &str); 12] = [
        ("<|begin_of_thought|>", OPEN),
        ("<|end_of_thought|>", CLOSE),
        ("<|START_THINKING|>", OPEN),
        ("<|END_THINKING|>", CLOSE),
        ("<|begin_thinking|>", OPEN),
        ("<|end_thinking|>", CLOSE),
        ("<|thinking|>", OPEN),
        ("<|/thinking|>", CLOSE),
        ("<|think|>", OPEN),
        ("<|/think|>", CLOSE),
        ("<unused94>thought", OPEN),
        ("<unused95>", CLOSE),
    ];
    if let Some((token, put)) = TOKENS.iter().find(|(token, _)| text.starts_with(token)) {
        return Some((token.len(), put));
    }
    // `<|end|><|start|>assistant<|channel|>final<|message|>`
    let mut rest = text.strip_prefix("<|end|>").unwrap_or(text).trim_start();
    rest = rest.strip_prefix("<|start|>assistant").unwrap_or(rest);
    let rest = rest.strip_prefix("<|channel|>")?;
    let near = start_of(rest, LONGEST_TAG);
    let (channel, _) = near.split_once("<|message|>")?;
    let length = text.len() - rest.len() + channel.len() + "<|message|>".len();
    Some((length, if channel.trim().starts_with("final") { CLOSE } else { OPEN }))
}

/// `[THINK]`, `[/THINK]`, and the comments of Markdown, `[//]: # (…)`: how long they are, and what they become.
pub(super) fn bracket(text: &str, at: usize) -> Option<(usize, &'static str)> {
    const COMMENTS: [&str; 4] = ["[//]: #", "[//]: <", "[comment]: #", "[comment]: <"];
    let rest = &text[at..];
    for (mark, put) in
        [("[THINK]", OPEN), ("[/THINK]", CLOSE), ("[REASONING]", OPEN), ("[/REASONING]", CLOSE)]
    {
        if rest.starts_with(mark) {
            return Some((mark.len(), put));
        }
    }
    let is_comment = starts_line(&text[..at]) && COMMENTS.iter().any(|it| rest.starts_with(it));
    is_comment.then(|| (rest.find('\n').unwrap_or(rest.len()), ""))
}

/// How long a comment of LaTeX is: a sign of percent that starts a line. In front of a small word, as in `% of all`, it
/// is no comment.
pub(super) fn comment(text: &str, at: usize) -> Option<usize> {
    if !starts_line(&text[..at]) {
        return None;
    }
    let rest = &text[at..];
    let said = rest.trim_start_matches(['%', ' ']);
    (!said.starts_with(char::is_lowercase)).then(|| rest.find('\n').unwrap_or(rest.len()))
}

fn starts_line(before: &str) -> bool {
    before.trim_end_matches([' ', '\t']).bytes().next_back().is_none_or(|it| it == b'\n')
}

/// How long a part is that Markdown strikes out: `~~7~~`. In formulas `~` is a space, and there signs stand beside it.
pub(super) fn struck(text: &str, at: usize) -> Option<usize> {
    const MARK: &str = "~~";
    let rest = &text[at + MARK.len()..];
    let (before, behind) = (text[..at].chars().next_back(), rest.chars().next()?);
    let is_sign = |c: char| !c.is_alphanumeric() && !c.is_whitespace();
    let opens = behind != '~'
        && before != Some('~')
        && !behind.is_whitespace()
        && (!is_sign(behind) || before.is_none_or(|c| c.is_whitespace() || is_sign(c)));
    if !opens {
        return None;
    }
    let near = start_of(rest, LONGEST_STRIKE);
    let near = near.split("\n\n").next().unwrap_or_default();
    let end = near.find(MARK).filter(|&end| !near[..end].ends_with(char::is_whitespace))?;
    near[..end].contains(char::is_alphanumeric).then_some(end + 2 * MARK.len())
}
