//! Compares equations, inequalities and assignments; an assignment with its value.

use std::collections::BTreeSet;

use dashu_ratio::RBig;

use super::{Comparer, Comparison, solved};
use crate::algebra::{Budget, Fraction, Poly, canonical, substitute};
use crate::expr::{Constant, Expr, Relation};
use crate::numeric::{Agreement, agree};

impl Comparer<'_> {
    /// Compares relations, when either side is one.
    pub(super) fn compare_relations(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        match (a, b) {
            (Expr::Relation(..), Expr::Relation(..)) => {
                Some(self.compare_two(&settled(a, self), &settled(b, self)))
            }
            (Expr::Relation(..), other)
                if assigned(&settled(a, self), self).is_none() && solved::is_echo(a, other) =>
            {
                Some(Comparison::OtherReals)
            }
            (Expr::Relation(..), other) => {
                Some(self.compare_one(&settled(a, self), other, |value, other| self.compare(value, other)))
            }
            (other, Expr::Relation(..)) => {
                Some(self.compare_one(&settled(b, self), other, |value, other| self.compare(other, value)))
            }
            _ => None,
        }
    }

    /// A relation with something that is none.
    fn compare_one(
        self,
        relation: &Expr,
        other: &Expr,
        compare: impl Fn(&Expr, &Expr) -> Comparison,
    ) -> Comparison {
        if !matches!(relation, Expr::Relation(..)) {
            return compare(relation, other);
        }
        if let Some((_, value)) = assigned(relation, self) {
            return compare(&value, other);
        }
        if let Some(comparison) = self.compare_reals(relation, other) {
            return comparison;
        }
        Comparison::OtherKind
    }

    fn compare_two(self, a: &Expr, b: &Expr) -> Comparison {
        let (Expr::Relation(left, left_signs), Expr::Relation(right, right_signs)) = (a, b) else {
            return self.compare(a, b);
        };
        if let (Some((name, value)), Some((other_name, other_value))) = (assigned(a, self), assigned(b, self))
            && let Some(comparison) = self.compare_assignments((&name, &value), (&other_name, &other_value))
        {
            return comparison;
        }
        if solved::is_echo(a, b) {
            return Comparison::OtherRelation;
        }
        if let (Some(a_reals), Some(b_reals)) = (self.variable_of(a), self.variable_of(b))
            && a_reals == b_reals
            && let Some(comparison) = self.compare_reals(a, b)
        {
            return comparison;
        }
        if self.same_sides(left, left_signs, right, right_signs) {
            return Comparison::SameRelation;
        }
        if let ([l0, l1], [r0, r1], [l_sign], [r_sign]) =
            (left.as_slice(), right.as_slice(), left_signs.as_slice(), right_signs.as_slice())
        {
            return self.compare_as_polynomials((l0, l1, *l_sign), (r0, r1, *r_sign));
        }
        Comparison::OtherRelation
    }

    /// Two assignments. `None` when they may be the same as equations.
    fn compare_assignments(
        self,
        (name, value): (&Expr, &Expr),
        (other_name, other_value): (&Expr, &Expr),
    ) -> Option<Comparison> {
        if let (Expr::Call(_, parameters), Expr::Call(_, other_parameters)) = (name, other_name)
            && name_of(name) == name_of(other_name)
            && parameters.len() == other_parameters.len()
        {
            // f(x) = x + 1 is f(t) = t + 1.
            let mut renamed = other_value.clone();
            for (from, to) in other_parameters.iter().zip(parameters) {
                match (from, to) {
                    (Expr::Symbol(from), to @ Expr::Symbol(_)) => renamed = substitute(&renamed, from, to),
                    _ if self.compare(from, to).is_same() => {}
                    _ => return Some(Comparison::OtherRelation),
                }
            }
            let comparison = self.compare(value, &renamed);
            return Some(if comparison.is_same() { Comparison::SameRelation } else { comparison });
        }
        if let (Expr::Call(..), Expr::Call(..)) = (name, other_name)
            && name_of(name) != name_of(other_name)
        {
            return Some(Comparison::OtherRelation);
        }
        let same_name = match (name, other_name) {
            (Expr::Call(_, parameters), Expr::Symbol(symbol))
            | (Expr::Symbol(symbol), Expr::Call(_, parameters)) => symbol == "y" && parameters.len() == 1,
            _ => name_of(name) == name_of(other_name),
        };
        let comparison = self.compare(value, other_value);
        match (same_name, comparison.equal()) {
            (true, Some(true)) => Some(Comparison::SameRelation),
            (true, None) => Some(Comparison::Undecided),
            // y = 2x and x = y/2 are the same equation.
            _ => None,
        }
    }

    /// The same sides in the same order, or all the other way round.
    fn same_sides(self, a: &[Expr], a_signs: &[Relation], b: &[Expr], b_signs: &[Relation]) -> bool {
        if a.len() != b.len() {
            return false;
        }
        let straight = a_signs == b_signs && a.iter().zip(b).all(|(a, b)| self.compare(a, b).is_same());
        straight
            || a_signs.iter().zip(b_signs.iter().rev()).all(|(a, b)| *a == b.flipped())
                && !a_signs
                    .iter()
                    .any(|sign| matches!(sign, Relation::In | Relation::NotIn | Relation::Arrow))
                && a.iter().zip(b.iter().rev()).all(|(a, b)| self.compare(a, b).is_same())
    }

    /// `a = b` is `c = d` when `a - b` is a multiple of `c - d`; for inequalities, a positive one.
    fn compare_as_polynomials(self, a: (&Expr, &Expr, Relation), b: (&Expr, &Expr, Relation)) -> Comparison {
        let (a_difference, a_sign) = difference(a);
        let (b_difference, b_sign) = difference(b);
        let comparable =
            matches!(a_sign, Relation::Equal | Relation::NotEqual | Relation::Less | Relation::AtMost);
        if a_sign != b_sign || !comparable {
            return Comparison::OtherRelation;
        }
        let values = (canonical(&a_difference, self.budget), canonical(&b_difference, self.budget));
        let (Ok(p), Ok(q)) = values else { return Comparison::OtherRelation };
        // What holds for everything is not the same for all that: `1 + 1 = 2` is not `3 + 3 = 6`.
        if p.num.is_zero() || q.num.is_zero() || !p.has_symbols() || !q.has_symbols() {
            return Comparison::OtherRelation;
        }
        if let Some(factor) = ratio(&p, &q, self.budget) {
            let fits = !a_sign.is_order() || factor > RBig::ZERO;
            return if fits { Comparison::SameRelation } else { Comparison::OtherRelation };
        }
        if p.num.is_transparent()
            && q.num.is_transparent()
            && rational_coefficients(&p)
            && rational_coefficients(&q)
        {
            return Comparison::OtherRelation;
        }
        if a_sign.is_order() {
            return if agree(&a_difference, &b_difference, self.budget) == Agreement::Agree(5) {
                Comparison::SameRelation
            } else {
                Comparison::OtherRelation
            };
        }
        // What holds everywhere is no equation to be compared by its solutions.
        let zero = Expr::integer(0);
        let identity = |it: &Expr| matches!(agree(it, &zero, self.budget), Agreement::Agree(_));
        if identity(&a_difference) || identity(&b_difference) {
            return Comparison::OtherRelation;
        }
        // p(x) q(y) = q(x) p(y) for all x and y.
        let (p_other, q_other) = (primed(&a_difference), primed(&b_difference));
        let left = Expr::Product(vec![a_difference, q_other]);
        let right = Expr::Product(vec![b_difference, p_other]);
        match agree(&left, &right, self.budget) {
            Agreement::Agree(_) => Comparison::SameRelation,
            Agreement::Differ => Comparison::OtherRelation,
            Agreement::Unknown => Comparison::Undecided,
        }
    }
}

