//! Templates: which blocks a completion consists of, and what marks them.

use std::borrow::Cow;

use gavel_plugin::Error;
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::options::Options;

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Text without a block's tags, written as `"*"`.
    Text,
    /// A block between `<name>` and `</name>`, written as its name.
    Tag(String),
    /// A block between two texts, written as a list of them.
    Pair(String, String),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementVisitor;

        impl<'de> Visitor<'de> for ElementVisitor {
            type Value = Element;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a tag, \"*\" for text, or a list of an opening and a closing text")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Element, E> {
                Ok(if name == "*" { Element::Text } else { Element::Tag(name.to_owned()) })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Element, A::Error> {
                let (open, close) = Deserialize::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Element::Pair(open, close))
            }
        }

        deserializer.deserialize_any(ElementVisitor)
    }
}

/// A template that holds together.
#[derive(Debug)]
pub(crate) struct Template<'a> {
    /// At least one.
    pub(crate) blocks: Vec<Block<'a>>,
    /// Whether text stands before the block of the same index; one more than blocks, the last for after them.
    pub(crate) text_before: Vec<bool>,
}

/// A block of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The tag's name, or the opening text of a pair.
    pub(crate) name: &'a str,
    pub(crate) open: Cow<'a, str>,
    pub(crate) close: Cow<'a, str>,
}

impl<'a> Template<'a> {
    /// The template of the options, or R1-Zero's: `<think>`, then `<answer>`.
    pub(crate) fn new(options: &'a Options) -> Result<Self, Error> {
        let mut template = Self { blocks: Vec::new(), text_before: vec![false] };
        match &options.template {
            Some(elements) => elements.iter().try_for_each(|element| template.push(element))?,
            None => template.blocks.extend(["think", "answer"].map(Block::of_tag)),
        }
        template.text_before.resize(template.blocks.len() + 1, false);
        template.check(options)?;
        Ok(template)
    }

    fn push(&mut self, element: &'a Element) -> Result<(), Error> {
        let block = match element {
            Element::Text => {
                self.text_before.resize(self.blocks.len() + 1, false);
                if std::mem::replace(&mut self.text_before[self.blocks.len()], true) {
                    return Err(invalid("two \"*\" in a row; one stands for any text"));
                }
                return Ok(());
            }
            Element::Tag(name)
                if name.is_empty()
                    || name.contains(['<', '>', '/'])
                    || name.contains(char::is_whitespace) =>
            {
                return Err(invalid(&format!(
                    "{name:?} is no name of a tag; write think for <think>…</think>"
                )));
            }
            Element::Tag(name) => Block::of_tag(name),
            Element::Pair(open, close) if open.is_empty() || close.is_empty() => {
                return Err(invalid("the opening and the closing text of a block cannot be empty"));
            }
            Element::Pair(open, close) => {
                Block { name: open, open: Cow::Borrowed(open), close: Cow::Borrowed(close) }
            }
        };
        self.blocks.push(block);
        Ok(())
    }

    fn check(&self, options: &Options) -> Result<(), Error> {
        if self.blocks.is_empty() {
            return Err(invalid("needs at least one block, such as think"));
        }
        let mut texts: Vec<&str> =
            self.blocks.iter().flat_map(|block| [&*block.open, &*block.close]).collect();
        texts.sort_unstable();
        if let Some(twice) = texts.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(invalid(&format!("{} marks two things; name each block once", twice[0])));
        }
        if self.text_before.contains(&true) && options.allow_any_order == Some(true) {
            return Err(invalid("\"*\" has no place in a template with allow_any_order; use allow_outside"));
        }
        if self.text_before[0] && options.prefilled_think == Some(true) {
            return Err(Error::InvalidOptions(
                "prefilled_think: the template starts with text, so no block can be open already".to_owned(),
            ));
        }
        let json =
            options.json.as_ref().and_then(|json| json.block.as_ref()).map(|name| ("json.block", name));
        let counted = options.min_words.iter().flat_map(|words| words.keys().map(|name| ("min_words", name)));
        match json.into_iter().chain(counted).find(|(_, name)| self.block(name).is_none()) {
            Some((option, name)) => Err(Error::InvalidOptions(format!(
                "{option}: {name:?} is no block of the template; it has {}",
                self.blocks.iter().map(|block| block.name).collect::<Vec<_>>().join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// The index of the block with this name.
    pub(crate) fn block(&self, name: &str) -> Option<usize> {
        self.blocks.iter().position(|block| block.name == name)
    }

    /// Every tag of the template in `text`, in order; where one is the start of another, the longer one.
    pub(crate) fn marks(&self, text: &str) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (block, Block { open, close, .. }) in self.blocks.iter().enumerate() {
            for (closes, tag) in [(false, open), (true, close)] {
                let mark =
                    |(start, found): (usize, &str)| Mark { block, closes, start, end: start + found.len() };
                marks.extend(text.match_indices(&**tag).map(mark));
            }
        }
        marks.sort_unstable_by_key(|mark| (mark.start, std::cmp::Reverse(mark.end)));
        let mut end = 0;
        marks.retain(|mark| {
            let kept = mark.start >= end;
            end = if kept { mark.end } else { end };
            kept
        });
        marks
    }
}

impl<'a> Block<'a> {
    fn of_tag(name: &'a str) -> Self {
        Self { name, open: Cow::Owned(format!("<{name}>")), close: Cow::Owned(format!("</{name}>")) }
    }
}

fn invalid(reason: &str) -> Error {
    Error::InvalidOptions(format!("template: {reason}"))
}

/// A tag in a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Index of the block that it opens or closes.
    pub(crate) block: usize,
    pub(crate) closes: bool,
    /// Bytes in the completion.
    pub(crate) start: usize,
    pub(crate) end: usize,
}
