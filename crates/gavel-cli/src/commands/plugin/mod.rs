//! `gavel plugin`: look at a plugin, test it, measure it.

mod bench;
mod inspect;
mod test;

pub(super) use bench::run as bench;
pub(super) use inspect::run as inspect;
pub(super) use test::run as test;
