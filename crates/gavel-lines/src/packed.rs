//! JSON Lines as files of another form, told by the ends of their names: compressed, or as the rows of a Parquet file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::parquet_file;

/// What a file's name says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
    /// `.parquet`
    Parquet,
}

/// How zstd compresses where nobody says otherwise.
const ZSTD_LEVEL: i32 = 3;

impl Form {
    /// The form that a file of this name has; `None` where it holds the lines as they are.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A file that takes whole lines and holds them in another form. Nothing of it can be relied on before [`Packed::finish`].
pub struct Packed(Kind);

enum Kind {
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
    /// A row cannot be written before it is known what the columns of all rows hold, so the lines wait in a file that has no
    /// name, where the other lies.
    Parquet {
        lines: BufWriter<File>,
        file: File,
    },
}

impl Packed {
    /// Begins to write `file`, which lies in `folder`.
    ///
    /// # Errors
    /// When the file that lines wait in cannot be made, or zstd cannot start.
    pub fn new(form: Form, file: File, folder: &Path) -> io::Result<Self> {
        Ok(Self(match form {
            Form::Gzip => Kind::Gzip(GzEncoder::new(file, Compression::default())),
            Form::Zstd => Kind::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
            Form::Parquet => Kind::Parquet { lines: BufWriter::new(tempfile::tempfile_in(folder)?), file },
        }))
    }

    /// Writes what there is to its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Kind::Gzip(encoder) => encoder.finish().map(drop),
            Kind::Zstd(encoder) => encoder.finish().map(drop),
            Kind::Parquet { lines, file } => {
                let lines = lines.into_inner().map_err(io::IntoInnerError::into_error)?;
                parquet_file::write(lines, file)
            }
        }
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Gzip(encoder) => encoder.write(bytes),
            Kind::Zstd(encoder) => encoder.write(bytes),
            Kind::Parquet { lines, .. } => lines.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let form = match self.0 {
            Kind::Gzip(_) => Form::Gzip,
            Kind::Zstd(_) => Form::Zstd,
            Kind::Parquet { .. } => Form::Parquet,
        };
        f.debug_tuple("Packed").field(&form).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::{Input, LONGEST_LINE, Lines};

    /// The lines of a file in this form that was made of these.
    fn round_trip(name: &str, lines: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let file = File::create(&path).unwrap();
        let mut packed = Packed::new(Form::of(&path).unwrap(), file, folder.path()).unwrap();
        lines.iter().for_each(|line| writeln!(packed, "{line}").unwrap());
        packed.finish().unwrap();
        let mut read = Lines::new(Input::open(&path).unwrap().0, LONGEST_LINE);
        std::iter::from_fn(|| read.read().unwrap()).map(|line| line.text.unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let lines = [
            r#"{"prompt":[{"role":"user","content":"1+1"}],"id":1,"weight":0.5,"ok":true,"reward":null}"#,
            r#"{"prompt":"p","id":9007199254740993,"weight":2,"ok":null,"reward":1.0,"outcomes":{"a":{"fuel":7}}}"#,
        ];
        for name in ["x.jsonl.gz", "x.jsonl.zst"] {
            assert_eq!(round_trip(name, &lines), lines, "{name}");
        }
        // Every row of Parquet has every column, and a column one kind of value.
        assert_eq!(
            round_trip("x.parquet", &lines),
            [
                r#"{"prompt":[{"role":"user","content":"1+1"}],"id":1,"weight":0.5,"ok":true,"reward":null,"outcomes":null}"#,
                r#"{"prompt":"p","id":9007199254740993,"weight":2.0,"ok":null,"reward":1.0,"outcomes":{"a":{"fuel":7}}}"#,
            ]
        );
    }

    #[test]
    fn a_column_that_holds_several_kinds_keeps_them() {
        let lines = [r#"{"x":1,"y":"a","z":18446744073709551616}"#, r#"{"x":"1","y":null,"z":1}"#];
        let expected = [lines[0], lines[1]];
        assert_eq!(round_trip("x.parquet", &lines), expected);
        assert_eq!(round_trip("x.parquet", &[]), Vec::<String>::new());
    }

    #[test]
    fn what_is_compressed_is_that_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        let mut packed = Packed::new(Form::Gzip, File::create(&path).unwrap(), folder.path()).unwrap();
        packed.write_all(b"a\n").unwrap();
        packed.finish().unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\n");
    }
}
