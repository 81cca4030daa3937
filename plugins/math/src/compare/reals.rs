//! Compares sets of reals: intervals, unions, inequalities, and what is left out of the line.

use dashu_ratio::RBig;

use super::pieces::{End, Piece, Pieces, complement, intersection, line, normal};
use super::relation::{has_symbols, is_name, name_of};
use super::{Comparer, Comparison, solved};
use crate::algebra::{Atom, Budget, Monomial, canonical};
use crate::expr::{Constant, Expr, Interval, NamedSet, Number, Relation};
use crate::numeric::approximate;

impl Comparer<'_> {
    /// Compares sets of reals, when at least one side can be nothing else.
    pub(super) fn compare_reals(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        if !is_certainly_real_set(a) && !is_certainly_real_set(b) {
            return None;
        }
        if matches!(a, Expr::List(_)) && solved::is_echo(a, b) {
            return Some(Comparison::OtherReals);
        }
        let (left, right) = (pieces(a, 0, self.budget), pieces(b, 0, self.budget));
        match (left, right) {
            (Some(left), Some(right)) => Some(self.compare_pieces(&left, &right)),
            _ => self.compare_by_parts(a, b),
        }
    }

    /// The name of the variable of an inequality in one.
    pub(super) fn variable_of(self, relation: &Expr) -> Option<String> {
        let Expr::Relation(sides, _) = relation else { return None };
        let mut named = sides.iter().filter(|side| has_symbols(side));
        let name = named.next()?;
        if named.next().is_some() {
            return None;
        }
        let mut symbols = std::collections::BTreeSet::new();
        super::relation::symbols(name, &mut symbols);
        if symbols.len() == 1 { symbols.pop_first() } else { Some(name_of(name)) }
    }

    fn compare_pieces(self, a: &[Piece], b: &[Piece]) -> Comparison {
        if a.len() != b.len() {
            return Comparison::OtherReals;
        }
        let mut result = Comparison::SameReals;
        for (a, b) in a.iter().zip(b) {
            for (a, b) in [(&a.low, &b.low), (&a.high, &b.high)] {
                match (&a.value, &b.value) {
                    (None, None) => {}
                    (Some(_), Some(_)) if a.closed != b.closed => return Comparison::OtherReals,
                    (Some(a), Some(b)) => match self.compare(a, b).equal() {
                        Some(true) => {}
                        Some(false) => return Comparison::OtherReals,
                        None => result = Comparison::Undecided,
                    },
                    _ => return Comparison::OtherReals,
                }
            }
        }
        result
    }

    /// Sets whose ends cannot be put in order, for they have symbols: part by part.
    fn compare_by_parts(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        match (a, b) {
            (Expr::Interval(a), Expr::Interval(b)) => {
                if (a.low_closed, a.high_closed) != (b.low_closed, b.high_closed) {
                    return Some(Comparison::OtherReals);
                }
                let ends =
                    self.compare_in_order(&[a.low.clone(), a.high.clone()], &[b.low.clone(), b.high.clone()]);
                Some(match ends {
                    Comparison::SameMembers => Comparison::SameReals,
                    Comparison::Undecided => Comparison::Undecided,
                    _ => Comparison::OtherReals,
                })
            }
            (Expr::Union(a), Expr::Union(b)) | (Expr::Intersection(a), Expr::Intersection(b)) => {
                if a.len() != b.len() {
                    return Some(Comparison::OtherReals);
                }
                let mut left: Vec<&Expr> = b.iter().collect();
                for part in a {
                    match left.iter().position(|it| self.compare(part, it).is_same()) {
                        Some(at) => {
                            left.swap_remove(at);
                        }
                        None => return Some(Comparison::OtherReals),
                    }
                }
                Some(Comparison::SameReals)
            }
            (Expr::Difference(a, b), Expr::Difference(c, d)) => {
                let same = self.compare(a, c).is_same() && self.compare(b, d).is_same();
                Some(if same { Comparison::SameReals } else { Comparison::OtherReals })
            }
            (Expr::Relation(..), Expr::Relation(..)) => None,
            (Expr::Relation(..), _) | (_, Expr::Relation(..)) => None,
            (Expr::Tuple(_) | Expr::List(_) | Expr::Set(_), _)
            | (_, Expr::Tuple(_) | Expr::List(_) | Expr::Set(_)) => Some(Comparison::OtherKind),
            _ => Some(Comparison::OtherKind),
        }
    }
}

