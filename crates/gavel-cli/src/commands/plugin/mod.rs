//! `gavel plugin`: write a plugin, build it, test it, measure it, look at it, share it.

mod adversarial;
mod bench;
mod build;
mod inspect;
mod install;
mod named;
mod new;
mod registry;
mod store;
mod test;

pub(super) use bench::run as bench;
pub(super) use build::run as build;
pub(super) use inspect::run as inspect;
pub(super) use install::run as install;
pub(super) use new::run as new;
pub(super) use registry::{pull, push};
pub(super) use store::{add, list, remove};
pub(super) use test::run as test;
