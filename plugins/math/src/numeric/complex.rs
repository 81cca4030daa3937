//! Complex numbers of some precision.

use dashu_float::ConstCache;

use super::Stop;
use super::real::{Precision, Real, Value, as_whole, checked, is_negative, is_zero, magnitude, whole};

/// A complex number.
#[derive(Debug, Clone)]
pub(super) struct Complex {
    pub(super) re: Real,
    pub(super) im: Real,
}

impl Complex {
    /// A real number.
    pub(super) fn real(re: Real) -> Self {
        Self { re, im: Real::zero() }
    }

    /// Whether its imaginary part is zero.
    pub(super) fn is_real(&self) -> bool {
        is_zero(&self.im)
    }

    /// Whether it is zero.
    pub(super) fn is_zero(&self) -> bool {
        is_zero(&self.re) && is_zero(&self.im)
    }

    /// The exponent of two of the larger part.
    pub(super) fn magnitude(&self) -> Option<isize> {
        magnitude(&self.re).max(magnitude(&self.im))
    }

    /// The negative.
    pub(super) fn negated(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }
}

/// Arithmetic at one precision. Constants are computed once.
pub(super) struct Arithmetic<'a> {
    pub(super) precision: Precision,
    pub(super) constants: &'a mut ConstCache,
    /// Whether results must be real.
    pub(super) real_only: bool,
}

/// The largest argument of a trigonometric function, as a power of two: reducing it takes as many digits.
const LARGEST_ANGLE: isize = 300;