/// `left - right`, with `<` and `≤` for the orders.
fn difference((left, right, sign): (&Expr, &Expr, Relation)) -> (Expr, Relation) {
    let minus = |a: &Expr, b: &Expr| Expr::Sum(vec![a.clone(), Expr::Negative(Box::new(b.clone()))]);
    match sign {
        Relation::Greater | Relation::AtLeast => (minus(right, left), sign.flipped()),
        _ => (minus(left, right), sign),
    }
}

/// The rational that `p` is `q` times, over denominators that do not matter for being zero.
fn ratio(p: &Fraction, q: &Fraction, budget: &Budget) -> Option<RBig> {
    let (left, right): (Poly, Poly) = if p.den == q.den {
        (p.num.clone(), q.num.clone())
    } else {
        let difference = (
            p.cross_difference(&Fraction::rational(RBig::ZERO), budget),
            q.cross_difference(&Fraction::rational(RBig::ZERO), budget),
        );
        (difference.0.ok()?, difference.1.ok()?)
    };
    let (left, right) = (left.without_negative_powers(budget)?, right.without_negative_powers(budget)?);
    let (monomial, coefficient) = left.0.first_key_value()?;
    let factor = coefficient / right.0.get(monomial)?;
    let scaled = Fraction::rational(factor.clone()).times(&right.into(), budget).ok()?;
    (scaled.num == left).then_some(factor)
}

