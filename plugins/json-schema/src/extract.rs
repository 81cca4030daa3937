//! Finds the JSON in a completion.

use std::fmt;

use gavel_plugin::{Error, excerpt};
use gavel_text::after_thinking;
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
        let Some(text) = find(text, place, &options.tag) else { continue };
        match document::parse(text) {
            Ok(value) => return Ok(Found { value, text, place }),
            // The first mistake is that of the place that matters most, unless that is just everything.
            Err(error) if mistake.is_none() || place != Place::Whole => {
                mistake = Some(format!("{place} is no JSON: {error}"));
            }
            Err(_) => {}
        }
    }
    Err(mistake.unwrap_or_else(|| "no JSON: nothing stands where it may".to_owned()))
}

fn find<'a>(text: &'a str, place: Place, tag: &str) -> Option<&'a str> {
    let found = match place {
        Place::Whole => Some(text),
        Place::Fenced => fenced(text),
        Place::Tag => tagged(text, tag).map(|inner| fenced(inner).unwrap_or(inner)),
    };
    found.map(str::trim).filter(|found| !found.is_empty())
}

/// The content of the last fenced block; none if that is of another language. One that is not closed reaches to the end,
/// as in CommonMark, and so is the last.
fn fenced(text: &str) -> Option<&str> {
    let mut last = None;
    let mut open: Option<(Fence<'_>, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match (&open, Fence::of(line)) {
            (Some((opening, start)), Some(fence)) if fence.closes(opening) => {
                last = opening.is_of_json().then(|| &text[*start..at]);
                open = None;
            }
            (None, Some(fence)) => open = Some((fence, at + line.len())),
            _ => {}
        }
        at += line.len();
    }
    match open {
        Some((opening, start)) => opening.is_of_json().then(|| &text[start..]),
        None => last,
    }
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
fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, after) = text.rsplit_once(&format!("<{tag}>"))?;
    after.split_once(&format!("</{tag}>")).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

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
