//! Whether something can be written, tried before the work whose result it is to hold: what is wrong with its folder is said at
//! once, and not when hours are lost.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Tries whether the file `path` can be written. What is there stays as it is, and nothing new stays behind.
///
/// # Errors
/// When its folder is missing or takes no files, when it is a folder itself, or may not be written.
pub fn file(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(there) if there.is_dir() => {
            Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder: name a file in it"))
        }
        Ok(there) if there.is_file() => OpenOptions::new().write(true).open(path).map(drop),
        // A pipe would wait for whoever reads it.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => takes_files(folder_of(path)),
        Err(error) => Err(error),
    }
}

/// Tries whether files can be made in the folder `path`, or the folder itself where it is not there. Nothing stays behind.
///
/// # Errors
/// When the folder, or the nearest one above it that is there, takes no files, or is no folder.
pub fn folder(path: &Path) -> io::Result<()> {
    let there = path.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    takes_files(there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn takes_files(folder: &Path) -> io::Result<()> {
    match folder.metadata() {
        Ok(there) if there.is_dir() => tempfile::tempfile_in(folder).map(drop),
        Ok(_) => Err(io::Error::new(ErrorKind::NotADirectory, format!("{} is no folder", folder.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(io::Error::new(
            ErrorKind::NotFound,
            format!("there is no folder {}: make it first, or name another", folder.display()),
        )),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn trying_leaves_everything_as_it_was() {
        let of = tempfile::tempdir().unwrap();
        let path = |name: &str| of.path().join(name);
        fs::write(path("there"), "kept").unwrap();
        for name in ["there", "new"] {
            file(&path(name)).unwrap();
        }
        folder(&path("a/b")).unwrap();
        folder(of.path()).unwrap();
        assert_eq!(fs::read_to_string(path("there")).unwrap(), "kept");
        assert_eq!(fs::read_dir(of.path()).unwrap().count(), 1, "nothing new stays behind");
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let of = tempfile::tempdir().unwrap();
        let path = |name: &str| of.path().join(name);
        fs::write(path("there"), "").unwrap();
        let said = |result: io::Result<()>| result.unwrap_err().to_string();
        let missing = format!("there is no folder {}: make it first", path("no").display());
        assert!(said(file(&path("no/a"))).starts_with(&missing));
        assert!(said(file(of.path())).contains("is a folder"));
        assert!(file(&path("there/a")).is_err());
        assert!(said(folder(&path("there"))).ends_with("is no folder"));
        assert!(folder(&path("there/a")).is_err());
        assert!(file(Path::new("/proc/gavel")).is_err());
        assert!(folder(Path::new("/proc/gavel/run")).is_err());
    }
}
