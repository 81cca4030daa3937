//! Every test of every part, one after the other.
pub use std::path::Path;
pub fn run(root: &Path) -> anyhow::Result<()> { crate::setup::run(root, &Default::default()) }
