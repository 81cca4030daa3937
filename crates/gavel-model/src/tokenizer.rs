//! Text to token ids and back, with Hugging Face's `tokenizer.json`.

use std::path::Path;

use crate::Error;

/// A tokenizer with the files that it came from.
#[derive(Debug, Clone)]
pub struct Tokenizer;

impl Tokenizer {
    /// Reads `tokenizer.json` of a model directory, and `tokenizer_config.json` where there is one.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        unimplemented!("{directory:?}")
    }

    /// A tokenizer with one token per character of `alphabet` after `<pad>` (id 0), `<eos>` (id 1) and `tags`
    /// (ids from 2: strings such as `<think>` that are one token each). It has no token for any other character.
    pub fn characters(alphabet: &str, tags: &[&str]) -> Result<Self, Error> {
        unimplemented!("{alphabet}{tags:?}")
    }

    /// Writes the tokenizer's files into `directory`, which must exist: those it was loaded from, byte for byte,
    /// or those of [`Tokenizer::characters`], which `transformers` loads as `PreTrainedTokenizerFast`.
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        unimplemented!("{directory:?}")
    }

    /// The token ids of `text`; special tokens written out in it count as such, none are added.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, Error> {
        unimplemented!("{text}")
    }

    /// The text of `tokens`, without special tokens (end, padding). Bytes that are no UTF-8 become U+FFFD.
    pub fn decode(&self, tokens: &[i64]) -> Result<String, Error> {
        unimplemented!("{tokens:?}")
    }

    /// The id of the token that is written `token`.
    pub fn token_id(&self, token: &str) -> Option<i64> {
        unimplemented!("{token}")
    }

    /// The id that ends a text, where the files name one.
    pub fn eos_token_id(&self) -> Option<i64> {
        unimplemented!()
    }

    /// The id that fills up batches: the pad token where the files name one, else the end token.
    pub fn pad_token_id(&self) -> Option<i64> {
        unimplemented!()
    }

    /// Number of ids, added tokens included. A model's `vocab_size` may be larger.
    pub fn vocab_size(&self) -> usize {
        unimplemented!()
    }
}