/// Whether an expression is a set of reals and nothing else.
fn is_certainly_real_set(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) | Expr::Union(_) | Expr::Intersection(_) | Expr::Difference(..) => true,
        Expr::Named(set) => matches!(set, NamedSet::Reals),
        Expr::Relation(_, signs) => signs.iter().all(|sign| {
            sign.is_order()
                || *sign == Relation::NotEqual
                || *sign == Relation::In
                || *sign == Relation::NotIn
        }),
        // `x < 1 or x > 3`, `(-∞, 1) or (3, ∞)`
        Expr::List(members) => {
            members.len() > 1
                && members.iter().all(|it| is_certainly_real_set(it) || is_unbounded_tuple(it))
                && !members.iter().all(is_membership)
        }
        _ => false,
    }
}

/// `x \in S`, which a list of parameters has as well.
fn is_membership(expr: &Expr) -> bool {
    matches!(expr, Expr::Relation(_, signs) if signs.as_slice() == [Relation::In])
}

fn is_unbounded_tuple(expr: &Expr) -> bool {
    matches!(expr, Expr::Tuple(ends) if ends.len() == 2 && ends.iter().any(|end| infinite(end).is_some()))
}

/// -1 or 1 for an infinity of that sign.
fn infinite(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Constant(Constant::Infinity) => Some(f64::INFINITY),
        Expr::Negative(inner) => infinite(inner).map(|it| -it),
        _ => None,
    }
}

fn end(expr: &Expr, closed: bool, budget: &Budget) -> Option<End> {
    if let Some(at) = infinite(expr) {
        return Some(End { value: None, at, closed: false });
    }
    Some(End { value: Some(expr.clone()), at: approximate(expr, budget)?, closed })
}

fn piece(low: &Expr, high: &Expr, low_closed: bool, high_closed: bool, budget: &Budget) -> Option<Pieces> {
    let (low, high) = (end(low, low_closed, budget)?, end(high, high_closed, budget)?);
    if low.at > high.at || low.at == f64::INFINITY || high.at == f64::NEG_INFINITY {
        return None;
    }
    Some(normal(vec![Piece { low, high }]))
}

/// The pieces of a set of reals, in order. `None` when it is none, or when they cannot be put in order.
fn pieces(expr: &Expr, depth: u8, budget: &Budget) -> Option<Pieces> {
    if depth > 8 {
        return None;
    }
    let inner = |expr: &Expr| pieces(expr, depth + 1, budget);
    match expr {
        Expr::Interval(interval) => {
            let Interval { low, high, low_closed, high_closed } = &**interval;
            piece(low, high, *low_closed, *high_closed, budget)
        }
        Expr::Tuple(ends) => match ends.as_slice() {
            // A pair that is not in order is a point of the plane.
            [low, high] => piece(low, high, false, false, budget).filter(|pieces| !pieces.is_empty()),
            _ => None,
        },
        Expr::Set(points) => {
            let mut all = Vec::new();
            for point in points {
                let at = end(point, true, budget).filter(|end| end.value.is_some())?;
                all.push(Piece { low: at.clone(), high: at });
            }
            Some(normal(all))
        }
        Expr::Named(NamedSet::Reals) => Some(line()),
        Expr::Named(NamedSet::Empty) => Some(Vec::new()),
        Expr::Union(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(inner(part)?);
            }
            Some(normal(all))
        }
        Expr::Intersection(parts) => {
            let mut all = line();
            for part in parts {
                all = intersection(&all, &inner(part)?);
            }
            Some(all)
        }
        Expr::Difference(left, right) => Some(intersection(&inner(left)?, &complement(&inner(right)?))),
        Expr::Relation(sides, signs) => solution(sides, signs, depth, budget),
        Expr::List(parts) => joined(parts, depth, budget),
        _ => None,
    }
}

