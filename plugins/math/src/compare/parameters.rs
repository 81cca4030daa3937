//! Families of values: `k\pi` with whole k is `n\pi` with whole n.

use std::collections::BTreeSet;

use dashu_ratio::RBig;

use crate::algebra::{Budget, Fraction, canonical, substitute};
use crate::expr::{Constant, Expr, NamedSet, Relation};

/// Letters that name whole numbers where nothing else is said.
const WHOLE: [&str; 6] = ["k", "n", "m", "l", "j", "p"];

/// A family without what is said of its parameter.
struct Family {
    members: Expr,
    parameter: String,
}

/// Both sides with the same parameter, when both are families and their parameters are called differently.
pub(super) fn alike(a: &Expr, b: &Expr) -> Option<(Expr, Expr, String)> {
    let (a_plain, b_plain) = (matches!(a, Expr::Number(_)), matches!(b, Expr::Number(_)));
    if a_plain || b_plain {
        return None;
    }
    // What is said of a parameter on one side holds for a single one on the other.
    let bare = |expr: &Expr| Some(Family { members: expr.clone(), parameter: only_whole_symbol(expr)? });
    let (a, b) = match (family(a), family(b)) {
        (Some(a), Some(b)) => (a, b),
        (Some(family), None) if is_declared(a) => (family, bare(b)?),
        (None, Some(family)) if is_declared(b) => (bare(a)?, family),
        _ => return None,
    };
    let b_members = if a.parameter == b.parameter {
        b.members
    } else {
        substitute(&b.members, &b.parameter, &Expr::Symbol(a.parameter.clone()))
    };
    Some((a.members, b_members, a.parameter))
}

/// Whether two families `α + β k` have the same values: the same steps, and starts that are whole steps apart.
pub(super) fn same_values(a: &Expr, b: &Expr, parameter: &str, budget: &Budget) -> Option<bool> {
    let (start, step) = line(a, parameter, budget)?;
    let (other_start, other_step) = line(b, parameter, budget)?;
    let steps = other_step.times(&step.clone().inverse()?, budget).ok()?.as_rational()?;
    let apart = start.minus(other_start, budget).ok()?.times(&step.inverse()?, budget).ok()?.as_rational()?;
    let turned = steps == -RBig::ONE || steps.is_one();
    Some(turned && apart.is_int())
}

/// Start and step of `α + β k`. `None` for what is not of that form.
fn line(expr: &Expr, parameter: &str, budget: &Budget) -> Option<(Fraction, Fraction)> {
    let at = |value: i64| canonical(&substitute(expr, parameter, &Expr::integer(value)), budget).ok();
    let (zero, one, two) = (at(0)?, at(1)?, at(2)?);
    let step = one.clone().minus(zero.clone(), budget).ok()?;
    let again = two.minus(one, budget).ok()?;
    (step == again && !step.num.is_zero()).then_some((zero, step))
}

fn family(expr: &Expr) -> Option<Family> {
    let (members, declared) = match expr {
        Expr::List(list) => {
            let (said, members): (Vec<&Expr>, Vec<&Expr>) =
                list.iter().partition(|it| declaration(it).is_some());
            let members = match members.as_slice() {
                [] => return None,
                [single] => (*single).clone(),
                many => Expr::List(many.iter().map(|it| (*it).clone()).collect()),
            };
            (members, said.first().and_then(|it| declaration(it)).map(str::to_owned))
        }
        Expr::Quantity(value, unit) if ["integer", "whole"].iter().any(|word| unit.name.contains(word)) => {
            ((**value).clone(), only_whole_symbol(value))
        }
        // Without a word, only angles have families.
        other => {
            let parameter = only_whole_symbol(other)?;
            return mentions_pi(other).then(|| Family { members: other.clone(), parameter });
        }
    };
    if let Some(parameter) = declared {
        return Some(Family { members, parameter });
    }
    let parameter = only_whole_symbol(&members)?;
    mentions_pi(&members).then_some(Family { members, parameter })
}

fn is_declared(expr: &Expr) -> bool {
    matches!(expr, Expr::List(members) if members.iter().any(|it| declaration(it).is_some()))
}

/// The symbol of `k \in \mathbb{Z}`.
fn declaration(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Relation(sides, relations) => match (sides.as_slice(), relations.as_slice()) {
            ([Expr::Symbol(name), Expr::Named(NamedSet::Integers | NamedSet::Naturals)], [Relation::In]) => {
                Some(name)
            }
            ([Expr::Symbol(name), Expr::Symbol(set)], [Relation::In])
                if matches!(set.as_str(), "Z" | "N") =>
            {
                Some(name)
            }
            _ => None,
        },
        _ => None,
    }
}

fn only_whole_symbol(expr: &Expr) -> Option<String> {
    let mut names = BTreeSet::new();
    collect(expr, &mut names);
    let mut whole = names.iter().filter(|name| WHOLE.contains(name));
    let name = whole.next()?;
    if whole.next().is_some() { None } else { Some((*name).to_owned()) }
}

fn collect<'a>(expr: &'a Expr, names: &mut BTreeSet<&'a str>) {
    match expr {
        Expr::Symbol(name) => {
            names.insert(name);
        }
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => collect(inner, names),
        Expr::Sum(inner)
        | Expr::Product(inner)
        | Expr::Call(_, inner)
        | Expr::Tuple(inner)
        | Expr::List(inner)
        | Expr::Set(inner)
        | Expr::Relation(inner, _) => inner.iter().for_each(|it| collect(it, names)),
        Expr::Quotient(a, b) | Expr::Power(a, b) | Expr::PlusMinus(a, b) => {
            collect(a, names);
            collect(b, names);
        }
        _ => {}
    }
}

fn mentions_pi(expr: &Expr) -> bool {
    match expr {
        Expr::Constant(Constant::Pi) => true,
        Expr::Quantity(_, unit) => unit.is_degree(),
        Expr::Negative(inner) => mentions_pi(inner),
        Expr::Sum(inner)
        | Expr::Product(inner)
        | Expr::List(inner)
        | Expr::Set(inner)
        | Expr::Relation(inner, _) => inner.iter().any(mentions_pi),
        Expr::Quotient(a, b) | Expr::PlusMinus(a, b) => mentions_pi(a) || mentions_pi(b),
        _ => false,
    }
}
