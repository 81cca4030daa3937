//! Commands of LaTeX: fractions, roots, binomials, sets by name, derivatives, what is delimited.

use super::atoms::{is_function, spell};
use super::formula::{PRODUCT, product};
use super::{Parser, Read, Unreadable};
use crate::expr::{Constant, Expr, NamedSet, Number};
use crate::token::Kind;

impl<'t> Parser<'t> {
    /// What a command stands for, whose name has been read.
    pub(super) fn command(&mut self, name: &'t str) -> Read {
        match name {
            "frac" => {
                if let Some(derivative) = self.derivative()? {
                    return Ok(derivative);
                }
                let numerator = self.argument()?;
                let denominator = self.argument()?;
                if let Some(binomial) = as_binomial(&numerator, &denominator) {
                    return Ok(binomial);
                }
                Ok(Expr::Quotient(Box::new(numerator), Box::new(denominator)))
            }
            "sqrt" => self.indexed_root(),
            "cbrt" => Ok(root(3, self.argument()?)),
            "binom" => {
                let upper = self.argument()?;
                let lower = self.argument()?;
                Ok(binomial(upper, lower))
            }
            "pi" => Ok(Expr::Constant(Constant::Pi)),
            "infty" | "infinity" | "inf" => Ok(Expr::Constant(Constant::Infinity)),
            "imath" | "iota" => Ok(Expr::Constant(Constant::I)),
            "Reals" => Ok(self.with_sign(NamedSet::Reals)),
            "Integers" => Ok(self.with_sign(NamedSet::Integers)),
            "Naturals" => Ok(self.with_sign(NamedSet::Naturals)),
            "Rationals" => Ok(self.with_sign(NamedSet::Rationals)),
            "Complexes" => Ok(self.with_sign(NamedSet::Complexes)),
            "lfloor" => self.delimited("floor", "rfloor"),
            "lceil" => self.delimited("ceil", "rceil"),
            "langle" => {
                let inner = self.list()?;
                if self.peek() != Some(&Kind::Command("rangle")) {
                    return Err(Unreadable("a bracket is not closed"));
                }
                self.at += 1;
                Ok(match inner {
                    Expr::List(members) => Expr::Tuple(members),
                    single => single,
                })
            }
            "sum" | "prod" | "int" | "lim" => self.big_operator(name),
            "overline" | "bar" | "underline" | "overrightarrow" | "widehat" | "tilde" => {
                let mut spelling = String::new();
                self.subscript(&mut spelling)?;
                let mut letters = spelling.chars();
                match (letters.next(), letters.next(), letters.next()) {
                    // A segment, or its length.
                    (Some(a), Some(b), None)
                        if name == "overline" && a.is_uppercase() && b.is_uppercase() =>
                    {
                        Ok(product(Expr::Symbol(a.to_string()), Expr::Symbol(b.to_string())))
                    }
                    _ => self.symbol(format!("{name} {spelling}")),
                }
            }
            "angle" | "measuredangle" | "triangle" => {
                let mut spelling = name.to_owned();
                while let Some(Kind::Letter(_) | Kind::Word(_)) = self.peek() {
                    spell(&self.tokens[self.at].kind, &mut spelling);
                    self.at += 1;
                }
                Ok(Expr::Symbol(spelling))
            }
            "pmod" | "pod" => Err(Unreadable("a modulus stands alone")),
            _ if is_function(name) => self.function(name),
            "varepsilon" | "varphi" | "vartheta" | "varrho" | "varsigma" => self.symbol(name[3..].to_owned()),
            _ => self.symbol(name.to_owned()),
        }
    }

