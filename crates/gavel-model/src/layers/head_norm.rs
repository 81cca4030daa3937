//! RMSNorm of queries and keys: of each by itself, as in Qwen3 ([2505.09388](https://arxiv.org/abs/2505.09388)), or of all of a
//! token together, as in OLMo 2 ([2501.00656](https://arxiv.org/abs/2501.00656)).

use gavel_torch::{Parameter, add_gradient, differentiable, fused, only};
use tch::{Tensor, no_grad};

use super::Heads;

/// `qkv` `(N, all heads · width)` with queries and keys normalised; values stay.
///
/// `queries` and `keys` are weights: `(width)`, for every query and every key by itself, or as wide as all heads, for all
/// of a token together. Computed in fp32.
pub(crate) fn head_norm(
    qkv: &Tensor,
    heads: Heads,
    queries: Parameter<'_>,
    keys: Parameter<'_>,
    epsilon: f64,
) -> Tensor {
    let parameters = [queries, keys];
    let (normalised, found) = no_grad(|| {
        let [queries, keys, values] = heads.split(qkv);
        let found = [(queries, parameters[0]), (keys, parameters[1])].map(|(part, weight)| {
            let rows = part.reshape([-1, weight.value.size()[0]]);
            fused::add_rms_norm(&rows, None, weight.value, epsilon)
        });
        let [queries, keys] = found.each_ref().map(|found| found.output.view([qkv.size()[0], -1]));
        (Tensor::cat(&[queries, keys, values.flatten(1, 2)], 1), found)
    });
    let saved = found.map(|found| (found.sum.detach(), found.inverse));
    let weights = parameters.map(|weight| (weight.master.shallow_clone(), weight.value.detach()));
    let inputs = [qkv, queries.master, keys.master];
    only(differentiable(&inputs, &[&normalised], move |gradients| {
        let Some(gradient) = &gradients[0] else { return vec![None, None, None] };
        let parts = heads.split(gradient);
        let by_values = parts[2].flatten(1, 2);
        let mut by_weights = Vec::new();
        let mut by_parts = Vec::new();
        for ((part, (rows, inverse)), (master, value)) in parts.iter().zip(&saved).zip(&weights) {
            let by_output = part.reshape([-1, value.size()[0]]);
            let (by_rows, by_weight) = fused::rms_norm_backward(&by_output, None, rows, inverse, value);
            by_parts.push(by_rows.view([gradient.size()[0], -1]));
            by_weights.push(add_gradient(master, || by_weight));
        }
        by_parts.push(by_values);
        let mut by_inputs = vec![Some(Tensor::cat(&by_parts, 1))];
        by_inputs.append(&mut by_weights);
        by_inputs
    }))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn output_and_gradients_are_those_of_torch() {
        let heads = Heads { queries: 4, keys: 2, width: 8 };
        let random =
            |shape: &[i64]| Tensor::randn(shape, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        for widths in [[8, 8], [32, 16]] {
            check(heads, random(&[5, 64]), widths.map(|width| random(&[width])));
        }
    }

    fn check(heads: Heads, qkv: Tensor, [queries, keys]: [Tensor; 2]) {
        let by_output = Tensor::randn([5, 64], (Kind::Double, Device::Cpu));
        let expected = {
            let [q, k, v] = heads.split(&qkv);
            let [q, k] = [(q, &queries), (k, &keys)].map(|(part, weight)| {
                let rows = part.reshape([-1, weight.size()[0]]);
                rows.rms_norm(weight.size(), Some(weight), 1e-6).view([5, -1])
            });
            Tensor::cat(&[q, k, v.flatten(1, 2)], 1)
        };
        let found = {
            let parameter = |weight| Parameter::new(weight, weight);
            head_norm(&qkv, heads, parameter(&queries), parameter(&keys), 1e-6)
        };
        assert!(found.allclose(&expected, 1e-12, 1e-12, false));
        let gradients = |output: &Tensor| {
            for leaf in [&qkv, &queries, &keys] {
                leaf.grad().defined().then(|| leaf.grad().zero_());
            }
            (output * &by_output).sum(Kind::Double).backward();
            [&qkv, &queries, &keys].map(|leaf| leaf.grad().copy())
        };
        for (found, expected) in gradients(&found).iter().zip(gradients(&expected)) {
            assert!(found.allclose(&expected, 1e-10, 1e-10, false));
        }
    }
}
