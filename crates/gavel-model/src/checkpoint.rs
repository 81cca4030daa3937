//! Hugging Face model directories: weights in safetensors files, whole or in shards.

pub(crate) mod fp8;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use self::fp8::Blocks;
use crate::weights::{Stored, Weights, is_in_float32};
use crate::{Config, Error, config, generation_config, lora, tokenizer};

const WHOLE: &str = "model.safetensors";
const HEAD: &str = "lm_head.weight";
const EMBEDDING: &str = "model.embed_tokens.weight";
const INDEX: &str = "model.safetensors.index.json";

/// In which format weights are saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SaveDtype {
    /// The format that the model came in.
    #[default]
    Auto,
    /// IEEE single precision.
    Float32,
    /// The upper half of it.
    Bfloat16,
}

/// Every file of a model directory that loading reads, model and tokenizer, in the order of their names; of an adapter,
/// its own and those of its model.
///
/// # Errors
/// When the index of shards cannot be read.
pub fn model_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let base = lora::base_of(directory)?;
    let own = [config::FILE, generation_config::FILE, INDEX, lora::CONFIG, lora::WEIGHTS];
    let own = own.into_iter().chain(tokenizer::FILES);
    let own = own.map(|name| directory.join(name)).filter(|path| path.exists());
    let weights = match base {
        Some(base) => model_files(&base)?,
        None => files(directory)?,
    };
    let files: BTreeSet<PathBuf> = own.chain(weights).collect();
    Ok(files.into_iter().collect())
}

/// Reads the weights that `config` calls for, and the format that they come in. Tensors that it does not call for are
/// left alone: tied checkpoints often hold the output projection all the same. It must be the embedding then.
pub(crate) fn read(
    directory: &Path,
    config: &Config,
    kind: Kind,
    device: Device,
) -> Result<(Weights, Kind), Error> {
    let mut tensors = HashMap::new();
    let mut formats = HashMap::new();
    let blocks = Blocks::in_directory(directory)?;
    for path in files(directory)? {
        read_file(&path, (kind, blocks), &mut tensors, &mut formats)?;
    }
    if let Some(blocks) = blocks {
        blocks.make_whole(&mut tensors, kind, directory)?;
    }
    let weights = Weights::from_stored(config, |stored| take(&mut tensors, stored, directory))?;
    if let Some(head) = tensors.get(HEAD).filter(|_| config.tie_word_embeddings)
        && !head.equal(&weights.embedding)
    {
        let reason = "is not the embedding, and config.json says `tie_word_embeddings`: true, which would drop it; \
                      set it to false to keep the tensor, or take the tensor out of the file";
        let (path, name) = (directory.to_owned(), HEAD.to_owned());
        return Err(Error::Weights { path, name, reason: reason.to_owned() });
    }
    let unused: Vec<&str> = tensors.keys().map(String::as_str).filter(|name| !is_derived(name)).collect();
    if let Some(warning) = warning_of_unused(unused, directory) {
        tracing::warn!("{warning}");
    }
    let stored = formats.get(EMBEDDING).copied().unwrap_or(kind);
    Ok((weights.map(|tensor| tensor.to_device(device)), stored))
}

/// Whether a tensor says nothing that the model does not know: a tied output projection, or the frequencies of rotations, which
/// old checkpoints hold.
fn is_derived(name: &str) -> bool {
    name == HEAD || name.ends_with("rotary_emb.inv_freq")
}

/// What to say of tensors that the model has no place for. Whoever has the wrong `config.json`, say with one layer less, would
/// otherwise have another model and not know it.
fn warning_of_unused(mut names: Vec<&str>, directory: &Path) -> Option<String> {
    names.sort_unstable();
    let first = names.first()?;
    Some(format!(
        "{}: {} of the weights' tensors have no place in the model that config.json describes, `{first}` among them: they are \
         left out, and the model is another one without them unless they belong to something else (a head, a tower of vision)",
        directory.display(),
        names.len()
    ))
}

/// Writes `config.json` and `model.safetensors`, the weights as `kind`.
pub(crate) fn write(directory: &Path, config: &Config, weights: &Weights, kind: Kind) -> Result<(), Error> {
    let path = directory.join(config::FILE);
    fs::write(&path, config.to_json(dtype_name(kind))).map_err(Error::write(&path))?;
    let path = directory.join(WHOLE);
    let tensors: Vec<_> = weights
        .to_stored(config)
        .into_iter()
        .map(|(stored, tensor)| {
            let kind = if is_in_float32(&stored.name) { Kind::Float } else { kind };
            (stored.name, Contents::of(&tensor, kind))
        })
        .collect();
    write_tensors(&path, tensors)
}

/// Refuses a directory that exists already.
pub(crate) fn require_vacant(directory: &Path) -> Result<(), Error> {
    if directory.exists() {
        return Err(Error::write(directory)(std::io::ErrorKind::AlreadyExists.into()));
    }
    Ok(())
}

