//! What a file looks like that is no JSON Lines, and what makes JSON Lines of it.

/// Files that are told by how they start, with what they are and what to do about it.
const STARTS: [(&[u8], &str); 8] = [
    (
        b"ARROW1",
        "Arrow; in Python, `datasets.Dataset.from_file(\"a.arrow\").to_parquet(\"a.parquet\")` makes Parquet of it, which is read",
    ),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"\xfd7zXZ\0", "compressed by xz; gzip and zstd are read, so pass it through `xz -dc`"),
    (b"BZh", "compressed by bzip2; gzip and zstd are read, so pass it through `bzip2 -dc`"),
    (b"SQLite format 3\0", "a database of SQLite"),
    (b"\xff\xfe", UTF16),
    (b"\xfe\xff", UTF16),
    (b"%PDF", "PDF"),
];

const UTF16: &str =
    "text in UTF-16, as PowerShell's `>` writes it; `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it";

const LATIN1: &str =
    "text that is not UTF-8; `iconv -f LATIN1 -t UTF-8` makes UTF-8 of what Western programs write";

/// Whether bytes are text in an encoding that has ASCII in it: no control characters, and most of it ASCII.
fn is_legible(start: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let ascii = start.iter().filter(|byte| byte.is_ascii()).count();
    !start.iter().any(control) && 2 * ascii > start.len()
}

/// What the beginning of a file looks like, as the end of "it looks like …": `None` where it looks like nothing that is
/// known, and so may be JSON Lines with mistakes. Bytes that are no text are told by how they start, text by its first
/// lines.
pub fn look(start: &[u8]) -> Option<&'static str> {
    if let Some((_, what)) = STARTS.iter().find(|(begins, _)| start.starts_with(begins)) {
        return Some(what);
    }
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // Cut within a character is not yet bytes that are no text.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) if is_legible(start) => return Some(LATIN1),
        Err(_) => return Some("a binary file"),
    };
    if text.contains('\0') {
        return Some("a binary file");
    }
    look_at_text(text.trim_start_matches('\u{feff}').trim_start())
}

fn look_at_text(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next()?;
    match first.as_bytes()[0] {
        b'{' if !first.ends_with('}') && lines.next().is_some() => {
            Some("JSON over several lines; `jq -c .` puts each object on one line")
        }
        b'{' => None,
        b'<' => Some("HTML or XML; a download that was refused is often a page that says why"),
        _ if first.starts_with("version https://git-lfs") => {
            Some("a pointer of Git LFS; `git lfs pull` brings the file itself")
        }
        _ => {
            let second = lines.next()?;
            let columns = |separator: char| {
                let [one, other] = [first, second].map(|line| line.matches(separator).count());
                one > 0 && other >= one
            };
            if columns('\t') || columns(',') {
                Some(
                    "a table (CSV or TSV); it is read as one where the name of its file ends with .csv or .tsv",
                )
            } else {
                columns(';').then_some(
                    "a table with semicolons between its columns; commas are read, so save it with commas, or in Python: \
                     `pandas.read_csv(\"a.csv\", sep=\";\").to_csv(\"b.csv\", index=False)`",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_instead_is_told() {
        for (start, expected) in [
            (b"\xff\xfe{\0\"\0".as_slice(), "text in UTF-16"),
            (b"\x80\x04\x95pickle", "a binary file"),
            (b"{\"prompt\": \"caf\xe9\"}", "text that is not UTF-8"),
            (b"abc\0def", "a binary file"),
            (b"{\n  \"prompt\": \"a\",\n", "JSON over several lines"),
            (b"<!DOCTYPE html>\n", "HTML or XML"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
            (b"prompt,completion\n\"a\",\"b, c\"\n", "a table"),
            (b"prompt\tcompletion\na\tb\n", "a table"),
            (b"prompt;completion\na;b\n", "a table with semicolons"),
        ] {
            let found = look(start);
            assert!(found.is_some_and(|found| found.starts_with(expected)), "{found:?}, not {expected}");
        }
    }

    #[test]
    fn what_may_be_json_lines_with_mistakes_is_not_told_otherwise() {
        for start in [
            b"".as_slice(),
            b"{\"prompt\": \"a\"}\n",
            // Cut by whoever shows the beginning alone, and within a character at that.
            b"{\"prompt\": \"a",
            b"{\"prompt\": \"\xc3",
            b"nonsense\nmore of it, and more\n",
        ] {
            assert_eq!(look(start), None, "{}", String::from_utf8_lossy(start));
        }
    }
}
