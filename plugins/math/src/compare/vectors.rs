//! Compares vectors in unit vectors, `3\mathbf{i} + 2\mathbf{j}`, with tuples and columns.

use super::{Comparer, Comparison};
use crate::expr::{Constant, Expr};

impl Comparer<'_> {
    /// Compares a sum of unit vectors with a tuple, a column or another such sum. `None` when neither is one.
    pub(super) fn compare_vectors(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        let is_list = |expr: &Expr| matches!(expr, Expr::Tuple(_) | Expr::Matrix(_));
        let (a_list, b_list) = (is_list(a), is_list(b));
        if a_list == b_list && (a_list || has_unit_vectors(a, 0) == has_unit_vectors(b, 0)) {
            return None;
        }
        let (a, b) = (self.coordinates(a)?, self.coordinates(b)?);
        let same_length = a.len().max(b.len());
        let filled = |mut all: Vec<Expr>| {
            all.resize(same_length.max(all.len()), Expr::integer(0));
            all
        };
        // A vector of the plane has no third coordinate; a tuple of two is no vector of space.
        if (a_list && a.len() < b.len()) || (b_list && b.len() < a.len()) {
            return Some(Comparison::OtherMembers);
        }
        Some(self.compare_in_order(&filled(a), &filled(b)))
    }

    /// The coordinates of a vector.
    fn coordinates(self, expr: &Expr) -> Option<Vec<Expr>> {
        match expr {
            Expr::Tuple(members) => Some(members.clone()),
            Expr::Matrix(rows) if rows.iter().all(|row| row.len() == 1) || rows.len() == 1 => {
                Some(rows.iter().flatten().cloned().collect())
            }
            _ => {
                // `2j` alone is no vector, unless it is written as one.
                if !matches!(expr, Expr::Sum(_)) && !has_unit_vectors(expr, 0) {
                    return None;
                }
                let mut all = [const { Vec::new() }; 3];
                collect(expr, false, &mut all)?;
                let used = if all[2].is_empty() { 2 } else { 3 };
                let coordinates = all.into_iter().take(used).map(|mut terms| match terms.len() {
                    0 => Expr::integer(0),
                    1 => terms.remove(0),
                    _ => Expr::Sum(terms),
                });
                Some(coordinates.collect())
            }
        }
    }
}

/// Sorts the terms of a sum by their unit vector. `None` when one has none, or several.
fn collect(expr: &Expr, negative: bool, all: &mut [Vec<Expr>; 3]) -> Option<()> {
    match expr {
        Expr::Sum(terms) => terms.iter().try_for_each(|term| collect(term, negative, all)),
        Expr::Negative(inner) => collect(inner, !negative, all),
        other => {
            let factors = match other {
                Expr::Product(factors) => factors.as_slice(),
                single => std::slice::from_ref(single),
            };
            let mut axes = factors.iter().enumerate().filter_map(|(at, it)| Some((at, axis(it)?)));
            let ((at, axis), None) = (axes.next()?, axes.next()) else { return None };
            let mut rest: Vec<Expr> = factors.to_vec();
            rest.remove(at);
            let value = match rest.len() {
                0 => Expr::integer(1),
                1 => rest.remove(0),
                _ => Expr::Product(rest),
            };
            all[axis].push(if negative { Expr::Negative(Box::new(value)) } else { value });
            Some(())
        }
    }
}

/// The number of the axis along which a unit vector points.
fn axis(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Constant(Constant::I) => Some(0),
        Expr::Symbol(name) => match name.as_str() {
            "unit i" => Some(0),
            "j" | "unit j" => Some(1),
            "k" | "unit k" => Some(2),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a unit vector is written as one, in bold or with a hat.
fn has_unit_vectors(expr: &Expr, depth: u8) -> bool {
    match expr {
        Expr::Symbol(name) => name.starts_with("unit "),
        Expr::Negative(inner) => depth < 4 && has_unit_vectors(inner, depth + 1),
        Expr::Sum(inner) | Expr::Product(inner) => {
            depth < 4 && inner.iter().any(|it| has_unit_vectors(it, depth + 1))
        }
        _ => false,
    }
}
