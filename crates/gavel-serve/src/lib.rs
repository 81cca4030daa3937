//! Rewards over HTTP, as the trainers of others ask for them: one server, one workspace, many rewards.
//!
//! [`Server::bind`] takes an address and loaded rewards, [`Server::run`] answers until it is told to stop, and then
//! finishes what it has accepted. Each trainer's protocol is a module of its own, and all of them go through [`judge`]:
//! there a request finds room or is turned away, and there its work ends when its client has gone.
//!
//! `docs/http-api.md` describes every endpoint.

mod access;
mod app;
mod columns;
mod environment;
mod episodes;
mod error;
mod history;
mod judge;
mod listener;
mod metrics;
mod nemo_gym;
mod openapi;
mod openenv;
mod openrlhf;
mod operators;
mod page;
mod payload;
mod programs;
mod routes;
mod sandbox_fusion;
mod score;
mod server;
mod shared;
mod slime;
mod stats;
mod stream;
mod tasks;

pub use app::{NamedReward, ServeOptions};
pub use programs::Programs;
pub use server::{ServeError, Server, listen};
pub use shared::Process;
pub use tasks::Tasks;
