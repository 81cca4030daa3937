//! CUDA graphs: work that is recorded once and enqueued as a whole, many times.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::driver::{Driver, call};
use super::{Cuda, CudaError, Stream};

/// `CU_STREAM_NON_BLOCKING`: it does not wait for the default stream, which cannot be captured.
const NON_BLOCKING: u32 = 1;
/// `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: other threads may go on using CUDA meanwhile.
const THREAD_LOCAL: i32 = 1;

/// Recorded work. It reads and writes the memory that it was recorded with, so that memory must stay where it is.
pub struct Graph {
    driver: Driver,
    executable: *mut c_void,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").finish_non_exhaustive()
    }
}

impl Cuda {
    /// Records what `work` enqueues on the stream that it is given; nothing of it runs. `work` uses kernels and matrix
    /// products of this crate alone: operations of libtorch would allocate memory, and not on that stream.
    ///
    /// # Errors
    /// When the driver refuses to record or to prepare the graph.
    pub fn record(&self, work: impl FnOnce(Stream)) -> Result<Graph, CudaError> {
        let driver = self.driver();
        let mut handle = null_mut();
        call!(driver, create_stream(&raw mut handle, NON_BLOCKING))?;
        call!(driver, begin_capture(handle, THREAD_LOCAL))?;
        work(Stream { handle });
        let (mut graph, mut executable) = (null_mut(), null_mut());
        call!(driver, end_capture(handle, &raw mut graph))?;
        let instantiated = call!(driver, instantiate_graph(&raw mut executable, graph, 0));
        call!(driver, destroy_graph(graph))?;
        instantiated?;
        Ok(Graph { driver, executable })
    }
}

impl Graph {
    /// Enqueues the recorded work.
    ///
    /// # Panics
    /// If the driver refuses, as operations of tch do.
    pub fn launch(&self, stream: Stream) {
        call!(self.driver, launch_graph(self.executable, stream.handle))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and the process loses no more than some memory.
        let _ = call!(self.driver, destroy_executable(self.executable));
    }
}
