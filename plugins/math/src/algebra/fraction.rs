//! Quotients of polynomials.

use dashu_ratio::RBig;

use super::poly::settle;
use super::{Atom, Budget, Monomial, Poly, Spent};

/// A quotient. The denominator is 1 whenever it would be a single term.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fraction {
    /// What stands above.
    pub num: Poly,
    /// What stands below; never zero.
    pub den: Poly,
}

impl Fraction {
    /// A rational number.
    pub fn rational(value: RBig) -> Self {
        Self::from(Poly::constant(value))
    }

    /// One atom.
    pub fn atom(atom: Atom) -> Self {
        Self::from(Poly::atom(atom, RBig::ONE))
    }

    /// Its value, when it is a rational number.
    pub fn as_rational(&self) -> Option<RBig> {
        if self.den.is_one() { self.num.as_rational() } else { None }
    }

    /// Whether symbols occur in it.
    pub fn has_symbols(&self) -> bool {
        self.num.has_symbols() || self.den.has_symbols()
    }

    /// Whether it is positive for all that is known.
    pub(super) fn is_positive(&self) -> bool {
        self.den.is_one()
            && self.num.as_term().is_some_and(|(monomial, coefficient)| {
                *coefficient > RBig::ZERO && monomial.0.iter().all(|(atom, _)| atom.is_positive())
            })
    }

    /// The sum.
    pub fn plus(self, other: Self, budget: &Budget) -> Result<Self, Spent> {
        if self.den == other.den {
            return Ok(Self { num: self.num.add(other.num), den: self.den });
        }
        let num = self.num.times(&other.den, budget)?.add(other.num.times(&self.den, budget)?);
        Ok(Self { num, den: self.den.times(&other.den, budget)? }.simplified())
    }

    /// The difference.
    pub fn minus(self, other: Self, budget: &Budget) -> Result<Self, Spent> {
        self.plus(other.negated(), budget)
    }

    /// The negative.
    pub fn negated(self) -> Self {
        Self { num: self.num.negated(), den: self.den }
    }

    /// The product.
    pub fn times(&self, other: &Self, budget: &Budget) -> Result<Self, Spent> {
        let num = self.num.times(&other.num, budget)?;
        let den = self.den.times(&other.den, budget)?;
        Ok(Self { num, den }.simplified())
    }

    /// One divided by it; `None` for zero.
    pub fn inverse(self) -> Option<Self> {
        if self.num.is_zero() { None } else { Some(Self { num: self.den, den: self.num }.simplified()) }
    }

    /// With a denominator of one term moved above.
    pub(super) fn simplified(self) -> Self {
        if self.den.is_one() {
            return self;
        }
        if self.num == self.den {
            return Self::rational(RBig::ONE);
        }
        let Some((monomial, coefficient)) = self.den.as_term() else { return self };
        let mut inverse = Poly::constant(RBig::ONE / coefficient);
        let mut atoms = Vec::new();
        let mut factor = RBig::ONE;
        let mut expanded = Vec::new();
        for (atom, exponent) in &monomial.0 {
            settle(atom, -exponent.clone(), &mut atoms, &mut factor, &mut expanded);
        }
        if !expanded.is_empty() {
            return self;
        }
        inverse = inverse.scaled(&factor);
        let inverse = match inverse.as_rational() {
            Some(coefficient) => Poly::term(Monomial(atoms), coefficient),
            None => return self,
        };
        // One term times many: no more than there are already.
        let free = Budget::new();
        match self.num.times(&inverse, &free) {
            Ok(num) => Self { num, den: Poly::constant(RBig::ONE) },
            Err(_) => self,
        }
    }

    /// What the difference of two is zero with: `a d - c b` for `a/b` and `c/d`.
    pub fn cross_difference(&self, other: &Self, budget: &Budget) -> Result<Poly, Spent> {
        if self.den == other.den {
            return Ok(self.num.clone().add(other.num.clone().negated()));
        }
        let left = self.num.times(&other.den, budget)?;
        let right = other.num.times(&self.den, budget)?;
        Ok(left.add(right.negated()))
    }
}

impl From<Poly> for Fraction {
    fn from(num: Poly) -> Self {
        Self { num, den: Poly::constant(RBig::ONE) }
    }
}
