//! What sets the families of models apart: it has an effect, is read as `transformers` reads it, or is refused by name.

use std::path::Path;

use gavel_model::{
    Architecture, Config, Error, LatentAttention, Model, NeverStop, Precision, RopeScaling, Sampling,
    SigmoidRouting,
};
use tch::{Device, no_grad};

use super::{MINIMAL, config, largest_difference, refused, tokens};

/// With what the family alone has.
pub(super) fn of_family(architecture: Architecture) -> Config {
    let config = Config { architecture, ..config() };
    let window = Config { sliding_window: Some(3), sliding_layers: vec![true, false], ..config.clone() };
    match architecture {
        Architecture::Llama | Architecture::Olmo2 | Architecture::Gemma => {
            Config { attention_bias: true, ..config }
        }
        Architecture::Mistral => Config { sliding_layers: vec![true, true], ..window },
        Architecture::Qwen2 | Architecture::Qwen3 => window,
        Architecture::Qwen3Moe | Architecture::Mixtral | Architecture::Olmoe => Config {
            num_experts: 3,
            num_experts_per_tok: 2,
            norm_topk_prob: architecture == Architecture::Mixtral,
            router_aux_loss_coef: 0.02,
            moe_intermediate_size: (architecture == Architecture::Qwen3Moe).then_some(10),
            dense_layers: if architecture == Architecture::Qwen3Moe { vec![false, true] } else { Vec::new() },
            ..config
        },
        Architecture::DeepseekV3 => Config {
            num_key_value_heads: config.num_attention_heads,
            latent_attention: Some(LatentAttention {
                q_lora_rank: Some(6),
                kv_lora_rank: 7,
                qk_nope_head_dim: 5,
                v_head_dim: 3,
                rope_interleave: true,
            }),
            num_experts: 6,
            num_experts_per_tok: 2,
            n_shared_experts: 1,
            moe_intermediate_size: Some(10),
            dense_layers: vec![true, false],
            sigmoid_routing: Some(SigmoidRouting { n_group: 3, topk_group: 2, routed_scaling_factor: 1.5 }),
            ..config
        },
        Architecture::SmolLm3 => {
            Config { rope_layers: vec![true, false], sliding_layers: vec![false, true], ..window }
        }
        Architecture::Phi3 => {
            Config { sliding_layers: vec![true, true], partial_rotary_factor: 0.5, ..window }
        }
        Architecture::Gemma2 => Config {
            query_pre_attn_scalar: Some(5.0),
            attn_logit_softcapping: Some(50.0),
            final_logit_softcapping: Some(30.0),
            ..window
        },
        Architecture::Olmo3 | Architecture::Gemma3 => Config { local_rope_theta: Some(100.0), ..window },
    }
}

/// Fresh parameters of every family make logits of the order of 1, and none of what sets it apart is without effect.
#[test]
fn what_sets_a_family_apart_changes_its_logits() {
    for architecture in Architecture::ALL {
        let config = of_family(architecture);
        let logits = |config: &Config| {
            let model = Model::random(config.clone(), 3, Device::Cpu, Precision::FULL);
            no_grad(|| model.forward(&tokens(), None))
        };
        let expected = logits(&config);
        assert!(
            expected.isfinite().all().int64_value(&[]) == 1 && expected.abs().max().double_value(&[]) > 0.1
        );
        let without = [
            Config { sliding_layers: Vec::new(), ..config.clone() },
            Config { rope_layers: Vec::new(), ..config.clone() },
            Config { partial_rotary_factor: 1.0, ..config.clone() },
            Config { query_pre_attn_scalar: None, ..config.clone() },
            Config { attn_logit_softcapping: None, ..config.clone() },
            Config { final_logit_softcapping: None, ..config.clone() },
            Config { local_rope_theta: None, ..config.clone() },
            Config { dense_layers: Vec::new(), ..config.clone() },
            Config {
                latent_attention: config
                    .latent_attention
                    .map(|latent| LatentAttention { q_lora_rank: None, ..latent }),
                ..config.clone()
            },
            Config {
                latent_attention: config
                    .latent_attention
                    .map(|latent| LatentAttention { rope_interleave: false, ..latent }),
                ..config.clone()
            },
            Config {
                sigmoid_routing: config
                    .sigmoid_routing
                    .map(|routing| SigmoidRouting { routed_scaling_factor: 1.0, ..routing }),
                ..config.clone()
            },
        ];
        for without in without.into_iter().filter(|without| *without != config) {
            let difference = largest_difference(&expected, &logits(&without));
            assert!(difference > 1e-5, "{architecture:?}: {without:?}");
        }
    }
}

