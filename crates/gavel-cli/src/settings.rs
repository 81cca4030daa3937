//! Settings: what flags, environment and defaults come to. Resolved once, before anything runs.

use std::path::{Path, PathBuf};

use gavel_host::{Host, Plugin};
use gavel_reward::{FoundPlugin, LoadOptions, RewardError};

use gavel_toolkit::Tools;

use crate::cli::{CacheArgs, GrantArgs, PluginArgs, PluginPathArgs, ToolsArgs};

/// The variable that says how libtorch's threads wait for each other: `active`, which spins, or `passive`.
pub const OPENMP_WAITING: &str = "OMP_WAIT_POLICY";

/// Whether the user has chosen how libtorch's threads wait.
pub fn openmp_waiting_is_chosen() -> bool {
    std::env::var_os(OPENMP_WAITING).is_some()
}

impl CacheArgs {
    /// The folder for compiled plugins: the flag or `GAVEL_CACHE_DIR`, else `gavel` in the user's cache folder.
    ///
    /// `None`, which means no cache, where there is no such folder and none can be made, as in a container without
    /// a home. A folder that was asked for is not made here: that it cannot be made is an error to report.
    pub fn resolve(&self) -> Option<PathBuf> {
        if let Some(folder) = &self.cache_dir {
            return Some(folder.clone());
        }
        let folder = user_cache()?.join("gavel");
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Some(folder),
            Err(error) => {
                tracing::info!("compiled plugins are not kept: cannot create {}: {error}", folder.display());
                None
            }
        }
    }
}

impl PluginPathArgs {
    /// The folders to look for plugins in.
    pub fn resolve(&self) -> Vec<PathBuf> {
        self.plugin_path.iter().filter(|folder| !folder.as_os_str().is_empty()).cloned().collect()
    }
}

impl ToolsArgs {
    /// The tools to build the plugin of `folder` with.
    pub fn resolve(&self, folder: &Path) -> Tools {
        self.tools_dir.as_ref().map_or_else(|| Tools::near(folder), Tools::in_folder)
    }
}

impl GrantArgs {
    /// Gives a plugin, found in `folder`, what it asks for and was granted.
    ///
    /// # Errors
    /// When it asks for more, or an interpreter cannot be had; see [`FoundPlugin::grant`].
    pub fn apply(
        &self,
        found: &FoundPlugin,
        plugin: Plugin,
        host: &Host,
        folder: &Path,
    ) -> Result<Plugin, RewardError> {
        let mut folders = vec![folder.to_owned()];
        folders.extend(self.path.resolve());
        found.grant(plugin, host, &self.grant, &folders)
    }
}

impl PluginArgs {
    /// What to load a reward file with.
    pub fn resolve(self) -> LoadOptions {
        let defaults = LoadOptions::default();
        LoadOptions {
            jobs: self.jobs.unwrap_or(defaults.jobs),
            plugin_path: self.path.resolve(),
            cache_dir: self.cache.resolve(),
        }
    }
}

/// The user's cache folder, by the XDG base directory specification.
fn user_cache() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    named.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".cache")))
}
