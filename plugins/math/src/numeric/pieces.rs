//! Points that tell apart functions made of pieces: `\max(x, -50)`, `x \bmod 10^9`, `|x + 10^6| - 10^6` are x at most
//! points, so they are looked at on either side of every number that is written in them, and beyond all of them.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::quick::rough;
use crate::expr::Expr;

/// The most numbers whose surroundings are looked at.
const MOST_NUMBERS: usize = 8;
const MOST_DEPTH: u8 = 40;
/// No point lies further out.
const FARTHEST: f64 = 1e60;

/// Whether a formula may be another one on another part of the line.
pub(super) fn has_pieces(expr: &Expr, depth: u8) -> bool {
    if depth > MOST_DEPTH {
        return false;
    }
    let inner = |expr: &Expr| has_pieces(expr, depth + 1);
    match expr {
        Expr::Call(name, arguments) => {
            let is_made_of_pieces = matches!(
                name.as_str(),
                "max" | "min" | "floor" | "ceil" | "abs" | "norm" | "mod" | "sgn" | "gcd" | "lcm"
            ) || name == "root" && arguments.iter().any(has_even_power);
            is_made_of_pieces && arguments.iter().any(has_symbol) || arguments.iter().any(inner)
        }
        Expr::Power(base, exponent) => {
            matches!(**exponent, Expr::Quotient(..)) && has_even_power(base) || inner(base) || inner(exponent)
        }
        Expr::Negative(a) | Expr::Percent(a) | Expr::Quantity(a, _) => inner(a),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) => inner(a) || inner(b),
        Expr::Sum(parts) | Expr::Product(parts) => parts.iter().any(inner),
        _ => false,
    }
}

fn has_symbol(expr: &Expr) -> bool {
    match expr {
        Expr::Symbol(_) => true,
        Expr::Negative(a) | Expr::Percent(a) | Expr::Quantity(a, _) => has_symbol(a),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) | Expr::Power(a, b) => has_symbol(a) || has_symbol(b),
        Expr::Sum(parts)
        | Expr::Product(parts)
        | Expr::Call(_, parts)
        | Expr::Set(parts)
        | Expr::List(parts) => parts.iter().any(has_symbol),
        _ => false,
    }
}

/// Whether the square of something with a symbol occurs, whose root has no sign.
fn has_even_power(expr: &Expr) -> bool {
    match expr {
        Expr::Power(base, exponent) => {
            matches!(&**exponent, Expr::Number(number) if (&number.value / RBig::from(2)).is_int())
                && has_symbol(base)
        }
        Expr::Negative(a) => has_even_power(a),
        Expr::Quotient(a, b) => has_even_power(a) || has_even_power(b),
        Expr::Sum(parts) | Expr::Product(parts) => parts.iter().any(has_even_power),
        _ => false,
    }
}

/// Coordinates around the numbers of two formulas and beyond all of them, of either sign.
pub(super) fn coordinates(a: &Expr, b: &Expr, whole: bool) -> Vec<RBig> {
    let mut numbers = Vec::new();
    collect(a, &mut numbers, 0);
    collect(b, &mut numbers, 0);
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let beyond: f64 = numbers.iter().fold(3.0, |all, number| (all * number.max(1.0)).min(FARTHEST));
    // The largest ones, for what is small is on every way.
    let from = numbers.len().saturating_sub(MOST_NUMBERS);
    let mut all = vec![beyond, 2.0 * beyond];
    all.extend(numbers[from..].iter().flat_map(|number| [*number, *number + 1.0, *number - 1.0]));
    let third = RBig::from_parts(IBig::ONE, UBig::from(3_u8));
    let exact = |value: f64| RBig::try_from(value.trunc()).ok();
    all.into_iter()
        .filter_map(exact)
        .flat_map(|value| {
            let value = if whole { value } else { value + &third };
            [value.clone(), -value]
        })
        .collect()
}

/// The sizes of the numbers in a formula, powers such as `10^9` as one.
fn collect(expr: &Expr, numbers: &mut Vec<f64>, depth: u8) {
    if depth > MOST_DEPTH || numbers.len() >= 4 * MOST_NUMBERS {
        return;
    }
    if !has_symbol(expr) {
        let size = rough(expr, &[], 0).map(|it| it.size());
        numbers.extend(size.filter(|size| *size <= FARTHEST));
        return;
    }
    let mut inner = |expr: &Expr| collect(expr, numbers, depth + 1);
    match expr {
        Expr::Negative(a) | Expr::Percent(a) | Expr::Quantity(a, _) => inner(a),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) | Expr::Power(a, b) => {
            inner(a);
            inner(b);
        }
        Expr::Sum(parts) | Expr::Product(parts) | Expr::Call(_, parts) | Expr::Set(parts) => {
            parts.iter().for_each(inner);
        }
        _ => {}
    }
}
