//! Real numbers of some precision, on the checked layer of dashu-float: nothing here panics.

use dashu_float::round::mode::HalfEven;
use dashu_float::{Context, FBig, FpError, Repr};
use dashu_int::IBig;
use dashu_ratio::RBig;

use super::Stop;

/// A real number.
pub(super) type Real = Repr<2>;
/// The precision to compute with.
pub(super) type Precision = Context<HalfEven>;

/// Numbers beyond two to this power, up or down, are not computed with.
pub(super) const LARGEST_EXPONENT: isize = 1 << 26;

/// The result of an operation.
pub(super) type Value<T = Real> = Result<T, Stop>;

/// Takes the number out of what dashu returns.
pub(super) fn checked(result: dashu_float::FpResult<FBig<HalfEven, 2>>) -> Value {
    let value = match result {
        Ok(rounded) => rounded.value().into_repr(),
        Err(FpError::Overflow(_) | FpError::Underflow(_)) => return Err(Stop::Huge),
        Err(_) => return Err(Stop::Undefined),
    };
    if value.is_infinite() {
        return Err(Stop::Undefined);
    }
    match magnitude(&value) {
        Some(size) if size.abs() > LARGEST_EXPONENT => Err(Stop::Huge),
        _ => Ok(value),
    }
}

/// Whether it is zero.
pub(super) fn is_zero(value: &Real) -> bool {
    value.significand().is_zero()
}

/// The exponent of two of a number; none for zero.
pub(super) fn magnitude(value: &Real) -> Option<isize> {
    if is_zero(value) { None } else { Some(value.exponent() + value.digits() as isize) }
}

/// A rational at some precision.
pub(super) fn rational(value: &RBig, precision: usize) -> Real {
    value.to_float::<HalfEven, 2>(precision).value().into_repr()
}

/// A small whole number.
pub(super) fn whole(value: i64) -> Real {
    Real::new(IBig::from(value), 0)
}

/// Whether it is below zero.
pub(super) fn is_negative(value: &Real) -> bool {
    *value.significand() < IBig::ZERO
}

/// The whole number that it is, when it is one of reasonable size.
pub(super) fn as_whole(value: &Real) -> Option<IBig> {
    if is_zero(value) {
        return Some(IBig::ZERO);
    }
    let exponent = value.exponent();
    if exponent < 0 || magnitude(value)? > 4_000 {
        return None;
    }
    Some(value.significand().clone() << usize::try_from(exponent).ok()?)
}

/// The nearest `f64`.
pub(super) fn to_f64(value: &Real) -> Option<f64> {
    Some(value.to_f64().value())
}

/// The largest whole number that is not above it.
pub(super) fn floor(value: &Real) -> Option<IBig> {
    if value.exponent() >= 0 {
        return as_whole(value);
    }
    let shift = usize::try_from(-value.exponent()).ok()?;
    Some(value.significand().clone() >> shift)
}
