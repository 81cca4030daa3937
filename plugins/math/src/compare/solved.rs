//! Whether a relation is solved for its unknown, or only the problem once more; and whether what is set equal to a value
//! is a name, or a name with something done to it.

use std::collections::BTreeSet;

use super::relation::{has_symbols, symbols};
use crate::algebra::Budget;
use crate::expr::{Expr, Relation};
use crate::numeric::approximate;

/// Whether an answer is an equation or an inequality still to be solved, where the reference is solved: `2x + 3 > 5` for
/// `x > 1`, for `(1, \infty)`. Of several variables, which may be those of a curve, each form is as good.
pub(super) fn is_echo(answer: &Expr, reference: &Expr) -> bool {
    is_unsolved(answer) && !is_unsolved(reference)
}

/// Whether some relation in it, of one unknown, has something else than the unknown beside a value.
fn is_unsolved(expr: &Expr) -> bool {
    match expr {
        Expr::Relation(sides, signs) => {
            let mut names = BTreeSet::new();
            sides.iter().for_each(|side| symbols(side, &mut names));
            let is_curve = names.contains("y") || names.contains("z") || !names.contains("x");
            let is_pair_solved = |pair: &[Expr]| match pair {
                [one, other] => {
                    let is_alone = |name: &Expr, value: &Expr| {
                        is_unknown(name) && (!has_symbols(value) || names.len() > 1 && !shares(name, value))
                    };
                    is_alone(one, other) || is_alone(other, one)
                }
                _ => true,
            };
            let is_comparison = signs
                .iter()
                .all(|sign| sign.is_order() || matches!(sign, Relation::Equal | Relation::NotEqual));
            is_comparison
                && (names.len() == 1 || names.len() > 1 && !is_curve)
                && !sides.windows(2).all(is_pair_solved)
        }
        Expr::List(parts) | Expr::Union(parts) | Expr::Intersection(parts) => parts.iter().any(is_unsolved),
        _ => false,
    }
}

/// Whether a symbol of one expression occurs in another.
fn shares(one: &Expr, other: &Expr) -> bool {
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    symbols(one, &mut ours);
    symbols(other, &mut theirs);
    !ours.is_disjoint(&theirs)
}

/// What an inequality may be solved for: `x`, `-x`, `|x|`, `AB`, `f(x)`; no function of it that has a name of its own.
fn is_unknown(expr: &Expr) -> bool {
    match expr {
        Expr::Symbol(_) | Expr::Text(_) => true,
        Expr::Negative(inner) => matches!(**inner, Expr::Symbol(_)),
        Expr::Call(name, inner) => match name.as_str() {
            "abs" | "norm" => matches!(inner.as_slice(), [Expr::Symbol(_)]),
            "sin" | "cos" | "tan" | "cot" | "sec" | "csc" | "root" | "ln" | "log" | "exp" | "factorial"
            | "floor" | "ceil" | "binom" | "arcsin" | "arccos" | "arctan" | "sinh" | "cosh" | "tanh" => false,
            _ => true,
        },
        Expr::Product(factors) => factors.iter().all(|it| matches!(it, Expr::Symbol(_) | Expr::Constant(_))),
        _ => false,
    }
}

/// Whether an expression is one name with something done to it: `3AB`, `AB + 1`, `2\sin\theta`, `\sqrt{AB}`. With
/// several names, as in `100m + n`, it is what was asked for.
pub(super) fn alters_a_name(expr: &Expr) -> bool {
    let is_name = match expr {
        Expr::Symbol(_) | Expr::Text(_) => true,
        Expr::Call(name, _) => name != "root",
        Expr::Product(factors) => factors.iter().all(|it| matches!(it, Expr::Symbol(_) | Expr::Constant(_))),
        // `|z|^2`, `\cos^2\theta`
        Expr::Power(base, _) => matches!(&**base, Expr::Call(name, _) if name != "root"),
        _ => false,
    };
    !is_name && names_in(expr) == 1
}

/// Whether no real number has this value: `\sin x = \sqrt2`, `|x| = -3`.
pub(super) fn is_beyond(name: &Expr, value: &Expr, budget: &Budget) -> bool {
    const SLACK: f64 = 1e-9;
    let Expr::Call(function, _) = name else { return false };
    let is_bounded = match function.as_str() {
        "sin" | "cos" | "tanh" => |value: f64| value.abs() <= 1.0 + SLACK,
        "abs" | "norm" => |value: f64| value >= -SLACK,
        _ => return false,
    };
    !has_symbols(value) && approximate(value, budget).is_some_and(|value| !is_bounded(value))
}

/// How many names an expression holds; letters side by side are one.
fn names_in(expr: &Expr) -> usize {
    match expr {
        Expr::Symbol(_) | Expr::Text(_) => 1,
        Expr::Call(name, inner) if name == "root" => inner.iter().map(names_in).sum(),
        Expr::Call(_, inner) => usize::from(inner.iter().any(|it| names_in(it) > 0 || !has_symbols(it))),
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => names_in(inner),
        Expr::Product(factors) => {
            let letters = factors.iter().any(|it| matches!(it, Expr::Symbol(_)));
            let others = factors.iter().filter(|it| !matches!(it, Expr::Symbol(_)));
            usize::from(letters) + others.map(names_in).sum::<usize>()
        }
        Expr::Sum(terms) => terms.iter().map(names_in).sum(),
        Expr::Quotient(above, below) => names_in(above) + names_in(below),
        Expr::Power(base, exponent) => names_in(base) + names_in(exponent),
        _ => 0,
    }
}
