//! From exact values back to formulas, to evaluate what is left of a difference.

use dashu_ratio::RBig;

use super::{Atom, Fraction, Monomial, Poly};
use crate::expr::{Constant, Expr, Number};

impl Poly {
    /// Its terms as formulas.
    pub fn to_terms(&self) -> Vec<Expr> {
        self.0
            .iter()
            .map(|(monomial, coefficient)| {
                let mut factors = vec![Expr::Number(Number::exact(coefficient.clone()))];
                factors.extend(factors_of(monomial));
                Expr::Product(factors)
            })
            .collect()
    }
}

fn factors_of(monomial: &Monomial) -> Vec<Expr> {
    monomial.0.iter().map(|(atom, exponent)| raised(formula(atom), exponent)).collect()
}

fn raised(base: Expr, exponent: &RBig) -> Expr {
    if exponent.is_one() {
        return base;
    }
    let whole = |value: RBig| Expr::Number(Number::exact(value));
    let power = if exponent.is_int() {
        whole(exponent.clone())
    } else {
        let (above, below) = (exponent.numerator().clone(), exponent.denominator().clone());
        Expr::Quotient(Box::new(whole(RBig::from(above))), Box::new(whole(RBig::from(below))))
    };
    Expr::Power(Box::new(base), Box::new(power))
}

fn formula(atom: &Atom) -> Expr {
    match atom {
        Atom::Prime(prime) => Expr::Number(Number::exact(RBig::from(prime.clone()))),
        Atom::I => Expr::Constant(Constant::I),
        Atom::Pi => Expr::Constant(Constant::Pi),
        Atom::E => Expr::Constant(Constant::E),
        Atom::Symbol(name) => Expr::Symbol(name.to_string()),
        Atom::Absolute(inner) => Expr::Call("abs".to_owned(), vec![formula(inner)]),
        Atom::Raised(base, exponent) => {
            let exponent = Expr::Product(factors_of(exponent));
            Expr::Power(Box::new(quotient(base)), Box::new(exponent))
        }
        Atom::Group(inner) => quotient(inner),
        Atom::Call(name, arguments) => Expr::Call(name.to_string(), arguments.iter().map(quotient).collect()),
    }
}

fn quotient(fraction: &Fraction) -> Expr {
    let above = Expr::Sum(fraction.num.to_terms());
    if fraction.den.is_one() {
        return above;
    }
    Expr::Quotient(Box::new(above), Box::new(Expr::Sum(fraction.den.to_terms())))
}
