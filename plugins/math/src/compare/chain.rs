//! Whether what stands in a chain of equations can be equal.

use super::Comparer;
use super::relation::has_symbols;
use super::scalar::as_decimal;
use crate::expr::Expr;
use crate::numeric::approximate;
use crate::units::Units;

impl Comparer<'_> {
    /// Whether two constants that are said to be equal are not: a decimal may be rounded or cut off, a fraction be near.
    pub(super) fn contradict(self, a: &Expr, b: &Expr) -> bool {
        let mut factor = 1.0;
        let (mut a, mut b) = (a, b);
        if let (Expr::Quantity(_, unit), Expr::Quantity(_, other)) = (a, b) {
            match unit.against(other) {
                Units::Same => {}
                Units::Convertible(by) => factor = by.to_f64().value(),
                Units::Unlike => return false,
            }
        }
        for side in [&mut a, &mut b] {
            if let Expr::Quantity(value, unit) = *side
                && (factor != 1.0 || !unit.is_degree())
            {
                *side = &**value;
            }
        }
        if !self.rules.true_chains || has_symbols(a) || has_symbols(b) {
            return false;
        }
        let (Some(x), Some(y)) = (approximate(a, self.budget), approximate(b, self.budget)) else {
            return false;
        };
        let x = x * factor;
        let apart = (x - y).abs();
        if apart <= 1e-9 * x.abs().max(y.abs()) {
            return false;
        }
        let unit = |expr: &Expr| {
            let (number, shift) = as_decimal(expr, self.budget)?;
            // The zeros at the end of an integer may stand for digits that were rounded off.
            let zeros = match number.decimals {
                Some(decimals) => -i32::try_from(decimals).ok()?,
                None if number.value.is_int() && !number.value.is_zero() => {
                    let digits = number.value.numerator().to_string();
                    i32::try_from(digits.len() - digits.trim_end_matches('0').len()).ok()?
                }
                None => 0,
            };
            let places = i32::try_from(shift).ok()? + zeros;
            Some(10_f64.powi(places))
        };
        let units = [unit(a), unit(b)];
        if units == [None, None] {
            // `\pi ≈ 22/7`
            return apart > 0.01 * x.abs().max(y.abs());
        }
        let close = |unit: Option<f64>, decimal: f64, exact: f64| {
            unit.is_some_and(|unit| apart <= 0.500_001 * unit || decimal.abs() < exact.abs() && apart < unit)
        };
        !close(units[1], y, x) && !close(units[0], x, y)
    }
}
