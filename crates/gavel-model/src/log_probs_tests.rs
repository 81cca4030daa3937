//! Packed, shared, chunked and recomputed, against one sequence at a time through the plain forward pass and autograd.

use super::*;
use crate::{Architecture, Config};

const TEMPERATURE: f64 = 0.8;

fn config() -> Config {
    Config {
        architecture: Architecture::Qwen2,
        vocab_size: 11,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        initializer_range: 0.4,
        ..Config::default()
    }
}

/// Qwen2 with biases and a tied head, Llama with neither, heads that share no keys, heads with norms, and whatever else the
/// families do differently.
fn configs() -> [Config; 9] {
    let llama = Config { architecture: Architecture::Llama, tie_word_embeddings: false, ..config() };
    let qwen3 = Config { architecture: Architecture::Qwen3, head_dim: 6, ..config() };
    let window = Config { sliding_window: Some(3), sliding_layers: vec![true, false], ..config() };
    let gemma2 = Config {
        architecture: Architecture::Gemma2,
        query_pre_attn_scalar: Some(5.0),
        attn_logit_softcapping: Some(1.5),
        final_logit_softcapping: Some(2.0),
        ..window.clone()
    };
    let gemma3 =
        Config { architecture: Architecture::Gemma3, local_rope_theta: Some(100.0), ..window.clone() };
    let olmo2 = Config { architecture: Architecture::Olmo2, rope_layers: vec![true, false], ..config() };
    let phi3 = Config { architecture: Architecture::Phi3, partial_rotary_factor: 0.5, ..window.clone() };
    let mixtral = Config {
        architecture: Architecture::Mixtral,
        num_experts: 4,
        num_experts_per_tok: 2,
        norm_topk_prob: true,
        ..window
    };
    [
        config(),
        llama,
        Config { num_key_value_heads: 4, ..config() },
        qwen3,
        gemma2,
        gemma3,
        olmo2,
        phi3,
        mixtral,
    ]
}

fn model(config: &Config) -> Model {
    let mut model = Model::random(config.clone(), 3, Device::Cpu, Precision::FULL);
    // Biases begin at 0 and norms at 1: a mistake in either would not show.
    for (name, mut parameter) in model.parameters() {
        if name.ends_with("bias") || name.ends_with("norm.weight") {
            let count = parameter.numel() as i64;
            parameter += (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 12.9898).sin() * 0.3;
        }
    }
    model.set_requires_grad(true);
    model
}

/// Of equal and of unequal lengths, with a group of one, and completions of one token.
fn batches() -> [Vec<Group<'static>>; 3] {
    [
        vec![Group { prompt: &[1, 2, 3], completions: vec![&[4, 5, 6], &[7, 8, 9], &[10, 1, 0]] }],
        vec![
            Group { prompt: &[1, 2, 3], completions: vec![&[4, 5, 6, 7, 8], &[9], &[10, 0]] },
            Group { prompt: &[3, 4], completions: vec![&[5]] },
            Group { prompt: &[6, 5, 4, 3, 2, 1, 0], completions: vec![&[2, 4], &[3, 5, 7, 9]] },
        ],
        vec![Group { prompt: &[9], completions: vec![&[8, 7, 6, 5]] }],
    ]
}

