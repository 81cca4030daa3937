//! The command line: what `gavel` is made of, and what `gavel-train` shares with it.
//!
//! Definitions ([`cli`]) stand apart from what they start ([`commands`]). Flags, environment and defaults become
//! settings once, in [`settings`]; nothing else reads the environment.

pub mod adversarial;
pub mod cases;
pub mod cli;
pub mod columns;
pub mod commands;
pub mod exit;
pub mod interrupts;
pub mod logging;
pub mod outputs;
pub mod rows;
pub mod settings;
pub mod stale;
pub mod terminal;
pub mod written;
