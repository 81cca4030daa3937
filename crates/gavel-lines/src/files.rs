//! Which files are meant by names, patterns and folders, in an order that depends on nothing but their names.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{Glob, GlobBuilder};
use walkdir::{DirEntry, WalkDir};

/// How the names of files end that a folder is read for: those in a form that [`crate::Input`] reads.
pub const ROW_FILES: [&str; 5] = [".jsonl", ".json", ".csv", ".tsv", ".parquet"];

/// What may follow these ends.
const COMPRESSED: [&str; 2] = [".gz", ".zst"];

/// The characters that make a pattern of a name.
const OF_PATTERNS: [char; 4] = ['*', '?', '[', '{'];

/// Why names mean no files.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A folder has no file of rows directly in it.
    #[error(
        "{} is a folder without a file of rows directly in it: their names end with {}, and perhaps .gz or .zst; \
         files further below take a pattern such as `{}/**/*.parquet`",
        folder.display(), ROW_FILES.join(", "), folder.display()
    )]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A pattern matches no file.
    #[error("no file matches {}", pattern.display())]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A pattern cannot be read.
    #[error("{} is no pattern for names of files", pattern.display())]
    Pattern {
        /// The pattern.
        pattern: PathBuf,
        /// What is wrong with it.
        #[source]
        source: globset::Error,
    },
    /// A file is meant twice, so that its rows would count twice.
    #[error("{} is named twice, by {} and by {}: leave one of them out", file.display(), first.display(), second.display())]
    Twice {
        /// The file.
        file: PathBuf,
        /// What named it first.
        first: PathBuf,
        /// What named it again.
        second: PathBuf,
    },
    /// A folder cannot be looked through.
    #[error("cannot read the folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// The files that these names mean, those of the first name first.
///
/// A folder means the files of rows directly in it ([`ROW_FILES`]), and a pattern (`*`, `?`, `[…]`, `{a,b}` within a name,
/// `**` over folders) the files that match it, each in the order of their paths, byte by byte; both pass over names that
/// begin with a dot. Anything else is one file, whether it is there or not.
///
/// # Errors
/// When a folder or a pattern means no file, or two names mean the same one.
pub fn expand(names: &[PathBuf]) -> Result<Vec<PathBuf>, FilesError> {
    let mut files = Vec::new();
    let mut named_by: HashMap<PathBuf, &PathBuf> = HashMap::new();
    for name in names {
        for file in files_of(name)? {
            // What cannot be resolved is not there, which whoever opens it says.
            let resolved = file.canonicalize().unwrap_or_else(|_| file.clone());
            if let Some(first) = named_by.insert(resolved, name) {
                return Err(FilesError::Twice { file, first: first.clone(), second: name.clone() });
            }
            files.push(file);
        }
    }
    Ok(files)
}

fn files_of(name: &Path) -> Result<Vec<PathBuf>, FilesError> {
    if name.is_dir() {
        return files_in(name);
    }
    // A file whose name has such characters is a file.
    if name.exists() || !is_pattern(name) {
        return Ok(vec![name.to_owned()]);
    }
    matching(name)
}

/// Whether a name can mean several files.
fn is_pattern(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.contains(OF_PATTERNS))
}

/// The files of rows directly in a folder.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let walk = WalkDir::new(folder).min_depth(1).max_depth(1).follow_links(true);
    let files =
        files_below(walk, folder, &|file| file.file_name().and_then(OsStr::to_str).is_some_and(is_row_file))?;
    if files.is_empty() { Err(FilesError::EmptyFolder { folder: folder.to_owned() }) } else { Ok(files) }
}

/// Whether the name of a file says that it holds rows ([`ROW_FILES`]).
pub fn is_row_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = COMPRESSED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    ROW_FILES.iter().any(|end| name.ends_with(end))
}

