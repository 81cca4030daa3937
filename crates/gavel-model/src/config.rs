//! The shape of a model, read from and written to Hugging Face's `config.json`.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{Error, RopeScaling};

/// The families of decoder-only transformers that are supported. They differ in where biases and norms are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Architecture {
    /// `LlamaForCausalLM`: no biases, unless `attention_bias` puts one on all four attention projections.
    #[default]
    Llama,
    /// `Qwen2ForCausalLM`: biases on the query, key and value projections.
    Qwen2,
    /// `Qwen3ForCausalLM` ([2505.09388](https://arxiv.org/abs/2505.09388)): RMSNorm of every query and key before positions
    /// turn them; no biases, unless `attention_bias` puts one on all four attention projections.
    Qwen3,
}

impl Architecture {
    const ALL: [Self; 3] = [Self::Llama, Self::Qwen2, Self::Qwen3];

    /// The `model_type` of `config.json`.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// The class in `transformers`, as it stands under `architectures`.
    pub fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }
}

/// The shape of a model. Fields have the names of `config.json`.
///
/// The default is a small Llama (4 layers of width 128) without a vocabulary; set at least `vocab_size`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The family.
    pub architecture: Architecture,
    /// Number of token ids.
    pub vocab_size: i64,
    /// Width of the residual stream.
    pub hidden_size: i64,
    /// Width of the feed-forward layers.
    pub intermediate_size: i64,
    /// Number of blocks.
    pub num_hidden_layers: i64,
    /// Number of query heads.
    pub num_attention_heads: i64,
    /// Number of key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: i64,
    /// Width of one head; even. When `config.json` does not say, 128 for Qwen3 and `hidden_size / num_attention_heads` for
    /// the others, as in `transformers`.
    pub head_dim: i64,
    /// The longest sequence that the model was made for. Not enforced.
    pub max_position_embeddings: i64,
    /// Added to the mean square in RMSNorm.
    pub rms_norm_eps: f64,
    /// The base of the rotary position embedding.
    pub rope_theta: f64,
    /// How its frequencies are scaled.
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the output projection is the token embedding.
    pub tie_word_embeddings: bool,
    /// Llama and Qwen3 only: biases on all four attention projections.
    pub attention_bias: bool,
    /// Standard deviation of freshly drawn weights.
    pub initializer_range: f64,
    /// The ids that end a text; none, one or several.
    pub eos_token_ids: Vec<i64>,
    /// The id that begins a text.
    pub bos_token_id: Option<i64>,
    /// The id that fills up batches.
    pub pad_token_id: Option<i64>,
    /// Everything else that `config.json` held, written back unchanged.
    pub other: Map<String, Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            architecture: Architecture::Llama,
            vocab_size: 0,
            hidden_size: 128,
            intermediate_size: 512,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            num_key_value_heads: 4,
            head_dim: 32,
            max_position_embeddings: 2048,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: true,
            attention_bias: false,
            initializer_range: 0.02,
            eos_token_ids: Vec::new(),
            bos_token_id: None,
            pad_token_id: None,
            other: Map::new(),
        }
    }
}

