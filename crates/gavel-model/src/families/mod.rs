//! The families of decoder-only transformers: for each a table of the tensors of a block, and what its `config.json` means.
//!
//! A family is one file. What all of them share (embedding, last norm, output projection) is in
//! [`weights`](crate::weights), and what a layer does with its tensors in [`decoder`](crate::decoder) and
//! [`model`](crate::model), which look at the places that the table fills and at the configuration, never at the family.

mod deepseek;
mod gemma;
mod llama;
mod mistral;
mod moe;
mod olmo;
mod phi3;
mod place;
mod qwen;
mod smollm3;

use serde_json::{Map, Value};

pub(crate) use self::place::Place;
use crate::config::Fields;
use crate::{Architecture, Config, Error};

/// What a family is, as data.
#[derive(Debug)]
pub(crate) struct Family {
    /// The `model_type` of `config.json`.
    pub(crate) model_type: &'static str,
    /// The class in `transformers`, as it stands under `architectures`.
    pub(crate) class: &'static str,
    /// The tensors of a block in a checkpoint.
    pub(crate) block: &'static [&'static [Row]],
    /// Whether norms multiply by one more than their weight, so that a weight of 0 changes nothing.
    pub(crate) norms_add_one: bool,
    /// Whether embeddings are multiplied by the root of their width.
    pub(crate) scales_embedding: bool,
    pub(crate) activation: Activation,
    /// The field of `config.json` that names the activation.
    pub(crate) activation_field: &'static str,
    /// Whether `config.json` has an `attention_bias`.
    pub(crate) has_attention_bias: bool,
    pub(crate) defaults: Defaults,
    /// Reads what the family alone has.
    pub(crate) read: fn(&mut Fields<'_>, &mut Config) -> Result<(), Error>,
    /// Writes what the family alone has.
    pub(crate) write: fn(&Config, &mut Map<String, Value>),
}

/// What `transformers` takes where `config.json` does not say.
#[derive(Debug)]
pub(crate) struct Defaults {
    /// `None`: as many as heads of queries.
    pub(crate) num_key_value_heads: Option<i64>,
    /// `None`: the width of the stream, divided among the heads.
    pub(crate) head_dim: Option<i64>,
    pub(crate) rms_norm_eps: f64,
    pub(crate) rope_theta: f64,
    pub(crate) tie_word_embeddings: bool,
}

/// One tensor of a block. Those of the same place lie in it one under the other, in the order of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) place: Place,
    /// After `model.layers.N.`.
    pub(crate) name: &'static str,
    pub(crate) shape: &'static [Size],
    pub(crate) when: When,
    /// Once for each expert, whose number stands for `{}` in the name.
    pub(crate) of_expert: bool,
}

const fn row(place: Place, name: &'static str, shape: &'static [Size]) -> Row {
    Row { place, name, shape, when: When::Always, of_expert: false }
}

const fn row_if(when: When, place: Place, name: &'static str, shape: &'static [Size]) -> Row {
    Row { place, name, shape, when, of_expert: false }
}

const fn if_biased(place: Place, name: &'static str, shape: &'static [Size]) -> Row {
    row_if(When::Biased, place, name, shape)
}

const fn expert(place: Place, name: &'static str, shape: &'static [Size]) -> Row {
    Row { place, name, shape, when: When::Experts, of_expert: true }
}

/// In which blocks of which models a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// With `attention_bias`.
    Biased,
    /// In blocks with one feed-forward layer.
    Dense,
    /// In blocks with experts.
    Experts,
    /// Where queries have a latent as keys and values do.
    QueryLatent,
    /// Where they have none.
    NoQueryLatent,
}

impl When {
    pub(crate) fn holds(self, config: &Config, layer: usize) -> bool {
        let has_query_latent = || config.latent_attention.is_some_and(|latent| latent.q_lora_rank.is_some());
        match self {
            Self::Always => true,
            Self::Biased => config.attention_bias,
            Self::Dense => !config.has_experts(layer),
            Self::Experts => config.has_experts(layer),
            Self::QueryLatent => has_query_latent(),
            Self::NoQueryLatent => !has_query_latent(),
        }
    }
}

