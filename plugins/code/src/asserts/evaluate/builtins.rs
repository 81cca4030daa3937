//! The builtins that tests compare with, and what they take of `math`.

use std::cmp::Ordering;
use std::collections::HashSet;

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::Miss;
use crate::value::{Number, Value, compare};

type Named = [(String, Value)];

pub(super) fn call(name: &str, args: Vec<Value>, named: &Named) -> Result<Value, Miss> {
    match (name, args.as_slice(), named) {
        ("set", [], []) => Ok(Value::Set(vec![])),
        ("set", [items], []) => set(items, Value::Set),
        ("frozenset", [items], []) => set(items, Value::FrozenSet),
        ("list", [], []) => Ok(Value::List(vec![])),
        // Which order a set has is for Python to say.
        ("list" | "tuple", [Value::Set(_) | Value::FrozenSet(_)], []) => Err(Miss::NotHere),
        ("list", [value], []) => items(value).map(Value::List),
        ("tuple", [], []) => Ok(Value::Tuple(vec![])),
        ("tuple", [value], []) => items(value).map(Value::Tuple),
        ("dict", [], []) => Ok(Value::Dict(vec![])),
        ("sorted", [value], []) => sorted(items(value)?).map(Value::List),
        ("len", [value], []) => length(value),
        ("bool", [value], []) => value.truth().map(Value::Bool).ok_or(Miss::NotHere),
        ("float", [value], []) => match value.number() {
            Some(number) => Ok(Value::Float(number.to_f64())),
            None => Err(Miss::NotHere),
        },
        ("abs", [value], []) => match value.number() {
            Some(Number::Float(float)) => Ok(Value::Float(float.abs())),
            Some(number) => Ok(Value::Int(number.to_int().ok_or(Miss::NotHere)?.abs())),
            None => Err(no_number(value)),
        },
        ("round", [value], []) => match value.number() {
            Some(Number::Float(float)) if float.is_finite() => whole(round_even(float)),
            Some(Number::Float(_)) => Err(Miss::Raises("raised OverflowError".to_owned())),
            Some(number) => Ok(Value::Int(number.to_int().ok_or(Miss::NotHere)?)),
            None => Err(no_number(value)),
        },
        ("round", [value, digits], []) => round(value, digits),
        ("sum", [value], []) => {
            let mut sum = BigInt::ZERO;
            for item in items(value)? {
                sum += item.number().and_then(Number::to_int).ok_or(Miss::NotHere)?;
            }
            Ok(Value::Int(sum))
        }
        ("max", [value], []) => extreme(&items(value)?, Ordering::Greater),
        ("min", [value], []) => extreme(&items(value)?, Ordering::Less),
        ("max", [_, _, ..], []) => extreme(&args, Ordering::Greater),
        ("min", [_, _, ..], []) => extreme(&args, Ordering::Less),
        ("all" | "any", [value], []) => {
            let mut truths = items(value)?.into_iter().map(|item| item.truth().ok_or(Miss::NotHere));
            let wanted = name == "any";
            truths
                .try_fold(!wanted, |result, truth| Ok(if truth? == wanted { wanted } else { result }))
                .map(Value::Bool)
        }
        _ => Err(Miss::NotHere),
    }
}

fn no_number(value: &Value) -> Miss {
    match value {
        Value::None | Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
            Miss::Raises(format!("raised TypeError: a {} is no number", value.type_name()))
        }
        _ => Miss::NotHere,
    }
}

fn items(value: &Value) -> Result<Vec<Value>, Miss> {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            Err(Miss::Raises(format!("raised TypeError: a {} is not iterable", value.type_name())))
        }
        Value::Str(text) if text.len() > MOST_LETTERS => {
            Err(Miss::Raises(format!("is a text of {} bytes, taken apart", text.len())))
        }
        value => value.items().ok_or(Miss::NotHere),
    }
}

/// A text of more bytes is not taken apart into its letters: it is no answer, and would cost more than the plugin has.
const MOST_LETTERS: usize = 400_000;

/// Each item once.
pub(super) fn set(value: &Value, make: fn(Vec<Value>) -> Value) -> Result<Value, Miss> {
    let mut keys = HashSet::new();
    let mut members = Vec::new();
    for item in items(value)? {
        if !item.hashable() {
            return Err(Miss::Raises(format!("raised TypeError: unhashable type: {}", item.type_name())));
        }
        if keys.insert(item.hash_key().map_err(|_| Miss::NotHere)?) {
            members.push(item);
        }
    }
    Ok(make(members))
}

