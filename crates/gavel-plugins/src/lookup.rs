//! Finds the file behind a plugin's name.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use gavel_files::{closest, sha256};

use crate::error::PluginError;
use crate::first_party::FirstParty;
use crate::limits::LimitSettings;
use crate::lock::Promise;
use crate::manifest::{MANIFEST, Manifest};
use crate::watched::WatchedFiles;

/// A plugin that has been found, not yet loaded.
///
/// What finds or reads one is given a [`WatchedFiles`], which learns where was looked: what is not there may come to be.
#[derive(Debug, Clone)]
pub struct FoundPlugin {
    /// Where it is.
    pub origin: Origin,
    /// The manifest of its folder, if it has one.
    pub manifest: Option<Manifest>,
    /// What a lock says that the file is.
    promise: Option<Promise>,
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
    pub fn in_folder(folder: &Path, files: &WatchedFiles) -> Result<Self, PluginError> {
        if let Some(promise) = Promise::of_folder(folder, files)? {
            return Self::promised(promise, files);
        }
        let manifest = Manifest::read(folder, files)?;
        let entry = folder.join(&manifest.entry);
        let (origin, promise) = match FirstParty::named(&manifest.name) {
            _ if files.has(&entry) => {
                // Another plugin's file may be locked, whoever's manifest leads there.
                let promise = Promise::of_file(&entry, files)?;
                (Origin::File(entry), promise)
            }
            Some(plugin) => (Origin::FirstParty(plugin), None),
            None => return Err(PluginError::NotBuilt { entry }),
        };
        Ok(Self { origin, manifest: Some(manifest), promise })
    }

    /// What a lock says that there is, if it is there: the file where it says, the manifest with its digest, and
    /// nothing else of that name. The digest of the file is checked when that is read.
    fn promised(promise: Promise, files: &WatchedFiles) -> Result<Self, PluginError> {
        promise.check_place(files)?;
        let (file, manifest) = (promise.file(), promise.manifest());
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let read = files.has(&manifest).then(|| Manifest::text(folder, files)).transpose()?;
        promise.check_manifest(read.as_deref().map(sha256).as_deref())?;
        let manifest = read.map(|text| Manifest::parse(&manifest, &text)).transpose()?;
        if let Some(manifest) = &manifest {
            promise.check_entry(folder.join(&manifest.entry))?;
        }
        Ok(Self { origin: Origin::File(file), manifest, promise: Some(promise) })
    }

    /// The first-party plugin called `name`.
    ///
    /// # Errors
    /// When its embedded manifest is wrong, which the build's own tests rule out.
    pub fn first_party(name: &str) -> Result<Option<Self>, PluginError> {
        let Some(plugin) = FirstParty::named(name) else { return Ok(None) };
        let file = Path::new("plugins").join(name).join(MANIFEST);
        let manifest = Manifest::parse(&file, plugin.manifest)?;
        Ok(Some(Self { origin: Origin::FirstParty(plugin), manifest: Some(manifest), promise: None }))
    }

    /// The plugin that a reward file in the folder `beside` calls `name`.
    ///
    /// A name with a path separator or ending in `.wasm` is a path, from `beside`: of a file, or of a folder with a
    /// manifest. Any other name is looked for as `NAME.wasm` and `NAME/gavel.toml` in `beside`, then in each folder of
    /// `plugin_path`, then among the first-party plugins.
    ///
    /// # Errors
    /// When there is none, or what is there is wrong.
    pub fn called(
        name: &str,
        beside: &Path,
        plugin_path: &[PathBuf],
        files: &WatchedFiles,
    ) -> Result<Self, PluginError> {
        if name.contains(std::path::is_separator) || name.ends_with(".wasm") {
            return at_path(beside.join(name), files);
        }
        let mut looked = Vec::new();
        for folder in std::iter::once(beside).chain(plugin_path.iter().map(PathBuf::as_path)) {
            match lying(name, folder, files)? {
                Lying::Promised(found) => return Ok(*found),
                Lying::File(file) => return Self::file(file, files),
                Lying::Folder(subfolder) => return Self::in_folder(&subfolder, files),
                Lying::Nowhere(places) => looked.extend(places),
            }
        }
        Self::first_party(name)?.ok_or_else(|| not_found(name, beside, plugin_path, looked))
    }

