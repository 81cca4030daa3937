//! Reads JSON in which no object names a property twice: readers differ on which of the two they take.

use std::fmt;

use gavel_text::without_lone_surrogates;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::numbers;

/// How deep lists and objects may be nested: what reads and what validates them goes down with them.
pub(crate) const DEEPEST: usize = 512;

/// Reads all of `text`; half a character, `\ud83d`, is one that is not known.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let text = without_lone_surrogates(text);
    let value = read(&text)?;
    // Written otherwise, whole numbers that only a few have in them are doubles.
    let whole = numbers::with_whole_numbers(&text);
    if whole == *text { Ok(value) } else { read(&whole) }
}

fn read(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = Document { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// About how many values and letters a document has.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => 1 + text.len(),
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(map) => 1 + map.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>(),
    }
}

/// How deep lists and objects are nested; 0 for a single value.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// As `Value` is read, but for names that come twice, and with a limit of its own to what is nested.
#[derive(Clone, Copy)]
struct Document {
    /// In how many lists and objects it stands.
    depth: usize,
}

impl Document {
    /// What stands in a list or an object that this is.
    fn within<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom(format_args!("it is nested more than {DEEPEST} deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Document {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        let within = self.within()?;
        while let Some(item) = items.next_element_seed(within)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let within = self.within()?;
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(within)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format_args!(
                    "the name {:?} comes twice",
                    gavel_plugin::excerpt(&name)
                )));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2,0.5,"x",true,null],"b":{"a":1}}"#;
        assert_eq!(parse(text).unwrap().to_string(), text);
        for wrong in ["", "{", "{} {}", "{'a': 1}", "NaN", "[1,]", "1e999", "{\"a\": 1} thanks", "// no\n1"] {
            assert!(parse(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_name_may_not_come_twice() {
        let error = parse(r#"{"a": 1, "b": {"c": 1, "c": 2}}"#).unwrap_err().to_string();
        assert!(error.starts_with("the name \"c\" comes twice"), "{error}");
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(parse(&"[".repeat(1_000_000)).is_err());
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert!(parse(&nested(DEEPEST + 1)).is_err());
    }
}