    /// `\frac{d}{dx}` and what it is applied to, or `\frac{dy}{dx}`, which is one name.
    fn derivative(&mut self) -> Read<Option<Expr>> {
        // Most fractions have a number above.
        if matches!(self.peek_at(1), Some(Kind::Number(_) | Kind::Sign(_))) {
            return Ok(None);
        }
        let braced = |parser: &Self, ahead: usize| -> Option<(String, usize)> {
            let mut spelling = String::new();
            if parser.peek_at(ahead) != Some(&Kind::Sign('{')) {
                return None;
            }
            for at in 1..8 {
                match parser.peek_at(ahead + at)? {
                    Kind::Sign('}') => return Some((spelling, at + 1)),
                    kind @ (Kind::Letter(_)
                    | Kind::Word(_)
                    | Kind::Text(_)
                    | Kind::Number(_)
                    | Kind::Sign('^')) => {
                        spell(kind, &mut spelling);
                    }
                    Kind::Command("partial") => spelling.push('d'),
                    _ => return None,
                }
            }
            None
        };
        let Some((above, length)) = braced(self, 0) else { return Ok(None) };
        let Some((below, more)) = braced(self, length) else { return Ok(None) };
        let order = above.strip_prefix('d');
        let variable = below.strip_prefix('d').filter(|it| it.starts_with(char::is_alphabetic));
        let (Some(order), Some(variable)) = (order, variable) else { return Ok(None) };
        let name = format!("d{order}/d{variable}");
        self.at += length + more;
        let operator =
            order.strip_prefix('^').map_or(order, |it| it.trim_start_matches(|c: char| c.is_ascii_digit()));
        if !operator.is_empty() {
            return Ok(Some(Expr::Symbol(name)));
        }
        let body = self.deeper(|parser| parser.formula(PRODUCT))?;
        Ok(Some(Expr::Call(name, vec![body])))
    }

    /// A set by name, with `^+` and the like: positive reals are `(0, ∞)`.
    fn with_sign(&mut self, set: NamedSet) -> Expr {
        let start = self.at;
        let raised = self.eat('^') || self.eat('_');
        let braced = raised && self.eat('{');
        let positive = raised && self.eat('+');
        let closed = !braced || self.eat('}');
        if positive && closed {
            if set == NamedSet::Reals {
                return Expr::Tuple(vec![Expr::integer(0), Expr::Constant(Constant::Infinity)]);
            }
            return Expr::Named(if set == NamedSet::Integers { NamedSet::Naturals } else { set });
        }
        self.at = start;
        Expr::Named(set)
    }

    fn delimited(&mut self, function: &str, close: &str) -> Read {
        let inner = self.formula(0)?;
        match self.peek() {
            Some(Kind::Command(name)) if *name == close => self.at += 1,
            _ => return Err(Unreadable("a bracket is not closed")),
        }
        Ok(Expr::Call(function.to_owned(), vec![inner]))
    }

    fn indexed_root(&mut self) -> Read {
        let index = if self.peek_sign() == Some('[') {
            self.at += 1;
            let index = self.formula(0)?;
            self.expect(']')?;
            Some(index)
        } else {
            None
        };
        let radicand = self.argument()?;
        Ok(match index {
            None => root(2, radicand),
            Some(index) => {
                let exponent = Expr::Quotient(Box::new(Expr::integer(1)), Box::new(index));
                Expr::Call("root".to_owned(), vec![exponent, radicand])
            }
        })
    }
}

/// A binomial, of two whole numbers the one with the smaller lower part: one that is too large to be computed is
/// compared as it is written.
pub(super) fn binomial(upper: Expr, lower: Expr) -> Expr {
    if let (Expr::Number(n), Expr::Number(k)) = (&upper, &lower)
        && n.value.is_int()
        && k.value.is_int()
        && k.value <= n.value
    {
        let other = n.value.clone() - k.value.clone();
        if other < k.value {
            return Expr::Call("binom".to_owned(), vec![upper.clone(), Expr::Number(Number::exact(other))]);
        }
    }
    Expr::Call("binom".to_owned(), vec![upper, lower])
}

/// Factorials beyond this are compared as they are written.
const LARGE: u32 = 2_000;

/// `\frac{5000!}{1200!\,3800!}` as the binomial that it is, where the factorials are too large to be computed.
fn as_binomial(above: &Expr, below: &Expr) -> Option<Expr> {
    let argument = |expr: &Expr| match expr {
        Expr::Call(name, arguments) if name == "factorial" => match arguments.as_slice() {
            [Expr::Number(number)] if number.value.is_int() => Some(number.value.clone()),
            _ => None,
        },
        _ => None,
    };
    let Expr::Product(factors) = below else { return None };
    let [left, right] = factors.as_slice() else { return None };
    let (n, k, rest) = (argument(above)?, argument(left)?, argument(right)?);
    let is_binomial = n > dashu_ratio::RBig::from(LARGE) && &k + &rest == n;
    is_binomial.then(|| binomial(Expr::Number(Number::exact(n)), Expr::Number(Number::exact(k))))
}

/// A root of a fixed index.
pub(super) fn root(index: i64, radicand: Expr) -> Expr {
    let exponent = Expr::Quotient(Box::new(Expr::integer(1)), Box::new(Expr::integer(index)));
    Expr::Call("root".to_owned(), vec![exponent, radicand])
}
