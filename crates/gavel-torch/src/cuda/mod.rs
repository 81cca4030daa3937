//! CUDA beside libtorch: kernels of our own, matrix products with a pinned algorithm, graphs, events, pinned memory.
//!
//! Everything works on the stream that libtorch works on, so that both see each other's results without waiting, and
//! all libraries are opened at run time: a build for the CPU needs and has none of them.

mod compiler;
mod driver;
mod functions;
mod graph;
mod kernel;
mod matmul;
mod memory;
mod stream;

use std::rc::Rc;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::Device;

pub(crate) use compiler::{Compiler, Source};
pub use graph::Graph;
pub(crate) use kernel::{Kernel, Parameters};
pub use matmul::{Product, Products, Target, WORKSPACE};
pub use memory::{Event, Pinned};
pub use stream::Stream;

use driver::Driver;

/// Why kernels cannot be used, or a call of CUDA failed.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// The device is not a CUDA device.
    #[error("{0:?} is not a CUDA device")]
    NotCuda(Device),
    /// A library of CUDA does not load.
    #[error("{library} does not load")]
    NotLoadable {
        /// The library's file name.
        library: &'static str,
        /// What the loader says.
        #[source]
        source: libloading::Error,
    },
    /// A function of the driver, or of cuBLASLt, failed.
    #[error("CUDA: {call}: {name}")]
    Call {
        /// The function.
        call: &'static str,
        /// The driver's name of the error.
        name: String,
    },
    /// Kernels do not compile, for a card that the compiler does not know for example.
    #[error("{file} does not compile for {architecture}: {log}")]
    Compile {
        /// The source file.
        file: String,
        /// As `sm_90`.
        architecture: String,
        /// What the compiler says.
        log: String,
    },
    /// The kernels are not made for this shape.
    #[error("the kernels are not made for {0}")]
    Unsupported(String),
}

/// One CUDA device. Cheap to clone.
#[derive(Clone)]
pub struct Cuda {
    inner: Rc<Inner>,
}

struct Inner {
    index: usize,
    driver: Driver,
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { index, driver } = &*self.inner;
        f.debug_struct("Cuda").field("device", index).field("architecture", &driver.architecture).finish()
    }
}

impl Cuda {
    /// Opens the driver for a device that [`select_device`](crate::select_device) gave.
    ///
    /// # Errors
    /// When the device is the CPU, or the driver's library does not load.
    pub fn open(device: Device) -> Result<Self, CudaError> {
        let Device::Cuda(index) = device else { return Err(CudaError::NotCuda(device)) };
        // libtorch makes its context when it first works on the device.
        let _ = tch::Tensor::zeros([1], (tch::Kind::Float, device));
        Ok(Self { inner: Rc::new(Inner { index, driver: Driver::load(index)? }) })
    }

    /// The device, as libtorch names it.
    pub fn device(&self) -> Device {
        Device::Cuda(self.inner.index)
    }

    /// Major and minor compute capability: `(9, 0)` for an H200.
    pub fn architecture(&self) -> (i32, i32) {
        self.inner.driver.architecture
    }

    fn driver(&self) -> Driver {
        self.inner.driver
    }
}

/// Opens the first of `names` that loads, or gives the error of the first.
fn library(names: &[&'static str]) -> Result<Library, CudaError> {
    let mut first = None;
    for &name in names {
        #[expect(unsafe_code, reason = "the library's initialisers run; they are CUDA's")]
        match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => return Ok(library),
            Err(source) => first = first.or(Some(CudaError::NotLoadable { library: name, source })),
        }
    }
    Err(first.expect("there is at least one name"))
}
