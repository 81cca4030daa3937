//! Processes that compute together, by PyTorch's own c10d: its store, over which they find each other, and its process
//! groups, Gloo for what lies on CPUs and NCCL for CUDA.
//!
//! A process is a rank, as in `torch.distributed`. Every operation is to be called by all ranks, in the same order; before
//! anything travels they compare what they are about to do, because c10d does not, and ends a process where lengths differ.
//! Nothing waits without end: an operation fails after [`Timeouts::operation`], and at once where a rank has ended.

mod buckets;
mod connect;
mod error;
mod failure;
mod ffi;
mod group;
mod nccl;
mod rendezvous;

pub use error::Error;
pub use group::{ProcessGroup, Reduction, Timeouts};
pub use rendezvous::{Rendezvous, Store};
