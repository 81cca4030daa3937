//! Writes values as Python expressions, to hand them to a program.
//!
//! Part of what is written here was claimed by an untrusted program, so nothing is copied: numbers are printed from
//! numbers, and a string holds printable ASCII and escapes only.

use std::fmt::Write as _;

use num_traits::ToPrimitive;

use super::Value;

impl Value {
    /// The value as JSON that Python reads as the very same, where there is such: far cheaper for it than source text.
    pub(crate) fn plain(&self) -> Option<serde_json::Value> {
        const LARGEST: i64 = 1 << 53;
        Some(match self {
            Self::None => serde_json::Value::Null,
            Self::Bool(truth) => (*truth).into(),
            Self::Int(number) => number.to_i64().filter(|it| it.abs() < LARGEST)?.into(),
            Self::Str(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::plain).collect::<Option<Vec<_>>>()?.into(),
            Self::Dict(entries) if entries.is_empty() => serde_json::json!({}),
            _ => return None,
        })
    }

    /// A Python expression with this value.
    ///
    /// Objects and names of the program are `OBJECT(number)` and `GLOBAL('name')`; whoever runs the expression says
    /// what that is. Library values want `fractions`, `decimal` and `collections` imported.
    pub(crate) fn literal(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The value for people, cut short.
    pub(crate) fn shown(&self) -> String {
        const LONGEST: usize = 60;
        let mut text = String::new();
        self.show(&mut text);
        if text.chars().count() > LONGEST {
            text.chars().take(LONGEST).chain(['…']).collect()
        } else {
            text
        }
    }

    /// As Python's `repr`, near enough; what is plainly too long is left out.
    fn show(&self, out: &mut String) {
        const ENOUGH: usize = 200;
        let (open, items, close) = match self {
            _ if out.len() > ENOUGH => return,
            Self::Int(number) if number.bits() < 256 => {
                _ = write!(out, "{number}");
                return;
            }
            Self::Str(text) => {
                _ = write!(out, "'{}'", gavel_plugin::excerpt(text));
                return;
            }
            Self::Object(_, class) => {
                _ = write!(out, "<{class} object>");
                return;
            }
            Self::List(items) => ("[", items, "]"),
            Self::Tuple(items) => ("(", items, ")"),
            Self::Set(items) | Self::FrozenSet(items) => ("{", items, "}"),
            Self::Iterator(items) => ("iter([", items, "])"),
            _ => return self.write(out),
        };
        out.push_str(open);
        for (index, item) in items.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            item.show(out);
        }
        out.push_str(close);
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::None => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            // Hexadecimal: Python refuses to read decimal integers of more than 4,300 digits.
            Self::Int(number) => _ = write!(out, "{number:#x}"),
            Self::Float(number) => float(*number, out),
            Self::Complex(real, imaginary) => {
                out.push_str("complex(");
                float(*real, out);
                out.push(',');
                float(*imaginary, out);
                out.push(')');
            }
            Self::Str(text) => quote(text, out),
            Self::Bytes(bytes) => {
                out.push_str("b'");
                bytes.iter().for_each(|byte| _ = write!(out, "\\x{byte:02x}"));
                out.push('\'');
            }
            Self::List(items) => sequence("[", items, "]", out),
            Self::Tuple(items) => sequence("(", items, ")", out),
            Self::Set(items) => sequence("set([", items, "])", out),
            Self::FrozenSet(items) => sequence("frozenset([", items, "])", out),
            Self::Iterator(items) => sequence("iter([", items, "])", out),
            Self::Dict(entries) => {
                out.push('{');
                for (key, value) in entries {
                    key.write(out);
                    out.push(':');
                    value.write(out);
                    out.push(',');
                }
                out.push('}');
            }
            Self::Library(expression) => out.push_str(expression),
            Self::Named(number, name, fields, items) => {
                _ = write!(out, "NAMED({number},");
                quote(name, out);
                out.push_str(",[");
                for field in fields {
                    quote(field, out);
                    out.push(',');
                }
                sequence("],[", items, "])", out);
            }
            Self::Object(number, _) => _ = write!(out, "OBJECT({number})"),
            Self::Global(name) => {
                out.push_str("GLOBAL(");
                quote(name, out);
                out.push(')');
            }
        }
    }
}

/// A Python string literal with this text.
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(text, &mut out);
    out
}

fn quote(text: &str, out: &mut String) {
    out.push('\'');
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' | '\'' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c => _ = write!(out, "\\U{:08x}", u32::from(c)),
        }
    }
    out.push('\'');
}

fn float(number: f64, out: &mut String) {
    if number.is_finite() {
        // Rust prints the shortest text that reads back as the same number, and `:?` keeps it a float.
        _ = write!(out, "{number:?}");
    } else {
        _ = write!(out, "float('{number}')");
    }
}

fn sequence(open: &str, items: &[Value], close: &str, out: &mut String) {
    out.push_str(open);
    for item in items {
        item.write(out);
        out.push(','); // also what makes `(1,)` a tuple
    }
    out.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_python_reads() {
        let value = Value::Tuple(vec![
            Value::Int((-255).into()),
            Value::Float(1.0),
            Value::Float(1e300),
            Value::Float(-0.0),
            Value::Float(f64::NEG_INFINITY),
            Value::Set(vec![]),
            Value::Dict(vec![(Value::Str("it's\n\u{e9}\0".to_owned()), Value::Bytes(vec![0, 255]))]),
            Value::Tuple(vec![]),
        ]);
        assert_eq!(
            value.literal(),
            r"(-0xff,1.0,1e300,-0.0,float('-inf'),set([]),{'it\'s\n\U000000e9\U00000000':b'\x00\xff',},(),)"
        );
    }
}
