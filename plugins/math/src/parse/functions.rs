//! Functions: their index, power and argument; sums and products over an index.

use super::atoms::{FUNCTIONS, is_function};
use super::commands::root;
use super::formula::{PRODUCT, product};
use super::{Parser, Read};
use crate::expr::Expr;
use crate::token::Kind;

impl Parser<'_> {
    /// A function whose name has been read: its index, its power, its argument.
    pub(super) fn function(&mut self, name: &str) -> Read {
        if matches!(name, "sqrt" | "cbrt") {
            let index = if name == "sqrt" { 2 } else { 3 };
            return Ok(root(index, self.function_argument()?));
        }
        let mut index = None;
        let mut power = None;
        loop {
            if self.eat('_') {
                index = Some(self.argument()?);
            } else if self.eat('^') {
                power = Some(self.argument()?);
            } else {
                break;
            }
        }
        let is_one = |expr: &Expr| matches!(expr, Expr::Number(number) if number.value.is_one());
        let inverse = matches!(&power, Some(Expr::Negative(one)) if is_one(one));
        let name = match name {
            "asin" | "sin" if inverse || name == "asin" => "arcsin",
            "acos" | "cos" if inverse || name == "acos" => "arccos",
            "atan" | "tan" if inverse || name == "atan" => "arctan",
            "sign" => "sgn",
            "lg" => "log",
            other => other,
        };
        let inverse = inverse && name.starts_with("arc");
        let mut arguments = if self.peek_sign() == Some('(') {
            self.at += 1;
            self.arguments()?
        } else {
            vec![self.function_argument()?]
        };
        if let (1, Some(Expr::Tuple(members) | Expr::List(members) | Expr::Set(members))) =
            (arguments.len(), arguments.first())
        {
            arguments = members.clone();
        }
        if let Some(index) = index {
            arguments.insert(0, index);
        }
        let call = Expr::Call(name.to_owned(), arguments);
        Ok(match power {
            Some(power) if !inverse => Expr::Power(Box::new(call), Box::new(power)),
            _ => call,
        })
    }

    /// What stands in the brackets of a call, whose `(` has been read.
    pub(super) fn arguments(&mut self) -> Read<Vec<Expr>> {
        let inner = self.list()?;
        self.expect(')')?;
        Ok(match inner {
            Expr::List(members) => members,
            single => vec![single],
        })
    }

    /// The argument of a function without brackets: factors, up to the next function or sign.
    fn function_argument(&mut self) -> Read {
        if self.peek_sign() == Some('-') {
            self.at += 1;
            return Ok(Expr::Negative(Box::new(self.deeper(Self::function_argument)?)));
        }
        let mut argument = self.formula(PRODUCT + 1)?;
        while self.starts_factor(&argument) && !self.at_function() && self.peek_sign() != Some('(') {
            argument = product(argument, self.formula(PRODUCT + 1)?);
        }
        Ok(argument)
    }

    fn at_function(&self) -> bool {
        match self.peek() {
            Some(Kind::Command(name) | Kind::Text(name)) => is_function(name) && *name != "sqrt",
            Some(Kind::Word(word)) => FUNCTIONS.iter().any(|name| word.starts_with(name)),
            _ => false,
        }
    }

    /// `\sum_{k=1}^{n} k`: a call with the index, the bounds, and the body, as far as they are there.
    pub(super) fn big_operator(&mut self, name: &str) -> Read {
        let mut arguments = Vec::new();
        loop {
            if self.eat('_') {
                match self.grouped_relation()? {
                    Expr::Relation(sides, _) => arguments.extend(sides),
                    other => arguments.push(other),
                }
            } else if self.eat('^') {
                arguments.push(self.argument()?);
            } else {
                break;
            }
        }
        arguments.push(self.formula(PRODUCT)?);
        Ok(Expr::Call(name.to_owned(), arguments))
    }

    fn grouped_relation(&mut self) -> Read {
        if !self.eat('{') {
            return self.argument();
        }
        let inner = self.item()?;
        self.expect('}')?;
        Ok(inner)
    }
}
