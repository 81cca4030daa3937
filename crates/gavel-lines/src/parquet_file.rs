//! JSON Lines as a Parquet file. A column whose values are all numbers, truth values or texts is one of these; any other
//! holds JSON (Parquet's logical type of that name), which is read as what it is: nothing is lost.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The most rows that are written together, and about how many bytes of text: so many are held.
const MOST_ROWS: usize = 65_536;
const MOST_BYTES: usize = 64 << 20;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing yet but null.
    Null,
    Truth,
    Whole,
    /// Whole numbers of which some are no float.
    Large,
    Number,
    Text,
    Json,
}

struct Column {
    name: String,
    kind: Kind,
}

/// Writes the lines of one file, each an object in JSON, to another.
pub(crate) fn write(mut lines: File, file: File) -> io::Result<()> {
    lines.rewind()?;
    let columns = columns(BufReader::new(&lines))?;
    lines.rewind()?;
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_created_by(format!("gavel {}", env!("CARGO_PKG_VERSION")));
    let mut writer =
        SerializedFileWriter::new(BufWriter::new(file), schema(&columns)?, Arc::new(properties.build()))
            .map_err(io::Error::other)?;
    let mut rows = BufReader::new(&lines).lines();
    loop {
        let some = take(&mut rows)?;
        if some.is_empty() {
            break;
        }
        let values = by_column(&columns, &some)?;
        let mut group = writer.next_row_group().map_err(io::Error::other)?;
        let mut of_each = columns.iter().zip(&values);
        while let Some(mut written) = group.next_column().map_err(io::Error::other)? {
            let Some((column, values)) = of_each.next() else { break };
            write_column(&mut written, column.kind, values).map_err(io::Error::other)?;
            written.close().map_err(io::Error::other)?;
        }
        group.close().map_err(io::Error::other)?;
    }
    writer.close().map(drop).map_err(io::Error::other)
}

/// The columns of all lines, in the order in which they first come.
fn columns(lines: impl BufRead) -> io::Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for line in lines.lines() {
        let line = line?;
        for (place, (name, value)) in read(&line)?.into_iter().enumerate() {
            let kind = Kind::of(value);
            // Most lines have their columns in the same order.
            let known = match columns.get(place) {
                Some(column) if *column.name == name => Some(place),
                _ => columns.iter().position(|column| *column.name == name),
            };
            match known {
                Some(known) => columns[known].kind = columns[known].kind.with(kind),
                None => columns.push(Column { name, kind }),
            }
        }
    }
    Ok(columns)
}

fn schema(columns: &[Column]) -> io::Result<TypePtr> {
    let field = |Column { name, kind }: &Column| {
        let (physical, logical) = match kind {
            Kind::Truth => (Physical::BOOLEAN, None),
            Kind::Whole | Kind::Large => (Physical::INT64, None),
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Json | Kind::Null => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        field.with_logical_type(logical).build().map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
    Type::group_type_builder("rows").with_fields(fields).build().map(Arc::new).map_err(io::Error::other)
}

/// The next lines that are written together.
fn take(lines: &mut impl Iterator<Item = io::Result<String>>) -> io::Result<Vec<String>> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while taken.len() < MOST_ROWS && bytes < MOST_BYTES {
        let Some(line) = lines.next().transpose()? else { break };
        bytes += line.len();
        taken.push(line);
    }
    Ok(taken)
}

/// The values of each column; `None` where a line has none, or null.
fn by_column<'a>(columns: &[Column], lines: &'a [String]) -> io::Result<Vec<Vec<Option<&'a str>>>> {
    let mut values: Vec<Vec<Option<&str>>> = columns.iter().map(|_| vec![None; lines.len()]).collect();
    for (row, line) in lines.iter().enumerate() {
        for (place, (name, value)) in read(line)?.into_iter().enumerate() {
            let known = match columns.get(place) {
                Some(column) if *column.name == name => Some(place),
                _ => columns.iter().position(|column| *column.name == name),
            };
            if let (Some(known), false) = (known, value.get() == "null") {
                values[known][row] = Some(value.get());
            }
        }
    }
    Ok(values)
}

fn write_column(
    writer: &mut SerializedColumnWriter<'_>,
    kind: Kind,
    values: &[Option<&str>],
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let there = || values.iter().copied().flatten();
    let broken = |error: &dyn std::fmt::Display| ParquetError::General(error.to_string());
    match kind {
        Kind::Truth => {
            let values: Vec<bool> = there().map(|value| value == "true").collect();
            writer.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Whole | Kind::Large => {
            let values: Result<Vec<i64>, _> = there().map(str::parse).collect();
            let values = values.map_err(|error| broken(&error))?;
            writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Number => {
            let values: Result<Vec<f64>, _> = there().map(str::parse).collect();
            let values = values.map_err(|error| broken(&error))?;
            writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Text => {
            let text = |value: &str| {
                serde_json::from_str::<String>(value).map(|text| ByteArray::from(text.into_bytes()))
            };
            let values: Result<Vec<ByteArray>, _> = there().map(text).collect();
            let values = values.map_err(|error| broken(&error))?;
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Json | Kind::Null => {
            let values: Vec<ByteArray> = there().map(ByteArray::from).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
    }
    Ok(())
}

impl Kind {
    fn of(value: &RawValue) -> Self {
        /// Up to here every whole number is a float.
        const MOST: u64 = 1 << 53;
        let text = value.get();
        let whole = text.parse::<i64>().ok();
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Truth,
            Some(b'"') => Self::Text,
            Some(b'{' | b'[') => Self::Json,
            _ if whole.is_some_and(|whole| whole.unsigned_abs() <= MOST) => Self::Whole,
            _ if whole.is_some() => Self::Large,
            // A whole number that nothing here holds stays as it is written.
            _ if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => Self::Number,
            _ => Self::Json,
        }
    }

    /// What a column holds that holds both.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Whole, Self::Number) | (Self::Number, Self::Whole) => Self::Number,
            (Self::Whole, Self::Large) | (Self::Large, Self::Whole) => Self::Large,
            _ => Self::Json,
        }
    }
}

/// The columns of one line in their order.
fn read(line: &str) -> io::Result<Vec<(String, &RawValue)>> {
    struct Columns<'a>(Vec<(String, &'a RawValue)>);

    impl<'de> Deserialize<'de> for Columns<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;

            impl<'de> Visitor<'de> for Members {
                type Value = Columns<'de>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                    let mut columns = Vec::new();
                    while let Some(column) = object.next_entry()? {
                        columns.push(column);
                    }
                    Ok(Columns(columns))
                }
            }

            deserializer.deserialize_map(Members)
        }
    }

    serde_json::from_str::<Columns<'_>>(line).map(|columns| columns.0).map_err(io::Error::from)
}
