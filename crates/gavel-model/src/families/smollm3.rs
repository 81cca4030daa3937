//! SmolLM3: Llama, with layers that know no positions (NoPE, [2501.18795](https://arxiv.org/abs/2501.18795)).

use serde_json::{Value, json};

use super::llama::LLAMA;
use super::{DEFAULTS, Defaults, Family};

pub(super) const SMOLLM3: Family = Family {
    model_type: "smollm3",
    class: "SmolLM3ForCausalLM",
    defaults: Defaults {
        num_key_value_heads: Some(4),
        rope_theta: 2_000_000.0,
        tie_word_embeddings: true,
        ..DEFAULTS
    },
    read: |fields, config| {
        let interval = fields.optional("no_rope_layer_interval")?.unwrap_or(4);
        if interval < 1 {
            return Err(
                fields.wrong("no_rope_layer_interval", format!("is {interval}, and must be at least 1"))
            );
        }
        config.rope_layers = match fields.take("no_rope_layers") {
            // As the name does not say, 1 is a layer with positions.
            Some(Value::Array(layers)) if layers.len() >= config.layers() => layers[..config.layers()]
                .iter()
                .map(|layer| *layer != json!(0) && *layer != json!(false))
                .collect(),
            Some(_) => {
                return Err(fields.wrong("no_rope_layers", "must be a list with a number for each layer"));
            }
            None => (1..=config.num_hidden_layers).map(|layer| layer % interval != 0).collect(),
        };
        if !fields.says("use_sliding_window") {
            return fields.refuse_sliding_layers();
        }
        fields.remove("use_sliding_window");
        config.sliding_window = fields.window(None)?;
        let windowed = config.sliding_window.is_some();
        let rope_layers = config.rope_layers.clone();
        fields.sliding_layers(config, |layer| windowed && !rope_layers[layer])
    },
    write: |config, map| {
        let layers: Vec<i64> =
            (0..config.layers()).map(|layer| i64::from(config.has_positions(layer))).collect();
        map.insert("no_rope_layers".to_owned(), json!(layers));
        if config.sliding_window.is_some() {
            map.insert("use_sliding_window".to_owned(), json!(true));
            map.insert("sliding_window".to_owned(), json!(config.sliding_window));
            map.insert("layer_types".to_owned(), config.layer_types());
        }
    },
    ..LLAMA
};
