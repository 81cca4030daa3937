//! Words: text answers, what stands behind a formula, conjunctions, numbers in words, times of day.

use super::quantity::with_unit;
use super::{Parser, Read, atoms};
use crate::expr::{Constant, Expr, NamedSet, Relation};
use crate::token::{Kind, Token};
use crate::units::{Factor, unit};

/// Whether the token joins the items of a list.
pub(super) fn is_conjunction(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Text(word) | Kind::Word(word) if matches!(*word, "and" | "or" | "And" | "Or" | "AND" | "OR"))
}

/// Whether the tokens end with `a.m.` or `p.m.`, whose last point belongs to them.
pub(super) fn ends_with_half_day(tokens: &[Token<'_>]) -> bool {
    let [.., half, dot, letter, last] = tokens else { return false };
    let is = |token: &Token<'_>, letters: &[char]| match token.kind {
        Kind::Letter(letter) => letters.contains(&letter),
        Kind::Text(word) => word.len() == 1 && word.starts_with(letters),
        _ => false,
    };
    dot.kind == Kind::Sign('.')
        && last.kind == Kind::Sign('.')
        && is(half, &['a', 'p', 'A', 'P'])
        && is(letter, &['m', 'M'])
}

/// The number that an English word names, up to twenty and the tens.
pub(super) fn number_word(word: &str) -> Option<i64> {
    const SMALL: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    if !(3..=12).contains(&word.len()) {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let small = |word: &str| SMALL.iter().position(|it| *it == word).map(|it| it as i64);
    let tens = |word: &str| TENS.iter().position(|it| *it == word).map(|it| 20 + 10 * it as i64);
    small(&word).or_else(|| tens(&word)).or_else(|| {
        let (ten, one) = word.split_once('-')?;
        Some(tens(ten)? + small(one).filter(|one| (1..10).contains(one))?)
    })
}

/// The number that several English words name: `one hundred`, `twenty five`, `five dozen`.
fn number_words(said: &str) -> Option<i64> {
    let (mut total, mut part) = (0_i64, None);
    for word in said.split(' ') {
        let scale = match word {
            "dozen" => 12,
            "hundred" => 100,
            "thousand" => 1_000,
            "million" => 1_000_000,
            _ => {
                // `twenty five` adds, `five twenty` says nothing.
                let number = number_word(word)?;
                part = match part {
                    None => Some(number),
                    Some(before) if before % 100 == 0 && number < 100 => Some(before + number),
                    Some(before) if before % 10 == 0 && before % 100 >= 20 && number < 10 => {
                        Some(before + number)
                    }
                    Some(_) => return None,
                };
                continue;
            }
        };
        let counted = part.take()?.checked_mul(scale)?;
        if scale >= 1_000 {
            total = total.checked_add(counted)?;
        } else {
            part = Some(counted);
        }
    }
    total.checked_add(part.unwrap_or(0))
}

/// Whether words are a number in words and what it counts: `two hours`, but not `one of them`.
fn is_quantity(said: &str) -> bool {
    const OTHERS: [&str; 15] = [
        "of", "to", "or", "more", "than", "way", "by", "after", "point", "out", "over", "divided", "halves",
        "half", "minus",
    ];
    let mut words = said.split(' ');
    let counts = words.next().and_then(number_word).is_some();
    let is_counted = words.next().is_some_and(|word| {
        number_words(&format!("one {word}")).is_none()
            && number_word(word).is_none()
            && !OTHERS.contains(&word)
            // `seven eighths`
            && !["ths", "thirds", "quarters"].iter().any(|end| word.ends_with(end))
            && !super::quantity::takes_back(word)
    });
    counts && is_counted
}

/// The fraction that words name.
fn fraction_words(said: &str) -> Option<(i64, i64)> {
    Some(match said {
        "half" | "one half" => (1, 2),
        "one third" => (1, 3),
        "two thirds" => (2, 3),
        "one quarter" | "one fourth" => (1, 4),
        "three quarters" | "three fourths" => (3, 4),
        _ => return None,
    })
}

impl<'t> Parser<'t> {
    /// A set by its name without some of its members: `all real numbers except 1 and 3`.
    pub(super) fn exception(&mut self) -> Read<Option<Expr>> {
        let mut said = String::new();
        let mut ahead = 0;
        while let Some(Kind::Text(word) | Kind::Word(word)) = self.peek_at(ahead) {
            if matches!(*word, "except" | "excluding") {
                break;
            }
            push_word(&mut said, word);
            ahead += 1;
        }
        let is_except = matches!(
            self.peek_at(ahead),
            Some(Kind::Text("except" | "excluding") | Kind::Word("except" | "excluding"))
        );
        if ahead == 0 || !is_except {
            return Ok(None);
        }
        let set = match meant(said) {
            set @ Expr::Named(NamedSet::Reals | NamedSet::Integers) => set,
            _ => return Ok(None),
        };
        self.at += ahead + 1;
        if let Some(Kind::Text("for" | "that") | Kind::Word("for" | "that")) = self.peek() {
            self.at += 1;
        }
        let left_out = match self.deeper(Self::comma_list)? {
            Expr::List(members) | Expr::Set(members) => members,
            single => vec![single],
        };
        let value = |member: Expr| match member {
            Expr::Relation(mut sides, signs) if sides.len() == 2 && signs == [Relation::Equal] => {
                sides.remove(1)
            }
            other => other,
        };
        let members = left_out.into_iter().map(value).collect();
        Ok(Some(Expr::Difference(Box::new(set), Box::new(Expr::Set(members)))))
    }

    /// Words up to the next separator or relation, when nothing but words stands there.
    pub(super) fn words(&mut self) -> Option<Expr> {
        let mut said = String::new();
        let mut count = 0;
        let (mut text, mut long, mut minus, mut letters) = (false, false, false, 0);
        let mut ahead = 0;
        while let Some(kind) = self.peek_at(ahead) {
            match kind {
                Kind::Text(word) | Kind::Word(word) => {
                    if is_conjunction(kind) {
                        break;
                    }
                    let function_of = word.strip_suffix(['x', 'y', 'z']).is_some_and(atoms::is_function);
                    if function_of || atoms::is_function(word) || matches!(*word, "pi" | "inf" | "base") {
                        return None;
                    }
                    text |= matches!(kind, Kind::Text(_)) && word.chars().count() > 1;
                    long |= word.chars().count() > 3 || is_short_answer(word);
                    count += 1;
                    push_word(&mut said, word);
                }
                Kind::Letter(letter) => {
                    letters += 1;
                    count += 1;
                    push_word(&mut said, letter.encode_utf8(&mut [0; 4]));
                }
                Kind::Sign(sign @ ('-' | '\'' | '"' | '!' | '?' | '.' | '`')) if count > 0 => {
                    minus |= *sign == '-'
                }
                Kind::Sign(')') if count > 0 && self.depth > 1 => break,
                Kind::Sign(',' | ';' | '=' | '∈' | '<' | '>' | '≤' | '≥' | '}' | ']' | '⦄' | '∧' | '∨')
                    if count > 0 =>
                {
                    break;
                }
                _ => return None,
            }
            ahead += 1;
        }
        let worded = text || long || (count > 1 && count > letters);
        // `mn-m-n` is a difference of products, and no word with hyphens.
        if count == 0 || !worded || minus && !text && !long {
            return None;
        }
        if count == 1 && number_word(&said).is_some() || is_quantity(&said) {
            return None;
        }
        if count == 1 && matches!(said.as_str(), "theta" | "alpha" | "beta" | "lambda") {
            return None;
        }
        self.at += ahead;
        Some(meant(said))
    }

    /// A formula with a unit, and the modulus of a congruence.
    pub(super) fn side(&mut self) -> Read {
        let mut side = self.formula(0)?;
        loop {
            side = match self.peek() {
                Some(Kind::Command("pmod" | "pod")) => {
                    self.at += 1;
                    let modulus = self.argument()?;
                    Expr::Call("pmod".to_owned(), vec![side, modulus])
                }
                Some(Kind::Sign(sign @ ('$' | '€' | '£' | '¢' | '₹'))) => {
                    let mut buffer = [0; 4];
                    let word: &str = sign.encode_utf8(&mut buffer);
                    let unit = unit(&[Factor { word, power: 1 }]);
                    self.at += 1;
                    with_unit(side, unit)
                }
                Some(Kind::Text(_) | Kind::Word(_)) => match self.behind(side)? {
                    Ok(more) => more,
                    Err(done) => return Ok(done),
                },
                Some(Kind::Letter('a' | 'p' | 'A' | 'P')) if self.half_day().is_some() => {
                    match self.behind(side)? {
                        Ok(more) => more,
                        Err(done) => return Ok(done),
                    }
                }
                _ => return self.with_smaller_unit(side),
            };
        }
    }

    /// Words behind a formula: `Ok` with them taken in, `Err` with the formula when they are none of it.
    fn behind(&mut self, side: Expr) -> Read<Result<Expr, Expr>> {
        if let Some(scale) = self.scale() {
            return Ok(Ok(super::formula::product(side, scale)));
        }
        if let Some((after_noon, length)) = self.half_day()
            && let Some(time) = time_of_day(&side, after_noon)
        {
            self.at += length;
            return Ok(Ok(time));
        }
        match self.peek() {
            Some(kind) if is_conjunction(kind) => return Ok(Err(side)),
            Some(
                Kind::Text("percent" | "percentage" | "pct") | Kind::Word("percent" | "percentage" | "pct"),
            ) => {
                self.at += 1;
                return Ok(Ok(Expr::Percent(Box::new(side))));
            }
            _ => {}
        }
        let factors = self.unit_factors();
        if factors.is_empty() {
            return Ok(Err(side));
        }
        if let Expr::Quantity(value, mut unit) = side {
            // `5 feet 7 inches` and `$5 per day`: what is said behind a unit is no other unit.
            unit.remark = crate::units::remark(&factors);
            return Ok(Ok(Expr::Quantity(value, unit)));
        }
        let unit = unit(&factors);
        Ok(Ok(with_unit(side, unit)))
    }

    /// Skips a remark in text at the end of an answer.
    pub(super) fn skip_remark(&mut self) {
        while let Some(kind @ (Kind::Text(_) | Kind::Sign('.' | ',' | '"'))) = self.peek() {
            if matches!(kind, Kind::Text(word) if super::quantity::takes_back(word) || matches!(*word, "squared" | "cubed" | "times" | "correct" | "right" | "true" | "digits" | "digit" | "double" | "triple" | "twice" | "root" | "point" | "least" | "most"))
            {
                return;
            }
            self.at += 1;
        }
    }

    /// `a.m.` or `p.m.` in any spelling: whether it is after noon, and how many tokens it takes.
    pub(super) fn half_day(&self) -> Option<(bool, usize)> {
        let letter = |kind: Option<&Kind<'_>>| match kind? {
            Kind::Letter(letter) => Some(letter.to_ascii_lowercase()),
            Kind::Text(word) if word.len() == 1 => word.chars().next().map(|it| it.to_ascii_lowercase()),
            _ => None,
        };
        match self.peek()? {
            Kind::Text(word) | Kind::Word(word) if word.eq_ignore_ascii_case("am") => Some((false, 1)),
            Kind::Text(word) | Kind::Word(word) if word.eq_ignore_ascii_case("pm") => Some((true, 1)),
            first => {
                let after_noon = match letter(Some(first))? {
                    'a' => false,
                    'p' => true,
                    _ => return None,
                };
                if self.peek_at(1) != Some(&Kind::Sign('.')) || letter(self.peek_at(2)) != Some('m') {
                    return None;
                }
                let dot = usize::from(self.peek_at(3) == Some(&Kind::Sign('.')));
                Some((after_noon, 3 + dot))
            }
        }
    }

    /// A time of day whose hour and colon have been read.
    pub(super) fn time(&mut self, hour: &Expr) -> Option<Expr> {
        let Expr::Number(hour) = hour else { return None };
        let hour = u32::try_from(hour.value.numerator().clone()).ok().filter(|hour| *hour <= 24)?;
        let Some(Kind::Number(digits)) = self.peek() else { return None };
        let minute: u32 = digits.parse().ok().filter(|minute| *minute < 60)?;
        if digits.len() != 2 || self.spaced() {
            return None;
        }
        // A third part makes it a ratio, or seconds.
        if self.peek_at(1) == Some(&Kind::Sign(':')) {
            return None;
        }
        self.at += 1;
        Some(Expr::Time(60 * hour + minute, None))
    }
}

