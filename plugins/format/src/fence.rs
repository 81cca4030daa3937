//! Whether a completion is a fenced block of Markdown, after CommonMark's rules for fences at the top level.

use gavel_plugin::Verdict;
use gavel_text::{is_blank, is_hidden};

use crate::json;
use crate::metrics::Metrics;
use crate::options::{Fence, Options};

/// Judges the completion: exactly one block that closes, of the language, nothing outside, unless the options waive it.
pub(crate) fn verify(completion: &str, fence: &Fence, options: &Options) -> Verdict {
    let page = Page::read(completion);
    let language = fence.language.as_deref();
    let is_wanted =
        |block: &&Block<'_>| language.is_none_or(|language| block.language.eq_ignore_ascii_case(language));
    let wanted = page.blocks.iter().filter(is_wanted).count();
    let found = wanted > 0 && !page.is_open;
    let once = found && wanted == 1;
    // A block of another language is no block that was asked for, and so stands outside.
    let alone = wanted == page.blocks.len() && page.outside.iter().all(|text| options.is_nothing(text));
    let nothing_outside = found && alone;
    let not_empty = found && page.blocks.iter().filter(is_wanted).all(|block| !is_blank(block.content));
    let waived = |option: Option<bool>| option == Some(true);
    let kind = language.map_or("fenced block".to_owned(), |language| format!("fenced block of {language}"));
    let mut broken = if page.is_open {
        Some("a fence is not closed".to_owned())
    } else if !found {
        Some(format!("has no {kind}"))
    } else if !once && !waived(options.allow_repeats) {
        Some(format!("has more than one {kind}"))
    } else if !nothing_outside && !waived(options.allow_outside) {
        Some(format!("has something outside the {kind}"))
    } else if !not_empty && options.allow_empty != Some(true) {
        Some("has an empty block".to_owned())
    } else {
        None
    };
    let mut metrics =
        Metrics { fence_found: found, fence_once: once, nothing_outside, not_empty, ..Metrics::default() };
    if let Some(wanted) = &options.json {
        let contents = page.blocks.iter().filter(is_wanted).map(|block| block.content);
        let finding = json::read_all(contents, wanted);
        broken = broken.or(finding.broken);
        metrics = Metrics { json_valid: finding.valid, json_keys: finding.keys, ..metrics };
    }
    metrics.verdict(broken, "is fenced as wanted")
}

/// A completion, cut at its fences.
#[derive(Debug, Default)]
struct Page<'a> {
    blocks: Vec<Block<'a>>,
    outside: Vec<&'a str>,
    /// The last block does not close; it is not among the blocks.
    is_open: bool,
}

/// A fenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block<'a> {
    /// The first word after the opening fence; empty when there is none.
    language: &'a str,
    content: &'a str,
}

impl<'a> Page<'a> {
    fn read(text: &'a str) -> Self {
        let mut page = Self::default();
        // Where the text outside, or the content of the open block, starts.
        let (mut from, mut at) = (0, 0);
        let mut opening: Option<Opening<'_>> = None;
        for line in text.split_inclusive('\n') {
            let (start, end) = (at, at + line.len());
            at = end;
            match opening {
                None => {
                    let Some(found) = Opening::read(line) else { continue };
                    page.outside.push(&text[from..start]);
                    (from, opening) = (end, Some(found));
                }
                Some(open) if open.is_closed_by(line) => {
                    page.blocks.push(Block { language: open.language, content: &text[from..start] });
                    (from, opening) = (end, None);
                }
                Some(_) => {}
            }
        }
        page.is_open = opening.is_some();
        page.outside.push(&text[from..]);
        page.drop_hidden();
        page
    }

    /// Drops the blocks that stand in a comment or in another part of the page that nobody sees.
    fn drop_hidden(&mut self) {
        if !self.outside.iter().any(|text| text.contains(['<', '\\'])) {
            return;
        }
        // What blocks spell is no markup of the page.
        let mut around = String::new();
        let mut places = Vec::with_capacity(self.blocks.len());
        for text in &self.outside {
            around.push_str(text);
            places.push(around.len());
            around.push('.');
        }
        let mut places = places.into_iter();
        self.blocks.retain(|_| places.next().is_none_or(|at| !is_hidden(&around, at)));
    }
}

/// A line that opens a block.
#[derive(Debug, Clone, Copy)]
struct Opening<'a> {
    mark: char,
    length: usize,
    language: &'a str,
}

impl<'a> Opening<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let fence = unindented(line)?;
        let mark = fence.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = fence.trim_start_matches(mark);
        let length = fence.len() - info.len();
        // A backtick after the fence makes it inline code.
        let opens = length >= 3 && !(mark == '`' && info.contains('`'));
        opens.then(|| Self { mark, length, language: info.split_whitespace().next().unwrap_or_default() })
    }

    fn is_closed_by(self, line: &str) -> bool {
        unindented(line).is_some_and(|fence| {
            let rest = fence.trim_start_matches(self.mark);
            fence.len() - rest.len() >= self.length && rest.trim().is_empty()
        })
    }
}

/// The line without up to three blanks; more make it indented code.
fn unindented(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len() <= 3).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Vec<(&str, &str)> {
        Page::read(text).blocks.iter().map(|block| (block.language, block.content)).collect()
    }

    #[test]
    fn fences_are_those_of_commonmark() {
        assert_eq!(contents("```py\nx\n```"), [("py", "x\n")]);
        assert_eq!(contents("~~~\n```\n~~~"), [("", "```\n")]);
        assert_eq!(contents("````md\n```\n````\n"), [("md", "```\n")]);
        assert_eq!(contents("```py title=x\n```"), [("py", "")]);
        assert!(contents("<!--\n```py\nx\n```\n-->").is_empty());
        assert_eq!(contents("<b>\n```html\n<!--\n```\n</b>"), [("html", "<!--\n")]);
        for text in [
            "``\nx\n``",
            "```x``` is inline",
            "    ```\nx\n    ```",
            "x ```\n",
            "```\nx\n``",
            "```\nx\n``` y",
        ] {
            assert!(contents(text).is_empty(), "{text:?}");
        }
    }
}
