//! Linear layers whose weight has two copies: a master, which gets the gradient, and its value in the format of the pass.

use tch::{Kind, Tensor, no_grad};

use crate::autograd::differentiable;
use crate::low_rank::LowRank;

/// A trained tensor: its master, and what the forward pass computes with. Without mixed precision both are the same.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// What is trained, unless adapters are; the gradient has its format.
    pub master: &'a Tensor,
    /// The same in the format of the pass, adapters added.
    pub value: &'a Tensor,
    /// What is trained in place of the master, where that requires no gradient.
    pub adapters: &'a [LowRank],
}

impl<'a> Parameter<'a> {
    /// A tensor without adapters.
    pub fn new(master: &'a Tensor, value: &'a Tensor) -> Self {
        Self { master, value, adapters: &[] }
    }

    /// Everything that a gradient may go to, for [`differentiable`]: the master, then A and B of each adapter.
    pub fn leaves(self) -> Vec<&'a Tensor> {
        let adapters = self.adapters.iter().flat_map(|adapter| [&adapter.a, &adapter.b]);
        [self.master].into_iter().chain(adapters).collect()
    }

    /// What the backward pass of a product needs.
    pub fn keep(self) -> KeptParameter {
        KeptParameter {
            master: self.master.shallow_clone(),
            value: self.value.detach(),
            adapters: self.adapters.iter().map(LowRank::shallow_clone).collect(),
        }
    }
}

/// A [`Parameter`] on its way to the backward pass.
#[derive(Debug)]
pub struct KeptParameter {
    master: Tensor,
    /// In the format of the pass.
    pub value: Tensor,
    adapters: Vec<LowRank>,
}

impl KeptParameter {
    /// The gradients by [`Parameter::leaves`] of `input · valueᵀ`, in their order; see [`product_gradient`].
    pub fn product_gradients(&self, by_output: &Tensor, input: &Tensor) -> Vec<Option<Tensor>> {
        let mut by_leaves = vec![product_gradient(&self.master, by_output, input)];
        by_leaves.extend(self.adapters.iter().flat_map(|adapter| adapter.gradients(by_output, input)));
        by_leaves
    }
}

/// `input · weightᵀ + bias`: `(N, in)` by `(out, in)` gives `(N, out)`.
///
/// Gradients go to the masters, in their format. A weight that is used for many pieces of an input has its gradients
/// summed in float32 with a float32 master; through `value`, autograd would sum them in bfloat16, whose eight digits
/// lose small summands. Each is added up where the gradient lies, so there is no second tensor of its size.
///
/// # Panics
/// If the shapes or formats do not fit, as every operation of tch does.
pub fn linear(input: &Tensor, weight: Parameter<'_>, bias: Option<Parameter<'_>>) -> Tensor {
    let output = no_grad(|| input.linear(weight.value, bias.map(|bias| bias.value)));
    let mut inputs = vec![input];
    inputs.extend(weight.leaves());
    inputs.extend(bias.map(|bias| bias.master));
    let (count, kept, weight) = (inputs.len(), input.detach(), weight.keep());
    let (needs, bias) = (input.requires_grad(), bias.map(|bias| bias.master.shallow_clone()));
    let operation = differentiable(&inputs, &[&output], move |mut gradients| {
        let Some(by_output) = gradients.remove(0) else {
            return std::iter::repeat_with(|| None).take(count).collect();
        };
        let mut by_inputs = vec![needs.then(|| by_output.matmul(&weight.value))];
        by_inputs.extend(weight.product_gradients(&by_output, &kept));
        if let Some(bias) = &bias {
            by_inputs.push(add_gradient(bias, || column_sums(&by_output, bias.kind())));
        }
        by_inputs
    });
    only(operation)
}

/// The sums of the columns of `rows` `(N, width)`, in another format.
fn column_sums(rows: &Tensor, kind: Kind) -> Tensor {
    if !rows.device().is_cuda() || rows.kind() == kind {
        return rows.sum_dim_intlist([0i64].as_slice(), false, kind);
    }
    // torch gives a sum over many rows to few blocks; a product with ones is spread over the card.
    let ones = Tensor::ones([1, rows.size()[0]], (rows.kind(), rows.device()));
    ones.mm_dtype(rows, kind).squeeze_dim(0)
}

/// The one result of an operation that has one.
pub fn only(mut outputs: Vec<Tensor>) -> Tensor {
    assert_eq!(outputs.len(), 1, "an operation with one result");
    outputs.remove(0)
}

