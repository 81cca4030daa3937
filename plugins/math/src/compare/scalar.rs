//! Compares numbers and formulas, with units, percentages, bases and roundings.

use std::borrow::Cow;

use dashu_base::Abs;
use dashu_int::UBig;
use dashu_ratio::RBig;

use super::infinity::{compare_infinite, mentions_infinity};
use super::relation::primed;
use super::{Comparer, Comparison, PercentRule, UnitRule, constants};
use crate::algebra::{Budget, Fraction, NoValue, Poly, canonical};
use crate::expr::{Constant, Expr, Number};
use crate::numeric::{self, Agreement};
use crate::units::{Unit, Units};

/// A difference of more terms than this is not evaluated once more.
const MOST_CONFIRMED: usize = 40;

impl Comparer<'_> {
    /// Compares two scalars.
    pub(super) fn compare_scalars(self, a: &Expr, b: &Expr) -> Comparison {
        match (a, b) {
            (Expr::Time(a, half), Expr::Time(b, other)) => {
                let same = a == b
                    || (half.is_none() || other.is_none())
                        && a % 720 == b % 720
                        && (half.is_none() != other.is_none());
                if same { Comparison::SameNumber } else { Comparison::OtherNumber }
            }
            (Expr::Time(minutes, None), other) | (other, Expr::Time(minutes, None)) => {
                // `12:30` may be a ratio, after all.
                if minutes % 60 < 10 {
                    return Comparison::OtherKind;
                }
                let ratio = Expr::Ratio(vec![
                    Expr::integer(i64::from(minutes / 60)),
                    Expr::integer(i64::from(minutes % 60)),
                ]);
                if matches!(other, Expr::Time(..)) {
                    Comparison::OtherKind
                } else {
                    self.compare(&ratio, other)
                }
            }
            (Expr::Time(..), _) | (_, Expr::Time(..)) => Comparison::OtherKind,
            (Expr::Based(a, base), Expr::Based(b, other)) => compare_based((a, *base), (b, *other)),
            (Expr::Based(digits, 10), other) | (other, Expr::Based(digits, 10)) => {
                let number = crate::parse::decimal(digits).map(Expr::Number);
                number.map_or(Comparison::Undecided, |number| self.compare_scalars(&number, other))
            }
            // A number in another base is what was asked for, not its value.
            (Expr::Based(..), _) | (_, Expr::Based(..)) => Comparison::OtherNumber,
            (Expr::Ratio(a), Expr::Ratio(b)) if a.len() > 2 || b.len() > 2 => self.compare_ratios(a, b),
            (Expr::Quantity(..), Expr::Percent(_)) | (Expr::Percent(_), Expr::Quantity(..)) => {
                Comparison::OtherUnit
            }
            (Expr::Quantity(a, unit), Expr::Quantity(b, other)) => {
                self.compare_quantities((a, unit), (b, other))
            }
            (Expr::Quantity(value, unit), other) | (other, Expr::Quantity(value, unit)) => {
                self.compare_with_unit(value, unit, other)
            }
            (Expr::Percent(a), Expr::Percent(b)) => self.compare(a, b),
            (Expr::Percent(a), b) => self.compare_percent(a, b, self.rules.percent == PercentRule::Lenient),
            (a, Expr::Percent(b)) => self.compare_percent(b, a, self.rules.percent != PercentRule::Value),
            _ => self.compare_values(a, b),
        }
    }

    /// A percentage with something that is none; `as_count` when the sign may have been left out.
    fn compare_percent(self, percent: &Expr, other: &Expr, as_count: bool) -> Comparison {
        let fraction = Expr::Percent(Box::new(percent.clone()));
        let value = self.compare_values(&fraction, other);
        if value.is_same() {
            return Comparison::SamePercentage;
        }
        if as_count && self.compare_values(percent, other).is_same() {
            return Comparison::SameNumber;
        }
        value
    }

    fn compare_ratios(self, a: &[Expr], b: &[Expr]) -> Comparison {
        if a.len() != b.len() {
            return Comparison::OtherMembers;
        }
        // a0 : a1 : … is b0 : b1 : … when a0 bi = ai b0 for all.
        let times = |x: &Expr, y: &Expr| Expr::Product(vec![x.clone(), y.clone()]);
        let same = (1..a.len())
            .all(|at| self.compare_values(&times(&a[0], &b[at]), &times(&a[at], &b[0])).is_same());
        if same { Comparison::SameMembers } else { Comparison::OtherMembers }
    }

    fn compare_quantities(self, (a, unit): (&Expr, &Unit), (b, other): (&Expr, &Unit)) -> Comparison {
        match unit.against(other) {
            Units::Same => self.compare(a, b),
            Units::Convertible(factor) => {
                let converted = Expr::Product(vec![a.clone(), Expr::Number(Number::exact(factor))]);
                let comparison = self.compare_values(&converted, b);
                if comparison.is_same() { Comparison::SameQuantity } else { comparison }
            }
            Units::Unlike
                if unit.is_degree() && other.is_radian() || unit.is_radian() && other.is_degree() =>
            {
                let angle = |value: &Expr, unit: &Unit| Expr::Quantity(Box::new(value.clone()), unit.clone());
                let comparison = self.compare_values(&angle(a, unit), &angle(b, other));
                if comparison.is_same() { Comparison::SameQuantity } else { comparison }
            }
            Units::Unlike => Comparison::OtherUnit,
        }
    }

    /// A quantity with something that has no unit.
    fn compare_with_unit(self, value: &Expr, unit: &Unit, other: &Expr) -> Comparison {
        // `5 m` in a formula is a product; beside `5\text{ m}` it is the same.
        if let (Expr::Product(factors), false) = (other, unit.name.contains(' '))
            && let Some((Expr::Symbol(name), rest)) = factors.split_last()
            && *name == unit.name
        {
            return self.compare(value, &Expr::Product(rest.to_vec()));
        }
        if unit.is_degree() && mentions_pi(other) {
            let angle = Expr::Quantity(Box::new(value.clone()), unit.clone());
            let comparison = self.compare_values(&angle, other);
            return if comparison.is_same() { Comparison::SameQuantity } else { comparison };
        }
        if self.rules.units == UnitRule::Strict && unit.name != "unit" {
            return Comparison::OtherUnit;
        }
        self.compare(value, other)
    }

    /// Compares values without unit.
    pub(super) fn compare_values(self, a: &Expr, b: &Expr) -> Comparison {
        let comparison = self.compare_named_values(a, b);
        if !matches!(comparison, Comparison::OtherFormula | Comparison::Undecided) {
            return comparison;
        }
        let renamed = constants::renamed(a, b);
        let same = renamed.iter().map(|b| self.compare_named_values(a, b)).find(|it| it.is_same());
        match same {
            Some(same) => same,
            None if self.differ_by_a_constant(a, b) => Comparison::SameFormula,
            // What differs under any name differs.
            None if renamed.is_empty() => comparison,
            None => Comparison::OtherFormula,
        }
    }

    /// Whether two antiderivatives differ by a constant: f(x) - g(x) is the same at x and at any other place.
    fn differ_by_a_constant(self, a: &Expr, b: &Expr) -> bool {
        let Some((f, g)) = constants::antiderivatives(a, b) else { return false };
        let minus = |left: Expr, right: Expr| Expr::Sum(vec![left, Expr::Negative(Box::new(right))]);
        let (other_f, other_g) = (primed(&f), primed(&g));
        matches!(numeric::agree(&minus(f, g), &minus(other_f, other_g), self.budget), Agreement::Agree(_))
    }

    /// Compares values, free constants by their names.
    fn compare_named_values(self, a: &Expr, b: &Expr) -> Comparison {
        if let (Expr::Number(a), Expr::Number(b)) = (a, b) {
            return if a.value == b.value {
                Comparison::SameNumber
            } else {
                self.compare_rounded_numbers(a, b)
            };
        }
        // Most right answers are the same fraction.
        if let (Some(a), Some(b)) = (simple_rational(a), simple_rational(b))
            && a == b
        {
            return Comparison::SameNumber;
        }
        if numeric::certainly_differ(a, b) {
            let numbers = is_arithmetic(a) && is_arithmetic(b);
            let other = if numbers { Comparison::OtherNumber } else { Comparison::OtherFormula };
            return self.other_unless_rounded(a, b, other);
        }
        if mentions_infinity(a) || mentions_infinity(b) {
            return compare_infinite(a, b, self.budget);
        }
        if are_other_binomials(a, b) {
            return Comparison::OtherNumber;
        }
        let exact = match (canonical(a, self.budget), canonical(b, self.budget)) {
            (Ok(a), Ok(b)) => compare_exactly(&a, &b, self.budget),
            (Err(NoValue::NoScalar), _) | (_, Err(NoValue::NoScalar)) => return Comparison::OtherKind,
            _ => Err(None),
        };
        let comparison = exact.unwrap_or_else(|difference| match numeric::agree(a, b, self.budget) {
            Agreement::Agree(points) => self.confirmed(difference.as_ref(), points),
            Agreement::Differ => Comparison::OtherFormula,
            Agreement::Unknown if a == b => Comparison::SameFormula,
            Agreement::Unknown => Comparison::Undecided,
        });
        if comparison.is_same() { comparison } else { self.other_unless_rounded(a, b, comparison) }
    }

    /// Whether what is left when equal terms are taken away is zero beside its own terms, and not only beside those.
    fn confirmed(self, difference: Option<&Poly>, points: usize) -> Comparison {
        let agrees = Comparison::Agrees(points);
        let Some(difference) = difference.filter(|it| it.0.len() <= MOST_CONFIRMED) else { return agrees };
        let mut terms = difference.to_terms();
        let Some(first) = terms.pop() else { return agrees };
        let alone = terms.is_empty();
        let rest = Expr::Negative(Box::new(Expr::Sum(terms)));
        match numeric::agree_at(&first, &rest, 2, self.budget) {
            Agreement::Differ => Comparison::OtherFormula,
            Agreement::Unknown if alone => Comparison::Undecided,
            _ => agrees,
        }
    }

    fn other_unless_rounded(self, a: &Expr, b: &Expr, comparison: Comparison) -> Comparison {
        if self.rounds(a, b) || self.rounds(b, a) {
            return Comparison::Rounded;
        }
        comparison
    }

    fn compare_rounded_numbers(self, a: &Number, b: &Number) -> Comparison {
        let rounds = |decimal: &Number, exact: &Number| {
            // Of two decimals, the shorter is the rounding; it needs a digit more, for neither is exact.
            let more = match (decimal.decimals, exact.decimals) {
                (Some(short), Some(long)) if short < long && decimal.significant < exact.significant => 1,
                (Some(_), None) if !exact.value.is_int() && !decimal.value.is_int() => 0,
                _ => return false,
            };
            self.long_enough(decimal.decimals.unwrap_or(0), decimal.significant, more)
                && within_half(
                    &(&decimal.value - &exact.value),
                    &unit_in_last_place(decimal.decimals.unwrap_or(0), 0),
                )
        };
        if rounds(a, b) || rounds(b, a) { Comparison::Rounded } else { Comparison::OtherNumber }
    }

    fn long_enough(self, decimals: u32, significant: u32, more: u32) -> bool {
        let least = self.rules.rounding;
        least > 0 && (decimals >= least && significant >= least + more || significant >= least + more + 2)
    }

    /// Whether `decimal` is a decimal that the exact value of `exact` rounds to.
    fn rounds(self, decimal: &Expr, exact: &Expr) -> bool {
        if self.rules.rounding == 0 {
            return false;
        }
        let Some((number, shift)) = as_decimal(decimal, self.budget) else { return false };
        // A decimal of zeros alone says that it is whole.
        let Some(decimals) = number.decimals.filter(|_| !number.value.is_int() || shift != 0) else {
            return false;
        };
        let places = i64::from(decimals) - shift;
        let enough = if shift == 0 {
            self.long_enough(decimals, number.significant, 0)
        } else {
            number.significant >= self.rules.rounding
        };
        // A product with a decimal is no exact value.
        if !enough || has_decimals(exact) {
            return false;
        }
        let value = number.value * power_of_ten(shift);
        let unit = unit_in_last_place(0, places);
        if let Ok(fraction) = canonical(exact, self.budget)
            && let Some(exact) = fraction.as_rational()
        {
            return !exact.is_int() && within_half(&(value - exact), &unit);
        }
        let Some(difference) = numeric::difference_from(exact, &value, self.budget) else { return false };
        difference.abs() <= unit.to_f64().value() * 0.500_000_1
    }
}

