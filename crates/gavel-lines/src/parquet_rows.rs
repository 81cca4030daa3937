//! The rows of a Parquet file as objects in JSON: what each of its types becomes, so that a value reads as whoever wrote it
//! would write it.

use std::fs::File;
use std::io;
use std::str::FromStr;

use chrono::{DateTime, NaiveTime, Utc};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Rows that are looked at together for floats that are whole.
const LOOKED_AT: usize = 8192;

/// How the columns of a file are read.
pub(crate) struct Reading {
    columns: Vec<TypePtr>,
    /// The columns of floats that hold whole numbers; see [`whole_numbers`].
    whole: Vec<bool>,
}

impl Reading {
    /// # Errors
    /// When the file cannot be read, or holds what has no value in JSON.
    pub(crate) fn of(reader: &SerializedFileReader<File>) -> Result<Self, String> {
        let columns = reader.metadata().file_metadata().schema().get_fields().to_vec();
        if let Some(column) = columns.iter().find(|column| has_interval(column)) {
            return Err(format!(
                "the column `{}` holds intervals, which are not read: write it without, or as text",
                column.name()
            ));
        }
        let whole = columns.iter().map(|column| whole_numbers(reader, column));
        let whole = whole.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(Self { columns, whole })
    }

    /// A row as an object. Of the columns that hold JSON, the text is the value; bytes are text, as old writers store it, and
    /// where they are none an object, which is no text for whoever wants one.
    pub(crate) fn line(&self, row: &Row) -> String {
        let mut line = String::from("{");
        for (place, (name, field)) in row.get_column_iter().enumerate() {
            let column = self.columns.get(place);
            if place > 0 {
                line.push(',');
            }
            line.push_str(&Value::from(name.as_str()).to_string());
            line.push(':');
            match field {
                Field::Str(text) if holds_json(column) && serde_json::from_str::<&RawValue>(text).is_ok() => {
                    line.push_str(text);
                }
                Field::Bytes(bytes) if !is_uuid(column) && std::str::from_utf8(bytes.data()).is_err() => {
                    line.push_str(&json!({ "base64": field.to_json_value() }).to_string());
                }
                Field::Double(number) if self.whole[place] && number.is_finite() => {
                    line.push_str(&(*number as i64).to_string());
                }
                Field::Float(number) if self.whole[place] && number.is_finite() => {
                    line.push_str(&(*number as i64).to_string());
                }
                field => line.push_str(&value(field, column.map(AsRef::as_ref)).to_string()),
            }
        }
        line.push('}');
        line
    }
}

fn holds_json(column: Option<&TypePtr>) -> bool {
    column.is_some_and(|column| column.get_basic_info().logical_type_ref() == Some(&LogicalType::Json))
}

fn is_uuid(column: Option<&TypePtr>) -> bool {
    column.is_some_and(|column| column.get_basic_info().logical_type_ref() == Some(&LogicalType::Uuid))
}

fn has_interval(column: &Type) -> bool {
    column.get_basic_info().converted_type() == ConvertedType::INTERVAL
        || column.is_group() && column.get_fields().iter().any(|field| has_interval(field))
}

/// Whether a column of floats holds whole numbers: it has gaps, and all else in it is whole. pandas has no gaps among integers,
/// so that it makes floats of a column of them in which one is missing; what was 42 would come out as 42.0.
///
/// What gavel wrote itself says which is which.
fn whole_numbers(reader: &SerializedFileReader<File>, column: &Type) -> Result<bool, ParquetError> {
    let metadata = reader.metadata();
    let file = metadata.file_metadata();
    let descriptors = file.schema_descr();
    let leaf = (0..descriptors.num_columns()).find(|&leaf| {
        let descriptor = descriptors.column(leaf);
        descriptor.path().parts() == [column.name()] && descriptor.max_rep_level() == 0
    });
    let Some(leaf) = leaf.filter(|_| !file.created_by().is_some_and(|by| by.starts_with("gavel "))) else {
        return Ok(false);
    };
    let (mut gaps, mut numbers) = (false, false);
    for group in 0..metadata.num_row_groups() {
        let level = descriptors.column(leaf).max_def_level();
        let found = match reader.get_row_group(group)?.get_column_reader(leaf)? {
            ColumnReader::DoubleColumnReader(column) => all_whole(column, level, |&number| number)?,
            ColumnReader::FloatColumnReader(column) => all_whole(column, level, |&number| number.into())?,
            _ => return Ok(false),
        };
        let Some((has_gaps, has_numbers)) = found else { return Ok(false) };
        gaps |= has_gaps;
        numbers |= has_numbers;
    }
    Ok(gaps && numbers)
}

