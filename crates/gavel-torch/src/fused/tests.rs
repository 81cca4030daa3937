//! The kernels against the plain operations, which the tests of each file hold to torch.

use tch::{Device, Kind, Tensor};

use super::*;
use crate::cuda::{Compiler, Source};
use crate::flash::Attended;
use crate::{DeviceChoice, select_device};

/// The CUDA device, or `None` after saying so.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn cuda() -> Option<Device> {
    let device = select_device(DeviceChoice::Auto).unwrap();
    if !device.is_cuda() {
        println!("skipped: there is no CUDA device here");
    }
    device.is_cuda().then_some(device)
}

/// Numbers that bf16 holds exactly.
fn random(shape: &[i64]) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)).to_kind(Kind::BFloat16)
}

/// What `compute` gives for the tensors in bf16 on CUDA is, but for rounding, what it gives for them in fp64.
#[track_caller]
fn compare(device: Device, tensors: &[&Tensor], compute: impl Fn(&[Tensor]) -> Vec<Tensor>) {
    let on = |device: Device, kind: Kind| -> Vec<Tensor> {
        // Copies, since what is written over must not be written over twice.
        let tensors = tensors.iter().map(|tensor| tensor.to_device(device).to_kind(kind).copy());
        let found = compute(&tensors.collect::<Vec<_>>());
        found.iter().map(|tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Double)).collect()
    };
    let (found, expected) = (on(device, Kind::BFloat16), on(Device::Cpu, Kind::Double));
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.size(), expected.size());
        let error = ((found - expected).norm() / expected.norm()).double_value(&[]);
        // Half a digit of bf16 is 2⁻⁹; NaN is no such number.
        assert!(error < 4e-3, "result {index}: {error}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn kernels_compile_for_the_cards_that_are_in_use() {
    let Ok(compiler) = Compiler::load() else {
        println!("skipped: there is no NVRTC on this machine");
        return;
    };
    let text = include_str!("../../kernels/learn.cu");
    for architecture in [(8, 0), (8, 9), (9, 0), (10, 0)] {
        for constants in [&[][..], &[("HIDDEN", 128)], &[("HIDDEN", 896)], &[("HIDDEN", 4096)]] {
            compiler.compile(Source { file: "learn.cu", text, constants }, architecture).unwrap();
        }
    }
}

#[test]
fn rms_norm() {
    let Some(device) = cuda() else { return };
    for (rows, width) in [(300, 896), (5000, 128), (77, 2560)] {
        let [stream, delta, by_output, by_sum] = [(); 4].map(|()| random(&[rows, width]));
        let weight = random(&[width]);
        for with_delta in [true, false] {
            compare(device, &[&stream, &delta, &weight, &by_output, &by_sum], |tensors| {
                let [stream, delta, weight, by_output, by_sum] = tensors else { unreachable!("five") };
                let found = add_rms_norm(stream, with_delta.then_some(delta), weight, 1e-6);
                let by_sum = with_delta.then_some(by_sum);
                let (by_stream, by_weight) =
                    rms_norm_backward(by_output, by_sum, &found.sum, &found.inverse, weight);
                vec![found.sum, found.output, found.inverse, by_stream, by_weight]
            });
        }
    }
}

#[test]
fn rotary() {
    let Some(device) = cuda() else { return };
    for (heads, key_heads, width) in [(14, 2, 64), (4, 4, 32)] {
        let (tokens, first_query, more_rows, seen_keys) = (500, 123, 200, 100);
        let rows = random(&[tokens, (heads + 2 * key_heads) * width]);
        let queries = random(&[tokens, heads, width]);
        let [keys, values] = [(); 2].map(|()| random(&[tokens, key_heads, width]));
        let more_queries = random(&[more_rows, heads, width]);
        let [more_keys, more_values] = [(); 2].map(|()| random(&[seen_keys, key_heads, width]));
        let tensors = [&rows, &queries, &keys, &values, &more_queries, &more_keys, &more_values];
        for with_more in [true, false] {
            compare(device, &tensors, |tensors| {
                let [rows, queries, keys, values, more_queries, more_keys, more_values] = tensors else {
                    unreachable!("seven")
                };
                let positions = Tensor::arange(tokens, (Kind::Int64, rows.device()));
                let rotation = Rotation::new(&positions, width, 1e4);
                rotation.turn(rows, heads + key_heads, Direction::Forward);
                let clones = |parts: [&Tensor; 3]| parts.map(Tensor::shallow_clone);
                let more = with_more.then(|| (first_query, clones([more_queries, more_keys, more_values])));
                let joined = rotation.join_back(clones([queries, keys, values]), more);
                let back = rows.copy();
                rotation.turn(&back, heads + key_heads, Direction::Back);
                vec![rows.shallow_clone(), joined, back]
            });
        }
    }
}

#[test]
fn gated_units() {
    let Some(device) = cuda() else { return };
    for (rows, width) in [(300, 4864), (1001, 344)] {
        let (gate_up, by_output) = (random(&[rows, 2 * width]), random(&[rows, width]));
        compare(device, &[&gate_up, &by_output], |tensors| {
            let [gate_up, by_output] = tensors else { unreachable!("two") };
            let output = swiglu(gate_up);
            let (by_gate_up, again) = swiglu_backward(gate_up.shallow_clone(), by_output.shallow_clone());
            vec![output, by_gate_up, again]
        });
    }
}

#[test]
fn scores_of_tokens() {
    let Some(device) = cuda() else { return };
    for (rows, vocabulary, temperature) in [(33, 151_936, 1.0), (200, 1024, 0.7)] {
        let logits = random(&[rows, vocabulary]) * 4.0;
        let targets = Tensor::randint(vocabulary, [rows], (Kind::Int64, Device::Cpu));
        let [by_log_probs, by_entropy] = [(); 2].map(|()| random(&[rows]));
        for with_entropy in [false, true] {
            compare(device, &[&logits, &by_log_probs, &by_entropy], |tensors| {
                let [logits, by_log_probs, by_entropy] = tensors else { unreachable!("three") };
                let targets = targets.to_device(logits.device());
                let found = score(logits, &targets, temperature);
                let [by_log_probs, by_entropy] =
                    [by_log_probs, by_entropy].map(|by| by.to_kind(found.log_sums.kind()));
                let by = ByScores { log_probs: &by_log_probs, entropy: with_entropy.then_some(&by_entropy) };
                let by_logits = score_backward(logits.shallow_clone(), &targets, &found, by, temperature);
                vec![found.log_probs, found.entropy, found.log_sums, by_logits]
            });
        }
    }
}

#[test]
fn merged_attention() {
    let Some(device) = cuda() else { return };
    let (rows, other_rows, first, heads, width) = (400, 180, 150, 14, 64);
    let [own, others] = [random(&[rows, heads, width]), random(&[other_rows, heads, width])];
    let [sums, other_sums] = [random(&[heads, rows]), random(&[heads, other_rows])];
    compare(device, &[&own, &others, &sums, &other_sums], |tensors| {
        let [own, others, sums, other_sums] = tensors else { unreachable!("four") };
        let attended = |output: &Tensor, sums: &Tensor| {
            let kind = if sums.kind() == Kind::Double { Kind::Double } else { Kind::Float };
            Attended::without_state(output.shallow_clone(), sums.to_kind(kind))
        };
        let own = attended(own, sums);
        let merged = merge_attention(&own, &attended(others, other_sums), first);
        vec![own.output, own.log_sums, merged.output, merged.log_sums]
    });
}