fn within_half(difference: &RBig, unit: &RBig) -> bool {
    difference.clone().abs() * RBig::from(2) <= *unit
}

fn power_of_ten(exponent: i64) -> RBig {
    let size = usize::try_from(exponent.unsigned_abs().min(2_000)).unwrap_or(0);
    let power = RBig::from(UBig::from(10_u8).pow(size));
    if exponent < 0 { RBig::ONE / power } else { power }
}

fn unit_in_last_place(decimals: u32, places: i64) -> RBig {
    power_of_ten(-(i64::from(decimals) + places))
}

/// A decimal with its sign, and the power of ten it is multiplied with.
pub(super) fn as_decimal(expr: &Expr, budget: &Budget) -> Option<(Number, i64)> {
    match expr {
        Expr::Number(number) => Some((number.clone(), 0)),
        Expr::Negative(inner) => {
            let (number, shift) = as_decimal(inner, budget)?;
            Some((Number { value: -number.value, ..number }, shift))
        }
        Expr::Percent(inner) => {
            let (number, shift) = as_decimal(inner, budget)?;
            Some((number, shift - 2))
        }
        Expr::Product(factors) => {
            let [Expr::Number(number), Expr::Power(base, exponent)] = factors.as_slice() else { return None };
            if !matches!(&**base, Expr::Number(ten) if ten.value == RBig::from(10)) {
                return None;
            }
            let exponent = canonical(exponent, budget).ok()?.as_rational().filter(RBig::is_int)?;
            let shift =
                i64::try_from(exponent.numerator().clone()).ok().filter(|shift| shift.abs() < 1_000)?;
            Some((number.clone(), shift))
        }
        _ => None,
    }
}

