//! Powers and roots of exact values.

use std::rc::Rc;

use dashu_base::{Abs, BitTest};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::poly::settle;
use super::{Atom, Budget, Fraction, MOST_BITS, Monomial, Poly, Spent};

/// Divisors that factorisation tries; what is left over counts as prime.
const MOST_DIVISORS: u32 = 1_000;
/// The largest power to which a sum is multiplied out.
const MOST_EXPANDED: u32 = 64;

/// A rational to a whole power, unless it would have too many digits.
pub(super) fn exact(base: &RBig, exponent: &IBig) -> Option<RBig> {
    if base.is_one() || exponent.is_zero() {
        return Some(RBig::ONE);
    }
    let size = usize::try_from(exponent.clone().abs()).ok()?;
    let bits = base.numerator().bit_len().max(base.denominator().bit_len());
    if size.checked_mul(bits)? > MOST_BITS {
        return None;
    }
    if base.is_zero() {
        return (*exponent > IBig::ZERO).then(RBig::default);
    }
    let size = isize::try_from(size).ok()?;
    Some(base.pow(if *exponent < IBig::ZERO { -size } else { size }))
}

/// `base` to the power of `exponent`.
pub(super) fn power(base: Fraction, exponent: &Fraction, budget: &Budget) -> Result<Fraction, Spent> {
    if let Some(rational) = exponent.as_rational() {
        return rational_power(base, &rational, budget);
    }
    budget.take(exponent.num.0.len(), 0)?;
    if !exponent.den.is_one() {
        return Ok(raised(base, exponent.clone().into_monomial()));
    }
    // b^(c m + d n + …) = (b^m)^c (b^n)^d …
    let mut product = Fraction::rational(RBig::ONE);
    for (monomial, coefficient) in &exponent.num.0 {
        let factor = if monomial.is_one() {
            rational_power(base.clone(), coefficient, budget)?
        } else {
            symbolic_power(&base, monomial, coefficient, budget)?
        };
        product = product.times(&factor, budget)?;
    }
    Ok(product)
}

/// `base` to `coefficient` times `monomial`.
fn symbolic_power(
    base: &Fraction,
    monomial: &Monomial,
    coefficient: &RBig,
    budget: &Budget,
) -> Result<Fraction, Spent> {
    if let Some(value) = base.as_rational()
        && value > RBig::ZERO
        && !value.is_one()
    {
        // 4^x is 2^(2x).
        let mut product = Poly::constant(RBig::ONE);
        for (prime, times) in factors_of(&value, budget)? {
            let atom =
                Atom::Raised(Rc::new(Fraction::rational(RBig::from(prime))), Rc::new(monomial.clone()));
            product = product.times(&Poly::atom(atom, coefficient * RBig::from(times)), budget)?;
        }
        return Ok(product.into());
    }
    if let (true, Some((inner, factor))) = (base.den.is_one(), base.num.as_term())
        && factor.is_one()
        && let [(atom, exponent)] = inner.0.as_slice()
        && !matches!(atom, Atom::Group(_) | Atom::I | Atom::Prime(_))
    {
        let base = Rc::new(Fraction::atom(atom.clone()));
        return Ok(Poly::atom(Atom::Raised(base, Rc::new(monomial.clone())), coefficient * exponent).into());
    }
    Ok(Poly::atom(Atom::Raised(Rc::new(base.clone()), Rc::new(monomial.clone())), coefficient.clone()).into())
}

fn raised(base: Fraction, exponent: Monomial) -> Fraction {
    Fraction::atom(Atom::Raised(Rc::new(base), Rc::new(exponent)))
}

impl Fraction {
    /// Itself as one atom of a monomial.
    fn into_monomial(self) -> Monomial {
        Monomial(vec![(Atom::Group(Rc::new(self)), RBig::ONE)])
    }
}

