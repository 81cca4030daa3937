//! Policies with experts: a DeepSeek-V3 learns, its corrections move with the load and go on after a stop.

use gavel_model::{Architecture, LatentAttention, SigmoidRouting};

use super::*;

/// A bench whose policy is a small DeepSeek-V3.
fn bench_of_deepseek() -> Bench {
    let bench = Bench::new();
    let mut config = Config::load(&bench.settings.model).unwrap();
    config = Config {
        architecture: Architecture::DeepseekV3,
        num_key_value_heads: config.num_attention_heads,
        head_dim: 8,
        latent_attention: Some(LatentAttention {
            q_lora_rank: Some(16),
            kv_lora_rank: 16,
            qk_nope_head_dim: 8,
            v_head_dim: 12,
            rope_interleave: true,
        }),
        num_experts: 8,
        num_experts_per_tok: 2,
        norm_topk_prob: true,
        n_shared_experts: 1,
        moe_intermediate_size: Some(16),
        dense_layers: vec![true, false],
        sigmoid_routing: Some(SigmoidRouting { n_group: 2, topk_group: 1, routed_scaling_factor: 1.5 }),
        ..config
    };
    Model::random(config, 1, Device::Cpu, Precision::FULL).save(&bench.settings.model).unwrap();
    bench
}

fn correction(checkpoint: &Path) -> Vec<f32> {
    let tensors = Tensor::read_safetensors(checkpoint.join("model.safetensors")).unwrap();
    let (_, bias) = tensors
        .into_iter()
        .find(|(name, _)| name.ends_with("layers.1.mlp.gate.e_score_correction_bias"))
        .unwrap();
    Vec::try_from(bias).unwrap()
}

#[test]
fn a_deepseek_v3_learns_and_says_how_even_its_experts_are() {
    let bench = bench_of_deepseek();
    bench.train(&share_of_a()).unwrap();
    let rows = bench.rows();
    let rewards = rewards(&rows);
    assert!(rewards[0] < 0.4 && rewards[19] > 0.8, "from {} to {}", rewards[0], rewards[19]);
    for row in &rows {
        let [violation, unused] =
            ["max_violation", "unused"].map(|name| row[format!("expert_load/{name}")].as_f64().unwrap());
        // Eight experts of which each token has two: all in one place are four times the mean.
        assert!((0.0..=3.0).contains(&violation) && (0.0..1.0).contains(&unused), "{row}");
        let difference = row["sampling/sampling_logp_difference/max"].as_f64().unwrap();
        assert!(difference < 1e-4, "sampled through the latent cache: {difference}");
    }
    // Twenty updates by 0.001 each.
    let moved = correction(&bench.settings.output_dir.join("checkpoints/step-00020"));
    assert!(moved.iter().any(|bias| bias.abs() > 5e-3), "{moved:?}");
    assert!(moved.iter().all(|bias| bias.abs() < 0.0201), "{moved:?}");
}

#[test]
fn corrections_stay_where_their_rate_is_0() {
    let mut bench = bench_of_deepseek();
    (bench.settings.max_steps, bench.settings.moe_router_bias_update_rate) = (2, 0.0);
    bench.train(&share_of_a()).unwrap();
    assert_eq!(correction(&bench.settings.output_dir.join("checkpoints/step-00002")), [0.0; 8]);
}

#[test]
fn a_run_of_a_deepseek_v3_resumes_to_the_same_weights() {
    let run = |stop_at: u64, estimator: AdvEstimator| {
        let mut bench = bench_of_deepseek();
        bench.settings.adv_estimator = estimator;
        bench.settings.gradient_checkpointing = true;
        bench.settings.max_steps = 4;
        bench.train_with_a_stop_after(stop_at);
        weights(&bench.settings.output_dir.join("checkpoints/step-00004"))
    };
    for estimator in [Settings::default().adv_estimator, AdvEstimator::Gae] {
        assert!(run(2, estimator) == run(4, estimator), "{estimator:?}");
    }
}

/// A bench whose policy is a small Qwen3-MoE.
fn bench_of_qwen3_moe() -> Bench {
    let bench = Bench::new();
    let config = Config {
        architecture: Architecture::Qwen3Moe,
        num_experts: 4,
        num_experts_per_tok: 1,
        moe_intermediate_size: Some(16),
        router_aux_loss_coef: 0.01,
        dense_layers: vec![true, false],
        initializer_range: 0.3,
        ..Config::load(&bench.settings.model).unwrap()
    };
    Model::random(config, 1, Device::Cpu, Precision::FULL).save(&bench.settings.model).unwrap();
    bench
}

/// Of one step: the square of the gradient's norm, and the loss of balance.
fn with_loss_of_balance(coefficient: Option<f64>) -> (f64, Option<f64>) {
    let mut bench = bench_of_qwen3_moe();
    bench.settings.max_steps = 1;
    // In two micro-batches, each with its share.
    (bench.settings.per_device_train_batch_size, bench.settings.gradient_accumulation_steps) = (16, 2);
    bench.settings.router_aux_loss_coef = coefficient;
    bench.train(&share_of_a()).unwrap();
    let row = bench.rows().pop().unwrap();
    (row["grad_norm"].as_f64().unwrap().powi(2), row["aux_loss"].as_f64())
}

/// The gradient is that of the policy's loss and so many times another one, so the square of its norm is a parabola.
#[test]
fn the_loss_that_evens_out_experts_is_added_by_its_coefficient() {
    let [(none, no_loss), (one, loss), (two, same), (three, _)] =
        [0.0, 1.0, 2.0, 3.0].map(|coefficient| with_loss_of_balance(Some(coefficient)));
    let expected = none + 3.0 * (two - one);
    assert!((three / expected - 1.0).abs() < 1e-4, "{three}, and by the first three {expected}");
    assert!(none + two - 2.0 * one > 1e-4 * none, "{none}, {one}, {two}");
    assert_eq!((no_loss, loss), (None, same));
    // 1 is balance, for one expert of each token.
    assert!(loss.unwrap() > 1.0, "{loss:?}");
    let (own, of_the_model) = (with_loss_of_balance(None), with_loss_of_balance(Some(0.01)));
    assert_eq!(own, of_the_model, "what config.json says");
}

#[test]
fn a_loss_of_balance_of_a_model_without_one_is_refused() {
    for (mut bench, part) in [(Bench::new(), "none"), (bench_of_deepseek(), "moe_router_bias_update_rate")] {
        bench.settings.router_aux_loss_coef = Some(0.1);
        match bench.train(&share_of_a()) {
            Err(TrainError::Setting { field: "router_aux_loss_coef", problem }) => {
                assert!(problem.contains(part), "{problem}");
            }
            other => panic!("{other:?}"),
        }
        assert!(!bench.settings.output_dir.exists());
    }
}
