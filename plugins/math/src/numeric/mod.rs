//! Whether two formulas agree numerically: at several seeded points, at two precisions at least.
//!
//! A difference that stays when the precision grows is a difference. One that shrinks with it, down to the last digits
//! of hundreds, is none: that is how a value near zero is told from zero without a tolerance. Formulas with variables
//! must agree at [`ENOUGH`] points of the reals where both are defined, or of the complex plane where they are not.

mod complex;
mod evaluate;
mod pieces;
mod quick;
mod real;

use std::collections::BTreeSet;

use dashu_base::BitTest;
use dashu_float::ConstCache;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use crate::algebra::Budget;
use crate::expr::Expr;
pub use quick::Rough;

use complex::Complex;
use evaluate::Evaluator;
use real::{Real, is_zero, magnitude};

/// Why a formula has no value at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is not defined there, or not real where reals are asked for.
    Undefined,
    /// It is too large or too small to be computed with.
    Huge,
    /// It is nothing that has a value, or takes too long.
    Unknown,
}

/// What evaluation says of two formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// They agree at so many points.
    Agree(usize),
    /// They differ at some point.
    Differ,
    /// It cannot be told.
    Unknown,
}

/// The points at which formulas must agree, and how many are tried.
const ENOUGH: usize = 5;
const MOST_POINTS: usize = 14;
/// The precisions in bits. The last one confirms constants, which have no second point.
const PRECISIONS: [usize; 3] = [64, 192, 1_000];

/// Compares two formulas.
pub fn agree(a: &Expr, b: &Expr, budget: &Budget) -> Agreement {
    agree_at(a, b, ENOUGH, budget)
}

/// Compares two formulas at `enough` points, if they have variables; if they are made of pieces, on all of these.
pub fn agree_at(a: &Expr, b: &Expr, enough: usize, budget: &Budget) -> Agreement {
    match agree_near(a, b, enough, budget) {
        Agreement::Agree(points) if pieces::has_pieces(a, 0) || pieces::has_pieces(b, 0) => {
            agree_far(a, b, points, budget)
        }
        agreement => agreement,
    }
}

/// Compares two formulas that agree at `points` around the numbers that are written in them and far out.
fn agree_far(a: &Expr, b: &Expr, points: usize, budget: &Budget) -> Agreement {
    let mut names = BTreeSet::new();
    let whole = symbols(a, &mut names) | symbols(b, &mut names);
    let coordinates = pieces::coordinates(a, b, whole);
    let mut constants = ConstCache::new();
    for index in 0..if names.is_empty() { 0 } else { coordinates.len() } {
        // Variables are far out together, and each with the others on the other side.
        let coordinate = |n: usize| coordinates[(index + n * (index % 3)) % coordinates.len()].clone();
        let point = names.iter().enumerate().map(|(n, name)| (*name, coordinate(n))).collect();
        let at = At { point, real: true, one_of_many: false, confirm: true };
        if let Ok(Some(false)) = at_point(a, b, &at, &mut constants, budget) {
            return Agreement::Differ;
        }
    }
    Agreement::Agree(points)
}

