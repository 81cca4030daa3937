//! Evaluates a formula at a point.

use dashu_base::{Gcd, Sign};
use dashu_float::{ConstCache, Context};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::complex::{Arithmetic, Complex};
use super::real::{Real, Value, as_whole, checked, floor, is_negative, is_zero, rational, whole};
use super::{Stop, negligible};
use crate::algebra::{Budget, canonical};
use crate::expr::{Constant, Expr};

/// What a function costs, where a sum costs one.
const FUNCTION: usize = 100;
/// The largest number whose factorial is multiplied out.
const LARGEST_FACTORIAL: i64 = 3_000;

/// Where the hyperbolic tangent cannot be told from 1 any more, in bits of the hyperbolic cosine.
const SATURATED: isize = 200;

/// Evaluates formulas at one point and one precision.
pub(super) struct Evaluator<'a> {
    arithmetic: Arithmetic<'a>,
    point: &'a [(&'a str, RBig)],
    budget: &'a Budget,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(
        precision: usize,
        point: &'a [(&'a str, RBig)],
        real_only: bool,
        constants: &'a mut ConstCache,
        budget: &'a Budget,
    ) -> Self {
        let arithmetic = Arithmetic { precision: Context::new(precision), constants, real_only };
        Self { arithmetic, point, budget }
    }

    pub(super) fn precision(&self) -> usize {
        self.arithmetic.precision.precision()
    }

    pub(super) fn difference(&mut self, a: &Complex, b: &Complex) -> Value<Complex> {
        self.arithmetic.subtract(a, b)
    }

    /// The value of `expr`.
    pub(super) fn value(&mut self, expr: &Expr) -> Value<Complex> {
        self.take(1)?;
        let value = self.inner_value(expr)?;
        if self.arithmetic.real_only && !value.is_real() {
            return Err(Stop::Undefined);
        }
        Ok(value)
    }

    fn take(&self, steps: usize) -> Value<()> {
        self.budget.take_steps(steps * (1 + self.precision() / 64)).map_err(|_| Stop::Unknown)
    }

    fn inner_value(&mut self, expr: &Expr) -> Value<Complex> {
        match expr {
            Expr::Number(number) => Ok(self.rational(&number.value)),
            Expr::Symbol(name) => {
                let found =
                    self.point.iter().rev().find(|(it, _)| it == name).map(|(_, value)| value.clone());
                found.map(|value| self.rational(&value)).ok_or(Stop::Unknown)
            }
            Expr::Constant(Constant::Pi) => Ok(Complex::real(self.arithmetic.pi()?)),
            Expr::Constant(Constant::E) => self.arithmetic.exp(&Complex::real(whole(1))),
            Expr::Constant(Constant::I) => Ok(Complex { re: Real::zero(), im: whole(1) }),
            Expr::Constant(Constant::Infinity) => Err(Stop::Huge),
            Expr::Negative(inner) => Ok(self.value(inner)?.negated()),
            Expr::Sum(terms) => {
                let mut sum = Complex::real(Real::zero());
                for term in terms {
                    let term = self.value(term)?;
                    sum = self.arithmetic.add(&sum, &term)?;
                }
                Ok(sum)
            }
            Expr::Product(factors) => {
                let mut product = Complex::real(whole(1));
                for factor in factors {
                    let factor = self.value(factor)?;
                    product = self.arithmetic.multiply(&product, &factor)?;
                }
                Ok(product)
            }
            Expr::Quotient(above, below) => {
                let (above, below) = (self.value(above)?, self.value(below)?);
                self.arithmetic.divide(&above, &below)
            }
            Expr::Power(base, exponent) => self.power(base, exponent),
            Expr::Percent(inner) => {
                let inner = self.value(inner)?;
                self.arithmetic.divide(&inner, &Complex::real(whole(100)))
            }
            Expr::Quantity(inner, unit) if unit.is_degree() => {
                let inner = self.value(inner)?;
                let pi = Complex::real(self.arithmetic.pi()?);
                let product = self.arithmetic.multiply(&inner, &pi)?;
                self.arithmetic.divide(&product, &Complex::real(whole(180)))
            }
            Expr::Quantity(inner, unit) if unit.is_radian() => self.value(inner),
            Expr::Based(digits, base) => {
                let value = UBig::from_str_radix(digits, *base).map_err(|_| Stop::Unknown)?;
                Ok(self.rational(&RBig::from(value)))
            }
            Expr::Ratio(parts) => match parts.as_slice() {
                [above, below] => {
                    let (above, below) = (self.value(above)?, self.value(below)?);
                    self.arithmetic.divide(&above, &below)
                }
                _ => Err(Stop::Unknown),
            },
            Expr::Call(name, arguments) => self.call(name, arguments),
            _ => Err(Stop::Unknown),
        }
    }

    fn rational(&self, value: &RBig) -> Complex {
        Complex::real(rational(value, self.precision()))
    }

    /// A power; of a negative number to a fraction with an odd denominator, the real one.
    fn power(&mut self, base: &Expr, exponent: &Expr) -> Value<Complex> {
        let simple = matches!(exponent, Expr::Number(_)) || root_index(exponent).is_some();
        self.take(if simple { 4 } else { FUNCTION })?;
        let value = self.value(base)?;
        if value.is_real() && is_negative(&value.re) && !matches!(exponent, Expr::Number(_) | Expr::Symbol(_))
        {
            let rational = canonical(exponent, self.budget).ok().and_then(|it| it.as_rational());
            if let Some(rational) =
                rational.filter(|it| !it.is_int() && it.denominator().trailing_zeros() == Some(0))
            {
                let exponent = self.rational(&rational);
                let power = self.arithmetic.power(&value.negated(), &exponent)?;
                let odd = rational.numerator().trailing_zeros() == Some(0);
                return Ok(if odd { power.negated() } else { power });
            }
        }
        if let (Some(index), true) = (root_index(exponent), value.is_real() && !is_negative(&value.re)) {
            let root = self.arithmetic.precision.nth_root(index, &value.re);
            return Ok(Complex::real(checked(root)?));
        }
        let exponent = self.value(exponent)?;
        self.arithmetic.power(&value, &exponent)
    }

    fn call(&mut self, name: &str, arguments: &[Expr]) -> Value<Complex> {
        match (name, arguments) {
            ("root", [exponent, radicand]) => return self.power(radicand, exponent),
            ("sum" | "prod", [Expr::Symbol(index), low, high, body]) => {
                return self.series(name, index, low, high, body);
            }
            _ => {}
        }
        self.take(FUNCTION)?;
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        match values.as_slice() {
            [value] => self.function(name, value),
            [first, second] if name == "log" => {
                let (base, value) = (self.arithmetic.ln(first)?, self.arithmetic.ln(second)?);
                self.arithmetic.divide(&value, &base)
            }
            _ => discrete(name, &values),
        }
    }

    fn function(&mut self, name: &str, value: &Complex) -> Value<Complex> {
        let one = Complex::real(whole(1));
        match name {
            "sin" => Ok(self.arithmetic.circle(value)?.0),
            "cos" => Ok(self.arithmetic.circle(value)?.1),
            "cis" => {
                let (sine, cosine) = self.arithmetic.circle(value)?;
                let turned = self.arithmetic.multiply(&sine, &Complex { re: Real::zero(), im: whole(1) })?;
                let real_only = std::mem::take(&mut self.arithmetic.real_only);
                let sum = self.arithmetic.add(&cosine, &turned);
                self.arithmetic.real_only = real_only;
                sum
            }
            "tan" | "cot" | "sec" | "csc" => {
                let (sine, cosine) = self.arithmetic.circle(value)?;
                let (above, below) = match name {
                    "tan" => (&sine, &cosine),
                    "cot" => (&cosine, &sine),
                    "sec" => (&one, &cosine),
                    _ => (&one, &sine),
                };
                if negligible(&below.re, Some(0), self.precision()) && below.is_real() {
                    return Err(Stop::Undefined);
                }
                self.arithmetic.divide(above, below)
            }
            "sinh" | "arsinh" | "cosh" | "tanh" | "coth" | "sech" | "csch" => {
                let (sinh, cosh) = self.arithmetic.hyperbola(value)?;
                // Far out, these differ from 1 by less than any precision sees.
                if matches!(name, "tanh" | "coth") && cosh.magnitude() > Some(SATURATED) {
                    return Err(Stop::Huge);
                }
                match name {
                    "sinh" => Ok(sinh),
                    "cosh" => Ok(cosh),
                    "tanh" => self.arithmetic.divide(&sinh, &cosh),
                    "coth" => self.arithmetic.divide(&cosh, &sinh),
                    "sech" => self.arithmetic.divide(&one, &cosh),
                    "csch" => self.arithmetic.divide(&one, &sinh),
                    _ => Err(Stop::Unknown),
                }
            }
            "arcsin" | "arccos" | "arctan" | "arccot" | "arcsec" | "arccsc" => {
                self.inverse_circle(name, value)
            }
            "ln" => self.arithmetic.ln(value),
            "log" => {
                let (ten, value) =
                    (self.arithmetic.ln(&Complex::real(whole(10)))?, self.arithmetic.ln(value)?);
                self.arithmetic.divide(&value, &ten)
            }
            "exp" => self.arithmetic.exp(value),
            "abs" | "norm" => Ok(Complex::real(self.arithmetic.size(value)?)),
            "Re" => Ok(Complex::real(value.re.clone())),
            "Im" => Ok(Complex::real(value.im.clone())),
            "arg" => Ok(Complex::real(self.arithmetic.angle(value)?)),
            "sgn" if value.is_real() => {
                let sign = if is_zero(&value.re) {
                    0
                } else if is_negative(&value.re) {
                    -1
                } else {
                    1
                };
                Ok(Complex::real(whole(sign)))
            }
            _ => discrete(name, std::slice::from_ref(value)),
        }
    }

    fn inverse_circle(&mut self, name: &str, value: &Complex) -> Value<Complex> {
        if !value.is_real() {
            return Err(Stop::Undefined);
        }
        let Arithmetic { precision, constants, .. } = &mut self.arithmetic;
        let inverse = |value: &Real| -> Value { checked(precision.div(&whole(1), value)) };
        let angle = match name {
            "arcsin" => checked(precision.asin(&value.re, Some(constants)))?,
            "arccos" => checked(precision.acos(&value.re, Some(constants)))?,
            "arctan" => checked(precision.atan(&value.re, Some(constants)))?,
            "arcsec" => checked(precision.acos(&inverse(&value.re)?, Some(constants)))?,
            "arccsc" => checked(precision.asin(&inverse(&value.re)?, Some(constants)))?,
            _ => {
                let right = precision.pi::<2>(Some(constants)).value().into_repr();
                let right = checked(precision.div(&right, &whole(2)))?;
                checked(precision.sub(&right, &checked(precision.atan(&value.re, Some(constants)))?))?
            }
        };
        Ok(Complex::real(angle))
    }

    fn series(&mut self, name: &str, index: &str, low: &Expr, high: &Expr, body: &Expr) -> Value<Complex> {
        let bound =
            |value: Complex| as_whole(&value.re).and_then(|it| i64::try_from(it).ok()).ok_or(Stop::Unknown);
        let (low, high) = (bound(self.value(low)?)?, bound(self.value(high)?)?);
        if high.saturating_sub(low) > 60 {
            return Err(Stop::Unknown);
        }
        let is_sum = name == "sum";
        let mut total = Complex::real(whole(i64::from(!is_sum)));
        for at in low..=high {
            self.take(10)?;
            let term = crate::algebra::substitute(body, index, &Expr::integer(at));
            let term = self.value(&term)?;
            total = if is_sum {
                self.arithmetic.add(&total, &term)?
            } else {
                self.arithmetic.multiply(&total, &term)?
            };
        }
        Ok(total)
    }
}

