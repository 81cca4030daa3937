//! GRPO in Rust: sample, score, compare within the group, step.

pub mod countdown;
pub mod grpo;
pub mod optim;
pub mod report;
pub mod tensorboard;
