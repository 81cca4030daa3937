//! RMSNorm ([1910.07467](https://arxiv.org/abs/1910.07467)) of a sum, as a residual stream has it.

use tch::Tensor;

use super::kernels;
use crate::linear::wide;

/// What [`add_rms_norm`] gives.
#[derive(Debug)]
pub struct Normalised {
    /// `stream + delta`, `(N, width)`.
    pub sum: Tensor,
    /// `sum / rms(sum) · weight`, `(N, width)`.
    pub output: Tensor,
    /// `1 / rms(sum)`, `(N, 1)` fp32, for the backward pass.
    pub inverse: Tensor,
}

/// `sum = stream + delta`, and `output = sum / √(mean sum² + epsilon) · weight`, computed in fp32.
///
/// `stream` and `delta` are `(N, width)`, `weight` is `(width)`.
pub fn add_rms_norm(stream: &Tensor, delta: Option<&Tensor>, weight: &Tensor, epsilon: f64) -> Normalised {
    if let Some(found) = kernels::add_rms_norm(stream, delta, weight, epsilon) {
        return found;
    }
    let sum = delta.map_or_else(|| stream.shallow_clone(), |delta| stream + delta);
    let kind = wide(sum.kind());
    let exact = sum.to_kind(kind);
    let inverse = (exact.square().mean_dim([-1i64].as_slice(), true, kind) + epsilon).rsqrt();
    let output = (exact * &inverse * weight.to_kind(kind)).to_kind(sum.kind());
    Normalised { sum, output, inverse }
}

/// The gradients by the sum, in the format of `sum`, and by the weight, in fp32.
///
/// `by_output` is the gradient by the output, `by_sum` what others say of the sum:
/// with `x̂ = sum · inverse` and `g = by_output · weight`, it is `by_sum + inverse (g − x̂ mean(g x̂))`.
pub fn rms_norm_backward(
    by_output: &Tensor,
    by_sum: Option<&Tensor>,
    sum: &Tensor,
    inverse: &Tensor,
    weight: &Tensor,
) -> (Tensor, Tensor) {
    if let Some(found) = kernels::rms_norm_backward(by_output, by_sum, sum, inverse, weight) {
        return found;
    }
    let kind = wide(sum.kind());
    let unit = sum.to_kind(kind) * inverse;
    let by_output = by_output.to_kind(kind);
    let by_weight = (&by_output * &unit).sum_dim_intlist([0i64].as_slice(), false, kind);
    let by_unit = by_output * weight.to_kind(kind);
    let along = (&by_unit * &unit).mean_dim([-1i64].as_slice(), true, kind);
    let mut gradient = (by_unit - unit * along) * inverse;
    if let Some(by_sum) = by_sum {
        gradient += by_sum;
    }
    (gradient.to_kind(sum.kind()), by_weight)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn output_and_gradients_are_those_of_torch() {
        let random =
            |shape: &[i64]| Tensor::randn(shape, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let (stream, delta, weight) = (random(&[5, 16]), random(&[5, 16]), random(&[16]));
        let sum = &stream + &delta;
        let output = sum.rms_norm([16], Some(&weight), 1e-6);
        let (by_output, by_sum) = (random(&[5, 16]).detach(), random(&[5, 16]).detach());
        (&output * &by_output + &sum * &by_sum).sum(Kind::Double).backward();

        let weight_value = weight.detach();
        let found = add_rms_norm(&stream.detach(), Some(&delta.detach()), &weight_value, 1e-6);
        assert!(found.output.allclose(&output.detach(), 1e-12, 1e-12, false));
        assert!(found.sum.equal(&sum.detach()));
        let (by_stream, by_weight) =
            rms_norm_backward(&by_output, Some(&by_sum), &found.sum, &found.inverse, &weight_value);
        assert!(by_stream.allclose(&stream.grad(), 1e-10, 1e-10, false));
        assert!(by_weight.allclose(&weight.grad(), 1e-10, 1e-10, false));
    }
}
