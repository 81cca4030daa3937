//! Adapters as PEFT keeps them: a folder with `adapter_config.json` and `adapter_model.safetensors`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tch::{Device, Kind};

use super::{Adapter, LoraOptions, Module, modules, name_of};
use crate::checkpoint::{Contents, read_file, require_vacant, write_directory, write_tensors};
use crate::{Error, Model, Precision, SaveDtype, Tokenizer, config, tokenizer};

pub(crate) const CONFIG: &str = "adapter_config.json";
pub(crate) const WEIGHTS: &str = "adapter_model.safetensors";
const BASE: &str = "base_model_name_or_path";
/// What stands before a name of the model in PEFT's files.
const PREFIX: &str = "base_model.model.";

/// The fields of `adapter_config.json` that matter here, beside those that must not be set.
#[derive(Deserialize)]
struct Fields {
    r: i64,
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    base_model_name_or_path: Option<PathBuf>,
}

/// Fields that change what an adapter computes in ways that are not followed here, and the values that do nothing.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("use_dora", &["false"]),
    ("bias", &["\"none\""]),
    ("lora_bias", &["false"]),
    ("modules_to_save", &["null", "[]"]),
    ("rank_pattern", &["{}"]),
    ("alpha_pattern", &["{}"]),
    ("target_parameters", &["null", "[]"]),
    ("trainable_token_indices", &["null"]),
    ("layer_replication", &["null"]),
    ("use_qalora", &["false"]),
    ("use_bdlora", &["null", "false"]),
    ("alora_invocation_tokens", &["null"]),
    ("arrow_config", &["null"]),
    ("kasa_config", &["null"]),
    ("monteclora_config", &["null"]),
    ("velora_config", &["null"]),
    // Others change the model's own weights.
    ("init_lora_weights", &["true", "false", "\"gaussian\"", "\"eva\"", "\"orthogonal\""]),
];

/// Whether a directory holds an adapter, and no model.
pub fn is_adapter(directory: &Path) -> bool {
    directory.join(CONFIG).exists() && !directory.join(config::FILE).exists()
}

/// The folder of the model that an adapter belongs to; `None` where `directory` holds no adapter, or a model beside it.
pub(crate) fn base_of(directory: &Path) -> Result<Option<PathBuf>, Error> {
    if !is_adapter(directory) {
        return Ok(None);
    }
    let path = directory.join(CONFIG);
    let wrong = |reason: String| Error::config(&path, BASE, reason);
    let Some(base) = read_config(&path)?.base_model_name_or_path else {
        return Err(wrong(
            "is missing: write the folder of the model that the adapter belongs to".to_owned(),
        ));
    };
    // As it stands, as PEFT takes it; or beside the adapter.
    let candidates = [base.clone(), directory.join(&base)];
    let found = candidates.into_iter().find(|path| path.join(config::FILE).exists());
    let absent = || {
        wrong(format!(
            "is {}, and there is no model: write the folder that the model of the adapter is in now",
            base.display()
        ))
    };
    found.map(Some).ok_or_else(absent)
}

/// Where the tokenizer of a directory is: of an adapter that has none, in that of its model.
pub(crate) fn with_tokenizer(directory: &Path) -> Result<PathBuf, Error> {
    let base = if directory.join(tokenizer::FILE).exists() { None } else { base_of(directory)? };
    Ok(base.unwrap_or_else(|| directory.to_owned()))
}

fn read_config(path: &Path) -> Result<Fields, Error> {
    let text = fs::read_to_string(path).map_err(Error::read(path))?;
    let map: Map<String, Value> = serde_json::from_str(&text).map_err(Error::json(path))?;
    let wrong = |field: &str, reason: String| Error::config(path, field, reason);
    let kind = map.get("peft_type").unwrap_or(&Value::Null);
    if kind != "LORA" {
        return Err(wrong("peft_type", format!("is {kind}, and \"LORA\" is supported")));
    }
    for (field, harmless) in UNSUPPORTED {
        let Some(value) = map.get(*field).map(Value::to_string) else { continue };
        if !harmless.contains(&value.as_str()) {
            let reason = format!("is {value}, which is not supported; {} is", harmless.join(" or "));
            return Err(wrong(field, reason));
        }
    }
    let fields: Fields = serde_json::from_str(&text).map_err(Error::json(path))?;
    if fields.r < 1 {
        return Err(wrong("r", format!("is {}, and must be at least 1", fields.r)));
    }
    Ok(fields)
}

