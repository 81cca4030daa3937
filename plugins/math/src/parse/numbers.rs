//! Numbers: decimals, repeating decimals, mixed numbers, other bases.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::{Parser, Read, Unreadable};
use crate::expr::{Expr, Number};
use crate::token::Kind;

/// More digits than this are not computed with.
const MOST_DIGITS: usize = 5_000;

impl Parser<'_> {
    /// The number that comes next, whose digits are `digits`.
    pub(super) fn number(&mut self, digits: &str) -> Read {
        self.at += 1;
        if let Some(repeating) = self.repeating(digits) {
            return Ok(Expr::Number(Number::exact(repeating)));
        }
        let number = decimal(digits).ok_or(Unreadable("has too many digits"))?;
        if digits.contains('.') {
            return Ok(Expr::Number(number));
        }
        if let Some(base) = self.base() {
            return Ok(Expr::Based(digits.trim_start_matches('0').to_owned(), base));
        }
        let fraction = self.fraction_behind();
        Ok(match fraction {
            Some(fraction) => Expr::Number(Number::exact(number.value + fraction)),
            None => Expr::Number(number),
        })
    }

    /// The fraction of a mixed number: `\frac{1}{2}` or ` 1/2` behind an integer.
    fn fraction_behind(&mut self) -> Option<RBig> {
        let start = self.at;
        let parts = match self.peek()? {
            Kind::Command("frac") => {
                self.at += 1;
                self.small_argument().zip(self.small_argument())
            }
            Kind::Number(numerator) if self.spaced() && self.peek_at(1) == Some(&Kind::Sign('/')) => {
                let numerator = whole(numerator);
                let denominator = match self.peek_at(2) {
                    Some(Kind::Number(denominator)) => whole(denominator),
                    _ => None,
                };
                self.at += 3;
                numerator.zip(denominator)
            }
            _ => None,
        };
        match parts {
            Some((numerator, denominator)) if numerator < denominator => {
                Some(RBig::from_parts(IBig::from(numerator), denominator))
            }
            _ => {
                self.at = start;
                None
            }
        }
    }

    /// A whole number as an argument: `{12}`, or one digit of those that come next.
    fn small_argument(&mut self) -> Option<UBig> {
        match (self.peek()?, self.peek_at(1), self.peek_at(2)) {
            (Kind::Sign('{'), Some(Kind::Number(digits)), Some(Kind::Sign('}'))) => {
                let value = whole(digits)?;
                self.at += 3;
                Some(value)
            }
            (Kind::Number(digits), ..) if digits.len() == 1 => {
                let value = whole(digits)?;
                self.at += 1;
                Some(value)
            }
            (Kind::Number(digits), ..) => {
                let (first, rest) = digits.split_at(1);
                let value = whole(first)?;
                // `3\frac12`: the second digit is the denominator. Nothing may be left behind it.
                if rest.len() != 1 {
                    return None;
                }
                self.tokens[self.at].kind = Kind::Number(rest.to_owned().into());
                Some(value)
            }
            _ => None,
        }
    }

    /// `_2`, `_{10}`, `_{\text{eight}}`: the base that is written below a number, or `(base 8)` behind it.
    pub(super) fn base(&mut self) -> Option<u32> {
        let start = self.at;
        let base = match self.peek()? {
            Kind::Sign('_') => {
                self.at += 1;
                let braced = self.eat('{');
                self.eat('(');
                let base = self.base_word();
                self.eat(')');
                if braced && !self.eat('}') { None } else { base }
            }
            _ => {
                let bracketed = self.eat('(');
                let word = matches!(self.peek(), Some(Kind::Word("base") | Kind::Text("base")))
                    || matches!(
                        (self.peek(), self.peek_at(1)),
                        (
                            Some(Kind::Word("in") | Kind::Text("in")),
                            Some(Kind::Word("base") | Kind::Text("base"))
                        )
                    );
                if word {
                    self.at +=
                        if matches!(self.peek(), Some(Kind::Word("in") | Kind::Text("in"))) { 2 } else { 1 };
                    let base = self.base_word();
                    if bracketed && !self.eat(')') { None } else { base }
                } else {
                    None
                }
            }
        };
        let base = base.filter(|base| (2..=36).contains(base));
        if base.is_none() {
            self.at = start;
        }
        base
    }

    fn base_word(&mut self) -> Option<u32> {
        let base = match self.peek()? {
            Kind::Number(digits) => digits.parse().ok(),
            Kind::Text(word) | Kind::Word(word) => {
                super::words::number_word(word).and_then(|it| u32::try_from(it).ok())
            }
            _ => None,
        };
        self.at += 1;
        base
    }

    /// `0.\overline{3}`, `0.1\overline{6}`, `0.(3)`, `0.333…`: the number they stand for.
    fn repeating(&mut self, digits: &str) -> Option<RBig> {
        let start = self.at;
        let has_point = digits.contains('.') || self.eat('.');
        let block = match self.peek() {
            Some(Kind::Command("overline" | "bar" | "dot")) if has_point => {
                self.at += 1;
                self.bracketed_digits('{', '}')
            }
            Some(Kind::Sign('(')) if has_point && digits.starts_with('0') && !self.spaced() => {
                self.bracketed_digits('(', ')')
            }
            Some(Kind::Sign('…')) if digits.contains('.') => {
                self.at += 1;
                return tail_repeated(digits);
            }
            _ => None,
        };
        let Some(block) = block else {
            self.at = start;
            return None;
        };
        let (whole, fixed) = digits.split_once('.').unwrap_or((digits, ""));
        repeated(whole, fixed, &block)
    }

    fn bracketed_digits(&mut self, open: char, close: char) -> Option<String> {
        let start = self.at;
        let braced = self.eat(open);
        let digits = match self.peek() {
            Some(Kind::Number(digits)) if !digits.contains('.') && digits.len() <= 60 => digits.to_string(),
            _ => {
                self.at = start;
                return None;
            }
        };
        self.at += 1;
        if braced && !self.eat(close) {
            self.at = start;
            return None;
        }
        Some(digits)
    }
}

