//! Where lines come from: a file or stdin, as it is or compressed by gzip or zstd, in one of the forms that rows have.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::rows::{self, Rows};

/// What a file of gzip starts with, and one of zstd, and one of Parquet.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: &[u8] = b"PAR1";

/// Bytes that are read at a time.
pub(crate) const BUFFER: usize = 256 << 10;

pub(crate) type Bytes = BufReader<Box<dyn Read + Send>>;

/// The input, as lines of JSON whatever it is. What comes through a pipe is looked at when it is first read: nothing may
/// come for a long time.
///
/// Lines pass through as they are. The rows of a Parquet file, the elements of a list in JSON and the records of a table
/// (`.csv`, `.tsv`) become lines, in order, read as they are asked for.
pub struct Input(State);

enum State {
    /// What the separator of its columns is, where it is a table.
    Unread(Option<Bytes>, Option<u8>),
    Plain(Bytes),
    /// What it is cannot be read. It is said to whoever reads on, however often: the first may only have had a look.
    Broken(io::ErrorKind, String),
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

impl Input {
    /// Opens a file; `-` is stdin. Also tells its size in bytes where lines of so many bytes will come.
    ///
    /// # Errors
    /// What the operating system says, and what is wrong with a Parquet file.
    pub fn open(path: &Path) -> io::Result<(Self, Option<u64>)> {
        if path == Path::new("-") {
            return Ok((Self(State::Unread(Some(buffered(io::stdin())), None)), None));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder: name a file in it"));
        }
        let mut reader = BufReader::with_capacity(BUFFER, file);
        if metadata.is_file() && reader.fill_buf()?.starts_with(PARQUET) {
            return Ok((Self(State::Plain(buffered(Rows::of_parquet(reader.into_inner())?))), None));
        }
        let mut reader: Bytes = buffered(reader);
        let separator = separator(path);
        let start = if metadata.is_file() { reader.fill_buf()? } else { &[] };
        let is_lines =
            metadata.is_file() && separator.is_none() && decoder(start).is_none() && !is_list(start);
        let size = is_lines.then_some(metadata.len());
        Ok((Self(State::Unread(Some(reader), separator)), size))
    }

    /// What has been read and not yet taken.
    pub(crate) fn waiting(&self) -> &[u8] {
        match &self.0 {
            State::Plain(reader) => reader.buffer(),
            State::Unread(..) | State::Broken(..) => &[],
        }
    }

    fn plain(&mut self) -> io::Result<&mut Bytes> {
        if let State::Unread(reader, separator) = &mut self.0 {
            let reader = reader.take().unwrap_or_else(|| buffered(io::empty()));
            self.0 = match as_lines(reader, *separator) {
                Ok(lines) => State::Plain(lines),
                Err(error) => State::Broken(error.kind(), error.to_string()),
            };
        }
        match &mut self.0 {
            State::Plain(reader) => Ok(reader),
            State::Broken(kind, problem) => Err(io::Error::new(*kind, problem.clone())),
            State::Unread(..) => unreachable!("it has just been looked at"),
        }
    }
}

pub(crate) fn buffered(reader: impl Read + Send + 'static) -> Bytes {
    BufReader::with_capacity(BUFFER, Box::new(reader))
}

/// Lines of JSON from what may be compressed, a list, or a table with this separator.
fn as_lines(mut reader: Bytes, separator: Option<u8>) -> io::Result<Bytes> {
    if let Some(decode) = decoder(reader.fill_buf()?) {
        reader = decode(reader)?;
    }
    let start = reader.fill_buf()?;
    if start.starts_with(PARQUET) {
        let problem = "Parquet cannot be read through a pipe or compressed as a whole: name the file itself";
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    if let Some(separator) = separator {
        return Ok(buffered(Rows::of_table(reader, separator)));
    }
    Ok(if is_list(start) { buffered(Rows::of_list(reader)) } else { reader })
}

/// Whether a text begins with a list.
fn is_list(start: &[u8]) -> bool {
    let text = start.strip_prefix(rows::MARK).unwrap_or(start);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

/// What separates the columns of a table, by the name of its file: `.csv`, `.tsv`, and these compressed.
fn separator(path: &Path) -> Option<u8> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let ends = [(".csv", b','), (".tsv", b'\t')];
    ends.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, separator)| separator)
}

/// What makes text of what starts so; `None` where it is text already.
fn decoder(start: &[u8]) -> Option<fn(Bytes) -> io::Result<Bytes>> {
    if start.starts_with(GZIP) {
        Some(|reader| Ok(buffered(MultiGzDecoder::new(reader))))
    } else if start.starts_with(ZSTD) {
        Some(|reader| Ok(buffered(zstd::Decoder::with_buffer(reader)?)))
    } else {
        None
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.plain()?.read(buffer)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.plain()?.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        // Only what `fill_buf` has shown is consumed.
        if let State::Plain(reader) = &mut self.0 {
            reader.consume(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &str = "{\"a\": 1}\n{\"a\": 2}\n";

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_files_are_read_as_their_text() {
        let folder = tempfile::tempdir().unwrap();
        let halves = TEXT.split_inclusive('\n').collect::<Vec<_>>();
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
        for (name, content) in [
            ("plain", TEXT.as_bytes().to_vec()),
            ("gzip", gzip(TEXT)),
            ("zstd", zstd(TEXT)),
            // Two files, one behind the other, as parallel compressors write.
            ("gzip twice", [gzip(halves[0]), gzip(halves[1])].concat()),
            ("zstd twice", [zstd(halves[0]), zstd(halves[1])].concat()),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, &content).unwrap();
            let (mut input, size) = Input::open(&path).unwrap();
            let mut text = String::new();
            input.read_to_string(&mut text).unwrap();
            assert_eq!(text, TEXT, "{name}");
            assert_eq!(size.is_some(), name == "plain", "{name}");
        }
        assert_eq!(Input::open(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let path = folder.path().join("cut");
        std::fs::write(&path, &gzip(TEXT)[..20]).unwrap();
        assert!(Input::open(&path).unwrap().0.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_said_however_often_it_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet.gz");
        std::fs::write(&path, gzip("PAR1 and more")).unwrap();
        let mut input = Input::open(&path).unwrap().0;
        for _ in 0..3 {
            let error = input.fill_buf().unwrap_err().to_string();
            assert!(error.starts_with("Parquet cannot be read through a pipe"), "{error}");
        }
    }
}
