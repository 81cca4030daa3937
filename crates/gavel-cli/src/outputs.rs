//! Files that a command is told to write: what is said of one that is there already, and names that promise what is not
//! written.

use std::path::Path;

use anyhow::bail;

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
    if path.metadata().is_ok_and(|there| there.is_file() && there.len() > 0) {
        terminal.note(format_args!("{} is there already, and is written over", path.display()));
    }
    Ok(())
}
