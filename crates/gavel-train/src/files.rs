//! Files and directories that appear whole or not at all.
//!
//! They are written under another name beside the right one, synced and renamed. What fails on the way, as on a full
//! disk, is removed again, and what was there before stays.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Device, Tensor};

use crate::TrainError;
use crate::error::Action;

/// Writes a file so that whoever reads it sees the old one or the new one.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    gavel_files::whole_file::write(path, bytes).map_err(TrainError::file(Action::Write, path))
}

/// Has `fill` write into a directory of another name, syncs everything in it and renames it. A directory that is
/// there already is replaced.
///
/// # Errors
///
/// Those of `fill`, and when files cannot be written; nothing partial stays behind then.
pub fn write_directory_atomically(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let temporary = temporary_name(path);
    let write = || {
        remove_directory(&temporary)?;
        fs::create_dir_all(&temporary).map_err(TrainError::file(Action::Create, &temporary))?;
        fill(&temporary)?;
        for entry in read_directory(&temporary)? {
            sync(&entry)?;
        }
        sync(&temporary)?;
        remove_directory(path)?;
        rename(&temporary, path)
    };
    write().inspect_err(|_| {
        // A partial checkpoint takes room that the next one needs. The first error is the one to tell.
        let _ = remove_directory(&temporary);
    })
}

/// Makes sure that the disk of `path` has room for `needed` bytes more, so that a long write is not begun in vain.
pub(crate) fn require_room(path: &Path, needed: u64) -> Result<(), TrainError> {
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    // Where the file system cannot say, the write itself will.
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let available = disk.f_bavail.saturating_mul(disk.f_frsize);
    if needed > available {
        return Err(TrainError::NoRoom { path: path.to_owned(), needed, available });
    }
    Ok(())
}

pub(crate) fn json_bytes(value: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string_pretty(value).expect("maps with text keys and numbers");
    format!("{text}\n").into_bytes()
}

/// `.name.tmp` beside `name`: on the same file system, and skipped by whoever looks for names.
fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().expect("a path with a name").to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(TrainError::file(Action::Write, path))
}

pub(crate) fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<(), TrainError> {
    let on_cpu: Vec<(&String, Tensor)> =
        tensors.iter().map(|(name, tensor)| (name, tensor.to_device(Device::Cpu).contiguous())).collect();
    Tensor::write_safetensors(&on_cpu, path).map_err(|source| TrainError::Tensors {
        action: Action::Write,
        path: path.to_owned(),
        source,
    })
}

/// Renames, and syncs the folder, without which the new name can be lost.
fn rename(from: &Path, to: &Path) -> Result<(), TrainError> {
    fs::rename(from, to).map_err(TrainError::file(Action::Write, to))?;
    to.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), sync)
}

fn sync(path: &Path) -> Result<(), TrainError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(TrainError::file(Action::Write, path))
}

fn remove_directory(path: &Path) -> Result<(), TrainError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(TrainError::file(Action::Remove, path)(error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn read_directory(path: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let read =
        || -> io::Result<Vec<PathBuf>> { fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect() };
    read().map_err(TrainError::file(Action::Read, path))
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, TrainError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(TrainError::file(Action::Read, path))?,
    };
    let json = serde_json::from_slice(&bytes);
    json.map(Some).map_err(|source| TrainError::Json { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-00001");
        let failed = write_directory_atomically(&path, |inside| {
            write_synced(&inside.join("a"), b"half")?;
            Err(TrainError::NoRun { path: inside.to_owned() })
        });
        assert!(failed.is_err());
        assert!(read_directory(directory.path()).unwrap().is_empty(), "nothing partial stays behind");
        write_directory_atomically(&path, |inside| write_synced(&inside.join("b"), b"whole")).unwrap();
        assert_eq!(read_directory(&path).unwrap(), [path.join("b")]);
        let failed =
            write_directory_atomically(&path, |inside| Err(TrainError::NoRun { path: inside.to_owned() }));
        assert!(failed.is_err() && path.join("b").exists(), "what was there stays");
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.jsonl");
        fs::create_dir_all(path.join("in the way")).unwrap();
        let error = write_atomically(&path, b"text").unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(read_directory(directory.path()).unwrap(), [path]);
    }

    #[test]
    fn room_is_asked_for_before_anything_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoints/step-00001");
        require_room(&path, 1).unwrap();
        let error = require_room(&path, u64::MAX).unwrap_err();
        assert!(matches!(error, TrainError::NoRoom { needed: u64::MAX, .. }));
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(error.fault(), crate::error::Fault::Machine);
    }
}