/// Writes a new directory: everything beside it first, so that no half of a model ever has its name.
pub(crate) fn write_directory(
    directory: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut partial = directory.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let written = fs::create_dir_all(partial)
        .map_err(Error::write(directory))
        .and_then(|()| fill(partial))
        .and_then(|()| fs::rename(partial, directory).map_err(Error::write(directory)));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(partial);
    }
    written
}

/// Writes a file of tensors, with the permissions of any new file: safetensors makes one that its owner alone can read.
pub(crate) fn write_tensors<N, V>(path: &Path, tensors: impl IntoIterator<Item = (N, V)>) -> Result<(), Error>
where
    N: AsRef<str> + Ord + Display,
    V: View,
{
    let new = File::create(path).and_then(|file| file.metadata()).map_err(Error::write(path))?;
    // transformers refuses files that do not say which framework's layout they hold.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(tensors, Some(metadata), path)
        .map_err(|source| Error::WriteWeights { path: path.to_owned(), source })?;
    fs::set_permissions(path, new.permissions()).map_err(Error::write(path))
}

/// The one file, or the shards that the index lists.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: HashMap<String, String>,
    }
    let index = directory.join(INDEX);
    if directory.join(WHOLE).exists() || !index.exists() {
        return Ok(vec![directory.join(WHOLE)]);
    }
    let text = fs::read_to_string(&index).map_err(Error::read(&index))?;
    let Index { weight_map } = serde_json::from_str(&text).map_err(Error::json(&index))?;
    let names: BTreeSet<_> = weight_map.into_values().collect();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Adds the tensors of a file as `kind`, and the formats that they had. Where there are `blocks` of 8-bit numbers, these stay as
/// they are, and so do their scales.
pub(crate) fn read_file(
    path: &Path,
    (kind, blocks): (Kind, Option<Blocks>),
    tensors: &mut HashMap<String, Tensor>,
    formats: &mut HashMap<String, Kind>,
) -> Result<(), Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let safetensors = |source| Error::Safetensors { path: path.to_owned(), source };
    for (name, view) in SafeTensors::deserialize(&bytes).map_err(safetensors)?.iter() {
        let in_blocks = blocks.filter(|_| view.dtype() == Dtype::F8_E4M3).map(|_| fp8::KIND);
        let Some(stored_kind) = kind_of(view.dtype()).or(in_blocks) else {
            let reason = format!("holds {:?}; F32, F16 and BF16 are supported", view.dtype());
            return Err(Error::Weights { path: path.to_owned(), name: name.to_owned(), reason });
        };
        let shape: Vec<_> = view.shape().iter().map(|&size| size as i64).collect();
        let tensor = Tensor::from_data_size(view.data(), &shape, stored_kind);
        let tensor = match () {
            () if in_blocks.is_some() => tensor,
            () if blocks.is_some() && fp8::holds_scales(name) || is_in_float32(name) => {
                tensor.to_kind(Kind::Float)
            }
            () => tensor.to_kind(kind),
        };
        tensors.insert(name.to_owned(), tensor);
        formats.insert(name.to_owned(), stored_kind);
    }
    Ok(())
}

fn take(tensors: &mut HashMap<String, Tensor>, stored: Stored, directory: &Path) -> Result<Tensor, Error> {
    let Stored { name, shape } = stored;
    let wrong = |reason| Error::Weights { path: directory.to_owned(), name: name.clone(), reason };
    let tensor = tensors.remove(&name).ok_or_else(|| wrong("is missing".to_owned()))?;
    if tensor.size() != shape {
        return Err(wrong(format!("has shape {:?}, and config.json calls for {shape:?}", tensor.size())));
    }
    Ok(tensor)
}

fn kind_of(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::Float),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        _ => None,
    }
}

fn dtype_of(kind: Kind) -> Dtype {
    match kind {
        Kind::Float => Dtype::F32,
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        other => panic!("parameters are fp32, fp16 or bf16, not {other:?}"),
    }
}

fn dtype_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Half => "float16",
        Kind::BFloat16 => "bfloat16",
        _ => "float32",
    }
}

/// A tensor on its way into a file; its bytes are converted and copied out when their turn comes.
pub(crate) struct Contents {
    tensor: Tensor,
    kind: Kind,
    shape: Vec<usize>,
}

impl Contents {
    pub(crate) fn of(tensor: &Tensor, kind: Kind) -> Self {
        let shape = tensor.size().iter().map(|&size| size as usize).collect();
        Self { tensor: tensor.shallow_clone(), kind, shape }
    }
}

impl View for Contents {
    fn dtype(&self) -> Dtype {
        dtype_of(self.kind)
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        let tensor = self.tensor.to_kind(self.kind).to_device(Device::Cpu).contiguous();
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.kind.elt_size_in_bytes()
    }
}
