//! What kernels ask of tensors before they take their addresses.

use std::ffi::c_void;

use tch::{Kind, Tensor};

/// The address of a contiguous tensor on a CUDA device that holds at least `count` numbers of `kind`.
///
/// # Panics
/// If it is not that.
pub(super) fn address(tensor: &Tensor, kind: Kind, count: i64, what: &str) -> *mut c_void {
    assert!(tensor.device().is_cuda(), "{what} is on {:?}, and kernels run on CUDA", tensor.device());
    assert!(tensor.kind() == kind, "{what} is {:?} instead of {kind:?}", tensor.kind());
    assert!(tensor.is_contiguous(), "{what} is not contiguous");
    assert!(tensor.numel() as i64 >= count, "{what} is {:?}, fewer than {count} numbers", tensor.size());
    tensor.data_ptr()
}
