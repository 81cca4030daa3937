//! The CUDA driver: contexts, modules, launches, graphs, events, pinned memory.

use std::ffi::{c_char, c_int, c_uint, c_void};

use super::functions::functions;
use super::{CudaError, library};

/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `..._MINOR`.
const COMPUTE_CAPABILITY: [c_int; 2] = [75, 76];

functions! {
    /// <https://docs.nvidia.com/cuda/cuda-driver-api/>
    Functions {
        init = "cuInit"(c_uint);
        get_error_name = "cuGetErrorName"(c_int, *mut *const c_char);
        get_current = "cuCtxGetCurrent"(*mut *mut c_void);
        set_current = "cuCtxSetCurrent"(*mut c_void);
        retain_primary = "cuDevicePrimaryCtxRetain"(*mut *mut c_void, c_int);
        get_device = "cuDeviceGet"(*mut c_int, c_int);
        get_attribute = "cuDeviceGetAttribute"(*mut c_int, c_int, c_int);
        load_module = "cuModuleLoadData"(*mut *mut c_void, *const c_void);
        get_function = "cuModuleGetFunction"(*mut *mut c_void, *mut c_void, *const c_char);
        set_function_attribute = "cuFuncSetAttribute"(*mut c_void, c_int, c_int);
        launch_kernel = "cuLaunchKernel"(
            *mut c_void, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, *mut c_void, *mut *mut c_void,
            *mut *mut c_void
        );
        create_stream = "cuStreamCreate"(*mut *mut c_void, c_uint);
        begin_capture = "cuStreamBeginCapture_v2"(*mut c_void, c_int);
        end_capture = "cuStreamEndCapture"(*mut c_void, *mut *mut c_void);
        instantiate_graph = "cuGraphInstantiateWithFlags"(*mut *mut c_void, *mut c_void, u64);
        launch_graph = "cuGraphLaunch"(*mut c_void, *mut c_void);
        destroy_graph = "cuGraphDestroy"(*mut c_void);
        destroy_executable = "cuGraphExecDestroy"(*mut c_void);
        create_event = "cuEventCreate"(*mut *mut c_void, c_uint);
        record_event = "cuEventRecord"(*mut c_void, *mut c_void);
        synchronize_event = "cuEventSynchronize"(*mut c_void);
        elapsed = "cuEventElapsedTime"(*mut f32, *mut c_void, *mut c_void);
        destroy_event = "cuEventDestroy_v2"(*mut c_void);
        allocate_pinned = "cuMemHostAlloc"(*mut *mut c_void, usize, c_uint);
        free_pinned = "cuMemFreeHost"(*mut c_void);
        copy_to_device = "cuMemcpyHtoDAsync_v2"(u64, *const c_void, usize, *mut c_void);
        copy_to_host = "cuMemcpyDtoHAsync_v2"(*mut c_void, u64, usize, *mut c_void);
    }
}

/// The driver's functions, with libtorch's context current.
#[derive(Clone, Copy)]
pub(super) struct Driver {
    pub(super) functions: Functions,
    /// Major and minor compute capability.
    pub(super) architecture: (i32, i32),
}

/// Calls a function of the driver: `call!(driver, function(arguments))` gives a `Result`.
macro_rules! call {
    ($driver:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        let driver = &$driver;
        #[expect(unsafe_code, reason = "the pointers are to living values, and the handles are the driver's own")]
        let status = unsafe { (driver.functions.$function)($($argument),*) };
        driver.check(stringify!($function), status)
    }};
}
pub(super) use call;

impl Driver {
    /// Loads the driver's library and makes the context that libtorch uses for device `index` current.
    pub(super) fn load(index: usize) -> Result<Self, CudaError> {
        let driver = Functions::load(library(&["libcuda.so.1"])?)
            .map_err(|source| CudaError::NotLoadable { library: "libcuda.so.1", source })?;
        let mut driver = Self { functions: driver, architecture: (0, 0) };
        call!(driver, init(0))?;
        let mut device = 0;
        call!(driver, get_device(&raw mut device, index as c_int))?;
        let mut context = std::ptr::null_mut();
        call!(driver, get_current(&raw mut context))?;
        if context.is_null() {
            // The runtime, and so libtorch, uses the primary context; it becomes current for this thread alone.
            call!(driver, retain_primary(&raw mut context, device))?;
            call!(driver, set_current(context))?;
        }
        let mut capability = [0; 2];
        for (number, attribute) in capability.iter_mut().zip(COMPUTE_CAPABILITY) {
            call!(driver, get_attribute(&raw mut *number, attribute, device))?;
        }
        driver.architecture = (capability[0], capability[1]);
        Ok(driver)
    }

    /// Status 0 is success.
    pub(super) fn check(&self, call: &'static str, status: c_int) -> Result<(), CudaError> {
        if status == 0 {
            return Ok(());
        }
        let mut name = std::ptr::null();
        #[expect(unsafe_code, reason = "writes a pointer to a constant string, or leaves null")]
        let name = unsafe {
            (self.functions.get_error_name)(status, &raw mut name);
            if name.is_null() { None } else { Some(std::ffi::CStr::from_ptr(name)) }
        };
        let name = name.map_or_else(|| status.to_string(), |name| name.to_string_lossy().into_owned());
        Err(CudaError::Call { call, name })
    }
}
