//! Gemma ([2403.08295](https://arxiv.org/abs/2403.08295)), Gemma 2 ([2408.00118](https://arxiv.org/abs/2408.00118)) and the text
//! models of Gemma 3 ([2503.19786](https://arxiv.org/abs/2503.19786)).

use serde_json::{Map, Value, json};

use super::llama::LLAMA;
use super::{
    ATTENTION, ATTENTION_BIASES, Activation, DEFAULTS, Defaults, FEED_FORWARD, Family, HEAD_NORMS,
    NORMS_BEFORE, Place, Row, Size, row,
};
use crate::config::Fields;
use crate::{Config, Error};

/// Norms before and after attention and the feed-forward layer.
const NORMS_AROUND: &[Row] = &[
    row(Place::AttentionNorm, "input_layernorm.weight", &[Size::Hidden]),
    row(Place::AttentionPostNorm, "post_attention_layernorm.weight", &[Size::Hidden]),
    row(Place::FeedForwardNorm, "pre_feedforward_layernorm.weight", &[Size::Hidden]),
    row(Place::FeedForwardPostNorm, "post_feedforward_layernorm.weight", &[Size::Hidden]),
];

pub(super) const GEMMA: Family = Family {
    model_type: "gemma",
    class: "GemmaForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, FEED_FORWARD, ATTENTION_BIASES],
    norms_add_one: true,
    scales_embedding: true,
    activation: Activation::GeluTanh,
    defaults: Defaults {
        num_key_value_heads: Some(16),
        head_dim: Some(256),
        tie_word_embeddings: true,
        ..DEFAULTS
    },
    ..LLAMA
};

pub(super) const GEMMA2: Family = Family {
    model_type: "gemma2",
    class: "Gemma2ForCausalLM",
    block: &[NORMS_AROUND, ATTENTION, FEED_FORWARD, ATTENTION_BIASES],
    activation_field: "hidden_activation",
    defaults: Defaults { num_key_value_heads: Some(4), ..GEMMA.defaults },
    read: |fields, config| read(fields, config, 2, [Some(50.0), Some(30.0)]),
    write,
    ..GEMMA
};

pub(super) const GEMMA3: Family = Family {
    model_type: "gemma3_text",
    class: "Gemma3ForCausalLM",
    block: &[NORMS_AROUND, ATTENTION, FEED_FORWARD, HEAD_NORMS, ATTENTION_BIASES],
    defaults: Defaults { rope_theta: 1e6, ..GEMMA2.defaults },
    read: |fields, config| {
        let pattern = fields.optional("sliding_window_pattern")?.unwrap_or(6).max(1);
        read(fields, config, pattern, [None, None])?;
        config.local_rope_theta = Some(fields.number("rope_local_base_freq")?.unwrap_or(10_000.0));
        Ok(())
    },
    write: |config, map| {
        write(config, map);
        map.insert(
            "rope_local_base_freq".to_owned(),
            json!(config.local_rope_theta.unwrap_or(config.rope_theta)),
        );
    },
    ..GEMMA2
};

/// Every `pattern`th layer sees everything and the others a window; `caps` are those of scores and logits where the
/// configuration does not say.
fn read(
    fields: &mut Fields<'_>,
    config: &mut Config,
    pattern: i64,
    caps: [Option<f64>; 2],
) -> Result<(), Error> {
    config.sliding_window = fields.window(Some(4096))?;
    fields.sliding_layers(config, |layer| (layer as i64 + 1) % pattern != 0)?;
    config.query_pre_attn_scalar = Some(fields.number("query_pre_attn_scalar")?.unwrap_or(256.0));
    let [scores, logits] = caps;
    config.attn_logit_softcapping = fields.number_or("attn_logit_softcapping", scores)?;
    config.final_logit_softcapping = fields.number_or("final_logit_softcapping", logits)?;
    Ok(())
}

fn write(config: &Config, map: &mut Map<String, Value>) {
    map.insert("sliding_window".to_owned(), json!(config.sliding_window));
    map.insert("layer_types".to_owned(), config.layer_types());
    // A whole number in most files, and transformers refuses others for this field.
    let scalar = config.query_pre_attn_scalar.unwrap_or(config.head_dim as f64);
    let scalar = if scalar.fract() == 0.0 { json!(scalar as i64) } else { json!(scalar) };
    map.insert("query_pre_attn_scalar".to_owned(), scalar);
    map.insert("attn_logit_softcapping".to_owned(), json!(config.attn_logit_softcapping));
    map.insert("final_logit_softcapping".to_owned(), json!(config.final_logit_softcapping));
}
