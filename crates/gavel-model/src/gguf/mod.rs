//! Imports GGUF files: a quantised model in one file becomes a Hugging Face directory that can be trained.
//!
//! The format is that of <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod blocks;
mod config;
mod file;
mod tokenizer;
mod weights;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::checkpoint::{require_vacant, write_directory, write_tensors};
use crate::{Error, SaveDtype};
use file::File;

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The architecture, as the file names it.
    pub architecture: String,
    /// Numbers in all tensors.
    pub parameters: usize,
    /// By the name of a format, such as `Q4_1`: how many tensors were in it.
    pub formats: BTreeMap<&'static str, usize>,
    /// Whether there is a chat template.
    pub chat_template: bool,
}

/// Writes the model in the GGUF file `path` to `directory`, which must not exist: weights (`Auto` is bfloat16),
/// configurations, tokenizer and chat template.
///
/// # Errors
/// When the file is no GGUF file of a supported architecture, tokenizer and formats; when `directory` exists or
/// cannot be written. Nothing is left behind then.
pub fn import_gguf(path: &Path, directory: &Path, dtype: SaveDtype) -> Result<Imported, Error> {
    require_vacant(directory)?;
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let file = File::parse(path, &bytes)?;
    let architecture = config::architecture(&file)?;
    let tensors = weights::tensors(&file, architecture, dtype)?;
    let texts = [
        ("config.json", config::config(&file, architecture, dtype)?),
        ("generation_config.json", config::generation(&file)),
        ("tokenizer.json", tokenizer::tokenizer(&file)?),
        ("tokenizer_config.json", tokenizer::config(&file)?),
    ];
    let mut formats = BTreeMap::new();
    for tensor in file.tensors() {
        *formats.entry(tensor.format.name()).or_default() += 1;
    }
    let imported = Imported {
        architecture: architecture.name().to_owned(),
        parameters: file.tensors().map(|tensor| tensor.numbers()).sum(),
        formats,
        chat_template: file.text("tokenizer.chat_template").is_some(),
    };
    write_directory(directory, |directory| write_files(directory, &texts, &tensors))?;
    Ok(imported)
}

fn write_files(
    directory: &Path,
    texts: &[(&str, Value)],
    tensors: &[(String, weights::Converted<'_>)],
) -> Result<(), Error> {
    for (name, text) in texts {
        let path = directory.join(name);
        fs::write(&path, format!("{text:#}\n")).map_err(Error::write(&path))?;
    }
    let tensors = tensors.iter().map(|(name, tensor)| (name, tensor));
    write_tensors(&directory.join("model.safetensors"), tensors)
}
