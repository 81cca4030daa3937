//! Times sampling, and a forward and backward pass, of random models in two shapes: `speed [demo|0.5b] [DEVICE]`.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::time::Instant;

use gavel_model::{Architecture, ByTokens, Config, Group, Model, NeverStop, Precision, Sampling};
use gavel_torch::{memory_statistics, select_device};
use tch::{Device, Kind, Tensor};

/// A model, and the batch that is timed with it.
struct Shape {
    config: Config,
    rows: i64,
    prompt: i64,
    new_tokens: usize,
    training_rows: i64,
}

impl Shape {
    /// The model of the demo: characters, 0.8 M parameters.
    fn demo() -> Self {
        let config = Config { vocab_size: 32, intermediate_size: 256, ..Config::default() };
        Self { config, rows: 256, prompt: 12, new_tokens: 98, training_rows: 256 }
    }

    /// The shape of Qwen2.5-0.5B.
    fn half_a_billion() -> Self {
        let config = Config {
            architecture: Architecture::Qwen2,
            vocab_size: 151_936,
            hidden_size: 896,
            intermediate_size: 4864,
            num_hidden_layers: 24,
            num_attention_heads: 14,
            num_key_value_heads: 2,
            head_dim: 64,
            rope_theta: 1e6,
            ..Config::default()
        };
        Self { config, rows: 256, prompt: 128, new_tokens: 384, training_rows: 16 }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let shape = match arguments.next().as_deref() {
        None | Some("demo") => Shape::demo(),
        Some("0.5b") => Shape::half_a_billion(),
        Some(other) => return Err(format!("no shape is called {other}: demo or 0.5b").into()),
    };
    let device = select_device(arguments.next().as_deref().unwrap_or("auto").parse()?)?;
    let precision = if device == Device::Cpu { Precision::FULL } else { Precision::MIXED };
    let mut model = Model::random(shape.config.clone(), 0, device, precision);
    println!("{} parameters on {device:?}, {} threads", model.parameter_count(), tch::get_num_threads());
    for _ in 0..3 {
        time_sampling(&model, &shape)?;
    }
    model.set_requires_grad(true);
    for _ in 0..3 {
        time_training(&model, &shape);
    }
    if let Some(memory) = memory_statistics(device) {
        println!("peak {:.1} GiB", memory.peak_allocated as f64 / f64::from(1 << 30));
    }
    Ok(())
}

fn time_sampling(model: &Model, shape: &Shape) -> Result<(), gavel_model::Error> {
    let ids =
        |row: i64| (0..shape.prompt).map(|column| (row / 8 * 7 + column) % shape.config.vocab_size).collect();
    let prompts: Vec<Vec<i64>> = (0..shape.rows).map(ids).collect();
    let sampling = Sampling { max_new_tokens: shape.new_tokens, ..Sampling::default() };
    let start = Instant::now();
    let completions = model.generate(&prompts, &sampling, &NeverStop, |_, _| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let tokens: usize = completions.iter().map(|completion| completion.tokens.len()).sum();
    println!(
        "sampled {} x {} tokens: {seconds:.2} s, {:.0} tokens/s, {:.2} ms a step",
        shape.rows,
        shape.new_tokens,
        tokens as f64 / seconds,
        1e3 * seconds / shape.new_tokens as f64
    );
    Ok(())
}

fn time_training(model: &Model, shape: &Shape) {
    let length = shape.prompt + shape.new_tokens as i64;
    let size = [shape.training_rows, length];
    let tokens = Tensor::randint(shape.config.vocab_size, size, (Kind::Int64, Device::Cpu));
    let rows = Vec::<Vec<i64>>::try_from(tokens).expect("a matrix of ids");
    let groups: Vec<Group<'_>> =
        rows.iter().map(|row| Group { prompt: &row[..1], completions: vec![&row[1..]] }).collect();
    let batch = model.pack(&groups);
    let count = batch.predicted_tokens() as i64;
    let starts = (0..count).step_by(model.rows_per_chunk() as usize);
    let sections: Vec<_> = starts.map(|start| start..(start + model.rows_per_chunk()).min(count)).collect();
    let start = Instant::now();
    let mut loss = 0.0;
    // The loss is the mean of −log p.
    model.backward(&batch, 1.0, false, &sections, &mut |_, found| {
        loss -= found.log_probs.sum(Kind::Double).double_value(&[]) / count as f64;
        ByTokens { log_probs: found.log_probs.full_like(-1.0 / count as f64), entropy: None }
    });
    synchronise(model.device());
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "trained on {} x {length} tokens: forward and backward {seconds:.2} s, {:.0} tokens/s, loss {loss:.3}",
        shape.training_rows,
        (shape.training_rows * length) as f64 / seconds
    );
    for (_, parameter) in model.parameters() {
        gavel_torch::clear_gradient(&parameter);
    }
}

fn synchronise(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}
