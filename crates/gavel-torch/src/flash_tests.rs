//! Attention over packed sequences against torch's own, and the kernel against the plain formula where there is CUDA.

use super::*;
use crate::{DeviceChoice, select_device};

const HEADS: i64 = 4;
const GROUPS: i64 = 2;

fn random(rows: i64, heads: i64, width: i64) -> Tensor {
    Tensor::randn([rows, heads, width], (Kind::Double, Device::Cpu))
}

/// Packed queries, keys and values of sequences of these lengths.
fn packed(query_rows: i64, key_rows: i64, width: i64) -> [Tensor; 3] {
    [random(query_rows, HEADS, width), random(key_rows, GROUPS, width), random(key_rows, GROUPS, width)]
}

#[test]
fn the_plain_formula_is_that_of_torch() {
    for causal in [true, false] {
        let (query_lengths, key_lengths) =
            if causal { ([3, 1, 5], [3, 1, 5]) } else { ([3, 1, 5], [2, 6, 1]) };
        let bounds = [query_lengths, key_lengths].map(|lengths| SequenceBounds::new(lengths, Device::Cpu));
        let bounds = bounds.each_ref();
        let tensors = packed(9, 9, 8).map(|tensor| tensor.set_requires_grad(true));
        let by_output = random(9, HEADS, 8);
        // torch, one sequence at a time, with a gradient by autograd.
        let mut expected = Vec::new();
        for ((first_query, queries), (first_key, keys)) in bounds[0].rows().zip(bounds[1].rows()) {
            let rows =
                |tensor: &Tensor, first, count| tensor.narrow(0, first, count).transpose(0, 1).unsqueeze(0);
            let queries = rows(&tensors[0], first_query, queries);
            let [keys, values] = [&tensors[1], &tensors[2]].map(|tensor| rows(tensor, first_key, keys));
            let mask = None::<&Tensor>;
            let output =
                Tensor::scaled_dot_product_attention(&queries, &keys, &values, mask, 0.0, causal, None, true);
            expected.push(output.squeeze_dim(0).transpose(0, 1));
        }
        let expected = Tensor::cat(&expected, 0);
        (&expected * &by_output).sum(Kind::Double).backward();

        let detached = tensors.each_ref().map(Tensor::detach);
        let detached = detached.each_ref();
        let attended = flash_attention(detached, bounds, causal);
        assert!(attended.output.allclose(&expected.detach(), 1e-12, 1e-12, false));
        let gradients = flash_attention_backward(&by_output, detached, bounds, causal, &attended);
        for (gradient, tensor) in gradients.iter().zip(&tensors) {
            assert!(gradient.allclose(&tensor.grad(), 1e-10, 1e-10, false), "causal {causal}");
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn the_kernel_computes_the_plain_formula() {
    let device = select_device(DeviceChoice::Auto).unwrap();
    if !device.is_cuda() {
        println!("skipped: there is no CUDA device here");
        return;
    }
    for causal in [true, false] {
        let (query_lengths, key_lengths) =
            if causal { ([130, 1, 257], [130, 1, 257]) } else { ([130, 1, 257], [64, 300, 24]) };
        let bounds =
            |device| [query_lengths, key_lengths].map(|lengths| SequenceBounds::new(lengths, device));
        let tensors = packed(388, 388, 64).map(|tensor| tensor.to_kind(Kind::BFloat16));
        let by_output = random(388, HEADS, 64).to_kind(Kind::BFloat16);
        let on = |device: Device, kind: Kind| {
            let bounds = bounds(device);
            let tensors = tensors.each_ref().map(|tensor| tensor.to_device(device).to_kind(kind));
            let by_output = by_output.to_device(device).to_kind(kind);
            let attended = flash_attention(tensors.each_ref(), bounds.each_ref(), causal);
            let [queries, keys, values] = flash_attention_backward(
                &by_output,
                tensors.each_ref(),
                bounds.each_ref(),
                causal,
                &attended,
            );
            [attended.output, attended.log_sums, queries, keys, values]
                .map(|tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Double))
        };
        let (kernel, plain) = (on(device, Kind::BFloat16), on(Device::Cpu, Kind::Double));
        for (kernel, plain) in kernel.iter().zip(&plain) {
            let error = ((kernel - plain).norm() / plain.norm()).double_value(&[]);
            assert!(error < 1e-2, "causal {causal}: {error}");
        }
    }
}