fn has_decimals(expr: &Expr) -> bool {
    match expr {
        Expr::Number(number) => number.decimals.is_some(),
        Expr::Negative(inner) | Expr::Percent(inner) => has_decimals(inner),
        _ => false,
    }
}

/// The value of a number or a fraction of two, with signs.
fn simple_rational(expr: &Expr) -> Option<Cow<'_, RBig>> {
    match expr {
        Expr::Number(number) => Some(Cow::Borrowed(&number.value)),
        Expr::Negative(inner) => simple_rational(inner).map(|value| Cow::Owned(-value.into_owned())),
        Expr::Quotient(above, below) => {
            let (above, below) = (simple_rational(above)?, simple_rational(below)?);
            (!below.is_zero()).then(|| Cow::Owned(&*above / &*below))
        }
        _ => None,
    }
}

/// Whether both are binomials of one whole number above others, as the parser brings them into their lower half: there
/// they grow with the number below.
fn are_other_binomials(a: &Expr, b: &Expr) -> bool {
    fn numbers(expr: &Expr) -> Option<(&RBig, &RBig)> {
        match expr {
            Expr::Call(name, arguments) if name == "binom" => match arguments.as_slice() {
                [Expr::Number(n), Expr::Number(k)] if n.value.is_int() && k.value.is_int() => {
                    let is_lower = k.value >= RBig::ZERO && &k.value * RBig::from(2) <= n.value;
                    is_lower.then_some((&n.value, &k.value))
                }
                _ => None,
            },
            _ => None,
        }
    }
    matches!((numbers(a), numbers(b)), (Some((n, k)), Some((m, l))) if n == m && k != l)
}

