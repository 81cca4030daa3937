//! `gavel.lock`: which plugins were put into a folder of the plugin path, and what each must be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use gavel_verify::visible_name;

use crate::error::PluginError;
use crate::manifest::MANIFEST;
use crate::toml_file::{Field, Table, TomlError};
use crate::watched::WatchedFiles;
use gavel_files::whole_file;

/// The file name of a lock.
pub const LOCK: &str = "gavel.lock";

/// What a folder of the plugin path holds, by name.
///
/// ```toml
/// version = 1
///
/// [plugins.word-limit]
/// version = "0.1.0"
/// file    = "word-limit/word-limit.wasm"   # from the lock's folder
/// digest  = "sha256:0f343b0931126a20f133d67c2b018a3b…"
/// manifest_digest = "sha256:5e21…"         # of the gavel.toml beside the file
/// source  = "ghcr.io/somebody/word-limit@sha256:9d8e…"
/// ```
///
/// Where a lock names a plugin, that name is in its folder exactly this file with this manifest, or an error. What the
/// lock does not name is loaded as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The plugins.
    pub plugins: BTreeMap<String, Locked>,
}

/// One plugin of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The plugin's version.
    pub version: String,
    /// The `.wasm` file, from the lock's folder: it never leads out of it.
    pub file: PathBuf,
    /// sha256 of the file, in hexadecimal digits.
    pub digest: String,
    /// sha256 of the `gavel.toml` beside it; `None` in a lock that a gavel of before wrote.
    pub manifest_digest: Option<String>,
    /// Where it came from: a folder, a file, or an address in a registry by digest.
    pub source: String,
}

/// How a plugin is not what the lock of its folder says.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A file has changed since it was added.
    #[error(
        "{} is not what was added: `plugins.{name}.{field}` in {} is sha256:{expected}, the file is sha256:{found}; {}",
        file.display(), lock.display(), put_back(origin)
    )]
    Changed {
        /// The plugin's file, or its manifest.
        file: PathBuf,
        /// The lock.
        lock: PathBuf,
        /// The plugin.
        name: String,
        /// `digest` or `manifest_digest`.
        field: &'static str,
        /// The digest that the lock has.
        expected: String,
        /// The digest of the file.
        found: String,
        /// Where the plugin came from.
        origin: String,
    },
    /// A file that was added has gone.
    #[error(
        "{} is not there, and `plugins.{name}` in {} says that it is; {}",
        file.display(), lock.display(), put_back(origin)
    )]
    Missing {
        /// The plugin's file, or its manifest.
        file: PathBuf,
        /// The lock.
        lock: PathBuf,
        /// The plugin.
        name: String,
        /// Where the plugin came from.
        origin: String,
    },
    /// Something else has the name of a plugin that was added.
    #[error(
        "{} is called `{name}` too, and `plugins.{name}.file` in {} says that `{name}` is {}; remove the one, or the \
         other with `gavel plugin remove {name}`",
        found.display(), lock.display(), file.display()
    )]
    Ambiguous {
        /// What lies there.
        found: PathBuf,
        /// The lock.
        lock: PathBuf,
        /// The plugin.
        name: String,
        /// The file that the lock names.
        file: PathBuf,
    },
    /// The manifest leads to another file.
    #[error(
        "{}: `plugin.entry` leads to {}, and `plugins.{name}.file` in {} to {}; {}",
        manifest.display(), entry.display(), lock.display(), file.display(), put_back(origin)
    )]
    OtherEntry {
        /// The manifest.
        manifest: PathBuf,
        /// Where it leads.
        entry: PathBuf,
        /// The lock.
        lock: PathBuf,
        /// The plugin.
        name: String,
        /// The file that the lock names.
        file: PathBuf,
        /// Where the plugin came from.
        origin: String,
    },
}

fn put_back(origin: &str) -> String {
    format!("`gavel plugin add --force {}` puts back what was added", visible_name(origin, 200))
}

