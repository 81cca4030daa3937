//! From the tree of an answer to its exact value.

use std::rc::Rc;

use dashu_base::{Abs, Gcd};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::power::power;
use super::{Atom, Budget, Fraction, MOST_BITS, Monomial, Poly, Spent};
use crate::expr::{Constant, Expr, Interval};

/// The most terms of a sum that are added up, and the largest factorial that is multiplied out.
const MOST_TERMS: i64 = 300;
const LARGEST_FACTORIAL: u32 = 2_600;

/// Why there is no exact value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoValue {
    /// It takes more work than is allowed.
    Spent,
    /// It is a set, a text or anything else that is no scalar; or it divides by zero.
    NoScalar,
}

impl From<Spent> for NoValue {
    fn from(_: Spent) -> Self {
        Self::Spent
    }
}

/// The exact value of a scalar.
pub fn canonical(expr: &Expr, budget: &Budget) -> Result<Fraction, NoValue> {
    budget.take_node()?;
    match expr {
        Expr::Number(number) => Ok(Fraction::rational(number.value.clone())),
        Expr::Symbol(name) => Ok(Fraction::atom(Atom::Symbol(Rc::from(name.as_str())))),
        Expr::Constant(Constant::Pi) => Ok(Fraction::atom(Atom::Pi)),
        Expr::Constant(Constant::E) => Ok(Fraction::atom(Atom::E)),
        Expr::Constant(Constant::I) => Ok(Fraction::atom(Atom::I)),
        Expr::Constant(Constant::Infinity) => Ok(Fraction::atom(Atom::Symbol(Rc::from("∞")))),
        Expr::Negative(inner) => Ok(canonical(inner, budget)?.negated()),
        Expr::Sum(terms) => {
            let mut sum = Fraction::rational(RBig::ZERO);
            for term in terms {
                sum = sum.plus(canonical(term, budget)?, budget)?;
            }
            Ok(sum)
        }
        Expr::Product(factors) => {
            let mut product = Fraction::rational(RBig::ONE);
            for factor in factors {
                product = product.times(&canonical(factor, budget)?, budget)?;
            }
            Ok(product)
        }
        Expr::Quotient(above, below) => {
            let above = canonical(above, budget)?;
            let below = canonical(below, budget)?.inverse().ok_or(NoValue::NoScalar)?;
            Ok(above.times(&below, budget)?)
        }
        Expr::Power(base, exponent) => {
            let base = canonical(base, budget)?;
            let exponent = canonical(exponent, budget)?;
            if base.num.is_zero() && exponent.as_rational().is_none_or(|it| it <= RBig::ZERO) {
                return Err(NoValue::NoScalar);
            }
            Ok(power(base, &exponent, budget)?)
        }
        Expr::Percent(inner) => {
            let hundredth = RBig::from_parts(IBig::ONE, UBig::from(100_u8));
            Ok(canonical(inner, budget)?.times(&Fraction::rational(hundredth), budget)?)
        }
        Expr::Quantity(value, unit) if unit.is_degree() => {
            let value = canonical(value, budget)?;
            let radian = RBig::from_parts(IBig::ONE, UBig::from(180_u8));
            Ok(value.times(&Poly::atom(Atom::Pi, RBig::ONE).scaled(&radian).into(), budget)?)
        }
        Expr::Quantity(value, unit) if unit.is_radian() => canonical(value, budget),
        Expr::Based(digits, base) => {
            let value = UBig::from_str_radix(digits, *base).map_err(|_| NoValue::NoScalar)?;
            Ok(Fraction::rational(RBig::from(value)))
        }
        Expr::Ratio(parts) => {
            let [above, below] = parts.as_slice() else { return Err(NoValue::NoScalar) };
            let below = canonical(below, budget)?.inverse().ok_or(NoValue::NoScalar)?;
            Ok(canonical(above, budget)?.times(&below, budget)?)
        }
        Expr::Call(name, arguments) => call(name, arguments, budget),
        _ => Err(NoValue::NoScalar),
    }
}