fn time_of_day(side: &Expr, after_noon: bool) -> Option<Expr> {
    let minutes = match side {
        Expr::Time(minutes, None) => *minutes,
        Expr::Number(hour) if hour.value.is_int() => {
            60 * u32::try_from(hour.value.numerator().clone()).ok()?
        }
        _ => return None,
    };
    (minutes < 13 * 60)
        .then(|| Expr::Time(minutes % 720 + if after_noon { 720 } else { 0 }, Some(after_noon)))
}

fn is_short_answer(word: &str) -> bool {
    const SHORT: [&str; 12] =
        ["yes", "no", "odd", "even", "dne", "mon", "tue", "red", "sat", "sun", "all", "not"];
    SHORT.contains(&word.to_lowercase().as_str())
}

fn push_word(said: &mut String, word: &str) {
    if !said.is_empty() {
        said.push(' ');
    }
    for letter in word.chars() {
        said.extend(letter.to_lowercase());
    }
}

/// What words mean, where that is more than the words.
fn meant(said: String) -> Expr {
    let said = ["the ", "a ", "an "]
        .iter()
        .find_map(|article| said.strip_prefix(article))
        .map_or(said.clone(), str::to_owned);
    match said.as_str() {
        "no solution"
        | "no solutions"
        | "no real solution"
        | "no real solutions"
        | "none"
        | "empty set"
        | "no roots"
        | "no real roots"
        | "there is no solution"
        | "there are no solutions"
        | "there are no real solutions"
        | "no such values"
        | "null set" => Expr::Named(NamedSet::Empty),
        "all real numbers" | "all reals" | "real numbers" | "all real values" | "set of all real numbers" => {
            Expr::Named(NamedSet::Reals)
        }
        "all integers" | "integers" => Expr::Named(NamedSet::Integers),
        "infinity" | "infinite" | "infinitely many" | "infinitely many solutions" => {
            Expr::Constant(Constant::Infinity)
        }
        "noon" => Expr::Time(720, Some(true)),
        "midnight" => Expr::Time(0, Some(false)),
        "dne" | "does not exist" | "doesn't exist" | "undefined" | "limit does not exist" => {
            Expr::Text("undefined".to_owned())
        }
        _ => match (number_words(&said), fraction_words(&said)) {
            (Some(number), _) => Expr::integer(number),
            (None, Some((above, below))) => {
                Expr::Quotient(Box::new(Expr::integer(above)), Box::new(Expr::integer(below)))
            }
            (None, None) => Expr::Text(said),
        },
    }
}
