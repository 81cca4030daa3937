//! Rows that are no lines, as lines of JSON: those of a Parquet file, the elements of a list, the records of a table.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use csv::{ByteRecord, StringRecord};
use parquet::file::reader::FileReader;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::input::{BUFFER, Bytes};
use crate::{BadLine, parquet_rows};

/// The byte order mark that some programs start a UTF-8 file with.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// The record that is put behind a table, which no table has. Where a quote is open at the end, it becomes part of a field.
const END: &str = "\u{1}the end of the table\u{1}";

/// How many buffers of lines are made ahead of whoever reads.
const AHEAD: usize = 4;

/// Lines that are made on a thread of their own while they are read. It ends when nobody reads any more.
pub(crate) struct Rows {
    made: Receiver<io::Result<Vec<u8>>>,
    lines: Vec<u8>,
    /// Bytes of `lines` that have been read.
    taken: usize,
    /// Whether all have come.
    ended: bool,
    /// What went wrong. It is said to whoever reads on, however often: the first may only have had a look.
    broken: Option<String>,
}

/// Where the thread puts lines.
struct Lines {
    made: SyncSender<io::Result<Vec<u8>>>,
    lines: Vec<u8>,
    /// How many there have been.
    count: u64,
}

/// Why lines are made no longer.
enum End {
    /// Nobody reads them.
    Unwanted,
    Wrong(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Wrong(error)
    }
}

impl Rows {
    /// The rows of a Parquet file. Structs are objects and lists are lists, so that messages are messages.
    ///
    /// # Errors
    /// When the file is cut off or broken.
    pub(crate) fn of_parquet(file: File) -> io::Result<Self> {
        let (reader, reading) = parquet_rows::open(file)?;
        let schema = reader.metadata().file_metadata().schema();
        require_different(schema.get_fields().iter().map(|field| field.name()))?;
        Ok(Self::made_by(move |lines| {
            for row in reader.get_row_iter(None).map_err(|error| invalid(&error))? {
                let row = row.map_err(|error| lines.invalid(&error))?;
                let line = reading.line(&row);
                lines.push(line.as_bytes())?;
            }
            Ok(())
        }))
    }

    /// The elements of a list in JSON.
    pub(crate) fn of_list(mut text: Bytes) -> Self {
        Self::made_by(move |lines| {
            skip_mark(&mut text)?;
            let mut json = serde_json::Deserializer::from_reader(text);
            let mut elements = Elements { lines, end: None };
            let read = json.deserialize_seq(&mut elements);
            let end = elements.end.take();
            match (end, read.and_then(|()| json.end())) {
                (Some(end), _) => Err(end),
                (None, read) => read.map_err(|error| lines.invalid(&error).into()),
            }
        })
    }

    /// The records of a table as objects of texts, named by its first line.
    pub(crate) fn of_table(mut text: Bytes, separator: u8) -> Self {
        Self::made_by(move |lines| {
            skip_mark(&mut text)?;
            let text = text.chain(io::Cursor::new(format!("\n{END}\n")));
            let mut table = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text);
            let names = table.headers().map_err(|error| invalid(&error))?.clone();
            require_different(names.iter())?;
            if names.as_slice() == END {
                return Ok(());
            }
            for record in table.byte_records() {
                let record = record.map_err(|error| lines.invalid(&error))?;
                if record.as_slice() == END.as_bytes() {
                    break;
                }
                let line = match row_of(&names, record) {
                    Ok(row) => Value::Object(row).to_string(),
                    Err(bad) => bad.as_record(),
                };
                lines.push(line.as_bytes())?;
            }
            Ok(())
        })
    }

    fn made_by(make: impl FnOnce(&mut Lines) -> Result<(), End> + Send + 'static) -> Self {
        let (sender, made) = sync_channel(AHEAD);
        thread::spawn(move || {
            let mut lines = Lines { made: sender, lines: Vec::new(), count: 0 };
            let end = make(&mut lines);
            // What was made before something went wrong is read before that is said.
            let flushed = lines.flush();
            match (end, flushed) {
                (Err(End::Wrong(error)), Ok(())) => _ = lines.made.send(Err(error)),
                // No lines are the end: a thread that has ended without has broken down.
                (Ok(()), Ok(())) => _ = lines.made.send(Ok(Vec::new())),
                _ => {}
            }
        });
        Self { made, lines: Vec::new(), taken: 0, ended: false, broken: None }
    }
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.lines.len() {
            if let Some(problem) = &self.broken {
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem.clone()));
            }
            match self.made.recv() {
                _ if self.ended => return Ok(0),
                Ok(Ok(lines)) => {
                    self.ended = lines.is_empty();
                    (self.lines, self.taken) = (lines, 0);
                }
                Ok(Err(error)) => self.broken = Some(error.to_string()),
                Err(_) => {
                    let problem =
                        "what reads it has broken down, which is a mistake of gavel's: please report it";
                    self.broken = Some(problem.to_owned());
                }
            }
        }
        let count = buffer.len().min(self.lines.len() - self.taken);
        buffer[..count].copy_from_slice(&self.lines[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

impl Lines {
    /// Adds a line. A break between the tokens of JSON is a space as well.
    fn push(&mut self, json: &[u8]) -> Result<(), End> {
        self.count += 1;
        self.lines.extend(json.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
        self.lines.write_all(b"\n")?;
        if self.lines.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), End> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.made.send(Ok(std::mem::take(&mut self.lines))).map_err(|_| End::Unwanted)
    }

    /// What is wrong with the row behind those that have been made.
    fn invalid(&self, error: &dyn fmt::Display) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("row {}: {error}", self.count + 1))
    }
}

