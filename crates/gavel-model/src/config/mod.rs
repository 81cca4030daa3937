//! The shape of a model, read from and written to Hugging Face's `config.json`.

mod architecture;
mod fields;
mod parts;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

pub use self::architecture::Architecture;
pub(crate) use self::fields::Fields;
pub use self::parts::{LatentAttention, SigmoidRouting};
use crate::families::{Activation, Place};
use crate::rope::Rotary;
use crate::{Error, RopeScaling, lora};

pub(crate) const FILE: &str = "config.json";

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
    /// Width of one head, or of what positions turn of one in latent attention; even. When `config.json` does not say, 128 for Qwen3, 256 for Gemma, and
    /// `hidden_size / num_attention_heads` for the others, as in `transformers`.
    pub head_dim: i64,
    /// The longest sequence that the model was made for. Enforced with [`RopeScaling::Dynamic`] alone, and the
    /// original context of [`RopeScaling::LongRope`].
    pub max_position_embeddings: i64,
    /// Added to the mean square in RMSNorm.
    pub rms_norm_eps: f64,
    /// The base of the rotary position embedding.
    pub rope_theta: f64,
    /// How its frequencies are scaled.
    pub rope_scaling: Option<RopeScaling>,
    /// The share of a head that positions turn: its first dimensions.
    pub partial_rotary_factor: f64,
    /// The base of the rotary position embedding in layers with a window, where it is another; it is not scaled.
    pub local_rope_theta: Option<f64>,
    /// For each layer whether it knows positions (`no_rope_layers` of SmolLM3); empty where all do.
    pub rope_layers: Vec<bool>,
    /// How many tokens those of [`Config::sliding_layers`] see, the token itself among them.
    pub sliding_window: Option<i64>,
    /// For each layer whether it sees the window alone; empty where none does.
    pub sliding_layers: Vec<bool>,
    /// Scores of attention are divided by its root; `head_dim` where it is `None`.
    pub query_pre_attn_scalar: Option<f64>,
    /// Scores of attention stay between minus this and this, by tanh.
    pub attn_logit_softcapping: Option<f64>,
    /// Likewise logits.
    pub final_logit_softcapping: Option<f64>,
    /// Keys and values by way of a latent, where they are.
    pub latent_attention: Option<LatentAttention>,
    /// How many experts each feed-forward layer is made of; 0 where it is one.
    pub num_experts: i64,
    /// How many of them a token goes through.
    pub num_experts_per_tok: i64,
    /// Whether the weights of a token's experts add up to 1.
    pub norm_topk_prob: bool,
    /// The width of an expert; `intermediate_size` where it is `None`.
    pub moe_intermediate_size: Option<i64>,
    /// For each layer whether it is one feed-forward layer of `intermediate_size`, in a model with experts; empty where none is.
    pub dense_layers: Vec<bool>,
    /// How many experts every token goes to besides; they are one layer of their widths together.
    pub n_shared_experts: i64,
    /// How experts are chosen, where not by the softmax of all.
    pub sigmoid_routing: Option<SigmoidRouting>,
    /// What the loss that evens out the load of experts is multiplied by, where a trainer is told nothing else.
    pub router_aux_loss_coef: f64,
    /// Whether the output projection is the token embedding.
    pub tie_word_embeddings: bool,
    /// Biases on all four attention projections. Not in Mistral, Qwen2 and Phi-3.
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
            partial_rotary_factor: 1.0,
            local_rope_theta: None,
            rope_layers: Vec::new(),
            sliding_window: None,
            sliding_layers: Vec::new(),
            query_pre_attn_scalar: None,
            attn_logit_softcapping: None,
            final_logit_softcapping: None,
            latent_attention: None,
            num_experts: 0,
            num_experts_per_tok: 0,
            norm_topk_prob: false,
            moe_intermediate_size: None,
            dense_layers: Vec::new(),
            n_shared_experts: 0,
            sigmoid_routing: None,
            router_aux_loss_coef: 0.0,
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
    /// Reads `config.json` of a model directory; of an adapter's, that of its model.
    ///
    /// # Errors
    /// When the file is missing or no JSON, or asks for what is not supported: the error names the field.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let base = lora::base_of(directory)?;
        let path = base.as_deref().unwrap_or(directory).join(FILE);
        let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
        Self::from_json(&text, &path)
    }

    /// Reads the text of a `config.json`; `path` is what errors name.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, Error> {
        let map: Map<String, Value> = serde_json::from_str(text).map_err(Error::json(path))?;
        let config = Fields::new(map, path).read()?;
        config.check(path)?;
        Ok(config)
    }

    /// The text of `config.json` for weights of the type `dtype` (`float32`, `bfloat16`).
    pub fn to_json(&self, dtype: &str) -> String {
        let family = self.architecture.family();
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
        set(family.activation_field, json!(family.activation.name()));
        set("max_position_embeddings", json!(self.max_position_embeddings));
        set("rms_norm_eps", json!(self.rms_norm_eps));
        set("rope_theta", json!(self.rope_theta));
        if let Some(scaling) = &self.rope_scaling {
            set("rope_scaling", scaling.to_json());
        }
        set("tie_word_embeddings", json!(self.tie_word_embeddings));
        if family.has_attention_bias {
            set("attention_bias", json!(self.attention_bias));
        }
        set("initializer_range", json!(self.initializer_range));
        set("bos_token_id", json!(self.bos_token_id));
        set("eos_token_id", ids_to_json(&self.eos_token_ids));
        set("pad_token_id", json!(self.pad_token_id));
        set("torch_dtype", json!(dtype));
        (family.write)(self, &mut map);
        map.extend(self.other.clone());
        format!("{:#}\n", Value::Object(map))
    }

    /// How many blocks there are.
    pub(crate) fn layers(&self) -> usize {
        usize::try_from(self.num_hidden_layers).unwrap_or(0)
    }

    /// How many tokens a layer sees, where not all.
    pub(crate) fn window(&self, layer: usize) -> Option<i64> {
        self.sliding_window.filter(|_| self.sliding_layers.get(layer) == Some(&true))
    }

    /// The shortest window of any layer.
    pub(crate) fn shortest_window(&self) -> Option<i64> {
        self.sliding_window.filter(|_| self.sliding_layers.contains(&true))
    }

    pub(crate) fn has_positions(&self, layer: usize) -> bool {
        self.rope_layers.get(layer) != Some(&false)
    }

    /// Whether the feed-forward layer of a block is made of experts.
    pub(crate) fn has_experts(&self, layer: usize) -> bool {
        self.num_experts > 0 && self.dense_layers.get(layer) != Some(&true)
    }

    /// Which positions a layer has.
    pub(crate) fn rotary(&self, layer: usize) -> Rotary {
        match self.local_rope_theta {
            _ if !self.has_positions(layer) => Rotary::None,
            Some(_) if self.sliding_layers.get(layer) == Some(&true) => Rotary::Local,
            _ => Rotary::Global,
        }
    }

    /// How many dimensions of a head positions turn.
    pub(crate) fn rotary_dim(&self) -> i64 {
        (self.head_dim as f64 * self.partial_rotary_factor) as i64
    }

    /// What embeddings are multiplied by, as a number of the format that they are in.
    pub(crate) fn embedding_scale(&self, kind: Kind) -> Option<f64> {
        let scale = || Tensor::from((self.hidden_size as f64).sqrt()).to_kind(kind).double_value(&[]);
        self.architecture.family().scales_embedding.then(scale)
    }

    /// The longest sequence that can be computed as `transformers` computes it.
    pub(crate) fn longest_sequence(&self) -> Option<i64> {
        // Beyond it, positions depend on how long the longest sequence of a batch is.
        match self.rope_scaling {
            Some(RopeScaling::Dynamic { .. }) => Some(self.max_position_embeddings),
            Some(RopeScaling::LongRope { original_max_position_embeddings: original, .. }) => {
                Some(original as i64)
            }
            _ => None,
        }
    }

    /// What to say where sequences of up to `tokens` tokens are longer than what the model was made for: they are computed, and
    /// what it writes there may be worth little.
    pub(crate) fn warning_of_length(&self, tokens: usize) -> Option<String> {
        let most = self.max_position_embeddings;
        (i64::try_from(tokens).is_ok_and(|tokens| tokens > most)).then(|| {
            format!(
                "prompt and completion may have {tokens} tokens together, and the model was made for {most} \
                 (`max_position_embeddings` in config.json): it writes worse beyond them"
            )
        })
    }

    /// Panics where sequences of `tokens` tokens cannot be computed, which [`Engine::submit`](crate::Engine::submit) refuses.
    pub(crate) fn check_length(&self, tokens: i64) {
        if let Some(longest) = self.longest_sequence() {
            assert!(
                tokens <= longest,
                "{tokens} tokens, and the model's positions are followed up to {longest}"
            );
        }
    }

    /// What sequences of `tokens` tokens ask for that the kernels for CUDA do not have. libtorch's operators have all of it.
    pub(crate) fn beyond_kernels(&self, tokens: i64) -> Option<&'static str> {
        let family = self.architecture.family();
        let has =
            |place: Place| family.block.iter().flat_map(|rows| rows.iter()).any(|row| row.place == place);
        let layers = 0..self.layers();
        let lacking = [
            (self.latent_attention.is_some(), "latent attention"),
            (self.attends_otherwise(tokens), "windows, or capped or rescaled scores of attention"),
            (layers.clone().any(|layer| self.rotary(layer) != Rotary::Global), "layers with other positions"),
            (self.rotary_dim() != self.head_dim, "positions for a part of each head"),
            (has(Place::AttentionPostNorm) || !has(Place::AttentionNorm), "norms after layers"),
            (family.norms_add_one || family.scales_embedding, "the norms and embeddings of Gemma"),
            (family.activation != Activation::Silu, "GELU"),
            (has(Place::Router), "experts"),
            (self.final_logit_softcapping.is_some(), "capped logits"),
        ];
        lacking.into_iter().find(|&(lacks, _)| lacks).map(|(_, what)| what)
    }

    /// Whether, among `tokens` tokens, a layer attends otherwise than to all earlier tokens by scores divided by the root of
    /// the width of a head, or values are of another width than keys.
    pub(crate) fn attends_otherwise(&self, tokens: i64) -> bool {
        self.latent_attention.is_some()
            || self.shortest_window().is_some_and(|window| window < tokens)
            || self.attn_logit_softcapping.is_some()
            || self.attention_scale().is_some()
    }

    /// What scores of attention are multiplied by, where it is not one by the root of the width of a head.
    pub(crate) fn attention_scale(&self) -> Option<f64> {
        if let Some(latent) = self.latent_attention {
            // Positions that are stretched make both queries and keys longer, in all dimensions.
            let length = self.rope_scaling.as_ref().map_or(1.0, RopeScaling::length_of_all);
            let width = (latent.qk_nope_head_dim + self.head_dim) as f64;
            return Some(length * length / width.sqrt());
        }
        let scalar = self.query_pre_attn_scalar.filter(|&scalar| scalar != self.head_dim as f64);
        scalar.map(|scalar| scalar.sqrt().recip())
    }

    /// As `layer_types` in `config.json`.
    pub(crate) fn layer_types(&self) -> Value {
        let name = |layer| if self.window(layer).is_some() { "sliding_attention" } else { "full_attention" };
        json!((0..self.layers()).map(name).collect::<Vec<_>>())
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
        let (rotary, factor) = (self.rotary_dim(), self.partial_rotary_factor);
        if rotary % 2 != 0 || rotary < 2 || factor > 1.0 {
            let reason = format!("is {factor}, which turns {rotary} of {} dimensions", self.head_dim);
            return Err(Error::config(path, "partial_rotary_factor", reason));
        }
        if let Some(RopeScaling::LongRope { short_factor, long_factor, .. }) = &self.rope_scaling
            && [short_factor, long_factor].iter().any(|factors| factors.len() as i64 != rotary / 2)
        {
            let reason = format!(
                "asks for longrope, whose factors are {} and {}, and {rotary} dimensions of a head call for {}",
                short_factor.len(),
                long_factor.len(),
                rotary / 2
            );
            return Err(Error::config(path, "rope_scaling", reason));
        }
        if self.sliding_window.is_some_and(|window| window < 1) {
            return Err(Error::config(path, "sliding_window", "must be at least 1"));
        }
        let positive = [
            ("query_pre_attn_scalar", self.query_pre_attn_scalar),
            ("attn_logit_softcapping", self.attn_logit_softcapping),
            ("final_logit_softcapping", self.final_logit_softcapping),
        ];
        if let Some((field, _)) =
            positive.into_iter().find(|(_, value)| value.is_some_and(|value| value <= 0.0))
        {
            return Err(Error::config(path, field, "must be above 0"));
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