impl Lock {
    /// Reads the lock of a folder; it is empty where there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a lock of version 1.
    pub fn read(folder: &Path) -> Result<Self, PluginError> {
        let file = folder.join(LOCK);
        match Self::text(folder, &WatchedFiles::default())? {
            Some(text) => Self::parse(&file, &text),
            None => Ok(Self::default()),
        }
    }

    /// The text of a folder's lock, if it has one.
    fn text(folder: &Path, files: &WatchedFiles) -> Result<Option<String>, TomlError> {
        let file = folder.join(LOCK);
        files.has(&file).then(|| files.toml(&file)).transpose()
    }

    /// The lock of a folder as far as it says something of one of `names`. One that is broken and mentions none of
    /// them is not their concern: it lies above by chance.
    fn of(folder: &Path, names: &[&str], files: &WatchedFiles) -> Result<Self, PluginError> {
        let Some(text) = Self::text(folder, files)? else { return Ok(Self::default()) };
        match Self::parse(&folder.join(LOCK), &text) {
            Err(error) if !names.iter().any(|name| text.contains(name)) => {
                tracing::warn!("{error}; it does not mention what is loaded, so it is not heeded");
                Ok(Self::default())
            }
            parsed => parsed,
        }
    }

    fn parse(file: &Path, text: &str) -> Result<Self, PluginError> {
        let mut document = Table::parse(file, text)?;
        let version = document.require("version")?;
        if version.count(1)? != 1 {
            return Err(version.unlike("1, the only version of a lock that this gavel knows").into());
        }
        let mut plugins = BTreeMap::new();
        if let Some(table) = document.take("plugins") {
            for (name, place, field) in table.table()?.into_named() {
                if !is_plugin_name(&name) {
                    return Err(PluginError::PluginName { place, name });
                }
                plugins.insert(name, Locked::read(field.table()?)?);
            }
        }
        document.finish()?;
        Ok(Self { plugins })
    }

    /// Changes the lock of a folder: reads it, has `change` change it, and writes it. Two processes that do so at the
    /// same time do it one after the other.
    ///
    /// # Errors
    /// When `change` fails, or the lock cannot be read or written; then it is as it was.
    pub fn change<T, E: From<PluginError>>(
        folder: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let unwritable = |source| E::from(PluginError::Unwritable { file: folder.join(LOCK), source });
        fs::create_dir_all(folder).map_err(unwritable)?;
        let guard = open_guard(&folder.join(".gavel.lock.guard")).map_err(unwritable)?;
        guard.lock().map_err(unwritable)?;
        let mut lock = Self::read(folder)?;
        let result = change(&mut lock)?;
        whole_file::write(&folder.join(LOCK), lock.as_text().as_bytes()).map_err(unwritable)?;
        Ok(result)
    }

    fn as_text(&self) -> String {
        let quoted = |value: &str| toml::Value::from(value).to_string();
        let mut text = "# Written by `gavel plugin add` and `remove`.\nversion = 1\n".to_owned();
        for (name, Locked { version, file, digest, manifest_digest, source }) in &self.plugins {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[plugins.{}]\nversion = {}\nfile = {}\ndigest = {}\n",
                quoted(name),
                quoted(version),
                quoted(&file.to_string_lossy()),
                quoted(&format!("sha256:{digest}")),
            );
            if let Some(digest) = manifest_digest {
                let _ = writeln!(text, "manifest_digest = {}", quoted(&format!("sha256:{digest}")));
            }
            let _ = writeln!(text, "source = {}", quoted(source));
        }
        text
    }
}

