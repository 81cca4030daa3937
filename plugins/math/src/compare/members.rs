//! Compares lists, sets and tuples, and what `±` stands for.

use dashu_ratio::RBig;

use super::{Comparer, Comparison, ListRule, parameters, relation};
use crate::expr::{Expr, Number};
use crate::numeric::Rough;
use crate::units::Units;

/// More members than this are not put into correspondence.
const MOST_MEMBERS: usize = 200;

/// A collection and how its members count.
struct Collection {
    members: Vec<Expr>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Order counts.
    Tuple,
    /// Neither order nor repetition counts.
    Set,
    /// Order counts only if the rules say so, or beside a tuple.
    List,
}

impl Comparer<'_> {
    /// Compares members, when either side has any.
    pub(super) fn compare_members(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        if let Some(comparison) = self.compare_families(a, b) {
            return Some(comparison);
        }
        let (left, right) = (collection(a), collection(b));
        match (left, right) {
            (None, None) => None,
            (Some(left), Some(right)) => Some(self.compare_collections(left, right)),
            (Some(collection), None) => {
                Some(self.compare_single(&collection, b, |one, other| self.compare(one, other)))
            }
            (None, Some(collection)) => {
                Some(self.compare_single(&collection, a, |one, other| self.compare(other, one)))
            }
        }
    }

    /// A collection and a single value: `{3}` is 3.
    fn compare_single(
        self,
        collection: &Collection,
        other: &Expr,
        compare: impl Fn(&Expr, &Expr) -> Comparison,
    ) -> Comparison {
        match (collection.members.as_slice(), collection.kind) {
            ([member], _) => compare(member, other),
            (_, Kind::Tuple) if matches!(other, Expr::Matrix(_)) => self
                .compare_matrices(&Expr::Tuple(collection.members.clone()), other)
                .unwrap_or(Comparison::OtherKind),
            (members, Kind::List) => match one_quantity(members) {
                Some(quantity) => compare(&quantity, other),
                None => Comparison::OtherKind,
            },
            // No value has several members otherwise.
            _ => Comparison::OtherKind,
        }
    }

    fn compare_collections(self, a: Collection, b: Collection) -> Comparison {
        let ordered = match (a.kind, b.kind) {
            (Kind::Tuple, Kind::Set) | (Kind::Set, Kind::Tuple) => return self.single_members(&a, &b),
            (Kind::Tuple, _) | (_, Kind::Tuple) => true,
            (Kind::List, Kind::List) => self.rules.lists == ListRule::Ordered,
            _ => false,
        };
        if a.members.len() > MOST_MEMBERS || b.members.len() > MOST_MEMBERS {
            return Comparison::Undecided;
        }
        // `Minimum: 9, Maximum: 2` has them the wrong way round.
        if self.are_reversed(&a.members) || self.are_reversed(&b.members) {
            return Comparison::OtherMembers;
        }
        // `x = 1 or x = 2` are two values of one thing, and no pair.
        if (a.kind == Kind::Tuple && self.has_one_name(&b.members))
            || (b.kind == Kind::Tuple && self.has_one_name(&a.members))
        {
            return Comparison::OtherKind;
        }
        // `a = 2, b = 3` gives the values an order.
        let ordered = ordered || self.has_names(&a.members) != self.has_names(&b.members);
        let (left, right) = self.named_alike(a.members, b.members);
        let left = if a.kind == Kind::Set { self.without_repetition(left) } else { left };
        let right = if b.kind == Kind::Set { self.without_repetition(right) } else { right };
        if left.len() != right.len() {
            return Comparison::OtherMembers;
        }
        if ordered { self.compare_in_order(&left, &right) } else { self.compare_in_any_order(&left, &right) }
    }

    /// A set and a tuple are the same only as a single value in brackets.
    fn single_members(self, a: &Collection, b: &Collection) -> Comparison {
        match (a.members.as_slice(), b.members.as_slice()) {
            ([a], [b]) => self.compare(a, b),
            _ => Comparison::OtherKind,
        }
    }

    pub(super) fn compare_in_order(self, a: &[Expr], b: &[Expr]) -> Comparison {
        if a.len() != b.len() {
            return Comparison::OtherMembers;
        }
        let mut result = Comparison::SameMembers;
        for (a, b) in a.iter().zip(b) {
            match self.compare(a, b).equal() {
                Some(true) => {}
                Some(false) => return Comparison::OtherMembers,
                None => result = Comparison::Undecided,
            }
        }
        result
    }

    /// Cases in any order; what holds otherwise may be said or not.
    pub(super) fn compare_cases(self, a: &[Expr], b: &[Expr]) -> Comparison {
        if a.len() != b.len() {
            return Comparison::OtherMembers;
        }
        self.compare_in_any_order(a, b)
    }

    fn compare_in_any_order(self, a: &[Expr], b: &[Expr]) -> Comparison {
        let mut left: Vec<(&Expr, Option<Rough>)> = b.iter().map(|it| (it, Rough::of(it))).collect();
        let mut undecided = false;
        for member in a {
            let mut found = None;
            let size = Rough::of(member);
            for (at, (candidate, other)) in left.iter().enumerate() {
                if Rough::far_apart(size, *other) {
                    continue;
                }
                match self.compare(member, candidate).equal() {
                    Some(true) => {
                        found = Some(at);
                        break;
                    }
                    Some(false) => {}
                    None => undecided = true,
                }
            }
            match found {
                Some(at) => {
                    left.swap_remove(at);
                }
                None if undecided => return Comparison::Undecided,
                None => return Comparison::OtherMembers,
            }
        }
        Comparison::SameMembers
    }

    fn without_repetition(self, members: Vec<Expr>) -> Vec<Expr> {
        let mut kept: Vec<(Expr, Option<Rough>)> = Vec::with_capacity(members.len());
        for member in members {
            let size = Rough::of(&member);
            let again = kept.iter().any(|(it, other)| {
                !Rough::far_apart(size, *other) && (*it == member || self.compare(it, &member).is_same())
            });
            if !again {
                kept.push((member, size));
            }
        }
        kept.into_iter().map(|(member, _)| member).collect()
    }

    /// Families of values with a whole parameter, whatever it is called.
    fn compare_families(self, a: &Expr, b: &Expr) -> Option<Comparison> {
        let (a_plain, b_plain, parameter) = parameters::alike(a, b)?;
        if parameters::same_values(&a_plain, &b_plain, &parameter, self.budget) == Some(true) {
            return Some(Comparison::SameMembers);
        }
        // Nothing was renamed or left out: there is nothing new to compare.
        if a_plain == *a && b_plain == *b {
            return None;
        }
        let comparison = Self { depth: self.depth + 1, ..self }.compare(&a_plain, &b_plain);
        comparison.is_same().then_some(comparison)
    }
}

