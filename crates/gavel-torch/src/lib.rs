//! What tch lacks, behind a safe API: choosing a device, loading CUDA on demand, which kernels run, a
//! linear layer with a gradient of its own, memory statistics, and kernels of our own.

mod attention;
pub mod cuda;
mod device;
pub mod kernels;
mod linear;
mod memory;

pub use attention::cudnn_attention_is_enabled;
pub use device::{DeviceChoice, Error, select_device};
pub use linear::master_linear;
pub use memory::{MemoryStatistics, memory_statistics, reset_peak_memory};
