//! Times learning from a batch of GRPO, without sampling, on random weights: `learn_speed SHAPE BATCH [FLAG...]`.
//!
//! `SHAPE` is `0.5b` (Qwen2.5-0.5B), `4b` (Qwen3-4B without its norms of queries and keys) or `demo`. `BATCH` is `shared`, 32
//! prompts of 128 tokens with 8 completions of 256 each; `all`, 32 sequences of 512 tokens that are all in the loss;
//! `packed`, 32 sequences of 128 + 256 tokens; or `demo`, 32 prompts of 24 tokens with 8 completions of 100.
//! Flags are `--tokens N` (per micro-batch), `--recompute`, `--device DEVICE` and `--rounds N`.
//!
//! An update is what a step of `gavel train` does after the rewards: forward and backward pass over all micro-batches,
//! the gradient's norm, AdamW, and the copies in bf16. Model FLOPs are 6 for each parameter of the body and token, 6 for
//! each of the head and predicted token, and causal attention, forward and backward; what is computed again does not
//! count. The share is of 790 TFLOP/s, what dense bf16 products reach on an H200.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::time::Instant;

use gavel_model::{Architecture, Config, Model, Precision};
use gavel_torch::{memory_statistics, reset_peak_memory, select_device};
use gavel_train::Ranks;
use gavel_train::learn::{Example, LearnOptions, Learner};
use gavel_train::optim::AdamW;
use gavel_train::settings::Settings;
use tch::Device;