/// Adds `by_outputᵀ · input`, `(N, out)` and `(N, in)`, to the gradient of `master` `(out, in)`, summed in its format.
///
/// Where there is a gradient already, it grows where it lies and nothing comes back; else the first summand does, for
/// autograd to keep. Nothing happens where `master` requires no gradient.
pub fn product_gradient(master: &Tensor, by_output: &Tensor, input: &Tensor) -> Option<Tensor> {
    if !master.requires_grad() {
        return None;
    }
    let (kind, left, mut sum) = (master.kind(), by_output.tr(), master.grad());
    let mixed = input.kind() != kind;
    if mixed && !input.device().is_cuda() {
        // Only CUDA multiplies bfloat16 into float32; products of bfloat16 are exact in float32.
        return add_gradient(master, || left.to_kind(kind).matmul(&input.to_kind(kind)));
    }
    match (sum.defined(), mixed) {
        (true, true) => drop(sum.addmm_dtype_out(&sum, &left, input, kind)),
        (true, false) => drop(sum.addmm_(&left, input)),
        (false, true) => return Some(left.mm_dtype(input, kind)),
        (false, false) => return Some(left.matmul(input)),
    }
    None
}

/// Adds what `summand` gives to the gradient of `master`; see [`product_gradient`] for what comes back.
pub fn add_gradient(master: &Tensor, summand: impl FnOnce() -> Tensor) -> Option<Tensor> {
    if !master.requires_grad() {
        return None;
    }
    let (summand, mut sum) = (summand(), master.grad());
    if !sum.defined() {
        return Some(summand.to_kind(master.kind()));
    }
    sum += summand;
    None
}

/// The format for sums and roots over values of `kind`: float32 for what has fewer digits.
pub(crate) fn wide(kind: Kind) -> Kind {
    if kind == Kind::Double { Kind::Double } else { Kind::Float }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// A weight of ones, and 600 rows of input, each of which adds 1 to the gradient.
    fn gradient_of_many_pieces(apply: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor) -> f64 {
        let master = Tensor::ones([1, 1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let weight = master.to_kind(Kind::BFloat16);
        let input = Tensor::ones([1, 1], (Kind::BFloat16, Device::Cpu));
        let pieces: Vec<Tensor> = (0..600).map(|_| apply(&input, &master, &weight)).collect();
        Tensor::cat(&pieces, 0).sum(Kind::Float).backward();
        master.grad().double_value(&[0, 0])
    }

    #[test]
    fn the_gradient_of_many_pieces_is_summed_in_the_format_of_the_master() {
        let exact = gradient_of_many_pieces(|input, master, weight| {
            linear(input, Parameter::new(master, &weight.detach()), None)
        });
        assert_eq!(exact, 600.0);
        let rounded = gradient_of_many_pieces(|input, _, weight| input.linear(weight, None::<&Tensor>));
        assert_eq!(rounded, 256.0, "bfloat16 cannot count on from 256, which is why this function is here");
    }

    #[test]
    fn output_and_gradients_are_those_of_a_linear_layer_and_add_up() {
        let tensor =
            |values: &[f64], shape: &[i64]| Tensor::from_slice(values).view(shape).set_requires_grad(true);
        let gradients = |apply: &dyn Fn(&Tensor, &Tensor, &Tensor) -> Tensor| {
            let input = tensor(&[1.0, 2.0, -3.0, 0.5], &[2, 2]);
            let master = tensor(&[0.25, -1.0, 4.0, 2.0, 1.0, 3.0], &[3, 2]);
            let bias = tensor(&[0.5, -0.5, 1.5], &[3]);
            let output = apply(&input, &master, &bias);
            output.square().sum(Kind::Double).backward();
            apply(&input, &master, &bias).sum(Kind::Double).backward();
            [output.detach(), input.grad(), master.grad(), bias.grad()]
        };
        let plain = gradients(&|input, master, bias| input.linear(master, Some(bias)));
        let ours = gradients(&|input, master, bias| {
            let [weight, bias] = [(master, master.detach()), (bias, bias.detach())];
            let parameter = |(master, value)| Parameter::new(master, value);
            linear(input, parameter((weight.0, &weight.1)), Some(parameter((bias.0, &bias.1))))
        });
        assert!(plain.iter().zip(&ours).all(|(plain, ours)| plain.allclose(ours, 1e-12, 1e-12, false)));
    }

    #[test]
    #[should_panic(expected = "shapes cannot be multiplied")]
    fn shapes_that_do_not_fit_are_said() {
        let of = |shape: [i64; 2]| Tensor::ones(shape, (Kind::Float, Device::Cpu));
        let (master, value) = (of([1, 3]), of([1, 3]));
        let _ = linear(&of([1, 2]), Parameter::new(&master, &value), None);
    }
}
