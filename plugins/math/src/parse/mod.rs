//! Reads an answer: tokens to an [`Expr`].
//!
//! The grammar, loosest first; `[ ]` is optional, `{ }` repeated. White space and layout are gone already
//! ([`crate::token`]).
//!
//! ```text
//! answer    = list [ text ]
//! list      = item { ( "," | ";" | "and" | "or" | "∧" | "∨" ) item }       ";" is looser than ","
//! item      = words | relation
//! relation  = side { ( "=" | "<" | "≤" | ">" | "≥" | "≠" | "≈" | "∈" | "∉" | "≡" | "→" ) side }
//! side      = formula [ million ] [ unit | "percent" | "a.m." | "p.m." ] [ \pmod group ]
//! formula   = formula ( "∪" | "∖" ) formula        3
//!           | formula "∩" formula                  4
//!           | formula ":" formula                  5    a ratio, or a time of day
//!           | formula ( "+" | "-" | "±" | "∓" ) formula    10
//!           | ( "+" | "-" | "±" ) formula          15
//!           | formula ( "*" | "/" | \bmod ) formula | formula formula   20
//!           | formula "^" formula                  30   to the right
//!           | operand { "!" | "%" | "°" | "'" | "_" subscript }
//! operand   = number | mixed | symbol | constant | function | "|" formula "|"
//!           | "(" list ")" | "[" list "]" | "[" list ")" | "(" list "]" | "{" list "}" | "\{" list [ ":" list ] "\}"
//!           | \frac arg arg | \sqrt [ "[" formula "]" ] arg | \binom arg arg | currency operand | matrix
//! function  = name [ "_" arg ] [ "^" arg ] ( "(" list ")" | factor { factor } )
//! unit      = word [ "^" integer ] { ( "/" | "per" | "*" ) word [ "^" integer ] }
//! ```
//!
//! It is a descent with binding powers. Depth and tokens are bounded, so hostile text ends early as [`Unreadable`] and
//! is then compared as text.

mod atoms;
mod brackets;
mod commands;
mod formula;
mod framing;
mod functions;
mod numbers;
mod quantity;
mod words;

pub(crate) use numbers::decimal;

/// The square root of a formula.
pub(crate) fn square_root(radicand: Expr) -> Expr {
    commands::root(2, radicand)
}

use crate::expr::{Expr, Relation};
use crate::token::{Commas, Kind, Token, tokens};

/// How deeply brackets and operators nest at most. Each level takes some stack.
const MOST_DEPTH: usize = 90;

/// Why an answer is no formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// Reads `text`, taking commas as told.
pub fn parse(text: &str, commas: Commas) -> Result<Expr, Unreadable> {
    let tokens = tokens(text, commas).map_err(|_| Unreadable("too long"))?;
    read(tokens)
}

/// Reads tokens.
pub fn read(mut tokens: Vec<Token<'_>>) -> Result<Expr, Unreadable> {
    let idle = |token: &Token<'_>| matches!(token.kind, Kind::Sign('.' | ',' | ';' | ':' | '"' | '`' | '\\'));
    while tokens.last().is_some_and(idle) && !words::ends_with_half_day(&tokens) {
        tokens.pop();
    }
    let leading =
        tokens.iter().take_while(|token| idle(token) || matches!(token.kind, Kind::Sign('=' | '≈'))).count();
    tokens.drain(..leading);
    strip_brackets(&mut tokens);
    if tokens.is_empty() {
        return Err(Unreadable("empty"));
    }
    if let Some(parts) = framing::labelled_parts(&tokens) {
        return parts;
    }
    let whole = framing::cut_remark(&mut tokens);
    let mut parser = Parser { tokens, at: 0, depth: 0, bars: 0, set_head: false };
    let answer = parser.list()?;
    parser.skip_remark();
    if parser.at < parser.tokens.len() {
        return Err(Unreadable("has something behind it"));
    }
    Ok(match whole {
        Some(name) => framing::with_whole(answer, name),
        None => answer,
    })
}

