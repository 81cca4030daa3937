//! What can go wrong with a model directory, a tokenizer, or a request to generate.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of this crate. Branch on the variant; the texts are for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not the JSON that it should be.
    #[error("{} is not valid JSON of its kind", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A configuration asks for something that is missing, contradictory or not supported.
    #[error("{}: `{field}` {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The field of the JSON object.
        field: String,
        /// What is wrong with it and what is supported.
        reason: String,
    },
    /// A weights file is not in the safetensors format.
    #[error("{} is not a readable safetensors file", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A weights file cannot be written.
    #[error("cannot write {}", path.display())]
    WriteWeights {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A tensor is missing or is not what the configuration says.
    #[error("{}: tensor `{name}` {reason}", path.display())]
    Weights {
        /// The file or directory.
        path: PathBuf,
        /// The tensor's Hugging Face name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tokenizer cannot be built, read or used.
    #[error("the tokenizer cannot {action}")]
    Tokenizer {
        /// What it was asked to do, and with what.
        action: String,
        /// What the `tokenizers` library says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chat template cannot be read, or refuses a conversation.
    #[error("the chat template in {}", path.display())]
    ChatTemplate {
        /// The file.
        path: PathBuf,
        /// What is wrong, by the template engine or by the template itself.
        #[source]
        source: Box<minijinja::Error>,
    },
    /// A text holds a character that the tokenizer has no token for.
    #[error("the tokenizer has no token for {character:?}, character {position} of {text:?}")]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Where it stands, counted in characters from 0.
        position: usize,
        /// The text.
        text: String,
    },
    /// The logits of a sequence are not numbers, so that no token can be drawn.
    #[error("the logits are not numbers at token {position} after prompt {index}: {}", Self::culprit(tensor.as_deref()))]
    NotFinite {
        /// The first parameter that holds NaN or an infinity, by its name in [`Model::parameters`](crate::Model::parameters);
        /// `None` where all are finite, so that the computation overflowed.
        tensor: Option<String>,
        /// Which prompt of the request, from 0.
        index: usize,
        /// Which token of its completion, from 0.
        position: usize,
    },
    /// A request to generate makes no sense.
    #[error("`{field}` {reason}")]
    Request {
        /// The option.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Whether a file could not be written: the machine's fault, where everything else is the input's.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::WriteWeights { .. })
    }

    fn culprit(tensor: Option<&str>) -> String {
        match tensor {
            Some(name) => format!("tensor `{name}` of the model holds NaN or an infinity"),
            None => "all tensors of the model are finite, so the computation overflowed".to_owned(),
        }
    }

    pub(crate) fn config(path: &Path, field: &str, reason: impl Into<String>) -> Self {
        Self::Config { path: path.to_owned(), field: field.to_owned(), reason: reason.into() }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        |source| Self::Json { path: path.to_owned(), source }
    }
}
