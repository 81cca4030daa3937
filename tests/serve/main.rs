//! `gavel serve`: the real binary on a free port, asked by a real HTTP client as trainers ask.

#![cfg(unix)]

mod bad_input;
#[path = "../../crates/gavel-judge/tests/endpoint/mod.rs"]
mod endpoint;
mod judge;
mod life;
mod openenv;
mod page;
mod pages;
mod processes;
mod protocols;
mod sandbox;
mod score;
mod server;

/// A reward of one verifier.
const MATH: &str = "[verifiers.accuracy]\nplugin = 'math'\n[verifiers.accuracy.options]\norder = ['boxed']\n";

const FORMAT: &str = "[verifiers.format]\nplugin = 'format'\n";
