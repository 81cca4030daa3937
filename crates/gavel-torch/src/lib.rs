//! What tch lacks, behind a safe API: choosing a device, loading CUDA on demand, kernels, memory statistics.

mod attention;
mod device;
mod memory;

pub use attention::cudnn_attention_is_enabled;
pub use device::{DeviceChoice, Error, select_device};
pub use memory::{MemoryStatistics, memory_statistics, reset_peak_memory};
