//! SwiGLU ([2002.05202](https://arxiv.org/abs/2002.05202)): `silu(gate) · up`, of gate and up side by side.

use tch::Tensor;

use super::kernels;
use crate::linear::wide;

/// `silu(gate) · up`: `(N, 2 width)` gives `(N, width)`. Computed in fp32.
pub fn swiglu(gate_up: &Tensor) -> Tensor {
    if let Some(found) = kernels::swiglu(gate_up) {
        return found;
    }
    let [gate, up] = halves(gate_up);
    (gate.silu() * up).to_kind(gate_up.kind())
}

/// The gradient by `gate_up`, given that by the result, and the result once more: `((N, 2 width), (N, width))`.
///
/// Both arguments are taken and may be written over: nothing else may look at their memory.
pub fn swiglu_backward(gate_up: Tensor, by_output: Tensor) -> (Tensor, Tensor) {
    if kernels::swiglu_backward(&gate_up, &by_output).is_some() {
        return (gate_up, by_output);
    }
    let [gate, up] = halves(&gate_up);
    let (share, kind) = (gate.sigmoid(), gate_up.kind());
    let silu = &gate * &share;
    let by_output = by_output.to_kind(gate.kind());
    // d silu / d gate = σ + silu (1 − σ)
    let slope = &share + &silu * (1.0 - &share);
    let by_gate = &by_output * &up * slope;
    let by_gate_up = Tensor::cat(&[by_gate, by_output * &silu], 1).to_kind(kind);
    (by_gate_up, (silu * up).to_kind(kind))
}

fn halves(gate_up: &Tensor) -> [Tensor; 2] {
    let (width, kind) = (gate_up.size()[1] / 2, wide(gate_up.kind()));
    [0, width].map(|first| gate_up.narrow(1, first, width).to_kind(kind))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn output_and_gradient_are_those_of_torch() {
        let random = |width: i64| Tensor::randn([3, width], (Kind::Double, Device::Cpu));
        let (gate_up, by_output) = (random(10).set_requires_grad(true), random(5));
        let output = gate_up.narrow(1, 0, 5).silu() * gate_up.narrow(1, 5, 5);
        (&output * &by_output).sum(Kind::Double).backward();
        assert!(swiglu(&gate_up.detach()).allclose(&output.detach(), 1e-12, 1e-12, false));
        let (gradient, again) = swiglu_backward(gate_up.detach().copy(), by_output);
        assert!(gradient.allclose(&gate_up.grad(), 1e-10, 1e-10, false));
        assert!(again.allclose(&output.detach(), 1e-12, 1e-12, false));
    }
}
