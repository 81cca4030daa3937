//! Reading `config.json` field by field.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Architecture, Config};
use crate::checkpoint::fp8;
use crate::{Error, RopeScaling};

/// The fields of one `config.json`, taken out one by one; what stays is what gavel does not know.
pub(crate) struct Fields<'a> {
    map: Map<String, Value>,
    path: &'a Path,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: Map<String, Value>, path: &'a Path) -> Self {
        Self { map, path }
    }

    pub(super) fn read(mut self) -> Result<Config, Error> {
        let architecture = self.architecture()?;
        let family = architecture.family();
        let defaults = &family.defaults;
        self.refuse_what_is_not_supported()?;
        self.quantization()?;
        self.activation(architecture)?;
        let hidden_size = self.required("hidden_size")?;
        let num_attention_heads = self.required("num_attention_heads")?;
        // null is as many as there are heads, in every family.
        let said = self.map.contains_key("num_key_value_heads");
        let key_value_heads = defaults.num_key_value_heads.filter(|_| !said).unwrap_or(num_attention_heads);
        let (rope_theta, rope_scaling) = self.rope(defaults.rope_theta)?;
        self.map.remove("torch_dtype");
        self.map.remove("dtype");
        let mut config = Config {
            architecture,
            vocab_size: self.required("vocab_size")?,
            hidden_size,
            intermediate_size: self.required("intermediate_size")?,
            num_hidden_layers: self.required("num_hidden_layers")?,
            num_attention_heads,
            num_key_value_heads: self.optional("num_key_value_heads")?.unwrap_or(key_value_heads),
            head_dim: match self.optional("head_dim")?.or(defaults.head_dim) {
                Some(head_dim) => head_dim,
                None => hidden_size / num_attention_heads.max(1),
            },
            max_position_embeddings: self.optional("max_position_embeddings")?.unwrap_or(2048),
            rms_norm_eps: self.number("rms_norm_eps")?.unwrap_or(defaults.rms_norm_eps),
            rope_theta,
            rope_scaling,
            tie_word_embeddings: self.flag("tie_word_embeddings")?.unwrap_or(defaults.tie_word_embeddings),
            attention_bias: self.flag("attention_bias")?.unwrap_or(false) && family.has_attention_bias,
            initializer_range: self.number("initializer_range")?.unwrap_or(0.02),
            eos_token_ids: self.ids("eos_token_id")?,
            bos_token_id: self.optional("bos_token_id")?,
            pad_token_id: self.optional("pad_token_id")?,
            ..Config::default()
        };
        (family.read)(&mut self, &mut config)?;
        self.refuse_what_the_family_left()?;
        // One spelling for what makes no difference.
        let differs = |layers: Vec<bool>, from| if layers.contains(&from) { layers } else { Vec::new() };
        config.sliding_layers = differs(config.sliding_layers, true);
        config.rope_layers = differs(config.rope_layers, false);
        config.dense_layers = differs(config.dense_layers, true);
        config.query_pre_attn_scalar =
            config.query_pre_attn_scalar.filter(|&scalar| scalar != config.head_dim as f64);
        Ok(Config { other: self.map, ..config })
    }

    fn architecture(&mut self) -> Result<Architecture, Error> {
        self.map.remove("architectures");
        let name = self.map.remove("model_type").ok_or_else(|| self.wrong("model_type", "is missing"))?;
        let known = Architecture::ALL.into_iter().find(|known| name == known.model_type());
        known.ok_or_else(|| {
            let known = Architecture::ALL.map(Architecture::model_type).join(", ");
            self.wrong("model_type", format!("is {name}; supported are {known}"))
        })
    }

    /// Refuses fields that change the computation in a way that no model follows.
    fn refuse_what_is_not_supported(&self) -> Result<(), Error> {
        for field in ["mlp_bias", "use_bidirectional_attention"] {
            if self.says(field) {
                return Err(self.wrong(field, "is true, which is not supported"));
            }
        }
        Ok(())
    }

    /// Takes `quantization_config`, of which weights in blocks of 8-bit numbers are read; see [`fp8`].
    fn quantization(&mut self) -> Result<(), Error> {
        let Some(quantization) = self.take("quantization_config") else { return Ok(()) };
        fp8::Blocks::of(&quantization).map(drop).map_err(|reason| self.wrong("quantization_config", reason))
    }

    /// Refuses fields that some families follow, and this one has not.
    fn refuse_what_the_family_left(&mut self) -> Result<(), Error> {
        if self.says("use_sliding_window") {
            return Err(self.wrong("use_sliding_window", "is true, which is not supported"));
        }
        self.refuse_sliding_layers()?;
        let partial = self.map.remove("partial_rotary_factor");
        if partial.as_ref().and_then(Value::as_f64).is_some_and(|factor| factor != 1.0) {
            return Err(self.wrong("partial_rotary_factor", "is not 1, which this family does not have"));
        }
        if self.map.contains_key("rope_local_base_freq") {
            return Err(self.wrong("rope_local_base_freq", "is present, which this family does not have"));
        }
        Ok(())
    }

    fn activation(&mut self, architecture: Architecture) -> Result<(), Error> {
        let family = architecture.family();
        let (field, name) = (family.activation_field, family.activation.name());
        match self.take(field).filter(|found| found != name) {
            Some(found) => Err(self.wrong(field, format!("is {found}; {name} is supported"))),
            None => Ok(()),
        }
    }

    /// The rotary base and its scaling: `rope_theta` beside `rope_scaling` (transformers 4), or both in `rope_parameters`
    /// (5). What only some families have goes into the field that it has in transformers 4.
    fn rope(&mut self, default_theta: f64) -> Result<(f64, Option<RopeScaling>), Error> {
        let (mut theta, mut scaling) = (self.number("rope_theta")?.unwrap_or(default_theta), None);
        for field in ["rope_scaling", "rope_parameters"] {
            let Some(Value::Object(mut parameters)) = self.map.remove(field) else { continue };
            if let Some(Value::Object(local)) = parameters.remove("sliding_attention") {
                if self.rope_scaling(field, &local)?.is_some() {
                    let reason = "scales the positions of layers with a window, which is not supported";
                    return Err(self.wrong(field, reason));
                }
                self.keep("rope_local_base_freq", local.get("rope_theta"));
            }
            if let Some(Value::Object(full)) = parameters.remove("full_attention") {
                parameters = full;
            }
            scaling = self.rope_scaling(field, &parameters)?.or(scaling);
            theta = parameters.get("rope_theta").and_then(Value::as_f64).unwrap_or(theta);
            self.keep("partial_rotary_factor", parameters.get("partial_rotary_factor"));
        }
        Ok((theta, scaling))
    }

    fn keep(&mut self, field: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.map.insert(field.to_owned(), value.clone());
        }
    }

    fn rope_scaling(
        &self,
        field: &str,
        parameters: &Map<String, Value>,
    ) -> Result<Option<RopeScaling>, Error> {
        let kind = parameters.get("rope_type").or_else(|| parameters.get("type"));
        let kind = kind.and_then(Value::as_str).unwrap_or("default").to_owned();
        let context = self.map.get("max_position_embeddings").and_then(Value::as_f64);
        let outer = "original_max_position_embeddings";
        let mut parameters = parameters.clone();
        if ["longrope", "su"].contains(&kind.as_str()) && !parameters.contains_key(outer) {
            // As Phi-3's files have it, or what `transformers` takes then.
            let original = self.map.get(outer).or(self.map.get("max_position_embeddings"));
            parameters.extend(original.map(|original| (outer.to_owned(), original.clone())));
        }
        let scaling =
            RopeScaling::read(&kind, &parameters, context).map_err(|reason| self.wrong(field, reason))?;
        // transformers gives this one priority, which no file of these families is known to mean.
        let original = scaling.as_ref().and_then(RopeScaling::original_context);
        if let (Some(original), Some(said)) = (original, self.map.get(outer).and_then(Value::as_f64))
            && original != said
        {
            return Err(self.wrong(outer, format!("is {said}, and `{field}` says {original}")));
        }
        Ok(scaling)
    }

    /// Whether a field is `true`. It stays.
    pub(crate) fn says(&self, field: &str) -> bool {
        self.map.get(field) == Some(&Value::Bool(true))
    }

    pub(crate) fn remove(&mut self, field: &str) {
        self.map.remove(field);
    }

    /// Takes `sliding_window`, where `null` is no window, and no field is `default`.
    pub(crate) fn window(&mut self, default: Option<i64>) -> Result<Option<i64>, Error> {
        self.optional_or("sliding_window", default)
    }

    /// Takes an integer, where `null` is none, and no field is `default`.
    pub(crate) fn optional_or(&mut self, field: &str, default: Option<i64>) -> Result<Option<i64>, Error> {
        let said = self.map.contains_key(field);
        Ok(self.optional(field)?.or(default.filter(|_| !said)))
    }

    /// Takes a number, where `null` is none, and no field is `default`.
    pub(crate) fn number_or(&mut self, field: &str, default: Option<f64>) -> Result<Option<f64>, Error> {
        let said = self.map.contains_key(field);
        Ok(self.number(field)?.or(default.filter(|_| !said)))
    }

    /// Takes `layer_types`, which says what layers see the window alone; without it `default` says so.
    pub(crate) fn sliding_layers(
        &mut self,
        config: &mut Config,
        default: impl Fn(usize) -> bool,
    ) -> Result<(), Error> {
        let layers = match self.take("layer_types") {
            None => (0..config.layers()).map(default).collect(),
            Some(Value::Array(types)) if types.len() == config.layers() => {
                let sliding = |kind: &Value| match kind.as_str() {
                    Some("sliding_attention") => Ok(true),
                    Some("full_attention") => Ok(false),
                    _ => Err(self.wrong(
                        "layer_types",
                        format!("has {kind}; full and sliding attention are supported"),
                    )),
                };
                types.iter().map(sliding).collect::<Result<Vec<_>, _>>()?
            }
            Some(_) => return Err(self.wrong("layer_types", "must be a list with an entry for each layer")),
        };
        if layers.contains(&true) && config.sliding_window.is_none() {
            return Err(
                self.wrong("sliding_window", "is missing, and `layer_types` has layers with a window")
            );
        }
        config.sliding_layers = layers;
        Ok(())
    }

    /// Refuses layers with a window where there is none.
    pub(crate) fn refuse_sliding_layers(&self) -> Result<(), Error> {
        let sliding = |layers: &Vec<Value>| layers.iter().any(|layer| layer != "full_attention");
        if self.map.get("layer_types").and_then(Value::as_array).is_some_and(sliding) {
            return Err(
                self.wrong("layer_types", "has layers without full attention, and no window is in use")
            );
        }
        Ok(())
    }

    fn required(&mut self, field: &str) -> Result<i64, Error> {
        self.optional(field)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    pub(crate) fn optional(&mut self, field: &str) -> Result<Option<i64>, Error> {
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

    pub(crate) fn number(&mut self, field: &str) -> Result<Option<f64>, Error> {
        match self.take(field) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_f64();
                number.map(Some).ok_or_else(|| self.wrong(field, format!("is {value}, and must be a number")))
            }
        }
    }

    pub(crate) fn flag(&mut self, field: &str) -> Result<Option<bool>, Error> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
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
    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field).filter(|value| !value.is_null())
    }

    pub(crate) fn wrong(&self, field: &str, reason: impl Into<String>) -> Error {
        Error::config(self.path, field, reason)
    }
}
