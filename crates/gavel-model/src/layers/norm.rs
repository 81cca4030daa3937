//! RMSNorm of a residual stream, [1910.07467](https://arxiv.org/abs/1910.07467).

use gavel_torch::{Parameter, add_gradient, differentiable, fused};
use tch::{Tensor, no_grad};

/// `stream + delta`, and that normalised, each `(N, width)`.
pub(crate) fn add_rms_norm(
    stream: &Tensor,
    delta: Option<&Tensor>,
    weight: Parameter<'_>,
    epsilon: f64,
) -> (Tensor, Tensor) {
    let found = no_grad(|| fused::add_rms_norm(stream, delta, weight.value, epsilon));
    let mut inputs = vec![weight.master, stream];
    inputs.extend(delta);
    let count = inputs.len();
    let (master, value) = (weight.master.shallow_clone(), weight.value.detach());
    let (sum, inverse) = (found.sum.detach(), found.inverse);
    let outputs = differentiable(&inputs, &[&found.sum, &found.output], move |gradients| {
        let [by_sum, by_output] = &gradients[..] else { unreachable!("two outputs") };
        let Some(by_output) = by_output else {
            let mut by_inputs = vec![None];
            by_inputs.resize_with(count, || by_sum.as_ref().map(Tensor::shallow_clone));
            return by_inputs;
        };
        let (by_sum, by_weight) =
            fused::rms_norm_backward(by_output, by_sum.as_ref(), &sum, &inverse, &value);
        // A sum passes its gradient on to both of its terms.
        let mut by_inputs = vec![add_gradient(&master, || by_weight)];
        by_inputs.resize_with(count, || Some(by_sum.shallow_clone()));
        by_inputs
    });
    let mut outputs = outputs.into_iter();
    let mut next = || outputs.next().expect("two outputs");
    (next(), next())
}
