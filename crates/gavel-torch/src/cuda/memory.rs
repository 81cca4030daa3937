//! Memory of the host that the device reads and writes by itself, and events that say how far it has come.

use std::ffi::c_void;
use std::ptr::null_mut;

use tch::Tensor;

use super::driver::{Driver, call};
use super::{Cuda, CudaError, Stream};

/// An array in pinned memory of the host.
///
/// Copies to and from it are enqueued and return at once; looking at it waits until they are over.
pub struct Pinned<T> {
    driver: Driver,
    /// Behind the last copy.
    copied: Event,
    data: *mut T,
    length: usize,
}

impl<T> std::fmt::Debug for Pinned<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pinned").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Cuda {
    /// A pinned array of `length` zeros.
    ///
    /// # Errors
    /// When the memory is not to be had.
    pub fn pinned<T: Copy + Default>(&self, length: usize) -> Result<Pinned<T>, CudaError> {
        let driver = self.driver();
        let mut data = null_mut::<c_void>();
        call!(driver, allocate_pinned(&raw mut data, (length * size_of::<T>()).max(1), 0))?;
        let data = data.cast::<T>();
        for index in 0..length {
            #[expect(unsafe_code, reason = "within what was just allocated, which is aligned to a page")]
            unsafe {
                data.add(index).write(T::default());
            }
        }
        Ok(Pinned { driver, copied: self.event()?, data, length })
    }

    /// A new event.
    ///
    /// # Errors
    /// When the driver has none.
    pub fn event(&self) -> Result<Event, CudaError> {
        let driver = self.driver();
        let mut handle = null_mut();
        call!(driver, create_event(&raw mut handle, 0))?;
        Ok(Event { driver, handle })
    }
}

impl<T: Copy> Pinned<T> {
    /// What is in it, once the last copy is over.
    ///
    /// # Panics
    /// If something that was enqueued before the copy failed.
    pub fn as_slice(&self) -> &[T] {
        self.copied.wait();
        #[expect(
            unsafe_code,
            reason = "all elements were written when it was made, and no copy is under way"
        )]
        unsafe {
            std::slice::from_raw_parts(self.data, self.length)
        }
    }

    /// The same, to write.
    ///
    /// # Panics
    /// If something that was enqueued before the copy failed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.copied.wait();
        #[expect(
            unsafe_code,
            reason = "all elements were written when it was made, and no copy is under way"
        )]
        unsafe {
            std::slice::from_raw_parts_mut(self.data, self.length)
        }
    }

    /// Enqueues a copy of the first `count` elements into the beginning of a contiguous `tensor` on the device.
    ///
    /// # Panics
    /// If the tensor or the array is smaller.
    pub fn copy_to(&mut self, tensor: &Tensor, count: usize, stream: Stream) {
        let bytes = self.checked_bytes(tensor, count);
        call!(self.driver, copy_to_device(tensor.data_ptr() as u64, self.data.cast(), bytes, stream.handle))
            .unwrap_or_else(|error| panic!("{error}"));
        self.copied.record(stream);
    }

    /// Enqueues a copy of the beginning of a contiguous `tensor` on the device into everything.
    ///
    /// # Panics
    /// If the tensor is smaller.
    pub fn copy_from(&mut self, tensor: &Tensor, stream: Stream) {
        let bytes = self.checked_bytes(tensor, self.length);
        call!(self.driver, copy_to_host(self.data.cast(), tensor.data_ptr() as u64, bytes, stream.handle))
            .unwrap_or_else(|error| panic!("{error}"));
        self.copied.record(stream);
    }

    fn checked_bytes(&self, tensor: &Tensor, count: usize) -> usize {
        assert!(count <= self.length, "{count} elements of {}", self.length);
        let bytes = count * size_of::<T>();
        assert!(tensor.device().is_cuda() && tensor.is_contiguous(), "a contiguous tensor of the device");
        assert!(bytes <= tensor.numel() * tensor.kind().elt_size_in_bytes(), "the tensor is large enough");
        bytes
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and the process loses no more than some memory.
        let _ = call!(self.driver, synchronize_event(self.copied.handle));
        let _ = call!(self.driver, free_pinned(self.data.cast()));
    }
}

/// A mark in a stream.
pub struct Event {
    driver: Driver,
    handle: *mut c_void,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}

impl Event {
    /// Sets the mark behind what is in the stream now.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn record(&self, stream: Stream) {
        call!(self.driver, record_event(self.handle, stream.handle))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until everything before the mark has run.
    ///
    /// # Panics
    /// If something of it failed.
    pub fn wait(&self) {
        call!(self.driver, synchronize_event(self.handle)).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Milliseconds on the device from `earlier` to this event; both have been waited for.
    ///
    /// # Panics
    /// If one of them was not recorded.
    pub fn milliseconds_since(&self, earlier: &Self) -> f64 {
        let mut milliseconds = 0.0_f32;
        call!(self.driver, elapsed(&raw mut milliseconds, earlier.handle, self.handle))
            .unwrap_or_else(|error| panic!("{error}"));
        f64::from(milliseconds)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and the process loses no more than some memory.
        let _ = call!(self.driver, destroy_event(self.handle));
    }
}