    /// A file, with its folder's manifest if that names this very file.
    ///
    /// # Errors
    /// When the folder has a manifest that is wrong.
    pub fn file(path: PathBuf, files: &WatchedFiles) -> Result<Self, PluginError> {
        if let Some(promise) = Promise::of_file(&path, files)? {
            return Self::promised(promise, files);
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let has_manifest = files.has(&folder.join(MANIFEST));
        let manifest = if has_manifest { Some(Manifest::read(folder, files)?) } else { None };
        let manifest = manifest.filter(|manifest| folder.join(&manifest.entry) == path);
        Ok(Self { origin: Origin::File(path), manifest, promise: None })
    }

    /// A file without a manifest, as it is or as a lock says.
    pub(crate) fn bare(path: PathBuf, files: &WatchedFiles) -> Result<Self, PluginError> {
        let promise = Promise::of_file(&path, files)?;
        Ok(Self { origin: Origin::File(path), manifest: None, promise })
    }

    /// What messages call it: its path, or its name.
    pub fn shown(&self) -> String {
        match &self.origin {
            Origin::File(path) => path.to_string_lossy().into_owned(),
            Origin::FirstParty(plugin) => plugin.name.to_owned(),
        }
    }

    /// Reads the plugin's file. Nothing is compiled or run that is not what a lock says.
    ///
    /// # Errors
    /// When it cannot be read, is not WebAssembly, or is not what a lock says ([`PluginError::Lock`]).
    pub fn read(&self, files: &WatchedFiles) -> Result<Cow<'static, [u8]>, PluginError> {
        let path = match &self.origin {
            Origin::File(path) => path,
            Origin::FirstParty(plugin) => return Ok(Cow::Borrowed(plugin.wasm)),
        };
        let (wasm, digest) = files.plugin(path)?;
        if let Some(promise) = &self.promise {
            promise.check_file(path, &digest)?;
        }
        Ok(Cow::Owned(wasm))
    }

    /// The limits that its manifest sets.
    pub fn limits(&self) -> LimitSettings {
        self.manifest.as_ref().map(|manifest| manifest.limits).unwrap_or_default()
    }
}

fn not_found(name: &str, beside: &Path, plugin_path: &[PathBuf], looked: Vec<PathBuf>) -> PluginError {
    let folders = std::iter::once(beside).chain(plugin_path.iter().map(PathBuf::as_path));
    let there: Vec<String> = folders.flat_map(names_in).collect();
    let known = there.iter().map(String::as_str).chain(FirstParty::names());
    PluginError::PluginNotFound {
        name: name.to_owned(),
        looked,
        first_party: FirstParty::names(),
        suggestion: closest(name, known).map(str::to_owned),
    }
}

/// The names by which plugins in a folder could be found.
fn names_in(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let plugins = entries.filter(|path| {
        path.extension().is_some_and(|extension| extension == "wasm") || path.join(MANIFEST).is_file()
    });
    plugins.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

/// What has a name in a folder of the plugin path.
pub(crate) enum Lying {
    /// What the folder's lock says.
    Promised(Box<FoundPlugin>),
    /// `NAME.wasm`.
    File(PathBuf),
    /// `NAME`, with a manifest.
    Folder(PathBuf),
    /// Nothing: these are not there.
    Nowhere([PathBuf; 2]),
}

/// Looks for `name` in a folder of the plugin path: its lock decides where that names it.
pub(crate) fn lying(name: &str, folder: &Path, files: &WatchedFiles) -> Result<Lying, PluginError> {
    if let Some(promise) = Promise::of_name(folder, name, files)? {
        return Ok(Lying::Promised(Box::new(FoundPlugin::promised(promise, files)?)));
    }
    let (file, subfolder) = (folder.join(format!("{name}.wasm")), folder.join(name));
    let manifest = subfolder.join(MANIFEST);
    Ok(if files.has(&file) {
        Lying::File(file)
    } else if files.has(&manifest) {
        Lying::Folder(subfolder)
    } else {
        Lying::Nowhere([file, manifest])
    })
}

fn at_path(path: PathBuf, files: &WatchedFiles) -> Result<FoundPlugin, PluginError> {
    if files.has(&path.join(MANIFEST)) || path.is_dir() {
        FoundPlugin::in_folder(&path, files)
    } else if files.has(&path) {
        FoundPlugin::file(path, files)
    } else {
        Err(PluginError::NoSuchFile { path })
    }
}
