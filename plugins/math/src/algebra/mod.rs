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
mod expression;
mod fraction;
mod poly;
mod power;

use std::cell::Cell;

pub use canonical::{NoValue, canonical, substitute};
pub use fraction::Fraction;
pub use poly::{Atom, Monomial, Poly};

/// How much work a comparison may take. It is shared by all that takes part in one.
#[derive(Debug)]
pub struct Budget {
    /// Products of terms, weighted with their digits.
    products: Cell<u32>,
    /// Nodes that are turned into exact values.
    nodes: Cell<u32>,
    /// Steps of evaluation, weighted with their precision.
    steps: Cell<u32>,
}

/// Products of terms that a comparison may take.
const MOST_PRODUCTS: u32 = 8_000;

/// The budget is spent: the value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent;

impl Budget {
    /// Enough for all honest answers.
    pub fn new() -> Self {
        Self { products: Cell::new(MOST_PRODUCTS), nodes: Cell::new(10_000), steps: Cell::new(6_000) }
    }

    /// Takes products of terms with some bits in their coefficients.
    fn take(&self, products: usize, bits: usize) -> Result<(), Spent> {
        spend(&self.products, products.saturating_mul(1 + bits / 256))
    }

    fn take_node(&self) -> Result<(), Spent> {
        spend(&self.nodes, 1)
    }

    /// Takes steps of evaluation.
    pub(crate) fn take_steps(&self, steps: usize) -> Result<(), Spent> {
        spend(&self.steps, steps)
    }
}

fn spend(left: &Cell<u32>, cost: usize) -> Result<(), Spent> {
    let rest = u32::try_from(cost).ok().and_then(|cost| left.get().checked_sub(cost));
    left.set(rest.unwrap_or(0));
    rest.map(|_| ()).ok_or(Spent)
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// The most bits that a number may have which is computed exactly.
const MOST_BITS: usize = 30_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::token::Commas;

    fn value(text: &str) -> Fraction {
        canonical(&parse(text, Commas::Usual).unwrap(), &Budget::new()).unwrap()
    }

    fn equal(a: &str, b: &str) -> bool {
        value(a).cross_difference(&value(b), &Budget::new()).unwrap().is_zero()
    }

    #[test]
    fn one_value_has_one_form() {
        for (a, b) in [
            ("(x+1)^3", "x^3+3x^2+3x+1"),
            (r"\sqrt{12}", r"2\sqrt3"),
            (r"\sqrt2\sqrt3", r"\sqrt6"),
            (r"\frac{1}{\sqrt2}", r"\frac{\sqrt2}{2}"),
            (r"\sqrt[3]{-8}", "-2"),
            (r"\sqrt{-4}", "2i"),
            ("i^7", "-i"),
            ("4^x", "2^{2x}"),
            ("e^{2x+1}", "e(e^x)^2"),
            (r"\log_2 8", "3"),
            (r"\ln 8", r"3\ln 2"),
            (r"\sqrt{4x+4}", r"2\sqrt{x+1}"),
            (r"\sin 15^\circ", r"\frac{\sqrt6-\sqrt2}{4}"),
            ("3^{10^8}", "9^{50000000}"),
            (r"\sum_{k=1}^{10} k", "55"),
        ] {
            assert_eq!(value(a), value(b), "{a} and {b}");
        }
    }

    #[test]
    fn quotients_are_equal_across() {
        assert!(equal(r"\frac{x^2-1}{x-1}", "x+1"));
        assert!(equal(r"\frac{1}{1+\sqrt2}", r"\sqrt2-1"));
        assert!(!equal(r"\frac{1}{1+\sqrt2}", r"\sqrt2+1"));
    }

    #[test]
    fn a_root_of_a_square_is_no_variable() {
        assert_ne!(value(r"\sqrt{x^2}"), value("x"));
        assert_eq!(value(r"\sqrt{x^2}"), value("|x|"));
    }

    #[test]
    fn a_spent_budget_is_an_error() {
        let huge = parse("(a+b+c+d+e+f+g+h)^{40}(a-b+c-d+e-f+g-h)^{40}+x", Commas::Usual).unwrap();
        let budget = Budget { products: Cell::new(10), nodes: Cell::new(1_000), steps: Cell::new(0) };
        assert_eq!(canonical(&huge, &budget), Err(NoValue::Spent));
    }
}
