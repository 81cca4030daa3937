//! Python values outside Python: what a program claims as its result, and what a test expects.
//!
//! Comparison follows Python's rules: `True == 1 == 1.0`, a list is no tuple, `nan` equals nothing, sets and dicts
//! have no order, and integers are compared with floats exactly.

mod literal;
mod order;
mod wire;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use num_bigint::{BigInt, Sign};
use num_traits::{FromPrimitive, ToPrimitive};

pub(crate) use literal::string as literal_string;
pub(crate) use order::compare;
pub(crate) use wire::{BUILTINS, TooStrange, decode};

/// Lists within lists that are still read. Python's own parser stops at some 100.
pub(crate) const DEEPEST: usize = 64;

/// Letters that cost as much as an item.
pub(crate) const LETTERS_OF_AN_ITEM: usize = 64;

/// A value of one of Python's builtin types, or a name for one that has to stay where it is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(BigInt),
    Float(f64),
    Complex(f64, f64),
    Str(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Set(Vec<Self>),
    FrozenSet(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    /// What is left of an iterator, such as a generator.
    Iterator(Vec<Self>),
    /// A value of the standard library that only Python itself compares, as an expression that makes it.
    Library(String),
    /// A named tuple of the program, by the number under which it is asked for more than its fields: the name of its
    /// class, its fields, its items.
    Named(u64, String, Vec<String>, Vec<Self>),
    /// An object of the program's own, which stays there: its number and the name of its class.
    Object(u64, String),
    /// A name of the program, handed on as it is.
    Global(String),
}

impl Value {
    /// A Python integer.
    pub(crate) fn int(number: impl Into<BigInt>) -> Self {
        Self::Int(number.into())
    }

    /// The number that takes part in arithmetic and comparison; a truth value is one.
    pub(crate) fn number(&self) -> Option<Number<'_>> {
        match self {
            Self::Bool(truth) => Some(Number::Small(i64::from(*truth))),
            Self::Int(number) => Some(Number::Int(number)),
            Self::Float(number) => Some(Number::Float(*number)),
            _ => None,
        }
    }

    /// The items of what Python can iterate over, where this is known here.
    pub(crate) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items)
            | Self::Tuple(items)
            | Self::Set(items)
            | Self::FrozenSet(items)
            | Self::Iterator(items) => Some(items.clone()),
            Self::Dict(entries) => Some(entries.iter().map(|(key, _)| key.clone()).collect()),
            Self::Str(text) => Some(text.chars().map(|c| Self::Str(c.to_string())).collect()),
            Self::Bytes(bytes) => Some(bytes.iter().map(|&byte| Self::int(byte)).collect()),
            _ => None,
        }
    }

    /// The objects of the program in it.
    pub(crate) fn objects(&self, found: &mut BTreeSet<u64>) {
        match self {
            Self::Object(number, _) => _ = found.insert(*number),
            Self::Named(number, _, _, items) => {
                found.insert(*number);
                items.iter().for_each(|item| item.objects(found));
            }
            Self::List(items)
            | Self::Tuple(items)
            | Self::Set(items)
            | Self::FrozenSet(items)
            | Self::Iterator(items) => items.iter().for_each(|item| item.objects(found)),
            Self::Dict(entries) => entries.iter().for_each(|(key, value)| {
                key.objects(found);
                value.objects(found);
            }),
            _ => {}
        }
    }

    /// Python's truth of a value; `None` where only Python knows.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Bool(truth) => Some(*truth),
            Self::Int(number) => Some(number.sign() != Sign::NoSign),
            Self::Float(number) => Some(*number != 0.0),
            Self::Complex(real, imaginary) => Some(*real != 0.0 || *imaginary != 0.0),
            Self::Str(text) => Some(!text.is_empty()),
            Self::Bytes(bytes) => Some(!bytes.is_empty()),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                Some(!items.is_empty())
            }
            Self::Dict(entries) => Some(!entries.is_empty()),
            Self::Iterator(_) | Self::Global(_) => Some(true),
            Self::Library(_) | Self::Named(..) | Self::Object(..) => None,
        }
    }

    /// The name of its type, for people.
    pub(crate) fn type_name(&self) -> &str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Complex(..) => "complex",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
            Self::Dict(_) => "dict",
            Self::Iterator(_) => "iterator",
            Self::Library(_) => "library object",
            Self::Object(_, class) | Self::Named(_, class, ..) => class,
            Self::Global(_) => "name",
        }
    }

    /// How much it holds, of which a copy costs as much.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::List(items)
            | Self::Tuple(items)
            | Self::Set(items)
            | Self::FrozenSet(items)
            | Self::Named(_, _, _, items)
            | Self::Iterator(items) => items.iter().map(Self::weight).sum::<usize>() + 1,
            Self::Dict(entries) => {
                entries.iter().map(|(key, value)| key.weight() + value.weight()).sum::<usize>() + 1
            }
            Self::Int(number) => number.bits() as usize / LETTERS_OF_AN_ITEM + 1,
            Self::Str(text) | Self::Library(text) => text.len() / LETTERS_OF_AN_ITEM + 1,
            Self::Bytes(bytes) => bytes.len() / LETTERS_OF_AN_ITEM + 1,
            _ => 1,
        }
    }

    /// Whether it can be a key of a dict or an item of a set.
    pub(crate) fn hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Set(_) | Self::Dict(_) => false,
            Self::Tuple(items) | Self::Named(_, _, _, items) => items.iter().all(Self::hashable),
            _ => true,
        }
    }
}

