//! Phi-3, Phi-3.5, Phi-4 and Phi-4-mini ([2404.14219](https://arxiv.org/abs/2404.14219)): Llama, with one tensor for queries,
//! keys and values and one for gate and up, positions that may turn a part of a head alone, and a window.

use serde_json::json;

use super::llama::LLAMA;
use super::{DEFAULTS, Defaults, Family, NORMS_BEFORE, Place, Row, Size, row};
use crate::RopeScaling;

const MATRICES: &[Row] = &[
    row(Place::Qkv, "self_attn.qkv_proj.weight", &[Size::QueriesKeysValues, Size::Hidden]),
    row(Place::Output, "self_attn.o_proj.weight", &[Size::Hidden, Size::Queries]),
    row(Place::GateUp, "mlp.gate_up_proj.weight", &[Size::TwoIntermediate, Size::Hidden]),
    row(Place::Down, "mlp.down_proj.weight", &[Size::Hidden, Size::Intermediate]),
];

/// The context before it was stretched, outside of `rope_scaling`.
const ORIGINAL: &str = "original_max_position_embeddings";

pub(super) const PHI3: Family = Family {
    model_type: "phi3",
    class: "Phi3ForCausalLM",
    block: &[NORMS_BEFORE, MATRICES],
    has_attention_bias: false,
    defaults: Defaults { rms_norm_eps: 1e-5, ..DEFAULTS },
    read: |fields, config| {
        match &config.rope_scaling {
            None => {}
            Some(RopeScaling::LongRope { original_max_position_embeddings: original, .. }) => {
                // transformers has a context of its own for files that do not say one, whatever `rope_scaling` says.
                let said = fields.optional(ORIGINAL)?.unwrap_or(4096);
                if said as f64 != *original {
                    let reason =
                        format!("is {said}, as where no file says it, and `rope_scaling` says {original}");
                    return Err(fields.wrong(ORIGINAL, reason));
                }
            }
            // transformers takes every other kind for longrope, or refuses it.
            Some(_) => {
                let reason = "asks for scaled rope; default rope and longrope are supported for phi3";
                return Err(fields.wrong("rope_scaling", reason));
            }
        }
        config.partial_rotary_factor = fields.number("partial_rotary_factor")?.unwrap_or(1.0);
        config.sliding_window = fields.window(None)?;
        config.sliding_layers = vec![config.sliding_window.is_some(); config.layers()];
        Ok(())
    },
    write: |config, map| {
        if let Some(RopeScaling::LongRope { original_max_position_embeddings: original, .. }) =
            &config.rope_scaling
        {
            map.insert(ORIGINAL.to_owned(), json!(*original as i64));
        }
        map.insert("partial_rotary_factor".to_owned(), json!(config.partial_rotary_factor));
        map.insert("sliding_window".to_owned(), json!(config.sliding_window));
    },
    ..LLAMA
};
