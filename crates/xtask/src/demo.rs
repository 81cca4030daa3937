//! The demo: R1-Zero in miniature. It runs the public commands of gavel, in the order in which a user would.
pub use std::path::Path;
#[derive(clap::Args)]
pub struct Args {}
pub fn run(_root: &Path, _args: &Args) -> anyhow::Result<()> { anyhow::bail!("soon") }