fn rational_power(base: Fraction, exponent: &RBig, budget: &Budget) -> Result<Fraction, Spent> {
    if exponent.is_zero() {
        return Ok(Fraction::rational(RBig::ONE));
    }
    if exponent.is_one() {
        return Ok(base);
    }
    if *exponent < RBig::ZERO {
        let inverse = base.inverse().ok_or(Spent)?;
        return rational_power(inverse, &-exponent.clone(), budget);
    }
    if base.den.is_one()
        && let Some((monomial, coefficient)) = base.num.as_term()
        && let Some(power) = term_power(monomial, coefficient, exponent, budget)?
    {
        return Ok(power);
    }
    if base.num.is_zero() {
        return Ok(base);
    }
    if exponent.is_int()
        && let Ok(times) = u32::try_from(exponent.numerator().clone())
        && times <= MOST_EXPANDED
        && let Some(product) = expanded(&base, times, budget)
    {
        return Ok(product);
    }
    if !base.den.is_one() {
        let above = rational_power(base.num.into(), exponent, budget)?;
        let below = rational_power(base.den.into(), exponent, budget)?;
        return above.times(&below.inverse().ok_or(Spent)?, budget);
    }
    // A sum: its content comes out of the root.
    let content = content(&base.num);
    let primitive = base.num.scaled(&(RBig::ONE / &content));
    let outside = term_power(&Monomial::default(), &content, exponent, budget)?.unwrap_or_else(|| {
        raised(
            Fraction::rational(content),
            Monomial(vec![(Atom::Group(Rc::new(Fraction::rational(exponent.clone()))), RBig::ONE)]),
        )
    });
    let group: Fraction = Poly::atom(Atom::Group(Rc::new(primitive.into())), exponent.clone()).into();
    outside.times(&group, budget)
}

/// A power multiplied out, if the budget allows; otherwise the budget is as it was.
fn expanded(base: &Fraction, times: u32, budget: &Budget) -> Option<Fraction> {
    let before = budget.products.get();
    let mut product = base.clone();
    for bit in (0..times.ilog2()).rev() {
        let square = product.times(&product, budget).ok();
        let next =
            square.and_then(|it| if times >> bit & 1 == 1 { it.times(base, budget).ok() } else { Some(it) });
        let Some(next) = next else {
            // The rest of the expression gets what was there, less what a wise caller would have spent.
            budget.products.set(before / 2);
            return None;
        };
        product = next;
    }
    Some(product)
}

/// A single term to a positive power. `None` when it has no closed form.
fn term_power(
    monomial: &Monomial,
    coefficient: &RBig,
    exponent: &RBig,
    budget: &Budget,
) -> Result<Option<Fraction>, Spent> {
    let mut atoms: Vec<(Atom, RBig)> = Vec::new();
    let mut factor = RBig::ONE;
    let mut expanded = Vec::new();
    let whole = exponent.is_int();
    for (atom, inner) in &monomial.0 {
        let total = inner * exponent;
        let even = inner.is_int() && inner.numerator().trailing_zeros() != Some(0);
        match atom {
            Atom::I | Atom::Group(_) if !whole => return Ok(None),
            Atom::Group(_) => settle(atom, total, &mut atoms, &mut factor, &mut expanded),
            Atom::Raised(base, _) if !whole && !base.is_positive() => return Ok(None),
            _ if !whole
                && even
                && !atom.is_positive()
                && (!total.is_int() || total.numerator().trailing_zeros() == Some(0)) =>
            {
                settle(
                    &Atom::Absolute(Box::new(atom.clone())),
                    total,
                    &mut atoms,
                    &mut factor,
                    &mut expanded,
                );
            }
            _ => settle(atom, total, &mut atoms, &mut factor, &mut expanded),
        }
    }
    if !expanded.is_empty() {
        return Ok(None);
    }
    atoms.sort();
    let mut result = Poly::term(Monomial(atoms), factor);
    let coefficient = match coefficient_power(coefficient, exponent, budget)? {
        Some(coefficient) => coefficient,
        None => return Ok(None),
    };
    result = result.times(&coefficient, budget)?;
    Ok(Some(result.into()))
}

