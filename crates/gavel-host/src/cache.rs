//! Compiled plugins on disk: `<sha256 of the file>-<engine>.cwasm`, and beside it the checksum that guards it.
//!
//! Compiled code can only be trusted, not checked. So nobody but the user, or root, who can do anything anyway, may be
//! able to write to the folder, and nothing is taken from it but whole files of theirs that bear the name they were
//! written under. Every process that adds something removes what is then too much: files need no lock, since each
//! appears by a rename and goes by an unlink, and whoever has mapped one keeps it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use twox_hash::XxHash3_64;
use wasmtime::Engine;

use crate::HostWarning;

/// Extensions of the two files of an entry, and the start of that of a file that is still being written.
const CODE: &str = "cwasm";
const SUM: &str = "sum";
const TEMPORARY: &str = "tmp-";

/// Goes up when the two files become others, so that versions of gavel take turns without a quarrel.
const LAYOUT: u32 = 2;

/// A temporary file of this age was left by a process that died: writing takes seconds.
const ORPHANED: Duration = Duration::from_secs(60 * 60);

/// An entry of another engine that was not used for so long is of a version that is gone, not of one in use beside.
const OUTDATED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The most bytes that the file of a checksum is read for.
const SUM_SIZE: u64 = 64;

/// The folders of one host: it takes from all of them, and adds to the first that it can write to.
#[derive(Debug, Default)]
pub(crate) struct Caches(Vec<Cache>);

impl Caches {
    /// Those of `folders` that can be used, and what is wrong with the others.
    pub(crate) fn open<'a>(
        folders: impl Iterator<Item = &'a Path>,
        size: u64,
        engine: &Engine,
    ) -> (Self, Vec<HostWarning>) {
        let (mut caches, mut warnings) = (Vec::new(), Vec::new());
        for folder in folders {
            match Cache::open(folder, size, engine) {
                Ok(cache) => caches.push(cache),
                Err(warning) => warnings.push(warning),
            }
        }
        (Self(caches), warnings)
    }

    /// The path of compiled code that is whole, or `None`.
    pub(crate) fn get(&self, digest: &str) -> Option<PathBuf> {
        self.0.iter().find_map(|cache| cache.get(digest))
    }

    /// Keeps compiled code, where there is a folder that can be written to.
    pub(crate) fn put(
        &self,
        digest: &str,
        code: impl FnOnce() -> wasmtime::Result<Vec<u8>>,
    ) -> io::Result<()> {
        match self.0.iter().find(|cache| cache.writable) {
            Some(cache) => cache.put(digest, &code().map_err(io::Error::other)?),
            None => Ok(()),
        }
    }
}

/// A folder of compiled plugins that processes share.
#[derive(Debug)]
struct Cache {
    folder: PathBuf,
    /// Changes with the version and the settings of the engine, whose code it is, and with the layout.
    engine: String,
    /// The most bytes that all entries take together.
    size: u64,
    /// Whether this user can add to it. One of root's, as in a container's image, is only read.
    writable: bool,
    /// Whether other users can read it; then they can read what is added, too.
    #[cfg_attr(not(unix), expect(dead_code, reason = "permissions are not bits there"))]
    readable_by_others: u32,
}

impl Cache {
    fn open(folder: &Path, size: u64, engine: &Engine) -> Result<Self, HostWarning> {
        let unusable = |source| HostWarning::Cache { path: folder.to_owned(), source };
        create_private(folder).map_err(unusable)?;
        let metadata = fs::metadata(folder).map_err(unusable)?;
        if let Some(problem) = open_to_others(&metadata) {
            return Err(HostWarning::SharedCache { path: folder.to_owned(), problem });
        }
        fs::read_dir(folder).map_err(unusable)?;
        // Rust does not promise that this hash stays the same between its releases; then plugins are recompiled.
        let mut hash = DefaultHasher::new();
        LAYOUT.hash(&mut hash);
        engine.precompile_compatibility_hash().hash(&mut hash);
        Ok(Self {
            folder: folder.to_owned(),
            engine: format!("{:016x}", hash.finish()),
            size,
            writable: is_writable(folder),
            readable_by_others: readable_by_others(&metadata),
        })
    }

