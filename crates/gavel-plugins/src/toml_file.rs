//! Reads TOML with the place of every value kept, so that an error can name file, line and field.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use bytesize::ByteSize;
use gavel_files::{closest, did_you_mean};
use gavel_verify::visible_name;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in a file that a person can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Why a TOML file of gavel's cannot be used: each error names the file, the line and the field.
#[derive(Debug, thiserror::Error)]
pub enum TomlError {
    /// The file cannot be read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: not TOML: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// The parser's words.
        message: String,
    },
    /// There is a field that gavel does not know.
    #[error("{place}: unknown field `{field}`{}", did_you_mean(suggestion.as_deref()))]
    UnknownField {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// A known field with a similar name.
        suggestion: Option<String>,
    },
    /// A field is missing.
    #[error("{place}: missing field `{field}`")]
    MissingField {
        /// Where its table stands.
        place: Place,
        /// The dotted name.
        field: String,
    },
    /// A field has a value that it cannot take.
    #[error("{place}: `{field}` must be {expected}, found {found}")]
    InvalidValue {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// What it takes.
        expected: String,
        /// What is written.
        found: String,
    },
}

/// The most characters of a stranger's key that an error shows.
const NAME: usize = 200;

/// A file's name and text.
#[derive(Debug)]
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A TOML table that is emptied field by field; what is left in the end is a mistake.
#[derive(Debug)]
pub struct Table<'a> {
    source: Rc<Source<'a>>,
    name: String,
    start: usize,
    entries: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Parses a whole file.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(file: &'a Path, text: &'a str) -> Result<Self, TomlError> {
        let source = Rc::new(Source { file, text });
        match DeTable::parse(text) {
            Ok(document) => Ok(Self {
                source,
                name: String::new(),
                start: 0,
                entries: document.into_inner(),
                known: Vec::new(),
            }),
            Err(error) => Err(TomlError::Syntax {
                place: source.place(error.span().map_or(0, |span| span.start)),
                message: error.message().replace('\n', ", "),
            }),
        }
    }

    /// Takes the field called `key` out of the table.
    pub fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let (_, value) = self.entries.remove_entry(key)?;
        Some(Field { source: Rc::clone(&self.source), name: self.dotted(key), value })
    }

    /// Takes the field called `key`, which must be there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn require(&mut self, key: &'static str) -> Result<Field<'a>, TomlError> {
        self.take(key).ok_or_else(|| self.missing(key))
    }

    /// The error for a field that is not there: another that is, and was probably meant to be it, says more.
    fn missing(&self, key: &'static str) -> TomlError {
        let meant = |entry: &str| !self.known.contains(&entry) && closest(entry, [key]).is_some();
        match self.entries.keys().find(|entry| meant(entry.get_ref())) {
            Some(entry) => TomlError::UnknownField {
                place: self.source.place(entry.span().start),
                field: self.dotted(entry.get_ref()),
                suggestion: Some(key.to_owned()),
            },
            None => TomlError::MissingField { place: self.place(), field: self.dotted(key) },
        }
    }

    /// Checks that every field has been taken.
    ///
    /// # Errors
    /// When it is something else.
    pub fn finish(self) -> Result<(), TomlError> {
        let Some((key, _)) = self.entries.iter().next() else { return Ok(()) };
        Err(TomlError::UnknownField {
            place: self.source.place(key.span().start),
            field: self.dotted(key.get_ref()),
            suggestion: closest(key.get_ref(), self.known.iter().copied()).map(str::to_owned),
        })
    }

    /// Every entry of a table whose keys are names that the user chose: name, place of the name, value.
    pub fn into_named(self) -> Vec<(String, Place, Field<'a>)> {
        let Self { source, name: table, entries, .. } = self;
        let entry = |(key, value): (Spanned<_>, _)| {
            let place = source.place(key.span().start);
            let name = String::from(key.into_inner());
            let dotted = format!("{table}.{}", visible_name(&name, NAME));
            let field = Field { source: Rc::clone(&source), name: dotted, value };
            (name, place, field)
        };
        entries.into_iter().map(entry).collect()
    }

    /// Where the table stands.
    pub fn place(&self) -> Place {
        self.source.place(self.start)
    }

    fn dotted(&self, key: &str) -> String {
        let key = visible_name(key, NAME);
        if self.name.is_empty() { key } else { format!("{}.{key}", self.name) }
    }
}

/// A value in a TOML file, together with its name and place.
#[derive(Debug)]
pub struct Field<'a> {
    source: Rc<Source<'a>>,
    name: String,
    value: Spanned<DeValue<'a>>,
}

impl<'a> Field<'a> {
    /// The dotted name, such as `verifiers.accuracy.plugin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the value stands.
    pub fn place(&self) -> Place {
        self.source.place(self.value.span().start)
    }

