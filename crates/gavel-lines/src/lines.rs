//! Reads lines of bounded length, so that one endless line cannot fill the memory.

use std::io::{self, BufRead, Read};

use crate::Input;

/// The longest line of a file of cases or tasks, in bytes.
pub const LONGEST_LINE: u64 = 64 << 20;

/// The lines of a reader, with their numbers.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
    longest: u64,
}

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: u64,
    /// Bytes read, the end of the line included.
    pub bytes: u64,
    /// The text without its end, or why there is none.
    pub text: Result<String, BadLine>,
}

/// Why a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// It is longer than is read.
    #[error("longer than {longest} bytes")]
    TooLong {
        /// The longest line that is read.
        longest: u64,
    },
    /// It is not UTF-8.
    #[error("not UTF-8 from byte {byte} of the line")]
    NotUtf8 {
        /// The first byte that is not, counted from 1.
        byte: usize,
    },
    /// It is the record of a table, and has not as many fields as that has columns.
    #[error("{found} fields, and the table has {columns} columns{}", perhaps_open(*.lines))]
    Fields {
        /// How many it has.
        found: usize,
        /// How many there are.
        columns: usize,
        /// How many lines it takes.
        lines: usize,
    },
    /// It is the last record of a table, and a field that begins with a quote has no end.
    #[error("a quote is opened and never closed, over {lines} lines to the end of the table")]
    OpenQuote {
        /// How many lines it takes.
        lines: usize,
    },
    /// It is the record of a table, and one of its fields is not UTF-8.
    #[error(
        "field {field} is not UTF-8; `iconv -f LATIN1 -t UTF-8` makes UTF-8 of what Western programs write"
    )]
    FieldNotUtf8 {
        /// Counted from 1.
        field: usize,
    },
}

/// What a line begins with that stands for a record which is none: JSON never begins so.
const BROKEN: char = '\u{1}';

/// Quotes may hold ends of lines, so that one that is never closed takes all that comes.
fn perhaps_open(lines: usize) -> String {
    if lines == 1 { String::new() } else { format!(", over {lines} lines: is a quote never closed?") }
}

impl BadLine {
    /// The line that stands for a bad record: [`Lines::read`] makes this of it again.
    ///
    /// # Panics
    /// If it is none of a record.
    pub(crate) fn as_record(self) -> String {
        match self {
            Self::Fields { found, columns, lines } => format!("{BROKEN}{found} {columns} {lines}"),
            Self::OpenQuote { lines } => format!("{BROKEN}{lines} 0"),
            Self::FieldNotUtf8 { field } => format!("{BROKEN}{field}"),
            Self::TooLong { .. } | Self::NotUtf8 { .. } => panic!("no record is {self:?}"),
        }
    }

    fn of_record(line: &str) -> Option<Self> {
        let numbers = line.strip_prefix(BROKEN)?.split(' ').map(str::parse).collect::<Result<Vec<_>, _>>();
        match numbers.ok()?[..] {
            [found, columns, lines] => Some(Self::Fields { found, columns, lines }),
            [lines, _] => Some(Self::OpenQuote { lines }),
            [field] => Some(Self::FieldNotUtf8 { field }),
            _ => None,
        }
    }
}

impl Lines<Input> {
    /// Whether the next line has been read from the file or pipe already, so that nobody has to be waited for.
    pub fn is_ready(&self) -> bool {
        self.reader.waiting().contains(&b'\n')
    }
}

impl<R: BufRead> Lines<R> {
    /// Reads lines of up to `longest` bytes.
    pub fn new(reader: R, longest: u64) -> Self {
        Self { reader, number: 0, longest }
    }

    /// From the next line on, reads lines of up to `longest` bytes.
    pub fn set_longest(&mut self, longest: u64) {
        self.longest = longest;
    }

    /// What comes next, as much of it as is there already: to look at, and read all the same afterwards.
    ///
    /// # Errors
    /// When reading fails.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    /// The next line; `None` at the end. Of a line that is too long nothing is kept.
    ///
    /// # Errors
    /// When reading fails.
    pub fn read(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let mut bytes = self.reader.by_ref().take(self.longest + 1).read_until(b'\n', &mut line)? as u64;
        if bytes == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        let text = if !whole && line.len() as u64 > self.longest {
            drop(line);
            bytes += self.reader.skip_until(b'\n')? as u64;
            Err(BadLine::TooLong { longest: self.longest })
        } else {
            String::from_utf8(line)
                .map(|text| if self.number == 1 { without_mark(text) } else { text })
                .map_err(|error| BadLine::NotUtf8 { byte: error.utf8_error().valid_up_to() + 1 })
                .and_then(|text| BadLine::of_record(&text).map_or(Ok(text), Err))
        };
        Ok(Some(Line { number: self.number, bytes, text }))
    }
}

/// Some programs start a UTF-8 file with a byte order mark, which is no part of its first line.
fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(input, 4);
        std::iter::from_fn(|| lines.read().unwrap()).collect()
    }

    fn line(number: u64, bytes: u64, text: Result<&str, BadLine>) -> Line {
        Line { number, bytes, text: text.map(str::to_owned) }
    }

    #[test]
    fn a_bad_line_does_not_lose_the_next() {
        assert_eq!(
            lines(b"1234\n12345678\n\n\xff\nend"),
            [
                line(1, 5, Ok("1234")),
                line(2, 9, Err(BadLine::TooLong { longest: 4 })),
                line(3, 1, Ok("")),
                line(4, 2, Err(BadLine::NotUtf8 { byte: 1 })),
                line(5, 3, Ok("end")),
            ]
        );
    }

    #[test]
    fn a_record_that_is_none_is_a_bad_line() {
        for (bad, said) in [
            (BadLine::Fields { found: 1, columns: 3, lines: 1 }, "1 fields, and the table has 3 columns"),
            (
                BadLine::Fields { found: 2, columns: 3, lines: 9 },
                "2 fields, and the table has 3 columns, over 9 lines: is a quote never closed?",
            ),
            (BadLine::OpenQuote { lines: 51 }, "a quote is opened and never closed, over 51 lines"),
            (BadLine::FieldNotUtf8 { field: 2 }, "field 2 is not UTF-8; "),
        ] {
            let text = bad.as_record();
            let error = Lines::new(text.as_bytes(), 64).read().unwrap().unwrap().text.unwrap_err();
            assert!(error == bad && error.to_string().starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(lines("\u{feff}1".as_bytes()), [line(1, 4, Ok("1"))]);
    }
}
