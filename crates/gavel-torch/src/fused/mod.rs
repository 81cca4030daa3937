//! The parts of a transformer's training step that are no matrix products, forward and backward.
//!
//! Each is written in plain tensor operations, which any device runs, and has a kernel of its own for bf16 on CUDA that
//! computes the same in one pass over memory.

mod kernels;
mod merge;
mod norm;
mod rotary;
mod scores;
mod swiglu;

pub use merge::merge_attention;
pub use norm::{Normalised, add_rms_norm, rms_norm_backward};
pub use rotary::{Direction, Rotation};
pub use scores::{ByScores, Scores, score, score_backward};
pub use swiglu::{swiglu, swiglu_backward};

#[cfg(test)]
mod tests;
