//! Finds the file behind a plugin's name.

use std::path::{Path, PathBuf};

use gavel_host::{Host, LoadError, Plugin};

use crate::error::RewardError;
use crate::files::Files;
use crate::first_party::FirstParty;
use crate::limits::LimitSettings;
use crate::manifest::{MANIFEST, Manifest};
use crate::source::closest;

/// A plugin that has been found, not yet loaded.
#[derive(Debug, Clone)]
pub struct FoundPlugin {
    /// Where it is.
    pub origin: Origin,
    /// The manifest of its folder, if it has one.
    pub manifest: Option<Manifest>,
}

/// Where a plugin comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The gavel binary.
    FirstParty(FirstParty),
}

impl FoundPlugin {
    /// The plugin of a folder: the file that its manifest names or, where that has not been built, the first-party
    /// plugin of the same name.
    ///
    /// # Errors
    /// When there is no manifest, it is wrong, or there is neither.
    pub fn in_folder(folder: &Path) -> Result<Self, RewardError> {
        Self::in_folder_noting(folder, &Files::default())
    }

    /// As [`FoundPlugin::in_folder`]; `files` learns where it looked.
    fn in_folder_noting(folder: &Path, files: &Files) -> Result<Self, RewardError> {
        let manifest = Manifest::read_noting(folder, files)?;
        let entry = folder.join(&manifest.entry);
        let origin = match FirstParty::named(&manifest.name) {
            _ if files.has(&entry) => Origin::File(entry),
            Some(plugin) => Origin::FirstParty(plugin),
            None => return Err(RewardError::NotBuilt { entry }),
        };
        Ok(Self { origin, manifest: Some(manifest) })
    }

    /// The first-party plugin called `name`.
    ///
    /// # Errors
    /// When its embedded manifest is wrong, which the build's own tests rule out.
    pub fn first_party(name: &str) -> Result<Option<Self>, RewardError> {
        let Some(plugin) = FirstParty::named(name) else { return Ok(None) };
        let file = Path::new("plugins").join(name).join(MANIFEST);
        let manifest = Manifest::parse(&file, plugin.manifest)?;
        Ok(Some(Self { origin: Origin::FirstParty(plugin), manifest: Some(manifest) }))
    }

    /// A file, with its folder's manifest if that names this very file.
    ///
    /// # Errors
    /// When the folder has a manifest that is wrong.
    pub fn file(path: PathBuf) -> Result<Self, RewardError> {
        Self::file_noting(path, &Files::default())
    }

    /// As [`FoundPlugin::file`]; `files` learns where it looked.
    fn file_noting(path: PathBuf, files: &Files) -> Result<Self, RewardError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let has_manifest = files.has(&folder.join(MANIFEST));
        let manifest = if has_manifest { Some(Manifest::read_noting(folder, files)?) } else { None };
        let manifest = manifest.filter(|manifest| folder.join(&manifest.entry) == path);
        Ok(Self { origin: Origin::File(path), manifest })
    }

    /// Loads the plugin.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, host: &Host) -> Result<Plugin, LoadError> {
        match &self.origin {
            Origin::File(path) => host.load_file(path),
            Origin::FirstParty(plugin) => host.load(plugin.wasm, plugin.name),
        }
    }

    /// As [`FoundPlugin::load`]; `files` learns what it read.
    pub(crate) fn load_noting(&self, host: &Host, files: &Files) -> Result<Plugin, LoadError> {
        match &self.origin {
            Origin::File(path) => host.load(&files.plugin(path)?, &path.to_string_lossy()),
            Origin::FirstParty(_) => self.load(host),
        }
    }

    /// The limits that its manifest sets.
    pub fn limits(&self) -> LimitSettings {
        self.manifest.as_ref().map(|manifest| manifest.limits).unwrap_or_default()
    }
}

/// Finds the plugin that a reward file in `beside` calls `name`.
///
/// A name with a path separator or ending in `.wasm` is a path, from `beside`: of a file, or of a folder with a
/// manifest. Any other name is looked for as `NAME.wasm` and `NAME/gavel.toml` in `beside`, then in each folder of
/// `plugin_path`, then among the first-party plugins.
///
/// `files` learns where it looked: what is not there may come to be.
pub(crate) fn find(
    name: &str,
    beside: &Path,
    plugin_path: &[PathBuf],
    files: &Files,
) -> Result<FoundPlugin, RewardError> {
    if name.contains(std::path::is_separator) || name.ends_with(".wasm") {
        return at_path(beside.join(name), files);
    }
    let mut looked = Vec::new();
    for folder in std::iter::once(beside).chain(plugin_path.iter().map(PathBuf::as_path)) {
        let file = folder.join(format!("{name}.wasm"));
        if files.has(&file) {
            return FoundPlugin::file_noting(file, files);
        }
        let subfolder = folder.join(name);
        if files.has(&subfolder.join(MANIFEST)) {
            return FoundPlugin::in_folder_noting(&subfolder, files);
        }
        looked.extend([file, subfolder.join(MANIFEST)]);
    }
    FoundPlugin::first_party(name)?.ok_or_else(|| RewardError::PluginNotFound {
        name: name.to_owned(),
        looked,
        first_party: FirstParty::names(),
        suggestion: closest(name, FirstParty::names().into_iter()),
    })
}

fn at_path(path: PathBuf, files: &Files) -> Result<FoundPlugin, RewardError> {
    if files.has(&path.join(MANIFEST)) || path.is_dir() {
        FoundPlugin::in_folder_noting(&path, files)
    } else if files.has(&path) {
        FoundPlugin::file_noting(path, files)
    } else {
        Err(RewardError::NoSuchFile { path })
    }
}
