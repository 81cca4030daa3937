//! How much memory the engine's kernels take, by the rules by which [`Kernels`](super::Kernels) allocate.

use gavel_torch::kernels::decode::{PAGE, SPLIT};
use gavel_torch::kernels::sample::row_of_logits;

use super::decoder::{Size, shape_of};
use crate::Config;
use crate::engine::Room;
use crate::memory::SamplingMemory;

/// What libraries of matrix products work in.
const OF_PRODUCTS: u64 = gavel_torch::cuda::WORKSPACE as u64;

/// Of an engine with this room.
pub(in crate::engine) fn memory(config: &Config, room: Room) -> SamplingMemory {
    let (size, shape) = (Size::of(room), shape_of(config));
    let tokens = (size.pages * PAGE) as u64;
    let wide = 2 * shape.hidden + shape.projected() + shape.attended() + 3 * shape.intermediate;
    let rows = size.rows * wide;
    let logits = size.drawn * row_of_logits(config.vocab_size);
    let splits = (size.tokens + SPLIT - 1) / SPLIT;
    let partial = if splits > 1 { size.rows * splits * shape.heads * (shape.head_dim + 2) } else { 0 };
    SamplingMemory {
        cache: tokens * config.cache_numbers() * 2,
        working: (rows + logits) as u64 * 2 + partial as u64 * 4 + OF_PRODUCTS,
    }
}
