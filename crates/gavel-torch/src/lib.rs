//! What tch lacks, behind a safe API: choosing a device, loading CUDA on demand, memory statistics.

mod device;
mod memory;

pub use device::{DeviceChoice, Error, select_device};
pub use memory::{MemoryStatistics, memory_statistics, reset_peak_memory};
