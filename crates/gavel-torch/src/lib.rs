//! What tch lacks, behind a safe API: choosing a device, loading CUDA on demand, which kernels run, operations with a
//! gradient of their own, attention over packed sequences, the optimiser, memory statistics, kernels of our own, and
//! processes that compute together.

mod attention;
mod autograd;
pub mod cuda;
mod device;
pub mod distributed;
mod flash;
pub mod fused;
pub mod kernels;
mod linear;
mod low_rank;
mod memory;
mod message;
pub mod optim;

pub use attention::cudnn_attention_is_enabled;
pub use autograd::{ByInputs, ByOutputs, backward_from, clear_gradient, differentiable, set_gradient};
pub use device::{DeviceChoice, Error, select_device, select_device_of_rank};
pub use flash::{Attended, SequenceBounds, flash_attention, flash_attention_backward};
pub use linear::{KeptParameter, Parameter, add_gradient, linear, only, product_gradient};
pub use low_rank::{LowRank, merge};
pub use memory::{MemoryStatistics, device_memory, memory_statistics, reset_peak_memory};
