//! Finds the JSON in a completion.

use std::fmt;

use gavel_plugin::{Error, excerpt};
use gavel_text::{after_thinking, is_block_disowned, is_block_withdrawn, is_crossed, is_hidden};
use serde::Deserialize;
use serde_json::Value;

use crate::{Options, document};

/// A place where the JSON may stand. In each, the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// All of the completion.
    Whole,
    /// A fenced block of Markdown, of the language `json` or of none.
    Fenced,
    /// Between `<answer>` and `</answer>`, or another tag; all of it, or a fenced block in it.
    Tag,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "the completion",
            Self::Fenced => "the last fenced block",
            Self::Tag => "the last tag",
        })
    }
}

/// What a type cannot say of the options.
pub(crate) fn check(options: &Options) -> Result<(), Error> {
    if options.order.is_empty() {
        return Err(Error::InvalidOptions("order: names no place".to_owned()));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if options.tag.is_empty() || !options.tag.chars().all(is_name) {
        return Err(Error::InvalidOptions(format!(
            "tag: {:?} is no name of letters, digits, _ and -",
            excerpt(&options.tag)
        )));
    }
    Ok(())
}

/// JSON in a completion.
pub(crate) struct Found<'a> {
    pub(crate) value: Value,
    /// As it is written.
    pub(crate) text: &'a str,
    pub(crate) place: Place,
}

/// The JSON in the first place that holds JSON, or why there is none.
pub(crate) fn json<'a>(completion: &'a str, options: &Options) -> Result<Found<'a>, String> {
    let text = after_thinking(completion);
    let mut mistake = None;
    for &place in &options.order {
        let Some(Stand { json, before, behind }) = find(text, place, &options.tag) else { continue };
        match document::parse(json) {
            Ok(_) if is_hidden(&without_blocks(text, json), before.len()) => {
                return Err(format!("{place} is hidden from who reads the completion"));
            }
            Ok(_)
                if is_block_disowned(before) || is_block_withdrawn(behind) || is_crossed(before, behind) =>
            {
                return Err(format!("{place} is taken back by what stands beside it"));
            }
            Ok(value) => return Ok(Found { value, text: json, place }),
            // The first mistake is that of the place that matters most, unless that is just everything.
            Err(error) if mistake.is_none() || place != Place::Whole => {
                mistake = Some(format!("{place} is no JSON: {error}"));
            }
            Err(_) => {}
        }
    }
    Err(mistake.unwrap_or_else(|| "no JSON: nothing stands where it may".to_owned()))
}

/// JSON in a text, and what stands around the block that holds it.
struct Stand<'a> {
    json: &'a str,
    before: &'a str,
    behind: &'a str,
}

fn find<'a>(text: &'a str, place: Place, tag: &str) -> Option<Stand<'a>> {
    let found = match place {
        Place::Whole => Some(Stand { json: text, before: "", behind: "" }),
        Place::Fenced => fenced(text),
        Place::Tag => tagged(text, tag).map(|stand| Stand {
            json: fenced(stand.json).map_or(stand.json, |within| within.json),
            ..stand
        }),
    };
    let found = found.map(|stand| Stand { json: stand.json.trim(), ..stand });
    found.filter(|stand| !stand.json.is_empty())
}

/// The text with blanks for all fenced blocks and for `json`, so that what these spell is no markup of the page.
fn without_blocks(text: &str, json: &str) -> String {
    let start = json.as_ptr() as usize - text.as_ptr() as usize;
    let json = start..start + json.len();
    let blocks = blocks(text).into_iter().map(|block| block.start..block.end).chain([json]);
    let mut bytes = text.as_bytes().to_vec();
    for block in blocks {
        bytes[block].fill(b' ');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The last fenced block; none if that is of another language.
fn fenced(text: &str) -> Option<Stand<'_>> {
    let block = blocks(text).pop().filter(|block| block.is_of_json)?;
    Some(Stand {
        json: &text[block.content.0..block.content.1],
        before: &text[..block.start],
        behind: &text[block.end..],
    })
}

/// Where a fenced block starts and ends, and its content.
struct Block {
    start: usize,
    content: (usize, usize),
    end: usize,
    is_of_json: bool,
}

/// All fenced blocks. One that is not closed reaches to the end, as in CommonMark, and so is the last.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Fence<'_>, usize, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        match (&open, Fence::of(line)) {
            (Some((opening, start, from)), Some(fence)) if fence.closes(opening) => {
                let is_of_json = opening.is_of_json();
                blocks.push(Block { start: *start, content: (*from, at), end, is_of_json });
                open = None;
            }
            (None, Some(fence)) => open = Some((fence, at, end)),
            _ => {}
        }
        at = end;
    }
    if let Some((opening, start, from)) = open {
        blocks.push(Block { start, content: (from, at), end: at, is_of_json: opening.is_of_json() });
    }
    blocks
}

/// A line of three or more backticks or tildes, and what stands behind them.
struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    /// The fence of a line, however far it is indented: models indent whole lists of steps.
    fn of(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = line.trim_start_matches(mark);
        let length = line.len() - info.len();
        // Backticks within the line are code in a sentence.
        (length >= 3 && !info.contains('`')).then_some(Self { mark, length, info })
    }

    fn closes(&self, opening: &Self) -> bool {
        self.mark == opening.mark && self.length >= opening.length && self.info.is_empty()
    }

    fn is_of_json(&self) -> bool {
        let language = self.info.split_whitespace().next().unwrap_or_default();
        language.is_empty() || language.eq_ignore_ascii_case("json")
    }
}

/// What stands in the last tag. One that is not closed counts as none, so that nothing before it can stand in for it.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<Stand<'a>> {
    let (before, after) = text.rsplit_once(&format!("<{tag}>"))?;
    let (json, behind) = after.split_once(&format!("</{tag}>"))?;
    Some(Stand { json, before, behind })
}

#[cfg(test)]
mod tests {
    fn fenced(text: &str) -> Option<&str> {
        super::fenced(text).map(|stand| stand.json)
    }

    fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
        super::tagged(text, tag).map(|stand| stand.json)
    }

    #[test]
    fn the_last_block_counts() {
        assert_eq!(fenced("```json\n1\n```\nor\n```\n2\n```"), Some("2\n"));
        assert_eq!(fenced("```json\n1\n```\n```json\n2"), Some("2"));
        assert_eq!(fenced("```json\n1\n```\n```python\n2"), None);
        assert_eq!(fenced("```json\n1\n```\n```python\n2\n```"), None);
        assert_eq!(fenced("1"), None);
        assert_eq!(fenced("````json\n```\n1\n````"), Some("```\n1\n"));
        assert_eq!(fenced("~~~JSON title=a\n1\n~~~"), Some("1\n"));
    }

    #[test]
    fn the_last_tag_counts() {
        assert_eq!(tagged("<a>1</a><a>2</a>", "a"), Some("2"));
        assert_eq!(tagged("<a>1</a><a>2", "a"), None);
    }
}