    /// The path of compiled code that is whole, or `None`.
    ///
    /// The checksum is no defence against someone who can write here, who can also write a checksum; it catches
    /// a disk or a process that failed half way, and an entry that was given another's name.
    fn get(&self, digest: &str) -> Option<PathBuf> {
        let name = self.name(digest);
        let (code, sum) = (self.path(&name, CODE), self.path(&name, SUM));
        let mut expected = Vec::new();
        open_ours(&sum)?.take(SUM_SIZE).read_to_end(&mut expected).ok()?;
        let found = checksum(&name, open_ours(&code)?).ok()?;
        if expected != found.as_bytes() {
            tracing::warn!(path = %code.display(), "a compiled plugin is damaged; compiling it again");
            return None;
        }
        if self.writable {
            // The time of its last use. Where that cannot be noted, the entry is only removed earlier.
            let used = File::options().write(true).open(&sum);
            drop(used.and_then(|sum| sum.set_modified(SystemTime::now())));
        }
        Some(code)
    }

    /// Keeps compiled code, and makes room for it. What is larger than the whole cache is not kept.
    fn put(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        if code.len() as u64 > self.size {
            tracing::debug!(digest, bytes = code.len(), "a compiled plugin is larger than the cache");
            return Ok(());
        }
        let name = self.name(digest);
        let mut hash = keyed(&name);
        hash.write(code);
        // Between the two renames the pair does not match, and whoever reads it then compiles for itself.
        self.write_whole(&name, CODE, code)?;
        self.write_whole(&name, SUM, written(code.len(), &hash).as_bytes())?;
        self.tidy(SystemTime::now())
    }

    /// Removes what was left half written, what was compiled for engines of the past, and then what was not used for
    /// the longest time, until the rest fits. Files that are not the cache's are left alone.
    fn tidy(&self, now: SystemTime) -> io::Result<()> {
        let mut entries = BTreeMap::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let name = file.file_name();
            let Some((name, extension)) = name.to_str().and_then(parse) else { continue };
            // Another process may have removed it meanwhile.
            let Ok(metadata) = file.metadata() else { continue };
            let used = metadata.modified()?;
            if extension.starts_with(TEMPORARY) {
                if age(used, now) > ORPHANED {
                    remove(&file.path());
                }
                continue;
            }
            let entry = entries.entry(name.to_owned()).or_insert(Entry { bytes: 0, used });
            entry.bytes += metadata.len();
            entry.used = entry.used.max(used);
        }
        let outdated =
            |name: &str, entry: &Entry| !name.ends_with(&self.engine) && age(entry.used, now) > OUTDATED;
        entries.retain(|name, entry| !(outdated(name, entry) && self.remove_entry(name)));
        let mut bytes: u64 = entries.values().map(|entry| entry.bytes).sum();
        let mut by_use: Vec<_> = entries.into_iter().collect();
        by_use.sort_by_key(|(_, entry)| entry.used);
        for (name, entry) in by_use {
            if bytes <= self.size {
                break;
            }
            if self.remove_entry(&name) {
                bytes -= entry.bytes;
            }
        }
        Ok(())
    }

    /// Removes both files of an entry; `false` where that fails, as where a system keeps what is mapped.
    fn remove_entry(&self, name: &str) -> bool {
        tracing::debug!(name, "removing a compiled plugin from the cache");
        remove(&self.path(name, SUM)) & remove(&self.path(name, CODE))
    }

    fn write_whole(&self, name: &str, extension: &str, bytes: &[u8]) -> io::Result<()> {
        // Created for the user alone, whatever the umask; removed where something fails.
        let mut file =
            tempfile::Builder::new().prefix(&format!("{name}.{TEMPORARY}")).tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        #[cfg(unix)]
        if self.readable_by_others != 0 {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o600 | self.readable_by_others))?;
        }
        file.persist(self.path(name, extension)).map_err(|error| error.error)?;
        Ok(())
    }

    fn name(&self, digest: &str) -> String {
        format!("{digest}-{}", self.engine)
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{name}.{extension}"))
    }
}

/// What tidying up has to know of the two files of an entry.
struct Entry {
    bytes: u64,
    used: SystemTime,
}

/// The name of an entry and the extension, where a file is one that a cache writes.
fn parse(file: &str) -> Option<(&str, &str)> {
    let (name, extension) = file.split_once('.')?;
    let (digest, engine) = name.split_once('-')?;
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let known = [CODE, SUM].contains(&extension) || extension.starts_with(TEMPORARY);
    (hex(digest, 64) && hex(engine, 16) && known).then_some((name, extension))
}

/// Time since `then`; none where a clock says that it is yet to come.
fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

