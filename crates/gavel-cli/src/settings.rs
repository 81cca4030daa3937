//! Settings: what flags, environment and defaults come to. Resolved once, before anything runs.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gavel_host::{Host, HostConfig, Plugin};
use gavel_plugins::{FoundPlugin, WatchedFiles};
use gavel_reward::{RewardError, Secrets, WorkspaceOptions, grant};

use gavel_registry::Login;
use gavel_toolkit::Tools;

use crate::cli::{CacheArgs, GrantArgs, PluginArgs, PluginPathArgs, ToolsArgs};

/// The variable that says how libtorch's threads wait for each other: `active`, which spins, or `passive`.
pub const OPENMP_WAITING: &str = "OMP_WAIT_POLICY";

/// Whether the user has chosen how libtorch's threads wait.
pub fn openmp_waiting_is_chosen() -> bool {
    std::env::var_os(OPENMP_WAITING).is_some()
}

impl CacheArgs {
    /// The folder for compiled plugins: the flag or `GAVEL_CACHE_DIR`, else the user's own.
    ///
    /// `None`, which means no cache, where there is neither. A folder that was asked for is not made here: the host says
    /// what is wrong with it.
    pub fn folder(&self) -> Option<PathBuf> {
        let folder = self.cache_dir.clone().or_else(own_cache);
        if folder.is_none() {
            tracing::warn!(
                "compiled plugins are not kept: this user has no folder for them, and none can be made"
            );
        }
        folder
    }

    /// Where compiled plugins are kept that the folder cannot take: one that was named may be root's, as in an image.
    pub fn fallback(&self) -> Option<PathBuf> {
        self.cache_dir.as_ref().and_then(|_| own_cache())
    }

    /// The most bytes that compiled plugins take: the flag or `GAVEL_CACHE_SIZE`, else the host's default.
    pub fn size(&self) -> u64 {
        self.cache_size.map_or_else(|| HostConfig::default().cache_size, |size| size.as_u64())
    }

    /// A host with this cache, to look at plugins with. A cache that cannot be used is said, and no reason not to start.
    ///
    /// # Errors
    /// When the engine cannot start.
    pub fn start_host(&self) -> anyhow::Result<Host> {
        self.host(false, 1)
    }

    /// As [`CacheArgs::start_host`], for so many threads.
    ///
    /// # Errors
    /// When the engine cannot start, or there are more threads than it takes.
    pub fn start_host_for(&self, threads: usize) -> anyhow::Result<Host> {
        self.host(false, u32::try_from(threads)?)
    }

    /// As [`CacheArgs::start_host`], for the authors of plugins: what a plugin writes is kept.
    ///
    /// # Errors
    /// When the engine cannot start.
    pub fn start_host_for_authors(&self) -> anyhow::Result<Host> {
        self.host(true, 1)
    }

    fn host(&self, for_authors: bool, slots: u32) -> anyhow::Result<Host> {
        let host = Host::new(HostConfig {
            cache_dir: self.folder(),
            cache_fallback_dir: self.fallback(),
            cache_size: self.size(),
            slots,
            for_authors,
            ..HostConfig::default()
        })?;
        host.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(host)
    }
}