/// A rational to a positive rational power: primes to powers between 0 and 1, and i.
fn coefficient_power(value: &RBig, exponent: &RBig, budget: &Budget) -> Result<Option<Poly>, Spent> {
    if value.is_zero() {
        return Ok(Some(Poly::default()));
    }
    let odd_numerator = exponent.numerator().trailing_zeros() == Some(0);
    let half = *exponent.denominator() == UBig::from(2_u8);
    let negative = *value < RBig::ZERO;
    let size = value.clone().abs();
    let mut sign = RBig::ONE;
    let mut imaginary = None;
    if negative {
        if exponent.is_int() || exponent.denominator().trailing_zeros() == Some(0) {
            // A whole power, or the real one of the odd roots.
            if odd_numerator {
                sign = -RBig::ONE;
            }
        } else if half {
            imaginary = Some(exponent.numerator().clone());
        } else {
            return Ok(None);
        }
    }
    if exponent.is_int()
        && let Some(power) = exact(&size, exponent.numerator())
    {
        return Ok(Some(Poly::constant(sign * power)));
    }
    let mut product = Poly::constant(sign);
    for (prime, times) in factors_of(&size, budget)? {
        let mut atoms = Vec::new();
        let mut factor = RBig::ONE;
        settle(&Atom::Prime(prime), RBig::from(times) * exponent, &mut atoms, &mut factor, &mut Vec::new());
        product = product.times(&Poly::term(Monomial(atoms), factor), budget)?;
    }
    if let Some(quarters) = imaginary {
        let mut atoms = Vec::new();
        let mut factor = RBig::ONE;
        settle(&Atom::I, RBig::from(quarters), &mut atoms, &mut factor, &mut Vec::new());
        product = product.times(&Poly::term(Monomial(atoms), factor), budget)?;
    }
    Ok(Some(product))
}

/// The prime factors of a positive rational with their multiplicities, negative ones from below the line.
pub(super) fn factors_of(value: &RBig, budget: &Budget) -> Result<Vec<(UBig, i32)>, Spent> {
    let mut factors = Vec::new();
    let numerator = value.numerator().as_ubig().cloned().unwrap_or_default();
    factor_into(numerator, 1, &mut factors, budget)?;
    factor_into(value.denominator().clone(), -1, &mut factors, budget)?;
    Ok(factors)
}

fn factor_into(
    number: UBig,
    sign: i32,
    factors: &mut Vec<(UBig, i32)>,
    budget: &Budget,
) -> Result<(), Spent> {
    if number.is_zero() || number.is_one() {
        return Ok(());
    }
    let Ok(mut small) = u64::try_from(&number) else {
        return large_factors(number, sign, factors, budget);
    };
    let mut divisor = 2_u64;
    while divisor * divisor <= small && divisor < 2 * u64::from(MOST_DIVISORS) {
        let mut times = 0;
        while small.is_multiple_of(divisor) {
            small /= divisor;
            times += sign;
        }
        if times != 0 {
            factors.push((UBig::from(divisor), times));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    if small > 1 {
        perfect_power(UBig::from(small), sign, factors);
    }
    Ok(())
}

/// A number beyond 64 bits: the small primes, and then the rest as if it were prime.
fn large_factors(
    mut number: UBig,
    sign: i32,
    factors: &mut Vec<(UBig, i32)>,
    budget: &Budget,
) -> Result<(), Spent> {
    budget.take(1, 8 * number.bit_len())?;
    if let Some(twos) = number.trailing_zeros().filter(|twos| *twos > 0) {
        number >>= twos;
        factors.push((UBig::from(2_u8), sign * i32::try_from(twos).map_err(|_| Spent)?));
    }
    for divisor in [3_u8, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47] {
        let mut times = 0;
        while (&number % divisor) == 0 {
            number /= divisor;
            times += sign;
            budget.take(1, number.bit_len())?;
        }
        if times != 0 {
            factors.push((UBig::from(divisor), times));
        }
    }
    if u64::try_from(&number).is_ok() {
        return factor_into(number, sign, factors, budget);
    }
    perfect_power(number, sign, factors);
    Ok(())
}

/// Takes a square or a cube apart.
fn perfect_power(number: UBig, sign: i32, factors: &mut Vec<(UBig, i32)>) {
    for index in [2_usize, 3] {
        let root = number.nth_root(index);
        if root.pow(index) == number {
            return factors.push((root, sign * index as i32));
        }
    }
    factors.push((number, sign));
}

/// The positive rational that divides all coefficients, so that what is left are whole numbers without common factor.
fn content(poly: &Poly) -> RBig {
    use dashu_base::Gcd;
    let mut numerator = UBig::ZERO;
    let mut denominator = UBig::ONE;
    for coefficient in poly.0.values() {
        let above = coefficient.numerator().clone().abs();
        let above = above.as_ubig().cloned().unwrap_or_default();
        numerator = if numerator.is_zero() { above } else { numerator.gcd(&above) };
        let below = coefficient.denominator();
        let common = (&denominator).gcd(below);
        denominator = &denominator / common * below;
    }
    if numerator.is_zero() { RBig::ONE } else { RBig::from_parts(IBig::from(numerator), denominator) }
}
