//! Streams: queues of work on a device.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::Cuda;

/// A stream that outlives its users: libtorch's current one, or the one that graphs are captured on.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    pub(super) handle: *mut c_void,
}

impl Cuda {
    /// The stream that libtorch works on now.
    ///
    /// # Panics
    /// If libtorch's CUDA half is not loaded, which [`Cuda::open`] has seen to.
    pub fn current_stream(&self) -> Stream {
        let mut handle = null_mut();
        #[expect(unsafe_code, reason = "writes a pointer, which libtorch keeps for good")]
        let known = unsafe { ffi::gavel_current_stream(self.inner.index as i8, &raw mut handle) };
        assert!(known, "libtorch's CUDA half is loaded");
        Stream { handle }
    }
}

mod ffi {
    use super::c_void;

    #[expect(unsafe_code, reason = "declares what src/stream.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_current_stream(device: i8, handle: *mut *mut c_void) -> bool;
    }
}
