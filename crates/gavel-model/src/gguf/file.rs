//! The layout of a GGUF file: named values, then a table of tensors, then their bytes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::blocks::Format;
use crate::Error;

const MAGIC: &[u8] = b"GGUF";
/// Versions with 64-bit counts, little-endian; version 1 was in use for some weeks of 2023.
const VERSIONS: [u32; 2] = [2, 3];
/// What tensors are aligned to where the file does not say.
const ALIGNMENT: usize = 32;
/// No file nests lists, and one that does is not read without end.
const DEPTH: usize = 2;

/// A value of the file's head.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    List(Vec<Value>),
}

/// A tensor and where its bytes are.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    /// Rows first, as everywhere else; in the file the columns come first.
    pub(super) shape: Vec<usize>,
    pub(super) format: Format,
    pub(super) bytes: &'a [u8],
}

impl Tensor<'_> {
    /// How many numbers it holds.
    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A GGUF file in memory.
#[derive(Debug)]
pub(super) struct File<'a> {
    path: PathBuf,
    values: HashMap<String, Value>,
    tensors: Vec<Tensor<'a>>,
}

impl<'a> File<'a> {
    /// Reads the head of a file and finds its tensors.
    pub(super) fn parse(path: &Path, bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader { path, bytes, at: 0 };
        if reader.take(4)? != MAGIC {
            return Err(reader.wrong("it does not begin with GGUF".to_owned()));
        }
        let version = reader.u32()?;
        if !VERSIONS.contains(&version) {
            return Err(reader.wrong(format!("it is of version {version}; 2 and 3 are read")));
        }
        let (tensors, values) = (reader.count(1)?, reader.count(1)?);
        let values: HashMap<_, _> =
            (0..values).map(|_| Ok((reader.text()?, reader.value(DEPTH)?))).collect::<Result<_, Error>>()?;
        let heads = (0..tensors).map(|_| reader.head()).collect::<Result<Vec<_>, _>>()?;
        let alignment = match values.get("general.alignment") {
            Some(&Value::Integer(alignment)) if alignment > 0 => alignment as usize,
            _ => ALIGNMENT,
        };
        let data = reader.at.next_multiple_of(alignment);
        let tensors = heads.into_iter().map(|head| head.find(&reader, data)).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), values, tensors })
    }

    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor<'a>> {
        self.tensors.iter()
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        match self.values.get(key)? {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub(super) fn float(&self, key: &str) -> Option<f64> {
        match self.values.get(key)? {
            Value::Float(float) => Some(*float),
            Value::Integer(integer) => Some(*integer as f64),
            _ => None,
        }
    }

    pub(super) fn bool(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    pub(super) fn list(&self, key: &str) -> Option<&[Value]> {
        match self.values.get(key)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The texts of a list that must be there.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&str>, Error> {
        let list = self.list(key).ok_or_else(|| self.lacks(key))?;
        list.iter()
            .map(|value| match value {
                Value::Text(text) => Ok(text.as_str()),
                _ => Err(self.wrong(format!("`{key}` is no list of texts"))),
            })
            .collect()
    }

    /// A count that must be there.
    pub(super) fn count(&self, key: &str) -> Result<usize, Error> {
        let count = self.integer(key).ok_or_else(|| self.lacks(key))?;
        usize::try_from(count).map_err(|_| self.wrong(format!("`{key}` is {count}")))
    }

    pub(super) fn lacks(&self, key: &str) -> Error {
        self.wrong(format!("`{key}` is missing, or is not what it should be"))
    }

    pub(super) fn wrong(&self, reason: String) -> Error {
        Error::Gguf { path: self.path.clone(), reason }
    }
}

/// A row of the table of tensors.
struct Head {
    name: String,
    shape: Vec<usize>,
    format: u32,
    offset: u64,
}

impl Head {
    fn find<'a>(self, reader: &Reader<'a, '_>, data: usize) -> Result<Tensor<'a>, Error> {
        let Self { name, shape, format, offset } = self;
        let wrong = |reason: &str| reader.wrong(format!("tensor `{name}` {reason}"));
        let format = Format::numbered(format)
            .ok_or_else(|| wrong(&format!("is in format {format}; {} are read", Format::names())))?;
        let numbers = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let columns = shape.last().copied().unwrap_or(1);
        let length = numbers
            .filter(|_| columns.is_multiple_of(format.numbers()))
            .map(|numbers| numbers / format.numbers());
        let length = length.and_then(|blocks| blocks.checked_mul(format.bytes()));
        let start = usize::try_from(offset).ok().and_then(|offset| data.checked_add(offset));
        let bytes = start
            .zip(length)
            .and_then(|(start, length)| reader.bytes.get(start..start.checked_add(length)?))
            .ok_or_else(|| wrong("lies outside of the file, or its columns do not fill its blocks"))?;
        Ok(Tensor { name, shape, format, bytes })
    }
}

/// Reads one thing after the other; nothing outside of the file, and nothing larger than what is left of it.
struct Reader<'a, 'p> {
    path: &'p Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a, '_> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let taken = self.at.checked_add(length).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| self.wrong("it ends in the middle of its head".to_owned()))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        Ok(self.take(N)?.try_into().expect("as many bytes as were taken"))
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// How many things of at least `size` bytes follow.
    fn count(&mut self, size: usize) -> Result<usize, Error> {
        let count = self.u64()?;
        let left = (self.bytes.len() - self.at) / size;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= left)
            .ok_or_else(|| self.wrong(format!("it says that {count} things follow, and has room for {left}")))
    }

    fn text(&mut self) -> Result<String, Error> {
        let length = self.count(1)?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_| self.wrong("a text in its head is not UTF-8".to_owned()))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        let kind = self.u32()?;
        self.value_of(kind, depth)
    }

    fn value_of(&mut self, kind: u32, depth: usize) -> Result<Value, Error> {
        Ok(match kind {
            0 => Value::Integer(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Integer(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Integer(self.u32()?.into()),
            5 => Value::Integer(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Bool(self.array::<1>()? != [0]),
            8 => Value::Text(self.text()?),
            9 if depth > 0 => {
                let kind = self.u32()?;
                let length = self.count(1)?;
                Value::List((0..length).map(|_| self.value_of(kind, depth - 1)).collect::<Result<_, _>>()?)
            }
            // Larger than any count that a model has.
            10 => Value::Integer(i64::try_from(self.u64()?).unwrap_or(i64::MAX)),
            11 => Value::Integer(i64::from_le_bytes(self.array()?)),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            kind => return Err(self.wrong(format!("a value in its head is of the unknown kind {kind}"))),
        })
    }

    fn head(&mut self) -> Result<Head, Error> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        if dimensions > 4 {
            return Err(self.wrong(format!("tensor `{name}` has {dimensions} dimensions; 4 are the most")));
        }
        let sizes = (0..dimensions).map(|_| self.u64()).collect::<Result<Vec<_>, _>>()?;
        let shape = sizes.into_iter().rev().map(|size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
        Ok(Head { name, shape, format: self.u32()?, offset: self.u64()? })
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Gguf { path: self.path.to_owned(), reason }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A GGUF file of these values and tensors (name, sizes with the columns first, format, bytes).
    pub(in crate::gguf) fn gguf(
        values: &[(&str, Value)],
        tensors: &[(&str, &[u64], u32, Vec<u8>)],
    ) -> Vec<u8> {
        let mut file = [MAGIC, &3_u32.to_le_bytes()].concat();
        file.extend((tensors.len() as u64).to_le_bytes());
        file.extend((values.len() as u64).to_le_bytes());
        for (key, value) in values {
            write_text(&mut file, key);
            write_kind(&mut file, value);
            write_value(&mut file, value);
        }
        let mut offset = 0;
        for (name, sizes, format, bytes) in tensors {
            write_text(&mut file, name);
            file.extend((sizes.len() as u32).to_le_bytes());
            sizes.iter().for_each(|size| file.extend(size.to_le_bytes()));
            file.extend(format.to_le_bytes());
            file.extend((offset as u64).to_le_bytes());
            offset += bytes.len().next_multiple_of(ALIGNMENT);
        }
        for (.., bytes) in tensors {
            file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
            file.extend(bytes);
        }
        file
    }

    fn write_text(file: &mut Vec<u8>, text: &str) {
        file.extend((text.len() as u64).to_le_bytes());
        file.extend(text.as_bytes());
    }

    fn write_kind(file: &mut Vec<u8>, value: &Value) {
        let kind: u32 = match value {
            Value::Integer(_) => 11,
            Value::Float(_) => 12,
            Value::Bool(_) => 7,
            Value::Text(_) => 8,
            Value::List(_) => 9,
        };
        file.extend(kind.to_le_bytes());
    }

    fn write_value(file: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Integer(integer) => file.extend(integer.to_le_bytes()),
            Value::Float(float) => file.extend(float.to_le_bytes()),
            Value::Bool(bool) => file.push(u8::from(*bool)),
            Value::Text(text) => write_text(file, text),
            Value::List(list) => {
                write_kind(file, list.first().unwrap_or(&Value::Integer(0)));
                file.extend((list.len() as u64).to_le_bytes());
                list.iter().for_each(|value| write_value(file, value));
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let words = Value::List(vec![Value::Text("a".to_owned()), Value::Text("b".to_owned())]);
        let values = [
            ("n", Value::Integer(-3)),
            ("x", Value::Float(0.5)),
            ("words", words),
            ("yes", Value::Bool(true)),
        ];
        let bytes = gguf(&values, &[("one", &[2, 3], 0, vec![1; 24]), ("two", &[2], 1, vec![2; 4])]);
        let file = File::parse(Path::new("x.gguf"), &bytes).unwrap();
        assert_eq!((file.integer("n"), file.float("x"), file.bool("yes")), (Some(-3), Some(0.5), Some(true)));
        assert_eq!(file.texts("words").unwrap(), ["a", "b"]);
        let tensors: Vec<_> = file.tensors().map(|t| (&*t.name, t.shape.clone(), t.bytes.len())).collect();
        assert_eq!(tensors, [("one", vec![3, 2], 24), ("two", vec![2], 4)]);
        assert_eq!(file.tensor("two").unwrap().bytes, [2; 4]);
    }

    /// Every cut of a file, and every byte of its head set to its largest, is read or refused, and never more.
    #[test]
    fn damaged_files_are_refused() {
        let values = [("k", Value::List(vec![Value::Integer(1); 3])), ("t", Value::Text("abc".to_owned()))];
        let bytes = gguf(&values, &[("one", &[32, 2], 2, vec![7; 36])]);
        for length in 0..bytes.len() {
            let cut = File::parse(Path::new("x.gguf"), &bytes[..length]);
            assert!(matches!(cut, Err(Error::Gguf { .. })), "{length}");
        }
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] = 0xff;
            let _ = File::parse(Path::new("x.gguf"), &damaged);
        }
    }
}
