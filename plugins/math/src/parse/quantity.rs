//! Units behind a number, and what scales it: `5 million`, `60 miles per hour`, `3 hours 30 minutes`.

use super::words::is_conjunction;
use super::{Parser, Read, atoms};
use crate::expr::{Expr, Number};
use crate::token::Kind;
use crate::units::{Factor, is_known};

impl<'t> Parser<'t> {
    /// Whether `word`, behind an operand, is a unit and not a product of letters.
    pub(super) fn is_unit_word(&self, word: &str) -> bool {
        if matches!(
            word,
            "percent" | "percentage" | "pct" | "million" | "billion" | "thousand" | "am" | "pm" | "AM" | "PM"
        ) || scale_word(word).is_some()
        {
            return true;
        }
        if atoms::is_function(word) || matches!(word, "pi") {
            return false;
        }
        let long = word.chars().count() > 3;
        is_known(word)
            || self.spaced() && crate::units::is_prefixed(word)
            || self.spaced() && word.chars().count() > 2 && !starts_function(word)
            || long && !starts_function(word)
    }

    /// What a word behind a number makes of it: `million`, `thirds`, `permille`, and the abbreviations of these.
    pub(super) fn scale(&mut self) -> Option<Expr> {
        let word = match self.peek()? {
            Kind::Text(word) | Kind::Word(word) => *word,
            _ => return None,
        };
        let scale = match word {
            // Behind a space these are units: kelvin, molar, bel.
            "M" if !self.spaced() => Expr::integer(1_000_000),
            "B" if !self.spaced() => Expr::integer(1_000_000_000),
            "k" => Expr::integer(1_000),
            _ => scale_word(&word.to_ascii_lowercase())?,
        };
        self.at += 1;
        Some(scale)
    }

    /// The sign of a currency whose code stands before a number, and how many tokens it takes: `USD 18`, `US$18`,
    /// `Rs. 50`.
    pub(super) fn currency(&mut self) -> Option<(char, usize)> {
        let code = match self.peek()? {
            Kind::Word(word) | Kind::Text(word) => *word,
            Kind::Letter('A') => "A",
            Kind::Letter('C') => "C",
            _ => return None,
        };
        let sign = match code {
            "USD" | "US" | "CAD" | "AUD" | "SGD" | "HK" | "NZ" | "A" | "C" => '$',
            "EUR" => '€',
            "GBP" => '£',
            "INR" | "Rs" | "rs" => '₹',
            _ => return None,
        };
        let is_number = |kind: Option<&Kind<'_>>| matches!(kind, Some(Kind::Number(_)));
        match self.peek_at(1)? {
            // `US$18`
            Kind::Sign('$') if sign == '$' => is_number(self.peek_at(2)).then_some((sign, 2)),
            Kind::Sign('.') if sign == '₹' => is_number(self.peek_at(2)).then_some((sign, 2)),
            // `Rs.50`, where the point is none of the number.
            Kind::Number(digits) if sign == '₹' && digits.starts_with('.') => {
                let whole = digits[1..].to_owned();
                self.tokens[self.at + 1].kind = Kind::Number(whole.into());
                Some((sign, 1))
            }
            Kind::Number(_) if code.len() > 2 || sign == '₹' => Some((sign, 1)),
            _ => None,
        }
    }

    /// Feet and inches behind a number: `5'10''`, `6'`; `10''` are inches alone.
    pub(super) fn feet_and_inches(&mut self, value: Expr) -> Expr {
        let marks = |parser: &Self, ahead: usize| {
            (0..2).take_while(|at| parser.peek_at(ahead + at) == Some(&Kind::Sign('\''))).count()
        };
        let in_unit = |value: Expr, word| {
            let unit = crate::units::unit(&[Factor { word, power: 1 }]);
            with_unit(value, unit)
        };
        if marks(self, 0) == 2 {
            self.at += 2;
            return in_unit(value, "inch");
        }
        self.at += 1;
        let Some(Kind::Number(digits)) = self.peek() else { return in_unit(value, "foot") };
        let Some(inches) = super::decimal(digits) else { return in_unit(value, "foot") };
        let length = match (marks(self, 1), self.peek_at(1)) {
            (2, _) => 3,
            (_, Some(Kind::Sign('"'))) => 2,
            // The last mark may be gone as one that quotes.
            (0, None) => 1,
            _ => return in_unit(value, "foot"),
        };
        self.at += length;
        let feet = super::formula::product(value, Expr::integer(12));
        in_unit(Expr::Sum(vec![feet, Expr::Number(inches)]), "inch")
    }

