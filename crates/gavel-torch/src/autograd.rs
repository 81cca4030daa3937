//! Operations with a gradient of their own: a forward pass in plain tensor operations, and its backward pass as a closure.
//!
//! torch calls this a custom autograd function (<https://pytorch.org/tutorials/advanced/cpp_autograd>). It is how a
//! layer keeps less for the backward pass than autograd would, adds the gradient of a weight up where it lies, or runs
//! a kernel that autograd knows nothing of.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use tch::Tensor;

use crate::message::checked;

/// The gradients by the outputs of an operation, in their order; `None` where the loss does not depend on one.
pub type ByOutputs = Vec<Option<Tensor>>;

/// The gradients by the inputs of an operation, in their order; `None` where there is none to pass on.
pub type ByInputs = Vec<Option<Tensor>>;

type Closure = Box<dyn FnOnce(ByOutputs) -> ByInputs + Send>;

/// Makes `outputs` the results of an operation on `inputs` whose backward pass is `backward`.
///
/// `outputs` are computed by the caller, under `no_grad`; what comes back shares their memory. `backward` is called at
/// most once, without gradients being recorded, and owns what it needs, so what it has kept is freed as soon as it has
/// run. On CUDA it runs on a thread of torch's. Where nothing requires a gradient, or none is recorded, it is dropped
/// at once. It must not change the gradients that it is given: others may hold them too.
///
/// # Panics
/// If torch refuses the tensors, as every operation of tch does. A panic of `backward` becomes an error of the
/// backward pass.
pub fn differentiable(
    inputs: &[&Tensor],
    outputs: &[&Tensor],
    backward: impl FnOnce(ByOutputs) -> ByInputs + Send + 'static,
) -> Vec<Tensor> {
    let closure: Box<Closure> = Box::new(Box::new(backward));
    let inputs = pointers(inputs);
    let mut outputs = pointers(outputs);
    checked(|message, capacity| {
        #[expect(
            unsafe_code,
            reason = "all tensors are alive, the closure is given away, and what stands in `outputs` then is new"
        )]
        unsafe {
            ffi::gavel_differentiable(
                inputs.as_ptr(),
                inputs.len(),
                outputs.as_mut_ptr(),
                outputs.len(),
                Box::into_raw(closure).cast(),
                run,
                drop_closure,
                message,
                capacity,
            )
        }
    });
    outputs.into_iter().filter_map(taken).collect()
}

/// Runs the backward pass from `outputs`, whose gradients are `gradients`, and adds to the gradients of all leaves.
///
/// # Panics
/// If there are not as many gradients as outputs, the shapes do not fit or a node fails.
pub fn backward_from(outputs: &[&Tensor], gradients: &[&Tensor]) {
    assert_eq!(outputs.len(), gradients.len(), "every output has a gradient");
    let (outputs, gradients) = (pointers(outputs), pointers(gradients));
    checked(|message, capacity| {
        #[expect(unsafe_code, reason = "all tensors are alive while the other side reads them")]
        unsafe {
            ffi::gavel_backward(outputs.as_ptr(), gradients.as_ptr(), outputs.len(), message, capacity)
        }
    });
}

/// Forgets the gradient of a leaf and frees its memory; `grad()` is undefined then.
pub fn clear_gradient(leaf: &Tensor) {
    #[expect(unsafe_code, reason = "changes what belongs to a living tensor")]
    unsafe {
        ffi::gavel_set_gradient(leaf.as_ptr().cast(), ptr::null());
    }
}

/// Makes `gradient`, of the shape and format of `leaf`, its gradient, whatever that was.
pub fn set_gradient(leaf: &Tensor, gradient: &Tensor) {
    assert_eq!((leaf.size(), leaf.kind()), (gradient.size(), gradient.kind()), "a gradient is like its leaf");
    #[expect(
        unsafe_code,
        reason = "both tensors are alive, and the other side takes another name for the second"
    )]
    unsafe {
        ffi::gavel_set_gradient(leaf.as_ptr().cast(), gradient.as_ptr().cast());
    }
}

/// The tensors as the other side takes them.
pub(crate) fn pointers(tensors: &[&Tensor]) -> Vec<*mut c_void> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut().cast()).collect()
}

/// A tensor that the other side gives away, where it gives one.
pub(crate) fn taken(pointer: *mut c_void) -> Option<Tensor> {
    #[expect(unsafe_code, reason = "the other side gives a tensor of its own, which now is this one's")]
    (!pointer.is_null()).then(|| unsafe { Tensor::from_ptr(pointer.cast()) })
}

/// A tensor given to the other side, null for none.
fn given(tensor: Option<Tensor>) -> *mut c_void {
    let Some(mut tensor) = tensor else { return ptr::null_mut() };
    let pointer = tensor.as_mut_ptr().cast();
    std::mem::forget(tensor);
    pointer
}

#[expect(unsafe_code, reason = "called by the other side with what `differentiable` gave it")]
unsafe extern "C" fn run(
    closure: *mut c_void,
    by_outputs: *mut *mut c_void,
    outputs: usize,
    by_inputs: *mut *mut c_void,
    inputs: usize,
    message: *mut c_char,
    capacity: usize,
) -> bool {
    let (closure, by_outputs, by_inputs) = unsafe {
        (
            Box::from_raw(closure.cast::<Closure>()),
            std::slice::from_raw_parts(by_outputs, outputs),
            std::slice::from_raw_parts_mut(by_inputs, inputs),
        )
    };
    let gradients: ByOutputs = by_outputs.iter().map(|&pointer| taken(pointer)).collect();
    // A panic must not cross into C++.
    match catch_unwind(AssertUnwindSafe(|| closure(gradients))) {
        Ok(found) if found.len() == inputs => {
            for (place, gradient) in by_inputs.iter_mut().zip(found) {
                *place = given(gradient);
            }
            true
        }
        Ok(found) => {
            let text = format!("a backward pass gave {} gradients for {inputs} inputs", found.len());
            unsafe { write(&text, message, capacity) };
            false
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            unsafe { write(text.unwrap_or("a backward pass panicked"), message, capacity) };
            false
        }
    }
}

