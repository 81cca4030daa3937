//! Polynomials with rational coefficients and rational exponents in atoms.

use std::collections::BTreeMap;
use std::rc::Rc;

use dashu_base::BitTest;
use dashu_int::UBig;
use dashu_ratio::RBig;

use super::{Budget, Fraction, Spent};

/// What a monomial is a product of. The order is arbitrary but fixed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A prime, to a power that is not whole; or a number whose power has too many digits.
    Prime(UBig),
    /// The imaginary unit, to the power 1.
    I,
    /// π
    Pi,
    /// e
    E,
    /// A variable.
    Symbol(Rc<str>),
    /// The absolute value of what follows, of a single atom.
    Absolute(Box<Atom>),
    /// A base to the power of one monomial with symbols in it, as in `2^x`.
    Raised(Rc<Fraction>, Rc<Monomial>),
    /// A sum, to a power that is not whole.
    Group(Rc<Fraction>),
    /// A function and its arguments.
    Call(Rc<str>, Rc<Vec<Fraction>>),
}

impl Atom {
    /// Whether it is positive, whatever its symbols are.
    pub(super) fn is_positive(&self) -> bool {
        match self {
            Self::Prime(_) | Self::Pi | Self::E | Self::Absolute(_) => true,
            Self::Raised(base, _) => base.is_positive(),
            _ => false,
        }
    }

    /// Whether monomials in it are linearly independent of all others, so that what differs is not equal.
    fn is_transparent(&self, exponent: &RBig) -> bool {
        match self {
            Self::Prime(base) => {
                !exponent.is_int()
                    && exponent.numerator().as_ubig().is_some_and(|it| *it < UBig::from(100_u8))
                    && *base < UBig::from(LARGEST_CERTAIN_PRIME)
            }
            Self::I | Self::Pi | Self::Symbol(_) => true,
            Self::E => true,
            // Of a function that is not known, nothing is known that could make it equal to anything else.
            Self::Call(name, _) => matches!(&**name, "f" | "g" | "h") || name.len() == 1,
            _ => false,
        }
    }
}

/// Up to its square, trial division has found all prime factors.
const LARGEST_CERTAIN_PRIME: u64 = 1_000_000;

/// A product of atoms to powers other than zero, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Monomial(pub Vec<(Atom, RBig)>);

impl Monomial {
    /// Whether it is the empty product.
    pub fn is_one(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an atom of it holds a symbol, or is one.
    pub fn has_symbols(&self) -> bool {
        self.0.iter().any(|(atom, _)| atom.has_symbols())
    }
}

impl Atom {
    fn has_symbols(&self) -> bool {
        match self {
            Self::Prime(_) | Self::I | Self::Pi | Self::E => false,
            Self::Symbol(_) => true,
            Self::Absolute(atom) => atom.has_symbols(),
            Self::Raised(base, exponent) => base.has_symbols() || exponent.has_symbols(),
            Self::Group(sum) => sum.has_symbols(),
            Self::Call(_, arguments) => arguments.iter().any(Fraction::has_symbols),
        }
    }
}

/// A sum of monomials with coefficients other than zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Poly(pub BTreeMap<Monomial, RBig>);

impl Poly {
    /// A rational number.
    pub fn constant(value: RBig) -> Self {
        let mut terms = BTreeMap::new();
        if !value.is_zero() {
            terms.insert(Monomial::default(), value);
        }
        Self(terms)
    }

    /// One atom to a power.
    pub fn atom(atom: Atom, exponent: RBig) -> Self {
        Self::term(Monomial(vec![(atom, exponent)]), RBig::ONE)
    }

