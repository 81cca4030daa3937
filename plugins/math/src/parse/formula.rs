//! Operators and their binding powers.

use super::{Parser, Read, Unreadable, words};
use crate::expr::{Constant, Expr};
use crate::token::Kind;

const SET: u8 = 3;
const INTERSECTION: u8 = 4;
const RATIO: u8 = 5;
const SUM: u8 = 10;
const SIGN: u8 = 15;
/// How strongly factors bind.
pub(super) const PRODUCT: u8 = 20;
const POWER: u8 = 30;

impl Parser<'_> {
    /// A formula whose operators bind at least as strongly as `least`.
    pub(super) fn formula(&mut self, least: u8) -> Read {
        self.deeper(|parser| {
            let mut left = parser.signed(least)?;
            while let Some(next) = parser.operator(&left, least) {
                left = parser.operation(left, next)?;
            }
            Ok(left)
        })
    }

    fn signed(&mut self, least: u8) -> Read {
        match self.peek_sign() {
            Some('+') => {
                self.at += 1;
                self.formula(SIGN.max(least))
            }
            Some('-') => {
                self.at += 1;
                Ok(negative(self.formula(SIGN.max(least))?))
            }
            Some(sign @ ('±' | '∓')) => {
                self.at += 1;
                let inner = self.formula(SIGN.max(least))?;
                Ok(plus_minus(Expr::integer(0), inner, sign))
            }
            _ => self.operand(),
        }
    }

    /// The operator that comes next and binds strongly enough. A product without sign is `·`.
    fn operator(&self, left: &Expr, least: u8) -> Option<char> {
        let sign = match self.peek()? {
            Kind::Sign(sign) => *sign,
            Kind::Command("bmod" | "mod") => '%',
            Kind::Command("choose") => 'C',
            Kind::Command("over") => 'O',
            Kind::Letter('U')
                if is_set(left) && matches!(self.peek_at(1), Some(Kind::Sign('(' | '[' | '⦃'))) =>
            {
                '∪'
            }
            _ => '·',
        };
        let power = match sign {
            '∪' | '∖' => SET,
            '∩' => INTERSECTION,
            ':' if !self.set_head => RATIO,
            'C' | 'O' => RATIO,
            '+' | '-' | '±' | '∓' => SUM,
            '*' | '/' => PRODUCT,
            '%' if matches!(self.peek(), Some(Kind::Command(_))) => PRODUCT,
            '^' => POWER,
            _ if self.starts_factor(left) => return (PRODUCT >= least).then_some('·'),
            _ => return None,
        };
        (power >= least).then_some(sign)
    }

    /// Whether the next token starts a factor that is multiplied without a sign.
    pub(super) fn starts_factor(&self, left: &Expr) -> bool {
        match self.peek() {
            Some(Kind::Number(_)) => !matches!(left, Expr::Number(_)),
            Some(Kind::Letter(_)) => self.half_day().is_none(),
            Some(Kind::Word(word)) => !words::is_conjunction(&Kind::Word(word)) && !self.is_unit_word(word),
            Some(Kind::Text(word)) => {
                word.len() == 1 && !crate::units::is_known(word) && *word != "a" && !self.spaced()
            }
            Some(Kind::Command(name)) => !matches!(
                *name,
                "rfloor"
                    | "rceil"
                    | "rangle"
                    | "pmod"
                    | "bmod"
                    | "mod"
                    | "choose"
                    | "over"
                    | "circ"
                    | "Rightarrow"
                    | "text"
            ),
            Some(Kind::Begin(_)) => true,
            Some(Kind::Sign('[')) => !self.closes_interval(),
            Some(Kind::Sign('(' | '{' | '⦃')) => true,
            Some(Kind::Sign('|')) => self.bars == 0 && !self.set_head,
            Some(Kind::Sign('$' | '€' | '£')) => false,
            _ => false,
        }
    }

    /// Whether the `[` that comes next is the end of `[a, b[`: nothing that it could hold follows.
    fn closes_interval(&self) -> bool {
        match self.peek_at(1) {
            None => true,
            Some(Kind::Sign(sign)) => matches!(sign, ')' | '}' | '⦄' | ',' | ';' | '∪' | '∩' | '∖'),
            Some(kind) => words::is_conjunction(kind),
        }
    }

    fn operation(&mut self, left: Expr, operator: char) -> Read {
        if operator != '·' {
            self.at += 1;
        }
        match operator {
            '∪' => Ok(append(left, self.formula(SET + 1)?, |it| matches!(it, Expr::Union(_)), Expr::Union)),
            '∩' => {
                let right = self.formula(INTERSECTION + 1)?;
                Ok(append(left, right, |it| matches!(it, Expr::Intersection(_)), Expr::Intersection))
            }
            '∖' => Ok(Expr::Difference(Box::new(left), Box::new(self.formula(SET + 1)?))),
            ':' => {
                if let Some(time) = self.time(&left) {
                    return Ok(time);
                }
                Ok(append(left, self.formula(RATIO + 1)?, |it| matches!(it, Expr::Ratio(_)), Expr::Ratio))
            }
            'O' => Ok(Expr::Quotient(Box::new(left), Box::new(self.formula(RATIO + 1)?))),
            'C' => Ok(super::commands::binomial(left, self.formula(RATIO + 1)?)),
            '+' => Ok(sum(left, self.formula(SUM + 1)?)),
            '-' => {
                let right = self.formula(SUM + 1)?;
                // `\mathbb{R} - \{3\}` is a difference of sets.
                if matches!(right, Expr::Set(_)) {
                    return Ok(Expr::Difference(Box::new(left), Box::new(right)));
                }
                Ok(sum(left, Expr::Negative(Box::new(right))))
            }
            '±' | '∓' => Ok(plus_minus(left, self.formula(SUM + 1)?, operator)),
            '*' => Ok(product(left, self.formula(PRODUCT + 1)?)),
            '/' => Ok(Expr::Quotient(Box::new(left), Box::new(self.formula(PRODUCT + 1)?))),
            '%' => Ok(Expr::Call("mod".to_owned(), vec![left, self.formula(PRODUCT + 1)?])),
            '^' => self.power(left),
            _ => {
                let right = self.formula(PRODUCT + 1)?;
                Ok(product(left, right))
            }
        }
    }

    fn power(&mut self, base: Expr) -> Read {
        match (self.peek(), self.peek_at(1), self.peek_at(2)) {
            // `30^\circ`, `30^{\circ}`
            (Some(Kind::Command("circ") | Kind::Sign('°')), ..) => {
                self.at += 1;
                Ok(self.degrees(base))
            }
            (Some(Kind::Sign('{')), Some(Kind::Command("circ") | Kind::Sign('°')), Some(Kind::Sign('}'))) => {
                self.at += 3;
                Ok(self.degrees(base))
            }
            (Some(Kind::Sign('{')), Some(Kind::Sign('\'')), Some(Kind::Sign('}'))) => {
                self.at += 3;
                Ok(base)
            }
            (Some(Kind::Command("prime") | Kind::Sign('\'' | '*')), ..) => {
                self.at += 1;
                Ok(base)
            }
            // The transpose of a matrix.
            (Some(Kind::Letter('T') | Kind::Command("top" | "intercal")), ..)
                if matches!(base, Expr::Matrix(_)) =>
            {
                self.at += 1;
                Ok(Expr::Call("transpose".to_owned(), vec![base]))
            }
            (None, ..) => Err(Unreadable("an exponent is missing")),
            _ => {
                let exponent = self.formula(POWER - 1)?;
                Ok(Expr::Power(Box::new(base), Box::new(exponent)))
            }
        }
    }
}