/// A dimension, in terms of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    Hidden,
    Intermediate,
    /// Gate and up.
    TwoIntermediate,
    /// All heads of queries.
    Queries,
    /// All heads of keys, or of values.
    Keys,
    /// All heads of queries, keys and values.
    QueriesKeysValues,
    /// One head.
    Head,
    /// How many experts there are.
    Experts,
    /// The width of one.
    OfExpert,
    /// The width of those that every token goes to, together.
    SharedExperts,
    /// The latent of queries.
    QueryLatent,
    /// The latent of keys and values.
    KeyValueLatent,
    /// That, and the key that positions turn.
    KeyValueDown,
    /// All heads of queries, with what positions turn and what they do not.
    LatentQueries,
    /// All heads of keys, without what positions turn, and values.
    LatentKeysValues,
    /// All heads of values.
    LatentValues,
}

impl Size {
    pub(crate) fn of(self, config: &Config) -> i64 {
        let queries = config.num_attention_heads * config.head_dim;
        let keys = config.num_key_value_heads * config.head_dim;
        let latent = config.latent_attention.unwrap_or_default();
        let of_expert = config.moe_intermediate_size.unwrap_or(config.intermediate_size);
        match self {
            Self::Hidden => config.hidden_size,
            Self::Intermediate => config.intermediate_size,
            Self::TwoIntermediate => 2 * config.intermediate_size,
            Self::Queries => queries,
            Self::Keys => keys,
            Self::QueriesKeysValues => queries + 2 * keys,
            Self::Head => config.head_dim,
            Self::Experts => config.num_experts,
            Self::OfExpert => of_expert,
            Self::SharedExperts => config.n_shared_experts * of_expert,
            Self::QueryLatent => latent.q_lora_rank.unwrap_or(0),
            Self::KeyValueLatent => latent.kv_lora_rank,
            Self::KeyValueDown => latent.kv_lora_rank + config.head_dim,
            Self::LatentQueries => config.num_attention_heads * (latent.qk_nope_head_dim + config.head_dim),
            Self::LatentKeysValues => {
                config.num_attention_heads * (latent.qk_nope_head_dim + latent.v_head_dim)
            }
            Self::LatentValues => config.num_attention_heads * latent.v_head_dim,
        }
    }
}

/// What the feed-forward layer does to its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Silu,
    /// GELU by its approximation with tanh.
    GeluTanh,
}

impl Activation {
    /// Under which `transformers` knows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Silu => "silu",
            Self::GeluTanh => "gelu_pytorch_tanh",
        }
    }
}

impl Architecture {
    pub(crate) fn family(self) -> &'static Family {
        match self {
            Self::Llama => &llama::LLAMA,
            Self::Mistral => &mistral::MISTRAL,
            Self::Qwen2 => &qwen::QWEN2,
            Self::Qwen3 => &qwen::QWEN3,
            Self::Qwen3Moe => &moe::QWEN3_MOE,
            Self::Mixtral => &moe::MIXTRAL,
            Self::Olmoe => &moe::OLMOE,
            Self::DeepseekV3 => &deepseek::DEEPSEEK_V3,
            Self::SmolLm3 => &smollm3::SMOLLM3,
            Self::Phi3 => &phi3::PHI3,
            Self::Olmo2 => &olmo::OLMO2,
            Self::Olmo3 => &olmo::OLMO3,
            Self::Gemma => &gemma::GEMMA,
            Self::Gemma2 => &gemma::GEMMA2,
            Self::Gemma3 => &gemma::GEMMA3,
        }
    }
}

/// Norms before attention and before the feed-forward layer, as most families have them.
const NORMS_BEFORE: &[Row] = &[
    row(Place::AttentionNorm, "input_layernorm.weight", &[Size::Hidden]),
    row(Place::FeedForwardNorm, "post_attention_layernorm.weight", &[Size::Hidden]),
];

/// The matrices of attention, each in a tensor of its own.
const ATTENTION: &[Row] = &[
    row(Place::Qkv, "self_attn.q_proj.weight", &[Size::Queries, Size::Hidden]),
    row(Place::Qkv, "self_attn.k_proj.weight", &[Size::Keys, Size::Hidden]),
    row(Place::Qkv, "self_attn.v_proj.weight", &[Size::Keys, Size::Hidden]),
    row(Place::Output, "self_attn.o_proj.weight", &[Size::Hidden, Size::Queries]),
];

/// The matrices of a feed-forward layer, likewise.
const FEED_FORWARD: &[Row] = &[
    row(Place::GateUp, "mlp.gate_proj.weight", &[Size::Intermediate, Size::Hidden]),
    row(Place::GateUp, "mlp.up_proj.weight", &[Size::Intermediate, Size::Hidden]),
    row(Place::Down, "mlp.down_proj.weight", &[Size::Hidden, Size::Intermediate]),
];