fn agree_near(a: &Expr, b: &Expr, enough: usize, budget: &Budget) -> Agreement {
    let mut names = BTreeSet::new();
    let mut whole = symbols(a, &mut names);
    whole |= symbols(b, &mut names);
    let names: Vec<&str> = names.into_iter().collect();
    let mut constants = ConstCache::new();
    if names.is_empty() {
        let at = At {
            point: Vec::new(),
            real: false,
            one_of_many: false,
            confirm: has_extremes(a) || has_extremes(b),
        };
        return at_point(a, b, &at, &mut constants, budget).map_or_else(huge, |agree| verdict(agree, 1));
    }
    if names.len() > 64 {
        return Agreement::Unknown;
    }
    let grows = grows(a) || grows(b);
    let confirm = has_tiny_numbers(a) || has_tiny_numbers(b);
    for real in [true, false] {
        let mut agreed = 0;
        for index in 0..MOST_POINTS {
            // Far out, what grows exponentially drowns everything beside it.
            if grows && matches!(index % 5, 2 | 4) {
                continue;
            }
            let point =
                names.iter().enumerate().map(|(n, name)| (*name, coordinate(index, n, whole))).collect();
            let at = At { point, real, one_of_many: agreed > 0, confirm: confirm && agreed == 0 };
            // One point is looked at closely; roughly is enough for the others.
            if real && agreed > 0 {
                match roughly(a, b, &at.point) {
                    Some(true) => {
                        agreed += 1;
                        if agreed >= enough {
                            return Agreement::Agree(agreed);
                        }
                        continue;
                    }
                    Some(false) => return Agreement::Differ,
                    None => {}
                }
            }
            match at_point(a, b, &at, &mut constants, budget) {
                Ok(Some(true)) => agreed += 1,
                Ok(Some(false)) => return Agreement::Differ,
                Ok(None) | Err(_) => {}
            }
            if agreed >= enough {
                return Agreement::Agree(agreed);
            }
        }
        if agreed >= 3.min(enough) {
            return Agreement::Agree(agreed);
        }
    }
    Agreement::Unknown
}

/// Whether two formulas agree at a point, as far as a few digits tell; `None` if they do not.
fn roughly(a: &Expr, b: &Expr, point: &[(&str, RBig)]) -> Option<bool> {
    let point: Vec<(&str, f64)> = point.iter().map(|(name, value)| (*name, value.to_f64().value())).collect();
    let (a, b) = (quick::rough(a, &point, 0)?, quick::rough(b, &point, 0)?);
    if a.differs_from(&b) {
        return Some(false);
    }
    (a.is_known_well() && b.is_known_well()).then_some(true)
}

/// Whether numbers occur from which differences can come that are too small for the usual precisions.
fn has_extremes(expr: &Expr) -> bool {
    let large = |value: &RBig| value.numerator().bit_len().max(value.denominator().bit_len()) > 60;
    match expr {
        Expr::Number(number) => large(&number.value),
        Expr::Power(base, exponent) => {
            let high = match &**exponent {
                Expr::Number(number) => number.value.numerator().bit_len() > 4,
                Expr::Negative(inner) => {
                    !matches!(&**inner, Expr::Number(number) if number.value.numerator().bit_len() <= 4)
                }
                Expr::Sum(_) | Expr::Product(_) | Expr::Power(..) => true,
                _ => false,
            };
            high || has_extremes(base) || has_extremes(exponent)
        }
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => has_extremes(inner),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) => has_extremes(a) || has_extremes(b),
        Expr::Sum(inner) | Expr::Product(inner) => inner.iter().any(has_extremes),
        Expr::Call(name, inner) => {
            matches!(name.as_str(), "factorial" | "exp") || inner.iter().any(has_extremes)
        }
        _ => false,
    }
}

/// Whether a number is written in it that may hide beside others: `10^{-100}`, or one of very many digits.
fn has_tiny_numbers(expr: &Expr) -> bool {
    let large = |value: &RBig, most| value.numerator().bit_len().max(value.denominator().bit_len()) > most;
    match expr {
        Expr::Number(number) => large(&number.value, 60),
        Expr::Power(base, exponent) => {
            let exponent = match &**exponent {
                Expr::Negative(inner) => &**inner,
                other => other,
            };
            matches!(exponent, Expr::Number(number) if large(&number.value, 4)) || has_tiny_numbers(base)
        }
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => has_tiny_numbers(inner),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) => has_tiny_numbers(a) || has_tiny_numbers(b),
        Expr::Sum(inner) | Expr::Product(inner) | Expr::Call(_, inner) => inner.iter().any(has_tiny_numbers),
        _ => false,
    }
}

