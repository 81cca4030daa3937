//! Compiled plugins on disk: `<sha256 of the file>-<engine>.cwasm`, and beside it the checksum that guards it.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use twox_hash::XxHash3_64;
use wasmtime::Engine;

/// A folder of compiled plugins. Safe to share among processes: every file appears whole, by a rename.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// Changes with the version and the settings of the engine, whose code it is.
    engine: String,
}

impl Cache {
    pub(crate) fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        create_private(folder)?;
        // Rust does not promise that this hash stays the same between its releases; then plugins are recompiled.
        let mut hash = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hash);
        Ok(Self { folder: folder.to_owned(), engine: format!("{:016x}", hash.finish()) })
    }

    /// The path of compiled code that is whole, or `None`.
    ///
    /// The checksum is no defence against someone who can write here, who can also write a checksum; it catches
    /// a disk or a process that failed half way.
    pub(crate) fn get(&self, digest: &str) -> Option<PathBuf> {
        let path = self.code(digest);
        let expected = fs::read(self.sum(digest)).ok()?;
        let found = checksum(&path).ok()?;
        if expected == found.as_bytes() {
            return Some(path);
        }
        tracing::warn!(path = %path.display(), "a compiled plugin is damaged; compiling it again");
        None
    }

    pub(crate) fn put(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        let mut hash = XxHash3_64::new();
        hash.write(code);
        // Between the two renames the pair does not match, and whoever reads it then compiles for itself.
        write_whole(&self.code(digest), code)?;
        write_whole(&self.sum(digest), written(code.len(), &hash).as_bytes())
    }

    fn code(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.cwasm", self.engine))
    }

    fn sum(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.sum", self.engine))
    }
}

/// Length and hash of a file.
fn checksum(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    // Small enough to stay in the processor's cache, and to be no page fault each time.
    let mut buffer = [0; 64 << 10];
    let (mut hash, mut length) = (XxHash3_64::new(), 0);
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

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let unique = format!("tmp-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_extension(unique);
    let result = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // The file may never have come to be; what matters is the first error.
        drop(fs::remove_file(&temporary));
    }
    result
}