/// Whether there are gaps, and numbers; `None` as soon as a number is not whole, or larger than a float can count.
fn all_whole<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    level: i16,
    number: impl Fn(&T::T) -> f64,
) -> Result<Option<(bool, bool)>, ParquetError> {
    const LARGEST: f64 = (1_u64 << 53) as f64;
    let (mut gaps, mut numbers) = (false, false);
    loop {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let (records, ..) = column.read_records(LOOKED_AT, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(Some((gaps, numbers)));
        }
        gaps |= levels.iter().any(|found| *found < level);
        for number in values.iter().map(&number) {
            gaps |= number.is_nan();
            numbers |= !number.is_nan();
            if !number.is_nan() && (number.fract() != 0.0 || number.abs() > LARGEST) {
                return Ok(None);
            }
        }
    }
}

/// A value as JSON. Numbers of fewer bits are written as short as they can be told apart: the nearest to 0.1 is 0.1, whatever
/// more a longer number would show. Bytes within a value that are no text, such as those of a picture, are base64.
fn value(field: &Field, of: Option<&Type>) -> Value {
    match field {
        Field::Float16(number) => shortest(*number),
        Field::Float(number) => shortest(*number),
        Field::Decimal(_) => decimal(field),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            _ if logical(of) == Some(&LogicalType::Uuid) => uuid(bytes.data()).into(),
            Ok(text) => text.into(),
            Err(_) => field.to_json_value(),
        },
        Field::Date(days) => moment(i64::from(*days).checked_mul(86_400_000_000_000), "%Y-%m-%d", field),
        Field::TimestampMillis(count) => timestamp(count.checked_mul(1_000_000), of, field),
        Field::TimestampMicros(count) => timestamp(count.checked_mul(1000), of, field),
        Field::TimeMillis(count) => time(i64::from(*count).checked_mul(1_000_000), field),
        Field::TimeMicros(count) => time(count.checked_mul(1000), field),
        Field::Long(count) => match logical(of) {
            Some(LogicalType::Timestamp(unit)) if matches!(unit.unit, TimeUnit::NANOS) => {
                timestamp(Some(*count), of, field)
            }
            Some(LogicalType::Time(unit)) if matches!(unit.unit, TimeUnit::NANOS) => {
                time(Some(*count), field)
            }
            _ => field.to_json_value(),
        },
        Field::Group(row) => {
            let fields = of.filter(|of| of.is_group()).map(Type::get_fields);
            let with = row.get_column_iter().enumerate().map(|(place, (name, field))| {
                let of = fields.and_then(|fields| fields.get(place)).map(AsRef::as_ref);
                (name.clone(), value(field, of))
            });
            with.collect()
        }
        Field::ListInternal(list) => {
            let of = of.and_then(element);
            list.elements().iter().map(|element| value(element, of)).collect()
        }
        Field::MapInternal(map) => {
            let pair = of.filter(|of| of.is_group()).and_then(|of| of.get_fields().first());
            let part = |place: usize| {
                let parts = pair.filter(|pair| pair.is_group())?.get_fields();
                parts.get(place).map(AsRef::as_ref)
            };
            let name = |key: &Field| match value(key, part(0)) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            map.entries().iter().map(|(key, field)| (name(key), value(field, part(1)))).collect()
        }
        field => field.to_json_value(),
    }
}

