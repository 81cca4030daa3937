//! Phi-3, Phi-3.5, Phi-4 and Phi-4-mini ([2404.14219](https://arxiv.org/abs/2404.14219)): Llama, with one tensor for queries,
//! keys and values and one for gate and up, positions that may turn a part of a head alone, and a window.

use serde_json::json;

use super::llama::LLAMA;
use super::{DEFAULTS, Defaults, Family, NORMS_BEFORE, Place, Row, Size, row};

const MATRICES: &[Row] = &[
    row(Place::Qkv, "self_attn.qkv_proj.weight", &[Size::QueriesKeysValues, Size::Hidden]),
    row(Place::Output, "self_attn.o_proj.weight", &[Size::Hidden, Size::Queries]),
    row(Place::GateUp, "mlp.gate_up_proj.weight", &[Size::TwoIntermediate, Size::Hidden]),
    row(Place::Down, "mlp.down_proj.weight", &[Size::Hidden, Size::Intermediate]),
];

pub(super) const PHI3: Family = Family {
    model_type: "phi3",
    class: "Phi3ForCausalLM",
    block: &[NORMS_BEFORE, MATRICES],
    has_attention_bias: false,
    defaults: Defaults { rms_norm_eps: 1e-5, ..DEFAULTS },
    read: |fields, config| {
        if config.rope_scaling.is_some() {
            // transformers takes every other kind for longrope, or refuses it.
            return Err(
                fields.wrong("rope_scaling", "asks for scaled rope; default rope is supported for phi3")
            );
        }
        config.partial_rotary_factor = fields.number("partial_rotary_factor")?.unwrap_or(1.0);
        config.sliding_window = fields.window(None)?;
        config.sliding_layers = vec![config.sliding_window.is_some(); config.layers()];
        Ok(())
    },
    write: |config, map| {
        map.insert("partial_rotary_factor".to_owned(), json!(config.partial_rotary_factor));
        map.insert("sliding_window".to_owned(), json!(config.sliding_window));
    },
    ..LLAMA
};
