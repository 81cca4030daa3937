//! Mistral 7B and its like ([2310.06825](https://arxiv.org/abs/2310.06825)): Llama, whose layers may all see a window alone.

use serde_json::json;

use super::llama::LLAMA;
use super::{ATTENTION, DEFAULTS, Defaults, FEED_FORWARD, Family, NORMS_BEFORE};

pub(super) const MISTRAL: Family = Family {
    model_type: "mistral",
    class: "MistralForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, FEED_FORWARD],
    has_attention_bias: false,
    defaults: Defaults { num_key_value_heads: Some(8), ..DEFAULTS },
    read: |fields, config| {
        config.sliding_window = fields.window(Some(4096))?;
        config.sliding_layers = vec![config.sliding_window.is_some(); config.layers()];
        Ok(())
    },
    write: |config, map| {
        map.insert("sliding_window".to_owned(), json!(config.sliding_window));
    },
    ..LLAMA
};
