//! Hostile plugins: each must end in exactly the outcome that its attack deserves, and harm nobody after it.

mod commands;
mod components;
mod determinism;
mod files;
mod interpreters;
mod loading;
mod programs;
mod world;