/// Whether it is made of numbers and the four operations alone.
fn is_arithmetic(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) => true,
        Expr::Negative(inner) | Expr::Percent(inner) => is_arithmetic(inner),
        Expr::Sum(inner) | Expr::Product(inner) => inner.iter().all(is_arithmetic),
        Expr::Quotient(above, below) | Expr::Power(above, below) => {
            is_arithmetic(above) && is_arithmetic(below)
        }
        _ => false,
    }
}

/// Whether π is written in it.
fn mentions_pi(expr: &Expr) -> bool {
    match expr {
        Expr::Constant(Constant::Pi) => true,
        Expr::Negative(inner) => mentions_pi(inner),
        Expr::Sum(inner) | Expr::Product(inner) => inner.iter().any(mentions_pi),
        Expr::Quotient(above, below) => mentions_pi(above) || mentions_pi(below),
        _ => false,
    }
}

fn compare_based(a: (&str, u32), b: (&str, u32)) -> Comparison {
    let value = |(digits, base): (&str, u32)| {
        if digits.len() > 2_000 { None } else { UBig::from_str_radix(digits, base).ok() }
    };
    match (value(a), value(b)) {
        (Some(a), Some(b)) if a == b => Comparison::SameNumber,
        _ if a == b => Comparison::SameNumber,
        _ => Comparison::OtherNumber,
    }
}

/// Compares exact values. When they differ in what cannot be simplified, the error is their difference, if known.
fn compare_exactly(a: &Fraction, b: &Fraction, budget: &Budget) -> Result<Comparison, Option<Poly>> {
    let numbers = a.as_rational().is_some() && b.as_rational().is_some();
    let difference = match a == b {
        true => return Ok(if numbers { Comparison::SameNumber } else { Comparison::SameFormula }),
        false => a.cross_difference(b, budget).map_err(|_| None)?,
    };
    if difference.is_zero() {
        return Ok(Comparison::SameFormula);
    }
    if numbers {
        return Ok(Comparison::OtherNumber);
    }
    // A number that is not zero is not zero, however small.
    let certain = difference.as_rational().is_some() || difference.is_transparent();
    if certain { Ok(Comparison::OtherFormula) } else { Err(Some(difference)) }
}
