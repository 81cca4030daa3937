//! SwiGLU and GeGLU, [2002.05202](https://arxiv.org/abs/2002.05202): `(silu(x·gate) · x·up) · down`, and the same with GELU.

use gavel_torch::{Parameter, differentiable, fused, linear, only};
use tch::{Tensor, no_grad};

use crate::families::Activation;

/// For `input` `(N, hidden_size)`; `gate_up` is gate over up, `(2 intermediate_size, hidden_size)`.
pub(crate) fn feed_forward(
    input: &Tensor,
    gate_up: Parameter<'_>,
    down: Parameter<'_>,
    activation: Activation,
) -> Tensor {
    let gate_up = linear(input, gate_up, None);
    match activation {
        Activation::Silu => gated_linear(gate_up, down),
        // By autograd, which keeps what its backward pass needs.
        Activation::GeluTanh => {
            let parts = gate_up.chunk(2, 1);
            linear(&(parts[0].gelu("tanh") * &parts[1]), down, None)
        }
    }
}

/// `(silu(gate) · up) · downᵀ` for gate and up side by side, `(N, 2 width)`.
///
/// The product of gate and up is not kept for the backward pass but made again, which costs less than the memory. The
/// argument's memory becomes that of its gradient, so nothing else may look at it.
#[expect(clippy::needless_pass_by_value, reason = "its memory is used for its gradient")]
fn gated_linear(gate_up: Tensor, down: Parameter<'_>) -> Tensor {
    let output = no_grad(|| fused::swiglu(&gate_up).linear(down.value, None::<&Tensor>));
    let (kept, mut inputs) = (gate_up.detach(), vec![&gate_up]);
    inputs.extend(down.leaves());
    let (count, down) = (inputs.len(), down.keep());
    only(differentiable(&inputs, &[&output], move |gradients| {
        let Some(by_output) = &gradients[0] else {
            return std::iter::repeat_with(|| None).take(count).collect();
        };
        let (by_gate_up, product) = fused::swiglu_backward(kept, by_output.matmul(&down.value));
        let mut by_inputs = vec![Some(by_gate_up)];
        by_inputs.extend(down.product_gradients(by_output, &product));
        by_inputs
    }))
}
