//! Compares matrices, and columns and rows with tuples.

use std::borrow::Cow;

use super::{Comparer, Comparison};
use crate::algebra::{Budget, canonical};
use crate::expr::{Expr, Number};

/// A matrix with more entries than this is not multiplied.
const MOST_ENTRIES: usize = 100;
/// More factors than this are not multiplied, for entries with symbols grow with each.
const MOST_FACTORS: usize = 8;

impl Comparer<'_> {
    /// Compares matrices, when either side is one.
    pub(super) fn compare_matrices(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        match (a, b) {
            (Expr::Matrix(a), Expr::Matrix(b)) => {
                if a.len() != b.len() || a.first().map(Vec::len) != b.first().map(Vec::len) {
                    return Some(Comparison::OtherMatrix);
                }
                Some(self.entries(a.iter().flatten(), b.iter().flatten()))
            }
            (Expr::Matrix(rows), Expr::Tuple(members)) => Some(match line(rows) {
                Some(line) if line.len() == members.len() => self.entries(line.into_iter(), members.iter()),
                _ => Comparison::OtherKind,
            }),
            (Expr::Tuple(members), Expr::Matrix(rows)) => Some(match line(rows) {
                Some(line) if line.len() == members.len() => self.entries(members.iter(), line.into_iter()),
                _ => Comparison::OtherKind,
            }),
            (Expr::Matrix(rows), other) => Some(match rows.as_slice() {
                [row] if row.len() == 1 => self.compare(&row[0], other),
                _ => Comparison::OtherKind,
            }),
            (other, Expr::Matrix(rows)) => Some(match rows.as_slice() {
                [row] if row.len() == 1 => self.compare(other, &row[0]),
                _ => Comparison::OtherKind,
            }),
            _ => None,
        }
    }

    fn entries<'e>(self, a: impl Iterator<Item = &'e Expr>, b: impl Iterator<Item = &'e Expr>) -> Comparison {
        let mut result = Comparison::SameMatrix;
        for (a, b) in a.zip(b) {
            match self.compare(a, b).equal() {
                Some(true) => {}
                Some(false) => return Comparison::OtherMatrix,
                None => result = Comparison::Undecided,
            }
        }
        result
    }
}

/// The entries of a matrix of one row or one column.
fn line(rows: &[Vec<Expr>]) -> Option<Vec<&Expr>> {
    match rows {
        [row] => Some(row.iter().collect()),
        _ if rows.iter().all(|row| row.len() == 1) => Some(rows.iter().flatten().collect()),
        _ => None,
    }
}

/// A formula of matrices as one matrix; anything else as it is. `None` when the dimensions do not fit.
pub(super) fn evaluated<'e>(expr: &'e Expr, budget: &Budget) -> Option<Cow<'e, Expr>> {
    if !is_formula_of_matrices(expr) {
        return Some(Cow::Borrowed(expr));
    }
    evaluate(expr, budget).map(Cow::Owned)
}

fn is_formula_of_matrices(expr: &Expr) -> bool {
    let is = |inner: &Expr| matches!(inner, Expr::Matrix(_)) || is_formula_of_matrices(inner);
    match expr {
        Expr::Negative(inner) => is(inner),
        Expr::Sum(inner) | Expr::Product(inner) => inner.iter().any(is),
        Expr::Quotient(above, _) => is(above),
        Expr::Call(name, arguments) => (name == "transpose" || name == "det") && arguments.iter().any(is),
        _ => false,
    }
}