/// A real number as Python compares it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number<'a> {
    Small(i64),
    Int(&'a BigInt),
    Float(f64),
}

impl Number<'_> {
    /// Rounded to a float, as `float()` does; infinite where Python would raise.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Small(number) => number as f64,
            Self::Int(number) => number.to_f64().unwrap_or(f64::INFINITY),
            Self::Float(number) => number,
        }
    }

    /// The integer, if it is one by type.
    pub(crate) fn to_int(self) -> Option<BigInt> {
        match self {
            Self::Small(number) => Some(number.into()),
            Self::Int(number) => Some(number.clone()),
            Self::Float(_) => None,
        }
    }

    /// Its exact order; `None` beside `nan`.
    pub(crate) fn partial_cmp(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
            (Self::Float(left), right) => compare_exactly(left, right),
            (left, Self::Float(right)) => compare_exactly(right, left).map(Ordering::reverse),
            (left, right) => match (left.small(), right.small()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => Some(left.to_int()?.cmp(&right.to_int()?)),
            },
        }
    }

    /// The integer, if it is one by type and of the usual size: sorting compares so often that making large ones of all
    /// would cost more than the plugin has.
    fn small(self) -> Option<i128> {
        match self {
            Self::Small(number) => Some(number.into()),
            Self::Int(number) => number.to_i128(),
            Self::Float(_) => None,
        }
    }

    /// Its place among numbers of the usual size: the whole number below it, and how much is above that.
    pub(crate) fn small_order(self) -> Option<(i128, f64)> {
        match self {
            Self::Float(number) => {
                is_small(number).then(|| (number.floor() as i128, number - number.floor()))
            }
            number => Some((number.small()?, 0.0)),
        }
    }

    /// The whole number of the usual size that it equals.
    pub(crate) fn small_whole(self) -> Option<i128> {
        match self {
            Self::Float(number) => (number == number.floor() && is_small(number)).then_some(number as i128),
            number => number.small(),
        }
    }
}

/// Whether a float is within the integers of the usual size.
fn is_small(float: f64) -> bool {
    const BEYOND: f64 = (1_u128 << 127) as f64;
    (-BEYOND..BEYOND).contains(&float)
}

/// Rounding either side would make `2**53 + 1 == float(2**53)` true.
fn compare_exactly(float: f64, int: Number<'_>) -> Option<Ordering> {
    if !float.is_finite() {
        return float.partial_cmp(&0.0);
    }
    let whole = match int.small() {
        Some(small) if is_small(float) => (float.floor() as i128).cmp(&small),
        // What is not small is further from nothing than all that is.
        Some(_) => return float.partial_cmp(&0.0),
        None if is_small(float) => return Some(int.to_int()?.sign().cmp(&Sign::NoSign).reverse()),
        None => BigInt::from_f64(float.floor())?.cmp(&int.to_int()?),
    };
    Some(whole.then(if float > float.floor() { Ordering::Greater } else { Ordering::Equal }))
}
