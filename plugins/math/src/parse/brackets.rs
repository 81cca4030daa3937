//! Brackets of all kinds: groups, tuples, intervals, sets, absolute values, matrices.

use super::formula::product;
use super::{Parser, Read, Unreadable};
use crate::expr::{Expr, Interval, NamedSet};
use crate::token::Kind;
use crate::units::{Factor, unit};

/// The most entries of a matrix.
const MOST_ENTRIES: usize = 400;

impl Parser<'_> {
    /// What starts with `sign`.
    pub(super) fn bracketed(&mut self, sign: char) -> Read {
        self.at += 1;
        match sign {
            '(' | '[' => self.round_or_square(sign),
            ']' => self.french_interval(),
            '{' => {
                let inner = self.list()?;
                // A brace that is not closed ends with the text.
                if self.peek().is_some() {
                    self.expect('}')?;
                }
                Ok(inner)
            }
            '⦃' => self.set(),
            '|' => {
                self.bars += 1;
                let inner = self.formula(0);
                self.bars -= 1;
                let inner = inner?;
                self.expect('|')?;
                Ok(Expr::Call("abs".to_owned(), vec![inner]))
            }
            '‖' => {
                let inner = self.formula(0)?;
                self.expect('‖')?;
                Ok(Expr::Call("norm".to_owned(), vec![inner]))
            }
            '∅' => Ok(Expr::Named(NamedSet::Empty)),
            '$' | '€' | '£' | '¥' | '₹' => self.money(sign),
            _ => Err(Unreadable("a sign stands where an operand should")),
        }
    }

    pub(super) fn money(&mut self, sign: char) -> Read {
        let mut buffer = [0; 4];
        let word: &str = sign.encode_utf8(&mut buffer);
        let unit = unit(&[Factor { word, power: 1 }]).ok_or(Unreadable("an unknown currency"))?;
        let negative = self.eat('-');
        let mut value = self.deeper(Self::operand)?;
        if let Some(scale) = self.scale() {
            value = product(value, scale);
        }
        let value = if negative { Expr::Negative(Box::new(value)) } else { value };
        Ok(Expr::Quantity(Box::new(value), unit))
    }

    fn round_or_square(&mut self, open: char) -> Read {
        let (bars, set_head) = (std::mem::take(&mut self.bars), std::mem::take(&mut self.set_head));
        let inner = self.list();
        (self.bars, self.set_head) = (bars, set_head);
        let inner = inner?;
        let close = match self.peek_sign() {
            Some(sign @ (')' | ']' | '[')) => sign,
            _ => return Err(Unreadable("a bracket is not closed")),
        };
        self.at += 1;
        let members = match inner {
            Expr::List(members) => members,
            single if open == '(' && close == ')' || open == '[' && close == ']' => return Ok(single),
            _ => return Err(Unreadable("brackets do not match")),
        };
        match (open, close, members.len()) {
            ('(', ')', _) | ('(', '[', 2) => Ok(Expr::Tuple(members)),
            (_, _, 2) => {
                let mut ends = members.into_iter();
                let (Some(low), Some(high)) = (ends.next(), ends.next()) else {
                    return Err(Unreadable("an interval without ends"));
                };
                Ok(Expr::Interval(Box::new(Interval {
                    low,
                    high,
                    low_closed: open == '[',
                    high_closed: close == ']',
                })))
            }
            ('[', ']', _) => Ok(Expr::Tuple(members)),
            _ => Err(Unreadable("brackets do not match")),
        }
    }

    /// `]a, b[`, whose first bracket has been read.
    fn french_interval(&mut self) -> Read {
        let Expr::List(members) = self.list()? else { return Err(Unreadable("brackets do not match")) };
        let high_closed = match self.peek_sign() {
            Some('[') => false,
            Some(']') => true,
            _ => return Err(Unreadable("a bracket is not closed")),
        };
        self.at += 1;
        match <[Expr; 2]>::try_from(members) {
            Ok(ends) if !high_closed => Ok(Expr::Tuple(ends.into())),
            Ok([low, high]) => {
                Ok(Expr::Interval(Box::new(Interval { low, high, low_closed: false, high_closed })))
            }
            Err(_) => Err(Unreadable("brackets do not match")),
        }
    }

    /// `\{1, 2\}`, or `\{x : x > 2\}`, which is its condition.
    fn set(&mut self) -> Read {
        let start = self.at;
        if self.eat('⦄') {
            return Ok(Expr::Named(NamedSet::Empty));
        }
        let outer = std::mem::replace(&mut self.set_head, true);
        let inner = self.list();
        self.set_head = outer;
        let inner = inner?;
        if self.eat('|') || self.eat(':') {
            let condition = self.list()?;
            self.expect('⦄')?;
            // In a list, sets stay apart.
            let listed = self.peek_sign() == Some(',') || self.follows_comma(start);
            // `\{x \in \mathbb{R} : x > 2\}`: over the reals is what is meant anyway.
            return Ok(if listed { Expr::Union(vec![condition]) } else { condition });
        }
        self.expect('⦄')?;
        Ok(match inner {
            Expr::List(members) => Expr::Set(members),
            single => Expr::Set(vec![single]),
        })
    }

    /// Whether a comma stands before the bracket whose inside starts at `start`.
    fn follows_comma(&self, start: usize) -> bool {
        start.checked_sub(2).is_some_and(|at| self.tokens[at].kind == Kind::Sign(','))
    }

    pub(super) fn matrix(&mut self, name: &str) -> Read {
        let cases = name == "cases";
        if !(name.ends_with("matrix") || name == "array" || cases) {
            return Err(Unreadable("an environment that is not read"));
        }
        self.at += 1;
        let mut rows = vec![Vec::new()];
        let mut entries = 0;
        loop {
            match self.peek() {
                Some(Kind::End) => {
                    self.at += 1;
                    break;
                }
                Some(Kind::Sign('⏎')) => {
                    self.at += 1;
                    rows.push(Vec::new());
                }
                Some(Kind::Command("hline")) | Some(Kind::Sign('&')) => self.at += 1,
                Some(Kind::Sign(',' | ';' | '.')) | Some(Kind::Text("if" | "when" | "for" | "If"))
                    if cases =>
                {
                    self.at += 1;
                }
                Some(_) => {
                    let entry = self.deeper(Self::item)?;
                    entries += 1;
                    if entries > MOST_ENTRIES {
                        return Err(Unreadable("a matrix is too large"));
                    }
                    if let Some(row) = rows.last_mut() {
                        row.push(entry);
                    }
                    if cases
                        && matches!(
                            self.peek(),
                            Some(Kind::Sign(',' | ';' | '.') | Kind::Text("if" | "when" | "for"))
                        )
                    {
                        continue;
                    }
                    if !matches!(self.peek(), Some(Kind::End | Kind::Sign('⏎' | '&'))) {
                        return Err(Unreadable("a matrix is not closed"));
                    }
                }
                None => return Err(Unreadable("a matrix is not closed")),
            }
        }
        rows.retain(|row| !row.is_empty());
        if cases {
            return Ok(self::cases(rows));
        }
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 || rows.iter().any(|row| row.len() != width) {
            return Err(Unreadable("rows of a matrix differ in length"));
        }
        let matrix = Expr::Matrix(rows);
        Ok(if name.starts_with("vmatrix") { Expr::Call("det".to_owned(), vec![matrix]) } else { matrix })
    }
}

/// Rows of `\begin{cases}`: values with their conditions, or a system, which is a list.
fn cases(rows: Vec<Vec<Expr>>) -> Expr {
    if rows.iter().all(|row| row.len() == 1) {
        return Expr::List(rows.into_iter().flatten().collect());
    }
    Expr::Call("cases".to_owned(), rows.into_iter().map(Expr::Tuple).collect())
}
