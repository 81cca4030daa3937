//! Files that a command is told to write: what is said of one that is there already, and names that promise what is not
//! written.

use std::path::Path;

use anyhow::bail;
use same_file::Handle;

use gavel_lines::Form;

use crate::terminal::Terminal;

/// Ends of names by which other programs, and gavel itself, take a file to be compressed.
const COMPRESSED: [(&str, &str); 4] = [("gz", "gzip"), ("zst", "zstd"), ("bz2", "bzip2"), ("xz", "xz")];

/// Ends of names by which a file is taken for a table or Parquet, by gavel too.
const OTHER_FORMS: [&str; 3] = ["csv", "tsv", "parquet"];

/// Looks at where lines are to be written, before anything is loaded and long before the file is opened. One that holds
/// something is written over, as by every other program with such a flag, and that is said.
///
/// # Errors
/// When the name says that the file is compressed or in another form, which nothing here writes.
pub fn look(path: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    look_but_for(path, None, terminal)
}

/// As [`look`], where lines are written compressed by gzip or zstd, or as Parquet, if the name says so.
///
/// # Errors
/// When the name says that the file has another form.
pub fn look_packed(path: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    look_but_for(path, Form::of(path), terminal)
}

fn look_but_for(path: &Path, written: Option<Form>, terminal: &Terminal) -> anyhow::Result<()> {
    if written.is_some() {
        return say_what_is_there(path, terminal);
    }
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    if let Some((_, program)) = COMPRESSED.iter().find(|(compressed, _)| *compressed == end) {
        bail!(
            "{} would not be compressed, as its name says: write to a name without `.{end}`, and compress that by `{program}`",
            path.display()
        );
    }
    if OTHER_FORMS.contains(&end) {
        bail!(
            "{} would hold JSON Lines, whatever its name says: write to a name that ends with .jsonl",
            path.display()
        );
    }
    say_what_is_there(path, terminal)
}

fn say_what_is_there(path: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    if path.metadata().is_ok_and(|there| there.is_file() && there.len() > 0) {
        terminal.note(format_args!("{} is there already, and is written over", path.display()));
    }
    Ok(())
}

/// Refuses to write to a file that the command reads, each with what it is called: it would be gone before it is read, or with
/// what it says.
///
/// # Errors
/// When they are the same file.
pub fn require_apart(output: &Path, read: &[(&str, &Path)]) -> anyhow::Result<()> {
    // A terminal, a pipe or /dev/null may be both.
    let is_file = || output.metadata().is_ok_and(|metadata| metadata.is_file());
    match read.iter().find(|(_, path)| is_same_file(output, path)) {
        Some((what, _)) if is_file() => {
            bail!("{} is both {what} and output; write to another file", output.display());
        }
        _ => Ok(()),
    }
}

/// Whether a file that is written is one that is read or written besides. A file is known by any of its names, and `-`, which is
/// stdin, by the file that it is.
pub fn is_same_file(written: &Path, other: &Path) -> bool {
    let other_handle = if other == Path::new("-") { Handle::stdin() } else { Handle::from_path(other) };
    match (Handle::from_path(written), other_handle) {
        (Ok(written), Ok(other)) => written == other,
        _ => written == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("rows.jsonl"), "{}").unwrap();
        std::fs::write(path("other.jsonl"), "{}").unwrap();
        std::fs::hard_link(path("rows.jsonl"), path("linked.jsonl")).unwrap();
        let check = |output: &str| require_apart(&path(output), &[("input", &path("rows.jsonl"))]);
        assert!(check("rows.jsonl").is_err() && check("linked.jsonl").is_err());
        assert!(check("other.jsonl").is_ok() && check("new.jsonl").is_ok());
        assert!(require_apart(Path::new("/dev/null"), &[("input", Path::new("/dev/null"))]).is_ok());
    }
}