fn logical(of: Option<&Type>) -> Option<&LogicalType> {
    of?.get_basic_info().logical_type_ref()
}

/// The type of the elements of a list: three levels as the format has it today, or fewer as older writers have it.
fn element(list: &Type) -> Option<&Type> {
    if !list.is_group() {
        return Some(list);
    }
    let repeated: &Type = list.get_fields().first()?;
    if repeated.is_group() && repeated.get_fields().len() == 1 {
        return repeated.get_fields().first().map(AsRef::as_ref);
    }
    Some(repeated)
}

/// A decimal as the number that it is, without zeros at its end; one of more digits than a number in JSON is read with is text.
fn decimal(field: &Field) -> Value {
    let Value::String(written) = field.to_json_value() else { return Value::Null };
    let text = written.trim_end_matches('.');
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let exact = !text.contains('.') && (text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok());
    match serde_json::from_str::<Value>(text) {
        Ok(number) if exact || (text.contains('.') && digits <= 15) => number,
        _ => text.into(),
    }
}

fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match hex.len() {
        32 => [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"),
        _ => hex,
    }
}

/// A point in time after RFC 3339, with a `Z` where it is one of the world's and not of somebody's clock.
fn timestamp(nanoseconds: Option<i64>, of: Option<&Type>, field: &Field) -> Value {
    let of_the_world = match logical(of) {
        Some(LogicalType::Timestamp(of)) => of.is_adjusted_to_u_t_c,
        // An older way to say the type, which has no other.
        _ => of.is_some_and(|of| of.get_basic_info().converted_type() != ConvertedType::NONE),
    };
    moment(nanoseconds, if of_the_world { "%Y-%m-%dT%H:%M:%S%.fZ" } else { "%Y-%m-%dT%H:%M:%S%.f" }, field)
}

/// Nanoseconds since 1970 as text; what lies further away than they reach is what the library makes of the field.
fn moment(nanoseconds: Option<i64>, format: &str, field: &Field) -> Value {
    let Some(nanoseconds) = nanoseconds else { return field.to_json_value() };
    DateTime::<Utc>::from_timestamp_nanos(nanoseconds).format(format).to_string().into()
}

fn time(nanoseconds: Option<i64>, field: &Field) -> Value {
    const SECOND: i64 = 1_000_000_000;
    let of_day = nanoseconds.and_then(|count| {
        let seconds = u32::try_from(count.div_euclid(SECOND)).ok()?;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, u32::try_from(count.rem_euclid(SECOND)).ok()?)
    });
    of_day.map_or_else(|| field.to_json_value(), |time| time.format("%H:%M:%S%.f").to_string().into())
}

/// The shortest decimal number that is nearest to this one among those of its type; null where it is none.
fn shortest<F: Copy + PartialEq + Into<f64> + FromStr>(number: F) -> Value {
    let exact: f64 = number.into();
    let decimal = (0..17).map(|digits| format!("{exact:.digits$e}"));
    let same = |text: &String| text.parse::<F>().is_ok_and(|read| read == number);
    decimal.into_iter().find(same).and_then(|text| text.parse::<f64>().ok()).map_or(Value::Null, Value::from)
}

/// The rows of a file, one by one.
///
/// # Errors
/// When the file is cut off or broken.
pub(crate) fn open(file: File) -> io::Result<(SerializedFileReader<File>, Reading)> {
    let invalid =
        |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let reader = SerializedFileReader::new(file).map_err(|error| invalid(&error))?;
    // What cannot be read at all is said before anything else happens.
    reader.get_row_iter(None).map_err(|error| invalid(&error))?;
    let reading = Reading::of(&reader).map_err(|error| invalid(&error))?;
    Ok((reader, reading))
}

#[cfg(test)]
mod tests;