/// Opens a file that processes lock, without changing what is in it, whatever it is.
fn open_guard(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

impl Locked {
    fn read(mut table: Table<'_>) -> Result<Self, TomlError> {
        let digest = read_digest(&table.require("digest")?)?;
        let manifest_digest = table.take("manifest_digest");
        let file = table.require("file")?;
        let locked = Self {
            version: table.require("version")?.string()?,
            file: PathBuf::from(file.string()?),
            digest,
            manifest_digest: manifest_digest.map(|digest| read_digest(&digest)).transpose()?,
            source: table.require("source")?.string()?,
        };
        table.finish()?;
        if !stays_inside(&locked.file) {
            return Err(file.unlike("a path below the lock's folder, without `..`"));
        }
        Ok(locked)
    }

    /// Where its manifest is, from the lock's folder.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.file.with_file_name(MANIFEST)
    }
}

fn read_digest(field: &Field<'_>) -> Result<String, TomlError> {
    let text = field.string()?;
    let hex = text.strip_prefix("sha256:").ok_or_else(|| field.unlike("`sha256:` and a digest"))?;
    Ok(hex.to_owned())
}

/// Whether a relative path has names alone: it cannot lead out of the folder that it is taken from.
fn stays_inside(path: &Path) -> bool {
    path.components().next().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Whether a plugin that is added may have this name, which becomes that of a folder.
pub fn is_plugin_name(name: &str) -> bool {
    let harmless = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    !name.is_empty() && name.len() <= 100 && name.chars().all(harmless)
}

/// What a lock says of a plugin, with where it says so.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    /// The lock's folder.
    folder: PathBuf,
    name: String,
    locked: Locked,
}

impl Promise {
    /// What the lock of `folder` says of `name`.
    pub(crate) fn of_name(
        folder: &Path,
        name: &str,
        files: &WatchedFiles,
    ) -> Result<Option<Self>, PluginError> {
        let mut lock = Lock::of(folder, &[name], files)?;
        let promise = |locked| Self { folder: folder.to_owned(), name: name.to_owned(), locked };
        Ok(lock.plugins.remove(name).map(promise))
    }

    /// What a lock says of the plugin in `folder`, under the name that the folder is given or under its own.
    pub(crate) fn of_folder(folder: &Path, files: &WatchedFiles) -> Result<Option<Self>, PluginError> {
        let real = fs::canonicalize(folder).ok();
        for folder in std::iter::once(folder).chain(real.as_deref()) {
            let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else { continue };
            let Some(name) = name.to_str() else { continue };
            if let Some(promise) = Self::of_name(parent, name, files)? {
                return Ok(Some(promise));
            }
        }
        Ok(None)
    }

    /// What a lock says of a file: that of its folder, or of the folder above. However the path is written, and
    /// through whatever links it leads, it is the file that counts.
    pub(crate) fn of_file(file: &Path, files: &WatchedFiles) -> Result<Option<Self>, PluginError> {
        let real = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        for path in [file, &real] {
            let names: Vec<&str> = [path.file_stem(), path.parent().and_then(Path::file_name)]
                .into_iter()
                .flatten()
                .filter_map(|name| name.to_str())
                .collect();
            for folder in path.ancestors().skip(1).take(2) {
                let lock = Lock::of(folder, &names, files)?;
                let is_it = |locked: &Locked| {
                    let promised = folder.join(&locked.file);
                    promised == file || fs::canonicalize(promised).is_ok_and(|promised| promised == real)
                };
                if let Some((name, locked)) = lock.plugins.into_iter().find(|(_, locked)| is_it(locked)) {
                    return Ok(Some(Self { folder: folder.to_owned(), name, locked }));
                }
            }
        }
        Ok(None)
    }