/// The files that match a pattern.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let wrong = |source| FilesError::Pattern { pattern: pattern.to_owned(), source };
    let matcher = glob(pattern).map_err(wrong)?.compile_matcher();
    let folder = folder_above(pattern);
    // A pattern without a folder is looked for in the working directory, whose name the paths then lack.
    let base = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
    let walk = WalkDir::new(base).min_depth(1).follow_links(true);
    let found = match files_below(walk, base, &|file| matcher.is_match(without_dot(file))) {
        Err(FilesError::Folder { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        found => found?,
    };
    if found.is_empty() {
        return Err(FilesError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(found.iter().map(|file| without_dot(file).to_owned()).collect())
}

fn glob(pattern: &Path) -> Result<Glob, globset::Error> {
    GlobBuilder::new(&pattern.to_string_lossy()).literal_separator(true).build()
}

fn without_dot(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// The folder below which everything lies that a pattern can match.
fn folder_above(pattern: &Path) -> PathBuf {
    let is_plain = |part: &Component<'_>| !is_pattern(Path::new(part.as_os_str()));
    pattern.components().take_while(is_plain).collect()
}

fn files_below(
    walk: WalkDir,
    folder: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, FilesError> {
    let is_visible =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    let mut files = Vec::new();
    for entry in walk.into_iter().filter_entry(is_visible) {
        let unreadable = |error: walkdir::Error| FilesError::Folder {
            folder: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        };
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().is_file() && wanted(entry.path()) {
            files.push(entry.into_path());
        }
    }
    files.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    fn expanded(folder: &tempfile::TempDir, names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
        let root = format!("{}/", folder.path().display());
        let files = expand(&names).map_err(|error| error.to_string().replace(&root, ""))?;
        Ok(files.iter().map(|file| file.display().to_string().replace(&root, "")).collect())
    }

    #[test]
    fn files_stand_in_the_order_of_their_names() {
        let folder = folder_with(&[
            "b.jsonl",
            "a/2.parquet",
            "a/10.parquet",
            "a/x.md",
            "a/deep/1.parquet",
            "c[1].csv",
        ]);
        let files = |names: &[&str]| expanded(&folder, names).unwrap();
        assert_eq!(files(&["b.jsonl", "a"]), ["b.jsonl", "a/10.parquet", "a/2.parquet"]);
        assert_eq!(files(&["a/?.parquet"]), ["a/2.parquet"]);
        assert_eq!(files(&["**/*.parquet"]), ["a/10.parquet", "a/2.parquet", "a/deep/1.parquet"]);
        assert_eq!(files(&["{b,d}.jsonl"]), ["b.jsonl"]);
        assert_eq!(files(&["c[1].csv"]), ["c[1].csv"], "a file that is there is no pattern");
        assert_eq!(files(&["missing.jsonl"]), ["missing.jsonl"], "whoever opens it says what is wrong");
    }

    #[test]
    fn hidden_files_and_folders_are_passed_over() {
        let folder = folder_with(&[".cache/a.jsonl", ".b.jsonl", "c.JSONL.gz", "d.csv.zst"]);
        assert_eq!(expanded(&folder, &["**/*.jsonl"]).unwrap_err(), "no file matches **/*.jsonl");
        assert_eq!(expanded(&folder, &["."]).unwrap().len(), 2);
    }

    #[test]
    fn what_means_nothing_or_the_same_twice_is_refused() {
        let folder = folder_with(&["a.jsonl", "empty/notes.md", "[x/a.jsonl"]);
        let refused = |names: &[&str]| expanded(&folder, names).unwrap_err();
        assert_eq!(refused(&["nowhere/*.jsonl"]), "no file matches nowhere/*.jsonl");
        assert!(refused(&["empty"]).starts_with("empty is a folder without a file of rows directly in it"));
        assert!(refused(&["[y/*.jsonl"]).starts_with("[y/*.jsonl is no pattern"));
        let twice = "a.jsonl is named twice, by a.jsonl and by *.jsonl: leave one of them out";
        assert_eq!(refused(&["a.jsonl", "*.jsonl"]), twice);
    }
}