fn call(name: &str, arguments: &[Expr], budget: &Budget) -> Result<Fraction, NoValue> {
    match (name, arguments) {
        ("root", [exponent, radicand]) => {
            let exponent = canonical(exponent, budget)?;
            let radicand = canonical(radicand, budget)?;
            return Ok(power(radicand, &exponent, budget)?);
        }
        ("exp", [argument]) => {
            let argument = canonical(argument, budget)?;
            return Ok(power(Fraction::atom(Atom::E), &argument, budget)?);
        }
        ("sum" | "prod", [Expr::Symbol(index), low, high, body]) => {
            if let Some(total) = series(name, index, low, high, body, budget)? {
                return Ok(total);
            }
        }
        _ => {}
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(match argument {
            Expr::Symbol(_) if matches!(name, "sum" | "prod") => canonical(argument, budget)?,
            other => canonical(other, budget)?,
        });
    }
    let known = match (name, values.as_slice()) {
        ("ln", [value]) => Some(logarithm(value, budget)?),
        ("log", [value]) => {
            let ten = logarithm(&Fraction::rational(RBig::from(10)), budget)?;
            Some(quotient(logarithm(value, budget)?, ten, budget)?)
        }
        ("log", [base, value]) => {
            let base = logarithm(base, budget)?;
            Some(quotient(logarithm(value, budget)?, base, budget)?)
        }
        ("sin" | "cos" | "tan" | "cot" | "sec" | "csc", [angle]) => match twelfths(angle) {
            Some(twelfths) => Some(of_twelfths(name, twelfths, budget)?),
            None => None,
        },
        ("cis", _) => None,
        ("abs", [value]) => absolute(value),
        _ => exact_call(name, &values, budget)?,
    };
    Ok(known.unwrap_or_else(|| Fraction::atom(Atom::Call(Rc::from(name), Rc::new(values)))))
}

/// How many twelfths of π an angle is, between 0 and 23, when it is a whole number of them.
fn twelfths(angle: &Fraction) -> Option<u8> {
    let rational = if angle.num.is_zero() {
        RBig::ZERO
    } else {
        let (monomial, coefficient) = angle.num.as_term().filter(|_| angle.den.is_one())?;
        match monomial.0.as_slice() {
            [(Atom::Pi, exponent)] if exponent.is_one() => coefficient * RBig::from(12),
            _ => return None,
        }
    };
    if !rational.is_int() {
        return None;
    }
    let turns = RBig::from((&rational / RBig::from(24)).floor());
    u8::try_from((rational - turns * RBig::from(24)).numerator().clone()).ok()
}

/// A trigonometric function of so many twelfths of π.
fn of_twelfths(name: &str, twelfths: u8, budget: &Budget) -> Result<Fraction, NoValue> {
    let sine = |twelfths: u8| sine_of_twelfths(twelfths % 24, budget);
    let (sine, cosine) = (sine(twelfths)?, sine(twelfths + 6)?);
    let one = Fraction::rational(RBig::ONE);
    match name {
        "sin" => Ok(sine),
        "cos" => Ok(cosine),
        "tan" => quotient(sine, cosine, budget),
        "cot" => quotient(cosine, sine, budget),
        "sec" => quotient(one, cosine, budget),
        _ => quotient(one, sine, budget),
    }
}

fn sine_of_twelfths(twelfths: u8, budget: &Budget) -> Result<Fraction, NoValue> {
    if twelfths >= 12 {
        return Ok(sine_of_twelfths(twelfths - 12, budget)?.negated());
    }
    let root = |radicand: i64| {
        let half = RBig::from_parts(IBig::ONE, UBig::from(2_u8));
        power(Fraction::rational(RBig::from(radicand)), &Fraction::rational(half), budget)
    };
    let over = |value: Fraction, below: u8| {
        value.times(&Fraction::rational(RBig::from_parts(IBig::ONE, UBig::from(below))), budget)
    };
    Ok(match twelfths.min(12 - twelfths) {
        0 => Fraction::rational(RBig::ZERO),
        1 => over(root(6)?.minus(root(2)?, budget)?, 4)?,
        2 => over(Fraction::rational(RBig::ONE), 2)?,
        3 => over(root(2)?, 2)?,
        4 => over(root(3)?, 2)?,
        5 => over(root(6)?.plus(root(2)?, budget)?, 4)?,
        _ => Fraction::rational(RBig::ONE),
    })
}

fn quotient(above: Fraction, below: Fraction, budget: &Budget) -> Result<Fraction, NoValue> {
    Ok(above.times(&below.inverse().ok_or(NoValue::NoScalar)?, budget)?)
}

/// A natural logarithm; that of a rational as a sum over its primes.
fn logarithm(value: &Fraction, budget: &Budget) -> Result<Fraction, NoValue> {
    let opaque = |value: &Fraction| Fraction::atom(Atom::Call(Rc::from("ln"), Rc::new(vec![value.clone()])));
    if value.num.is_zero() {
        return Err(NoValue::NoScalar);
    }
    let Some((monomial, coefficient)) = value.num.as_term().filter(|_| value.den.is_one()) else {
        return Ok(opaque(value));
    };
    if *coefficient <= RBig::ZERO
        || !monomial.0.iter().all(|(atom, _)| matches!(atom, Atom::E | Atom::Prime(_)))
    {
        return Ok(opaque(value));
    }
    let mut sum = Poly::default();
    for (atom, exponent) in &monomial.0 {
        sum = sum.add(match atom {
            Atom::Prime(prime) => prime_logarithm(prime.clone()).scaled(exponent),
            _ => Poly::constant(exponent.clone()),
        });
    }
    for (prime, times) in super::power::factors_of(coefficient, budget)? {
        sum = sum.add(prime_logarithm(prime).scaled(&RBig::from(times)));
    }
    Ok(sum.into())
}

