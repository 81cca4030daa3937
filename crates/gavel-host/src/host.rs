//! One engine for all plugins: configuration, compiled-code cache, and the thread that keeps time.

use std::path::{Path, PathBuf};

use crate::{HostError, LoadError, Plugin};

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled plugins are kept between runs. `None` compiles each plugin whenever it is loaded.
    ///
    /// Whoever can write here can run code in this process: it must belong to the user alone.
    pub cache_dir: Option<PathBuf>,
    /// How many submissions may be judged at the same time; more wait for their turn. Each slot reserves address
    /// space (a few GiB), not memory.
    pub slots: u32,
    /// The most bytes of memory that any [`Limits`](crate::Limits) can give to one instance.
    pub max_memory: u64,
}

impl Default for HostConfig {
    /// No cache, 64 slots, 4 GiB.
    fn default() -> Self {
        Self { cache_dir: None, slots: 64, max_memory: 4 << 30 }
    }
}

/// Loads plugins. Cheap to clone; every clone is the same host.
#[derive(Debug, Clone)]
pub struct Host {}

impl Host {
    /// Starts a host.
    ///
    /// # Errors
    /// When the engine, its time-keeping thread or the cache folder cannot be set up.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        todo!("{config:?}")
    }

    /// Reads, compiles (or takes from the cache) and checks a plugin.
    ///
    /// # Errors
    /// See [`LoadError`]; the plugin is named by its path.
    pub fn load_file(&self, path: &Path) -> Result<Plugin, LoadError> {
        todo!("{path:?}")
    }

    /// As [`Host::load_file`], from bytes; `name` stands for the path in errors.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, bytes: &[u8], name: &str) -> Result<Plugin, LoadError> {
        todo!("{} {name}", bytes.len())
    }
}