/// Whether a file is gone now.
fn remove(path: &Path) -> bool {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::debug!(path = %path.display(), "cannot remove from the cache: {error}");
            false
        }
        _ => true,
    }
}

/// Length and hash of a file under the name of its entry.
fn checksum(name: &str, mut file: File) -> io::Result<String> {
    // Small enough to stay in the processor's cache, and to be no page fault each time.
    let mut buffer = [0; 64 << 10];
    let (mut hash, mut length) = (keyed(name), 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(written(length, &hash)),
            read => {
                hash.write(&buffer[..read]);
                length += read;
            }
        }
    }
}

/// The start of a checksum: the name goes in, so that the pair of another entry does not pass for this one.
fn keyed(name: &str) -> XxHash3_64 {
    let mut hash = XxHash3_64::new();
    hash.write(name.as_bytes());
    hash
}

fn written(length: usize, hash: &XxHash3_64) -> String {
    format!("{length} {:016x}\n", hash.finish())
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// An entry's file, opened; `None` where it is not there, or is none of the user's or root's. What is no regular file is
/// not waited for.
fn open_ours(path: &Path) -> Option<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    let refused = |problem: &str| {
        tracing::warn!(path = %path.display(), "not taken from the cache, compiling again: it {problem}");
        None
    };
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return refused(&format!("cannot be opened: {error}")),
    };
    match file.metadata() {
        Ok(metadata) if !metadata.is_file() => refused("is no file"),
        Ok(metadata) => match open_to_others(&metadata) {
            Some(problem) => refused(&problem),
            None => Some(file),
        },
        Err(error) => refused(&format!("cannot be looked at: {error}")),
    }
}

/// Who else can write to a file or folder, as the end of a sentence.
#[cfg(unix)]
fn open_to_others(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    const ROOT: u32 = 0;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let user = rustix::process::geteuid().as_raw();
    if owner != user && owner != ROOT {
        return Some(format!("belongs to another user (uid {owner}, not {user})"));
    }
    (mode & 0o022 != 0).then(|| format!("can be written to by others (mode {mode:o})"))
}

/// Whether this user can add files to a folder.
#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| !metadata.permissions().readonly())
}

/// The permissions to read of others than the owner.
#[cfg(unix)]
fn readable_by_others(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o044
}

#[cfg(not(unix))]
fn readable_by_others(_: &fs::Metadata) -> u32 {
    0
}

