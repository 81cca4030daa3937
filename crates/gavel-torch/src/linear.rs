//! A linear layer that keeps the digits of its weight's gradient.

use std::ffi::{CStr, c_char, c_void};

use tch::Tensor;

/// Room for what libtorch says went wrong.
const MESSAGE: usize = 1024;

/// `input · weightᵀ`, where `weight` is `master` in the format of `input`: `(N, in)` by `(out, in)` gives `(N, out)`.
///
/// The gradient goes to `master`, in its format. Whoever applies one weight to many pieces of an input has those
/// gradients summed in float32 with a float32 master; through `weight`, autograd would sum them in bfloat16, whose
/// eight digits lose small summands.
///
/// # Panics
/// If the shapes or formats do not fit, as every operation of tch does.
pub fn master_linear(input: &Tensor, master: &Tensor, weight: &Tensor) -> Tensor {
    let mut message: [c_char; MESSAGE] = [0; MESSAGE];
    #[expect(
        unsafe_code,
        reason = "the three pointers are those of living tensors, and the message keeps its last zero byte"
    )]
    let output = unsafe {
        let [input, master, weight] = [input, master, weight].map(|tensor| tensor.as_ptr().cast());
        ffi::gavel_master_linear(input, master, weight, message.as_mut_ptr(), MESSAGE)
    };
    if output.is_null() {
        #[expect(unsafe_code, reason = "the other side writes less than the whole array, which was zero")]
        let message = unsafe { CStr::from_ptr(message.as_ptr()) };
        panic!("{}", message.to_string_lossy());
    }
    #[expect(unsafe_code, reason = "the other side gives a tensor of its own, which now is this one's")]
    unsafe {
        Tensor::from_ptr(output.cast())
    }
}

mod ffi {
    use super::{c_char, c_void};

    #[expect(unsafe_code, reason = "declares what src/linear.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_master_linear(
            input: *const c_void,
            master: *const c_void,
            weight: *const c_void,
            message: *mut c_char,
            capacity: usize,
        ) -> *mut c_void;
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

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
        let exact =
            gradient_of_many_pieces(|input, master, weight| master_linear(input, master, &weight.detach()));
        assert_eq!(exact, 600.0);
        let rounded = gradient_of_many_pieces(|input, _, weight| input.linear(weight, None::<&Tensor>));
        assert_eq!(rounded, 256.0, "bfloat16 cannot count on from 256, which is why this function is here");
    }

    #[test]
    fn output_and_gradients_are_those_of_a_linear_layer() {
        let tensor =
            |values: &[f64], shape: [i64; 2]| Tensor::from_slice(values).view(shape).set_requires_grad(true);
        let gradients = |linear: &dyn Fn(&Tensor, &Tensor) -> Tensor| {
            let input = tensor(&[1.0, 2.0, -3.0, 0.5], [2, 2]);
            let master = tensor(&[0.25, -1.0, 4.0, 2.0, 1.0, 3.0], [3, 2]);
            let output = linear(&input, &master);
            output.square().sum(Kind::Double).backward();
            [output.detach(), input.grad(), master.grad()]
        };
        let plain = gradients(&|input, master| input.linear(master, None::<&Tensor>));
        let ours = gradients(&|input, master| master_linear(input, master, &master.detach()));
        assert!(plain.iter().zip(&ours).all(|(plain, ours)| plain.equal(ours)), "{plain:?} and {ours:?}");
    }

    #[test]
    #[should_panic(expected = "shapes cannot be multiplied")]
    fn shapes_that_do_not_fit_are_said() {
        let of = |shape: [i64; 2]| Tensor::ones(shape, (Kind::Float, Device::Cpu));
        let _ = master_linear(&of([1, 2]), &of([1, 3]), &of([1, 3]));
    }
}
