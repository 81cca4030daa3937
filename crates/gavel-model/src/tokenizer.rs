//! Text to token ids and back, with Hugging Face's `tokenizer.json`.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{Error, lora};

pub(crate) const FILE: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";

/// The files that make up a tokenizer, as far as a model directory has them.
pub(crate) const FILES: [&str; 8] = [
    FILE,
    CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
];

/// A tokenizer with the files that it came from.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Name and contents of each file.
    files: Vec<(String, Vec<u8>)>,
    eos_token_id: Option<i64>,
    pad_token_id: Option<i64>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model directory, and `tokenizer_config.json` where there is one; of an adapter without
    /// tokenizer, those of its model.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let directory = &lora::with_tokenizer(directory)?;
        let mut files = Vec::new();
        for name in FILES {
            let path = directory.join(name);
            if name == FILE || path.exists() {
                files.push((name.to_owned(), fs::read(&path).map_err(Error::read(&path))?));
            }
        }
        Self::from_files(files, directory)
    }

    /// A tokenizer with one token for each character of `alphabet`, after `<pad>` (id 0), `<eos>` (id 1) and `tags`
    /// (from id 2): strings such as `<think>` that are one token each. It has no token for any other character.
    ///
    /// # Errors
    /// When a tag is empty, or a tag or character occurs twice.
    pub fn characters(alphabet: &str, tags: &[&str]) -> Result<Self, Error> {
        let characters = alphabet.chars().map(String::from);
        let tokens: Vec<_> = ["<pad>", "<eos>"]
            .into_iter()
            .chain(tags.iter().copied())
            .map(str::to_owned)
            .chain(characters)
            .collect();
        if let Some(index) =
            (0..tokens.len()).find(|&i| tokens[i].is_empty() || tokens[..i].contains(&tokens[i]))
        {
            let reason = format!("{:?} occurs twice or is empty", tokens[index]);
            return Err(Error::Request { field: "alphabet and tags", reason });
        }
        let file = |name: &str, json: &Value| (name.to_owned(), format!("{json:#}\n").into_bytes());
        let files = vec![
            file(FILE, &character_tokenizer(&tokens, 2 + tags.len())),
            file(CONFIG, &character_tokenizer_config()),
        ];
        Self::from_files(files, Path::new(""))
    }

    /// Writes the tokenizer's files into `directory`, which must exist: those it was loaded from, byte for byte,
    /// or those of [`Tokenizer::characters`], which `transformers` loads as `PreTrainedTokenizerFast`.
    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        for (name, contents) in &self.files {
            let path = directory.join(name);
            fs::write(&path, contents).map_err(Error::write(&path))?;
        }
        Ok(())
    }

    /// The token ids of `text`, as `tokenizer(text)` of `transformers` gives them: special tokens written out in it
    /// count as such, and those that the tokenizer puts around every text are added. One that it would put before a
    /// text that begins with it already, as a rendered chat does, is not added again.
    ///
    /// # Errors
    /// When the tokenizer has no token for a character and none for unknown ones.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, Error> {
        match self.inner.encode_fast(text, true) {
            Ok(encoding) => {
                let mut ids = encoding.get_ids();
                if self.doubles_the_first(text, ids) {
                    ids = &ids[1..];
                }
                Ok(ids.iter().map(|&id| i64::from(id)).collect())
            }
            Err(source) => Err(self.unencodable(text, source)),
        }
    }

    /// The token ids of a text that a chat template made: special tokens written out in it count as such, and none is
    /// added, since the template writes those that it wants.
    ///
    /// # Errors
    /// When the tokenizer has no token for a character and none for unknown ones.
    pub fn encode_chat(&self, text: &str) -> Result<Vec<i64>, Error> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => Ok(encoding.get_ids().iter().map(|&id| i64::from(id)).collect()),
            Err(source) => Err(self.unencodable(text, source)),
        }
    }

    /// The text of `tokens`, without special tokens (end, padding). Bytes that are no UTF-8 become U+FFFD.
    pub fn decode(&self, tokens: &[i64]) -> Result<String, Error> {
        self.decode_with(tokens, true)
    }

    /// The text of `tokens` with special tokens written out.
    pub(crate) fn decode_all(&self, tokens: &[i64]) -> Result<String, Error> {
        self.decode_with(tokens, false)
    }

    /// The id of the token that is written `token`.
    pub fn token_id(&self, token: &str) -> Option<i64> {
        self.inner.token_to_id(token).map(i64::from)
    }

    /// How the token of an id is written, where there is one.
    pub fn token(&self, id: i64) -> Option<String> {
        self.inner.id_to_token(u32::try_from(id).ok()?)
    }

    /// The id that ends a text, where the files name one.
    pub fn eos_token_id(&self) -> Option<i64> {
        self.eos_token_id
    }

    /// The id that fills up batches: the pad token where the files name one, else the end token.
    pub fn pad_token_id(&self) -> Option<i64> {
        self.pad_token_id.or(self.eos_token_id)
    }

    /// The largest id and one, added tokens included. A model's `vocab_size` may be larger.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    fn from_files(files: Vec<(String, Vec<u8>)>, directory: &Path) -> Result<Self, Error> {
        let contents = |name: &str| files.iter().find(|(file, _)| file == name).map(|(_, contents)| contents);
        let tokenizer = contents(FILE).expect("the caller read it");
        let mut inner = tokenizers::Tokenizer::from_bytes(tokenizer).map_err(|source| {
            let action = format!("be read from {}", directory.join(FILE).display());
            Error::Tokenizer { action, source }
        })?;
        // Some files ask for truncation or padding; cutting and filling up is for whoever makes batches.
        let _ = inner.with_truncation(None).map_err(|source| {
            let action = "turn truncation off".to_owned();
            Error::Tokenizer { action, source }
        })?;
        inner.with_padding(None);
        let path = directory.join(CONFIG);
        let config: Map<String, Value> = match contents(CONFIG) {
            Some(config) => serde_json::from_slice(config).map_err(Error::json(&path))?,
            None => Map::new(),
        };
        let id = |field: &str| inner.token_to_id(written(config.get(field)?)?).map(i64::from);
        let (eos_token_id, pad_token_id) = (id("eos_token"), id("pad_token"));
        Ok(Self { inner, files, eos_token_id, pad_token_id })
    }

    fn decode_with(&self, tokens: &[i64], skip_special: bool) -> Result<String, Error> {
        // An id that no token can have decodes to nothing, as ids between the tokens and a model's vocab_size do.
        let ids: Vec<_> = tokens.iter().map(|&id| u32::try_from(id).unwrap_or(u32::MAX)).collect();
        self.inner.decode(&ids, skip_special).map_err(|source| {
            let action = format!("decode {tokens:?}");
            Error::Tokenizer { action, source }
        })
    }

    fn unencodable(&self, text: &str, source: tokenizers::Error) -> Error {
        self.unknown_character(text).unwrap_or_else(|| {
            let action = format!("encode {text:?}");
            Error::Tokenizer { action, source }
        })
    }

    /// Whether the first of `ids` was put before a `text` that begins with the same token.
    fn doubles_the_first(&self, text: &str, ids: &[u32]) -> bool {
        let [first, second, ..] = ids else { return false };
        first == second
            && self.inner.encode_fast(text, false).is_ok_and(|plain| ids[1..].starts_with(plain.get_ids()))
    }

    /// The first character of `text` that cannot be encoded by itself.
    fn unknown_character(&self, text: &str) -> Option<Error> {
        let alone = |character: char| self.inner.encode_fast(character.to_string(), false);
        let (position, character) =
            text.chars().enumerate().find(|&(_, character)| alone(character).is_err())?;
        Some(Error::UnknownCharacter { character, position, text: text.to_owned() })
    }
}

/// A token in `tokenizer_config.json`: text, or an object with its text and how it matches.
fn written(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}

/// `tokenizer.json` for `tokens`, each with its place as id, of which the first `added` are matched whole.
fn character_tokenizer(tokens: &[String], added: usize) -> Value {
    let added_tokens: Vec<_> = tokens[..added]
        .iter()
        .enumerate()
        .map(|(id, token)| {
            json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": id < 2,
            })
        })
        .collect();
    let vocabulary: Map<String, Value> = tokens.iter().cloned().zip((0..).map(|id: i64| json!(id))).collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens,
        "normalizer": null,
        "pre_tokenizer": {
            "type": "Split", "pattern": { "Regex": r"[\s\S]" }, "behavior": "Isolated", "invert": false,
        },
        "post_processor": null,
        "decoder": { "type": "Fuse" },
        // The vocabulary lacks the unknown token on purpose: an unknown character is an error, not a guess.
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>" },
    })
}

fn character_tokenizer_config() -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "<eos>",
        "clean_up_tokenization_spaces": false,
    })
}