    /// Where `word` stands inside the value as it is written; the value's own place if it is not found.
    pub fn place_of(&self, word: &str) -> Place {
        let Range { start, end } = self.value.span();
        let within = self.source.text[start..end].find(word).unwrap_or(0);
        self.source.place(start + within)
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn string(&self) -> Result<String, TomlError> {
        self.value.get_ref().as_str().map(str::to_owned).ok_or_else(|| self.unlike("a string"))
    }

    /// A truth value.
    ///
    /// # Errors
    /// When it is something else.
    pub fn boolean(&self) -> Result<bool, TomlError> {
        self.value.get_ref().as_bool().ok_or_else(|| self.unlike("true or false"))
    }

    /// A list of strings.
    pub fn strings(&self) -> Option<Vec<String>> {
        let DeValue::Array(items) = self.value.get_ref() else { return None };
        items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
    }

    /// A whole number of at least `least`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn count(&self, least: u64) -> Result<u64, TomlError> {
        match self.integer() {
            Some(number) if number >= i128::from(least) => u64::try_from(number).ok(),
            _ => None,
        }
        .ok_or_else(|| self.unlike(&format!("a whole number of at least {least}")))
    }

    /// A finite number.
    pub fn number(&self) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Integer(_) => self.integer()? as f64,
            DeValue::Float(float) => float.as_str().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A number of bytes: a whole number, or text such as `256MiB`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn bytes(&self) -> Result<u64, TomlError> {
        let bytes = match self.value.get_ref().as_str() {
            Some(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
            None => self.integer().and_then(|number| u64::try_from(number).ok()),
        };
        bytes
            .filter(|&bytes| bytes > 0)
            .ok_or_else(|| self.unlike("a size such as \"256MiB\", or a number of bytes"))
    }

    /// As [`Field::bytes`], for what has to fit in this machine's address space.
    ///
    /// # Errors
    /// When it is something else.
    pub fn length(&self) -> Result<usize, TomlError> {
        usize::try_from(self.bytes()?).map_err(|_| self.unlike("a size that fits in memory"))
    }

    /// A time: text such as `10s` or `500ms`, or a number of seconds.
    ///
    /// # Errors
    /// When it is something else.
    pub fn duration(&self) -> Result<Duration, TomlError> {
        let duration = match self.value.get_ref().as_str() {
            Some(text) => humantime::parse_duration(text).ok(),
            None => self.number().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        };
        duration
            .filter(|duration| !duration.is_zero())
            .ok_or_else(|| self.unlike("a time such as \"10s\" or \"500ms\", or a number of seconds"))
    }

    /// The fields of a table.
    ///
    /// # Errors
    /// When it is something else.
    pub fn table(self) -> Result<Table<'a>, TomlError> {
        if !self.value.get_ref().is_table() {
            return Err(self.unlike("a table"));
        }
        let start = self.value.span().start;
        match self.value.into_inner() {
            DeValue::Table(entries) => {
                Ok(Table { source: self.source, name: self.name, start, entries, known: Vec::new() })
            }
            _ => unreachable!("it is a table: checked above"),
        }
    }

    /// The tables of a list of tables.
    ///
    /// # Errors
    /// When it is something else.
    pub fn tables(self) -> Result<Vec<Table<'a>>, TomlError> {
        let wrong = self.unlike("a list of tables");
        let DeValue::Array(items) = self.value.into_inner() else { return Err(wrong) };
        let item = |value| Field { source: Rc::clone(&self.source), name: self.name.clone(), value }.table();
        items.into_iter().map(item).collect()
    }

    /// A table as a JSON object.
    ///
    /// # Errors
    /// When it is something else.
    pub fn json_object(&self) -> Result<Value, TomlError> {
        match self.value.get_ref() {
            DeValue::Table(_) => self.json(self.value.get_ref()),
            _ => Err(self.unlike("a table")),
        }
    }

    fn json(&self, value: &DeValue<'_>) -> Result<Value, TomlError> {
        Ok(match value {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map(Value::from)
                .map_err(|_| self.unlike("numbers that fit in 64 bits"))?,
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
                .ok_or_else(|| self.unlike("finite numbers: JSON has no others"))?,
            DeValue::Boolean(boolean) => Value::from(*boolean),
            DeValue::Datetime(datetime) => Value::from(datetime.to_string()),
            DeValue::Array(array) => {
                array.iter().map(|item| self.json(item.get_ref())).collect::<Result<Vec<_>, _>>()?.into()
            }
            DeValue::Table(table) => {
                let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                    Ok((String::from(key.get_ref() as &str), self.json(value.get_ref())?))
                };
                table.iter().map(entry).collect::<Result<Map<_, _>, TomlError>>()?.into()
            }
        })
    }

    fn integer(&self) -> Option<i128> {
        let integer = self.value.get_ref().as_integer()?;
        i128::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// The error for a value that is not what the field takes.
    pub fn unlike(&self, expected: &str) -> TomlError {
        let found = &self.source.text[self.value.span()];
        TomlError::InvalidValue {
            place: self.place(),
            field: self.name.clone(),
            expected: expected.to_owned(),
            found: found.lines().next().unwrap_or_default().chars().take(60).collect(),
        }
    }
}
