//! Compiled kernels and their launch.

use std::ffi::{CString, c_void};
use std::ptr::null_mut;

use super::driver::{Driver, call};
use super::{Compiler, Cuda, CudaError, Source, Stream};

/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`.
const MAX_DYNAMIC_SHARED_SIZE: i32 = 8;
/// What every kernel gets without asking.
const SHARED_WITHOUT_ASKING: u32 = 48 << 10;

/// The one argument of a kernel: a struct of pointers and numbers.
///
/// # Safety
/// It is `#[repr(C)]`, and has the fields of the struct that the kernel takes, in their order.
#[expect(unsafe_code, reason = "the compilers of both sides cannot compare the structs")]
pub(crate) unsafe trait Parameters: Copy {}

/// Kernels compiled from one file and loaded; they stay loaded.
pub(crate) struct Module {
    driver: Driver,
    handle: *mut c_void,
}

/// One kernel.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    driver: Driver,
    handle: *mut c_void,
}

impl Cuda {
    /// Compiles kernels for this device and loads them.
    pub(crate) fn module(&self, compiler: Compiler, source: Source<'_>) -> Result<Module, CudaError> {
        let driver = self.driver();
        let code = compiler.compile(source, driver.architecture)?;
        let mut handle = null_mut();
        call!(driver, load_module(&raw mut handle, code.as_ptr().cast()))?;
        Ok(Module { driver, handle })
    }
}

impl Module {
    /// The kernel with this name, which is declared `extern "C"`. `shared` is the most dynamic shared memory, in bytes, that
    /// it will be launched with.
    pub(crate) fn kernel(&self, name: &str, shared: u32) -> Result<Kernel, CudaError> {
        let name = CString::new(name).expect("names of kernels hold no zero byte");
        let mut handle = null_mut();
        call!(self.driver, get_function(&raw mut handle, self.handle, name.as_ptr()))?;
        if shared > SHARED_WITHOUT_ASKING {
            call!(self.driver, set_function_attribute(handle, MAX_DYNAMIC_SHARED_SIZE, shared as i32))?;
        }
        Ok(Kernel { driver: self.driver, handle })
    }
}

impl Kernel {
    /// Enqueues the kernel: `grid` blocks of `threads` threads with `shared` bytes of dynamic shared memory.
    ///
    /// # Safety
    /// `parameters` is the struct that this kernel takes, and its pointers are to memory of the device that the kernel may
    /// use as it does, until it has run.
    ///
    /// # Panics
    /// If the launch is refused, as operations of tch do.
    #[expect(unsafe_code, reason = "what a kernel does with its pointers is beyond Rust")]
    pub(crate) unsafe fn launch<P: Parameters>(
        &self,
        stream: Stream,
        grid: [usize; 3],
        threads: usize,
        shared: u32,
        parameters: &P,
    ) {
        let [x, y, z] = grid.map(|blocks| u32::try_from(blocks).expect("a grid has fewer than 2^32 blocks"));
        if x == 0 || y == 0 || z == 0 {
            return;
        }
        let mut arguments = [std::ptr::from_ref(parameters).cast_mut().cast::<c_void>()];
        let launched = call!(
            self.driver,
            launch_kernel(
                self.handle,
                x,
                y,
                z,
                threads as u32,
                1,
                1,
                shared,
                stream.handle,
                arguments.as_mut_ptr(),
                null_mut()
            )
        );
        launched.unwrap_or_else(|error| panic!("{error}"));
    }
}
