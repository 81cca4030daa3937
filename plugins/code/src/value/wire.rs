//! Reads values as the drivers in `src/python` write them: JSON, with an object of one key for what JSON lacks.
//!
//! ```text
//! null true "text" 42 [1, 2]                      None, bool, str, int, list
//! {"int": "0x1f"} {"float": "inf"}                large int, float
//! {"complex": ["1.0", "0.0"]} {"bytes": "00ff"}   complex, bytes
//! {"tuple": […]} {"set": […]} {"frozenset": […]}
//! {"dict": [[key, value], …]} {"iterator": […]}
//! {"surrogates": "utf-8 bytes in hex"} {"deque": […]} {"range": [a, b, c]} {"keys": […]}
//! {"slice": [a, null, null]}
//! {"date": [2024, 2, 29]} {"timedelta": [0, 5, 0]} {"time": […]} {"datetime": […, [0, 3600, 0]]}
//! {"named": [7, "Point", ["x", "y"], [1, 2]]}     a named tuple, and its number
//! {"fraction": ["0x1", "0x3"]} {"decimal": "1.10"} {"builtin": "int"}
//! {"object": [7, "Point"]} {"global": "name"}     what stays in the program
//! ```
//!
//! An untrusted program can write anything here, so everything is checked and nothing is passed on as text.

use std::collections::HashSet;
use std::fmt::Write as _;

use num_bigint::BigInt;
use serde_json::Value as Json;

use super::{DEEPEST, Value};

/// Builtin types and functions that may be handed over.
pub(crate) const BUILTINS: [&str; 32] = [
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytes",
    "chr",
    "complex",
    "dict",
    "divmod",
    "float",
    "frozenset",
    "hash",
    "hex",
    "int",
    "len",
    "list",
    "max",
    "min",
    "object",
    "oct",
    "ord",
    "pow",
    "print",
    "repr",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
];

/// Sets within sets that are still read.
const DEEPEST_SETS: usize = 8;

/// Why a result is none of the above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooStrange;

/// Reads a value.
pub(crate) fn decode(json: &Json) -> Result<Value, TooStrange> {
    read(json, DEEPEST)
}

fn read(json: &Json, depth: usize) -> Result<Value, TooStrange> {
    let depth = depth.checked_sub(1).ok_or(TooStrange)?;
    match json {
        Json::Null => Ok(Value::None),
        Json::Bool(truth) => Ok(Value::Bool(*truth)),
        Json::String(text) => Ok(Value::Str(text.clone())),
        Json::Number(number) => number.as_i64().map(Value::int).ok_or(TooStrange),
        Json::Array(items) => {
            items.iter().map(|item| read(item, depth)).collect::<Result<_, _>>().map(Value::List)
        }
        Json::Object(object) => {
            let mut entries = object.iter();
            match (entries.next(), entries.next()) {
                (Some((tag, content)), None) => tagged(tag, content, depth),
                _ => Err(TooStrange),
            }
        }
    }
}

fn tagged(tag: &str, content: &Json, depth: usize) -> Result<Value, TooStrange> {
    let items_at = |depth: usize| -> Result<Vec<Value>, TooStrange> {
        content.as_array().ok_or(TooStrange)?.iter().map(|item| read(item, depth)).collect()
    };
    let items = || items_at(depth);
    // The key of a set holds those of its members, so each set around another costs all of them again.
    let members = || items_at(depth.saturating_sub(DEEPEST / DEEPEST_SETS - 1));
    let text = || content.as_str().ok_or(TooStrange);
    match tag {
        "int" => Ok(Value::Int(int(content)?)),
        "float" => float(content).map(Value::Float),
        "complex" => match content.as_array().map(Vec::as_slice) {
            Some([real, imaginary]) => Ok(Value::Complex(float(real)?, float(imaginary)?)),
            _ => Err(TooStrange),
        },
        "bytes" => hex(text()?).map(Value::Bytes),
        "tuple" => items().map(Value::Tuple),
        "set" => hashable(members()?).map(Value::Set),
        "frozenset" => hashable(members()?).map(Value::FrozenSet),
        "iterator" => items().map(Value::Iterator),
        "dict" => dict(content, depth).map(Value::Dict),
        "object" => match content.as_array().map(Vec::as_slice) {
            Some([number, class]) => Ok(Value::Object(
                number.as_u64().ok_or(TooStrange)?,
                class.as_str().ok_or(TooStrange)?.chars().take(40).collect(),
            )),
            _ => Err(TooStrange),
        },
        "named" => match content.as_array().map(Vec::as_slice) {
            Some([number, Json::String(name), Json::Array(fields), Json::Array(parts)]) => {
                let field = |json: &Json| json.as_str().map(ToOwned::to_owned).ok_or(TooStrange);
                let fields = fields.iter().map(field).collect::<Result<_, _>>()?;
                let parts = parts.iter().map(|part| read(part, depth)).collect::<Result<_, _>>()?;
                Ok(Value::Named(number.as_u64().ok_or(TooStrange)?, name.clone(), fields, parts))
            }
            _ => Err(TooStrange),
        },
        "global" => Ok(Value::Global(text()?.to_owned())),
        _ => library(tag, content, &items).map(Value::Library),
    }
}