/// The value of digits with at most one point. `None` for too many of them.
pub(crate) fn decimal(digits: &str) -> Option<Number> {
    if digits.len() > MOST_DIGITS {
        return None;
    }
    let (whole_part, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let significant = digits.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count() as u32;
    if fraction.is_empty() {
        let value = if whole_part.is_empty() { UBig::ZERO } else { whole(whole_part)? };
        return Some(Number { value: RBig::from(value), decimals: None, significant });
    }
    let mut all = String::with_capacity(digits.len());
    all.push_str(whole_part);
    all.push_str(fraction);
    let value = RBig::from_parts(IBig::from(whole(&all)?), UBig::from(10_u8).pow(fraction.len()));
    Some(Number { value, decimals: Some(fraction.len() as u32), significant })
}

fn whole(digits: &str) -> Option<UBig> {
    if digits.len() <= 18 {
        return digits.parse::<u64>().ok().map(UBig::from);
    }
    UBig::from_str_radix(digits, 10).ok()
}

fn repeated(whole_part: &str, fixed: &str, block: &str) -> Option<RBig> {
    if fixed.len() + block.len() > 200 || block.is_empty() {
        return None;
    }
    let start = whole(&format!("0{whole_part}{fixed}"))?;
    let shift = UBig::from(10_u8).pow(fixed.len());
    let nines = UBig::from(10_u8).pow(block.len()) - UBig::ONE;
    let tail = RBig::from_parts(IBig::from(whole(block)?), nines);
    Some((RBig::from(start) + tail) / RBig::from(shift))
}

/// `0.333…` and `0.1666…`: the shortest block that the digits end with at least twice, or three times for one digit.
fn tail_repeated(digits: &str) -> Option<RBig> {
    let (whole_part, fraction) = digits.split_once('.')?;
    let length = fraction.len();
    let period = (1..=length / 2).find(|&period| {
        let times = if period == 1 { 3 } else { 2 };
        let block = &fraction[length - period..];
        length >= times * period
            && (1..times).all(|n| &fraction[length - (n + 1) * period..length - n * period] == block)
    })?;
    let block = &fraction[length - period..];
    repeated(whole_part, &fraction[..length - period], block)
}
