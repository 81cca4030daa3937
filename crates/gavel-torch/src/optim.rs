//! AdamW over many tensors at once, their norm, and copying them, each one kernel on CUDA.

use tch::{Kind, Tensor};

use crate::autograd::{pointers, taken};
use crate::message::checked;

/// What [`adamw`] updates: as many of each, of the same shapes, contiguous.
#[derive(Debug, Default)]
pub struct AdamWTensors<'a> {
    /// Changed.
    pub parameters: Vec<&'a Tensor>,
    /// Divided by the divisor.
    pub gradients: Vec<&'a Tensor>,
    /// Changed.
    pub first_moments: Vec<&'a Tensor>,
    /// Changed.
    pub second_moments: Vec<&'a Tensor>,
}

/// The numbers of one update.
#[derive(Debug, Clone, Copy)]
pub struct AdamWUpdate {
    /// Which update it is, from 1; the moments are corrected by it.
    pub step: i64,
    /// η.
    pub learning_rate: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε, added to the root of the second moment.
    pub epsilon: f64,
    /// λ, decoupled from the gradient.
    pub weight_decay: f64,
}

/// One update of all tensors by AdamW ([1711.05101](https://arxiv.org/abs/1711.05101), algorithm 2).
///
/// `divisor` is a float32 number on their device by which gradients are divided first, and `skip` one that leaves
/// everything as it is when it is 1. So a norm that clips or forbids an update need not come to the host.
///
/// # Panics
/// If the tensors do not fit, as every operation of tch does. Call it under `no_grad`.
pub fn adamw(tensors: &AdamWTensors<'_>, update: &AdamWUpdate, divisor: &Tensor, skip: &Tensor) {
    let Some(first) = tensors.parameters.first() else { return };
    let step = Tensor::full([] as [i64; 0], update.step, (Kind::Float, first.device()));
    let count = tensors.parameters.len();
    let [parameters, gradients, first_moments, second_moments] =
        [&tensors.parameters, &tensors.gradients, &tensors.first_moments, &tensors.second_moments].map(
            |list| {
                assert_eq!(list.len(), count, "as many tensors of each kind");
                pointers(list)
            },
        );
    checked(|message, capacity| {
        #[expect(unsafe_code, reason = "four lists of `count` living tensors each, and three more tensors")]
        unsafe {
            ffi::gavel_adamw(
                parameters.as_ptr(),
                gradients.as_ptr(),
                first_moments.as_ptr(),
                second_moments.as_ptr(),
                count,
                step.as_ptr().cast(),
                update.learning_rate,
                update.beta1,
                update.beta2,
                update.weight_decay,
                update.epsilon,
                divisor.as_ptr().cast(),
                skip.as_ptr().cast(),
                message,
                capacity,
            )
        }
    });
}

/// The Euclidean norm of all tensors together, a number on their device.
///
/// # Panics
/// If there is no tensor.
pub fn norm(tensors: &[&Tensor]) -> Tensor {
    let list = pointers(tensors);
    let mut found = std::ptr::null_mut();
    checked(|message, capacity| {
        #[expect(unsafe_code, reason = "a list of living tensors; what comes back is new")]
        unsafe {
            found = ffi::gavel_norm(list.as_ptr(), list.len(), message, capacity);
        }
        !found.is_null()
    });
    taken(found).expect("a norm when it succeeds")
}

/// Copies each of `sources` into the target of its place, converting formats. Call it under `no_grad`.
///
/// # Panics
/// If there are not as many targets as sources, or shapes differ.
pub fn copy_all(targets: &[&Tensor], sources: &[&Tensor]) {
    assert_eq!(targets.len(), sources.len(), "a target for each source");
    let (targets, sources) = (pointers(targets), pointers(sources));
    checked(|message, capacity| {
        #[expect(unsafe_code, reason = "two lists of as many living tensors")]
        unsafe {
            ffi::gavel_copy_all(targets.as_ptr(), sources.as_ptr(), targets.len(), message, capacity)
        }
    });
}

mod ffi {
    use std::ffi::{c_char, c_void};

    #[expect(unsafe_code, reason = "declares what src/optim.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_adamw(
            parameters: *const *mut c_void,
            gradients: *const *mut c_void,
            first_moments: *const *mut c_void,
            second_moments: *const *mut c_void,
            count: usize,
            step: *const c_void,
            learning_rate: f64,
            beta1: f64,
            beta2: f64,
            weight_decay: f64,
            epsilon: f64,
            gradient_divisor: *const c_void,
            skip: *const c_void,
            message: *mut c_char,
            capacity: usize,
        ) -> bool;
        pub(super) fn gavel_norm(
            tensors: *const *mut c_void,
            count: usize,
            message: *mut c_char,
            capacity: usize,
        ) -> *mut c_void;
        pub(super) fn gavel_copy_all(
            targets: *const *mut c_void,
            sources: *const *mut c_void,
            count: usize,
            message: *mut c_char,
            capacity: usize,
        ) -> bool;
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn the_norm_is_that_of_all_tensors() {
        let (a, b) = (Tensor::from_slice(&[3.0f32, 0.0]), Tensor::from_slice(&[4.0f32]).view([1, 1]));
        assert_eq!(norm(&[&a, &b]).double_value(&[]), 5.0);
    }

    #[test]
    fn copies_convert_and_stay_where_they_are() {
        let target = Tensor::zeros([2], (Kind::BFloat16, Device::Cpu));
        let other = target.shallow_clone();
        copy_all(&[&target], &[&Tensor::from_slice(&[1.5f32, -2.0])]);
        assert_eq!(Vec::<f32>::try_from(other.to_kind(Kind::Float)).unwrap(), [1.5, -2.0]);
    }

    #[test]
    #[should_panic(expected = "must match")]
    fn shapes_that_differ_are_said() {
        copy_all(&[&Tensor::from_slice(&[0.0f32; 2])], &[&Tensor::from_slice(&[0.0f32; 3])]);
    }
}