impl PluginPathArgs {
    /// The folders to look for plugins in: those that were named, then the user's own, if it is there.
    pub fn resolve(&self) -> Vec<PathBuf> {
        let named = self.plugin_path.iter().filter(|folder| !folder.as_os_str().is_empty()).cloned();
        named.chain(user_plugins().filter(|folder| folder.is_dir())).collect()
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
    /// When it asks for more, or an interpreter cannot be had; see [`grant`].
    pub fn apply(
        &self,
        found: &FoundPlugin,
        plugin: Plugin,
        host: &Host,
        folder: &Path,
    ) -> Result<Plugin, RewardError> {
        let mut folders = vec![folder.to_owned()];
        folders.extend(self.path.resolve());
        grant(found, plugin, host, &self.grant, &folders, &WatchedFiles::default())
    }
}

impl PluginArgs {
    /// What to load a reward file with.
    pub fn resolve(self) -> WorkspaceOptions {
        let defaults = WorkspaceOptions::default();
        WorkspaceOptions {
            workers: self.jobs.unwrap_or(defaults.workers),
            room: defaults.room,
            plugin_path: self.path.resolve(),
            cache_dir: self.cache.folder(),
            cache_fallback_dir: self.cache.fallback(),
            cache_size: self.cache.size(),
            traps: defaults.traps,
            for_authors: false,
            verdict_cache: self.verdict_cache.map_or(defaults.verdict_cache, |size| size.as_u64()),
            secrets: Secrets::new(|name| std::env::var(name).ok()),
            replay: false,
        }
    }
}

/// Creates a folder for the user alone, whatever the umask: a host refuses a cache that others can write to.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The folders that `gavel plugin list` shows and `remove` takes from.
pub fn plugin_folders(path: &PluginPathArgs) -> Vec<PathBuf> {
    path.resolve()
}

/// The folder that `gavel plugin add` puts plugins into: the first of the plugin path, else the user's own.
///
/// # Errors
/// When no folder is named and the user has no home.
pub fn plugin_folder(path: &PluginPathArgs) -> anyhow::Result<PathBuf> {
    let named = path.plugin_path.iter().find(|folder| !folder.as_os_str().is_empty()).cloned();
    let none =
        "there is no home folder to put plugins into; name one with --plugin-path or GAVEL_PLUGIN_PATH";
    named.or_else(user_plugins).context(none)
}

/// Where a user's plugins lie, by the XDG base directory specification.
fn user_plugins() -> Option<PathBuf> {
    user_folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("gavel/plugins"))
}

/// The login that `docker login` has kept for a registry; anonymous where there is none, or no configuration of Docker's
/// that can be opened.
///
/// # Errors
/// When the configuration is not what Docker writes, or its credential helper fails.
pub fn docker_login(host: &str) -> anyhow::Result<Login> {
    use docker_credential::{CredentialRetrievalError as Error, DockerCredential};
    // Docker Hub is kept under a name of its own.
    let host = if host == "docker.io" { "https://index.docker.io/v1/" } else { host };
    match docker_credential::get_credential(host) {
        Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Login::Password(user, password)),
        Ok(DockerCredential::IdentityToken(token)) => Ok(Login::Token(token)),
        Err(Error::ConfigNotFound | Error::ConfigReadError | Error::NoCredentialConfigured) => {
            Ok(Login::Anonymous)
        }
        Err(error) => Err(error.into()),
    }
}

/// The user's own folder for compiled plugins; `None` where it is not there and cannot be made, as in a container
/// without a home.
fn own_cache() -> Option<PathBuf> {
    let folder = user_folder("XDG_CACHE_HOME", ".cache")?.join("gavel");
    match create_private(&folder) {
        Ok(()) => Some(folder),
        Err(error) => {
            tracing::info!("cannot create {}: {error}", folder.display());
            None
        }
    }
}

/// A folder of the user's, by the XDG base directory specification.
fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = std::env::var_os(variable).map(PathBuf::from).and_then(absolute);
    named.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(below_home)))
}

/// How the Hugging Face hub is asked, by the variables of its own programs: `HF_ENDPOINT`, `HF_HUB_CACHE` or `HF_HOME`,
/// `HF_TOKEN` or what `hf auth login` has kept, `HF_HUB_OFFLINE`.
///
/// # Errors
/// When there is no folder for its cache.
#[cfg(feature = "train")]
pub fn hub_options(quiet: bool) -> anyhow::Result<gavel_hub::HubOptions> {
    let text = |name: &str| {
        std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let path = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let is_set = |name: &str| {
        text(name)
            .is_some_and(|value| ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str()))
    };
    let home = path("HF_HOME")
        .or_else(|| user_folder("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("huggingface")));
    let no_cache = "there is no home folder to keep what is fetched from the hub in; name one with HF_HOME";
    let cache =
        path("HF_HUB_CACHE").or_else(|| home.as_ref().map(|home| home.join("hub"))).context(no_cache)?;
    let kept = path("HF_TOKEN_PATH").or_else(|| home.map(|home| home.join("token")));
    let token = text("HF_TOKEN").or_else(|| {
        let token = std::fs::read_to_string(kept?).ok()?;
        Some(token.trim().to_owned()).filter(|token| !token.is_empty())
    });
    Ok(gavel_hub::HubOptions {
        endpoint: text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned()),
        cache,
        token: token.filter(|_| !is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN")),
        offline: is_set("HF_HUB_OFFLINE"),
        progress: !quiet,
    })
}
