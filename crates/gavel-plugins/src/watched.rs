//! Which files something was made from, and whether they are still what they were.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gavel_files::bounded::{self, LARGEST_TEXT};
use gavel_files::sha256;

use crate::error::PluginError;
use crate::toml_file::TomlError;

/// The most bytes of a plugin or an interpreter: many times the largest that there is.
pub(crate) const LARGEST_PLUGIN: u64 = 1 << 30;

/// What every WebAssembly file starts with.
const MAGIC: &[u8] = b"\0asm";

/// A file that was changed so shortly before it was looked at may have been changed again since without another
/// time: the clocks of file systems tick every few milliseconds, some every two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// What loading has looked at: the files that it read, and those that were not there.
#[derive(Debug, Default)]
pub struct WatchedFiles(RefCell<BTreeMap<PathBuf, Seen>>);

/// A file at the time when it was looked at.
#[derive(Debug)]
struct Seen {
    /// `None` where there was none.
    state: Option<State>,
    /// sha256 of what was read, in hex; `None` where nothing could be.
    digest: Option<String>,
    /// Whether a person wrote it: a reward file or a manifest.
    is_text: bool,
}

/// What tells without reading a file that it is the same.
#[derive(Debug)]
struct State {
    modified: SystemTime,
    bytes: u64,
    identity: Identity,
    looked_at: SystemTime,
    /// When it was first seen like this: as a time to go by where clocks disagree.
    since: SystemTime,
}

/// The inode, and when that last changed: another file that was given the name has others, whatever its own times.
type Identity = (u64, i64, i64);

impl WatchedFiles {
    /// Whether there is a file, or a pipe or a device, which reading it will refuse. What there is will be read; what
    /// there is not may come to be.
    pub fn has(&self, path: &Path) -> bool {
        let there = fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir());
        if !there {
            self.note(path, Seen { state: None, digest: None, is_text: false });
        }
        there
    }

    /// Reads a text.
    fn text(&self, path: &Path) -> io::Result<String> {
        self.read(path, true, || bounded::read_text(path, LARGEST_TEXT)).map(|(text, _)| text)
    }

    /// Reads the text of a reward file, a manifest or a lock.
    ///
    /// # Errors
    /// [`TomlError::Unreadable`].
    pub fn toml(&self, path: &Path) -> Result<String, TomlError> {
        self.text(path).map_err(|source| TomlError::Unreadable { file: path.to_owned(), source })
    }

    /// Reads a plugin or an interpreter, with its digest.
    ///
    /// # Errors
    /// When it cannot be read, or does not start as WebAssembly does.
    pub fn plugin(&self, path: &Path) -> Result<(Vec<u8>, String), PluginError> {
        let unreadable = |source| PluginError::Unreadable { file: path.to_owned(), source };
        let (wasm, digest) = self.read(path, false, || read_plugin(path)).map_err(unreadable)?;
        if wasm.starts_with(MAGIC) {
            Ok((wasm, digest))
        } else {
            Err(PluginError::NotWasm { file: path.to_owned() })
        }
    }

    fn read<T: AsRef<[u8]>>(
        &self,
        path: &Path,
        is_text: bool,
        read: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<(T, String)> {
        // Before it is read: what changes while it is read has then changed.
        let state = State::of(path);
        let content = read();
        let digest = content.as_ref().ok().map(sha256);
        self.note(path, Seen { state, digest: digest.clone(), is_text });
        Ok((content?, digest.unwrap_or_default()))
    }

    /// The first look counts: who looked later may have seen another file, which is a change.
    fn note(&self, path: &Path, seen: Seen) {
        self.0.borrow_mut().entry(path.to_owned()).or_insert(seen);
    }

    /// Whether anything is not what it was. Reads only files whose times leave it open.
    pub fn have_changed(&self) -> bool {
        self.0.borrow_mut().iter_mut().any(|(path, seen)| seen.has_changed(path))
    }

    /// The texts by path, with their digests.
    pub fn texts(&self) -> Vec<(String, String)> {
        let seen = self.0.borrow();
        let texts = seen.iter().filter(|(_, seen)| seen.is_text);
        texts.filter_map(|(path, seen)| Some((path.display().to_string(), seen.digest.clone()?))).collect()
    }
}

impl Seen {
    fn has_changed(&mut self, path: &Path) -> bool {
        let now = State::of(path);
        let same = match (&self.state, &now) {
            (None, None) => return false,
            (Some(before), Some(now)) if before.is_settled() && before.is_same(now) => return false,
            (Some(_), Some(_)) => self.digest_now(path) == self.digest,
            _ => false,
        };
        if same {
            self.state = now.map(|now| now.after(self.state.as_ref()));
        }
        !same
    }

    fn digest_now(&self, path: &Path) -> Option<String> {
        if self.is_text {
            bounded::read_text(path, LARGEST_TEXT).ok().map(sha256)
        } else {
            read_plugin(path).ok().map(sha256)
        }
    }
}

impl State {
    fn of(path: &Path) -> Option<Self> {
        let looked_at = SystemTime::now();
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let modified = metadata.modified().unwrap_or(looked_at);
        Some(Self {
            modified,
            bytes: metadata.len(),
            identity: identity(&metadata),
            looked_at,
            since: looked_at,
        })
    }

