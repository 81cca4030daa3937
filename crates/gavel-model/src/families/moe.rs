//! Families whose feed-forward layers are mixtures of experts: Mixtral ([2401.04088](https://arxiv.org/abs/2401.04088)), OLMoE
//! ([2409.02060](https://arxiv.org/abs/2409.02060)), Qwen3-MoE ([2505.09388](https://arxiv.org/abs/2505.09388)).

use serde_json::{Value, json};

use super::llama::LLAMA;
use super::{
    ATTENTION, ATTENTION_BIASES, DEFAULTS, DENSE, Defaults, EXPERTS, Family, HEAD_NORMS, NORMS_BEFORE, Place,
    Row, Size, When, expert, row, row_if,
};
use crate::config::Fields;
use crate::{Config, Error};

pub(super) const QWEN3_MOE: Family = Family {
    model_type: "qwen3_moe",
    class: "Qwen3MoeForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, HEAD_NORMS, ATTENTION_BIASES, DENSE, EXPERTS],
    defaults: Defaults { num_key_value_heads: Some(4), ..DEFAULTS },
    read: |fields, config| {
        read_experts(fields, config, 8, 1e-3)?;
        config.norm_topk_prob = fields.flag("norm_topk_prob")?.unwrap_or(false);
        config.moe_intermediate_size = Some(fields.optional("moe_intermediate_size")?.unwrap_or(768));
        read_dense_layers(fields, config)
    },
    write: |config, map| {
        map.insert("num_experts".to_owned(), json!(config.num_experts));
        map.insert("num_experts_per_tok".to_owned(), json!(config.num_experts_per_tok));
        map.insert("router_aux_loss_coef".to_owned(), json!(config.router_aux_loss_coef));
        map.insert("norm_topk_prob".to_owned(), json!(config.norm_topk_prob));
        let width = config.moe_intermediate_size.unwrap_or(config.intermediate_size);
        map.insert("moe_intermediate_size".to_owned(), json!(width));
        let dense: Vec<usize> = (0..config.layers()).filter(|&layer| !config.has_experts(layer)).collect();
        map.insert("mlp_only_layers".to_owned(), json!(dense));
        map.insert("decoder_sparse_step".to_owned(), json!(1));
    },
    ..LLAMA
};

pub(super) const OLMOE: Family = Family {
    model_type: "olmoe",
    class: "OlmoeForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, QUERY_KEY_NORMS, ATTENTION_BIASES, EXPERTS],
    defaults: Defaults { rms_norm_eps: 1e-5, ..DEFAULTS },
    read: |fields, config| {
        read_experts(fields, config, 8, 1e-2)?;
        config.norm_topk_prob = fields.flag("norm_topk_prob")?.unwrap_or(false);
        if fields.take("clip_qkv").is_some() {
            return Err(fields.wrong("clip_qkv", "is present, which is not supported"));
        }
        Ok(())
    },
    write: |config, map| {
        map.insert("num_experts".to_owned(), json!(config.num_experts));
        map.insert("num_experts_per_tok".to_owned(), json!(config.num_experts_per_tok));
        map.insert("router_aux_loss_coef".to_owned(), json!(config.router_aux_loss_coef));
        map.insert("norm_topk_prob".to_owned(), json!(config.norm_topk_prob));
    },
    ..LLAMA
};

/// Of all queries of a token together, and of all its keys.
const QUERY_KEY_NORMS: &[Row] = &[
    row(Place::QueryNorm, "self_attn.q_norm.weight", &[Size::Queries]),
    row(Place::KeyNorm, "self_attn.k_norm.weight", &[Size::Keys]),
];

pub(super) const MIXTRAL: Family = Family {
    model_type: "mixtral",
    class: "MixtralForCausalLM",
    block: &[
        NORMS_BEFORE,
        ATTENTION,
        &[
            row_if(
                When::Experts,
                Place::Router,
                "block_sparse_moe.gate.weight",
                &[Size::Experts, Size::Hidden],
            ),
            expert(Place::GateUp, "block_sparse_moe.experts.{}.w1.weight", &[Size::OfExpert, Size::Hidden]),
            expert(Place::GateUp, "block_sparse_moe.experts.{}.w3.weight", &[Size::OfExpert, Size::Hidden]),
            expert(Place::Down, "block_sparse_moe.experts.{}.w2.weight", &[Size::Hidden, Size::OfExpert]),
        ],
    ],
    has_attention_bias: false,
    defaults: Defaults { num_key_value_heads: Some(8), rms_norm_eps: 1e-5, rope_theta: 1e6, ..DEFAULTS },
    read: |fields, config| {
        read_experts(fields, config, 2, 1e-3)?;
        config.norm_topk_prob = true;
        config.sliding_window = fields.window(None)?;
        config.sliding_layers = vec![config.sliding_window.is_some(); config.layers()];
        Ok(())
    },
    write: |config, map| {
        map.insert("num_local_experts".to_owned(), json!(config.num_experts));
        map.insert("num_experts_per_tok".to_owned(), json!(config.num_experts_per_tok));
        map.insert("router_aux_loss_coef".to_owned(), json!(config.router_aux_loss_coef));
        map.insert("sliding_window".to_owned(), json!(config.sliding_window));
    },
    ..LLAMA
};

/// How many experts there are, and how many a token goes through, `per_token` where the configuration does not say; and the
/// weight of the loss of balance, `loss` likewise.
fn read_experts(
    fields: &mut Fields<'_>,
    config: &mut Config,
    per_token: i64,
    loss: f64,
) -> Result<(), Error> {
    config.router_aux_loss_coef = fields.number("router_aux_loss_coef")?.unwrap_or(loss);
    // transformers 5 writes one spelling for all families, and reads both.
    let local = fields.optional("num_local_experts")?;
    config.num_experts = match fields.optional("num_experts")?.or(local) {
        Some(experts) => experts,
        None => return Err(fields.wrong("num_experts", "is missing")),
    };
    config.num_experts_per_tok = fields.optional("num_experts_per_tok")?.unwrap_or(per_token);
    if config.num_experts_per_tok < 1 || config.num_experts_per_tok > config.num_experts {
        let reason = format!("is {} of {} experts", config.num_experts_per_tok, config.num_experts);
        return Err(fields.wrong("num_experts_per_tok", reason));
    }
    Ok(())
}

/// The layers without experts: those that `mlp_only_layers` names, and all but every `decoder_sparse_step`th.
fn read_dense_layers(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Error> {
    let step = fields.optional("decoder_sparse_step")?.unwrap_or(1);
    if step < 1 {
        return Err(fields.wrong("decoder_sparse_step", format!("is {step}, and must be at least 1")));
    }
    let named = match fields.take("mlp_only_layers") {
        None => Vec::new(),
        Some(Value::Array(layers)) if layers.iter().all(Value::is_u64) => {
            layers.iter().filter_map(Value::as_u64).collect()
        }
        Some(_) => return Err(fields.wrong("mlp_only_layers", "must be a list of numbers of layers")),
    };
    let dense = |layer: i64| named.contains(&layer.unsigned_abs()) || (layer + 1) % step != 0;
    config.dense_layers = (0..config.num_hidden_layers).map(dense).collect();
    Ok(())
}