fn prime_logarithm(prime: UBig) -> Poly {
    let argument = Fraction::rational(RBig::from(prime));
    Poly::atom(Atom::Call(Rc::from("ln"), Rc::new(vec![argument])), RBig::ONE)
}

/// The absolute value of a rational, or of a single term.
fn absolute(value: &Fraction) -> Option<Fraction> {
    if value.num.is_zero() {
        return Some(value.clone());
    }
    let (monomial, coefficient) = value.num.as_term().filter(|_| value.den.is_one())?;
    let atoms = monomial.0.iter().map(|(atom, exponent)| match atom {
        Atom::I => None,
        _ if atom.is_positive() => Some((atom.clone(), exponent.clone())),
        Atom::Symbol(_) if exponent.is_int() && exponent.numerator().trailing_zeros() != Some(0) => {
            Some((atom.clone(), exponent.clone()))
        }
        Atom::Symbol(_) => Some((Atom::Absolute(Box::new(atom.clone())), exponent.clone())),
        _ => None,
    });
    let mut atoms: Vec<(Atom, RBig)> = atoms.collect::<Option<_>>()?;
    atoms.sort();
    Some(Poly::term(Monomial(atoms), coefficient.clone().abs()).into())
}

/// Functions of numbers that are numbers.
fn exact_call(name: &str, values: &[Fraction], budget: &Budget) -> Result<Option<Fraction>, NoValue> {
    let numbers: Option<Vec<RBig>> = values.iter().map(Fraction::as_rational).collect();
    let Some(numbers) = numbers else { return Ok(None) };
    let value =
        match (name, numbers.as_slice()) {
            ("factorial", [n]) => factorial(n, 1, budget)?,
            ("factorial2", [n]) => factorial(n, 2, budget)?,
            ("binom", [n, k]) => binomial(n, k, budget)?,
            ("floor", [x]) => Some(RBig::from(x.floor())),
            ("ceil", [x]) => Some(RBig::from(x.ceil())),
            ("sgn", [x]) => Some(RBig::from(i32::from(*x > RBig::ZERO) - i32::from(*x < RBig::ZERO))),
            ("max", [first, rest @ ..]) => {
                Some(rest.iter().fold(first, |most, it| if it > most { it } else { most }).clone())
            }
            ("min", [first, rest @ ..]) => {
                Some(rest.iter().fold(first, |least, it| if it < least { it } else { least }).clone())
            }
            ("gcd", _) => {
                fold_whole(&numbers, |a, b| if a.is_zero() || b.is_zero() { a + b } else { a.gcd(b) })
            }
            ("lcm", _) => fold_whole(&numbers, |a, b| {
                if a.is_zero() || b.is_zero() { UBig::ZERO } else { &a / (&a).gcd(&b) * b }
            }),
            ("mod", [a, b]) if a.is_int() && b.is_int() && *b > RBig::ZERO => {
                let quotient = (a / b).floor();
                Some(a - b * RBig::from(quotient))
            }
            _ => None,
        };
    Ok(value.map(Fraction::rational))
}

fn fold_whole(numbers: &[RBig], with: impl Fn(UBig, UBig) -> UBig) -> Option<RBig> {
    let whole = |number: &RBig| if number.is_int() { number.numerator().as_ubig().cloned() } else { None };
    let (first, rest) = numbers.split_first()?;
    let mut total = whole(first)?;
    for number in rest {
        total = with(total, whole(number)?);
    }
    Some(RBig::from(total))
}

fn factorial(n: &RBig, step: u32, budget: &Budget) -> Result<Option<RBig>, Spent> {
    let Some(n) = small(n).filter(|n| *n <= LARGEST_FACTORIAL) else { return Ok(None) };
    budget.take(1 + n as usize / 64, 0)?;
    let factors: Vec<u32> = (1..=n).rev().step_by(step as usize).collect();
    Ok(Some(RBig::from(product_of(&factors))))
}