/// Whether exponentials of variables occur.
fn grows(expr: &Expr) -> bool {
    match expr {
        Expr::Call(name, inner) => {
            matches!(name.as_str(), "sinh" | "cosh" | "tanh" | "coth" | "exp") || inner.iter().any(grows)
        }
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => grows(inner),
        Expr::Power(base, _) => grows(base),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) => grows(a) || grows(b),
        Expr::Sum(inner) | Expr::Product(inner) => inner.iter().any(grows),
        _ => false,
    }
}

/// Whether two formulas differ for certain, told from a few digits. Says no whenever it is in doubt.
pub fn certainly_differ(a: &Expr, b: &Expr) -> bool {
    let mut names = BTreeSet::new();
    let mut whole = symbols(a, &mut names);
    whole |= symbols(b, &mut names);
    let points = if names.is_empty() { 1 } else { 3 };
    (0..points).any(|index| {
        let point: Vec<(&str, f64)> = names
            .iter()
            .enumerate()
            .map(|(n, name)| (*name, coordinate(index, n, whole).to_f64().value()))
            .collect();
        match (quick::rough(a, &point, 0), quick::rough(b, &point, 0)) {
            (Some(a), Some(b)) => a.differs_from(&b),
            _ => false,
        }
    })
}

fn huge(stops: (Option<Stop>, Option<Stop>)) -> Agreement {
    // What is beyond all bounds is not what is not.
    match stops {
        (Some(Stop::Huge), None) | (None, Some(Stop::Huge)) => Agreement::Differ,
        (Some(Stop::Undefined), None) | (None, Some(Stop::Undefined)) => Agreement::Differ,
        _ => Agreement::Unknown,
    }
}

fn verdict(agree: Option<bool>, points: usize) -> Agreement {
    match agree {
        Some(true) => Agreement::Agree(points),
        Some(false) => Agreement::Differ,
        None => Agreement::Unknown,
    }
}

/// A point, and how formulas are evaluated there.
struct At<'a> {
    point: Vec<(&'a str, RBig)>,
    /// Over the reals, or else over the complex numbers.
    real: bool,
    /// Whether agreement at the first precision is enough: other points tell as well.
    one_of_many: bool,
    /// Whether it must hold at the last precision.
    confirm: bool,
}

/// Whether two formulas agree at a point; `None` when precision does not settle it.
fn at_point(
    a: &Expr,
    b: &Expr,
    at: &At<'_>,
    constants: &mut ConstCache,
    budget: &Budget,
) -> Result<Option<bool>, (Option<Stop>, Option<Stop>)> {
    let mut before: Option<Difference> = None;
    for (step, precision) in PRECISIONS.into_iter().enumerate() {
        let mut evaluator = Evaluator::new(precision, &at.point, at.real, constants, budget);
        let (left, right) = (evaluator.value(a), evaluator.value(b));
        let difference = match (left, right) {
            (Ok(left), Ok(right)) => {
                Difference::of(&mut evaluator, &left, &right).map_err(|it| (Some(it), Some(it)))?
            }
            (left, right) => return Err((left.err(), right.err())),
        };
        if at.one_of_many && difference.is_tiny() {
            return Ok(Some(true));
        }
        if let Some(before) = &before {
            match difference.since(before) {
                // A constant is confirmed at the last precision.
                Some(true) if at.confirm && step + 1 < PRECISIONS.len() => {}
                Some(agree) => return Ok(Some(agree)),
                None => {}
            }
        }
        before = Some(difference);
    }
    Ok(None)
}

/// How far two values are apart: the exponents of two of the difference, and of the larger of them.
#[derive(Debug)]
struct Difference {
    apart: Option<isize>,
    size: Option<isize>,
    precision: isize,
}

impl Difference {
    fn of(evaluator: &mut Evaluator<'_>, a: &Complex, b: &Complex) -> Result<Self, Stop> {
        let precision = evaluator.precision() as isize;
        let difference = evaluator.difference(a, b)?;
        Ok(Self { apart: difference.magnitude(), size: a.magnitude().max(b.magnitude()), precision })
    }