/// Whether multiples of it can only be rational ones: no radical, no π in it.
fn rational_coefficients(fraction: &Fraction) -> bool {
    use crate::algebra::Atom;
    let plain = |poly: &Poly| {
        poly.0.keys().all(|monomial| monomial.0.iter().all(|(atom, _)| matches!(atom, Atom::Symbol(_))))
    };
    plain(&fraction.num) && plain(&fraction.den) && fraction.den.is_one()
}

/// The same formula in other variables.
pub(super) fn primed(expr: &Expr) -> Expr {
    let mut names = BTreeSet::new();
    symbols(expr, &mut names);
    names.into_iter().fold(expr.clone(), |expr, name| {
        let other = Expr::Symbol(format!("{name}''"));
        substitute(&expr, &name, &other)
    })
}

pub(super) fn symbols(expr: &Expr, names: &mut BTreeSet<String>) {
    match expr {
        Expr::Symbol(name) => {
            names.insert(name.clone());
        }
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => symbols(inner, names),
        Expr::Sum(inner)
        | Expr::Product(inner)
        | Expr::Call(_, inner)
        | Expr::Tuple(inner)
        | Expr::Ratio(inner) => {
            inner.iter().for_each(|it| symbols(it, names));
        }
        Expr::Quotient(a, b) | Expr::Power(a, b) | Expr::PlusMinus(a, b) => {
            symbols(a, names);
            symbols(b, names);
        }
        _ => {}
    }
}

pub(super) fn has_symbols(expr: &Expr) -> bool {
    let mut names = BTreeSet::new();
    symbols(expr, &mut names);
    !names.is_empty()
}

/// A relation without what stands behind `≈`, and a chain of equations as its last one.
fn settled(expr: &Expr, comparer: Comparer<'_>) -> Expr {
    let Expr::Relation(sides, signs) = expr else { return expr.clone() };
    let mut sides = sides.clone();
    let mut signs = signs.clone();
    if let Some(at) = signs.iter().position(|sign| *sign == Relation::About) {
        // `x ≈ 11` says 11, but `1/3 ≈ 0.33` and `x = 1/3 ≈ 0.33` say 1/3.
        let value_first = at > 0 || !is_name(&sides[0]);
        if value_first && comparer.contradict(&sides[at], &sides[at + 1]) {
            return expr.clone();
        }
        let kept = if value_first { at } else { at + 1 };
        sides.truncate(kept + 1);
        signs.truncate(kept);
        for sign in &mut signs {
            if *sign == Relation::About {
                *sign = Relation::Equal;
            }
        }
    }
    if sides.len() == 1 {
        return sides.remove(0);
    }
    Expr::Relation(sides, signs)
}

/// The name and the value of an assignment: `x = 5`, `f(x) = 2x`, `AB = 3`, `x = 1 + 2 = 3`, `x \in S`.
pub(super) fn assigned(expr: &Expr, comparer: Comparer<'_>) -> Option<(Expr, Expr)> {
    assignment(expr, comparer).filter(|(name, value)| !solved::is_beyond(name, value, comparer.budget))
}

fn assignment(expr: &Expr, comparer: Comparer<'_>) -> Option<(Expr, Expr)> {
    let settled = settled(expr, comparer);
    let Expr::Relation(sides, signs) = &settled else { return None };
    let (first, last) = (sides.first()?, sides.last()?);
    if let [Relation::In] = signs.as_slice() {
        return is_name(first).then(|| (first.clone(), last.clone()));
    }
    if signs.iter().any(|sign| *sign != Relation::Equal) {
        return None;
    }
    if is_name(first) && !mentions(last, first) {
        if sides[1..sides.len() - 1].iter().any(|side| comparer.contradict(side, last)) {
            return None;
        }
        return Some((first.clone(), last.clone()));
    }
    if let [asked, value] = sides.as_slice()
        && !solved::alters_a_name(asked)
        && !has_symbols(value)
        && !is_zero(value)
        && is_of_names(asked)
        && !is_of_names(value)
    {
        return Some((asked.clone(), value.clone()));
    }
    let constants = sides.iter().filter(|side| !has_symbols(side)).count();
    if constants == sides.len() {
        // `3 + 4 = 7` says 7; `6 = 7` says nothing.
        let holds = sides[..sides.len() - 1].iter().all(|side| match (side, last) {
            (Expr::Quantity(..), Expr::Quantity(..)) => comparer.compare(side, last).is_same(),
            _ => matches!(agree(side, last, comparer.budget), Agreement::Agree(_)),
        });
        return holds.then(|| (first.clone(), last.clone()));
    }
    if !has_symbols(last) && sides.iter().all(|side| is_name(side) || !has_symbols(side)) {
        let name = sides.iter().find(|side| is_name(side))?;
        return Some((name.clone(), last.clone()));
    }
    // What is equal to zero is an equation.
    if let ([asked, value], false) = (sides.as_slice(), has_symbols(last) || is_zero(last))
        && is_asked(asked)
    {
        return Some((asked.clone(), value.clone()));
    }
    if sides.len() == 2 && is_name(last) && !has_symbols(first) {
        return Some((last.clone(), first.clone()));
    }
    None
}

fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Number(number) if number.value.is_zero())
}

/// Whether the symbol `name` occurs in `expr`.
fn mentions(expr: &Expr, name: &Expr) -> bool {
    let Expr::Symbol(name) = name else { return false };
    let mut names = BTreeSet::new();
    symbols(expr, &mut names);
    names.contains(name)
}

/// Whether something is only a name for what is asked for.
pub(super) fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Symbol(_) => true,
        // `not = 5`, `less than = 5`
        Expr::Text(words) => !words.split(' ').any(|word| {
            matches!(word, "not" | "never" | "isn't" | "wrong" | "except" | "cannot" | "than" | "at" | "up")
        }),
        Expr::Call(function, arguments) => match function.as_str() {
            "abs" | "norm" | "sin" | "cos" | "tan" | "det" | "Re" | "Im" | "arg" => {
                arguments.iter().all(is_name)
            }
            "root" | "ln" | "log" | "exp" | "factorial" | "binom" | "sum" | "prod" | "int" | "lim"
            | "floor" | "ceil" | "mod" | "pmod" | "gcd" | "lcm" | "max" | "min" => false,
            _ => true,
        },
        Expr::Product(factors) => {
            factors.iter().all(|it| is_name(it) || matches!(it, Expr::Constant(Constant::E | Constant::I)))
                && factors.iter().any(is_name)
        }
        Expr::Quotient(above, below) => is_name(above) && is_name(below),
        Expr::Ratio(parts) | Expr::Tuple(parts) => parts.iter().all(is_name),
        Expr::Matrix(rows) => rows.iter().flatten().all(is_name),
        // `m + n = 27` names a sum; `x + y = 27` is a line.
        Expr::Sum(terms) => terms
            .iter()
            .all(|term| matches!(term, Expr::Symbol(name) if !matches!(name.as_str(), "x" | "y" | "z"))),
        _ => false,
    }
}

/// Whether something is an expression whose value is asked for, and no equation to be solved: `|p-q| + |r-s|`, `A/\pi`,
/// `f(2) + f(3)`, `|z|^2`. It has several letters, none of which is an unknown, or what is no unknown beside one.
fn is_asked(expr: &Expr) -> bool {
    let mut names = BTreeSet::new();
    symbols(expr, &mut names);
    let unknown = names.iter().any(|name| matches!(name.as_str(), "x" | "y" | "z" | "t"));
    let is_altered = !is_over_pi(expr) && solved::alters_a_name(expr);
    !is_altered
        && (!unknown && (names.len() > 1 || names.len() == 1 && is_over_pi(expr)) || is_of_names(expr))
}

/// Whether an expression is made of numbers and names such as `f(2)`, `|z|`, `\sin 2\theta`, with a call among them.
fn is_of_names(expr: &Expr) -> bool {
    fn is_angle(expr: &Expr) -> bool {
        let mut names = BTreeSet::new();
        symbols(expr, &mut names);
        !names.is_empty() && !names.iter().any(|name| matches!(name.as_str(), "x" | "y" | "z" | "t"))
    }
    fn is(expr: &Expr) -> Option<bool> {
        let all = |parts: &[Expr]| parts.iter().try_fold(false, |called, part| Some(is(part)? || called));
        match expr {
            Expr::Number(_) | Expr::Constant(_) => Some(false),
            Expr::Call(name, arguments) => match name.as_str() {
                "sin" | "cos" | "tan" | "cot" | "sec" | "csc" => {
                    arguments.iter().all(is_angle).then_some(true)
                }
                _ => is_name(expr).then_some(true),
            },
            Expr::Negative(inner) => is(inner),
            Expr::Sum(parts) | Expr::Product(parts) => all(parts),
            Expr::Quotient(above, below) => Some(is(above)? | is(below)?),
            Expr::Power(base, exponent) => match **exponent {
                Expr::Number(_) => is(base),
                _ => None,
            },
            _ => None,
        }
    }
    is(expr) == Some(true)
}

fn is_over_pi(expr: &Expr) -> bool {
    matches!(expr, Expr::Quotient(above, below)
        if matches!(**above, Expr::Symbol(_)) && matches!(**below, Expr::Constant(Constant::Pi)))
}

/// A name in one spelling, arguments apart.
pub(super) fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Symbol(name) | Expr::Text(name) => name.clone(),
        Expr::Call(function, _) => function.clone(),
        other => format!("{other:?}"),
    }
}
