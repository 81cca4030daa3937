//! How much device memory torch's caching allocator holds and has held.

use tch::Device;

/// Bytes, as torch's caching allocator counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStatistics {
    /// Held by tensors now.
    pub allocated: u64,
    /// The most held by tensors since the start, or since [`reset_peak_memory`].
    pub peak_allocated: u64,
    /// The most taken from the driver since the start, or since [`reset_peak_memory`].
    pub peak_reserved: u64,
}

/// The memory statistics of a CUDA device that was selected before; `None` for the CPU, which counts none.
pub fn memory_statistics(device: Device) -> Option<MemoryStatistics> {
    let Device::Cuda(index) = device else { return None };
    let mut bytes = [0_i64; 3];
    #[expect(unsafe_code, reason = "writes three numbers into an array of three and keeps no pointer")]
    let known = unsafe { ffi::gavel_memory_statistics(i8::try_from(index).ok()?, bytes.as_mut_ptr()) };
    let [allocated, peak_allocated, peak_reserved] = bytes.map(i64::unsigned_abs);
    known.then_some(MemoryStatistics { allocated, peak_allocated, peak_reserved })
}

/// All memory of a CUDA device that was selected before, in bytes; `None` for the CPU, and where the driver does not say.
pub fn device_memory(device: Device) -> Option<u64> {
    let Device::Cuda(index) = device else { return None };
    let mut bytes = 0_i64;
    #[expect(unsafe_code, reason = "writes one number and keeps no pointer")]
    let known = unsafe { ffi::gavel_device_memory(i8::try_from(index).ok()?, &raw mut bytes) };
    known.then_some(bytes.unsigned_abs())
}

/// Starts the peaks of a CUDA device anew from what is held now; nothing happens for other devices.
pub fn reset_peak_memory(device: Device) {
    let Device::Cuda(index) = device else { return };
    let Ok(index) = i8::try_from(index) else { return };
    #[expect(unsafe_code, reason = "takes a plain number; an unknown device is ignored on the other side")]
    unsafe {
        ffi::gavel_reset_peak_memory(index);
    }
}

mod ffi {
    #[expect(unsafe_code, reason = "declares what src/memory.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_memory_statistics(device: i8, bytes: *mut i64) -> bool;
        pub(super) fn gavel_device_memory(device: i8, bytes: *mut i64) -> bool;
        pub(super) fn gavel_reset_peak_memory(device: i8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_counts_no_memory() {
        assert_eq!(memory_statistics(Device::Cpu), None);
        assert_eq!(device_memory(Device::Cpu), None);
        reset_peak_memory(Device::Cpu);
    }

    #[test]
    fn a_device_that_was_never_selected_counts_no_memory() {
        assert_eq!(memory_statistics(Device::Cuda(100)), None);
        assert_eq!(device_memory(Device::Cuda(100)), None);
        reset_peak_memory(Device::Cuda(100));
    }
}