/// The index of a root that is written as a power: 3 for 1/3.
fn root_index(exponent: &Expr) -> Option<usize> {
    let Expr::Quotient(above, below) = exponent else { return None };
    match (&**above, &**below) {
        (Expr::Number(one), Expr::Number(index)) if one.value.is_one() && index.value.is_int() => {
            usize::try_from(index.value.numerator().clone()).ok().filter(|index| (2..=64).contains(index))
        }
        _ => None,
    }
}

/// Functions of whole numbers, and the steps of the reals.
fn discrete(name: &str, values: &[Complex]) -> Value<Complex> {
    if values.iter().any(|value| !value.is_real()) {
        return Err(Stop::Undefined);
    }
    if let ("floor" | "ceil", [value]) = (name, values) {
        let down = floor(&value.re).ok_or(Stop::Unknown)?;
        let whole_already = as_whole(&value.re).is_some();
        let result = if name == "ceil" && !whole_already { down + IBig::ONE } else { down };
        return Ok(Complex::real(Real::from(result)));
    }
    if let ("max" | "min", [first, rest @ ..]) = (name, values) {
        let mut best = first;
        for value in rest {
            if (value.re > best.re) == (name == "max") {
                best = value;
            }
        }
        return Ok(best.clone());
    }
    let numbers: Option<Vec<IBig>> = values.iter().map(|value| as_whole(&value.re)).collect();
    let numbers = numbers.ok_or(Stop::Undefined)?;
    let result = match (name, numbers.as_slice()) {
        ("factorial", [n]) => factorial(n, 1)?,
        ("factorial2", [n]) => factorial(n, 2)?,
        ("binom", [n, k]) => binomial(n, k)?,
        ("gcd", [first, rest @ ..]) => {
            let mut total = first.clone();
            for number in rest {
                total = if total.is_zero() || number.is_zero() {
                    total + number
                } else {
                    IBig::from(total.gcd(number))
                };
            }
            total
        }
        ("lcm", [a, b]) if !a.is_zero() && !b.is_zero() => a / IBig::from(a.gcd(b)) * b,
        ("mod", [a, b]) if b.sign() == Sign::Positive && !b.is_zero() => ((a % b) + b) % b,
        _ => return Err(Stop::Unknown),
    };
    Ok(Complex::real(Real::new(result, 0)))
}

fn factorial(n: &IBig, step: usize) -> Value<IBig> {
    let n = i64::try_from(n).map_err(|_| Stop::Huge)?;
    if n < 0 {
        return Err(Stop::Undefined);
    }
    if n > LARGEST_FACTORIAL {
        return Err(Stop::Huge);
    }
    Ok((1..=n).rev().step_by(step).fold(IBig::ONE, |product, factor| product * factor))
}

fn binomial(n: &IBig, k: &IBig) -> Value<IBig> {
    let (n, k) = (i64::try_from(n).map_err(|_| Stop::Huge)?, i64::try_from(k).map_err(|_| Stop::Huge)?);
    if n < 0 || k < 0 {
        return Err(Stop::Undefined);
    }
    if k > n {
        return Ok(IBig::ZERO);
    }
    let k = k.min(n - k);
    if k > 1_000 {
        return Err(Stop::Huge);
    }
    Ok((0..k).fold(IBig::ONE, |product, step| product * (n - step) / (step + 1)))
}