    /// Whether it is nothing beside the values, but for the last digits.
    fn is_tiny(&self) -> bool {
        match (self.apart, self.size) {
            (None, _) => true,
            (Some(apart), Some(size)) => size - apart >= self.precision - 20,
            _ => false,
        }
    }

    /// Compared with the difference at a lower precision: whether the values agree.
    fn since(&self, lower: &Self) -> Option<bool> {
        let gained = self.precision - lower.precision;
        match (lower.apart, self.apart) {
            (_, None) => Some(true),
            (None, Some(_)) => self.is_tiny().then_some(true),
            (Some(lower), Some(now)) if (lower - now).abs() <= 2 => Some(false),
            (Some(lower), Some(now)) if lower - now >= gained / 2 => Some(true),
            _ => None,
        }
    }
}

/// The value of a formula without variables, roughly; for putting bounds in order.
pub fn approximate(expr: &Expr, budget: &Budget) -> Option<f64> {
    if let Expr::Number(number) = expr {
        return Some(number.value.to_f64().value()).filter(|value| value.is_finite());
    }
    let mut constants = ConstCache::new();
    let mut evaluator = Evaluator::new(PRECISIONS[0], &[], true, &mut constants, budget);
    let value = evaluator.value(expr).ok()?;
    real::to_f64(&value.re).filter(|value| value.is_finite())
}

/// Compares a constant with a rational: `None` when it has no real value.
pub fn difference_from(expr: &Expr, value: &RBig, budget: &Budget) -> Option<f64> {
    let mut constants = ConstCache::new();
    let mut evaluator = Evaluator::new(PRECISIONS[1], &[], true, &mut constants, budget);
    let left = evaluator.value(expr).ok()?;
    let right = Complex::real(real::rational(value, PRECISIONS[1]));
    let difference = evaluator.difference(&left, &right).ok()?;
    real::to_f64(&difference.re)
}

/// A coordinate of a point: the same for the same index and variable, always. Signs and sizes vary.
fn coordinate(index: usize, variable: usize, whole: bool) -> RBig {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64
        ^ ((index as u64) << 32 | variable as u64).wrapping_mul(0xd134_2543_de82_ef95);
    state ^= state >> 29;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^= state >> 32;
    if whole {
        let most = [9, 9, 25, 25][index % 4];
        return RBig::from(1 + i64::try_from(state % most).unwrap_or(0));
    }
    let unit = RBig::from_parts(IBig::from(state % 1_000_003 + 1), UBig::from(1_000_033_u32));
    let scaled = match index % 5 {
        0 => unit * RBig::from(2) + RBig::from_parts(IBig::ONE, UBig::from(2_u8)),
        1 => unit,
        2 => unit * RBig::from(40) + RBig::from(3),
        3 => unit * RBig::from(5),
        _ => unit * RBig::from(9_000) + RBig::from(100),
    };
    if index % 2 == 1 && (state >> 40).is_multiple_of(2) || index % 5 == 3 { -scaled } else { scaled }
}

/// Collects the symbols of a formula, and says whether it makes sense for whole numbers only.
fn symbols<'a>(expr: &'a Expr, names: &mut BTreeSet<&'a str>) -> bool {
    match expr {
        Expr::Symbol(name) => {
            names.insert(name);
            false
        }
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => symbols(inner, names),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) => symbols(a, names) | symbols(b, names),
        Expr::Power(base, exponent) => {
            let mut inner = BTreeSet::new();
            let below_zero = matches!(**base, Expr::Negative(_));
            let whole = symbols(base, names) | symbols(exponent, &mut inner);
            // `(-1)^n` is a sequence; `(-1)^x` is a function that is not real.
            let counts = |name: &&str| matches!(*name, "n" | "k" | "m" | "j" | "l" | "p" | "N" | "K");
            let whole = whole || below_zero && !inner.is_empty() && inner.iter().all(counts);
            names.extend(inner);
            whole
        }
        Expr::Call(name, arguments) => {
            let mut inner = BTreeSet::new();
            let is_series = matches!(name.as_str(), "sum" | "prod");
            let mut whole = false;
            for argument in arguments {
                whole |= symbols(argument, &mut inner);
            }
            // The index of a sum is bound by it.
            if let (true, Some(Expr::Symbol(index))) = (is_series, arguments.first()) {
                inner.remove(index.as_str());
            }
            let discrete = is_series
                || matches!(name.as_str(), "factorial" | "factorial2" | "binom" | "gcd" | "lcm" | "mod");
            whole |= discrete && !inner.is_empty();
            names.extend(inner);
            whole
        }
        Expr::Sum(inner) | Expr::Product(inner) | Expr::Ratio(inner) => {
            inner.iter().fold(false, |whole, it| whole | symbols(it, names))
        }
        _ => false,
    }
}