/// Drops braces and round brackets around the whole of it, so that many of them are not deep.
fn strip_brackets(tokens: &mut Vec<Token<'_>>) {
    let sign = |token: &Token<'_>| match token.kind {
        Kind::Sign(sign) => sign,
        _ => ' ',
    };
    let opening = tokens.iter().take_while(|token| matches!(sign(token), '{' | '(')).count();
    let closing = tokens.iter().rev().take_while(|token| matches!(sign(token), '}' | ')')).count();
    let most = opening.min(closing);
    if most < 8 {
        return;
    }
    // How deep what stands between goes back down is how many pairs are around all of it.
    let (mut depth, mut least) = (most, most);
    for token in &tokens[most..tokens.len() - most] {
        match sign(token) {
            '{' | '(' | '[' | '⦃' => depth += 1,
            '}' | ')' | ']' | '⦄' => depth = depth.saturating_sub(1),
            _ => {}
        }
        least = least.min(depth);
    }
    let pairs = (0..least).take_while(|at| {
        matches!((sign(&tokens[*at]), sign(&tokens[tokens.len() - 1 - at])), ('{', '}') | ('(', ')'))
    });
    let pairs = pairs.count();
    tokens.truncate(tokens.len() - pairs);
    tokens.drain(..pairs);
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
    /// How many `|` are open.
    bars: usize,
    /// Whether `|` and `:` end what is read: in front of a set's condition.
    set_head: bool,
}