/// Inequalities side by side: all of them hold where they bound from both sides or leave out, else any of them.
fn joined(parts: &[Expr], depth: u8, budget: &Budget) -> Option<Pieces> {
    let mut solutions = Vec::new();
    for part in parts {
        solutions.push(pieces(part, depth + 1, budget)?);
    }
    let leaves_out = |part: &Expr| matches!(part, Expr::Relation(_, signs) if signs.contains(&Relation::NotEqual) || signs.contains(&Relation::NotIn));
    let mut any: Pieces = Vec::new();
    for (part, solution) in parts.iter().zip(&solutions) {
        if !leaves_out(part) {
            any.extend(solution.iter().cloned());
        }
    }
    let before = any.len();
    let any = normal(any);
    // Intervals in a list are a union only where that loses none of them.
    if any.len() < before && !parts.iter().any(|it| matches!(it, Expr::Relation(..))) {
        return None;
    }
    let covers_all =
        any.len() == 1 && any[0].low.value.is_none() && any[0].high.value.is_none() && parts.len() > 1;
    let mut result =
        if covers_all && parts.iter().all(|it| matches!(it, Expr::Relation(..))) || any.is_empty() {
            line()
        } else {
            any.clone()
        };
    let everything = result.len() == 1 && result[0].low.value.is_none() && result[0].high.value.is_none();
    for (part, solution) in parts.iter().zip(&solutions) {
        if leaves_out(part) || everything && covers_all {
            result = intersection(&result, solution);
        }
    }
    Some(result)
}

/// Where an inequality or a chain of them holds: in one variable by its name, or linear in it.
fn solution(sides: &[Expr], signs: &[Relation], depth: u8, budget: &Budget) -> Option<Pieces> {
    let mut result = line();
    for (pair, sign) in sides.windows(2).zip(signs) {
        let [left, right] = pair else { return None };
        let part = match (is_variable(left), is_variable(right)) {
            (true, false) => half_line(left, *sign, right, depth, budget)?,
            (false, true) => half_line(right, sign.flipped(), left, depth, budget)?,
            _ => match (left, right) {
                (Expr::Call(name, inner), bound) if name == "abs" && inner.len() == 1 => {
                    absolute(&inner[0], *sign, bound, budget)?
                }
                (bound, Expr::Call(name, inner)) if name == "abs" && inner.len() == 1 => {
                    absolute(&inner[0], sign.flipped(), bound, budget)?
                }
                _ => polynomial(left, *sign, right, budget)?,
            },
        };
        result = intersection(&result, &part);
    }
    Some(result)
}

fn is_variable(expr: &Expr) -> bool {
    is_name(expr) && (has_symbols(expr) || matches!(expr, Expr::Call(..)))
}

fn half_line(variable: &Expr, sign: Relation, bound: &Expr, depth: u8, budget: &Budget) -> Option<Pieces> {
    if matches!(sign, Relation::In | Relation::NotIn) {
        let set = pieces(bound, depth + 1, budget)?;
        return Some(if sign == Relation::In { set } else { complement(&set) });
    }
    if has_symbols(bound) {
        return None;
    }
    let solution = ray(sign, bound, budget)?;
    match variable {
        // |x| < 2 is -2 < x < 2.
        Expr::Call(name, _) if name == "abs" => {
            let negative = Expr::Negative(Box::new(bound.clone()));
            let mirrored = ray(sign.flipped(), &negative, budget)?;
            Some(match sign {
                Relation::Less | Relation::AtMost | Relation::NotEqual => intersection(&solution, &mirrored),
                _ => normal(solution.into_iter().chain(mirrored).collect()),
            })
        }
        _ => Some(solution),
    }
}

/// `|inner| sign bound` for a linear formula between the bars.
fn absolute(inner: &Expr, sign: Relation, bound: &Expr, budget: &Budget) -> Option<Pieces> {
    if has_symbols(bound) {
        return None;
    }
    let negative = Expr::Negative(Box::new(bound.clone()));
    let (above, below) =
        (linear(inner, sign, bound, budget)?, linear(inner, sign.flipped(), &negative, budget)?);
    Some(match sign {
        Relation::Less | Relation::AtMost | Relation::NotEqual => intersection(&above, &below),
        _ => normal(above.into_iter().chain(below).collect()),
    })
}

fn ray(sign: Relation, bound: &Expr, budget: &Budget) -> Option<Pieces> {
    let infinity = Expr::Constant(Constant::Infinity);
    let minus = Expr::Negative(Box::new(infinity.clone()));
    if infinite(bound).is_some() {
        // x < ∞ says nothing.
        return Some(line());
    }
    match sign {
        Relation::Less => piece(&minus, bound, false, false, budget),
        Relation::AtMost => piece(&minus, bound, false, true, budget),
        Relation::Greater => piece(bound, &infinity, false, false, budget),
        Relation::AtLeast => piece(bound, &infinity, true, false, budget),
        Relation::Equal => piece(bound, bound, true, true, budget),
        Relation::NotEqual => Some(complement(&piece(bound, bound, true, true, budget)?)),
        _ => None,
    }
}