/// The negative, with units and signs of percent outside.
fn negative(expr: Expr) -> Expr {
    match expr {
        Expr::Percent(inner) => Expr::Percent(Box::new(negative(*inner))),
        Expr::Quantity(inner, unit) => Expr::Quantity(Box::new(negative(*inner)), unit),
        other => Expr::Negative(Box::new(other)),
    }
}

/// `left ± right`; with `∓` the other way round, so that the two signs of a pair go together.
fn plus_minus(left: Expr, right: Expr, sign: char) -> Expr {
    let right = if sign == '∓' { Expr::Negative(Box::new(right)) } else { right };
    Expr::PlusMinus(Box::new(left), Box::new(right))
}

fn is_set(expr: &Expr) -> bool {
    matches!(expr, Expr::Tuple(_) | Expr::Interval(_) | Expr::Set(_) | Expr::Union(_))
}

fn sum(left: Expr, right: Expr) -> Expr {
    append(left, right, |it| matches!(it, Expr::Sum(_)), Expr::Sum)
}

/// A product, flat so that long ones are not deep.
pub(super) fn product(left: Expr, right: Expr) -> Expr {
    // `2i` and its like are so common that they are worth no list of lists.
    if let (Expr::Number(one), Expr::Constant(Constant::I)) = (&left, &right)
        && one.value.is_one()
    {
        return right;
    }
    append(left, right, |it| matches!(it, Expr::Product(_)), Expr::Product)
}

/// `left` with one more member, when it is of the kind that `make` makes already.
fn append(left: Expr, right: Expr, is_kind: fn(&Expr) -> bool, make: fn(Vec<Expr>) -> Expr) -> Expr {
    if !is_kind(&left) {
        return make(vec![left, right]);
    }
    match left {
        Expr::Union(mut members)
        | Expr::Intersection(mut members)
        | Expr::Ratio(mut members)
        | Expr::Sum(mut members)
        | Expr::Product(mut members) => {
            members.push(right);
            make(members)
        }
        other => make(vec![other, right]),
    }
}
