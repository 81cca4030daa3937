//! The value axis of a chart, and ticks that people can read.

use crate::format::Unit;

/// The value axis: from `low` to `high`, with ticks at the multiples of `step`.
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) step: f64,
    pub(super) unit: Unit,
}

impl Axis {
    /// An axis that starts at 0 where that does not hide the change, and ends on a tick.
    pub(super) fn covering(low: f64, high: f64, unit: Unit) -> Self {
        if unit == Unit::Share && (0.0..=1.0).contains(&low) && (0.3..=1.0).contains(&high) {
            return Self { low: 0.0, high: 1.0, step: 0.25, unit };
        }
        let low = if low > 0.0 && low < 0.7 * high { 0.0 } else { low };
        let high = if high < 0.0 && high > 0.7 * low { 0.0 } else { high };
        // What changes by less than a thousandth does not change, and its ticks would differ in digits that nobody reads.
        let spread = 1e-3 * low.abs().max(high.abs());
        let (low, high) = if high > low && high - low < spread {
            let middle = (low + high) / 2.0;
            (middle - spread / 2.0, middle + spread / 2.0)
        } else {
            (low, high)
        };
        let (low, high) = if high > low { (low, high) } else { (low.min(0.0), low.max(0.0)) };
        let (low, high) = if high > low { (low, high) } else { (0.0, 1.0) };
        let step = nice_step((high - low) / 4.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, unit }
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        multiples(self.step, self.low, self.high)
    }
}

/// The nearest of 1, 2 and 5 times a power of ten.
pub(super) fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = match step / power {
        ..1.5 => 1.0,
        1.5..3.5 => 2.0,
        3.5..7.5 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// The multiples of `step` from `low` to `high`, both included up to rounding.
pub(super) fn multiples(step: f64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(move |factor| factor as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64, unit: Unit) -> (f64, f64, f64) {
        let axis = Axis::covering(low, high, unit);
        (axis.low, axis.high, axis.step)
    }

    #[test]
    fn an_axis_covers_its_values_and_ends_on_ticks() {
        assert_eq!(axis(0.3, 0.9, Unit::Share), (0.0, 1.0, 0.25));
        assert_eq!(axis(33.0, 78.0, Unit::Tokens), (0.0, 80.0, 20.0));
        assert_eq!(axis(0.0, 0.0, Unit::Plain), (0.0, 1.0, 0.2));
        assert_eq!(axis(-0.02, 0.03, Unit::Plain), (-0.02, 0.03, 0.01));
        let (low, high, step) = axis(10.52, 10.520_02, Unit::Plain);
        assert!(low < 10.52 && high > 10.521 && step > 1e-3, "{low} {high} {step}");
        let (low, high, _) = axis(94.1, 97.3, Unit::Plain);
        assert!((90.0..=94.1).contains(&low) && (97.3..100.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn an_axis_has_a_handful_of_ticks() {
        for exponent in -9..=9 {
            for factor in 1..100 {
                let high = f64::from(factor) * 10f64.powi(exponent);
                let ticks = Axis::covering(0.0, high, Unit::Plain).ticks().count();
                assert!((4..=8).contains(&ticks), "{ticks} ticks up to {high}");
            }
        }
    }
}
