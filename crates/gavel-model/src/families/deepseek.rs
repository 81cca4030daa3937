//! DeepSeek-V3 and R1 ([2412.19437](https://arxiv.org/abs/2412.19437)): attention through latents, experts that every token
//! goes to beside those that sigmoids choose within groups, and first layers without experts.

use serde_json::{Map, Value, json};

use super::llama::LLAMA;
use super::{DENSE, EXPERTS, Family, NORMS_BEFORE, Place, Row, Size, When, if_biased, row, row_if};
use crate::config::{Fields, LatentAttention, SigmoidRouting};
use crate::{Config, Error};

pub(super) const DEEPSEEK_V3: Family = Family {
    model_type: "deepseek_v3",
    class: "DeepseekV3ForCausalLM",
    block: &[NORMS_BEFORE, LATENT_ATTENTION, LATENT_BIASES, DENSE, EXPERTS, SHARED_EXPERTS],
    read,
    write,
    ..LLAMA
};

const LATENT_ATTENTION: &[Row] = &[
    row_if(When::NoQueryLatent, Place::Qkv, "self_attn.q_proj.weight", &[Size::LatentQueries, Size::Hidden]),
    row_if(When::QueryLatent, Place::Qkv, "self_attn.q_a_proj.weight", &[Size::QueryLatent, Size::Hidden]),
    row(Place::Qkv, "self_attn.kv_a_proj_with_mqa.weight", &[Size::KeyValueDown, Size::Hidden]),
    row_if(When::QueryLatent, Place::QueryLatentNorm, "self_attn.q_a_layernorm.weight", &[Size::QueryLatent]),
    row_if(
        When::QueryLatent,
        Place::QueryUp,
        "self_attn.q_b_proj.weight",
        &[Size::LatentQueries, Size::QueryLatent],
    ),
    row(Place::KeyValueLatentNorm, "self_attn.kv_a_layernorm.weight", &[Size::KeyValueLatent]),
    row(Place::KeyValueUp, "self_attn.kv_b_proj.weight", &[Size::LatentKeysValues, Size::KeyValueLatent]),
    row(Place::Output, "self_attn.o_proj.weight", &[Size::Hidden, Size::LatentValues]),
];

const LATENT_BIASES: &[Row] = &[
    if_biased(Place::QkvBias, "self_attn.q_a_proj.bias", &[Size::QueryLatent]),
    if_biased(Place::QkvBias, "self_attn.kv_a_proj_with_mqa.bias", &[Size::KeyValueDown]),
    if_biased(Place::OutputBias, "self_attn.o_proj.bias", &[Size::Hidden]),
];

const SHARED_EXPERTS: &[Row] = &[
    row_if(When::Experts, Place::RouterBias, "mlp.gate.e_score_correction_bias", &[Size::Experts]),
    row_if(
        When::Experts,
        Place::SharedGateUp,
        "mlp.shared_experts.gate_proj.weight",
        &[Size::SharedExperts, Size::Hidden],
    ),
    row_if(
        When::Experts,
        Place::SharedGateUp,
        "mlp.shared_experts.up_proj.weight",
        &[Size::SharedExperts, Size::Hidden],
    ),
    row_if(
        When::Experts,
        Place::SharedDown,
        "mlp.shared_experts.down_proj.weight",
        &[Size::Hidden, Size::SharedExperts],
    ),
];

