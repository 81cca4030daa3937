//! Locks of what one process alone may write: held by the process, so that one that ends, however it does, leaves none behind.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// A lock, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another process{} has it", by.map(|id| format!(" ({id})")).unwrap_or_default())]
    Held {
        /// The other process, where it says so.
        by: Option<u32>,
    },
    /// The file of the lock cannot be written.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl Lock {
    /// Takes the lock of the file `path`, which is made where it is not there and stays behind, with the number of the process
    /// in it.
    ///
    /// A file system that knows no locks gives one to everybody.
    ///
    /// # Errors
    /// When another process has it, or the file cannot be written.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who has it may be about to say so, or no other may read it.
                let _ = (&file).take(32).read_to_string(&mut text);
                return Err(LockError::Held { by: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        // One that has ended says nothing by the file that it left.
        std::fs::write(&path, "4194305 and more\n").unwrap();
        let held = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        assert!(matches!(error, LockError::Held { by: Some(by) } if by == std::process::id()), "{error}");
        drop(held);
        drop(Lock::take(&path).unwrap());
        assert!(matches!(Lock::take(&folder.path().join("no/a")), Err(LockError::File(_))));
    }
}
