//! Python's `==` and `<` on values.

use num_bigint::BigInt;
use num_traits::FromPrimitive;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::{Number, Value};

/// What only Python itself, or the program, can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Value {
    /// Python's `==`.
    pub(crate) fn equals(&self, other: &Self) -> Result<bool, Unknown> {
        if let (Some(left), Some(right)) = (self.number(), other.number()) {
            return Ok(left.partial_cmp(right) == Some(Ordering::Equal));
        }
        match (self, other) {
            (Self::None, Self::None) => Ok(true),
            (Self::Str(left), Self::Str(right)) => Ok(left == right),
            (Self::Bytes(left), Self::Bytes(right)) => Ok(left == right),
            (Self::List(left), Self::List(right)) | (Self::Tuple(left), Self::Tuple(right)) => {
                all_equal(left, right)
            }
            (Self::Set(left) | Self::FrozenSet(left), Self::Set(right) | Self::FrozenSet(right)) => {
                sets_equal(left, right)
            }
            (Self::Dict(left), Self::Dict(right)) => dicts_equal(left, right),
            (Self::Complex(..), Self::Complex(..)) | (Self::Complex(..), _) | (_, Self::Complex(..)) => {
                complex_equal(self, other)
            }
            // An object of the program equals no plain data, whatever its `__eq__` would say. Of two that are the same it
            // matters who made them.
            (Self::Object(..), Self::Object(..)) => Err(Unknown),
            (Self::Library(_) | Self::Named(..) | Self::Global(_), _)
            | (_, Self::Library(_) | Self::Named(..) | Self::Global(_)) => Err(Unknown),
            _ => Ok(false),
        }
    }
}