#[test]
fn what_a_family_takes_where_a_configuration_does_not_say_is_what_transformers_takes() {
    let read = |model_type: &str, rest: &str| {
        let text = MINIMAL
            .replace("llama", model_type)
            .replace(r#""num_hidden_layers": 1"#, r#""num_hidden_layers": 6"#);
        Config::from_json(&format!("{{{text}{rest}}}"), Path::new("")).unwrap()
    };
    let mistral = read("mistral", r#", "num_key_value_heads": 2"#);
    assert_eq!((mistral.sliding_window, mistral.sliding_layers), (Some(4096), vec![true; 6]));
    let mistral = read("mistral", r#", "sliding_window": null, "num_key_value_heads": null"#);
    assert_eq!((mistral.sliding_window, mistral.num_key_value_heads), (None, 2));
    let smollm3 = read("smollm3", r#", "num_key_value_heads": 1"#);
    assert_eq!(smollm3.rope_layers, [true, true, true, false, true, true]);
    assert!(smollm3.tie_word_embeddings && smollm3.rope_theta == 2e6);
    let gemma2 = read("gemma2", r#", "num_key_value_heads": 1"#);
    assert_eq!(gemma2.sliding_layers, [true, false, true, false, true, false]);
    assert_eq!((gemma2.attn_logit_softcapping, gemma2.final_logit_softcapping), (Some(50.0), Some(30.0)));
    assert_eq!((gemma2.head_dim, gemma2.tie_word_embeddings), (256, true));
    let capless = read("gemma2", r#", "num_key_value_heads": 1, "attn_logit_softcapping": null"#);
    assert_eq!((capless.attn_logit_softcapping, capless.final_logit_softcapping), (None, Some(30.0)));
    let gemma3 = read(
        "gemma3_text",
        r#", "num_key_value_heads": 1, "rope_scaling": {"rope_type": "linear", "factor": 8}"#,
    );
    assert_eq!(gemma3.sliding_layers, [true, true, true, true, true, false]);
    assert_eq!((gemma3.rope_theta, gemma3.local_rope_theta), (1e6, Some(1e4)));
    assert_eq!(gemma3.rope_scaling, Some(RopeScaling::Linear { factor: 8.0 }));
    assert_eq!(read("olmo2", "").rms_norm_eps, 1e-5);
    let olmo3 = read("olmo3", "");
    assert_eq!(olmo3.sliding_layers, [true, true, true, false, true, true]);
    assert_eq!((olmo3.rope_theta, olmo3.local_rope_theta), (5e5, Some(5e5)));
    assert_eq!(read("phi3", "").rms_norm_eps, 1e-5);
    let step = read(
        "qwen3_moe",
        r#", "num_key_value_heads": 1, "num_experts": 2, "num_experts_per_tok": 1, "decoder_sparse_step": 2, "mlp_only_layers": [3]"#,
    );
    assert_eq!(step.dense_layers, [true, false, true, true, true, false]);
    let deepseek = read("deepseek_v3", "");
    assert_eq!(deepseek.dense_layers, [true, true, true, false, false, false]);
    assert_eq!((deepseek.head_dim, deepseek.num_experts, deepseek.num_experts_per_tok), (64, 256, 8));
    let latent = deepseek.latent_attention.unwrap();
    assert_eq!((latent.q_lora_rank, latent.kv_lora_rank), (Some(1536), 512));
    assert_eq!(read("deepseek_v3", r#", "q_lora_rank": null"#).latent_attention.unwrap().q_lora_rank, None);
}

#[test]
fn what_a_family_cannot_follow_is_refused_by_field() {
    let with = |model_type: &str, rest: &str| {
        refused(&format!("{{{}, \"num_key_value_heads\": 1, {rest}}}", MINIMAL.replace("llama", model_type)))
    };
    assert_eq!(
        with("phi3", r#""rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [1]}"#),
        "rope_scaling"
    );
    let longrope = r#""original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope", "short_factor": [1, 2, 3, 4], "long_factor": [1, 2, 3, 0]}"#;
    assert_eq!(with("phi3", longrope), "rope_scaling");
    let inner = r#""rope_scaling": {"type": "longrope", "short_factor": [1, 2, 3, 4], "long_factor": [1, 2, 3, 4], "original_max_position_embeddings": 64}"#;
    assert_eq!(with("phi3", inner), "original_max_position_embeddings");
    assert_eq!(
        with("phi3", r#""rope_scaling": {"type": "yarn", "factor": 4}, "max_position_embeddings": 64"#),
        "rope_scaling"
    );
    assert_eq!(with("phi3", r#""partial_rotary_factor": 0.1"#), "partial_rotary_factor");
    assert_eq!(
        with("llama", r#""rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}"#),
        "partial_rotary_factor"
    );
    assert_eq!(with("gemma", r#""hidden_act": "gelu""#), "hidden_act");
    assert_eq!(with("gemma2", r#""hidden_activation": "silu""#), "hidden_activation");
    assert_eq!(with("gemma2", r#""sliding_window": null"#), "sliding_window");
    assert_eq!(with("gemma2", r#""use_bidirectional_attention": true"#), "use_bidirectional_attention");
    assert_eq!(with("gemma3_text", r#""layer_types": ["chunked_attention"]"#), "layer_types");
    assert_eq!(with("qwen2", r#""layer_types": ["sliding_attention"]"#), "layer_types");
    assert_eq!(with("smollm3", r#""no_rope_layers": []"#), "no_rope_layers");
    assert_eq!(with("llama", r#""rope_scaling": {"rope_type": "dynamic", "factor": 2}"#), "rope_scaling");
    let experts = r#""num_experts": 4, "num_experts_per_tok": 2"#;
    assert_eq!(with("mixtral", r#""num_experts_per_tok": 2"#), "num_experts");
    assert_eq!(with("olmoe", r#""num_experts": 4, "num_experts_per_tok": 5"#), "num_experts_per_tok");
    assert_eq!(with("olmoe", &format!(r#"{experts}, "clip_qkv": 8.0"#)), "clip_qkv");
    assert_eq!(with("qwen3_moe", &format!(r#"{experts}, "mlp_only_layers": 0"#)), "mlp_only_layers");
    assert_eq!(with("qwen3_moe", &format!(r#"{experts}, "decoder_sparse_step": 0"#)), "decoder_sparse_step");
    for (rest, field) in [
        (r#""num_key_value_heads": 1"#, "num_key_value_heads"),
        (r#""topk_method": "greedy""#, "topk_method"),
        (r#""scoring_func": "softmax""#, "scoring_func"),
        (r#""n_group": 7"#, "n_group"),
        (r#""n_group": 8, "topk_group": 9"#, "topk_group"),
        (r#""topk_group": 1, "num_experts_per_tok": 33"#, "num_experts_per_tok"),
        (r#""n_shared_experts": 0"#, "n_shared_experts"),
        (r#""kv_lora_rank": 0"#, "kv_lora_rank"),
        (r#""qk_rope_head_dim": 5"#, "qk_rope_head_dim"),
        (r#""attention_bias": true, "q_lora_rank": null"#, "attention_bias"),
        (r#""quantization_config": {"quant_method": "awq"}"#, "quantization_config"),
    ] {
        let rest = if field == "num_key_value_heads" {
            rest.to_owned()
        } else {
            format!(r#""num_key_value_heads": null, {rest}"#)
        };
        assert_eq!(refused(&format!("{{{}, {rest}}}", MINIMAL.replace("llama", "deepseek_v3"))), field);
    }
    let outer = r#""original_max_position_embeddings": 9, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 8}"#;
    assert_eq!(with("llama", outer), "original_max_position_embeddings");
}

/// Beyond `max_position_embeddings`, `transformers` takes other positions for a whole batch, by its longest sequence.
#[test]
fn dynamic_positions_are_followed_as_far_as_they_do_not_depend_on_the_batch() {
    let dynamic = Config {
        rope_scaling: Some(RopeScaling::Dynamic { factor: 4.0 }),
        max_position_embeddings: 7,
        ..config()
    };
    let model = Model::random(dynamic, 1, Device::Cpu, Precision::FULL);
    let plain = Model::random(config(), 1, Device::Cpu, Precision::FULL);
    let logits = |model: &Model| no_grad(|| model.forward(&tokens(), None));
    assert!(logits(&model).equal(&logits(&plain)));
    let generate = |max_new_tokens| {
        let sampling = Sampling { max_new_tokens, ..Sampling::default() };
        model.generate(&[vec![1, 2, 3]], &sampling, &NeverStop, |_, _| {})
    };
    assert_eq!(generate(4).unwrap()[0].tokens.len(), 4);
    assert!(matches!(generate(5), Err(Error::Request { field: "prompts", .. })));
}

/// Beyond the original context, `transformers` takes other factors for a whole batch.
#[test]
fn longrope_is_followed_within_the_original_context() {
    let scaling = |short: f64, long: f64| {
        Some(RopeScaling::LongRope {
            short_factor: vec![short; 2],
            long_factor: vec![long; 2],
            attention_factor: 1.1,
            original_max_position_embeddings: 7.0,
        })
    };
    let of = |short, long| {
        let config = Config { architecture: Architecture::Phi3, ..config() };
        let rope_scaling = scaling(short, long);
        Model::random(Config { rope_scaling, head_dim: 4, ..config }, 1, Device::Cpu, Precision::FULL)
    };
    let logits = |model: &Model| no_grad(|| model.forward(&tokens(), None));
    let model = of(1.0, 4.0);
    assert!(logits(&model).equal(&logits(&of(1.0, 2.0))));
    assert!(largest_difference(&logits(&model), &logits(&of(1.5, 4.0))) > 1e-5);
    let generate = |max_new_tokens| {
        let sampling = Sampling { max_new_tokens, ..Sampling::default() };
        model.generate(&[vec![1, 2, 3]], &sampling, &NeverStop, |_, _| {})
    };
    assert_eq!(generate(4).unwrap()[0].tokens.len(), 4);
    assert!(matches!(generate(5), Err(Error::Request { field: "prompts", .. })));
}