impl Config {
    /// Reads `config.json` of a model directory.
    ///
    /// # Errors
    /// When the file is missing or no JSON, or asks for what is not supported: the error names the field.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("config.json");
        let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
        Self::from_json(&text, &path)
    }

    /// Reads the text of a `config.json`; `path` is what errors name.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, Error> {
        let map: Map<String, Value> = serde_json::from_str(text).map_err(Error::json(path))?;
        let mut fields = Fields { map, path };
        let config = fields.read()?;
        config.check(path)?;
        Ok(config)
    }

    /// The text of `config.json` for weights of the type `dtype` (`float32`, `bfloat16`).
    pub fn to_json(&self, dtype: &str) -> String {
        let mut map = Map::new();
        let mut set = |name: &str, value: Value| map.insert(name.to_owned(), value);
        set("architectures", json!([self.architecture.class()]));
        set("model_type", json!(self.architecture.model_type()));
        set("vocab_size", json!(self.vocab_size));
        set("hidden_size", json!(self.hidden_size));
        set("intermediate_size", json!(self.intermediate_size));
        set("num_hidden_layers", json!(self.num_hidden_layers));
        set("num_attention_heads", json!(self.num_attention_heads));
        set("num_key_value_heads", json!(self.num_key_value_heads));
        set("head_dim", json!(self.head_dim));
        set("hidden_act", json!("silu"));
        set("max_position_embeddings", json!(self.max_position_embeddings));
        set("rms_norm_eps", json!(self.rms_norm_eps));
        set("rope_theta", json!(self.rope_theta));
        if let Some(scaling) = self.rope_scaling {
            set("rope_scaling", scaling.to_json());
        }
        set("tie_word_embeddings", json!(self.tie_word_embeddings));
        if self.architecture != Architecture::Qwen2 {
            set("attention_bias", json!(self.attention_bias));
        }
        set("initializer_range", json!(self.initializer_range));
        set("bos_token_id", json!(self.bos_token_id));
        set("eos_token_id", ids_to_json(&self.eos_token_ids));
        set("pad_token_id", json!(self.pad_token_id));
        set("torch_dtype", json!(dtype));
        map.extend(self.other.clone());
        format!("{:#}\n", Value::Object(map))
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let positive = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
        ];
        if let Some((field, value)) = positive.into_iter().find(|&(_, value)| value < 1) {
            return Err(Error::config(path, field, format!("is {value}, and must be at least 1")));
        }
        if self.num_attention_heads % self.num_key_value_heads != 0 {
            let reason =
                format!("is {}, which does not divide num_attention_heads", self.num_key_value_heads);
            return Err(Error::config(path, "num_key_value_heads", reason));
        }
        if self.head_dim % 2 != 0 {
            return Err(Error::config(path, "head_dim", format!("is {}, and must be even", self.head_dim)));
        }
        Ok(())
    }
}

fn ids_to_json(ids: &[i64]) -> Value {
    match ids {
        [] => Value::Null,
        [id] => json!(id),
        ids => json!(ids),
    }
}

/// The fields of one `config.json`, taken out one by one; what stays is what gavel does not know.
struct Fields<'a> {
    map: Map<String, Value>,
    path: &'a Path,
}