fn all_equal(left: &[Value], right: &[Value]) -> Result<bool, Unknown> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !left.equals(right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn complex_equal(left: &Value, right: &Value) -> Result<bool, Unknown> {
    let parts = |value: &Value| match value {
        Value::Complex(real, imaginary) => Some((*real, *imaginary)),
        other => other.number().map(|number| (number.to_f64(), 0.0)),
    };
    Ok(matches!((parts(left), parts(right)), (Some(left), Some(right)) if left == right))
}

fn dicts_equal(left: &[(Value, Value)], right: &[(Value, Value)]) -> Result<bool, Unknown> {
    if left.len() != right.len() {
        return Ok(false);
    }
    let right = right
        .iter()
        .map(|(key, value)| Ok((key.hash_key()?, value)))
        .collect::<Result<HashMap<_, &Value>, Unknown>>()?;
    for (key, left) in left {
        match right.get(&key.hash_key()?) {
            Some(right) if left.equals(right)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// A large answer mostly ends at its first item that is not expected.
fn sets_equal(left: &[Value], right: &[Value]) -> Result<bool, Unknown> {
    let (longer, shorter) = if left.len() < right.len() { (right, left) } else { (left, right) };
    let mut missing = shorter.iter().map(Value::hash_key).collect::<Result<HashSet<_>, _>>()?;
    let mut found = HashSet::new();
    for item in longer {
        let key = item.hash_key()?;
        if missing.remove(&key) {
            found.insert(key);
        } else if !found.contains(&key) {
            return Ok(false);
        }
    }
    Ok(missing.is_empty())
}

/// The members of a set by keys that are equal where Python's `==` is, each once, in order.
fn members(items: &[Value]) -> Result<Vec<Vec<u8>>, Unknown> {
    let mut keys = items.iter().map(Value::hash_key).collect::<Result<Vec<_>, Unknown>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

impl Value {
    /// Bytes that are the same for two hashable values exactly when they are equal.
    pub(crate) fn hash_key(&self) -> Result<Vec<u8>, Unknown> {
        let mut key = Vec::new();
        self.write_key(&mut key)?;
        Ok(key)
    }

    fn write_key(&self, key: &mut Vec<u8>) -> Result<(), Unknown> {
        if let Some(number) = self.number() {
            write_number(number, key);
            return Ok(());
        }
        // What follows a length is as long as it says, so that no two values are written alike.
        let mut begin = |tag: u8, length: usize| {
            key.push(tag);
            key.extend(length.to_le_bytes());
        };
        match self {
            Self::None => begin(b'N', 0),
            Self::Str(text) => {
                begin(b's', text.len());
                key.extend(text.as_bytes());
            }
            Self::Bytes(bytes) => {
                begin(b'b', bytes.len());
                key.extend(bytes);
            }
            Self::Tuple(items) => {
                begin(b't', items.len());
                items.iter().try_for_each(|item| item.write_key(key))?;
            }
            Self::FrozenSet(items) | Self::Set(items) => {
                let members = members(items)?;
                begin(b'f', members.len());
                members.iter().for_each(|member| key.extend(member));
            }
            _ => return Err(Unknown),
        }
        Ok(())
    }
}

/// Whole floats are written as the integer that they equal.
fn write_number(number: Number<'_>, key: &mut Vec<u8>) {
    if let Some(small) = number.small_whole() {
        key.push(b'i');
        key.extend(small.to_be_bytes());
        return;
    }
    let whole = match number {
        Number::Float(float) if float == float.floor() => BigInt::from_f64(float),
        number => number.to_int(),
    };
    match whole {
        // Hexadecimal, since decimal digits of a large integer cost their number squared.
        Some(whole) => key.extend(format!("l{whole:x};").into_bytes()),
        None => {
            key.push(b'x');
            key.extend(number.to_f64().to_bits().to_be_bytes());
        }
    }
}

/// Python's order of two values: `Ok(None)` where neither is less nor equal, as beside `nan`; `Err` where Python
/// raises, or only Python knows.
pub(crate) fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, Unknown> {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return Ok(left.partial_cmp(right));
    }
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => Ok(Some(left.cmp(right))),
        (Value::Bytes(left), Value::Bytes(right)) => Ok(Some(left.cmp(right))),
        (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
            for (left, right) in left.iter().zip(right) {
                if !left.equals(right)? {
                    return compare(left, right);
                }
            }
            Ok(Some(left.len().cmp(&right.len())))
        }
        _ => Err(Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(number: i64) -> Value {
        Value::int(number)
    }

    fn equal(left: &Value, right: &Value) -> bool {
        let equal = left.equals(right).unwrap();
        assert_eq!(right.equals(left), Ok(equal), "== is symmetric");
        equal
    }

    #[test]
    fn numbers_are_equal_across_types_and_exactly() {
        assert!(equal(&Value::Bool(true), &int(1)));
        assert!(equal(&int(1), &Value::Float(1.0)));
        assert!(equal(&Value::Float(0.0), &Value::Float(-0.0)));
        assert!(equal(&Value::Complex(2.0, 0.0), &int(2)));
        assert!(!equal(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
        assert!(!equal(&int((1 << 53) + 1), &Value::Float(9_007_199_254_740_992.0)));
        assert!(!equal(&Value::int(BigInt::from(10).pow(400)), &Value::Float(f64::INFINITY)));
        assert!(!equal(&int(1), &Value::Str("1".to_owned())));
        assert!(!equal(&int(0), &Value::None));
    }

    #[test]
    fn integers_of_every_size_are_ordered_with_floats_and_have_one_key() {
        let power = |exponent: u32| BigInt::from(2).pow(exponent);
        for exponent in [0, 52, 53, 62, 63, 64, 126, 127, 128, 1000] {
            for sign in [1, -1] {
                let int: BigInt = power(exponent) * sign;
                let float = Value::Float(2_f64.powi(exponent as i32) * f64::from(sign));
                assert!(equal(&Value::int(int.clone()), &float), "{int}");
                assert_eq!(Value::int(int.clone()).hash_key(), float.hash_key(), "{int}");
                let (less, more) = (Value::int(int.clone() - 1), Value::int(int.clone() + 1));
                assert_eq!(compare(&less, &float), Ok(Some(Ordering::Less)), "{int}");
                assert_eq!(compare(&float, &more), Ok(Some(Ordering::Less)), "{int}");
                assert_ne!(less.hash_key(), float.hash_key(), "{int}");
                for (far, order) in [(f64::INFINITY, Ordering::Less), (-1e308, Ordering::Greater)] {
                    assert_eq!(compare(&more, &Value::Float(far)), Ok(Some(order)), "{int}");
                }
            }
        }
    }

    #[test]
    fn a_list_is_no_tuple_and_order_counts_in_neither_set_nor_dict() {
        let (one, two) = (int(1), Value::Float(2.0));
        assert!(!equal(&Value::List(vec![one.clone()]), &Value::Tuple(vec![one.clone()])));
        assert!(!equal(
            &Value::List(vec![one.clone(), two.clone()]),
            &Value::List(vec![two.clone(), one.clone()])
        ));
        assert!(equal(
            &Value::Set(vec![one.clone(), int(2)]),
            &Value::FrozenSet(vec![two.clone(), one.clone(), one.clone()])
        ));
        assert!(equal(
            &Value::Dict(vec![(one.clone(), Value::None), (int(2), one.clone())]),
            &Value::Dict(vec![(two, Value::Bool(true)), (Value::Bool(true), Value::None)])
        ));
        assert!(!equal(&Value::Dict(vec![(one.clone(), Value::None)]), &Value::Dict(vec![(one, int(0))])));
    }

    #[test]
    fn keys_of_different_kinds_never_meet() {
        let keys = [
            Value::Str("i1;".to_owned()),
            int(1),
            Value::Bytes(b"i1;".to_vec()),
            Value::Tuple(vec![int(1)]),
            Value::Tuple(vec![]),
            Value::None,
            Value::Float(1.5),
        ];
        for (index, key) in keys.iter().enumerate() {
            for other in &keys[index + 1..] {
                assert_ne!(key.hash_key(), other.hash_key(), "{key:?} {other:?}");
            }
        }
    }

    #[test]
    fn an_object_of_the_program_equals_no_plain_value() {
        let object = Value::Object(0, "AlwaysEqual".to_owned());
        assert!(!equal(&object, &Value::Bool(true)));
        assert!(!equal(&Value::List(vec![object.clone()]), &Value::List(vec![int(1)])));
        assert_eq!(object.equals(&object), Err(Unknown), "it matters who made them");
    }

    #[test]
    fn sequences_are_ordered_by_their_first_difference() {
        let list = |numbers: &[i64]| Value::List(numbers.iter().copied().map(int).collect());
        assert_eq!(compare(&list(&[1, 2]), &list(&[1, 3])), Ok(Some(Ordering::Less)));
        assert_eq!(compare(&list(&[1, 2, 0]), &list(&[1, 2])), Ok(Some(Ordering::Greater)));
        assert_eq!(compare(&int(1), &Value::Float(f64::NAN)), Ok(None));
        assert_eq!(compare(&int(1), &Value::None), Err(Unknown));
    }
}
