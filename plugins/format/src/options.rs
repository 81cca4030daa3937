//! What the reward file may say under `options`, and which of it goes together.

use std::collections::BTreeMap;

use gavel_plugin::Error;
use serde::Deserialize;

use crate::tags::{Element, Template};

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The blocks and texts that the completion consists of, in order; `<think>` and `<answer>` when nothing else is
    /// asked for.
    pub template: Option<Vec<Element>>,
    /// The prompt ended with the first block's opening tag, so the completion starts inside. When left out, the prompt
    /// tells.
    pub prefilled_think: Option<bool>,
    /// The completion must match this; `^` and `$` tie it to both ends.
    pub regex: Option<String>,
    /// The completion must be a fenced block of Markdown.
    pub fence: Option<Fence>,
    /// The fenced block, a block of the template, or the whole completion must be JSON.
    pub json: Option<Json>,
    /// Blocks may occur more than once; false when left out.
    pub allow_repeats: Option<bool>,
    /// The template's blocks may come in another order; false when left out.
    pub allow_any_order: Option<bool>,
    /// Text may stand outside the blocks; false when left out.
    pub allow_outside: Option<bool>,
    /// White space may stand before, between and after the blocks; true when left out.
    pub allow_whitespace: Option<bool>,
    /// Blocks with nothing that says something in them pass; true when left out, but for a fence.
    pub allow_empty: Option<bool>,
    /// How many different words a block of the template must have at least, by its name.
    pub min_words: Option<BTreeMap<String, usize>>,
}

/// Which fenced block the completion must be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fence {
    /// What must stand after the opening fence, in any case; any language when left out.
    pub language: Option<String>,
}

/// What must be JSON.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Json {
    /// Which block of the template; the last one when left out.
    pub block: Option<String>,
    /// It must be an object with at least these keys.
    pub keys: Vec<String>,
}

/// The one form that is asked for.
#[derive(Debug)]
pub(crate) enum Shape<'a> {
    Regex(&'a str),
    Fence(&'a Fence),
    Json(&'a Json),
    Template(Template<'a>),
}

impl Options {
    /// The form that the options ask for.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOptions`] names options that do not go together, and what is wrong in a template.
    pub(crate) fn shape(&self) -> Result<Shape<'_>, Error> {
        let shape = match self {
            Self { regex: Some(regex), .. } => Shape::Regex(regex),
            Self { fence: Some(fence), .. } => Shape::Fence(fence),
            Self { json: Some(json), template: None, .. } => Shape::Json(json),
            _ => Shape::Template(Template::new(self)?),
        };
        let (name, unfit) = match &shape {
            Shape::Regex(_) => ("regex", self.all_but_regex()),
            Shape::Fence(_) => ("fence", self.template_alone()),
            Shape::Json(_) => ("json, for the whole completion", self.all_but_json()),
            Shape::Template(_) => return Ok(shape),
        };
        match unfit.into_iter().find(|(set, _)| *set) {
            Some((_, option)) => Err(Error::InvalidOptions(format!(
                "{option}: does not go together with {name}; leave one of them out"
            ))),
            None => Ok(shape),
        }
    }

    /// Options that say something of a template and of nothing else.
    fn template_alone(&self) -> Vec<(bool, &'static str)> {
        vec![
            (self.template.is_some(), "template"),
            (self.prefilled_think.is_some(), "prefilled_think"),
            (self.allow_any_order.is_some(), "allow_any_order"),
            (self.min_words.is_some(), "min_words"),
            (self.json.as_ref().is_some_and(|json| json.block.is_some()), "json.block"),
        ]
    }

    fn all_but_json(&self) -> Vec<(bool, &'static str)> {
        let mut options = self.template_alone();
        options.extend([
            (self.allow_repeats.is_some(), "allow_repeats"),
            (self.allow_outside.is_some(), "allow_outside"),
            (self.allow_whitespace.is_some(), "allow_whitespace"),
            (self.allow_empty.is_some(), "allow_empty"),
        ]);
        options
    }

    fn all_but_regex(&self) -> Vec<(bool, &'static str)> {
        let mut options = self.all_but_json();
        options.extend([(self.fence.is_some(), "fence"), (self.json.is_some(), "json")]);
        options
    }

    /// What may stand outside the blocks.
    pub(crate) fn is_nothing(&self, text: &str) -> bool {
        if self.allow_whitespace.unwrap_or(true) { text.trim().is_empty() } else { text.is_empty() }
    }
}
