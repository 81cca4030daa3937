//! Qwen2 and Qwen2.5 ([2407.10671](https://arxiv.org/abs/2407.10671)), and Qwen3
//! ([2505.09388](https://arxiv.org/abs/2505.09388)).

use serde_json::{Map, Value, json};

use super::llama::LLAMA;
use super::{
    ATTENTION, ATTENTION_BIASES, DEFAULTS, Defaults, FEED_FORWARD, Family, HEAD_NORMS, NORMS_BEFORE, Place,
    Row, Size, row,
};
use crate::config::Fields;
use crate::{Config, Error};

/// Of queries, keys and values, always.
const BIASES: &[Row] = &[
    row(Place::QkvBias, "self_attn.q_proj.bias", &[Size::Queries]),
    row(Place::QkvBias, "self_attn.k_proj.bias", &[Size::Keys]),
    row(Place::QkvBias, "self_attn.v_proj.bias", &[Size::Keys]),
];

pub(super) const QWEN2: Family = Family {
    model_type: "qwen2",
    class: "Qwen2ForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, FEED_FORWARD, BIASES],
    has_attention_bias: false,
    read: read_window,
    write: write_window,
    ..LLAMA
};

pub(super) const QWEN3: Family = Family {
    model_type: "qwen3",
    class: "Qwen3ForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, FEED_FORWARD, HEAD_NORMS, ATTENTION_BIASES],
    defaults: Defaults { head_dim: Some(128), ..DEFAULTS },
    read: read_window,
    write: write_window,
    ..LLAMA
};

/// A window that counts for the layers from `max_window_layers` on, or for those that `layer_types` names, and only where
/// `use_sliding_window` says so.
fn read_window(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Error> {
    if !fields.says("use_sliding_window") {
        // The other fields stay as they are, since they mean nothing.
        return fields.refuse_sliding_layers();
    }
    fields.remove("use_sliding_window");
    config.sliding_window = fields.window(Some(4096))?;
    let first = fields.optional("max_window_layers")?.unwrap_or(28);
    let windowed = config.sliding_window.is_some();
    fields.sliding_layers(config, |layer| windowed && layer as i64 >= first)
}

fn write_window(config: &Config, map: &mut Map<String, Value>) {
    if config.sliding_window.is_some() {
        map.insert("use_sliding_window".to_owned(), json!(true));
        map.insert("sliding_window".to_owned(), json!(config.sliding_window));
        map.insert("layer_types".to_owned(), config.layer_types());
    }
}