/// A row that had a name twice would keep one of the two, and nobody would know which.
fn require_different<'a>(names: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut known = HashSet::new();
    match names.into_iter().find(|name| !known.insert(*name)) {
        Some(name) => Err(invalid(&format!("two columns are called `{name}`: rename one"))),
        None => Ok(()),
    }
}

/// The record of a table as an object of texts.
fn row_of(names: &StringRecord, record: ByteRecord) -> Result<Map<String, Value>, BadLine> {
    let text = record.as_slice().trim_ascii_end();
    if let Some(open) = text.strip_suffix(END.as_bytes()) {
        let lines = 1 + open.trim_ascii_end().iter().filter(|byte| **byte == b'\n').count();
        return Err(BadLine::OpenQuote { lines });
    }
    if record.len() != names.len() {
        let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count();
        return Err(BadLine::Fields { found: record.len(), columns: names.len(), lines });
    }
    let record = StringRecord::from_byte_record(record)
        .map_err(|error| BadLine::FieldNotUtf8 { field: error.utf8_error().field() + 1 })?;
    Ok(names.iter().zip(&record).map(|(name, text)| (name.to_owned(), text.into())).collect())
}

fn invalid(error: &dyn fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn skip_mark(text: &mut Bytes) -> io::Result<()> {
    use io::BufRead;
    if text.fill_buf()?.starts_with(MARK) {
        text.consume(MARK.len());
    }
    Ok(())
}

/// Takes the elements of a list one by one, as they are written.
struct Elements<'a> {
    lines: &'a mut Lines,
    /// Why there are no more, where that is not JSON's fault.
    end: Option<End>,
}