    pub(super) fn term(monomial: Monomial, coefficient: RBig) -> Self {
        let mut terms = BTreeMap::new();
        if !coefficient.is_zero() {
            terms.insert(monomial, coefficient);
        }
        Self(terms)
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is the number one.
    pub fn is_one(&self) -> bool {
        self.as_rational().is_some_and(|value| value.is_one())
    }

    /// Its value, when it is a rational number.
    pub fn as_rational(&self) -> Option<RBig> {
        match self.0.len() {
            0 => Some(RBig::ZERO),
            1 => self
                .0
                .first_key_value()
                .filter(|(monomial, _)| monomial.is_one())
                .map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// Its one term, when it has just one.
    pub fn as_term(&self) -> Option<(&Monomial, &RBig)> {
        if self.0.len() == 1 { self.0.first_key_value() } else { None }
    }

    /// Whether a polynomial like this one that is not zero has a value that is not zero.
    pub fn is_transparent(&self) -> bool {
        self.0.keys().all(|monomial| monomial.0.iter().all(|(atom, exponent)| atom.is_transparent(exponent)))
    }

    /// Whether symbols occur in it.
    pub fn has_symbols(&self) -> bool {
        self.0.keys().any(Monomial::has_symbols)
    }

    /// The most bits of a coefficient, roughly: that of the first and the last term.
    pub(super) fn bits(&self) -> usize {
        let ends = [self.0.first_key_value(), self.0.last_key_value()];
        ends.into_iter().flatten().map(|(_, coefficient)| bits(coefficient)).max().unwrap_or(0)
    }

    /// Multiplied by what makes all powers of symbols positive: `y - 1/x` is zero where `x y - 1` is.
    pub fn without_negative_powers(&self, budget: &Budget) -> Option<Self> {
        let mut lowest: BTreeMap<&Atom, &RBig> = BTreeMap::new();
        for (atom, exponent) in self.0.keys().flat_map(|monomial| &monomial.0) {
            if *exponent < RBig::ZERO && lowest.get(atom).is_none_or(|it| exponent < *it) {
                lowest.insert(atom, exponent);
            }
        }
        if lowest.is_empty() {
            return Some(self.clone());
        }
        let factor = lowest.into_iter().map(|(atom, exponent)| (atom.clone(), -exponent.clone())).collect();
        self.times(&Self::term(Monomial(factor), RBig::ONE), budget).ok()
    }

    pub(super) fn add(mut self, other: Self) -> Self {
        if self.0.len() < other.0.len() {
            return other.add(self);
        }
        for (monomial, coefficient) in other.0 {
            self.add_term(monomial, coefficient);
        }
        self
    }

    fn add_term(&mut self, monomial: Monomial, coefficient: RBig) {
        use std::collections::btree_map::Entry;
        match self.0.entry(monomial) {
            Entry::Vacant(vacant) => {
                vacant.insert(coefficient);
            }
            Entry::Occupied(mut occupied) => {
                *occupied.get_mut() += coefficient;
                if occupied.get().is_zero() {
                    occupied.remove();
                }
            }
        }
    }

    pub(super) fn negated(mut self) -> Self {
        for coefficient in self.0.values_mut() {
            *coefficient = -std::mem::replace(coefficient, RBig::ZERO);
        }
        self
    }

    pub(super) fn scaled(mut self, factor: &RBig) -> Self {
        if factor.is_zero() {
            return Self::default();
        }
        for coefficient in self.0.values_mut() {
            *coefficient *= factor;
        }
        self
    }

    pub(super) fn times(&self, other: &Self, budget: &Budget) -> Result<Self, Spent> {
        for (factor, scaled) in [(other, self), (self, other)] {
            if let Some(factor) = factor.as_rational() {
                budget.take(scaled.0.len(), bits(&factor) + scaled.bits())?;
                return Ok(scaled.clone().scaled(&factor));
            }
        }
        budget.take(self.0.len() * other.0.len(), self.bits() + other.bits())?;
        let mut product = Self::default();
        for (a, p) in &self.0 {
            for (b, q) in &other.0 {
                let (monomial, factor, expanded) = multiply(a, b);
                let coefficient = p * q * factor;
                if expanded.is_empty() {
                    product.add_term(monomial, coefficient);
                } else {
                    let mut part = Self::term(monomial, coefficient);
                    for group in expanded {
                        part = part.times(&group, budget)?;
                    }
                    product = product.add(part);
                }
            }
        }
        Ok(product)
    }
}

fn bits(value: &RBig) -> usize {
    value.numerator().bit_len() + value.denominator().bit_len()
}

/// The product of two monomials: what stays a monomial, a rational factor, and groups whose power became whole.
fn multiply(a: &Monomial, b: &Monomial) -> (Monomial, RBig, Vec<Poly>) {
    let mut merged = Vec::with_capacity(a.0.len() + b.0.len());
    let mut factor = RBig::ONE;
    let mut expanded = Vec::new();
    let (mut left, mut right) = (a.0.iter().peekable(), b.0.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some((p, _)), Some((q, _))) => match p.cmp(q) {
                std::cmp::Ordering::Less => merged.extend(left.next().cloned()),
                std::cmp::Ordering::Greater => merged.extend(right.next().cloned()),
                std::cmp::Ordering::Equal => {
                    if let (Some((atom, p)), Some((_, q))) = (left.next(), right.next()) {
                        settle(atom, p + q, &mut merged, &mut factor, &mut expanded);
                    }
                }
            },
            (Some(_), None) => merged.extend(left.next().cloned()),
            (None, Some(_)) => merged.extend(right.next().cloned()),
            (None, None) => break,
        }
    }
    (Monomial(merged), factor, expanded)
}

/// Puts an atom into a monomial whose exponent is a sum, keeping exponents of numbers between 0 and 1.
pub(super) fn settle(
    atom: &Atom,
    exponent: RBig,
    into: &mut Vec<(Atom, RBig)>,
    factor: &mut RBig,
    expanded: &mut Vec<Poly>,
) {
    if exponent.is_zero() {
        return;
    }
    match atom {
        Atom::I => {
            let turns = exponent.to_int().value();
            let quarter = u8::try_from(&turns & UBig::from(3_u8)).unwrap_or(0);
            if quarter >= 2 {
                *factor = -std::mem::replace(factor, RBig::ZERO);
            }
            if quarter % 2 == 1 {
                into.push((Atom::I, RBig::ONE));
            }
        }
        Atom::Prime(base) => {
            let whole = exponent.floor();
            match super::power::exact(&RBig::from(base.clone()), &whole) {
                Some(value) => {
                    *factor *= value;
                    let rest = exponent - RBig::from(whole);
                    if !rest.is_zero() {
                        into.push((atom.clone(), rest));
                    }
                }
                None => into.push((atom.clone(), exponent)),
            }
        }
        Atom::Group(sum) if exponent.is_int() && sum.den.is_one() && exponent.is_one() => {
            expanded.push(sum.num.clone())
        }
        Atom::Absolute(inner)
            if exponent.is_int()
                && exponent.numerator().as_ubig().is_some_and(|it| it.trailing_zeros() != Some(0)) =>
        {
            match inner.as_ref() {
                symbol @ Atom::Symbol(_) => into.push((symbol.clone(), exponent)),
                _ => into.push((atom.clone(), exponent)),
            }
        }
        _ => into.push((atom.clone(), exponent)),
    }
}