/// Whether a real is zero or too small to matter beside one of magnitude `beside`.
fn negligible(value: &Real, beside: Option<isize>, precision: usize) -> bool {
    is_zero(value)
        || matches!((magnitude(value), beside), (Some(own), Some(other)) if other - own > precision as isize - 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::token::Commas;

    fn said(a: &str, b: &str) -> Agreement {
        let read = |text| parse(text, Commas::Usual).unwrap();
        agree(&read(a), &read(b), &Budget::new())
    }

    #[test]
    fn identities_agree_at_every_point() {
        assert_eq!(said(r"\sin^2 x+\cos^2 x", "1"), Agreement::Agree(5));
        assert_eq!(said(r"\cosh^2 x-\sinh^2 x", "1"), Agreement::Agree(5));
        assert_eq!(said(r"\tan(x+y)", r"\frac{\tan x+\tan y}{1-\tan x\tan y}"), Agreement::Agree(5));
        assert_eq!(said(r"\frac{n!}{(n-2)!}", "n(n-1)"), Agreement::Agree(5));
    }

    #[test]
    fn what_differs_differs_however_little() {
        assert_eq!(said(r"\sin x", r"\sin x+10^{-15}"), Agreement::Differ);
        assert_eq!(said(r"e^{\pi\sqrt{163}}", "262537412640768744"), Agreement::Differ);
        assert_eq!(said(r"\sqrt{10^{40}+1}-10^{20}", "0"), Agreement::Differ);
        assert_eq!(said(r"\sqrt{x^2}", "x"), Agreement::Differ);
    }

    #[test]
    fn functions_of_pieces_agree_on_each_of_them() {
        for pieces in
            [r"\max(x,-50)", r"\min(x,10^9)", r"|x+10^6|-10^6", r"\sqrt{(x+10^6)^2}-10^6", r"x \bmod 10^9"]
        {
            assert_eq!(said(pieces, "x"), Agreement::Differ, "{pieces}");
        }
        assert!(matches!(said(r"\max(a,b)", r"\frac{a+b+|a-b|}{2}"), Agreement::Agree(_)));
        assert!(matches!(said(r"\max(x,10)", r"\frac{x+10+|x-10|}{2}"), Agreement::Agree(_)));
    }

    #[test]
    fn constants_agree_to_the_last_digit() {
        assert_eq!(said(r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"), Agreement::Agree(1));
        assert_eq!(said(r"e^{i\pi}", "-1"), Agreement::Agree(1));
        assert_eq!(said(r"4\arctan\frac15-\arctan\frac1{239}", r"\frac\pi4"), Agreement::Agree(1));
    }

    #[test]
    fn rough_values_tell_apart_only_what_is_far_apart() {
        let read = |text| parse(text, Commas::Usual).unwrap();
        assert!(certainly_differ(&read(r"\sqrt2"), &read("1.42")));
        assert!(!certainly_differ(&read(r"\sqrt2"), &read("1.41421356237309505")));
        assert!(!certainly_differ(&read(r"\sqrt{10^{40}+1}-10^{20}"), &read("0")));
    }
}
