//! The values that checks compute: whole numbers and fractions, and texts that are cut and put together as in Python.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = operand { ("*" | "/" | "%") operand }
//! operand = [ "-" ] ( number | "(" sum ")" | "'" text "'" ) { slice }
//! slice   = "[" [ bound ] ":" [ bound ] [ ":" [ bound ] ] "]"
//! bound   = [ "-" ] number
//! ```

use num_rational::Ratio;
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, CheckedSub, Zero};

/// Parentheses within parentheses.
const DEEPEST: usize = 32;
/// The longest text that a check may make, in letters.
const LONGEST_TEXT: usize = 4096;

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Number(Ratio<i128>),
    Text(String),
}

/// The exact value of all of `text`; what is wrong, where it has none.
pub(crate) fn value(text: &str) -> Result<Value, String> {
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.sum()?;
    if parser.rest.is_empty() { Ok(value) } else { Err(format!("{text} is no expression")) }
}

/// The whole numbers in a text, from left to right.
pub(crate) fn numbers(text: &str) -> Vec<i64> {
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    // A number too large to read is none that a task gives.
    runs.map(|run| run.parse().unwrap_or(i64::MAX)).collect()
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Value, String> {
        let mut value = self.product()?;
        while let Some(operator) = self.take_any(&['+', '-']) {
            let right = self.product()?;
            value = apply(value, operator, right)?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut value = self.operand()?;
        while let Some(operator) = self.take_any(&['*', '/', '%']) {
            let right = self.operand()?;
            value = apply(value, operator, right)?;
        }
        Ok(value)
    }

    fn operand(&mut self) -> Result<Value, String> {
        if self.take_any(&['-']).is_some() {
            let zero = Value::Number(Ratio::zero());
            let operand = self.atom()?;
            return apply(zero, '-', operand);
        }
        let mut value = self.atom()?;
        while self.rest.starts_with('[') {
            value = self.slice(value)?;
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<Value, String> {
        if self.take_any(&['(']).is_some() {
            if self.depth == DEEPEST {
                return Err("parentheses are nested too deeply".to_owned());
            }
            self.depth += 1;
            let value = self.sum()?;
            self.depth -= 1;
            return self.take_any(&[')']).map(|_| value).ok_or_else(|| "a ) is missing".to_owned());
        }
        if self.take_any(&['\'']).is_some() {
            let (text, rest) = self.rest.split_once('\'').ok_or("a text does not end")?;
            self.rest = rest;
            return Ok(Value::Text(text.to_owned()));
        }
        let digits = self.digits();
        let number: i64 = digits.parse().map_err(|_| "a number is missing, or too large".to_owned())?;
        Ok(Value::Number(Ratio::from_integer(number.into())))
    }

    fn slice(&mut self, value: Value) -> Result<Value, String> {
        let Value::Text(text) = value else { return Err("a number is cut like a text".to_owned()) };
        let (inside, rest) = self.rest[1..].split_once(']').ok_or("a ] is missing")?;
        self.rest = rest;
        let bounds = inside.split(':').map(|bound| match bound {
            "" => Ok(None),
            bound => bound.parse::<i64>().map(Some).map_err(|_| format!("[{inside}] is no slice")),
        });
        match bounds.collect::<Result<Vec<_>, _>>()?[..] {
            [start, stop] => cut(&text, start, stop, 1),
            [start, stop, step] => cut(&text, start, stop, step.unwrap_or(1)),
            _ => Err(format!("[{inside}] is no slice")),
        }
    }

    fn digits(&mut self) -> &str {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        digits
    }

    fn take_any(&mut self, signs: &[char]) -> Option<char> {
        let sign = self.rest.chars().next().filter(|sign| signs.contains(sign))?;
        self.rest = &self.rest[sign.len_utf8()..];
        Some(sign)
    }
}

fn apply(left: Value, operator: char, right: Value) -> Result<Value, String> {
    let overflow = || "a number is too large".to_owned();
    match (left, operator, right) {
        (Value::Number(a), '+', Value::Number(b)) => {
            a.checked_add(&b).map(Value::Number).ok_or_else(overflow)
        }
        (Value::Number(a), '-', Value::Number(b)) => {
            a.checked_sub(&b).map(Value::Number).ok_or_else(overflow)
        }
        (Value::Number(a), '*', Value::Number(b)) => {
            a.checked_mul(&b).map(Value::Number).ok_or_else(overflow)
        }
        (Value::Number(a), '/', Value::Number(b)) if !b.is_zero() => {
            a.checked_div(&b).map(Value::Number).ok_or_else(overflow)
        }
        // As in Python: the remainder has the sign of what it is divided by.
        (Value::Number(a), '%', Value::Number(b)) if a.is_integer() && b.is_integer() && !b.is_zero() => {
            let (a, b) = (a.to_integer(), b.to_integer());
            let remainder = a.checked_rem(b).ok_or_else(overflow)?;
            let wraps = remainder != 0 && (remainder < 0) != (b < 0);
            Ok(Value::Number(Ratio::from_integer(if wraps { remainder + b } else { remainder })))
        }
        (Value::Text(a), '+', Value::Text(b)) => text(a + &b),
        (Value::Text(a), '*', Value::Number(b)) if b.is_integer() => {
            let times = usize::try_from(b.to_integer()).unwrap_or(0);
            match a.len().checked_mul(times) {
                Some(length) if length <= LONGEST_TEXT => text(a.repeat(times)),
                _ => Err("a text is too long".to_owned()),
            }
        }
        (_, operator, _) => Err(format!("{operator} has no value here")),
    }
}

fn text(text: String) -> Result<Value, String> {
    if text.len() > LONGEST_TEXT { Err("a text is too long".to_owned()) } else { Ok(Value::Text(text)) }
}

/// Python's slices.
fn cut(text: &str, start: Option<i64>, stop: Option<i64>, step: i64) -> Result<Value, String> {
    let letters: Vec<char> = text.chars().collect();
    let length = i64::try_from(letters.len()).map_err(|_| "a text is too long")?;
    if step == 0 {
        return Err("a slice has a step of 0".to_owned());
    }
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: Option<i64>, default: i64| match bound {
        None => default,
        Some(bound) if bound < 0 => bound.saturating_add(length).clamp(low, high),
        Some(bound) => bound.clamp(low, high),
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, stop) = (place(start, first), place(stop, last));
    let places = std::iter::successors(Some(start), |at| i64::checked_add(*at, step));
    let within = places.take_while(|&at| if step > 0 { at < stop } else { at > stop });
    Ok(Value::Text(within.filter_map(|at| letters.get(usize::try_from(at).ok()?)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> String {
        match value(text) {
            Ok(Value::Number(number)) => number.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn word(text: &str) -> String {
        match value(text) {
            Ok(Value::Text(text)) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_computed_as_in_python() {
        assert_eq!(number("3*4+5"), "17");
        assert_eq!(number("-7+5"), "-2");
        assert_eq!(number("3*-4+5"), "-7");
        assert_eq!(number("(7*4+2)%11"), "8");
        assert_eq!((number("(3-8)%11"), number("-5%3")), ("6".to_owned(), "1".to_owned()));
        assert_eq!(number("8/(3-8/3)"), "24");
    }

    #[test]
    fn texts_are_cut_as_in_python() {
        assert_eq!(word("'abcde'[::-1]"), "edcba");
        assert_eq!(word("'abcde'[1:][:-1]"), "bcd");
        assert_eq!(word("'abcde'[::2]*2"), "aceace");
        assert_eq!(word("'ab'+'cd'[::-1]"), "abdc");
        assert_eq!(word("'abcde'[-2:]+'abcde'[:-9]"), "de");
        assert_eq!(word("'abcde'[9:]+'abcde'[3:0:-1]"), "dcb");
    }

    #[test]
    fn what_has_no_value_is_said_and_nothing_overflows() {
        for text in
            ["", "3+", "(3", "3)", "1/0", "5%0", "'a", "'a'[0:1:0]", "'a'[x]", "3[1:]", "'a'-1", "3'a'"]
        {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(value(&["9223372036854775807"; 4].join("*")).is_err());
        assert!(value("'abcdefgh'*1000000").is_err());
        assert!(value(&"(".repeat(100_000)).is_err());
    }
}