/// `2 feet and 3 inches` as one quantity: each unit is a part of the one before it, and there is less of it than of one.
fn one_quantity(members: &[Expr]) -> Option<Expr> {
    let (first, rest) = members.split_first()?;
    let Expr::Quantity(value, unit) = first else { return None };
    let (mut sum, mut last) = (vec![(**value).clone()], unit);
    for member in rest {
        let Expr::Quantity(part, smaller) = member else { return None };
        let Units::Convertible(factor) = last.against(smaller) else { return None };
        let Expr::Number(number) = &**part else { return None };
        if factor <= RBig::ONE || number.value >= factor {
            return None;
        }
        for term in &mut sum {
            *term = Expr::Product(vec![term.clone(), Expr::Number(Number::exact(factor.clone()))]);
        }
        sum.push((**part).clone());
        last = smaller;
    }
    Some(Expr::Quantity(Box::new(Expr::Sum(sum)), last.clone()))
}

/// The members of a collection, with `±` spelt out.
fn collection(expr: &Expr) -> Option<Collection> {
    let (members, kind) = match expr {
        // `(\pm 2, 5)` are two points; two signs would leave open how many, unless one is `\mp`.
        Expr::Tuple(members)
            if match members.iter().filter(|it| mentions_both_signs(it, 0)).count() {
                0 => false,
                1 => true,
                _ => members.iter().any(has_turned_sign),
            } =>
        {
            let members = vec![with_sign(expr, true), with_sign(expr, false)];
            return Some(Collection { members, kind: Kind::Set });
        }
        Expr::Tuple(members) => return Some(Collection { members: members.clone(), kind: Kind::Tuple }),
        Expr::Set(members) => (members, Kind::Set),
        Expr::List(members) => (members, Kind::List),
        other => {
            let (plus, minus) = both_signs(other)?;
            return Some(Collection { members: vec![plus, minus], kind: Kind::Set });
        }
    };
    let mut all = Vec::with_capacity(members.len());
    for member in members {
        match both_signs(member) {
            Some((plus, minus)) => all.extend([plus, minus]),
            None => all.push(member.clone()),
        }
    }
    Some(Collection { members: all, kind })
}