/// Where permissions are not bits, a user's folders are the user's unless somebody made them otherwise.
#[cfg(not(unix))]
fn open_to_others(_: &fs::Metadata) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: &str = "0123456789abcdef";

    /// A cache of `size` bytes in a folder of its own.
    fn cache(size: u64) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache {
            folder: folder.path().to_owned(),
            engine: ENGINE.to_owned(),
            size,
            writable: true,
            readable_by_others: 0,
        };
        (folder, cache)
    }

    fn digest(letter: char) -> String {
        letter.to_string().repeat(64)
    }

    /// Makes an entry look unused for `age`.
    fn unused_for(cache: &Cache, name: &str, age: Duration) {
        for extension in [CODE, SUM] {
            let file = File::options().write(true).open(cache.path(name, extension)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
    }

    fn hours(count: u64) -> Duration {
        Duration::from_secs(60 * 60 * count)
    }

    /// The first letters of the digests that are there.
    fn kept(cache: &Cache) -> String {
        "abcd".chars().filter(|&letter| cache.path(&cache.name(&digest(letter)), CODE).exists()).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        // Room for three pairs of 1000 bytes and a checksum, not for four.
        let (_folder, cache) = cache(3_500);
        for (letter, age) in [('a', 3), ('b', 2), ('c', 1)] {
            cache.put(&digest(letter), &[7; 1000]).unwrap();
            unused_for(&cache, &cache.name(&digest(letter)), hours(age));
        }
        assert_eq!(kept(&cache), "abc");
        assert!(cache.get(&digest('a')).is_some(), "used again, so it is not the oldest any more");
        cache.put(&digest('d'), &[7; 1000]).unwrap();
        assert_eq!(kept(&cache), "acd");
        let left: u64 =
            fs::read_dir(&cache.folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(left <= 3_500 && fs::read_dir(&cache.folder).unwrap().count() == 6, "{left}");
    }

    #[test]
    fn as_many_go_as_the_new_one_takes() {
        let (_folder, cache) = cache(3_500);
        for (letter, age) in [('a', 3), ('b', 2), ('c', 1)] {
            cache.put(&digest(letter), &[7; 1000]).unwrap();
            unused_for(&cache, &cache.name(&digest(letter)), hours(age));
        }
        cache.put(&digest('d'), &[7; 2000]).unwrap();
        assert_eq!(kept(&cache), "cd");
        cache.put(&digest('a'), &[7; 4000]).unwrap();
        assert_eq!(kept(&cache), "cd", "what has no room in an empty cache drives nothing out");
    }

    #[test]
    fn what_was_mapped_or_opened_before_stays_readable() {
        let (_folder, cache) = cache(1_500);
        cache.put(&digest('a'), &[7; 1000]).unwrap();
        let mut open = File::open(cache.get(&digest('a')).unwrap()).unwrap();
        unused_for(&cache, &cache.name(&digest('a')), hours(1));
        cache.put(&digest('b'), &[8; 1000]).unwrap();
        if cfg!(unix) {
            assert_eq!(kept(&cache), "b");
        }
        let mut code = Vec::new();
        open.read_to_end(&mut code).unwrap();
        assert_eq!(code, [7; 1000]);
    }

    #[test]
    fn an_entry_under_another_name_is_not_taken() {
        let (_folder, cache) = cache(u64::MAX);
        cache.put(&digest('a'), b"some code").unwrap();
        for extension in [CODE, SUM] {
            let [from, to] = ['a', 'b'].map(|letter| cache.path(&cache.name(&digest(letter)), extension));
            fs::copy(from, to).unwrap();
        }
        assert_eq!(cache.get(&digest('b')), None);
        assert!(cache.get(&digest('a')).is_some());
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let (_folder, cache) = cache(u64::MAX);
        let name = cache.name(&digest('a'));
        for extension in [CODE, SUM] {
            for damage in [&b""[..], b"some", b"some codf", b"some code and more"] {
                cache.put(&digest('a'), b"some code").unwrap();
                assert!(cache.get(&digest('a')).is_some());
                fs::write(cache.path(&name, extension), damage).unwrap();
                assert_eq!(cache.get(&digest('a')), None, "{extension} {damage:?}");
            }
            fs::remove_file(cache.path(&name, extension)).unwrap();
            assert_eq!(cache.get(&digest('a')), None, "{extension} missing");
        }
    }

    #[test]
    fn leftovers_are_swept_and_what_is_not_the_caches_stays() {
        let (folder, cache) = cache(u64::MAX);
        let outdated = format!("{}-fedcba9876543210", digest('b'));
        let beside = format!("{}-fedcba9876543210", digest('c'));
        let ours = cache.name(&digest('d'));
        let foreign = ["notes.txt", "x.cwasm", "README", &format!("{}.cwasm", digest('b'))];
        let temporary = format!("{outdated}.tmp-abc");
        let fresh = format!("{outdated}.tmp-def");
        let entries = [&outdated, &beside, &ours].map(|name| [CODE, SUM].map(|end| format!("{name}.{end}")));
        let names = entries.iter().flatten().map(String::as_str).chain(foreign);
        for name in names.chain([temporary.as_str(), &fresh]) {
            let file = File::create(folder.path().join(name)).unwrap();
            let age = if name == fresh || name.starts_with(&beside) { hours(0) } else { hours(8 * 24) };
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        cache.put(&digest('a'), b"some code").unwrap();
        let there = |name: &str| folder.path().join(name).exists();
        assert!(!there(&temporary), "of a process that died");
        assert!(!there(&format!("{outdated}.cwasm")) && !there(&format!("{outdated}.sum")));
        assert!(there(&fresh), "somebody may be writing it");
        assert!(there(&format!("{beside}.cwasm")), "another version may be in use beside this one");
        assert!(there(&format!("{ours}.cwasm")), "there is room for what was not used for long");
        assert!(foreign.into_iter().all(there));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_to_is_not_taken() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, cache) = cache(u64::MAX);
        let name = cache.name(&digest('a'));
        for extension in [CODE, SUM] {
            cache.put(&digest('a'), b"some code").unwrap();
            let path = cache.path(&name, extension);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
            assert_eq!(cache.get(&digest('a')), None, "{extension}");
            let elsewhere = folder.path().join("elsewhere");
            cache.put(&digest('a'), b"some code").unwrap();
            fs::rename(&path, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
            assert_eq!(cache.get(&digest('a')), None, "a link at {extension}");
            fs::remove_file(&path).unwrap();
        }
    }
}
