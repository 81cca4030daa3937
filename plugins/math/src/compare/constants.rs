//! Free constants: `x^2 + C` is `x^2 + K`, and `Ce^x` is `Ae^x`.

use std::collections::BTreeSet;

use super::relation::symbols;
use crate::algebra::substitute;
use crate::expr::{Constant, Expr};

/// `b` with its free constants called as in `a`; every way to do so. Empty when there is nothing to rename.
pub(super) fn renamed(a: &Expr, b: &Expr) -> Vec<Expr> {
    let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
    symbols(a, &mut left);
    symbols(b, &mut right);
    let own = |all: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
        all.difference(other).cloned().collect()
    };
    let (from, to) = (own(&right, &left), own(&left, &right));
    // There is a variable that the constants are constant in.
    let variable = |name: &String| matches!(name.as_str(), "x" | "y" | "z" | "t" | "u" | "s" | "r" | "theta");
    let shared = left.intersection(&right).filter(|it| variable(it)).count();
    if from.len() != to.len() || from.is_empty() || from.len() > 2 || shared == 0 {
        return Vec::new();
    }
    let free = |names: &[String], expr: &Expr| {
        // Beside a constant that is a term of its own, the other may have any function of the variable as its factor.
        let is_pair = names.len() == 2;
        let is_general = is_pair && names.iter().any(|name| is_free(name, expr));
        names.iter().all(|name| {
            (is_letter(name) || is_pair && matches!(name.as_str(), "a" | "b"))
                && (is_free(name, expr) || is_general && is_factor(name, expr))
        })
    };
    // One of the two must be called as constants of integration are; the second of two is often D.
    let usual = |names: &[String]| {
        names.iter().any(|it| it.starts_with(['C', 'c', 'K']))
            && names.iter().all(|it| it.starts_with(['C', 'c', 'K', 'D']))
    };
    if !free(&from, b) || !free(&to, a) || !(usual(&from) || usual(&to)) {
        return Vec::new();
    }
    let with = |order: &[&String]| {
        // Through names that occur nowhere, so that a swap is one.
        let apart = from.iter().enumerate().fold(b.clone(), |expr, (at, name)| {
            substitute(&expr, name, &Expr::Symbol(format!("constant {at}")))
        });
        order.iter().enumerate().fold(apart, |expr, (at, name)| {
            substitute(&expr, &format!("constant {at}"), &Expr::Symbol((*name).clone()))
        })
    };
    match to.as_slice() {
        [one] => vec![with(&[one])],
        [one, two] => vec![with(&[one, two]), with(&[two, one])],
        _ => Vec::new(),
    }
}

/// Two antiderivatives without their constants: sums with a constant of integration each, which is a term of its own and
/// occurs nowhere else. What is left may differ by a constant: `\frac{(x+1)^2}{2} + C` is `\frac{x^2}{2} + x + C`.
pub(super) fn antiderivatives(a: &Expr, b: &Expr) -> Option<(Expr, Expr)> {
    let (left, right) = (without_constant(a)?, without_constant(b)?);
    let (mut names, mut others) = (BTreeSet::new(), BTreeSet::new());
    symbols(&left, &mut names);
    symbols(&right, &mut others);
    let is_one = names == others && names.len() == 1;
    is_one.then_some((left, right))
}

/// A sum without its constant of integration.
fn without_constant(expr: &Expr) -> Option<Expr> {
    let Expr::Sum(terms) = expr else { return None };
    let is_constant = |term: &Expr| matches!(term, Expr::Symbol(name) if name.starts_with(['C', 'c', 'K', 'k']) && is_letter(name));
    let at = terms.iter().position(is_constant)?;
    let mut rest = terms.clone();
    let constant = rest.remove(at);
    let rest = if rest.len() == 1 { rest.remove(0) } else { Expr::Sum(rest) };
    let mut names = BTreeSet::new();
    symbols(&rest, &mut names);
    let is_elsewhere = matches!(&constant, Expr::Symbol(name) if names.contains(name));
    (!is_elsewhere).then_some(rest)
}

/// Whether a constant may be called so.
fn is_letter(name: &str) -> bool {
    let letter = name.split('_').next().unwrap_or_default();
    matches!(letter, "A" | "B" | "C" | "D" | "K" | "c" | "k") && name.len() <= letter.len() + 4
        || matches!(name, "constant" | "const")
}

/// Whether `name` is a term of its own, or a factor of a term with an exponential or a trigonometric function.
fn is_free(name: &str, expr: &Expr) -> bool {
    match expr {
        Expr::Symbol(symbol) => symbol == name,
        Expr::Negative(inner) => is_free(name, inner),
        Expr::Sum(terms) => terms.iter().any(|term| is_free(name, term)),
        Expr::Product(factors) => {
            factors.iter().any(|it| is_free(name, it)) && factors.iter().any(is_transcendental)
        }
        _ => false,
    }
}

/// Whether `name` is a factor of a term.
fn is_factor(name: &str, expr: &Expr) -> bool {
    match expr {
        Expr::Symbol(symbol) => symbol == name,
        Expr::Negative(inner) => is_factor(name, inner),
        Expr::Sum(parts) | Expr::Product(parts) => parts.iter().any(|part| is_factor(name, part)),
        Expr::Quotient(above, _) => is_factor(name, above),
        _ => false,
    }
}

fn is_transcendental(expr: &Expr) -> bool {
    match expr {
        Expr::Power(base, exponent) => {
            matches!(**base, Expr::Constant(Constant::E)) && super::relation::has_symbols(exponent)
        }
        Expr::Call(name, _) => matches!(name.as_str(), "exp" | "sin" | "cos" | "sinh" | "cosh" | "ln"),
        _ => false,
    }
}