impl Fields<'_> {
    fn read(&mut self) -> Result<Config, Error> {
        let architecture = self.architecture()?;
        self.refuse_what_is_not_supported()?;
        let hidden_size = self.required("hidden_size")?;
        let num_attention_heads = self.required("num_attention_heads")?;
        let (rope_theta, rope_scaling) = self.rope()?;
        self.map.remove("torch_dtype");
        self.map.remove("dtype");
        let config = Config {
            architecture,
            vocab_size: self.required("vocab_size")?,
            hidden_size,
            intermediate_size: self.required("intermediate_size")?,
            num_hidden_layers: self.required("num_hidden_layers")?,
            num_attention_heads,
            num_key_value_heads: self.optional("num_key_value_heads")?.unwrap_or(num_attention_heads),
            head_dim: match self.optional("head_dim")? {
                Some(head_dim) => head_dim,
                None if architecture == Architecture::Qwen3 => 128,
                None => hidden_size / num_attention_heads.max(1),
            },
            max_position_embeddings: self.optional("max_position_embeddings")?.unwrap_or(2048),
            rms_norm_eps: self.number("rms_norm_eps")?.unwrap_or(1e-6),
            rope_theta,
            rope_scaling,
            tie_word_embeddings: self.flag("tie_word_embeddings")?,
            attention_bias: self.flag("attention_bias")?,
            initializer_range: self.number("initializer_range")?.unwrap_or(0.02),
            eos_token_ids: self.ids("eos_token_id")?,
            bos_token_id: self.optional("bos_token_id")?,
            pad_token_id: self.optional("pad_token_id")?,
            other: Map::new(),
        };
        Ok(Config { other: std::mem::take(&mut self.map), ..config })
    }

    fn architecture(&mut self) -> Result<Architecture, Error> {
        self.map.remove("architectures");
        let name = self.map.remove("model_type").ok_or_else(|| self.wrong("model_type", "is missing"))?;
        let known = Architecture::ALL.into_iter().find(|known| name == known.model_type());
        known.ok_or_else(|| {
            self.wrong("model_type", format!("is {name}; llama, qwen2 and qwen3 are supported"))
        })
    }

    /// Refuses fields that change the computation in a way that the model does not follow.
    fn refuse_what_is_not_supported(&mut self) -> Result<(), Error> {
        if let Some(activation) = self.map.remove("hidden_act").filter(|name| name != "silu") {
            return Err(self.wrong("hidden_act", format!("is {activation}; silu is supported")));
        }
        for field in ["mlp_bias", "use_sliding_window"] {
            if self.map.get(field) == Some(&Value::Bool(true)) {
                return Err(self.wrong(field, "is true, which is not supported"));
            }
        }
        if self.map.contains_key("quantization_config") {
            return Err(self.wrong("quantization_config", "is present; quantized weights are not supported"));
        }
        let sliding = |layers: &Vec<Value>| layers.iter().any(|layer| layer != "full_attention");
        if self.map.get("layer_types").and_then(Value::as_array).is_some_and(sliding) {
            return Err(
                self.wrong("layer_types", "has layers without full attention, which is not supported")
            );
        }
        let partial = self.map.get("partial_rotary_factor").and_then(Value::as_f64);
        if partial.is_some_and(|factor| factor != 1.0) {
            return Err(self.wrong("partial_rotary_factor", "is not 1, which is not supported"));
        }
        Ok(())
    }

    /// The rotary base and its scaling: `rope_theta` beside `rope_scaling` (transformers 4), or both in `rope_parameters`
    /// (5).
    fn rope(&mut self) -> Result<(f64, Option<RopeScaling>), Error> {
        let (mut theta, mut scaling) = (self.number("rope_theta")?, None);
        for field in ["rope_scaling", "rope_parameters"] {
            let Some(value) = self.map.remove(field) else { continue };
            let Value::Object(parameters) = value else { continue };
            let kind = parameters.get("rope_type").or_else(|| parameters.get("type"));
            let kind = kind.and_then(Value::as_str).unwrap_or("default");
            let read = RopeScaling::read(kind, &parameters).map_err(|reason| self.wrong(field, reason))?;
            scaling = read.or(scaling);
            theta = parameters.get("rope_theta").and_then(Value::as_f64).or(theta);
        }
        Ok((theta.unwrap_or(10_000.0), scaling))
    }

    fn required(&mut self, field: &str) -> Result<i64, Error> {
        self.optional(field)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    fn optional(&mut self, field: &str) -> Result<Option<i64>, Error> {
        match self.take(field) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_i64();
                number
                    .map(Some)
                    .ok_or_else(|| self.wrong(field, format!("is {value}, and must be an integer")))
            }
        }
    }

    fn number(&mut self, field: &str) -> Result<Option<f64>, Error> {
        match self.take(field) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_f64();
                number.map(Some).ok_or_else(|| self.wrong(field, format!("is {value}, and must be a number")))
            }
        }
    }

    fn flag(&mut self, field: &str) -> Result<bool, Error> {
        match self.take(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(value) => Err(self.wrong(field, format!("is {value}, and must be true or false"))),
        }
    }

    fn ids(&mut self, field: &str) -> Result<Vec<i64>, Error> {
        let ids = match self.take(field) {
            None => Some(Vec::new()),
            Some(Value::Array(ids)) => ids.iter().map(Value::as_i64).collect(),
            Some(id) => id.as_i64().map(|id| vec![id]),
        };
        ids.ok_or_else(|| self.wrong(field, "must be an integer or a list of integers"))
    }

    /// Takes a field out; `null` is as good as absent.
    fn take(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field).filter(|value| !value.is_null())
    }

    fn wrong(&self, field: &str, reason: impl Into<String>) -> Error {
        Error::config(self.path, field, reason)
    }
}