fn sorted(mut items: Vec<Value>) -> Result<Vec<Value>, Miss> {
    // What is compared is looked for once, not each time that two items are compared.
    if let Some(order) = items.iter().map(|item| item.number()?.small_order()).collect::<Option<Vec<_>>>() {
        let mut items: Vec<_> = order.into_iter().zip(items).collect();
        items.sort_by(|(left, _), (right, _)| left.partial_cmp(right).unwrap_or(Ordering::Equal));
        return Ok(items.into_iter().map(|(_, item)| item).collect());
    }
    if items.iter().all(|item| matches!(item, Value::Str(_))) {
        items.sort_by(|left, right| match (left, right) {
            (Value::Str(left), Value::Str(right)) => left.cmp(right),
            _ => Ordering::Equal,
        });
        return Ok(items);
    }
    let mut odd = false;
    items.sort_by(|left, right| {
        compare(left, right).ok().flatten().unwrap_or_else(|| {
            odd = true;
            Ordering::Equal
        })
    });
    if odd { Err(Miss::NotHere) } else { Ok(items) }
}

fn length(value: &Value) -> Result<Value, Miss> {
    match value {
        Value::Iterator(_) => Err(Miss::NotHere),
        Value::Str(text) => Ok(Value::int(text.chars().count())),
        value => items(value).map(|items| Value::int(items.len())),
    }
}

fn extreme(items: &[Value], wanted: Ordering) -> Result<Value, Miss> {
    let mut best = items.first().ok_or_else(|| Miss::Raises("raised ValueError: empty".to_owned()))?;
    for item in &items[1..] {
        match compare(item, best) {
            Ok(Some(order)) if order == wanted => best = item,
            Ok(Some(_)) => {}
            _ => return Err(Miss::NotHere),
        }
    }
    Ok(best.clone())
}

/// `round(x, digits)`: the nearest decimal, as Rust's formatting finds it exactly.
fn round(value: &Value, digits: &Value) -> Result<Value, Miss> {
    let digits = digits.number().and_then(Number::to_int).and_then(|digits| digits.to_usize());
    match (value.number(), digits) {
        (Some(Number::Float(float)), Some(digits @ 0..=100)) if float.is_finite() => {
            format!("{float:.digits$}").parse().map(Value::Float).map_err(|_| Miss::NotHere)
        }
        (Some(number), Some(_)) => number.to_int().map(Value::Int).ok_or(Miss::NotHere),
        (None, _) => Err(no_number(value)),
        _ => Err(Miss::NotHere),
    }
}

fn round_even(float: f64) -> f64 {
    float.round_ties_even()
}

fn whole(float: f64) -> Result<Value, Miss> {
    num_traits::FromPrimitive::from_f64(float).map(Value::Int).ok_or(Miss::NotHere)
}

pub(super) fn isinstance(value: &Value, classes: &[&str]) -> Result<bool, Miss> {
    if matches!(value, Value::Library(_) | Value::Global(_) | Value::Iterator(_)) {
        return Err(Miss::NotHere);
    }
    let known =
        ["bool", "int", "float", "complex", "str", "bytes", "list", "tuple", "set", "frozenset", "dict"];
    if !classes.iter().all(|class| known.contains(class)) {
        return Err(Miss::NotHere);
    }
    let name = if matches!(value, Value::Object(..)) { "" } else { value.type_name() };
    Ok(classes.iter().any(|&class| class == name || (class == "int" && name == "bool")))
}

pub(super) fn math_constant(name: &str) -> Result<Value, Miss> {
    match name {
        "pi" => Ok(Value::Float(std::f64::consts::PI)),
        "e" => Ok(Value::Float(std::f64::consts::E)),
        "tau" => Ok(Value::Float(std::f64::consts::TAU)),
        "inf" => Ok(Value::Float(f64::INFINITY)),
        "nan" => Ok(Value::Float(f64::NAN)),
        _ => Err(Miss::NotHere),
    }
}

pub(super) fn math(name: &str, args: &[Value], named: &Named) -> Result<Value, Miss> {
    match (name, args, named) {
        ("isclose", [left, right], named) => isclose(left, right, named),
        ("sqrt", [value], []) => match value.number().map(Number::to_f64) {
            Some(number) if number >= 0.0 => Ok(Value::Float(number.sqrt())),
            _ => Err(Miss::NotHere),
        },
        ("isnan", [value], []) => match value.number() {
            Some(number) => Ok(Value::Bool(number.to_f64().is_nan())),
            None => Err(no_number(value)),
        },
        _ => Err(Miss::NotHere),
    }
}

fn isclose(left: &Value, right: &Value, named: &Named) -> Result<Value, Miss> {
    let (Some(a), Some(b)) = (left.number(), right.number()) else {
        return Err(if left.number().is_none() { no_number(left) } else { no_number(right) });
    };
    let (a, b) = (a.to_f64(), b.to_f64());
    let (mut relative, mut absolute) = (1e-9, 0.0);
    for (name, value) in named {
        let number = value.number().ok_or(Miss::NotHere)?.to_f64();
        match name.as_str() {
            "rel_tol" => relative = number,
            "abs_tol" => absolute = number,
            _ => return Err(Miss::NotHere),
        }
    }
    if a.is_infinite() || b.is_infinite() {
        return Ok(Value::Bool(a == b));
    }
    let difference = (a - b).abs();
    let close = a == b
        || difference <= (relative * b).abs()
        || difference <= (relative * a).abs()
        || difference <= absolute;
    Ok(Value::Bool(close))
}
