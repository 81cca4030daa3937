//! Compares what a program printed with what it should have printed.

use std::borrow::Cow;
use std::cell::Cell;

use crate::options::{Compare, Options};

/// Numbers that may be written otherwise than expected. Who writes all of millions so is not paid for what the plugin
/// would spend on them.
const MOST_NUMBERS: usize = 300_000;

/// Whether the outputs are the same; if not, where they first differ.
pub(crate) fn outputs(printed: &[u8], expected: &str, options: &Options) -> Result<(), String> {
    let printed = String::from_utf8_lossy(printed);
    let affordable = Cell::new(MOST_NUMBERS);
    match options.compare {
        Compare::Exact => {
            let (printed, expected) = (without_newline(&printed), without_newline(expected));
            if printed == expected {
                Ok(())
            } else {
                Err(first_difference(printed.lines(), expected.lines()))
            }
        }
        Compare::Lines => {
            let same = |a: &str, b: &str| a == b || same_words(a, b, options.tolerance, &affordable);
            sequences(stripped_lines(&printed), stripped_lines(expected), same)
        }
        Compare::Tokens => {
            let same = |a: &str, b: &str| a == b || same_words(a, b, options.tolerance, &affordable);
            sequences(printed.split_whitespace(), expected.split_whitespace(), same)
        }
    }
}

fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The lines without white space around them, and without empty lines around them all.
fn stripped_lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.trim().split('\n').map(str::trim)
}

fn sequences<'a>(
    printed: impl Iterator<Item = &'a str> + Clone,
    expected: impl Iterator<Item = &'a str> + Clone,
    same: impl Fn(&str, &str) -> bool,
) -> Result<(), String> {
    let (mut left, mut right) = (printed.clone(), expected.clone());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ok(()),
            (Some(a), Some(b)) if same(a, b) => {}
            _ => return Err(first_difference(printed, expected)),
        }
    }
}

fn first_difference<'a>(
    printed: impl Iterator<Item = &'a str>,
    expected: impl Iterator<Item = &'a str>,
) -> String {
    let (printed, expected): (Vec<_>, Vec<_>) = (printed.collect(), expected.collect());
    let at = printed.iter().zip(&expected).take_while(|(a, b)| a == b).count();
    let show =
        |part: Option<&&str>| part.map_or("nothing".to_owned(), |part| format!("{:?}", shortened(part)));
    format!("printed {} where {} should be", show(printed.get(at)), show(expected.get(at)))
}

fn shortened(text: &str) -> String {
    gavel_plugin::excerpt(text).chars().take(40).collect()
}

/// Whether all words of a line are numbers and the same ones, so that `1.0 2` is `1.00 2.`.
fn same_words(left: &str, right: &str, tolerance: f64, affordable: &Cell<usize>) -> bool {
    let (mut left, mut right) = (left.split_whitespace(), right.split_whitespace());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if same_number(a, b, tolerance) || (tolerance > 0.0 && a == b) => {
                let Some(rest) = affordable.get().checked_sub(usize::from(a != b)) else { return false };
                affordable.set(rest);
            }
            _ => return false,
        }
    }
}

fn same_number(printed: &str, expected: &str, tolerance: f64) -> bool {
    let (Some(a), Some(b)) = (Decimal::parse(printed), Decimal::parse(expected)) else { return false };
    // Zeros in front are written where digits are asked for: a binary number of fixed width, a time, a code.
    if has_leading_zeros(expected) {
        return printed == expected;
    }
    // Where an integer is expected, no tolerance makes another number of it: a count that is off by little is wrong, and
    // remainders of a large prime are close to each other. LiveCodeBench's harness knows no tolerance at all; APPS's has
    // `allclose`, which takes 4.99999 for 5 and 1000000008 for 1000000007.
    a == b || (tolerance > 0.0 && !is_integer(expected) && within(printed, expected, tolerance))
}

fn has_leading_zeros(number: &str) -> bool {
    let digits = number.trim_start_matches(['+', '-']).as_bytes();
    matches!(digits, [b'0', b'0'..=b'9', ..])
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// Absolutely or relatively, as contest checkers do.
fn within(left: &str, right: &str, tolerance: f64) -> bool {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(a), Ok(b)) => close(a, b, tolerance),
        _ => false,
    }
}

/// Whether two numbers are as close as contest checkers ask for.
pub(crate) fn close(left: f64, right: f64, tolerance: f64) -> bool {
    // Infinity is near to nothing: else any number would be within a share of it.
    let finite = left.is_finite() && right.is_finite();
    left == right || finite && (left - right).abs() <= tolerance * right.abs().max(1.0)
}

