//! Times the engine on random models, and compares what it draws: `sampling [demo|0.5b|4b] [DEVICE] [PART...]`.
//!
//! Parts: `groups` (256 sequences in groups of 8, as in a GRPO step), `step` (a decode step at some contexts), `queue` (1,024
//! sequences of geometric lengths on 256 slots), `equal` (the same bits with other slots and another order), `scored`
//! (log-probabilities beside those of the trainer), `mixed` (nano-vllm's workload: lengths uniform in 100..1024). Without
//! parts, all but `mixed`.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::rc::Rc;
use std::time::Instant;

use gavel_model::{
    Architecture, Completion, Config, Engine, Group, Model, NeverStop, Precision, Request, Room, Sampling,
};
use gavel_torch::kernels::sample::uniform;
use gavel_torch::{memory_statistics, reset_peak_memory, select_device};
use tch::{Device, Kind, Tensor, no_grad};

/// Sequences of a step, and of a group that shares its prompt.
const ROWS: usize = 256;
const GROUP: usize = 8;

fn config(name: &str) -> Result<Config, String> {
    let qwen = Config {
        architecture: Architecture::Qwen2,
        vocab_size: 151_936,
        rope_theta: 1e6,
        ..Config::default()
    };
    match name {
        // The model of the demo: characters, 0.8 M parameters.
        "demo" => Ok(Config { vocab_size: 32, intermediate_size: 256, ..Config::default() }),
        // The shape of Qwen2.5-0.5B.
        "0.5b" => Ok(Config {
            hidden_size: 896,
            intermediate_size: 4864,
            num_hidden_layers: 24,
            num_attention_heads: 14,
            num_key_value_heads: 2,
            head_dim: 64,
            ..qwen
        }),
        // The shape of Qwen3-4B, without its norms of queries and keys.
        "4b" => Ok(Config {
            hidden_size: 2560,
            intermediate_size: 9728,
            num_hidden_layers: 36,
            num_attention_heads: 32,
            num_key_value_heads: 8,
            head_dim: 128,
            ..qwen
        }),
        other => Err(format!("no shape is called {other}: demo, 0.5b or 4b")),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let config = config(arguments.next().as_deref().unwrap_or("demo"))?;
    let device = select_device(arguments.next().as_deref().unwrap_or("auto").parse()?)?;
    let parts: Vec<String> = arguments.collect();
    let wants = |part: &str| parts.iter().any(|it| it == part) || (parts.is_empty() && part != "mixed");
    let precision = if device == Device::Cpu { Precision::FULL } else { Precision::BF16 };
    let start = Instant::now();
    let model = fast_random(config, device, precision);
    println!("{} parameters on {device:?}: {:.1} s", model.parameter_count(), seconds(start));

    if wants("groups") || wants("equal") || wants("scored") {
        let start = Instant::now();
        let mut engine = Engine::new(&model, Room { slots: ROWS, tokens: 384 });
        println!("an engine for 256 sequences of 384 tokens: {:.2} s", seconds(start));
        let requests = groups(&model, ROWS, 128, |_| 256);
        let mut completions = Vec::new();
        for _ in 0..if wants("groups") { 4 } else { 1 } {
            reset_peak_memory(device);
            completions = timed("groups: 256 sequences, 128 + 256 tokens", &mut engine, &requests);
        }
        if let Some(memory) = memory_statistics(device) {
            println!("peak {:.1} GiB", memory.peak_allocated as f64 / f64::from(1 << 30));
        }
        let start = Instant::now();
        engine.load_weights(&model);
        synchronize(device);
        println!("new weights taken over: {:.2} ms", 1e3 * seconds(start));
        if wants("equal") {
            let backwards: Vec<Request> = requests.iter().rev().cloned().collect();
            for (slots, requests) in [(128, &requests), (128, &backwards), (40, &requests)] {
                let mut engine = Engine::new(&model, Room { slots, tokens: 384 });
                let others = timed("equal: the same through fewer slots", &mut engine, requests);
                let equal = completions.iter().zip(&others).filter(|(one, other)| one == other).count();
                println!("equal: {equal} of {ROWS} sequences are the same bit for bit with {slots} slots");
            }
        }
        if wants("scored") {
            compare_with_scoring(&model, &requests, &completions);
        }
    }
    if wants("step") {
        for (context, rows) in [(512, 32), (512, 64), (512, 128), (512, 256), (2048, 256)] {
            time_step(&model, context, rows);
        }
    }
    if wants("queue") {
        let limit = |id: usize| {
            let number = uniform(1, id as u64, 0);
            // One in five reaches 256.
            ((number.ln() / (-0.0063_f64).ln_1p()) as usize).clamp(1, 256)
        };
        let requests = groups(&model, 1024, 128, limit);
        let mut engine = Engine::new(&model, Room { slots: ROWS, tokens: 384 });
        for _ in 0..3 {
            timed("queue: 1,024 sequences of geometric lengths on 256 slots", &mut engine, &requests);
        }
    }
    if wants("mixed") {
        let between = |id: usize, which| 100 + (uniform(2, id as u64, which) * 925.0) as usize;
        let requests: Vec<Request> =
            (0..ROWS).map(|id| request(&model, id, id, between(id, 0), between(id, 1))).collect();
        let mut engine = Engine::new(&model, Room { slots: ROWS, tokens: 2048 });
        for _ in 0..2 {
            timed("mixed: 256 sequences, in and out uniform in 100..1024", &mut engine, &requests);
        }
    }
    Ok(())
}

/// A model whose parameters are drawn on the device, since drawing billions on the CPU takes minutes.
fn fast_random(config: Config, device: Device, precision: Precision) -> Model {
    if device == Device::Cpu {
        return Model::random(config, 0, device, precision);
    }
    let model = Model::random(Config { initializer_range: 0.0, ..config }, 0, device, precision);
    tch::manual_seed(0);
    for (name, mut parameter) in model.parameters() {
        if parameter.dim() == 2 || name.ends_with("bias") {
            no_grad(|| parameter.copy_(&(Tensor::randn_like(&parameter) * 0.02)));
        }
    }
    model.refresh();
    model
}

/// Requests in groups that share a prompt of `prompt` tokens.
fn groups(model: &Model, count: usize, prompt: usize, limit: impl Fn(usize) -> usize) -> Vec<Request> {
    (0..count).map(|id| request(model, id, id / GROUP, prompt, limit(id))).collect()
}

fn request(model: &Model, id: usize, which_prompt: usize, prompt: usize, limit: usize) -> Request {
    let vocabulary = model.config().vocab_size;
    let ids = (0..prompt as i64).map(|position| (which_prompt as i64 * 7919 + position * 31) % vocabulary);
    let sampling = Rc::new(Sampling { max_new_tokens: limit, seed: 1, ..Sampling::default() });
    Request { id, prompt: ids.collect(), sampling, stream: id as u64 }
}

/// Samples all requests, and gives the completions in the order of their ids.
fn sample(engine: &mut Engine, requests: &[Request]) -> Vec<Completion> {
    for request in requests {
        engine.submit(request.clone()).expect("requests that make sense");
    }
    let mut completions = vec![None; requests.len()];
    loop {
        let left = engine.step(&NeverStop).expect("numbers");
        engine.finished().for_each(|finished| completions[finished.id] = Some(finished.completion));
        if left == 0 {
            return completions.into_iter().flatten().collect();
        }
    }
}

fn timed(what: &str, engine: &mut Engine, requests: &[Request]) -> Vec<Completion> {
    let start = Instant::now();
    let completions = sample(engine, requests);
    let seconds = seconds(start);
    let tokens: usize = completions.iter().map(|completion| completion.tokens.len()).sum();
    println!("{what}: {:.0} ms, {tokens} tokens, {:.0} tokens/s", 1e3 * seconds, tokens as f64 / seconds);
    completions
}

/// The time of a step of `rows` sequences whose length is `context` in the mean: that of 128 steps more.
fn time_step(model: &Model, context: usize, rows: usize) {
    let (short, long) = (9, 137);
    let prompt = context - (short + long) / 2;
    let mut engine = Engine::new(model, Room { slots: rows, tokens: prompt + long });
    let mut time = |limit| {
        let requests = groups(model, rows, prompt, |_| limit);
        let start = Instant::now();
        sample(&mut engine, &requests);
        seconds(start)
    };
    time(long);
    let mut times: Vec<f64> = (0..3).map(|_| (time(long) - time(short)) / (long - short) as f64).collect();
    times.sort_by(f64::total_cmp);
    let step = times[1];
    println!(
        "step: {rows} rows, context {context}: {:.3} ms, {:.0} tokens/s ({:.3} to {:.3})",
        1e3 * step,
        rows as f64 / step,
        1e3 * times[0],
        1e3 * times[2]
    );
}

/// How far the log-probabilities of sampling are from those of the trainer's forward pass.
fn compare_with_scoring(model: &Model, requests: &[Request], completions: &[Completion]) {
    let mut apart = Vec::new();
    for (requests, completions) in requests.chunks(16).zip(completions.chunks(16)) {
        let groups: Vec<Group<'_>> = requests
            .iter()
            .zip(completions)
            .map(|(request, completion)| Group {
                prompt: &request.prompt,
                completions: vec![&completion.tokens],
            })
            .collect();
        let scored = model.log_probs(&model.pack(&groups), 1.0).log_probs;
        let sampled: Vec<Tensor> =
            completions.iter().map(|completion| Tensor::from_slice(&completion.log_probs)).collect();
        let sampled = Tensor::cat(&sampled, 0).to_device(model.device());
        apart.push((sampled - scored).to_kind(Kind::Double).view([-1]));
    }
    let apart = Tensor::cat(&apart, 0);
    let size = apart.abs();
    let (sorted, _) = size.sort(0, false);
    println!(
        "scored: log-probabilities differ by {:.5} in the mean, {:.4} at the 99th percentile, {:.4} at most; signed {:.6}",
        size.mean(Kind::Double).double_value(&[]),
        sorted.double_value(&[sorted.size()[0] * 99 / 100]),
        size.max().double_value(&[]),
        apart.mean(Kind::Double).double_value(&[])
    );
}

fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}

fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}
