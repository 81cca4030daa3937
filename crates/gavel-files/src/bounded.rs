//! Reads a whole file that ought to be small, and nothing that only looks like one.
//!
//! A reward file, a manifest or a plugin is named by a person, or by a file that a stranger wrote. The name may lead to
//! a device without an end, to a pipe that nobody writes to, or to a file that fills the memory. So a file is opened
//! without waiting, must be a regular one, and is read up to a limit that its reader chooses.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use bytesize::ByteSize;

/// The most bytes of a reward file, a manifest or a lock: what a person writes is thousands of times smaller.
pub const LARGEST_TEXT: u64 = 16 << 20;

/// Why a file is not read although the operating system would allow it. It is inside the [`io::Error`] of [`read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is a folder, a pipe, a socket or a device.
    #[error("it is {}, not a regular file", .kind)]
    NotAFile {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// It is larger than what it is used for can be.
    #[error("it is larger than {}", ByteSize(*.most))]
    TooLarge {
        /// The most bytes that are read.
        most: u64,
    },
}

impl Unfit {
    /// The reason inside an error of [`read`]; `None` where the operating system refused.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        let kind = match unfit {
            Unfit::NotAFile { .. } => io::ErrorKind::InvalidInput,
            Unfit::TooLarge { .. } => io::ErrorKind::FileTooLarge,
        };
        Self::new(kind, unfit)
    }
}

/// Reads a regular file of at most `most` bytes. Never waits for anybody, and never takes more memory than that.
///
/// # Errors
/// What the operating system says; [`Unfit`] where the file is not a regular one, or larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = regular(path)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(Unfit::TooLarge { most }.into());
    }
    let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // Files of /proc say that they are empty, and others grow while they are read: the limit is on what comes.
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most { Err(Unfit::TooLarge { most }.into()) } else { Ok(content) }
}

/// The first bytes of a regular file: `count`, or as many as it has. Never waits for anybody.
///
/// # Errors
/// As [`read`], but the file may be of any size.
pub fn start(path: &Path, count: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(count);
    regular(path)?.take(count as u64).read_to_end(&mut content)?;
    Ok(content)
}

/// As [`read`], for a text.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidData`] where it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to() + 1;
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 from byte {byte}"))
    })
}

/// Opens a file that has an end.
fn regular(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok(file)
    } else {
        Err(Unfit::NotAFile { kind: kind(metadata.file_type()) }.into())
    }
}

/// Opens a file for reading. A pipe that nobody writes to does not hold this up: it is opened, and refused afterwards.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A terminal that is opened must not become the one that controls this process either.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

fn kind(file_type: std::fs::FileType) -> &'static str {
    if file_type.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if file_type.is_fifo() {
            return "a pipe";
        }
        if file_type.is_socket() {
            return "a socket";
        }
    }
    "a device"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfit(path: &Path, most: u64) -> Unfit {
        let error = read(path, most).unwrap_err();
        Unfit::of(&error).unwrap_or_else(|| panic!("{error}"))
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read_text(&path, 6).unwrap(), "12345");
        assert_eq!(unfit(&path, 4), Unfit::TooLarge { most: 4 });
        assert_eq!((start(&path, 2).unwrap(), start(&path, 9).unwrap()), (b"12".to_vec(), b"12345".to_vec()));
        std::fs::write(&path, "").unwrap();
        assert_eq!(read(&path, 0).unwrap(), b"");
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unfit(folder.path(), 1), Unfit::NotAFile { kind: "a folder" });
        let error = read(&folder.path().join("absent"), 1).unwrap_err();
        assert_eq!((error.kind(), Unfit::of(&error)), (io::ErrorKind::NotFound, None));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_and_a_pipe_without_writer_hold_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, link] = ["pipe", "link"].map(|name| folder.path().join(name));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(unfit(&pipe, 1), Unfit::NotAFile { kind: "a pipe" });
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for device in [Path::new("/dev/zero"), &link] {
            assert_eq!(unfit(device, 1 << 20), Unfit::NotAFile { kind: "a device" });
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_hides_its_size_is_bounded_too() {
        assert!(read(Path::new("/proc/self/maps"), 1 << 30).unwrap().len() > 10);
        assert_eq!(unfit(Path::new("/proc/self/maps"), 10), Unfit::TooLarge { most: 10 });
    }

    #[test]
    fn a_text_is_utf_8() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"ab\xff").unwrap();
        let error = read_text(&path, 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "it is not UTF-8 from byte 3");
    }
}