type Read<T = Expr> = Result<T, Unreadable>;

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&Kind<'t>> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Kind<'t>> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    fn peek_sign(&self) -> Option<char> {
        match self.peek() {
            Some(Kind::Sign(sign)) => Some(*sign),
            _ => None,
        }
    }

    /// Whether white space stands in front of the next token.
    fn spaced(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.spaced)
    }

    fn eat(&mut self, sign: char) -> bool {
        let found = self.peek_sign() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: char) -> Read<()> {
        if self.eat(sign) { Ok(()) } else { Err(Unreadable("a bracket is not closed")) }
    }

    /// Runs `read` one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MOST_DEPTH {
            return Err(Unreadable("nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Items with `;` between them, each with `,` between its own.
    fn list(&mut self) -> Read {
        self.deeper(|parser| {
            let first = parser.comma_list()?;
            // Most lists are no lists, and then take no room for one.
            if !parser.eat(';') || parser.at_end_of_list() {
                return Ok(first);
            }
            let mut groups = vec![first, parser.comma_list()?];
            while parser.eat(';') {
                if parser.at_end_of_list() {
                    break;
                }
                groups.push(parser.comma_list()?);
            }
            // `p = 5, q = 2; p = 7, q = 2` lists pairs.
            let grouped = groups.into_iter().map(|group| match group {
                Expr::List(members) => Expr::Tuple(members),
                single => single,
            });
            Ok(Expr::List(grouped.collect()))
        })
    }

    fn comma_list(&mut self) -> Read {
        let first = self.item()?;
        if !self.eat_separator() || self.at_end_of_list() {
            return Ok(first);
        }
        let mut items = vec![first, self.item()?];
        while self.eat_separator() {
            if self.at_end_of_list() {
                break;
            }
            items.push(self.item()?);
        }
        Ok(Expr::List(left_out_each(items)))
    }

    fn at_end_of_list(&self) -> bool {
        matches!(self.peek(), None | Some(Kind::Sign(')' | ']' | '}' | '⦄' | ';' | '.') | Kind::End))
    }

    /// A comma, a conjunction, or both.
    fn eat_separator(&mut self) -> bool {
        let start = self.at;
        self.eat(',');
        while self.eat('∧') || self.eat('∨') {}
        if self.peek().is_some_and(words::is_conjunction) {
            self.at += 1;
            self.eat(',');
        }
        self.at > start
    }

    fn item(&mut self) -> Read {
        if let Some(label) = self.label() {
            let value = self.deeper(Self::side)?;
            return Ok(Expr::Relation(vec![Expr::Text(label), value], vec![Relation::Equal]));
        }
        if let Some(exception) = self.exception()? {
            return Ok(exception);
        }
        let first = match self.words() {
            Some(words) => words,
            None => match self.named_value()? {
                Some(name) => name,
                None => self.side()?,
            },
        };
        let Some(mut relation) = self.relation() else { return Ok(first) };
        let (mut sides, mut relations) = (vec![first], Vec::new());
        loop {
            sides.push(match self.words() {
                Some(words) => words,
                None => self.side()?,
            });
            relations.push(relation);
            match self.relation() {
                Some(next) => relation = next,
                None => return Ok(Expr::Relation(sides, relations)),
            }
        }
    }

    /// `Minimum:` or `Max =` in front of a value.
    fn label(&mut self) -> Option<String> {
        const EXTREMES: [&str; 10] =
            ["max", "min", "sup", "inf", "maximum", "minimum", "largest", "smallest", "greatest", "least"];
        // What is called so is not what was asked for, or another value.
        const NO_LABELS: [&str; 23] = [
            "trap",
            "decoy",
            "fake",
            "false",
            "guess",
            "guesses",
            "opposite",
            "inverse",
            "reciprocal",
            "twice",
            "double",
            "previous",
            "old",
            "other",
            "alternative",
            "never",
            "off",
            "mistake",
            "error",
            "distractor",
            "lambda",
            "return",
            "default",
        ];
        let mut label = String::new();
        let mut words = 0;
        while let Some(Kind::Text(word) | Kind::Word(word)) = self.peek_at(words) {
            if words > 0 {
                label.push(' ');
            }
            label.push_str(&word.to_lowercase());
            words += 1;
            if words > 4
                || word.chars().count() < 2
                || words::is_conjunction(&Kind::Text(word))
                || quantity::takes_back(word)
                || NO_LABELS.iter().any(|it| it.eq_ignore_ascii_case(word))
            {
                return None;
            }
        }
        // `\max = 3`, `\min f = 3`
        if words == 0
            && let Some(Kind::Command(name @ ("max" | "min" | "sup" | "inf"))) = self.peek()
        {
            words = match self.peek_at(1) {
                Some(Kind::Letter(_)) => 2,
                _ => 1,
            };
            label.push_str(name);
            if self.peek_at(words) != Some(&Kind::Sign('=')) {
                return None;
            }
        }
        // `a: 3` is a label and `a : b`, `a:b` a ratio.
        if words == 0
            && let (Some(Kind::Letter(letter)), Some(Kind::Sign(':')), Some(Kind::Number(_))) =
                (self.peek(), self.peek_at(1), self.peek_at(2))
            && !self.tokens[self.at + 1].spaced
            && self.tokens[self.at + 2].spaced
        {
            label.push(*letter);
            words = 1;
        }
        let is_set = match self.peek_at(words)? {
            Kind::Sign(':') => true,
            Kind::Sign('=') => EXTREMES.contains(&label.as_str()),
            _ => false,
        };
        let has_value = matches!(
            self.peek_at(words + 1),
            Some(Kind::Number(_) | Kind::Command(_) | Kind::Sign('-' | '(' | '[' | '⦃' | '$'))
        );
        if words == 0 || !is_set || !has_value {
            return None;
        }
        self.at += words + 1;
        Some(label)
    }

    /// `P(x) =`, `f^{-1}(x) =`: a letter and brackets in front of a sign of equality are a function, not a product.
    fn named_value(&mut self) -> Read<Option<Expr>> {
        let Some(Kind::Letter(letter)) = self.peek() else { return Ok(None) };
        let inverse = [Kind::Sign('^'), Kind::Sign('{'), Kind::Sign('-')];
        let is_inverse = inverse.iter().enumerate().all(|(at, kind)| self.peek_at(1 + at) == Some(kind));
        let mut ahead = if is_inverse { 6 } else { 1 };
        if self.peek_at(ahead) != Some(&Kind::Sign('(')) {
            return Ok(None);
        }
        let name = format!("{letter}{}", if is_inverse { "^-1" } else { "" });
        let opening = ahead;
        let mut depth = 0_usize;
        loop {
            match self.peek_at(ahead) {
                Some(Kind::Sign('(')) => depth += 1,
                Some(Kind::Sign(')')) => depth -= 1,
                Some(_) if ahead < 24 => {}
                _ => return Ok(None),
            }
            ahead += 1;
            if depth == 0 {
                break;
            }
        }
        if self.peek_at(ahead) != Some(&Kind::Sign('=')) {
            return Ok(None);
        }
        self.at += opening + 1;
        let arguments = self.arguments()?;
        Ok(Some(Expr::Call(name, arguments)))
    }

    fn relation(&mut self) -> Option<Relation> {
        let relation = match self.peek_sign()? {
            '=' => Relation::Equal,
            '≈' => Relation::About,
            '≠' => Relation::NotEqual,
            '<' => Relation::Less,
            '≤' => Relation::AtMost,
            '>' => Relation::Greater,
            '≥' => Relation::AtLeast,
            '∈' => Relation::In,
            '∉' => Relation::NotIn,
            '≡' => Relation::Congruent,
            '→' => Relation::Arrow,
            _ => return None,
        };
        self.at += 1;
        Some(relation)
    }
}

/// `x \ne 0, 1` leaves out both.
fn left_out_each(items: Vec<Expr>) -> Vec<Expr> {
    let name = match items.first() {
        Some(Expr::Relation(sides, signs)) if *signs == [Relation::NotEqual] => match sides.first() {
            Some(name @ Expr::Symbol(_)) => name.clone(),
            _ => return items,
        },
        _ => return items,
    };
    let is_value = |item: &Expr| matches!(item, Expr::Number(_) | Expr::Negative(_) | Expr::Quotient(..));
    let each = |item: Expr| match is_value(&item) {
        true => Expr::Relation(vec![name.clone(), item], vec![Relation::NotEqual]),
        false => item,
    };
    items.into_iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) {
        let read = |text| parse(text, Commas::Usual).unwrap_or_else(|why| panic!("{text}: {why:?}"));
        assert_eq!(read(a), read(b), "{a} and {b}");
    }

    #[test]
    fn products_bind_before_sums_and_powers_before_both() {
        same("1+2x^2", "1+(2*(x^{2}))");
        same("-x^2", "-(x^2)");
        same("2^3^2", "2^{3^2}");
        same("1/2x", "(1/2)*x");
    }

    #[test]
    fn functions_take_what_stands_behind_them() {
        same(r"\sin 2x \cos y", r"(\sin(2x))(\cos(y))");
        same(r"\sin^2 x", r"(\sin(x))^2");
        same(r"\sin^{-1} x", r"\arcsin x");
        same("sinx", r"\sin x");
    }

    #[test]
    fn brackets_say_what_they_hold() {
        assert!(matches!(parse("(1,2)", Commas::Usual), Ok(Expr::Tuple(_))));
        assert!(matches!(parse("[1,2)", Commas::Usual), Ok(Expr::Interval(_))));
        assert!(matches!(parse(r"\{1,2\}", Commas::Usual), Ok(Expr::Set(_))));
        assert!(matches!(parse("1,2", Commas::Usual), Ok(Expr::List(_))));
        same("((((((((((5))))))))))", "5");
    }

    #[test]
    fn mixed_numbers_are_sums_and_other_fractions_factors() {
        same(r"3\frac{1}{2}", "3 1/2");
        assert!(matches!(parse(r"3\frac{x}{2}", Commas::Usual), Ok(Expr::Product(_))));
    }

    #[test]
    fn what_is_not_closed_or_nested_too_deeply_is_unreadable() {
        for text in ["(1", "1)", r"\frac{1}", "+", "1 2", &"(x+".repeat(200), &r"\sqrt{".repeat(200)] {
            assert!(parse(text, Commas::Usual).is_err(), "{text}");
        }
    }
}