/// The expression that makes a value of the standard library.
fn library(
    tag: &str,
    content: &Json,
    items: &dyn Fn() -> Result<Vec<Value>, TooStrange>,
) -> Result<String, TooStrange> {
    match tag {
        "deque" => Ok(format!("collections.deque({})", Value::List(items()?).literal())),
        "keys" => Ok(format!("dict.fromkeys({}).keys()", Value::List(hashable(items()?)?).literal())),
        "surrogates" => Ok(format!(
            "{}.decode('utf-8','surrogatepass')",
            Value::Bytes(hex(content.as_str().ok_or(TooStrange)?)?).literal()
        )),
        "range" | "fraction" => {
            let parts: Vec<BigInt> =
                content.as_array().ok_or(TooStrange)?.iter().map(int).collect::<Result<_, _>>()?;
            let wanted = if tag == "range" { 3 } else { 2 };
            let call = if tag == "range" { "range(" } else { "fractions.Fraction(" };
            if parts.len() != wanted || parts.last().is_some_and(|last| *last == BigInt::ZERO) {
                return Err(TooStrange);
            }
            let mut expression = call.to_owned();
            parts.iter().for_each(|part| _ = write!(expression, "{part:#x},"));
            expression.push(')');
            Ok(expression)
        }
        "slice" => match content.as_array().map(Vec::as_slice) {
            Some(parts @ [_, _, _]) => {
                let part = |json: &Json| match json {
                    Json::Null => Ok("None".to_owned()),
                    json => int(json).map(|number| format!("{number:#x}")),
                };
                let parts: Vec<String> = parts.iter().map(part).collect::<Result<_, _>>()?;
                Ok(format!("slice({})", parts.join(",")))
            }
            _ => Err(TooStrange),
        },
        "builtin" => {
            let name = content.as_str().ok_or(TooStrange)?;
            if BUILTINS.contains(&name) { Ok(name.to_owned()) } else { Err(TooStrange) }
        }
        "date" | "datetime" | "time" | "timedelta" => {
            let parts = content.as_array().ok_or(TooStrange)?;
            let (numbers, zone) = match parts.split_last() {
                Some((zone @ Json::Array(_), rest)) if tag != "date" => (rest, Some(zone)),
                _ => (parts.as_slice(), None),
            };
            let numbers = numbers.iter().map(|part| part.as_i64().ok_or(TooStrange));
            let mut parts = numbers.map(|part| Ok(part?.to_string())).collect::<Result<Vec<_>, _>>()?;
            let wanted = match tag {
                "date" | "timedelta" => 3,
                "time" => 5,
                _ => 8,
            };
            if parts.len() != wanted || tag == "timedelta" && zone.is_some() {
                return Err(TooStrange);
            }
            // All but the last, which is no argument by place.
            if wanted > 3 {
                let fold = parts.pop().ok_or(TooStrange)?;
                parts.push(format!("fold={fold}"));
            }
            if let Some(zone) = zone {
                let offset = library("timedelta", zone, items)?;
                parts.push(format!("tzinfo=datetime.timezone({offset})"));
            }
            Ok(format!("datetime.{tag}({})", parts.join(",")))
        }
        "decimal" => {
            let text = content.as_str().ok_or(TooStrange)?;
            let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            if plain { Ok(format!("decimal.Decimal('{text}')")) } else { Err(TooStrange) }
        }
        _ => Err(TooStrange),
    }
}

fn dict(content: &Json, depth: usize) -> Result<Vec<(Value, Value)>, TooStrange> {
    let entry = |pair: &Json| match pair.as_array().map(Vec::as_slice) {
        Some([key, value]) => {
            let key = Some(read(key, depth)?).filter(Value::hashable).ok_or(TooStrange)?;
            Ok((key, read(value, depth)?))
        }
        _ => Err(TooStrange),
    };
    let entries: Vec<(Value, Value)> =
        content.as_array().ok_or(TooStrange)?.iter().map(entry).collect::<Result<_, _>>()?;
    different(entries.iter().map(|(key, _)| key))?;
    Ok(entries)
}