    /// The words of a unit, as far as they go.
    pub(super) fn unit_factors(&mut self) -> Vec<Factor<'t>> {
        let mut factors: Vec<Factor<'t>> = Vec::new();
        let mut sign = 1;
        loop {
            match self.peek() {
                Some(kind) if is_conjunction(kind) => break,
                Some(Kind::Text("per") | Kind::Word("per")) => {
                    sign = -1;
                    self.at += 1;
                }
                Some(Kind::Text("squared") | Kind::Word("squared")) if !factors.is_empty() => {
                    self.at += 1;
                    raise(&mut factors, 2);
                }
                Some(Kind::Text("cubed") | Kind::Word("cubed")) if !factors.is_empty() => {
                    self.at += 1;
                    raise(&mut factors, 3);
                }
                // `7 times` counts, `7 times something` is a product.
                Some(Kind::Text("times") | Kind::Word("times")) if self.peek_at(1).is_some() => break,
                Some(Kind::Text("at") | Kind::Word("at"))
                    if matches!(
                        self.peek_at(1),
                        Some(Kind::Text("least" | "most") | Kind::Word("least" | "most"))
                    ) =>
                {
                    break;
                }
                // `5 double` and `5 point five` are no 5; `5 double rooms` and `5 points` count.
                Some(
                    Kind::Text("double" | "triple" | "twice" | "root")
                    | Kind::Word("double" | "triple" | "twice" | "root"),
                ) if !matches!(self.peek_at(1), Some(Kind::Text(_) | Kind::Word(_))) => {
                    break;
                }
                Some(Kind::Text("point" | "over") | Kind::Word("point" | "over")) if matches!(self.peek_at(1), Some(Kind::Text(word) | Kind::Word(word)) if super::words::number_word(word).is_some()) =>
                {
                    break;
                }
                // What takes a number back is no unit of it.
                Some(Kind::Text(word) | Kind::Word(word))
                    if takes_back(word) || matches!(*word, "squared" | "cubed") =>
                {
                    break;
                }
                // `7 correct` grades a number and `7 digits long` measures one; neither is that number.
                Some(Kind::Text("correct" | "right" | "true") | Kind::Word("correct" | "right" | "true"))
                    if !matches!(self.peek_at(1), Some(Kind::Text(_) | Kind::Word(_))) =>
                {
                    break;
                }
                Some(Kind::Text("digit" | "digits") | Kind::Word("digit" | "digits"))
                    if matches!(self.peek_at(1), Some(Kind::Text("long") | Kind::Word("long"))) =>
                {
                    break;
                }
                Some(Kind::Text(word) | Kind::Word(word)) => {
                    factors.push(Factor { word, power: sign });
                    self.at += 1;
                }
                Some(Kind::Letter(letter)) if !factors.is_empty() && letter.is_alphabetic() => self.at += 1,
                Some(Kind::Sign('/'))
                    if !factors.is_empty()
                        && matches!(self.peek_at(1), Some(Kind::Text(_) | Kind::Word(_))) =>
                {
                    sign = -1;
                    self.at += 1;
                }
                Some(Kind::Sign('/')) if !factors.is_empty() && self.unit_letter(1).is_some() => {
                    if let Some(word) = self.unit_letter(1) {
                        factors.push(Factor { word, power: -1 });
                    }
                    sign = -1;
                    self.at += 2;
                }
                Some(Kind::Sign('*'))
                    if !factors.is_empty()
                        && matches!(self.peek_at(1), Some(Kind::Text(_) | Kind::Word(_))) =>
                {
                    self.at += 1;
                }
                Some(Kind::Sign('-' | '\''))
                    if !factors.is_empty()
                        && matches!(self.peek_at(1), Some(Kind::Text(_) | Kind::Word(_))) =>
                {
                    self.at += 1;
                }
                Some(Kind::Sign('^')) if !factors.is_empty() => {
                    let start = self.at;
                    self.at += 1;
                    match self.small_power() {
                        Some(power) => raise(&mut factors, power),
                        None => {
                            self.at = start;
                            break;
                        }
                    }
                }
                _ => break,
            }
        }
        factors
    }

    /// A unit of one letter.
    fn unit_letter(&self, ahead: usize) -> Option<&'static str> {
        match self.peek_at(ahead)? {
            Kind::Letter('h') => Some("h"),
            Kind::Letter('s') => Some("s"),
            Kind::Letter('m') => Some("m"),
            Kind::Letter('g') => Some("g"),
            Kind::Letter('L') => Some("L"),
            _ => None,
        }
    }

    /// `3 hours 30 minutes`, `5 feet 7 inches`: what is added in a smaller unit, when it is.
    pub(super) fn with_smaller_unit(&mut self, side: Expr) -> Read {
        let start = self.at;
        if let (Expr::Quantity(value, unit), Some(Kind::Number(_))) = (&side, self.peek()) {
            let more = self.deeper(Self::side)?;
            if let (true, Expr::Quantity(part, smaller)) = (unit.is_degree(), &more)
                && let Some(parts) = arc(&smaller.name)
            {
                let part = Expr::Quotient(part.clone(), Box::new(Expr::integer(parts)));
                return Ok(Expr::Quantity(Box::new(Expr::Sum(vec![(**value).clone(), part])), unit.clone()));
            }
            if let Expr::Quantity(part, smaller) = more
                && let crate::units::Units::Convertible(factor) = unit.against(&smaller)
                && factor > dashu_ratio::RBig::ONE
            {
                let converted =
                    super::formula::product((**value).clone(), Expr::Number(Number::exact(factor)));
                return Ok(Expr::Quantity(Box::new(Expr::Sum(vec![converted, *part])), smaller));
            }
            self.at = start;
        }
        Ok(side)
    }

    fn small_power(&mut self) -> Option<i32> {
        let braced = self.eat('{');
        let negative = self.eat('-');
        let power: i32 = match self.peek()? {
            Kind::Number(digits) => digits.parse().ok().filter(|power| (1..=6).contains(power))?,
            _ => return None,
        };
        self.at += 1;
        if braced && !self.eat('}') {
            return None;
        }
        Some(if negative { -power } else { power })
    }
}

