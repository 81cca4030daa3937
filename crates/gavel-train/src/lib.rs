//! GRPO in Rust: sample, score, compare within the group, step.
//!
//! [`train`](fn@train::train) is the loop, straight down; [`grpo`] is its mathematics, [`settings`] everything that can be set. The
//! trainer is verifier-blind: it hands submissions to a [`Reward`](gavel_verify::Reward) and gets scores back, and
//! cannot tell a plugin from ten lines of Rust. Nothing here prints; whoever calls may watch through
//! [`Progress`](train::Progress).

mod checkpoint;
pub mod data;
mod digests;
mod error;
pub mod eval;
mod files;
pub mod grpo;
pub mod learn;
pub mod metrics;
pub mod optim;
mod ranks;
mod records;
mod rollout;
pub mod run_directory;
mod seeds;
pub mod settings;
mod start;
pub mod task;
pub mod tensorboard;
pub mod train;
pub mod watch;

pub use error::{Action, Fault, TrainError};
pub use files::write_directory_atomically;
pub use ranks::{Moments, Ranks};
pub use rollout::end_tokens;
pub use start::hub_names_of_run;