impl Arithmetic<'_> {
    pub(super) fn add(&self, a: &Complex, b: &Complex) -> Value<Complex> {
        let re = checked(self.precision.add(&a.re, &b.re))?;
        let im = if a.is_real() && b.is_real() {
            Real::zero()
        } else {
            checked(self.precision.add(&a.im, &b.im))?
        };
        Ok(Complex { re, im })
    }

    pub(super) fn subtract(&self, a: &Complex, b: &Complex) -> Value<Complex> {
        self.add(a, &b.clone().negated())
    }

    fn times(&self, a: &Real, b: &Real) -> Value {
        checked(self.precision.mul(a, b))
    }

    pub(super) fn multiply(&self, a: &Complex, b: &Complex) -> Value<Complex> {
        if a.is_real() && b.is_real() {
            return Ok(Complex::real(self.times(&a.re, &b.re)?));
        }
        let re = checked(self.precision.sub(&self.times(&a.re, &b.re)?, &self.times(&a.im, &b.im)?))?;
        let im = checked(self.precision.add(&self.times(&a.re, &b.im)?, &self.times(&a.im, &b.re)?))?;
        Ok(Complex { re, im })
    }

    pub(super) fn divide(&self, a: &Complex, b: &Complex) -> Value<Complex> {
        if b.is_zero() {
            return Err(Stop::Undefined);
        }
        if a.is_real() && b.is_real() {
            return Ok(Complex::real(checked(self.precision.div(&a.re, &b.re))?));
        }
        let size = checked(self.precision.add(&self.times(&b.re, &b.re)?, &self.times(&b.im, &b.im)?))?;
        let conjugate = Complex { re: b.re.clone(), im: -b.im.clone() };
        let above = self.multiply(a, &conjugate)?;
        Ok(Complex {
            re: checked(self.precision.div(&above.re, &size))?,
            im: checked(self.precision.div(&above.im, &size))?,
        })
    }

    /// The absolute value.
    pub(super) fn size(&self, a: &Complex) -> Value {
        if a.is_real() {
            return Ok(if is_negative(&a.re) { -a.re.clone() } else { a.re.clone() });
        }
        checked(self.precision.hypot(&a.re, &a.im))
    }

    /// The argument, between -π and π.
    pub(super) fn angle(&mut self, a: &Complex) -> Value {
        checked(self.precision.atan2(&a.im, &a.re, Some(self.constants)))
    }

    pub(super) fn pi(&mut self) -> Value {
        Ok(self.precision.pi::<2>(Some(self.constants)).value().into_repr())
    }

    pub(super) fn exp(&mut self, a: &Complex) -> Value<Complex> {
        if magnitude(&a.re).is_some_and(|size| size > 26) {
            return Err(Stop::Huge);
        }
        let size = checked(self.precision.exp(&a.re, Some(self.constants)))?;
        if a.is_real() {
            return Ok(Complex::real(size));
        }
        let (sine, cosine) = self.sine_and_cosine(&a.im)?;
        Ok(Complex { re: self.times(&size, &cosine)?, im: self.times(&size, &sine)? })
    }

    pub(super) fn ln(&mut self, a: &Complex) -> Value<Complex> {
        if a.is_zero() {
            return Err(Stop::Undefined);
        }
        if a.is_real() && !is_negative(&a.re) {
            return Ok(Complex::real(checked(self.precision.ln(&a.re, Some(self.constants)))?));
        }
        if self.real_only {
            return Err(Stop::Undefined);
        }
        let size = self.size(a)?;
        let re = checked(self.precision.ln(&size, Some(self.constants)))?;
        Ok(Complex { re, im: self.angle(a)? })
    }

    fn sine_and_cosine(&mut self, angle: &Real) -> Value<(Real, Real)> {
        if magnitude(angle).is_some_and(|size| size > LARGEST_ANGLE) {
            return Err(Stop::Huge);
        }
        let sine = checked(self.precision.sin(angle, Some(self.constants)))?;
        let cosine = checked(self.precision.cos(angle, Some(self.constants)))?;
        Ok((sine, cosine))
    }

    /// Sine and cosine.
    pub(super) fn circle(&mut self, a: &Complex) -> Value<(Complex, Complex)> {
        let (sine, cosine) = self.sine_and_cosine(&a.re)?;
        if a.is_real() {
            return Ok((Complex::real(sine), Complex::real(cosine)));
        }
        let (sinh, cosh) = self.hyperbola(&Complex::real(a.im.clone()))?;
        Ok((
            Complex { re: self.times(&sine, &cosh.re)?, im: self.times(&cosine, &sinh.re)? },
            Complex { re: self.times(&cosine, &cosh.re)?, im: -self.times(&sine, &sinh.re)? },
        ))
    }

    /// Hyperbolic sine and cosine.
    pub(super) fn hyperbola(&mut self, a: &Complex) -> Value<(Complex, Complex)> {
        let up = self.exp(a)?;
        let down = self.divide(&Complex::real(whole(1)), &up)?;
        let two = Complex::real(whole(2));
        Ok((self.divide(&self.subtract(&up, &down)?, &two)?, self.divide(&self.add(&up, &down)?, &two)?))
    }

    /// A power.
    pub(super) fn power(&mut self, base: &Complex, exponent: &Complex) -> Value<Complex> {
        if exponent.is_real()
            && let Some(times) = as_whole(&exponent.re)
            && let Ok(times) = i64::try_from(&times)
        {
            return self.whole_power(base, times);
        }
        if base.is_zero() {
            return if exponent.is_real() && !is_negative(&exponent.re) {
                Ok(Complex::real(Real::zero()))
            } else {
                Err(Stop::Undefined)
            };
        }
        let logarithm = self.ln(base)?;
        let product = self.multiply(&logarithm, exponent)?;
        self.exp(&product)
    }

    fn whole_power(&mut self, base: &Complex, times: i64) -> Value<Complex> {
        if base.is_zero() {
            return match times {
                1.. => Ok(Complex::real(Real::zero())),
                _ => Err(Stop::Undefined),
            };
        }
        // Too large before a digit of it is computed.
        let size = base.magnitude().unwrap_or(0).abs().max(1) as i128;
        if size * i128::from(times.unsigned_abs()) > 2 * super::real::LARGEST_EXPONENT as i128 && size > 1 {
            return Err(Stop::Huge);
        }
        let mut power = Complex::real(whole(1));
        for bit in (0..64 - times.unsigned_abs().leading_zeros()).rev() {
            power = self.multiply(&power, &power)?;
            if times.unsigned_abs() >> bit & 1 == 1 {
                power = self.multiply(&power, base)?;
            }
        }
        if times < 0 { self.divide(&Complex::real(whole(1)), &power) } else { Ok(power) }
    }
}
