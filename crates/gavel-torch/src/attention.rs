//! Which of torch's kernels compute attention on a CUDA device.

/// Keeps `scaled_dot_product_attention` from cuDNN, for the whole process.
///
/// libtorch 2.11 prefers cuDNN on Hopper and later, and cuDNN builds an execution plan for every shape that it has
/// not seen: 55 ms each on an H200. Generation asks for a new shape at nearly every token, since the keys grow by a
/// column, and training asks for one at nearly every micro-batch. The flash and memory-efficient kernels, which come
/// next in torch's order, need no plan.
pub(crate) fn disable_cudnn_attention() {
    #[expect(unsafe_code, reason = "sets a flag of libtorch's global context, which exists from the start")]
    unsafe {
        ffi::gavel_disable_cudnn_attention();
    }
}

/// Whether torch may send attention to cuDNN; it may unless [`select_device`](crate::select_device) has loaded CUDA.
pub fn cudnn_attention_is_enabled() -> bool {
    #[expect(unsafe_code, reason = "reads a flag of libtorch's global context, which exists from the start")]
    unsafe {
        ffi::gavel_cudnn_attention_is_enabled()
    }
}

mod ffi {
    #[expect(unsafe_code, reason = "declares what src/attention.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_disable_cudnn_attention();
        pub(super) fn gavel_cudnn_attention_is_enabled() -> bool;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_is_kept_from_cudnn() {
        disable_cudnn_attention();
        assert!(!cudnn_attention_is_enabled());
    }
}
