//! What a folder of the plugin path holds: plugins are added, taken away and listed. Only what was put there is ever
//! written over or removed, and nothing outside of the folder.

mod entries;
mod error;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gavel_files::bounded::{self, LARGEST_TEXT};
use gavel_files::{sha256, whole_file};

pub use entries::{Entry, State, entries};
pub use error::StoreError;

use crate::lock::{LOCK, Lock, Locked, is_plugin_name};
use crate::manifest::{MANIFEST, Manifest};
use crate::watched::LARGEST_PLUGIN;

/// A plugin that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What reward files will call it, and the name of its folder.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The `.wasm` file.
    pub wasm: Vec<u8>,
    /// The text of its `gavel.toml`, whose entry is `NAME.wasm`.
    pub manifest: String,
    /// Where it comes from.
    pub source: String,
}

/// What came of adding a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// What the lock said before.
    pub before: Option<Locked>,
    /// What it says now.
    pub now: Locked,
    /// The files that were written over.
    pub replaced: Vec<PathBuf>,
}

/// Puts a plugin into a folder of the plugin path, and into its lock. With `force`, it takes the place of another, or of
/// what lies there under its name, but never that of a plugin's sources.
///
/// # Errors
/// See [`StoreError`].
pub fn add(folder: &Path, candidate: &Candidate, force: bool) -> Result<Added, StoreError> {
    let name = &candidate.name;
    if !is_plugin_name(name) {
        return Err(StoreError::Name { name: name.clone() });
    }
    let now = Locked {
        version: candidate.version.clone(),
        file: Path::new(name).join(format!("{name}.wasm")),
        digest: sha256(&candidate.wasm),
        manifest_digest: Some(sha256(&candidate.manifest)),
        source: candidate.source.clone(),
    };
    Lock::change(folder, |lock| -> Result<Added, StoreError> {
        let before = lock.plugins.get(name).cloned();
        check_room(folder, name, before.as_ref(), force)?;
        if let Some(before) = before.as_ref().filter(|before| !force && !is_same(before, &now)) {
            return Err(StoreError::Another {
                name: name.clone(),
                folder: folder.to_owned(),
                before: Box::new(before.clone()),
                version: now.version.clone(),
                digest: now.digest.clone(),
            });
        }
        let manifest = candidate.manifest.as_bytes();
        let files = [(now.file.clone(), candidate.wasm.as_slice()), (now.manifest(), manifest)];
        let files = files.map(|(file, content)| (folder.join(file), content));
        let mut replaced = Vec::new();
        for (file, content) in &files {
            match read(file)? {
                Some(found) if found != *content && !force => {
                    let advice = "--force puts back what is added";
                    return Err(StoreError::Changed { file: file.clone(), advice });
                }
                Some(found) if found != *content => replaced.push(file.clone()),
                _ => {}
            }
        }
        for (file, content) in &files {
            write(file, content)?;
        }
        lock.plugins.insert(name.clone(), now.clone());
        Ok(Added { before, now: now.clone(), replaced })
    })
}

/// Whether what was added before is what is added now; an old lock does not know the manifest.
fn is_same(before: &Locked, now: &Locked) -> bool {
    let manifest = before.manifest_digest.is_none() || before.manifest_digest == now.manifest_digest;
    before.digest == now.digest && manifest
}

/// Checks that nothing stands where a plugin goes but what was added, or what may be written over by force.
fn check_room(folder: &Path, name: &str, before: Option<&Locked>, force: bool) -> Result<(), StoreError> {
    let twin = folder.join(format!("{name}.wasm"));
    if fs::symlink_metadata(&twin).is_ok() {
        return Err(StoreError::Occupied { place: twin, force_helps: false });
    }
    let place = folder.join(name);
    match fs::symlink_metadata(&place) {
        Err(_) => return Ok(()),
        Ok(found) if found.is_symlink() => return Err(StoreError::Link { link: place }),
        Ok(found) if !found.is_dir() => return Err(StoreError::Occupied { place, force_helps: false }),
        Ok(_) if before.is_none() && !force => {
            let force_helps = !has_sources(&place)?;
            return Err(StoreError::Occupied { place, force_helps });
        }
        Ok(_) => {}
    }
    if has_sources(&place)? { Err(StoreError::Sources { manifest: place.join(MANIFEST) }) } else { Ok(()) }
}

