//! Llama 2 to 3.3 and their like ([2407.21783](https://arxiv.org/abs/2407.21783)).

use super::{
    ATTENTION, ATTENTION_BIASES, Activation, DEFAULTS, FEED_FORWARD, Family, NORMS_BEFORE, read_nothing,
    write_nothing,
};

pub(super) const LLAMA: Family = Family {
    model_type: "llama",
    class: "LlamaForCausalLM",
    block: &[NORMS_BEFORE, ATTENTION, FEED_FORWARD, ATTENTION_BIASES],
    norms_add_one: false,
    scales_embedding: false,
    activation: Activation::Silu,
    activation_field: "hidden_act",
    has_attention_bias: true,
    defaults: DEFAULTS,
    read: read_nothing,
    write: write_nothing,
};