/// The two values of a formula with `±` in it.
pub(super) fn both_signs(expr: &Expr) -> Option<(Expr, Expr)> {
    if !mentions_both_signs(expr, 0) {
        return None;
    }
    Some((with_sign(expr, true), with_sign(expr, false)))
}

fn mentions_both_signs(expr: &Expr, depth: u8) -> bool {
    if depth > 40 {
        return false;
    }
    let mentions = |inner: &Expr| mentions_both_signs(inner, depth + 1);
    match expr {
        Expr::PlusMinus(..) => true,
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => mentions(inner),
        Expr::Sum(inner) | Expr::Product(inner) | Expr::Call(_, inner) | Expr::Tuple(inner) => {
            inner.iter().any(mentions)
        }
        Expr::Quotient(a, b) | Expr::Power(a, b) => mentions(a) || mentions(b),
        Expr::Relation(sides, _) => sides.iter().any(mentions),
        _ => false,
    }
}

/// Whether it is written with `∓`, as the parser reads that.
fn has_turned_sign(expr: &Expr) -> bool {
    matches!(expr, Expr::PlusMinus(_, right) if matches!(**right, Expr::Negative(_)))
}

fn with_sign(expr: &Expr, plus: bool) -> Expr {
    let one = |inner: &Expr| Box::new(with_sign(inner, plus));
    let all = |inner: &[Expr]| inner.iter().map(|it| with_sign(it, plus)).collect();
    match expr {
        Expr::PlusMinus(left, right) => {
            let right = with_sign(right, plus);
            Expr::Sum(vec![with_sign(left, plus), if plus { right } else { Expr::Negative(Box::new(right)) }])
        }
        Expr::Negative(inner) => Expr::Negative(one(inner)),
        Expr::Percent(inner) => Expr::Percent(one(inner)),
        Expr::Quantity(inner, unit) => Expr::Quantity(one(inner), unit.clone()),
        Expr::Sum(inner) => Expr::Sum(all(inner)),
        Expr::Product(inner) => Expr::Product(all(inner)),
        Expr::Tuple(inner) => Expr::Tuple(all(inner)),
        Expr::Call(name, inner) => Expr::Call(name.clone(), all(inner)),
        Expr::Quotient(a, b) => Expr::Quotient(one(a), one(b)),
        Expr::Power(a, b) => Expr::Power(one(a), one(b)),
        Expr::Relation(sides, relations) => Expr::Relation(all(sides), relations.clone()),
        other => other.clone(),
    }
}

impl Comparer<'_> {
    /// Members with or without their names, alike on both sides: `a = 4, -8` and `p = 5, q = 2` beside plain values.
    fn named_alike(self, a: Vec<Expr>, b: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
        let named = |members: &[Expr]| members.iter().all(|it| relation::assigned(it, self).is_some());
        if named(&a) && named(&b) {
            return (a, b);
        }
        (self.values(a), self.values(b))
    }

    /// Whether what is called the least of the members is above what is called the greatest.
    fn are_reversed(self, members: &[Expr]) -> bool {
        const LEAST: [&str; 4] = ["min", "minimum", "smallest", "least"];
        const GREATEST: [&str; 4] = ["max", "maximum", "largest", "greatest"];
        let value = |names: &[&str]| {
            members.iter().find_map(|member| match relation::assigned(member, self)? {
                (Expr::Text(name), value) if names.contains(&name.as_str()) => {
                    crate::algebra::canonical(&value, self.budget).ok()?.as_rational()
                }
                _ => None,
            })
        };
        matches!((value(&LEAST), value(&GREATEST)), (Some(least), Some(greatest)) if least > greatest)
    }

    /// Whether all members have names, and different ones.
    fn has_names(self, members: &[Expr]) -> bool {
        let mut names = Vec::with_capacity(members.len());
        for member in members {
            match relation::assigned(member, self) {
                // A label in words, `Max = 2`, says which is which and gives no order.
                Some((Expr::Text(_), _)) => return false,
                Some((name, _)) if !names.contains(&name) => names.push(name),
                _ => return false,
            }
        }
        names.len() > 1
    }

    /// Whether all members are values of the same name.
    fn has_one_name(self, members: &[Expr]) -> bool {
        let mut names = members.iter().map(|member| relation::assigned(member, self).map(|it| it.0));
        let Some(Some(first)) = names.next() else { return false };
        members.len() > 1 && names.all(|name| name.as_ref() == Some(&first))
    }

    fn values(self, members: Vec<Expr>) -> Vec<Expr> {
        members
            .into_iter()
            .map(|member| relation::assigned(&member, self).map_or(member, |(_, value)| value))
            .collect()
    }
}