/// Whether the manifest of a folder says how its plugin is built, or is one that somebody is writing.
fn has_sources(folder: &Path) -> Result<bool, StoreError> {
    let Some(text) = read(&folder.join(MANIFEST))? else { return Ok(false) };
    let text = String::from_utf8_lossy(&text);
    Ok(text.parse::<toml::Table>().map_or(true, |manifest| manifest.contains_key("build")))
}

/// Takes a plugin away: the two files that were added, if they are still what they were, and its place in the lock. The
/// folder goes where nothing else is in it.
///
/// # Errors
/// See [`StoreError`].
pub fn remove(folder: &Path, name: &str) -> Result<Locked, StoreError> {
    let unknown = || StoreError::Unknown { name: name.to_owned(), lock: folder.join(LOCK) };
    if !Lock::read(folder)?.plugins.contains_key(name) {
        return Err(unknown());
    }
    Lock::change(folder, |lock| -> Result<Locked, StoreError> {
        let locked = lock.plugins.remove(name).ok_or_else(unknown)?;
        let (file, manifest) = (inside(folder, &locked.file)?, inside(folder, &locked.manifest())?);
        let mut ours = Vec::new();
        if let Some(found) = read(&file)? {
            check_unchanged(&file, &locked.digest, &sha256(found))?;
            ours.push(file.clone());
        }
        if let Some(found) = read(&manifest)? {
            let is_ours = match &locked.manifest_digest {
                Some(digest) => check_unchanged(&manifest, digest, &sha256(&found)).map(|()| true)?,
                // An old lock does not say what was written: what does not look like it stays.
                None => is_as_added(&manifest, &found, &file),
            };
            ours.extend(is_ours.then_some(manifest));
        }
        for file in ours {
            fs::remove_file(&file).map_err(|source| StoreError::Unremovable { file, source })?;
        }
        if let Some(place) = file.parent().filter(|place| *place != folder) {
            // It may hold what is not gavel's.
            drop(fs::remove_dir(place));
        }
        Ok(locked)
    })
}

fn check_unchanged(file: &Path, expected: &str, found: &str) -> Result<(), StoreError> {
    if expected == found {
        return Ok(());
    }
    let advice = "nothing is removed; delete it yourself if you do not need it, and then remove the plugin";
    Err(StoreError::Changed { file: file.to_owned(), advice })
}

/// Whether a manifest looks as `add` writes it.
fn is_as_added(path: &Path, text: &[u8], file: &Path) -> bool {
    let manifest = Manifest::parse(path, &String::from_utf8_lossy(text));
    manifest.is_ok_and(|manifest| manifest.build.is_none() && path.with_file_name(manifest.entry) == file)
}

/// A path below a folder, where no link leads elsewhere on the way.
fn inside(folder: &Path, relative: &Path) -> Result<PathBuf, StoreError> {
    let mut path = folder.to_owned();
    let parts = relative.parent().into_iter().flat_map(Path::components);
    for part in parts {
        path.push(part);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(StoreError::Link { link: path });
        }
    }
    Ok(folder.join(relative))
}

/// What is in a file, if there is one.
fn read(file: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let most = if file.ends_with(MANIFEST) { LARGEST_TEXT } else { LARGEST_PLUGIN };
    match bounded::read(file, most) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Unreadable { file: file.to_owned(), source }),
    }
}

fn write(file: &Path, content: &[u8]) -> Result<(), StoreError> {
    let unwritable = |source| StoreError::Unwritable { file: file.to_owned(), source };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    whole_file::write(file, content).map_err(unwritable)
}
