//! Arithmetic on values, as far as a test needs it and no further than is cheap.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};
use ruff_python_ast::{Operator, UnaryOp};

use super::Miss;
use crate::value::{Number, Value};

/// Bits of an integer, and items of a sequence, up to which it is computed here.
const LARGEST: usize = 100_000;

pub(super) fn unary(op: UnaryOp, value: &Value) -> Result<Value, Miss> {
    let number = value.number().ok_or_else(|| not_a_number(value))?;
    match (op, number) {
        (UnaryOp::USub, Number::Float(float)) => Ok(Value::Float(-float)),
        (UnaryOp::UAdd, Number::Float(float)) => Ok(Value::Float(float)),
        (UnaryOp::USub, number) => Ok(Value::Int(-number.to_int().ok_or(Miss::NotHere)?)),
        (UnaryOp::UAdd, number) => Ok(Value::Int(number.to_int().ok_or(Miss::NotHere)?)),
        _ => Err(Miss::NotHere),
    }
}

pub(super) fn binary(op: Operator, left: &Value, right: &Value) -> Result<Value, Miss> {
    if let (Some(a), Some(b)) = (left.number(), right.number()) {
        return match (a.to_int(), b.to_int()) {
            (Some(a), Some(b)) => integers(op, &a, &b),
            _ => floats(op, a.to_f64(), b.to_f64()),
        };
    }
    match (op, left, right) {
        (Operator::Add, Value::Str(a), Value::Str(b)) => Ok(Value::Str(format!("{a}{b}"))),
        (Operator::Add, Value::List(a), Value::List(b)) => Ok(Value::List([a.as_slice(), b].concat())),
        (Operator::Add, Value::Tuple(a), Value::Tuple(b)) => Ok(Value::Tuple([a.as_slice(), b].concat())),
        (Operator::Mult, Value::Str(text), count) | (Operator::Mult, count, Value::Str(text)) => {
            Ok(Value::Str(text.repeat(repetitions(count, text.len())?)))
        }
        (Operator::Mult, Value::List(items), count) | (Operator::Mult, count, Value::List(items)) => {
            Ok(Value::List(vec![items.as_slice(); repetitions(count, weight(items))?].concat()))
        }
        (Operator::Mult, Value::Tuple(items), count) | (Operator::Mult, count, Value::Tuple(items)) => {
            Ok(Value::Tuple(vec![items.as_slice(); repetitions(count, weight(items))?].concat()))
        }
        (Operator::Sub | Operator::Div, Value::None | Value::Str(_) | Value::List(_), _) => {
            Err(not_a_number(left))
        }
        (Operator::Sub | Operator::Div, _, Value::None | Value::Str(_) | Value::List(_)) => {
            Err(not_a_number(right))
        }
        _ => Err(Miss::NotHere),
    }
}

fn not_a_number(value: &Value) -> Miss {
    match value {
        Value::None | Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) => {
            Miss::Raises(format!("raised TypeError: a {} in arithmetic", value.type_name()))
        }
        _ => Miss::NotHere,
    }
}

/// What a copy of these costs.
fn weight(items: &[Value]) -> usize {
    items.iter().map(Value::weight).sum()
}

fn repetitions(count: &Value, length: usize) -> Result<usize, Miss> {
    let count = count.number().and_then(Number::to_int).ok_or(Miss::NotHere)?;
    let count = if count.is_negative() { 0 } else { count.to_usize().ok_or(Miss::NotHere)? };
    if count.saturating_mul(length) > LARGEST { Err(Miss::NotHere) } else { Ok(count) }
}

fn integers(op: Operator, a: &BigInt, b: &BigInt) -> Result<Value, Miss> {
    let divisible =
        || if b.is_zero() { Err(Miss::Raises("raised ZeroDivisionError".to_owned())) } else { Ok(()) };
    match op {
        Operator::Add => Ok(Value::Int(a + b)),
        Operator::Sub => Ok(Value::Int(a - b)),
        Operator::Mult if a.bits() + b.bits() <= LARGEST as u64 => Ok(Value::Int(a * b)),
        Operator::Div => {
            divisible()?;
            // Both exact as floats, so that the division alone rounds.
            const EXACT: u64 = 53;
            match (a.to_f64(), b.to_f64()) {
                (Some(x), Some(y)) if a.bits() <= EXACT && b.bits() <= EXACT => Ok(Value::Float(x / y)),
                _ => Err(Miss::NotHere),
            }
        }
        Operator::FloorDiv => divisible().map(|()| Value::Int(floor_div(a, b))),
        Operator::Mod => divisible().map(|()| Value::Int(a - floor_div(a, b) * b)),
        Operator::Pow => {
            let exponent = b.to_u32().ok_or(Miss::NotHere)?;
            if a.bits().saturating_mul(u64::from(exponent)) > LARGEST as u64 {
                return Err(Miss::NotHere);
            }
            Ok(Value::Int(a.pow(exponent)))
        }
        _ => Err(Miss::NotHere),
    }
}

fn floor_div(a: &BigInt, b: &BigInt) -> BigInt {
    let quotient = a / b;
    if (a % b).is_zero() || a.is_negative() == b.is_negative() { quotient } else { quotient - 1 }
}

fn floats(op: Operator, a: f64, b: f64) -> Result<Value, Miss> {
    match op {
        Operator::Add => Ok(Value::Float(a + b)),
        Operator::Sub => Ok(Value::Float(a - b)),
        Operator::Mult => Ok(Value::Float(a * b)),
        Operator::Div if b == 0.0 => Err(Miss::Raises("raised ZeroDivisionError".to_owned())),
        Operator::Div => Ok(Value::Float(a / b)),
        _ => Err(Miss::NotHere),
    }
}