/// What a word of scale multiplies by.
fn scale_word(word: &str) -> Option<Expr> {
    const LARGE: [(&str, i64); 13] = [
        ("dozen", 12),
        ("gross", 144),
        ("hundred", 100),
        ("thousand", 1_000),
        ("lakh", 100_000),
        ("crore", 10_000_000),
        ("mn", 1_000_000),
        ("mln", 1_000_000),
        ("million", 1_000_000),
        ("bn", 1_000_000_000),
        ("bln", 1_000_000_000),
        ("billion", 1_000_000_000),
        ("trillion", 1_000_000_000_000),
    ];
    // `seconds` are a unit, and `quarters` are coins.
    const PARTS: [(&str, i64); 13] = [
        ("halves", 2),
        ("third", 3),
        ("fourth", 4),
        ("fifth", 5),
        ("sixth", 6),
        ("seventh", 7),
        ("eighth", 8),
        ("ninth", 9),
        ("tenth", 10),
        ("hundredth", 100),
        ("thousandth", 1_000),
        ("permille", 1_000),
        ("permil", 1_000),
    ];
    let single = word.strip_suffix('s').unwrap_or(word);
    let find = |list: &[(&str, i64)]| {
        list.iter().find(|(name, _)| *name == word || *name == single).map(|(_, value)| *value)
    };
    find(&LARGE).map(Expr::integer).or_else(|| {
        find(&PARTS).map(|parts| Expr::Quotient(Box::new(Expr::integer(1)), Box::new(Expr::integer(parts))))
    })
}

/// How many of a unit, which is one of time as well, make a degree.
fn arc(name: &str) -> Option<i64> {
    match name {
        "minute" | "arcminute" => Some(60),
        "second" | "arcsecond" => Some(3_600),
        _ => None,
    }
}

fn raise(factors: &mut [Factor<'_>], power: i32) {
    if let Some(last) = factors.last_mut() {
        last.power *= power;
    }
}

/// A value with a unit; the first unit stays.
pub(super) fn with_unit(value: Expr, unit: Option<crate::units::Unit>) -> Expr {
    match (value, unit) {
        (Expr::Quantity(value, first), Some(_) | None) => Expr::Quantity(value, first),
        (value, Some(unit)) => Expr::Quantity(Box::new(value), unit),
        (value, None) => value,
    }
}

fn starts_function(word: &str) -> bool {
    ["sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "sqrt", "arc"]
        .iter()
        .any(|name| word.starts_with(name))
}

/// Words that say that what stands before them is not meant.
pub(super) fn takes_back(word: &str) -> bool {
    const WORDS: [&str; 35] = [
        "is",
        "are",
        "was",
        "not",
        "isn't",
        "wrong",
        "but",
        "maybe",
        "perhaps",
        "if",
        "unless",
        "except",
        "incorrect",
        "no",
        "half",
        "below",
        "plus",
        "minus",
        "loss",
        "lost",
        "factorial",
        "negative",
        "less",
        "doubled",
        "tripled",
        "quadrupled",
        "quintupled",
        "halved",
        "negated",
        "inverted",
        "reversed",
        "reciprocal",
        "modulo",
        "divided",
        "multiplied",
    ];
    WORDS.contains(&word.to_lowercase().as_str())
}
