//! Low-rank adapters of weights (LoRA, [2106.09685](https://arxiv.org/abs/2106.09685)): a weight that stays as it is, and a
//! small product that is added to some of its rows and learns.

use std::ops::Range;

use tch::Tensor;

use crate::linear::{product_gradient, wide};

/// What is added to some rows of a weight `(out, in)`: `scale · B · A`.
///
/// The pass computes with the sum, which whoever trains writes into the weight's value after every update; so it costs
/// what a pass without adapter costs, and a sampler that computes with the same value draws from the same policy.
#[derive(Debug)]
pub struct LowRank {
    /// A, `(r, in)`.
    pub a: Tensor,
    /// B, `(rows, r)`.
    pub b: Tensor,
    /// The rows of the weight that it is added to.
    pub rows: Range<i64>,
    /// α / r, or α / √r.
    pub scale: f64,
}

impl LowRank {
    /// The rows with the product added, `(rows, in)`, computed in float32 at least; `weight` is without it.
    pub fn merged(&self, weight: &Tensor) -> Tensor {
        let kind = wide(weight.kind());
        let product = self.b.detach().to_kind(kind).matmul(&self.a.detach().to_kind(kind));
        self.rows_of(weight).to_kind(kind) + product * self.scale
    }

    /// The rows of a tensor that is like the weight: a view.
    pub fn rows_of(&self, weight: &Tensor) -> Tensor {
        weight.narrow(0, self.rows.start, self.rows.end - self.rows.start)
    }

    /// Adds to the gradients of A and B what `by_output` `(N, out)` and `input` `(N, in)` say; what comes back is as in
    /// [`product_gradient`].
    ///
    /// With `G` the gradient of the weight's rows, A's is `scale · Bᵀ G` and B's `scale · G Aᵀ`. `G` is a product over
    /// all tokens, and is never made: its factors are multiplied by the small matrices first.
    pub(crate) fn gradients(&self, by_output: &Tensor, input: &Tensor) -> [Option<Tensor>; 2] {
        let by_rows = by_output.narrow(1, self.rows.start, self.rows.end - self.rows.start);
        let [a, b] = [&self.a, &self.b].map(|part| (part.detach() * self.scale).to_kind(input.kind()));
        let by_inner = by_rows.matmul(&b);
        let inner = input.matmul(&a.tr());
        [product_gradient(&self.a, &by_inner, input), product_gradient(&self.b, &by_rows, &inner)]
    }

    /// Another name for the same tensors.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { a: self.a.shallow_clone(), b: self.b.shallow_clone(), rows: self.rows.clone(), ..*self }
    }
}

/// Copies the sum of weight and adapters into `value`, which is like `weight`. Call it under `no_grad`.
pub fn merge(value: &Tensor, weight: &Tensor, adapters: &[LowRank]) {
    for adapter in adapters {
        adapter.rows_of(value).copy_(&adapter.merged(weight));
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, no_grad};

    use super::*;
    use crate::{Parameter, linear};

    fn numbers(shape: [i64; 2], seed: f64) -> Tensor {
        let count = shape[0] * shape[1];
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * seed).sin().view(shape)
    }

    /// Rows 1 to 3 and 4 to 6 of 7 have adapters of ranks 2 and 1.
    fn adapters() -> [LowRank; 2] {
        let leaf = |shape, seed| numbers(shape, seed).set_requires_grad(true);
        [
            LowRank { a: leaf([2, 4], 1.7), b: leaf([2, 2], 2.9), rows: 1..3, scale: 0.5 },
            LowRank { a: leaf([1, 4], 0.3), b: leaf([2, 1], 7.1), rows: 4..6, scale: 3.0 },
        ]
    }

    #[test]
    fn output_and_gradients_are_those_of_the_sum_by_autograd() {
        let weight = numbers([7, 4], 0.9);
        let gradients = |apply: &dyn Fn(&Tensor, &[LowRank; 2]) -> Tensor| {
            let (input, adapters) = (numbers([5, 4], 4.3).set_requires_grad(true), adapters());
            for _ in 0..2 {
                apply(&input, &adapters).square().sum(Kind::Double).backward();
            }
            let leaves = [&input, &adapters[0].a, &adapters[0].b, &adapters[1].a, &adapters[1].b];
            leaves.map(|leaf| leaf.grad().copy())
        };
        let plain = gradients(&|input, adapters| {
            let [first, second] = adapters;
            let sum =
                |adapter: &LowRank| adapter.rows_of(&weight) + adapter.b.matmul(&adapter.a) * adapter.scale;
            let parts = [
                weight.narrow(0, 0, 1),
                sum(first),
                weight.narrow(0, 3, 1),
                sum(second),
                weight.narrow(0, 6, 1),
            ];
            input.matmul(&Tensor::cat(&parts, 0).tr())
        });
        let ours = gradients(&|input, adapters| {
            let value = weight.copy();
            no_grad(|| merge(&value, &weight, adapters));
            linear(input, Parameter { adapters, ..Parameter::new(&weight, &value) }, None)
        });
        for (index, (plain, ours)) in plain.iter().zip(&ours).enumerate() {
            assert!(plain.allclose(ours, 1e-12, 1e-12, false), "leaf {index}: {plain} {ours}");
        }
        assert!(!weight.grad().defined(), "the weight stays as it is");
    }
}
