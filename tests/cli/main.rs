//! What a user of `gavel` sees: stdout, stderr and exit code of the real binary.
//!
//! Snapshots are in `snapshots/`; `INSTA_UPDATE=always cargo test -p gavel-cli --test cli` writes them anew.

mod add_a_reward;
mod adversarial;
mod author;
mod cache;
mod columns;
mod compare;
mod convert;
#[cfg(feature = "train")]
mod data;
#[path = "../../crates/gavel-judge/tests/endpoint/mod.rs"]
mod endpoint;
mod gavel;
mod groups;
#[path = "../attacks/guests.rs"]
mod guests;
mod help;
#[cfg(feature = "train")]
mod hub;
#[cfg(feature = "train")]
#[path = "../../crates/gavel-hub/tests/hub/server.rs"]
#[allow(dead_code, reason = "the rest is for the tests of gavel-hub")]
mod hub_server;
mod inputs;
mod judge;
#[cfg(unix)]
mod machine;
mod measure;
mod mistakes;
mod outputs;
mod pages;
mod plugin;
mod programs;
mod publishing;
#[path = "../../crates/gavel-registry/tests/server/mod.rs"]
mod registry;
mod reload;
mod report;
mod score;
#[cfg(all(unix, feature = "train"))]
mod several_processes;
mod stale;
mod start;
mod store;
mod streaming;
mod toolkit;
#[cfg(unix)]
mod train;
#[cfg(feature = "train")]
mod trainer;
#[cfg(feature = "train")]
mod trainer_advice;
mod writing;