impl<'de> Visitor<'de> for &mut Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<Box<RawValue>>()? {
            if let Err(end) = self.lines.push(element.get().as_bytes()) {
                self.end = Some(end);
                return Err(serde::de::Error::custom("nobody reads it any more"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::input::buffered;

    fn text(mut rows: Rows) -> Result<String, (String, String)> {
        let mut bytes = Vec::new();
        let read = rows.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        read.map(|_| text.clone()).map_err(|error| (text, error.to_string()))
    }

    fn list(json: &'static str) -> Result<String, (String, String)> {
        text(Rows::of_list(buffered(json.as_bytes())))
    }

    fn table(csv: &'static str) -> Result<String, (String, String)> {
        text(Rows::of_table(buffered(csv.as_bytes()), b','))
    }

    #[test]
    fn the_elements_of_a_list_are_lines() {
        assert_eq!(list("[]").unwrap(), "");
        let pretty = "\u{feff}[\n  {\n    \"a\": [1,\n 2.50]\n  },\r\n  \"b\\n\", 1e400\n]\n";
        assert_eq!(list(pretty).unwrap(), "{     \"a\": [1,  2.50]   }\n\"b\\n\"\n1e400\n");
    }

    #[test]
    fn what_is_whole_is_read_before_a_list_breaks() {
        let (lines, error) = list("[{\"a\": 1}, {\"a\": ").unwrap_err();
        assert_eq!(lines, "{\"a\": 1}\n");
        assert!(error.starts_with("row 2: EOF"), "{error}");
        let (lines, error) = list("[1]\n[2]").unwrap_err();
        assert_eq!(lines, "1\n");
        assert!(error.contains("trailing characters at line 2"), "{error}");
    }

    #[test]
    fn what_breaks_off_is_said_however_often_it_is_read() {
        let mut rows = Rows::of_list(buffered(b"[1, ".as_slice()));
        let mut byte = [0; 2];
        rows.read_exact(&mut byte).unwrap();
        assert!(rows.read(&mut byte).is_err() && rows.read(&mut byte).is_err());
    }

    #[test]
    #[expect(clippy::panic, reason = "the thread has to break down")]
    fn rows_that_break_down_are_no_end() {
        let broken = Rows::made_by(|lines| {
            lines.push(b"1")?;
            lines.flush()?;
            panic!("on purpose")
        });
        let (lines, error) = text(broken).unwrap_err();
        assert_eq!(lines, "1\n");
        assert!(error.starts_with("what reads it has broken down"), "{error}");
        let mut whole = Rows::made_by(|lines| lines.push(b"1"));
        let mut all = Vec::new();
        assert_eq!((whole.read_to_end(&mut all).unwrap(), whole.read(&mut [0]).unwrap()), (2, 0));
    }

    #[test]
    fn the_records_of_a_table_are_objects_of_texts() {
        let csv = "\u{feff}prompt,answer\n\"a, \"\"b\"\"\nc\",007\n,\n";
        assert_eq!(
            table(csv).unwrap(),
            "{\"prompt\":\"a, \\\"b\\\"\\nc\",\"answer\":\"007\"}\n{\"prompt\":\"\",\"answer\":\"\"}\n"
        );
    }

    #[test]
    fn a_record_of_another_length_is_a_bad_line_and_those_around_it_are_read() {
        let table = Rows::of_table(buffered(b"a,b\n1,2\n3\n4,\xe9\n4,5,6\n7,8\n".as_slice()), b',');
        let mut lines = crate::Lines::new(io::BufReader::new(table), 64);
        let read: Vec<_> = std::iter::from_fn(|| lines.read().unwrap()).map(|line| line.text).collect();
        let fields = |found| Err(BadLine::Fields { found, columns: 2, lines: 1 });
        let row = |a: &str, b: &str| Ok(format!("{{\"a\":\"{a}\",\"b\":\"{b}\"}}"));
        let not_utf8 = Err(BadLine::FieldNotUtf8 { field: 2 });
        assert_eq!(read, [row("1", "2"), fields(1), not_utf8, fields(3), row("7", "8")]);
    }

    #[test]
    fn a_quote_that_is_open_at_the_end_is_a_bad_line() {
        for csv in ["a,b\n1,2\n3,\"x\n4,5\n", "a,b\n1,2\n3,\"x\n4,5"] {
            let table = Rows::of_table(buffered(csv.as_bytes()), b',');
            let mut lines = crate::Lines::new(io::BufReader::new(table), 64);
            let read: Vec<_> = std::iter::from_fn(|| lines.read().unwrap()).map(|line| line.text).collect();
            assert!(matches!(read[..], [Ok(_), Err(BadLine::OpenQuote { lines: 2 })]), "{read:?}");
        }
        // A quote within a field that does not begin with one is a character like any other.
        assert_eq!(table("a,b\n1,5\" pipe").unwrap(), "{\"a\":\"1\",\"b\":\"5\\\" pipe\"}\n");
    }

    #[test]
    fn two_columns_of_a_name_are_refused() {
        assert_eq!(table("a,b,a\n1,2,3\n").unwrap_err().1, "two columns are called `a`: rename one");
    }

    #[test]
    fn the_rows_of_a_parquet_file_are_objects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let schema = "message rows { required binary question (STRING); optional int64 answer; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer =
            SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let questions = ["1 + 1?", "2\n"].map(ByteArray::from);
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&questions, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[2], Some(&[1, 0]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();

        let rows = Rows::of_parquet(File::open(&path).unwrap()).unwrap();
        let expected = "{\"question\":\"1 + 1?\",\"answer\":2}\n{\"question\":\"2\\n\",\"answer\":null}\n";
        assert_eq!(text(rows).unwrap(), expected);

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        assert!(Rows::of_parquet(File::open(&path).unwrap()).is_err(), "it is cut off");
    }
}