/// A product by halves: large factors meet large ones.
fn product_of(factors: &[u32]) -> UBig {
    match factors {
        [] => UBig::ONE,
        [a] => UBig::from(*a),
        [a, b] => UBig::from(u64::from(*a) * u64::from(*b)),
        _ => {
            let (low, high) = factors.split_at(factors.len() / 2);
            product_of(low) * product_of(high)
        }
    }
}

fn binomial(n: &RBig, k: &RBig, budget: &Budget) -> Result<Option<RBig>, Spent> {
    let (Some(n), Some(k)) = (small(n), small(k)) else { return Ok(None) };
    if k > n {
        return Ok(Some(RBig::ZERO));
    }
    let k = k.min(n - k);
    if k as usize * n.max(1).ilog2() as usize > MOST_BITS {
        return Ok(None);
    }
    // What no budget affords stays as it is.
    if k as usize * (1 + 16 * k as usize / 256) > super::MOST_PRODUCTS as usize {
        return Ok(None);
    }
    budget.take(k as usize, 16 * k as usize)?;
    let mut product = UBig::ONE;
    for step in 0..k {
        product = product * (n - step) / (step + 1);
    }
    Ok(Some(RBig::from(product)))
}

fn small(value: &RBig) -> Option<u32> {
    if value.is_int() { u32::try_from(value.numerator().clone()).ok() } else { None }
}

/// A sum or a product between whole bounds. `None` when there are too many terms, or the bounds are no numbers.
fn series(
    name: &str,
    index: &str,
    low: &Expr,
    high: &Expr,
    body: &Expr,
    budget: &Budget,
) -> Result<Option<Fraction>, NoValue> {
    let bound = |expr: &Expr, budget: &Budget| -> Result<Option<i64>, NoValue> {
        let value = canonical(expr, budget)?.as_rational().filter(RBig::is_int);
        Ok(value.and_then(|it| i64::try_from(it.numerator().clone()).ok()))
    };
    let (Some(low), Some(high)) = (bound(low, budget)?, bound(high, budget)?) else { return Ok(None) };
    if high.saturating_sub(low) > MOST_TERMS {
        return Ok(None);
    }
    let is_sum = name == "sum";
    let mut total = Fraction::rational(if is_sum { RBig::ZERO } else { RBig::ONE });
    for at in low..=high {
        budget.take(8, 0)?;
        let term = canonical(&substitute(body, index, &Expr::integer(at)), budget)?;
        total = if is_sum { total.plus(term, budget)? } else { total.times(&term, budget)? };
    }
    Ok(Some(total))
}

/// `expr` with `value` for the symbol called `name`.
pub fn substitute(expr: &Expr, name: &str, value: &Expr) -> Expr {
    let one = |inner: &Expr| Box::new(substitute(inner, name, value));
    let all = |inner: &[Expr]| inner.iter().map(|it| substitute(it, name, value)).collect();
    match expr {
        Expr::Symbol(symbol) if symbol == name => value.clone(),
        Expr::Negative(inner) => Expr::Negative(one(inner)),
        Expr::Sum(terms) => Expr::Sum(all(terms)),
        Expr::Product(factors) => Expr::Product(all(factors)),
        Expr::Quotient(above, below) => Expr::Quotient(one(above), one(below)),
        Expr::Power(base, exponent) => Expr::Power(one(base), one(exponent)),
        Expr::PlusMinus(left, right) => Expr::PlusMinus(one(left), one(right)),
        Expr::Call(function, arguments) => Expr::Call(function.clone(), all(arguments)),
        Expr::Percent(inner) => Expr::Percent(one(inner)),
        Expr::Quantity(inner, unit) => Expr::Quantity(one(inner), unit.clone()),
        Expr::Tuple(members) => Expr::Tuple(all(members)),
        Expr::List(members) => Expr::List(all(members)),
        Expr::Set(members) => Expr::Set(all(members)),
        Expr::Union(members) => Expr::Union(all(members)),
        Expr::Intersection(members) => Expr::Intersection(all(members)),
        Expr::Difference(left, right) => Expr::Difference(one(left), one(right)),
        Expr::Ratio(parts) => Expr::Ratio(all(parts)),
        Expr::Matrix(rows) => Expr::Matrix(rows.iter().map(|row| all(row)).collect()),
        Expr::Relation(sides, relations) => Expr::Relation(all(sides), relations.clone()),
        Expr::Interval(interval) => Expr::Interval(Box::new(Interval {
            low: substitute(&interval.low, name, value),
            high: substitute(&interval.high, name, value),
            ..**interval
        })),
        Expr::Number(_)
        | Expr::Symbol(_)
        | Expr::Constant(_)
        | Expr::Based(..)
        | Expr::Named(_)
        | Expr::Time(..)
        | Expr::Text(_) => expr.clone(),
    }
}
