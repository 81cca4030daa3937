//! Compares what ∞ is written in.

use super::Comparison;
use crate::algebra::Budget;
use crate::expr::{Constant, Expr};
use crate::numeric;

/// Whether ∞ is written in it.
pub(super) fn mentions_infinity(expr: &Expr) -> bool {
    match expr {
        Expr::Constant(Constant::Infinity) => true,
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => mentions_infinity(inner),
        Expr::Sum(inner) | Expr::Product(inner) | Expr::Ratio(inner) | Expr::Call(_, inner) => {
            inner.iter().any(mentions_infinity)
        }
        Expr::Quotient(a, b) | Expr::Power(a, b) => mentions_infinity(a) || mentions_infinity(b),
        _ => false,
    }
}

/// Compares what ∞ is written in: with a sign, a factor or a summand it is ±∞; any other formula of it has no value.
pub(super) fn compare_infinite(a: &Expr, b: &Expr, budget: &Budget) -> Comparison {
    match (sign_of_infinity(a, budget), sign_of_infinity(b, budget)) {
        (Some(a), Some(b)) if a == b => Comparison::SameNumber,
        (Some(_), Some(_)) => Comparison::OtherNumber,
        _ if a == b => Comparison::SameFormula,
        _ => Comparison::OtherFormula,
    }
}

/// Whether a formula is ∞ (`true`) or -∞. `None` for neither, and for what is not determined.
fn sign_of_infinity(expr: &Expr, budget: &Budget) -> Option<bool> {
    if !mentions_infinity(expr) {
        return None;
    }
    let finite =
        |expr: &Expr| if mentions_infinity(expr) { None } else { numeric::approximate(expr, budget) };
    match expr {
        Expr::Constant(Constant::Infinity) => Some(true),
        Expr::Negative(inner) => sign_of_infinity(inner, budget).map(|sign| !sign),
        Expr::Sum(terms) => {
            let mut sum = None;
            for term in terms.iter().filter(|term| finite(term).is_none()) {
                let sign = sign_of_infinity(term, budget)?;
                if sum.is_some_and(|it| it != sign) {
                    return None;
                }
                sum = Some(sign);
            }
            sum
        }
        Expr::Product(factors) => {
            let mut sign = true;
            for factor in factors {
                let positive = match finite(factor) {
                    Some(0.0) => return None,
                    Some(value) => value > 0.0,
                    None => sign_of_infinity(factor, budget)?,
                };
                sign = sign == positive;
            }
            Some(sign)
        }
        _ => None,
    }
}