/// `left sign right` where the difference is linear or quadratic in one variable.
fn polynomial(left: &Expr, sign: Relation, right: &Expr, budget: &Budget) -> Option<Pieces> {
    linear(left, sign, right, budget).or_else(|| quadratic(left, sign, right, budget))
}

/// `left sign right` where the difference is `a x² + b x + c` with rational numbers.
fn quadratic(left: &Expr, sign: Relation, right: &Expr, budget: &Budget) -> Option<Pieces> {
    if !sign.is_order() && sign != Relation::NotEqual {
        return None;
    }
    let right = canonical(right, budget).ok()?;
    let difference = canonical(left, budget).ok()?.minus(right, budget).ok()?;
    if !difference.den.is_one() || difference.num.0.len() > 3 {
        return None;
    }
    let mut coefficients = [RBig::ZERO, RBig::ZERO, RBig::ZERO];
    let mut variable = None;
    for (monomial, coefficient) in &difference.num.0 {
        let degree = match monomial.0.as_slice() {
            [] => 0,
            [(atom @ Atom::Symbol(_), exponent)] if variable.is_none_or(|it| it == atom) => {
                variable = Some(atom);
                if exponent.is_one() {
                    1
                } else if *exponent == RBig::from(2) {
                    2
                } else {
                    return None;
                }
            }
            _ => return None,
        };
        coefficients[degree] = coefficient.clone();
    }
    let [c, b, a] = coefficients;
    if a.is_zero() {
        return None;
    }
    // With a positive leading coefficient.
    let (a, b, c, sign) = if a < RBig::ZERO { (-a, -b, -c, sign.flipped()) } else { (a, b, c, sign) };
    let discriminant = &b * &b - RBig::from(4) * &a * &c;
    let inner = if discriminant < RBig::ZERO {
        Vec::new()
    } else {
        let number = |value: RBig| Expr::Number(Number::exact(value));
        let middle = -b / (RBig::from(2) * &a);
        let half = Expr::Quotient(
            Box::new(crate::parse::square_root(number(discriminant))),
            Box::new(number(RBig::from(2) * a)),
        );
        let low = Expr::Sum(vec![number(middle.clone()), Expr::Negative(Box::new(half.clone()))]);
        let high = Expr::Sum(vec![number(middle), half]);
        let closed = matches!(sign, Relation::AtMost | Relation::Greater);
        match sign {
            Relation::NotEqual => {
                let points =
                    [piece(&low, &low, true, true, budget)?, piece(&high, &high, true, true, budget)?];
                normal(points.concat())
            }
            _ => piece(&low, &high, closed, closed, budget)?,
        }
    };
    Some(match sign {
        Relation::Less | Relation::AtMost => inner,
        _ => complement(&inner),
    })
}

/// `left sign right` where the difference is `m x + c` with rational numbers.
fn linear(left: &Expr, sign: Relation, right: &Expr, budget: &Budget) -> Option<Pieces> {
    if !sign.is_order() && sign != Relation::NotEqual {
        return None;
    }
    let left = canonical(left, budget).ok()?;
    let right = canonical(right, budget).ok()?;
    let difference = left.minus(right, budget).ok()?;
    if !difference.den.is_one() || difference.num.0.len() > 2 {
        return None;
    }
    let (mut slope, mut constant) = (None, RBig::ZERO);
    for (monomial, coefficient) in &difference.num.0 {
        match monomial {
            Monomial(atoms) if atoms.is_empty() => constant = coefficient.clone(),
            Monomial(atoms) => match atoms.as_slice() {
                [(Atom::Symbol(_), exponent)] if exponent.is_one() && slope.is_none() => {
                    slope = Some(coefficient.clone())
                }
                _ => return None,
            },
        }
    }
    let slope = slope?;
    let sign = if slope < RBig::ZERO { sign.flipped() } else { sign };
    ray(sign, &Expr::Number(Number::exact(-constant / slope)), budget)
}