    /// The same, seen after `before`: where nothing differs, it has been like this since then.
    fn after(self, before: Option<&Self>) -> Self {
        let since = before.filter(|before| before.is_same(&self)).map_or(self.since, |before| before.since);
        Self { since, ..self }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.modified, self.bytes, self.identity) == (other.modified, other.bytes, other.identity)
    }

    fn is_settled(&self) -> bool {
        // The clock of a server may be ahead of this machine's, and then a time lies in the future for long.
        let last = self.modified.min(self.since);
        self.looked_at.duration_since(last).is_ok_and(|age| age > SETTLED)
    }
}

/// What there is of a plugin's file: all of it, or only the start where that is not WebAssembly's.
fn read_plugin(path: &Path) -> io::Result<Vec<u8>> {
    let start = bounded::start(path, MAGIC.len())?;
    if start == MAGIC { bounded::read(path, LARGEST_PLUGIN) } else { Ok(start) }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {
    (0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that was written long ago.
    fn settled(path: &Path, content: &str) {
        fs::write(path, content).unwrap();
        set_modified(path, SystemTime::now() - Duration::from_secs(3600));
    }

    fn set_modified(path: &Path, time: SystemTime) {
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn a_file_changes_by_its_content_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        settled(&path, "one");
        let files = WatchedFiles::default();
        assert_eq!(files.text(&path).unwrap(), "one");
        assert!(!files.have_changed());
        set_modified(&path, SystemTime::now());
        assert!(!files.have_changed(), "another time, the same content");
        fs::write(&path, "two").unwrap();
        assert!(files.have_changed());
        assert!(files.have_changed(), "it stays changed until it is read anew");
        fs::write(&path, "one").unwrap();
        assert!(!files.have_changed(), "back again");
        fs::remove_file(&path).unwrap();
        assert!(files.have_changed());
    }

    #[test]
    fn a_change_within_a_tick_of_the_clock_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "one").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let files = WatchedFiles::default();
        files.text(&path).unwrap();
        fs::write(&path, "two").unwrap();
        set_modified(&path, modified);
        assert!(files.have_changed());
    }

    #[cfg(unix)]
    #[test]
    fn another_file_of_the_same_time_and_size_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["a", "b"].map(|name| folder.path().join(name));
        settled(&path, "\0asm one");
        settled(&other, "\0asm two");
        set_modified(&other, fs::metadata(&path).unwrap().modified().unwrap());
        let files = WatchedFiles::default();
        files.plugin(&path).unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(files.have_changed());
    }

    #[test]
    fn a_time_in_the_future_is_looked_into_only_until_the_file_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "one").unwrap();
        let hour = Duration::from_secs(3600);
        set_modified(&path, SystemTime::now() + hour);
        let first = State::of(&path).unwrap();
        assert!(!first.is_settled(), "it was written just now");
        let later = |since| State { since, ..State::of(&path).unwrap() };
        let again = later(first.looked_at).after(Some(&State { since: first.since - hour, ..first }));
        assert!(again.is_settled(), "seen like this for an hour, and read since");
        let another = State { bytes: 99, ..later(again.looked_at) };
        assert!(!State::of(&path).unwrap().after(Some(&another)).is_settled(), "it has changed");
    }

    #[test]
    fn what_was_missing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = WatchedFiles::default();
        let [probed, read] = ["probed", "read"].map(|name| folder.path().join(name));
        assert!(!files.has(&probed) && files.text(&read).is_err());
        assert!(!files.have_changed());
        for path in [&probed, &read] {
            fs::create_dir(path).unwrap();
            assert!(!files.have_changed(), "a folder is no file");
            fs::remove_dir(path).unwrap();
            fs::write(path, "").unwrap();
            assert!(files.have_changed());
            fs::remove_file(path).unwrap();
        }
        assert!(!files.have_changed());
    }

    #[test]
    fn what_cannot_be_read_has_not_changed_by_that() {
        let folder = tempfile::tempdir().unwrap();
        let [text, plugin] = ["reward.toml", "a.wasm"].map(|name| folder.path().join(name));
        fs::write(&text, b"\xff").unwrap();
        fs::write(&plugin, "not WebAssembly").unwrap();
        let files = WatchedFiles::default();
        assert!(files.text(&text).is_err() && files.plugin(&plugin).is_err());
        assert!(!files.have_changed());
        fs::write(&plugin, "\0asm").unwrap();
        assert!(files.have_changed());
    }

    #[test]
    fn the_first_look_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        settled(&path, "one");
        let files = WatchedFiles::default();
        files.text(&path).unwrap();
        settled(&path, "two");
        files.text(&path).unwrap();
        assert!(files.have_changed(), "whoever read first has something else");
    }

    #[test]
    fn texts_are_told_from_plugins() {
        let folder = tempfile::tempdir().unwrap();
        let [text, plugin] = ["reward.toml", "a.wasm"].map(|name| folder.path().join(name));
        settled(&text, "abc");
        settled(&plugin, "\0asm");
        let files = WatchedFiles::default();
        files.text(&text).unwrap();
        assert_eq!(files.plugin(&plugin).unwrap(), (b"\0asm".to_vec(), sha256("\0asm")));
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(files.texts(), [(text.display().to_string(), sha256.to_owned())]);
    }
}