fn evaluate(expr: &Expr, budget: &Budget) -> Option<Expr> {
    match expr {
        Expr::Negative(inner) => match evaluate(inner, budget)? {
            Expr::Matrix(rows) => Some(scaled(&Expr::integer(-1), &rows)),
            other => Some(Expr::Negative(Box::new(other))),
        },
        Expr::Sum(terms) => {
            let mut sum = evaluate(terms.first()?, budget)?;
            for term in &terms[1..] {
                sum = match (sum, evaluate(term, budget)?) {
                    (Expr::Matrix(a), Expr::Matrix(b)) => Expr::Matrix(added(&a, &b)?),
                    _ => return None,
                };
            }
            Some(sum)
        }
        Expr::Product(factors) => {
            if factors.len() > MOST_FACTORS {
                return None;
            }
            let mut product = evaluate(factors.first()?, budget)?;
            for factor in &factors[1..] {
                product = match (product, evaluate(factor, budget)?) {
                    (Expr::Matrix(a), Expr::Matrix(b)) => Expr::Matrix(multiplied(&a, &b, budget)?),
                    (Expr::Matrix(rows), scalar) | (scalar, Expr::Matrix(rows)) => scaled(&scalar, &rows),
                    (a, b) => Expr::Product(vec![a, b]),
                };
            }
            Some(product)
        }
        Expr::Quotient(above, below) => match evaluate(above, budget)? {
            Expr::Matrix(rows) => {
                let inverse = Expr::Quotient(Box::new(Expr::integer(1)), below.clone());
                Some(scaled(&inverse, &rows))
            }
            _ => Some(expr.clone()),
        },
        Expr::Call(name, arguments) => match (name.as_str(), arguments.as_slice()) {
            ("transpose", [Expr::Matrix(rows)]) => {
                let width = rows.first()?.len();
                let column = |at: usize| rows.iter().map(|row| row[at].clone()).collect();
                Some(Expr::Matrix((0..width).map(column).collect()))
            }
            ("det", [Expr::Matrix(rows)]) => determinant(rows),
            _ => Some(expr.clone()),
        },
        other => Some(other.clone()),
    }
}

fn scaled(scalar: &Expr, rows: &[Vec<Expr>]) -> Expr {
    let times = |entry: &Expr| Expr::Product(vec![scalar.clone(), entry.clone()]);
    Expr::Matrix(rows.iter().map(|row| row.iter().map(times).collect()).collect())
}

fn added(a: &[Vec<Expr>], b: &[Vec<Expr>]) -> Option<Vec<Vec<Expr>>> {
    if a.len() != b.len() || a.first()?.len() != b.first()?.len() {
        return None;
    }
    let sum = |(a, b): (&Expr, &Expr)| Expr::Sum(vec![a.clone(), b.clone()]);
    Some(a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(sum).collect()).collect())
}

fn multiplied(a: &[Vec<Expr>], b: &[Vec<Expr>], budget: &Budget) -> Option<Vec<Vec<Expr>>> {
    let width = b.first()?.len();
    if a.first()?.len() != b.len() || a.len() * width * b.len() > MOST_ENTRIES {
        return None;
    }
    let entry = |row: &[Expr], column: usize| {
        let terms =
            row.iter().zip(b).map(|(left, right)| Expr::Product(vec![left.clone(), right[column].clone()]));
        settled(Expr::Sum(terms.collect()), budget)
    };
    Some(a.iter().map(|row| (0..width).map(|column| entry(row, column)).collect()).collect())
}

/// A sum that is a number as that number, so that products of products do not grow.
fn settled(expr: Expr, budget: &Budget) -> Expr {
    match canonical(&expr, budget).ok().and_then(|value| value.as_rational()) {
        Some(value) => Expr::Number(Number::exact(value)),
        None => expr,
    }
}

fn determinant(rows: &[Vec<Expr>]) -> Option<Expr> {
    match rows {
        [a] if a.len() == 1 => Some(a[0].clone()),
        [a, b] if a.len() == 2 => {
            let times = |x: &Expr, y: &Expr| Expr::Product(vec![x.clone(), y.clone()]);
            Some(Expr::Sum(vec![times(&a[0], &b[1]), Expr::Negative(Box::new(times(&a[1], &b[0])))]))
        }
        [first, rest @ ..] if first.len() == rows.len() && rows.len() <= 4 => {
            let mut terms = Vec::new();
            for (at, entry) in first.iter().enumerate() {
                let without = |row: &Vec<Expr>| {
                    let kept = row.iter().enumerate().filter(|(column, _)| *column != at);
                    kept.map(|(_, entry)| entry.clone()).collect()
                };
                let minor: Vec<Vec<Expr>> = rest.iter().map(without).collect();
                let term = Expr::Product(vec![entry.clone(), determinant(&minor)?]);
                terms.push(if at % 2 == 0 { term } else { Expr::Negative(Box::new(term)) });
            }
            Some(Expr::Sum(terms))
        }
        _ => None,
    }
}