    /// The plugin's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(&self.locked.file)
    }

    /// The manifest beside it.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join(self.locked.manifest())
    }

    fn lock(&self) -> PathBuf {
        self.folder.join(LOCK)
    }

    /// Checks that its file is there, and that nothing else in the lock's folder would be found by its name.
    pub(crate) fn check_place(&self, files: &WatchedFiles) -> Result<(), LockError> {
        let (file, manifest, lock, name) = (self.file(), self.manifest(), self.lock(), self.name.clone());
        let others =
            [format!("{name}.wasm"), format!("{name}/{MANIFEST}")].map(|other| self.folder.join(other));
        for found in others {
            if found != file && found != manifest && files.has(&found) {
                return Err(LockError::Ambiguous { found, lock, name, file });
            }
        }
        if files.has(&file) { Ok(()) } else { Err(self.missing(file)) }
    }

    /// Checks the digest of its file.
    pub(crate) fn check_file(&self, file: &Path, digest: &str) -> Result<(), LockError> {
        self.check("digest", file, &self.locked.digest, digest)
    }

    /// Checks the digest of its manifest; `None` where there is no manifest.
    pub(crate) fn check_manifest(&self, digest: Option<&str>) -> Result<(), LockError> {
        let file = self.manifest();
        match (&self.locked.manifest_digest, digest) {
            (Some(expected), Some(found)) => self.check("manifest_digest", &file, expected, found),
            (Some(_), None) => Err(self.missing(file)),
            (None, _) => {
                tracing::warn!(
                    "{}: `plugins.{}` has no `manifest_digest`, as gavel wrote locks before, so {} is taken as it is; \
                     `gavel plugin add {}` renews the lock",
                    self.lock().display(),
                    self.name,
                    file.display(),
                    visible_name(&self.locked.source, 200),
                );
                Ok(())
            }
        }
    }

    /// Checks that the manifest leads to its file. Where paths are written in two ways, one is wrong.
    pub(crate) fn check_entry(&self, entry: PathBuf) -> Result<(), LockError> {
        let file = self.file();
        if entry == file {
            return Ok(());
        }
        Err(LockError::OtherEntry {
            manifest: self.manifest(),
            entry,
            lock: self.lock(),
            name: self.name.clone(),
            file,
            origin: self.locked.source.clone(),
        })
    }

    fn check(&self, field: &'static str, file: &Path, expected: &str, found: &str) -> Result<(), LockError> {
        if expected == found {
            return Ok(());
        }
        Err(LockError::Changed {
            file: file.to_owned(),
            lock: self.lock(),
            name: self.name.clone(),
            field,
            expected: expected.to_owned(),
            found: found.to_owned(),
            origin: self.locked.source.clone(),
        })
    }

    fn missing(&self, file: PathBuf) -> LockError {
        let (lock, name, origin) = (self.lock(), self.name.clone(), self.locked.source.clone());
        LockError::Missing { file, lock, name, origin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(digest: &str) -> Locked {
        let (version, source) = ("0.1.0".to_owned(), "../some \"where\"".to_owned());
        let (digest, manifest_digest) = (digest.to_owned(), Some("ef".to_owned()));
        Locked { version, file: "mine/mine.wasm".into(), digest, manifest_digest, source }
    }

    /// A folder with a lock that names `mine`.
    fn folder(locked: Locked) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let change = |lock: &mut Lock| {
            lock.plugins.insert("mine".to_owned(), locked);
            Ok::<(), PluginError>(())
        };
        Lock::change(folder.path(), change).unwrap();
        folder
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Lock::read(tempfile::tempdir().unwrap().path()).unwrap(), Lock::default());
        for locked in [locked("ab"), Locked { manifest_digest: None, ..locked("ab") }] {
            let folder = folder(locked.clone());
            assert_eq!(Lock::read(folder.path()).unwrap().plugins["mine"], locked);
        }
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let change = |lock: &mut Lock| {
            lock.plugins.insert("mine".to_owned(), locked("ab"));
            Err::<(), _>(PluginError::NoSuchFile { path: "x".into() })
        };
        assert!(Lock::change(folder.path(), change).is_err());
        assert!(!folder.path().join(LOCK).exists());
    }

    #[test]
    fn the_guard_of_a_lock_changes_no_file() {
        let folder = folder(locked("ab"));
        fs::write(folder.path().join(".gavel.lock.guard"), "somebody's").unwrap();
        Lock::change(folder.path(), |_| Ok::<(), PluginError>(())).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(".gavel.lock.guard")).unwrap(), "somebody's");
    }

    #[test]
    fn a_file_is_its_locks_however_its_path_is_written() {
        let folder = folder(locked("ab"));
        fs::create_dir_all(folder.path().join("mine/x")).unwrap();
        for file in ["mine/mine.wasm", "mine/other.wasm"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let promise =
            |file: &str| Promise::of_file(&folder.path().join(file), &WatchedFiles::default()).unwrap();
        assert!(promise("mine/other.wasm").is_none());
        for file in ["mine/mine.wasm", "mine/x/../mine.wasm", "./mine/../mine/mine.wasm"] {
            assert_eq!(promise(file).unwrap().name, "mine", "{file}");
        }
        let error =
            promise("mine/mine.wasm").unwrap().check_file(Path::new("x"), "cd").unwrap_err().to_string();
        assert!(
            error.contains("`plugins.mine.digest`")
                && error.contains("sha256:cd")
                && error.contains("sha256:ab")
                && error.contains(LOCK),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_to_the_lock_of_what_it_names() {
        let folder = folder(locked("ab"));
        fs::create_dir_all(folder.path().join("mine")).unwrap();
        fs::create_dir_all(folder.path().join("elsewhere")).unwrap();
        fs::write(folder.path().join("mine/mine.wasm"), "").unwrap();
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(folder.path().join(to), folder.path().join(from)).unwrap();
            folder.path().join(from)
        };
        let file = link("mine/mine.wasm", "elsewhere/link.wasm");
        assert!(Promise::of_file(&file, &WatchedFiles::default()).unwrap().is_some());
        let subfolder = link("mine", "elsewhere/link");
        assert!(Promise::of_folder(&subfolder, &WatchedFiles::default()).unwrap().is_some());
    }

    #[test]
    fn a_lock_that_is_wrong_names_the_field() {
        let with_file = |file: &str| {
            format!(
                "version = 1\n[plugins.x]\nversion = '1'\ndigest = 'sha256:1'\nsource = ''\nfile = '{file}'"
            )
        };
        for (text, expected) in [
            ("version = 2".to_owned(), "gavel.lock:1:11: `version` must be 1"),
            (
                "version = 1\n[plugins.x]\ndigest = 'md5:1'".to_owned(),
                "`plugins.x.digest` must be `sha256:` and a digest",
            ),
            ("version = 1\n[plugins.x]\ndigest = 'sha256:1'".to_owned(), "missing field `plugins.x.file`"),
            ("version = 1\nplugin = 1".to_owned(), "unknown field `plugin`"),
            (with_file("../victim.txt"), "gavel.lock:6:8: `plugins.x.file` must be a path below"),
            (with_file("x/../../victim.txt"), "gavel.lock:6:8: `plugins.x.file` must be a path below"),
            (with_file("/etc/passwd"), "gavel.lock:6:8: `plugins.x.file` must be a path below"),
            (with_file("./x.wasm"), "gavel.lock:6:8: `plugins.x.file` must be a path below"),
            (with_file(""), "gavel.lock:6:8: `plugins.x.file` must be a path below"),
            (
                "version = 1\n[plugins.'../x']".to_owned(),
                "gavel.lock:2:10: `../x` cannot be the name of a plugin",
            ),
        ] {
            let error = Lock::parse(Path::new("gavel.lock"), &text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_broken_lock_concerns_only_what_it_mentions() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK), "<<<<<<< mine").unwrap();
        let promise = |name| Promise::of_name(folder.path(), name, &WatchedFiles::default());
        assert!(promise("other").unwrap().is_none());
        assert!(matches!(promise("mine"), Err(PluginError::Toml(TomlError::Syntax { .. }))));
    }
}