const PEAK_FLOPS: f64 = 790e12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1).map(String::as_str)
    };
    let [shape, batch, ..] = &arguments[..] else { return Err("learn_speed SHAPE BATCH [FLAG...]".into()) };
    let config = shape_named(shape)?;
    let sequences = Sequences::named(batch, config.vocab_size)?;
    let device = select_device(value("--device").unwrap_or("auto").parse()?)?;
    let rounds: usize = value("--rounds").unwrap_or("5").parse()?;
    let micro_batch_tokens: usize = value("--tokens").unwrap_or("12288").parse()?;
    let recompute = arguments.iter().any(|argument| argument == "--recompute");

    let precision = if device.is_cuda() { Precision::MIXED } else { Precision::FULL };
    let mut model = Model::random(config, 0, device, precision);
    model.set_requires_grad(true);
    let settings = Settings::default();
    let options = LearnOptions {
        objective: settings.objective(),
        temperature: 1.0,
        mask_truncated_completions: false,
        optimizer_batch_size: sequences.completions.len(),
        micro_batch_size: usize::MAX,
        micro_batch_tokens,
        gradient_checkpointing: recompute,
        old_log_probs: None,
        router_aux_loss_coef: None,
    };
    let optimizer = AdamW::new(model.parameters(), settings.adamw());
    let ranks = Ranks::alone();
    let mut learner = Learner { model: &model, reference: None, optimizer, options, ranks: &ranks };
    let examples = sequences.examples();
    let mut seconds = Vec::new();
    reset_peak_memory(device);
    for round in 0..rounds + 2 {
        synchronise(device);
        let start = Instant::now();
        let batches = learner.batches(&examples);
        for batch in &batches {
            let sums = learner.backward(batch, 0)?;
            let norm = learner.step(1e-6)?;
            assert!(sums.loss.loss.is_finite() && norm.is_finite() && norm > 0.0, "{sums:?}, norm {norm}");
        }
        synchronise(device);
        // The first two compile kernels and fill the caches.
        if round >= 2 {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let peak = memory_statistics(device).map_or(f64::NAN, |memory| memory.peak_allocated as f64 / 1e9);
    println!(
        "| {shape} | {batch} | {} | {micro_batch_tokens} | {} | {:.1} | {:.0} | {:.1} % | {peak:.1} |",
        sequences.input_tokens(),
        if recompute { "yes" } else { "no" },
        1e3 * median,
        sequences.input_tokens() as f64 / median,
        100.0 * sequences.flops(&model) / median / PEAK_FLOPS,
    );
    Ok(())
}

fn shape_named(name: &str) -> Result<Config, String> {
    let base = Config { vocab_size: 151_936, rope_theta: 1e6, ..Config::default() };
    match name {
        "0.5b" => Ok(Config {
            architecture: Architecture::Qwen2,
            hidden_size: 896,
            intermediate_size: 4864,
            num_hidden_layers: 24,
            num_attention_heads: 14,
            num_key_value_heads: 2,
            head_dim: 64,
            ..base
        }),
        "4b" => Ok(Config {
            hidden_size: 2560,
            intermediate_size: 9728,
            num_hidden_layers: 36,
            num_attention_heads: 32,
            num_key_value_heads: 8,
            head_dim: 128,
            ..base
        }),
        "demo" => Ok(Config {
            vocab_size: 26,
            hidden_size: 128,
            intermediate_size: 344,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            num_key_value_heads: 4,
            head_dim: 32,
            ..base
        }),
        _ => Err(format!("no shape is called {name}: 0.5b, 4b or demo")),
    }
}

/// A batch of made-up tokens.
struct Sequences {
    prompts: Vec<Vec<i64>>,
    /// With the index of its prompt.
    completions: Vec<(usize, Vec<i64>)>,
    log_probs: Vec<f32>,
}

impl Sequences {
    fn named(name: &str, vocabulary: i64) -> Result<Self, String> {
        let (prompts, prompt, group, completion) = match name {
            "shared" => (32, 128, 8, 256),
            "all" => (32, 1, 1, 512),
            "packed" => (32, 128, 1, 256),
            "demo" => (32, 24, 8, 100),
            _ => return Err(format!("no batch is called {name}: shared, all, packed or demo")),
        };
        // Numbers without a pattern, below the vocabulary.
        let mut state = 1_u64;
        let mut token = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % vocabulary
        };
        let mut tokens = |count: usize| (0..count).map(|_| token()).collect::<Vec<_>>();
        let prompts: Vec<_> = (0..prompts).map(|_| tokens(prompt)).collect();
        let completions =
            (0..prompts.len() * group).map(|index| (index / group, tokens(completion))).collect();
        Ok(Self { prompts, completions, log_probs: vec![-1.0; completion] })
    }

    fn examples(&self) -> Vec<Example<'_>> {
        let examples = self.completions.iter().enumerate().map(|(index, (prompt, completion))| Example {
            prompt: &self.prompts[*prompt],
            completion,
            sampled_log_probs: &self.log_probs,
            truncated: false,
            // Every completion is learnt from.
            advantages: if index % 2 == 0 { &[1.0] } else { &[-1.0] },
            index,
        });
        examples.collect()
    }

    /// Those that the model runs on when every prompt is computed once.
    fn input_tokens(&self) -> usize {
        let prompts: usize = self.prompts.iter().map(Vec::len).sum();
        prompts + self.completions.iter().map(|(_, completion)| completion.len() - 1).sum::<usize>()
    }

    fn flops(&self, model: &Model) -> f64 {
        let config = model.config();
        let head = (config.vocab_size * config.hidden_size) as f64;
        let embeddings = if config.tie_word_embeddings { head } else { 2.0 * head };
        let body = model.parameter_count() as f64 - embeddings;
        let predicted: usize = self.completions.iter().map(|(_, completion)| completion.len()).sum();
        // Pairs of query and key: each prompt and completion with itself, causally, and completions with their prompt.
        let own = |length: usize| (length * length) as f64 / 2.0;
        let pairs: f64 = self.prompts.iter().map(|prompt| own(prompt.len())).sum::<f64>()
            + self
                .completions
                .iter()
                .map(|(prompt, completion)| {
                    let length = completion.len() - 1;
                    own(length) + (length * self.prompts[*prompt].len()) as f64
                })
                .sum::<f64>();
        let width = (config.num_attention_heads * config.head_dim * config.num_hidden_layers) as f64;
        6.0 * body * self.input_tokens() as f64 + 6.0 * head * predicted as f64 + 12.0 * pairs * width
    }
}

fn synchronise(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}
