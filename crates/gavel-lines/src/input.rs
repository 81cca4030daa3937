//! Where lines come from: a file or stdin, as it is or compressed by gzip or zstd.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// What a file of gzip starts with, and one of zstd.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;

type Bytes = BufReader<Box<dyn Read + Send>>;

/// The input. What it is is found out when it is first read: from a pipe, nothing may come for a long time.
pub struct Input(State);

enum State {
    Unread(Option<Bytes>),
    Plain(Bytes),
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
    /// What the operating system says.
    pub fn open(path: &Path) -> io::Result<(Self, Option<u64>)> {
        if path == Path::new("-") {
            return Ok((Self(State::Unread(Some(buffered(io::stdin())))), None));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut reader = buffered(file);
        let is_compressed = metadata.is_file() && decoder(reader.fill_buf()?).is_some();
        let size = (metadata.is_file() && !is_compressed).then_some(metadata.len());
        Ok((Self(State::Unread(Some(reader))), size))
    }

    /// What has been read and not yet taken.
    pub(crate) fn waiting(&self) -> &[u8] {
        match &self.0 {
            State::Plain(reader) => reader.buffer(),
            State::Unread(_) => &[],
        }
    }

    fn plain(&mut self) -> io::Result<&mut Bytes> {
        if let State::Unread(reader) = &mut self.0 {
            let mut reader = reader.take().unwrap_or_else(|| buffered(io::empty()));
            self.0 = State::Plain(match decoder(reader.fill_buf()?) {
                Some(decode) => decode(reader)?,
                None => reader,
            });
        }
        match &mut self.0 {
            State::Plain(reader) => Ok(reader),
            State::Unread(_) => unreachable!("it has just been looked at"),
        }
    }
}

fn buffered(reader: impl Read + Send + 'static) -> Bytes {
    BufReader::with_capacity(BUFFER, Box::new(reader))
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
        let path = folder.path().join("cut");
        std::fs::write(&path, &gzip(TEXT)[..20]).unwrap();
        assert!(Input::open(&path).unwrap().0.read_to_end(&mut Vec::new()).is_err());
    }
}
