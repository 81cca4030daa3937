//! OLMo 2 ([2501.00656](https://arxiv.org/abs/2501.00656)): what attention and the feed-forward layer give is normalised, not
//! what they see, and so are all queries of a token together, and all its keys. OLMo 3
//! ([2512.13961](https://arxiv.org/abs/2512.13961)) has windows besides.

use serde_json::{Map, Value, json};

use super::llama::LLAMA;
use super::{ATTENTION, ATTENTION_BIASES, DEFAULTS, Defaults, FEED_FORWARD, Family, Place, Row, Size, row};
use crate::RopeScaling;

const NORMS: &[Row] = &[
    row(Place::QueryNorm, "self_attn.q_norm.weight", &[Size::Queries]),
    row(Place::KeyNorm, "self_attn.k_norm.weight", &[Size::Keys]),
    row(Place::AttentionPostNorm, "post_attention_layernorm.weight", &[Size::Hidden]),
    row(Place::FeedForwardPostNorm, "post_feedforward_layernorm.weight", &[Size::Hidden]),
];

pub(super) const OLMO2: Family = Family {
    model_type: "olmo2",
    class: "Olmo2ForCausalLM",
    block: &[NORMS, ATTENTION, FEED_FORWARD, ATTENTION_BIASES],
    defaults: Defaults { rms_norm_eps: 1e-5, ..DEFAULTS },
    ..LLAMA
};

pub(super) const OLMO3: Family = Family {
    model_type: "olmo3",
    class: "Olmo3ForCausalLM",
    defaults: Defaults { rope_theta: 500_000.0, ..OLMO2.defaults },
    read: |fields, config| {
        config.sliding_window = fields.window(Some(4096))?;
        fields.sliding_layers(config, |layer| (layer + 1) % 4 != 0)?;
        config.local_rope_theta = Some(fields.number("rope_local_base_freq")?.unwrap_or(config.rope_theta));
        Ok(())
    },
    write: |config, map| {
        map.insert("sliding_window".to_owned(), json!(config.sliding_window));
        map.insert("layer_types".to_owned(), config.layer_types());
        // transformers 5 takes the base that version 4 wrote for one kind of layers alone; each has its own here.
        let mut full = Map::from_iter([("rope_type".to_owned(), json!("default"))]);
        if let Some(Value::Object(scaling)) = config.rope_scaling.as_ref().map(RopeScaling::to_json) {
            full.extend(scaling);
        }
        full.insert("rope_theta".to_owned(), json!(config.rope_theta));
        let local = config.local_rope_theta.unwrap_or(config.rope_theta);
        let local = json!({ "rope_type": "default", "rope_theta": local });
        map.insert(
            "rope_parameters".to_owned(),
            json!({ "full_attention": full, "sliding_attention": local }),
        );
    },
    ..OLMO2
};
