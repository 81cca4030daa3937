//! `gavel.lock`: which plugins were put into a folder of the plugin path, with the digest that each must have.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::RewardError;
use crate::files::Files;
use crate::source::Table;

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
/// source  = "ghcr.io/somebody/word-limit@sha256:9d8e…"
/// ```
///
/// A file that the lock names is loaded only with its digest. What the lock does not name is loaded as it is.
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
    /// The `.wasm` file, from the lock's folder.
    pub file: PathBuf,
    /// sha256 of the file, in hexadecimal digits.
    pub digest: String,
    /// Where it came from: a folder, a file, or an address in a registry by digest.
    pub source: String,
}

impl Lock {
    /// Reads the lock of a folder; it is empty where there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a lock of version 1.
    pub fn read(folder: &Path) -> Result<Self, RewardError> {
        Self::read_noting(folder, &Files::default())
    }

    fn read_noting(folder: &Path, files: &Files) -> Result<Self, RewardError> {
        let file = folder.join(LOCK);
        if !files.has(&file) {
            return Ok(Self::default());
        }
        let text =
            files.text(&file).map_err(|source| RewardError::Unreadable { file: file.clone(), source })?;
        Self::parse(&file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, RewardError> {
        let mut document = Table::parse(file, text)?;
        let version = document.require("version")?;
        if version.count(1)? != 1 {
            return Err(version.unlike("1, the only version of a lock that this gavel knows"));
        }
        let mut plugins = BTreeMap::new();
        if let Some(table) = document.take("plugins") {
            for (name, _, field) in table.table()?.into_named() {
                let mut locked = field.table()?;
                let digest = locked.require("digest")?;
                let hex = digest.string()?;
                let hex =
                    hex.strip_prefix("sha256:").ok_or_else(|| digest.unlike("`sha256:` and a digest"))?;
                let plugin = Locked {
                    version: locked.require("version")?.string()?,
                    file: locked.require("file")?.string()?.into(),
                    digest: hex.to_owned(),
                    source: locked.require("source")?.string()?,
                };
                locked.finish()?;
                plugins.insert(name, plugin);
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
    pub fn change<T, E: From<RewardError>>(
        folder: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let unwritable = |source| E::from(RewardError::Unwritable { file: folder.join(LOCK), source });
        fs::create_dir_all(folder).map_err(unwritable)?;
        let guard = File::create(folder.join(".gavel.lock.guard")).map_err(unwritable)?;
        guard.lock().map_err(unwritable)?;
        let mut lock = Self::read(folder)?;
        let result = change(&mut lock)?;
        lock.write(folder).map_err(unwritable)?;
        Ok(result)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut text = "# Written by `gavel plugin add` and `remove`.\nversion = 1\n".to_owned();
        for (name, Locked { version, file, digest, source }) in &self.plugins {
            let quoted = |value: &str| toml::Value::from(value).to_string();
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[plugins.{}]\nversion = {}\nfile = {}\ndigest = {}\nsource = {}\n",
                quoted(name),
                quoted(version),
                quoted(&file.to_string_lossy()),
                quoted(&format!("sha256:{digest}")),
                quoted(source),
            );
        }
        let part = folder.join(format!(".gavel.lock.{}", std::process::id()));
        File::create(&part)?.write_all(text.as_bytes())?;
        fs::rename(&part, folder.join(LOCK))
    }
}

/// Checks a plugin's file against the lock of its folder, or of the folder above: the layout of a plugin path has
/// `NAME.wasm` and `NAME/….wasm`.
pub(crate) fn check(file: &Path, digest: &str, files: &Files) -> Result<(), RewardError> {
    for folder in file.ancestors().skip(1).take(2) {
        let lock = Lock::read_noting(folder, files)?;
        let locked = lock.plugins.values().find(|locked| folder.join(&locked.file) == file);
        match locked {
            Some(locked) if locked.digest != digest => {
                return Err(RewardError::Locked {
                    file: file.to_owned(),
                    lock: folder.join(LOCK),
                    expected: locked.digest.clone(),
                    found: digest.to_owned(),
                });
            }
            Some(_) => return Ok(()),
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(digest: &str) -> Locked {
        let (version, source) = ("0.1.0".to_owned(), "../some \"where\"".to_owned());
        Locked { version, file: "mine/mine.wasm".into(), digest: digest.to_owned(), source }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), Lock::default());
        let change = |lock: &mut Lock| {
            lock.plugins.insert("mine".to_owned(), locked("ab"));
            Ok::<(), RewardError>(())
        };
        Lock::change(folder.path(), change).unwrap();
        let read = Lock::read(folder.path()).unwrap();
        assert_eq!(read.plugins["mine"], locked("ab"));
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let change = |lock: &mut Lock| {
            lock.plugins.insert("mine".to_owned(), locked("ab"));
            Err::<(), _>(RewardError::NoSuchFile { path: "x".into() })
        };
        assert!(Lock::change(folder.path(), change).is_err());
        assert!(!folder.path().join(LOCK).exists());
    }

    #[test]
    fn a_file_is_checked_where_a_lock_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let change = |lock: &mut Lock| {
            lock.plugins.insert("mine".to_owned(), locked("ab"));
            Ok::<(), RewardError>(())
        };
        Lock::change(folder.path(), change).unwrap();
        let check = |file: &str, digest| check(&folder.path().join(file), digest, &Files::default());
        check("mine/mine.wasm", "ab").unwrap();
        check("mine/other.wasm", "cd").unwrap();
        let error = check("mine/mine.wasm", "cd").unwrap_err().to_string();
        assert!(
            error.contains("sha256:cd") && error.contains("sha256:ab") && error.contains(LOCK),
            "{error}"
        );
    }

    #[test]
    fn a_lock_that_is_wrong_names_the_field() {
        for (text, expected) in [
            ("version = 2", "gavel.lock:1:11: `version` must be 1"),
            (
                "version = 1\n[plugins.x]\ndigest = 'md5:1'",
                "`plugins.x.digest` must be `sha256:` and a digest",
            ),
            ("version = 1\n[plugins.x]\ndigest = 'sha256:1'", "missing field `plugins.x.version`"),
            ("version = 1\nplugin = 1", "unknown field `plugin`"),
        ] {
            let error = Lock::parse(Path::new("gavel.lock"), text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