fn hashable(items: Vec<Value>) -> Result<Vec<Value>, TooStrange> {
    if !items.iter().all(Value::hashable) {
        return Err(TooStrange);
    }
    different(items.iter())?;
    Ok(items)
}

/// Refuses the same key twice: Python has no such dict or set, so only a forged record does.
fn different<'a>(keys: impl Iterator<Item = &'a Value>) -> Result<(), TooStrange> {
    let key = |key: &Value| key.hash_key().unwrap_or_else(|_| key.literal().into_bytes());
    let mut seen = HashSet::new();
    if keys.map(key).all(|key| seen.insert(key)) { Ok(()) } else { Err(TooStrange) }
}

/// A number, or hexadecimal digits as Python's `hex` prints them.
fn int(json: &Json) -> Result<BigInt, TooStrange> {
    if let Some(number) = json.as_i64() {
        return Ok(number.into());
    }
    let text = json.as_str().ok_or(TooStrange)?;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let digits = digits.strip_prefix("0x").ok_or(TooStrange)?;
    let magnitude = BigInt::parse_bytes(digits.as_bytes(), 16).ok_or(TooStrange)?;
    Ok(if negative { -magnitude } else { magnitude })
}

fn float(json: &Json) -> Result<f64, TooStrange> {
    json.as_str().and_then(|text| text.parse().ok()).ok_or(TooStrange)
}

fn hex(text: &str) -> Result<Vec<u8>, TooStrange> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(TooStrange);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => Ok((digit(high)? * 16 + digit(low)?) as u8),
            _ => Err(TooStrange),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn literal(json: Json) -> Result<String, TooStrange> {
        decode(&json).map(|value| value.literal())
    }

    #[test]
    fn every_tag_is_read() {
        for (json, wanted) in [
            (json!([null, true, "a", -3]), "[None,True,'a',-0x3,]"),
            (json!({"int": "-0x10000000000000000"}), "-0x10000000000000000"),
            (json!({"tuple": [{"float": "nan"}, {"float": "0.1"}]}), "(float('NaN'),0.1,)"),
            (json!({"complex": ["1.0", "-0.0"]}), "complex(1.0,-0.0)"),
            (json!({"dict": [[1, {"set": [2]}]]}), "{0x1:set([0x2,]),}"),
            (json!({"bytes": "00ff"}), r"b'\x00\xff'"),
            (json!({"surrogates": "eda080"}), r"b'\xed\xa0\x80'.decode('utf-8','surrogatepass')"),
            (json!({"range": [0, 10, 2]}), "range(0x0,0xa,0x2,)"),
            (json!({"fraction": ["0x1", "0x3"]}), "fractions.Fraction(0x1,0x3,)"),
            (json!({"decimal": "1.10"}), "decimal.Decimal('1.10')"),
            (json!({"deque": [1]}), "collections.deque([0x1,])"),
            (json!({"object": [3, "Point"]}), "OBJECT(3)"),
        ] {
            assert_eq!(literal(json), Ok(wanted.to_owned()));
        }
    }

    #[test]
    fn what_a_hostile_program_writes_is_refused() {
        let deep = (0..1_000).fold(json!(1), |inner, _| json!([inner]));
        for json in [
            json!({"decimal": "1'); import os; ('"}),
            json!({"int": "0x1) + (1"}),
            json!({"float": "__import__('os')"}),
            json!({"range": [0, 1, 0]}),
            json!({"fraction": [1, 0]}),
            json!({"set": [[1]]}),
            json!({"dict": [[[1], 2]]}),
            json!({"dict": [["a", 1], ["a", 1]]}),
            json!({"dict": [[1, 1], [true, 1]]}),
            json!({"set": [1, {"float": "1.0"}]}),
            json!({"dict": [[{"object": [1, "K"]}, 1], [{"object": [1, "K"]}, 1]]}),
            json!({"unheard-of": 1}),
            json!({"tuple": [1], "list": [1]}),
            json!({}),
            json!(1.5),
            json!({"bytes": "abc"}),
            json!({"builtin": "eval"}),
            deep,
        ] {
            assert_eq!(literal(json.clone()), Err(TooStrange), "{json}");
        }
    }
}