fn read(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Error> {
    require(fields, "topk_method", &json!("noaux_tc"))?;
    require(fields, "scoring_func", &json!("sigmoid"))?;
    require(fields, "moe_layer_freq", &json!(1))?;
    // Says what others say already.
    fields.remove("qk_head_dim");
    // Layers that predict tokens further ahead are not read.
    fields.remove("num_nextn_predict_layers");
    read_attention(fields, config)?;
    read_experts(fields, config)
}

fn require(fields: &mut Fields<'_>, field: &str, value: &Value) -> Result<(), Error> {
    match fields.take(field).filter(|found| found != value) {
        Some(found) => Err(fields.wrong(field, format!("is {found}; {value} is supported"))),
        None => Ok(()),
    }
}

fn read_attention(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Error> {
    let latent = LatentAttention {
        // null is none, and no field is the default.
        q_lora_rank: fields.optional_or("q_lora_rank", Some(1536))?,
        kv_lora_rank: fields.optional("kv_lora_rank")?.unwrap_or(512),
        qk_nope_head_dim: fields.optional("qk_nope_head_dim")?.unwrap_or(128),
        v_head_dim: fields.optional("v_head_dim")?.unwrap_or(128),
        rope_interleave: fields.flag("rope_interleave")?.unwrap_or(true),
    };
    config.head_dim = fields.optional("qk_rope_head_dim")?.unwrap_or(64);
    let positive = [
        ("q_lora_rank", latent.q_lora_rank.unwrap_or(1)),
        ("kv_lora_rank", latent.kv_lora_rank),
        ("qk_nope_head_dim", latent.qk_nope_head_dim),
        ("v_head_dim", latent.v_head_dim),
        ("qk_rope_head_dim", config.head_dim),
    ];
    if let Some((field, value)) = positive.into_iter().find(|&(_, value)| value < 1) {
        return Err(fields.wrong(field, format!("is {value}, and must be at least 1")));
    }
    if config.head_dim % 2 != 0 {
        return Err(fields.wrong("qk_rope_head_dim", format!("is {}, and must be even", config.head_dim)));
    }
    if config.num_key_value_heads != config.num_attention_heads {
        let reason = format!(
            "is {}, and latent attention has keys for each of {} heads",
            config.num_key_value_heads, config.num_attention_heads
        );
        return Err(fields.wrong("num_key_value_heads", reason));
    }
    if config.attention_bias && latent.q_lora_rank.is_none() {
        let reason = "is true, which is supported where `q_lora_rank` is a number";
        return Err(fields.wrong("attention_bias", reason));
    }
    config.latent_attention = Some(latent);
    Ok(())
}

fn read_experts(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Error> {
    config.num_experts = fields.optional("n_routed_experts")?.unwrap_or(256);
    config.num_experts_per_tok = fields.optional("num_experts_per_tok")?.unwrap_or(8);
    config.n_shared_experts = fields.optional("n_shared_experts")?.unwrap_or(1);
    config.moe_intermediate_size = Some(fields.optional("moe_intermediate_size")?.unwrap_or(2048));
    config.norm_topk_prob = fields.flag("norm_topk_prob")?.unwrap_or(true);
    let routing = SigmoidRouting {
        n_group: fields.optional("n_group")?.unwrap_or(8),
        topk_group: fields.optional("topk_group")?.unwrap_or(4),
        routed_scaling_factor: fields.number("routed_scaling_factor")?.unwrap_or(2.5),
    };
    let SigmoidRouting { n_group, topk_group, .. } = routing;
    if config.n_shared_experts < 1 {
        return Err(fields.wrong("n_shared_experts", "is below 1; layers with shared experts are supported"));
    }
    let experts = config.num_experts;
    // A group is worth the sum of its two best.
    if n_group < 1 || experts % n_group != 0 || experts / n_group < 2 {
        let reason =
            format!("is {n_group}, and does not divide {experts} experts into groups of two or more");
        return Err(fields.wrong("n_group", reason));
    }
    if !(1..=n_group).contains(&topk_group) {
        return Err(fields.wrong("topk_group", format!("is {topk_group} of {n_group} groups")));
    }
    let within = topk_group * (experts / n_group);
    if !(1..=within).contains(&config.num_experts_per_tok) {
        let reason = format!("is {} of {within} experts in the groups chosen", config.num_experts_per_tok);
        return Err(fields.wrong("num_experts_per_tok", reason));
    }
    config.sigmoid_routing = Some(routing);
    let dense = fields.optional("first_k_dense_replace")?.unwrap_or(3);
    config.dense_layers = (0..config.num_hidden_layers).map(|layer| layer < dense).collect();
    Ok(())
}

fn write(config: &Config, map: &mut Map<String, Value>) {
    let latent = config.latent_attention.unwrap_or_default();
    let routing = config.sigmoid_routing.unwrap_or_default();
    let dense = (0..config.layers()).take_while(|&layer| !config.has_experts(layer)).count();
    let fields = [
        ("q_lora_rank", json!(latent.q_lora_rank)),
        ("kv_lora_rank", json!(latent.kv_lora_rank)),
        ("qk_nope_head_dim", json!(latent.qk_nope_head_dim)),
        ("qk_rope_head_dim", json!(config.head_dim)),
        ("v_head_dim", json!(latent.v_head_dim)),
        ("rope_interleave", json!(latent.rope_interleave)),
        ("n_routed_experts", json!(config.num_experts)),
        ("n_shared_experts", json!(config.n_shared_experts)),
        ("num_experts_per_tok", json!(config.num_experts_per_tok)),
        ("moe_intermediate_size", json!(config.moe_intermediate_size.unwrap_or(config.intermediate_size))),
        ("norm_topk_prob", json!(config.norm_topk_prob)),
        ("n_group", json!(routing.n_group)),
        ("topk_group", json!(routing.topk_group)),
        ("routed_scaling_factor", json!(routing.routed_scaling_factor)),
        ("topk_method", json!("noaux_tc")),
        ("scoring_func", json!("sigmoid")),
        ("first_k_dense_replace", json!(dense)),
        ("num_nextn_predict_layers", json!(0)),
    ];
    map.extend(fields.map(|(name, value)| (name.to_owned(), value)));
}