/// Writes the model of an adapter to `directory`, which must not exist, with the adapter added and with their tokenizer.
///
/// # Errors
/// When adapter or model cannot be read, or `directory` exists or cannot be written. Nothing is left behind then.
pub fn merge_adapter(adapter: &Path, directory: &Path, dtype: SaveDtype) -> Result<Model, Error> {
    require_vacant(directory)?;
    let model = Model::load(adapter, Device::Cpu, Precision::FULL)?;
    let tokenizer = Tokenizer::load(adapter)?;
    write_directory(directory, |directory| {
        model.save_as(directory, dtype)?;
        tokenizer.save(directory)
    })?;
    Ok(model)
}

impl Model {
    /// Adds the adapter of a folder that PEFT or [`Model::save_adapter`] wrote, as [`Model::add_adapter`] does a fresh one.
    ///
    /// # Errors
    /// When files cannot be read, the adapter does not fit the model, or computes something that is not supported.
    pub fn load_adapter(&mut self, directory: &Path) -> Result<(), Error> {
        let Fields { r, lora_alpha, use_rslora, .. } = read_config(&directory.join(CONFIG))?;
        let path = directory.join(WEIGHTS);
        let wrong = |name: String, reason: &str| Error::Weights {
            path: path.clone(),
            name,
            reason: reason.to_owned(),
        };
        let mut tensors = HashMap::new();
        read_file(&path, (Kind::Float, None), &mut tensors, &mut HashMap::new())?;
        let modules: Vec<Module> = modules(&self.config)
            .into_iter()
            .filter(|module| tensors.contains_key(&stored_name(&name_of(&module.name, "A"))))
            .collect();
        let mut kinds: Vec<String> = modules.iter().map(|module| module.kind().to_owned()).collect();
        kinds.sort();
        kinds.dedup();
        let options = LoraOptions { r, alpha: lora_alpha, target_modules: kinds, rslora: use_rslora };
        let device = self.device;
        let adapter = Adapter::new(&self.config, &options, modules, |module| {
            let mut take = |part: &str, shape: [i64; 2]| {
                let name = stored_name(&name_of(&module.name, part));
                let tensor = tensors.remove(&name).ok_or_else(|| wrong(name.clone(), "is missing"))?;
                if tensor.size() != shape {
                    let reason = format!("has shape {:?}, and the model calls for {shape:?}", tensor.size());
                    return Err(wrong(name, &reason));
                }
                Ok(tensor.to_kind(Kind::Float).to_device(device))
            };
            let rows = module.rows.end - module.rows.start;
            Ok([take("A", [r, module.width])?, take("B", [rows, r])?])
        })?;
        if let Some(name) = tensors.into_keys().min() {
            return Err(wrong(name, "belongs to no linear layer of the model's blocks"));
        }
        self.take_adapter(adapter);
        Ok(())
    }

    /// Writes the adapter into `directory`, which must exist, in float32. PEFT loads it unchanged, and so do
    /// [`Model::load_adapter`] and, together with the model in `base`, [`Model::load`].
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// If the model has no adapter.
    pub fn save_adapter(&self, directory: &Path, base: &Path) -> Result<(), Error> {
        let adapter = self.adapter.as_ref().expect("a model with an adapter");
        let path = directory.join(CONFIG);
        let config = serde_json::to_string_pretty(&adapter.to_json(base)).expect("texts and numbers");
        fs::write(&path, config + "\n").map_err(Error::write(&path))?;
        let tensors: Vec<_> = adapter
            .named()
            .into_iter()
            .map(|(name, tensor)| (stored_name(&name), Contents::of(tensor, Kind::Float)))
            .collect();
        write_tensors(&directory.join(WEIGHTS), tensors)
    }
}

impl Adapter {
    /// `adapter_config.json`.
    fn to_json(&self, base: &Path) -> Value {
        let LoraOptions { r, alpha, rslora, .. } = self.options;
        let names = self.blocks.iter().flatten().flat_map(|adapted| &adapted.names);
        let mut targets: Vec<&str> = names.filter_map(|name| name.rsplit('.').next()).collect();
        targets.sort_unstable();
        targets.dedup();
        json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            BASE: base,
            "r": r,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "target_modules": targets,
            "use_rslora": rslora,
            "use_dora": false,
            "bias": "none",
            "fan_in_fan_out": false,
            "init_lora_weights": true,
            "inference_mode": true,
            "modules_to_save": null,
            "rank_pattern": {},
            "alpha_pattern": {},
        })
    }
}

fn stored_name(name: &str) -> String {
    format!("{PREFIX}{name}")
}
