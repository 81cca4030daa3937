//! What lies in a folder of the plugin path.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::read;
use crate::error::PluginError;
use crate::error::with_causes;
use crate::lock::{LOCK, Lock, LockError, Locked};
use crate::lookup::{FoundPlugin, Lying, Origin, lying};
use crate::manifest::MANIFEST;
use crate::watched::WatchedFiles;
use gavel_files::sha256;

/// A plugin in a folder of the plugin path, as it is found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What reward files call it.
    pub name: String,
    /// Its version; empty where nobody says.
    pub version: String,
    /// sha256 of its file; empty where there is none.
    pub digest: String,
    /// Bytes of its file.
    pub size: u64,
    /// Whether it is as it was added.
    pub state: State,
    /// Where it came from, or where it lies.
    pub source: String,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// Whether a plugin is as it was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Locked,
    /// Its file is, and the lock, of a gavel of before, does not say what manifest it had.
    OldLock,
    /// Its file, or its manifest, is another, or something else has its name.
    Changed,
    /// A file that was added has gone.
    Missing,
    /// It lies there without having been added.
    Loose,
    /// Its manifest, or the lock, cannot be read.
    Broken,
}

/// The plugins of a folder: those of its lock, then those that merely lie there. What is broken is an entry too.
pub fn entries(folder: &Path) -> Vec<Entry> {
    let (lock, broken) = match Lock::read(folder) {
        Ok(lock) => (lock, None),
        Err(error) => (Lock::default(), Some(Entry::broken(LOCK, &folder.join(LOCK), &error))),
    };
    let locked = lock.plugins.iter().map(|(name, locked)| Entry::locked(folder, name, locked));
    let loose = names(folder).into_iter().filter(|name| !lock.plugins.contains_key(name));
    let loose = loose.filter_map(|name| Entry::loose(folder, &name));
    broken.into_iter().chain(locked).chain(loose).collect()
}

impl Entry {
    fn locked(folder: &Path, name: &str, locked: &Locked) -> Self {
        let mut entry = Self {
            name: name.to_owned(),
            version: locked.version.clone(),
            digest: String::new(),
            size: 0,
            state: State::Locked,
            source: locked.source.clone(),
            problem: None,
        };
        if let Ok(Some(content)) = read(&folder.join(&locked.file)) {
            (entry.digest, entry.size) = (sha256(&content), content.len() as u64);
        }
        let files = WatchedFiles::default();
        let checked = lying(name, folder, &files).and_then(|lying| match lying {
            Lying::Promised(found) => found.read(&files).map(drop),
            _ => Ok(()),
        });
        entry.state = match &checked {
            Ok(()) if locked.manifest_digest.is_none() => State::OldLock,
            Ok(()) => State::Locked,
            Err(PluginError::Lock(LockError::Missing { .. })) => State::Missing,
            Err(PluginError::Lock(_)) => State::Changed,
            Err(_) => State::Broken,
        };
        entry.problem = checked.err().map(|error| with_causes(&error));
        entry
    }

    /// What lookup would find under a name that the lock does not have; `None` for what has not been built.
    fn loose(folder: &Path, name: &str) -> Option<Self> {
        let files = WatchedFiles::default();
        let manifest = folder.join(name).join(MANIFEST);
        let found = match lying(name, folder, &files) {
            Ok(Lying::File(file)) => FoundPlugin::bare(file, &files),
            Ok(Lying::Folder(subfolder)) => FoundPlugin::in_folder(&subfolder, &files),
            Ok(_) => return None,
            Err(error) => Err(error),
        };
        let read = found.and_then(|found| Ok((found.read(&files)?, found)));
        match read {
            Ok((_, FoundPlugin { origin: Origin::FirstParty(_), .. })) => None,
            Ok((content, found)) => Some(Self {
                name: name.to_owned(),
                version: found.manifest.as_ref().map(|manifest| manifest.version.clone()).unwrap_or_default(),
                digest: sha256(&content),
                size: content.len() as u64,
                state: State::Loose,
                source: found.shown(),
                problem: None,
            }),
            Err(PluginError::NotBuilt { .. }) => None,
            Err(error) => Some(Self::broken(name, &manifest, &error)),
        }
    }

    fn broken(name: &str, place: &Path, error: &PluginError) -> Self {
        Self {
            name: name.to_owned(),
            version: String::new(),
            digest: String::new(),
            size: 0,
            state: State::Broken,
            source: place.display().to_string(),
            problem: Some(with_causes(error)),
        }
    }
}

impl State {
    /// As `gavel plugin list` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::OldLock => "old lock",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Loose => "not locked",
            Self::Broken => "broken",
        }
    }
}

/// The names under which lookup might find something in a folder, in alphabetical order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let name = |path: PathBuf| {
        let is_wasm = path.extension().is_some_and(|extension| extension == "wasm");
        let name = if path.is_dir() { path.file_name() } else { path.file_stem().filter(|_| is_wasm) };
        name.and_then(|name| name.to_str()).map(str::to_owned)
    };
    let names: BTreeSet<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.into_iter().collect()
}
