//! Values as the templates' authors see them printed: as Python writes them, and as its `json.dumps` does.

use std::fmt::{self, Write as _};
use std::io;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind, Output, State};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// What `{{ value }}` writes: the value as Python's `str` shows it.
pub(super) fn write(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let written = match value.kind() {
        ValueKind::Undefined => Ok(()),
        ValueKind::String => output.write_str(value.as_str().unwrap_or_default()),
        _ => represent(output, value),
    };
    written.map_err(Error::from)
}

/// The value as Python's `repr` shows it.
fn represent(output: &mut dyn fmt::Write, value: &Value) -> fmt::Result {
    match value.kind() {
        ValueKind::None => output.write_str("None"),
        ValueKind::Bool => output.write_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::String => quote(output, value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            output.write_char('[')?;
            for (index, item) in value.try_iter().into_iter().flatten().enumerate() {
                output.write_str(if index == 0 { "" } else { ", " })?;
                represent(output, &item)?;
            }
            output.write_char(']')
        }
        ValueKind::Map => {
            output.write_char('{')?;
            for (index, key) in value.try_iter().into_iter().flatten().enumerate() {
                output.write_str(if index == 0 { "" } else { ", " })?;
                represent(output, &key)?;
                output.write_str(": ")?;
                represent(output, &value.get_item(&key).unwrap_or_default())?;
            }
            output.write_char('}')
        }
        _ => write!(output, "{value}"),
    }
}

/// A text in quotes: single ones, unless there are single ones in it and no double ones.
fn quote(output: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    output.write_char(mark)?;
    for character in text.chars() {
        match character {
            '\n' => output.write_str("\\n")?,
            '\r' => output.write_str("\\r")?,
            '\t' => output.write_str("\\t")?,
            '\\' => output.write_str("\\\\")?,
            _ if character == mark => write!(output, "\\{mark}")?,
            _ if u32::from(character) < 0x20 || u32::from(character) == 0x7f => {
                write!(output, "\\x{:02x}", u32::from(character))?;
            }
            _ => output.write_char(character)?,
        }
    }
    output.write_char(mark)
}

/// The test `iterable`: in Python, `None` is not.
pub(super) fn is_iterable(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

/// The filter `tojson` of `transformers`: `json.dumps` with its arguments, and without escaping what is not ASCII.
pub(super) fn to_json(value: &Value, arguments: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = arguments.get("indent")?;
    let escapes: Option<bool> = arguments.get("ensure_ascii")?;
    let separators: Option<Vec<String>> = arguments.get("separators")?;
    let sorts: Option<bool> = arguments.get("sort_keys")?;
    arguments.assert_all_used()?;
    let value = serde_json::to_value(value).map_err(|error| invalid(error.to_string()))?;
    let value = if sorts == Some(true) { sorted(value) } else { value };
    let mut json = Vec::new();
    let written = match (indent, separators) {
        (Some(width), None) => {
            let spaces = " ".repeat(width);
            value.serialize(&mut Serializer::with_formatter(
                &mut json,
                PrettyFormatter::with_indent(spaces.as_bytes()),
            ))
        }
        (None, separators) => {
            let [item, key] = match separators.as_deref() {
                None => [", ", ": "].map(str::to_owned),
                Some([item, key]) => [item.clone(), key.clone()],
                Some(_) => return Err(invalid("`separators` are two texts".to_owned())),
            };
            value.serialize(&mut Serializer::with_formatter(&mut json, Separators { item, key }))
        }
        (Some(_), Some(_)) => {
            return Err(invalid("`indent` and `separators` together are not supported".to_owned()));
        }
    };
    written.map_err(|error| invalid(error.to_string()))?;
    let json = String::from_utf8(json).map_err(|error| invalid(error.to_string()))?;
    Ok(if escapes == Some(true) { ascii(&json) } else { json })
}

fn invalid(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("tojson: {reason}"))
}

/// The value with the keys of every object in alphabetical order.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(object) => {
            let mut entries: Vec<_> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            serde_json::Value::Object(entries.into_iter().collect())
        }
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// JSON with every character outside of ASCII written as `\uXXXX`, of which some need two.
fn ascii(json: &str) -> String {
    let mut escaped = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// JSON on one line with these separators between items, and between a key and its value.
struct Separators {
    item: String,
    key: String,
}

impl Formatter for Separators {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item.as_bytes()) }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item.as_bytes()) }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.key.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::chat::{ChatOptions, ChatTemplate};

    fn render(text: &str, value: serde_json::Value) -> String {
        let template = ChatTemplate::new(text, "x".into(), serde_json::Map::new()).unwrap();
        let kwargs = serde_json::Map::from_iter([("value".to_owned(), value)]);
        template.render(&[], &ChatOptions { kwargs, ..ChatOptions::default() }).unwrap()
    }

    #[test]
    fn values_are_printed_as_python_prints_them() {
        let value = json!({"a": [true, null, 1, 2.5, "it's", "say \"it's\"\n"], "é": {}});
        assert_eq!(
            render("{{ value }}", value),
            r#"{'a': [True, None, 1, 2.5, "it's", 'say "it\'s"\n'], 'é': {}}"#
        );
        assert_eq!(render("{{ value.missing }}{{ value.text }}", json!({"text": "<b>"})), "<b>");
    }

    #[test]
    fn json_is_as_json_dumps_writes_it() {
        let value = json!({"b": [1, {"é<": "𝄞"}], "a": {}});
        assert_eq!(render("{{ value | tojson }}", value.clone()), r#"{"b": [1, {"é<": "𝄞"}], "a": {}}"#);
        assert_eq!(
            render("{{ value | tojson(ensure_ascii=true, sort_keys=true) }}", value.clone()),
            r#"{"a": {}, "b": [1, {"\u00e9<": "\ud834\udd1e"}]}"#
        );
        assert_eq!(
            render("{{ value | tojson(separators=(',', ':')) }}", value),
            r#"{"b":[1,{"é<":"𝄞"}],"a":{}}"#
        );
        assert_eq!(
            render("{{ value | tojson(indent=2) }}", json!({"a": [1], "b": {}})),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}"
        );
    }
}