#[expect(unsafe_code, reason = "called by the other side, once, with what `differentiable` gave it")]
unsafe extern "C" fn drop_closure(closure: *mut c_void) {
    drop(unsafe { Box::from_raw(closure.cast::<Closure>()) });
}

#[expect(unsafe_code, reason = "`message` has room for `capacity` bytes, all zero")]
unsafe fn write(text: &str, message: *mut c_char, capacity: usize) {
    let count = text.len().min(capacity - 1);
    unsafe { ptr::copy_nonoverlapping(text.as_ptr().cast(), message, count) };
}

mod ffi {
    use super::{c_char, c_void};

    pub(super) type Run = unsafe extern "C" fn(
        *mut c_void,
        *mut *mut c_void,
        usize,
        *mut *mut c_void,
        usize,
        *mut c_char,
        usize,
    ) -> bool;

    #[expect(unsafe_code, reason = "declares what src/autograd.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_differentiable(
            inputs: *const *mut c_void,
            input_count: usize,
            outputs: *mut *mut c_void,
            output_count: usize,
            closure: *mut c_void,
            run: Run,
            drop: unsafe extern "C" fn(*mut c_void),
            message: *mut c_char,
            capacity: usize,
        ) -> bool;
        pub(super) fn gavel_backward(
            outputs: *const *mut c_void,
            gradients: *const *mut c_void,
            count: usize,
            message: *mut c_char,
            capacity: usize,
        ) -> bool;
        pub(super) fn gavel_set_gradient(leaf: *const c_void, gradient: *const c_void);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tch::{Device, Kind, no_grad};

    use super::*;

    fn leaf(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    /// `a · b` and `a + b`, with a backward pass by hand.
    fn product_and_sum(a: &Tensor, b: &Tensor) -> Vec<Tensor> {
        let (product, sum) = no_grad(|| (a * b, a + b));
        let (left, right) = (a.detach(), b.detach());
        differentiable(&[a, b], &[&product, &sum], move |gradients| {
            let [of_product, of_sum] = &gradients[..] else { panic!("two outputs") };
            let zero = left.zeros_like();
            let (of_product, of_sum) =
                (of_product.as_ref().unwrap_or(&zero), of_sum.as_ref().unwrap_or(&zero));
            vec![Some(of_product * &right + of_sum), Some(of_product * &left + of_sum)]
        })
    }

    #[test]
    fn gradients_are_those_of_the_closure_also_in_a_larger_graph() {
        let gradients = |operation: &dyn Fn(&Tensor, &Tensor) -> Vec<Tensor>| {
            let (a, b) = (leaf(&[1.0, -2.0]), leaf(&[3.0, 0.5]));
            let outputs = operation(&(&a * 2.0), &b);
            (outputs[0].square() + &outputs[1] * 3.0).sum(Kind::Double).backward();
            [a.grad(), b.grad()]
        };
        let plain = gradients(&|a, b| vec![a * b, a + b]);
        let ours = gradients(&product_and_sum);
        assert!(plain.iter().zip(&ours).all(|(plain, ours)| plain.equal(ours)), "{plain:?} and {ours:?}");
    }

    #[test]
    fn an_output_that_is_not_used_has_no_gradient() {
        let (a, b) = (leaf(&[1.0]), leaf(&[3.0]));
        product_and_sum(&a, &b)[0].backward();
        assert_eq!((a.grad().double_value(&[0]), b.grad().double_value(&[0])), (3.0, 1.0));
    }

    #[test]
    fn a_closure_is_dropped_when_it_has_run_or_cannot_run() {
        let kept = Arc::new(());
        let operation = |input: &Tensor| {
            let held = Arc::clone(&kept);
            let output = no_grad(|| input * 2.0);
            differentiable(&[input], &[&output], move |gradients| {
                let _held = held;
                vec![gradients[0].as_ref().map(|gradient| gradient * 2.0)]
            })
        };
        let input = leaf(&[1.0]);
        let output = operation(&input).remove(0);
        assert_eq!(Arc::strong_count(&kept), 2);
        output.backward();
        assert_eq!(Arc::strong_count(&kept), 1, "it has run");
        assert!(!no_grad(|| operation(&input).remove(0)).requires_grad());
        assert_eq!(Arc::strong_count(&kept), 1, "nothing is recorded");
        drop(operation(&input));
        assert_eq!(Arc::strong_count(&kept), 1, "the graph is gone");
    }

    #[test]
    #[should_panic(expected = "out of luck")]
    fn a_panic_of_the_backward_pass_is_an_error_of_it() {
        let input = leaf(&[1.0]);
        let output = no_grad(|| &input * 2.0);
        differentiable(&[&input], &[&output], |_| panic!("out of luck"))[0].backward();
    }

    #[test]
    fn a_backward_pass_begins_where_it_is_told() {
        let input = Tensor::ones([2], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        backward_from(&[&(&input * 3.0)], &[&Tensor::from_slice(&[1.0, 2.0])]);
        assert_eq!(Vec::<f64>::try_from(input.grad()).unwrap(), [3.0, 6.0]);
        clear_gradient(&input);
        assert!(!input.grad().defined());
        set_gradient(&input, &Tensor::from_slice(&[4.0, 5.0]));
        (&input * 1.0).sum(Kind::Double).backward();
        assert_eq!(Vec::<f64>::try_from(input.grad()).unwrap(), [5.0, 6.0]);
    }
}
