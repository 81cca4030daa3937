//! `generation_config.json`: which ids end a text, and how a model's authors sample from it.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::Error;

pub(crate) const FILE: &str = "generation_config.json";

/// A model's `generation_config.json`. Fields that are absent are `None`; those that gavel does not use are kept in the
/// file's text, which is written back byte for byte.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationConfig {
    /// The ids that end a text; none, one or several.
    pub eos_token_ids: Vec<i64>,
    /// Whether to sample at all: `false` takes the most likely token.
    pub do_sample: Option<bool>,
    /// Logits are divided by it.
    pub temperature: Option<f64>,
    /// See [`Sampling::top_p`](crate::Sampling::top_p).
    pub top_p: Option<f64>,
    /// See [`Sampling::top_k`](crate::Sampling::top_k).
    pub top_k: Option<usize>,
    text: Vec<u8>,
}

#[derive(Deserialize)]
struct Fields {
    eos_token_id: Option<Ids>,
    do_sample: Option<bool>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<usize>,
}

/// One id, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(i64),
    Several(Vec<i64>),
}

impl GenerationConfig {
    /// Reads the file of a model directory; `None` if it has none.
    ///
    /// # Errors
    /// When the file cannot be read, or is not of its kind.
    pub fn load(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => Self::from_json(text.map_err(Error::read(&path))?, &path).map(Some),
        }
    }

    fn from_json(text: Vec<u8>, path: &Path) -> Result<Self, Error> {
        let fields: Fields = serde_json::from_slice(&text).map_err(Error::json(path))?;
        let eos_token_ids = match fields.eos_token_id {
            None => Vec::new(),
            Some(Ids::One(id)) => vec![id],
            Some(Ids::Several(ids)) => ids,
        };
        let Fields { do_sample, temperature, top_p, top_k, .. } = fields;
        Ok(Self { eos_token_ids, do_sample, temperature, top_p, top_k, text })
    }

    pub(crate) fn save(&self, directory: &Path) -> Result<(), Error> {
        let path = directory.join(FILE);
        fs::write(&path, &self.text).map_err(Error::write(&path))
    }
}