/// The matrices of a feed-forward layer in blocks without experts, in a family with experts.
const DENSE: &[Row] = &[
    row_if(When::Dense, Place::GateUp, "mlp.gate_proj.weight", &[Size::Intermediate, Size::Hidden]),
    row_if(When::Dense, Place::GateUp, "mlp.up_proj.weight", &[Size::Intermediate, Size::Hidden]),
    row_if(When::Dense, Place::Down, "mlp.down_proj.weight", &[Size::Hidden, Size::Intermediate]),
];

/// The matrices of experts, and the router before them.
const EXPERTS: &[Row] = &[
    row_if(When::Experts, Place::Router, "mlp.gate.weight", &[Size::Experts, Size::Hidden]),
    expert(Place::GateUp, "mlp.experts.{}.gate_proj.weight", &[Size::OfExpert, Size::Hidden]),
    expert(Place::GateUp, "mlp.experts.{}.up_proj.weight", &[Size::OfExpert, Size::Hidden]),
    expert(Place::Down, "mlp.experts.{}.down_proj.weight", &[Size::Hidden, Size::OfExpert]),
];

/// Biases on all four projections of attention, where the configuration has them.
const ATTENTION_BIASES: &[Row] = &[
    if_biased(Place::QkvBias, "self_attn.q_proj.bias", &[Size::Queries]),
    if_biased(Place::QkvBias, "self_attn.k_proj.bias", &[Size::Keys]),
    if_biased(Place::QkvBias, "self_attn.v_proj.bias", &[Size::Keys]),
    if_biased(Place::OutputBias, "self_attn.o_proj.bias", &[Size::Hidden]),
];

/// Norms of every query and every key by itself.
const HEAD_NORMS: &[Row] = &[
    row(Place::QueryNorm, "self_attn.q_norm.weight", &[Size::Head]),
    row(Place::KeyNorm, "self_attn.k_norm.weight", &[Size::Head]),
];

/// Llama's, from which the others differ.
const DEFAULTS: Defaults = Defaults {
    num_key_value_heads: None,
    head_dim: None,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000.0,
    tie_word_embeddings: false,
};

/// For families that have nothing of their own in `config.json`.
#[expect(clippy::unnecessary_wraps, reason = "others can fail")]
fn read_nothing(_: &mut Fields<'_>, _: &mut Config) -> Result<(), Error> {
    Ok(())
}

fn write_nothing(_: &Config, _: &mut Map<String, Value>) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(architecture: Architecture) -> Config {
        Config { architecture, vocab_size: 8, num_experts: 2, num_experts_per_tok: 1, ..Config::default() }
    }

    /// Optimisers tell norms and biases, which do not decay, from matrices by their names.
    #[test]
    fn the_name_of_a_tensor_says_whether_it_is_a_matrix() {
        for architecture in Architecture::ALL {
            for row in architecture.family().block.iter().flat_map(|rows| rows.iter()) {
                let vector = row.name.ends_with("bias") || row.name.ends_with("norm.weight");
                assert_eq!(row.shape.len() == 1, vector, "{architecture:?}: {}", row.name);
                assert_eq!(Place::NORMS.contains(&row.place), row.name.ends_with("norm.weight"));
            }
        }
    }

    #[test]
    fn what_kernels_lack_is_said() {
        use Architecture::{Llama, Mistral, Phi3, Qwen2, Qwen3, SmolLm3};
        for architecture in Architecture::ALL {
            let by_kernels = [Llama, Mistral, Phi3, Qwen2, Qwen3, SmolLm3].contains(&architecture);
            assert_eq!(of(architecture).beyond_kernels(64).is_none(), by_kernels, "{architecture:?}");
        }
        let window = Config { sliding_window: Some(64), sliding_layers: vec![true; 4], ..of(Mistral) };
        assert_eq!((window.beyond_kernels(64).is_none(), window.beyond_kernels(65).is_none()), (true, false));
        assert!(Config { partial_rotary_factor: 0.5, ..of(Phi3) }.beyond_kernels(64).is_some());
        assert!(Config { rope_layers: vec![false; 4], ..of(SmolLm3) }.beyond_kernels(64).is_some());
    }
}