/// A decimal number of any length by its value: digits without zeros at either end, and where they stand.
#[derive(Debug, PartialEq, Eq)]
struct Decimal<'a> {
    negative: bool,
    digits: Cow<'a, str>,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits =
            if fraction.is_empty() { Cow::Borrowed(whole) } else { Cow::Owned(format!("{whole}{fraction}")) };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits, exponent }.normal())
    }

    fn normal(self) -> Self {
        let significant = self.digits.trim_start_matches('0');
        let kept = significant.trim_end_matches('0');
        if kept.is_empty() {
            return Self { negative: false, digits: Cow::Borrowed("0"), exponent: 0 };
        }
        let exponent = self.exponent + (significant.len() - kept.len()) as i64;
        Self { negative: self.negative, digits: Cow::Owned(kept.to_owned()), exponent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(printed: &str, expected: &str, compare: Compare, tolerance: f64) -> bool {
        outputs(printed.as_bytes(), expected, &Options { compare, tolerance, ..Options::default() }).is_ok()
    }

    #[test]
    fn no_more_numbers_are_written_otherwise_than_can_be_paid_for() {
        let many = |number: &str, count: usize| format!("{number} ").repeat(count);
        let options = Options::default();
        let judged = |count| outputs(many("1.0", count).as_bytes(), &many("1", count), &options);
        assert_eq!(judged(MOST_NUMBERS), Ok(()));
        assert!(judged(MOST_NUMBERS + 1).is_err());
    }

    #[test]
    fn lines_are_compared_without_white_space_at_their_ends_and_numbers_by_value() {
        for (printed, expected, right) in [
            ("1 2\n3\n", "1 2\n3", true),
            ("  1 2  \n3\n\n\n", "1 2\n3", true),
            ("1.0 2.50\n", "1 2.5", true),
            ("1e3", "1000.0", true),
            ("-0", "0", true),
            ("1  2", "1 2", true),
            ("YES", "Yes", false),
            ("a  b", "a b", false),
            ("1\n2", "1 2", false),
            ("1\n\n2", "1\n2", false),
            ("1", "1.0000001", false),
            ("123456789012345678901", "123456789012345678902", false),
            ("nan", "nan", true),
            ("NaN", "nan", false),
            ("", "", true),
            ("", "0", false),
            ("0x10", "16", false),
            ("1_0", "10", false),
            ("11", "0011", false),
            ("0011", "0011", true),
            ("-7", "-007", false),
            ("007", "7", true),
            ("00", "0", true),
            ("0.50", "0.5", true),
            // As LiveCodeBench's harness does: words of a line as decimals, and no word but numbers.
            (".5", "0.5", true),
            ("5.", "5", true),
            ("+5", "5", true),
            ("1e-3", "0.001", true),
            ("10", "1e1", true),
            ("0.333333333", "0.333333334", false),
            ("0.30000000000000004", "0.3", false),
            ("0.1000000000000000055511151231257827", "0.1", false),
            ("a 0.5", "a 0.50", false),
            ("1,5", "1.5", false),
            ("½", "0.5", false),
            ("1e400", "1e401", false),
            ("00:05", "0:05", false),
        ] {
            assert_eq!(same(printed, expected, Compare::Lines, 0.0), right, "{printed:?} {expected:?}");
        }
    }

    #[test]
    fn tokens_may_stand_on_any_line() {
        assert!(same("1\n2 3.0", "1 2\n3", Compare::Tokens, 0.0));
        assert!(!same("1 2", "1 2 3", Compare::Tokens, 0.0));
        assert!(!same("12", "1 2", Compare::Tokens, 0.0));
    }

    #[test]
    fn exact_is_exact_but_for_a_newline_at_the_end() {
        assert!(same("1 2\n", "1 2", Compare::Exact, 0.0));
        assert!(!same("1 2 \n", "1 2", Compare::Exact, 0.0));
        assert!(!same("1 2\n\n", "1 2", Compare::Exact, 0.0));
        assert!(!same("1.0", "1", Compare::Exact, 0.0));
    }

    #[test]
    fn a_tolerance_is_absolute_or_relative() {
        assert!(same("0.3333333", "0.33333333", Compare::Tokens, 1e-6));
        assert!(same("Case 1: 1000000.5", "Case 1: 1000000.0", Compare::Lines, 1e-6));
        assert!(!same("1000000008", "1000000007", Compare::Lines, 1e-6));
        assert!(!same("1000000008.0", "1000000007", Compare::Lines, 1e-6));
        assert!(same("1000000008.0", "1000000007.0", Compare::Lines, 1e-6));
        assert!(!same("0.34", "0.33", Compare::Tokens, 1e-6));
        assert!(!same("inf", "1", Compare::Tokens, 1e-6));
        for (printed, expected, right) in [
            ("3.0000001", "3", false),
            ("4.9999999", "5", false),
            ("5.0000000", "5", true),
            ("3", "3.0000001", true),
            ("2.9999999", "3.0", true),
            ("7", "8", false),
            ("-7", "7", false),
            ("10000000000000001", "10000000000000000", false),
            ("2 3.00000001", "2 3.0", true),
            ("2 3.00000001", "2 3", false),
            ("3 3.0", "2 3", false),
            ("0", "0.0000001", true),
        ] {
            assert_eq!(same(printed, expected, Compare::Lines, 1e-6), right, "{printed:?} {expected:?}");
        }
    }
}
