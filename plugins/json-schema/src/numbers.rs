//! Numbers to the last digit, where JSON has more of them than a number of the machine.
//!
//! The validator compares integers of 64 bits exactly, and all else as doubles. Two decimals of at most fifteen digits are
//! never one double, so only what is written with more can be taken for another number. Whole numbers that fit are
//! written as such here, whatever their spelling; of the rest, one that is another number than the schema's and the same
//! double is refused.

use std::ops::Range;

/// A double keeps apart any two decimals of so many digits.
const SAFE_DIGITS: usize = 15;
/// Beyond this, not every whole number is a double.
const SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A number by its value: digits without zeros at either end, and the power of ten of the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number of JSON.
    fn read(literal: &str) -> Self {
        let (negative, rest) = literal.strip_prefix('-').map_or((false, literal), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        // No exponent of that size is anything but zero or infinite as a double.
        let exponent: i64 =
            exponent.parse().unwrap_or(if exponent.starts_with('-') { -99_999 } else { 99_999 });
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        let kept = significant.trim_end_matches('0');
        if kept.is_empty() {
            return Self { negative: false, digits: "0".to_owned(), exponent: 0 };
        }
        let exponent = exponent - fraction.len() as i64 + (significant.len() - kept.len()) as i64;
        Self { negative, digits: kept.to_owned(), exponent }
    }

    fn is_whole(&self) -> bool {
        self.exponent >= 0
    }

    /// As a whole number without an exponent, where it is one that 64 bits hold.
    fn whole(&self) -> Option<String> {
        let zeros = usize::try_from(self.exponent).ok().filter(|zeros| *zeros <= 20)?;
        let text = format!("{}{}{}", if self.negative { "-" } else { "" }, self.digits, "0".repeat(zeros));
        (text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()).then_some(text)
    }
}

/// A number as it is written, by its value, and as the double that it becomes.
#[derive(Debug, Clone)]
struct Literal {
    value: Decimal,
    double: f64,
}

impl Literal {
    fn read(text: &str) -> Self {
        Self { value: Decimal::read(text), double: text.parse().unwrap_or(f64::INFINITY) }
    }

    /// Whether the validator may take another number for it.
    fn is_rough(&self) -> bool {
        self.value.digits.len() > SAFE_DIGITS && self.value.whole().is_none()
    }

    /// Whether it is another number than the double is, which prints as the shortest of those it stands for.
    fn is_lossy(&self) -> bool {
        self.is_rough() && self.value != Decimal::read(&format!("{:e}", self.double))
    }
}

/// The numbers of a schema.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    literals: Vec<Literal>,
    divides: bool,
}

impl Numbers {
    /// Reads them from the text of a schema.
    pub(crate) fn of(schema: &str) -> Self {
        let literals = places(schema).into_iter().map(|place| Literal::read(&schema[place])).collect();
        Self { literals, divides: schema.contains("\"multipleOf\"") }
    }

    /// Why a document, which is JSON, has a number that cannot be held against these; `None` where it has none.
    pub(crate) fn confused(&self, document: &str) -> Option<String> {
        let rough_schema = self.literals.iter().any(Literal::is_rough);
        places(document).into_iter().find_map(|place| {
            let text = &document[place];
            let literal = Literal::read(text);
            // `1e-999` would be taken for 0, and a 1 behind thirty zeros for nothing.
            let loses_fraction = !literal.value.is_whole() && literal.double.fract() == 0.0;
            if !rough_schema && !literal.is_rough() && !loses_fraction {
                return None;
            }
            let divided = self.divides && literal.is_lossy();
            let taken = |other: &Literal| other.double == literal.double && other.value != literal.value;
            (loses_fraction || divided || self.literals.iter().any(taken))
                .then(|| format!("{} has more digits than can be compared", gavel_plugin::excerpt(text)))
        })
    }
}

/// JSON in which whole numbers beyond those that doubles hold are written as such, if 64 bits hold them: `1e18`,
/// `9007199254740993.0`.
pub(crate) fn with_whole_numbers(json: &str) -> String {
    let (mut out, mut kept) = (String::with_capacity(json.len()), 0);
    for place in places(json) {
        let literal = &json[place.clone()];
        let is_plain = !literal.contains(['.', 'e', 'E']);
        if is_plain || literal.parse().is_ok_and(|double: f64| double.abs() < SAFE_INTEGER) {
            continue;
        }
        if let Some(whole) = Decimal::read(literal).whole() {
            out.push_str(&json[kept..place.start]);
            out.push_str(&whole);
            kept = place.end;
        }
    }
    out + &json[kept..]
}

/// Where the numbers of a JSON text are.
fn places(json: &str) -> Vec<Range<usize>> {
    let bytes = json.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| b"0123456789+-.eE".contains(byte)).count();
                found.push(at..at + length);
                at += length;
            }
            _ => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_outside_of_texts() {
        let json = r#"{"a1": [-1, 2.5e3], "b\"2": "3", "c": 0}"#;
        let found: Vec<&str> = places(json).into_iter().map(|place| &json[place]).collect();
        assert_eq!(found, ["-1", "2.5e3", "0"]);
    }

    #[test]
    fn whole_numbers_are_written_as_such() {
        for (json, whole) in [
            ("[9007199254740993.0]", "[9007199254740993]"),
            ("9.007199254740993e15", "9007199254740993"),
            ("-1e18", "-1000000000000000000"),
            ("1.0", "1.0"),
            ("1e3", "1e3"),
            ("1e300", "1e300"),
            ("0.5", "0.5"),
            ("\"1e18\"", "\"1e18\""),
        ] {
            assert_eq!(with_whole_numbers(json), whole);
        }
    }

    #[test]
    fn another_number_that_is_the_same_double_is_told() {
        for (schema, document, confused) in [
            (r#"{"const": 18446744073709551616}"#, "18446744073709551617", true),
            (r#"{"const": 18446744073709551616}"#, "18446744073709551616", false),
            (r#"{"const": 1.8446744073709551616e19}"#, "18446744073709551616", false),
            (r#"{"maximum": 5}"#, "5.00000000000000000001", true),
            (r#"{"maximum": 5}"#, "3.14159265358979323846", false),
            (r#"{"const": 0.1}"#, "0.10000000000000000001", true),
            (r#"{"const": 0.1}"#, "0.1", false),
            (r#"{"const": 0.1}"#, "0.100", false),
            (r#"{"type": "integer"}"#, "18446744073709551616.5", true),
            (r#"{"type": "integer"}"#, "1e-99999999999", true),
            (r#"{"type": "integer"}"#, "3.0000000000000000000000001", true),
            (r#"{"type": "integer"}"#, "-0.0", false),
            (r#"{"type": "integer"}"#, "0e-99999999999", false),
            (r#"{"type": "integer"}"#, "3.000", false),
            (r#"{"type": "integer"}"#, "1.5e1", false),
            (r#"{"multipleOf": 2}"#, "18446744073709551617", true),
            (r#"{"multipleOf": 0.1}"#, "0.30000000000000004", false),
            (r#"{"type": "number"}"#, "123456789012345678901234567890.5e-20", false),
        ] {
            assert_eq!(Numbers::of(schema).confused(document).is_some(), confused, "{schema} {document}");
        }
    }
}
