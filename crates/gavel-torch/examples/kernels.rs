//! Times each kernel and product of a decode step by itself on a CUDA device: `kernels [0.5b|4b] [ROWS] [CONTEXT]`.
//!
//! Each is recorded many times over in one graph, on other weights each time, so that neither launches nor the cache of the
//! card flatter it.
#![expect(clippy::print_stdout, reason = "a program for people")]

use gavel_torch::cuda::{Cuda, Stream, Target};
use gavel_torch::kernels::decode::{DecodeKernels, DecoderShape, PAGE, Paged};
use gavel_torch::kernels::sample::{Draw, RING, SampleKernels, SlotSampling, row_of_logits};
use gavel_torch::{DeviceChoice, select_device};
use tch::{Kind, Tensor};

const VOCABULARY: i64 = 151_936;
/// Sets of weights that are gone through.
const COPIES: usize = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let shape = match arguments.first().map(String::as_str) {
        None | Some("0.5b") => {
            DecoderShape { hidden: 896, intermediate: 4864, head_dim: 64, heads: 14, key_heads: 2 }
        }
        Some("4b") => {
            DecoderShape { hidden: 2560, intermediate: 9728, head_dim: 128, heads: 32, key_heads: 8 }
        }
        Some(other) => return Err(format!("no shape is called {other}: 0.5b or 4b").into()),
    };
    let number = |index: usize, default: i64| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let (rows, context) = (number(1, 256)?, number(2, 512)?);
    let cuda = Cuda::open(select_device(DeviceChoice::Cuda(0))?)?;
    let device = cuda.device();
    let kernels = DecodeKernels::new(&cuda, shape)?;
    let products = cuda.products()?;
    let random = |size: &[i64]| Tensor::randn(size, (Kind::BFloat16, device)) * 0.05;
    let many = |size: &[i64]| -> Vec<Tensor> { (0..COPIES).map(|_| random(size)).collect() };

    let (hidden, inter) = (shape.hidden, shape.intermediate);
    let widths = [
        ("qkv", hidden, shape.projected(), Target::Output),
        ("output", shape.attended(), hidden, Target::Sum),
        ("gate and up", hidden, 2 * inter, Target::Output),
        ("down", inter, hidden, Target::Sum),
    ];
    for (name, inner, outer, target) in widths {
        let product = products.product(inner, outer, outer, target)?;
        let (input, output, weights) =
            (random(&[rows, inner]), random(&[rows, outer]), many(&[outer, inner]));
        time(&cuda, name, COPIES, &|index, stream| {
            product.run(rows, &input, &weights[index], None, &output, stream);
        })?;
    }

    let (state, weight) = (random(&[rows, hidden]), random(&[hidden]));
    time(&cuda, "RMSNorm", COPIES, &|_, stream| {
        kernels.rms_norm(rows, &state, &weight, 1e-6, &state, stream)
    })?;
    let (gate_up, activated) = (random(&[rows, 2 * inter]), random(&[rows, inter]));
    time(&cuda, "SwiGLU", COPIES, &|_, stream| kernels.silu_mul(rows, &gate_up, &activated, stream))?;

    let line = (context + PAGE - 1) / PAGE;
    let cache = [rows * line, shape.key_heads, PAGE, shape.head_dim];
    let (keys, values) = (many(&cache), many(&cache));
    let places = (0..rows as i32).flat_map(|row| [row, context as i32 - 1]).collect::<Vec<_>>();
    let places = Tensor::from_slice(&places).to_device(device).view([rows, 2]);
    let table = Tensor::arange(rows * line, (Kind::Int, device)).view([rows, line]);
    let rope = Tensor::ones([line * PAGE, shape.head_dim / 2, 2], (Kind::Float, device));
    let (projected, attended) = (random(&[rows, shape.projected()]), random(&[rows, shape.attended()]));
    let partial = kernels.partial(&cuda, rows, context);
    time(&cuda, "attention", COPIES, &|index, stream| {
        let cache =
            Paged { keys: &keys[index], values: &values[index], rows: &places, table: &table, rope: &rope };
        kernels.attention(rows, &projected, cache, true, (&attended, &partial), stream);
    })?;

    let row = row_of_logits(VOCABULARY);
    let product = products.product(hidden, VOCABULARY, row, Target::Output)?;
    let (head, logits) = (random(&[VOCABULARY, hidden]), random(&[rows, row]));
    time(&cuda, "head", 4, &|_, stream| product.run(rows, &state, &head, None, &logits, stream))?;
    let sampler = SampleKernels::new(&cuda, VOCABULARY, rows)?;
    let ints = |count: i64| Tensor::zeros([count], (Kind::Int, device));
    let (tokens, positions, done, drawn) = (ints(rows), ints(rows), ints(rows), ints(rows * RING as i64));
    let log_probs = Tensor::zeros([rows * RING as i64], (Kind::Float, device));
    for (name, top_k, top_p, cuts) in
        [("drawing", 0, 1.0, false), ("drawing with top-k and top-p", 50, 0.9, true)]
    {
        let slot = SlotSampling {
            prompt: 1,
            limit: 1 << 20,
            inverse_temperature: 1.0,
            top_k,
            top_p,
            log_min_p: f32::NEG_INFINITY,
            ends: [-1; _],
            ..SlotSampling::default()
        };
        let words: Vec<i32> = (0..rows).flat_map(|_| slot.words()).collect();
        let slots = Tensor::from_slice(&words).to_device(device);
        let draw = Draw {
            logits: &logits,
            rows: &places,
            slots: &slots,
            tokens: &tokens,
            positions: &positions,
            done: &done,
            drawn: &drawn,
            log_probs: &log_probs,
        };
        time(&cuda, name, 4, &|_, stream| sampler.draw(rows, draw, cuts, stream))?;
    }
    Ok(())
}

/// Prints the median time of one of `count` runs in a graph.
fn time(
    cuda: &Cuda,
    name: &str,
    count: usize,
    run: &dyn Fn(usize, Stream),
) -> Result<(), Box<dyn std::error::Error>> {
    let stream = cuda.current_stream();
    (0..count).for_each(|index| run(index, stream));
    let graph = cuda.record(|stream| (0..count).for_each(|index| run(index, stream)))?;
    let mut times = Vec::new();
    for _ in 0..9 {
        let (begin, end) = (cuda.event()?, cuda.event()?);
        graph.launch(stream);
        begin.record(stream);
        graph.launch(stream);
        graph.launch(stream);
        end.record(stream);
        end.wait();
        times.push(1e3 * end.milliseconds_since(&begin) / (2 * count) as f64);
    }
    times.sort_by(f64::total_cmp);
    println!("{name}: {:.2} µs ({:.2} to {:.2})", times[4], times[0], times[8]);
    Ok(())
}
