//! Rough values with bounds of their error, to tell apart what is far apart.

use crate::expr::{Constant, Expr};

/// A value and how far off it is at most.
#[derive(Debug, Clone, Copy)]
pub struct Rough {
    value: f64,
    error: f64,
}

/// The error of one rounding, with a margin for what functions add.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
const MOST_DEPTH: u8 = 60;

impl Rough {
    fn new(value: f64, error: f64) -> Option<Self> {
        let error = error + value.abs() * ROUNDING;
        (value.is_finite() && error.is_finite() && (value == 0.0 || value.abs() > 1e-290))
            .then_some(Self { value, error })
    }

    /// The value of a constant; none for what has no real value, or none that is known well enough.
    pub fn of(expr: &Expr) -> Option<Self> {
        rough(expr, &[], 0)
    }

    /// Whether both are known and so far apart that not even rounding makes them equal.
    pub fn far_apart(a: Option<Self>, b: Option<Self>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => {
                let apart = (a.value - b.value).abs();
                a.differs_from(&b) && apart > 1e-2 * a.value.abs().max(b.value.abs())
            }
            _ => false,
        }
    }

    /// Whether the two cannot be equal.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        let apart = (self.value - other.value).abs();
        let sure = 8.0 * (self.error + other.error);
        apart > sure && apart > 1e-9 * self.value.abs().max(other.value.abs())
    }

    /// Whether at least eight digits of it are right.
    pub(super) fn is_known_well(&self) -> bool {
        self.error < 1e-8 * self.value.abs()
    }

    /// How large it is, roughly.
    pub(super) fn size(&self) -> f64 {
        self.value.abs()
    }

    /// The largest and the smallest size it may have.
    fn sizes(&self) -> (f64, f64) {
        (self.value.abs() + self.error, self.value.abs() - self.error)
    }
}

/// The value of a formula at a point. `None` when it is not a real number, or not one that is known well enough.
pub(super) fn rough(expr: &Expr, point: &[(&str, f64)], depth: u8) -> Option<Rough> {
    if depth > MOST_DEPTH {
        return None;
    }
    let inner = |expr: &Expr| rough(expr, point, depth + 1);
    match expr {
        Expr::Number(number) => Rough::new(number.value.to_f64().value(), 0.0),
        Expr::Symbol(name) => {
            let (_, value) = point.iter().find(|(it, _)| it == name)?;
            Rough::new(*value, 0.0)
        }
        Expr::Constant(Constant::Pi) => Rough::new(std::f64::consts::PI, 0.0),
        Expr::Constant(Constant::E) => Rough::new(std::f64::consts::E, 0.0),
        Expr::Negative(a) => {
            let a = inner(a)?;
            Some(Rough { value: -a.value, ..a })
        }
        Expr::Sum(terms) => {
            let mut sum = Rough { value: 0.0, error: 0.0 };
            for term in terms {
                let term = inner(term)?;
                sum = Rough::new(sum.value + term.value, sum.error + term.error)?;
            }
            Some(sum)
        }
        Expr::Product(factors) => {
            let mut product = Rough { value: 1.0, error: 0.0 };
            for factor in factors {
                let factor = inner(factor)?;
                let error = product.value.abs() * factor.error
                    + factor.value.abs() * product.error
                    + product.error * factor.error;
                product = Rough::new(product.value * factor.value, error)?;
            }
            Some(product)
        }
        Expr::Quotient(above, below) => divide(inner(above)?, inner(below)?),
        Expr::Power(base, exponent) => power(inner(base)?, inner(exponent)?),
        Expr::Percent(a) => {
            let a = inner(a)?;
            Rough::new(a.value / 100.0, a.error / 100.0)
        }
        Expr::Quantity(a, unit) if unit.is_degree() => {
            let a = inner(a)?;
            Rough::new(a.value.to_radians(), a.error)
        }
        Expr::Call(name, arguments) => match arguments.as_slice() {
            [exponent, radicand] if name == "root" => power(inner(radicand)?, inner(exponent)?),
            [a] => function(name, inner(a)?),
            _ => None,
        },
        _ => None,
    }
}

fn divide(above: Rough, below: Rough) -> Option<Rough> {
    let (_, smallest) = below.sizes();
    if smallest <= 0.0 {
        return None;
    }
    let value = above.value / below.value;
    Rough::new(value, (above.error + value.abs() * below.error) / smallest)
}

/// A power of a positive number, or a small whole power.
fn power(base: Rough, exponent: Rough) -> Option<Rough> {
    let (largest, smallest) = base.sizes();
    if smallest <= 0.0 || exponent.value.abs() > 400.0 {
        return None;
    }
    let whole = exponent.value == exponent.value.trunc() && exponent.error < 1e-9;
    if base.value < 0.0 && !whole {
        return None;
    }
    let value = base.value.powf(exponent.value);
    let logarithm = largest.ln().abs().max(smallest.ln().abs());
    Rough::new(
        value,
        2.0 * value.abs()
            * (exponent.value.abs() * base.error / smallest + logarithm * exponent.error + 8.0 * ROUNDING),
    )
}

fn function(name: &str, a: Rough) -> Option<Rough> {
    match name {
        "sin" if a.value.abs() < 1e6 => Rough::new(a.value.sin(), a.error + ROUNDING),
        "cos" if a.value.abs() < 1e6 => Rough::new(a.value.cos(), a.error + ROUNDING),
        "abs" => Rough::new(a.value.abs(), a.error),
        "exp" if a.value.abs() < 500.0 && a.error < 0.1 => {
            let value = a.value.exp();
            Rough::new(value, 2.0 * value * a.error)
        }
        "ln" | "log" => {
            let (_, smallest) = a.sizes();
            if a.value <= 0.0 || smallest <= 0.0 {
                return None;
            }
            let value = if name == "ln" { a.value.ln() } else { a.value.log10() };
            Rough::new(value, a.error / smallest + ROUNDING)
        }
        "tan" | "cot" | "sec" | "csc" if a.value.abs() < 1e6 => {
            let sine = Rough::new(a.value.sin(), a.error + ROUNDING)?;
            let cosine = Rough::new(a.value.cos(), a.error + ROUNDING)?;
            let one = Rough { value: 1.0, error: 0.0 };
            match name {
                "tan" => divide(sine, cosine),
                "cot" => divide(cosine, sine),
                "sec" => divide(one, cosine),
                _ => divide(one, sine),
            }
        }
        "arctan" => Rough::new(a.value.atan(), a.error + ROUNDING),
        _ => None,
    }
}