/// The completions' lengths, in order.
fn lengths(groups: &[Group<'_>]) -> Vec<i64> {
    groups.iter().flat_map(|group| &group.completions).map(|completion| completion.len() as i64).collect()
}

/// What the loss weighs each token with: no pattern, and both signs.
fn weights(count: i64) -> Tensor {
    (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 78.233).sin()
}

/// And each entropy.
fn entropy_weights(count: i64) -> Tensor {
    (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 12.9898).cos()
}

/// The derivative of that loss by some of `count` tokens.
fn by_tokens(count: i64, rows: &Range<i64>) -> ByTokens {
    ByTokens { log_probs: slice(&weights(count), rows), entropy: Some(slice(&entropy_weights(count), rows)) }
}

fn gradients(model: &Model) -> Vec<(String, Tensor)> {
    model.parameters().into_iter().map(|(name, parameter)| (name, parameter.grad().copy())).collect()
}

/// Log-probabilities, entropies and gradients, one sequence at a time.
fn plain(config: &Config, groups: &[Group<'_>]) -> (Tensor, Tensor, Vec<(String, Tensor)>) {
    let model = model(config);
    let (mut log_probs, mut entropy) = (Vec::new(), Vec::new());
    for group in groups {
        for completion in &group.completions {
            let tokens = Tensor::from_slice(&[group.prompt, completion].concat());
            let (first, count) = (group.prompt.len() as i64, completion.len() as i64);
            let logits = model.forward(&tokens.unsqueeze(0), None).squeeze_dim(0) / TEMPERATURE;
            let all = logits.narrow(0, first - 1, count).log_softmax(-1, Kind::Float);
            let targets = Tensor::from_slice(completion).unsqueeze(-1);
            log_probs.push(all.gather(-1, &targets, false).squeeze_dim(-1));
            entropy.push(-(all.exp() * &all).sum_dim_intlist([-1i64].as_slice(), false, Kind::Float));
        }
    }
    let (log_probs, entropy) = (Tensor::cat(&log_probs, 0), Tensor::cat(&entropy, 0));
    let count = log_probs.size()[0];
    (&log_probs * weights(count) + &entropy * entropy_weights(count)).sum(Kind::Float).backward();
    (log_probs.detach(), entropy.detach(), gradients(&model))
}

/// The ranges of so many tokens each.
fn sections(lengths: &[i64]) -> Vec<Range<i64>> {
    let mut end = 0;
    let next = |&length: &i64| {
        end += length;
        end - length..end
    };
    lengths.iter().map(next).collect()
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64, what: &str) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let largest = expected.abs().max().double_value(&[]).max(1.0);
    let difference = (found - expected).abs().max().double_value(&[]);
    assert!(difference <= tolerance * largest, "{what}: off by {difference} of {largest}");
}

/// How a gradient is computed: who sees whom, in which sections, with how many rows of logits, recomputed or not.
struct Way {
    bounds: bool,
    by_completion: bool,
    rows_per_chunk: i64,
    recompute: bool,
}

fn packed_gradients(
    config: &Config,
    groups: &[Group<'_>],
    way: &Way,
) -> (Tensor, Tensor, Vec<(String, Tensor)>) {
    let model = model(config);
    let batch = Packed::new(groups, way.bounds, Device::Cpu);
    let lengths = lengths(groups);
    let all = [lengths.iter().sum()];
    let sections = sections(if way.by_completion { &lengths } else { &all });
    let (mut log_probs, mut entropy) = (Vec::new(), Vec::new());
    let mut gradient = |index: usize, found: &TokenLogProbs| {
        log_probs.push(found.log_probs.copy());
        entropy.push(found.entropy.copy());
        by_tokens(all[0], &sections[index])
    };
    model.backward_by_chunks(
        &batch,
        TEMPERATURE,
        way.recompute,
        &sections,
        way.rows_per_chunk,
        &mut gradient,
    );
    (Tensor::cat(&log_probs, 0), Tensor::cat(&entropy, 0), gradients(&model))
}

#[test]
fn packed_sequences_have_the_log_probs_and_gradients_of_sequences_apart() {
    for config in configs() {
        for groups in batches() {
            let (log_probs, entropy, expected) = plain(&config, &groups);
            for code in 0..16 {
                let bit = |bit: i32| code >> bit & 1 == 1;
                let way = Way {
                    // Kernels that take bounds know neither windows nor caps, and `Model::pack` does not ask them.
                    bounds: bit(0) && !config.attends_otherwise(11),
                    by_completion: bit(1),
                    rows_per_chunk: if bit(2) { 2 } else { 1000 },
                    recompute: bit(3),
                };
                let what = format!("{:?}, way {code:04b}, {groups:?}", config.architecture);
                let found = packed_gradients(&config, &groups, &way);
                // Norms of heads bring rounding up to where weights are.
                assert_close(&found.0, &log_probs, 3e-6, &what);
                assert_close(&found.1, &entropy, 3e-6, &what);
                for ((name, found), (_, expected)) in found.2.iter().zip(&expected) {
                    assert!(expected.abs().max().double_value(&[]) > 0.0, "{name} has a say");
                    assert_close(found, expected, 1e-5, &format!("{name}, {what}"));
                }
            }
        }
    }
}

#[test]
fn scoring_without_a_gradient_says_the_same() {
    let (config, groups) = (config(), batches()[1].clone());
    let (expected, entropy, _) = plain(&config, &groups);
    let model = model(&config);
    let found = model.log_probs(&model.pack(&groups), TEMPERATURE);
    assert_close(&found.log_probs, &expected, 1e-6, "log-probabilities");
    assert_close(&found.entropy, &entropy, 1e-6, "entropies");
    assert!(!found.log_probs.requires_grad());
}

#[test]
fn gradients_of_several_passes_add_up() {
    let (config, groups) = (config(), batches()[1].clone());
    let (.., expected) = plain(&config, &groups);
    let model = model(&config);
    let batch = model.pack(&groups);
    let count = batch.predicted_tokens() as i64;
    for _ in 0..2 {
        model.backward(&batch, TEMPERATURE, false, std::slice::from_ref(&(0..count)), &mut |_, _| {
            by_tokens(count, &(0..count))
        });
    }
    for ((name, found), (_, expected)) in gradients(&model).iter().zip(expected) {
        assert_close(found, &(expected * 2.0), 1e-5, name);
    }
}

#[test]
fn mixed_precision_computes_with_copies_that_stay_where_they_are() {
    let config = config();
    let groups = batches()[1].clone();
    let (expected, ..) = plain(&config, &groups);
    let mut mixed = Model::random(config.clone(), 3, Device::Cpu, Precision::MIXED);
    for ((_, mut parameter), (_, full)) in mixed.parameters().into_iter().zip(model(&config).parameters()) {
        parameter.copy_(&full.detach());
    }
    let places = |model: &Model| -> Vec<_> {
        let named = model.decoder().values.named();
        named.into_iter().map(|(_, value)| value.data_ptr()).collect()
    };
    let before = places(&mixed);
    let batch = mixed.pack(&groups);
    let difference = |model: &Model| {
        let found = model.log_probs(&batch, TEMPERATURE).log_probs;
        (found - &expected).abs().max().double_value(&[])
    };
    let stale = difference(&mixed);
    mixed.refresh();
    let fresh = difference(&mixed);
    assert!(fresh < 0.2 && fresh < stale, "{fresh} with fresh copies, {stale} with stale ones");
    assert_eq!(places(&mixed), before, "others may hold their addresses");

    mixed.set_requires_grad(true);
    let count = batch.predicted_tokens() as i64;
    mixed.backward(&batch, TEMPERATURE, false, std::slice::from_ref(&(0..count)), &mut |_, _| {
        by_tokens(count, &(0..count))
    });
    let (.., exact) = plain(&config, &groups);
    for ((name, found), (_, exact)) in gradients(&mixed).iter().zip(exact) {
        assert_eq!(found.kind(), Kind::Float, "{name}");
        let error = ((found - &exact).norm() / exact.norm()).double_value(&[]);
        assert!(error < 0.1, "{name}: {error}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn the_card_computes_what_the_processor_does() {
    let device = gavel_torch::select_device(gavel_torch::DeviceChoice::Auto).unwrap();
    if !device.is_cuda() {
        println!("skipped: there is no CUDA device here");
        return;
    }
    let config = Config {
        vocab_size: 1000,
        hidden_size: 256,
        intermediate_size: 512,
        num_attention_heads: 8,
        num_key_value_heads: 2,
        head_dim: 32,
        initializer_range: 0.08,
        ..config()
    };
    let ids: Vec<i64> = (0..2000).map(|n| n * 7919 % 1000).collect();
    let groups = [
        Group { prompt: &ids[..130], completions: vec![&ids[130..400], &ids[400..401], &ids[500..777]] },
        Group { prompt: &ids[800..801], completions: vec![&ids[900..903]] },
        Group { prompt: &ids[1000..1100], completions: vec![&ids[1100..1101]] },
        Group { prompt: &ids[1200..1264], completions: vec![&ids[1300..1700], &ids[1700..1900]] },
    ];
    let lengths = lengths(&groups);
    let count = lengths.iter().sum();
    let on = |device: Device, precision: Precision, recompute: bool| {
        let mut model = Model::random(config.clone(), 3, device, precision);
        model.set_requires_grad(true);
        let batch = model.pack(&groups);
        let ByTokens { log_probs: by_log_probs, entropy: by_entropy } = by_tokens(count, &(0..count));
        let [by_log_probs, by_entropy] =
            [Some(by_log_probs), by_entropy].map(|by| by.expect("both").to_device(device));
        let mut log_probs = None;
        // Two micro-batches, since the second adds to the first.
        for _ in 0..2 {
            model.backward(
                &batch,
                TEMPERATURE,
                recompute,
                std::slice::from_ref(&(0..count)),
                &mut |_, found| {
                    log_probs = Some(found.log_probs.to_device(Device::Cpu));
                    ByTokens {
                        log_probs: by_log_probs.shallow_clone(),
                        entropy: Some(by_entropy.shallow_clone()),
                    }
                },
            );
        }
        let gradients =
            gradients(&model).into_iter().map(|(name, tensor)| (name, tensor.to_device(Device::Cpu)));
        (log_probs.unwrap(), gradients.collect::<Vec<_>>())
    };
    let (expected, exact) = on(Device::Cpu, Precision::FULL, false);
    for (precision, tolerance) in [(Precision::FULL, 1e-2), (Precision::MIXED, 4e-2)] {
        for recompute in [false, true] {
            let (found, gradients) = on(device, precision, recompute);
            let difference = (found - &expected).abs().mean(Kind::Float).double_value(&[]);
            assert!(difference < 0.03, "log-probabilities are off by {difference}");
            for ((name, found), (_, exact)) in gradients.iter().zip(&exact) {
                let error = ((found - exact).norm() / exact.norm()).double_value(&[]);
                assert!(error < tolerance, "{name} with {precision:?}, recomputed {recompute}: {error}");
            }
        }
    }
}
