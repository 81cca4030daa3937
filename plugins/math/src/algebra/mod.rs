//! Exact values: quotients of polynomials in symbols, radicals, π, e, i and what else cannot be simplified.
//!
//! Coefficients are rational, exponents are rational. Radicals of rationals are products of primes to powers between
//! 0 and 1, which are linearly independent over the rationals (Besicovitch 1940), so that two sums of them are equal
//! only if they are the same. What has no such form (a sine, a root of a sum) is an atom of its own; two values that
//! differ in such atoms may still be equal, and [`crate::numeric`] has to say.
//!
//! Everything is bounded by a [`Budget`]: a power that would have too many digits stays a power, a product with too
//! many terms is not multiplied out.

mod canonical;
mod fraction;
mod poly;
mod power;

pub use canonical::{NoValue, canonical, substitute};
pub use fraction::Fraction;
pub use poly::{Atom, Monomial, Poly};

/// How much work an exact value may take.
#[derive(Debug)]
pub struct Budget {
    /// Products of terms that are left.
    products: u32,
}

/// The budget is spent: the exact value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent;

impl Budget {
    /// Enough for all honest answers.
    pub fn new() -> Self {
        Self { products: 4_000 }
    }

    fn take(&mut self, products: usize) -> Result<(), Spent> {
        let left = u32::try_from(products).ok().and_then(|products| self.products.checked_sub(products));
        self.products = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Spent)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// The most bits that a number may have which is computed exactly.
const MOST_BITS: usize = 30_000;
