//! Operands: numbers, symbols, constants, arguments, and what may stand behind them.

use super::commands::binomial;
use super::{Parser, Read, Unreadable, words};
use crate::expr::{Constant, Expr, Number};
use crate::token::{Kind, Token};
use crate::units::{Factor, Unit, unit};

/// Functions by name; longer names before those they start with.
pub(super) const FUNCTIONS: [&str; 46] = [
    "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc", "arsinh", "sinh", "cosh", "tanh", "coth",
    "sech", "csch", "asin", "acos", "atan", "sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "lg",
    "exp", "sqrt", "cbrt", "abs", "max", "min", "gcd", "lcm", "floor", "ceil", "round", "det", "sgn", "sign",
    "Re", "Im", "arg", "cis", "tr", "deg", "binom",
];

/// Whether `word` names a function.
pub(super) fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(&word)
}

impl<'t> Parser<'t> {
    /// An operand with what stands behind it.
    pub(super) fn operand(&mut self) -> Read {
        let mut operand = self.bare_operand()?;
        loop {
            match self.peek_sign() {
                Some('!') => {
                    self.at += 1;
                    let name = if self.eat('!') { "factorial2" } else { "factorial" };
                    operand = Expr::Call(name.to_owned(), vec![operand]);
                }
                Some('%') => {
                    self.at += 1;
                    operand = Expr::Percent(Box::new(operand));
                }
                Some('°') => {
                    self.at += 1;
                    operand = self.degrees(operand);
                }
                // `(1011)_2`
                Some('_') if matches!(&operand, Expr::Number(number) if number.decimals.is_none()) => {
                    match (&operand, self.base()) {
                        (Expr::Number(number), Some(base)) if number.value.is_int() => {
                            operand = Expr::Based(number.value.to_string(), base);
                        }
                        _ => return Err(Unreadable("a subscript of a number is no base")),
                    }
                }
                // `{g}_{k}`: braces around one letter change nothing.
                Some('_') if matches!(&operand, Expr::Symbol(name) if !name.contains('_')) => {
                    self.at += 1;
                    if let Expr::Symbol(name) = &mut operand {
                        name.push('_');
                        self.subscript(name)?;
                    }
                }
                Some('\'') if matches!(operand, Expr::Number(_)) => return Ok(self.feet_and_inches(operand)),
                Some('\'') if matches!(operand, Expr::Symbol(_)) => {
                    self.at += 1;
                    if let Expr::Symbol(name) = &mut operand {
                        name.push('\'');
                    }
                }
                _ => return Ok(operand),
            }
        }
    }

    /// A value in degrees: of an angle, or of temperature.
    pub(super) fn degrees(&mut self, value: Expr) -> Expr {
        let word = match self.peek() {
            Some(Kind::Letter('C') | Kind::Text("C" | "Celsius")) => "celsius",
            Some(Kind::Letter('F') | Kind::Text("F" | "Fahrenheit")) => "fahrenheit",
            _ => return Expr::Quantity(Box::new(self.with_arc_minutes(value)), Unit::degree()),
        };
        self.at += 1;
        let unit = unit(&[Factor { word, power: 1 }]).unwrap_or_else(Unit::degree);
        Expr::Quantity(Box::new(value), unit)
    }

    /// An angle with its minutes and seconds: `67^\circ 30' 15''`.
    fn with_arc_minutes(&mut self, degrees: Expr) -> Expr {
        let mut sum = vec![degrees];
        for (marks, parts) in [(1, 60), (2, 3_600)] {
            let Some(Kind::Number(digits)) = self.peek() else { break };
            let (Some(length), Some(number)) = (self.arc_marks(marks), super::numbers::decimal(digits))
            else {
                break;
            };
            self.at += 1 + length;
            let part = Expr::Quotient(Box::new(Expr::Number(number)), Box::new(Expr::integer(parts)));
            sum.push(part);
        }
        if sum.len() == 1 { sum.remove(0) } else { Expr::Sum(sum) }
    }

    /// How many tokens the `'` or `''` behind the next number takes.
    fn arc_marks(&self, marks: usize) -> Option<usize> {
        let is = |ahead: usize, sign: char| self.peek_at(ahead) == Some(&Kind::Sign(sign));
        let raised = usize::from(is(1, '^'));
        let braced = usize::from(raised == 1 && is(2, '{'));
        let first = 1 + raised + braced;
        let found = if marks == 2 && is(first, '"') {
            1
        } else {
            (0..3).take_while(|at| is(first + at, '\'')).count()
        };
        let fits = found == marks || marks == 2 && is(first, '"');
        (fits && (braced == 0 || is(first + found, '}'))).then_some(raised + 2 * braced + found)
    }

    fn bare_operand(&mut self) -> Read {
        if let Some((sign, length)) = self.currency() {
            self.at += length;
            return self.money(sign);
        }
        let Some(kind) = self.peek() else { return Err(Unreadable("an operand is missing")) };
        match kind.clone() {
            Kind::Number(digits) => self.number(&digits),
            Kind::Letter(letter) => {
                self.at += 1;
                self.letter(letter)
            }
            Kind::Word(word) => self.word(word),
            Kind::Text(word) => self.text_operand(word),
            Kind::Command(name) => {
                self.at += 1;
                self.command(name)
            }
            Kind::Begin(name) => self.matrix(name),
            Kind::End => Err(Unreadable("an environment ends that was not begun")),
            Kind::Sign(sign) => self.bracketed(sign),
        }
    }

    fn letter(&mut self, letter: char) -> Read {
        let constant = match letter {
            'e' => Some(Constant::E),
            'i' => Some(Constant::I),
            _ => None,
        };
        if let Some(constant) = constant.filter(|_| self.peek_sign() != Some('_')) {
            return Ok(Expr::Constant(constant));
        }
        if let Some((upper, lower)) = self.choose(letter) {
            return Ok(binomial(upper, lower));
        }
        if matches!(letter, 'f' | 'g' | 'h') && self.peek_sign() == Some('(') && !self.spaced() {
            self.at += 1;
            let arguments = self.arguments()?;
            return Ok(Expr::Call(letter.to_string(), arguments));
        }
        // `y(0)` is a value of a function, and not zero times y.
        let called = self.peek_sign() == Some('(') && !self.spaced();
        if called
            && let (Some(Kind::Number(digits)), Some(Kind::Sign(')'))) = (self.peek_at(1), self.peek_at(2))
        {
            let number = super::numbers::decimal(digits).ok_or(Unreadable("has too many digits"))?;
            self.at += 3;
            return Ok(Expr::Call(letter.to_string(), vec![Expr::Number(number)]));
        }
        self.symbol(letter.to_string())
    }

    /// The numbers of `C(10, 3)`, whose letter has been read.
    fn choose(&mut self, letter: char) -> Option<(Expr, Expr)> {
        let is = |ahead: usize, sign: char| self.peek_at(ahead) == Some(&Kind::Sign(sign));
        let number = |ahead: usize| match self.peek_at(ahead)? {
            Kind::Number(digits) => super::numbers::decimal(digits).map(Expr::Number),
            _ => None,
        };
        if letter != 'C' || !(is(0, '(') && is(2, ',') && is(4, ')')) {
            return None;
        }
        let found = (number(1)?, number(3)?);
        self.at += 5;
        Some(found)
    }

    /// A symbol called `name`, with the subscript that may follow.
    pub(super) fn symbol(&mut self, mut name: String) -> Read {
        if self.eat('_') {
            name.push('_');
            self.subscript(&mut name)?;
        }
        Ok(Expr::Symbol(name))
    }

    /// The spelling of a subscript, appended to `name`.
    pub(super) fn subscript(&mut self, name: &mut String) -> Read<()> {
        let mut braces = 0_usize;
        loop {
            let Some(token) = self.tokens.get(self.at) else {
                return if braces == 0 { Ok(()) } else { Err(Unreadable("a bracket is not closed")) };
            };
            match &token.kind {
                Kind::Sign('{') => braces += 1,
                Kind::Sign('}') if braces == 0 => return Ok(()),
                Kind::Sign('}') => braces -= 1,
                kind => spell(kind, name),
            }
            self.at += 1;
            if braces == 0 {
                return Ok(());
            }
        }
    }

    /// A run of letters: a function, a constant, or one symbol after another.
    fn word(&mut self, word: &'t str) -> Read {
        if let Some(name) = FUNCTIONS.iter().find(|name| word.starts_with(*name)) {
            self.rest_of_word(word, name.len());
            return self.function(name);
        }
        for (name, constant) in
            [("infinity", Constant::Infinity), ("inf", Constant::Infinity), ("pi", Constant::Pi)]
        {
            if let Some(rest) = word.strip_prefix(name)
                && (name == "pi" || rest.is_empty())
            {
                self.rest_of_word(word, name.len());
                return Ok(Expr::Constant(constant));
            }
        }
        if let Some(number) = words::number_word(word) {
            self.at += 1;
            return Ok(Expr::Number(Number::integer(number)));
        }
        for name in ["theta", "alpha", "beta", "lambda"] {
            if word == name {
                self.at += 1;
                return self.symbol(name.to_owned());
            }
        }
        let Some(letter) = word.chars().next() else { return Err(Unreadable("an empty word")) };
        self.rest_of_word(word, letter.len_utf8());
        self.letter(letter)
    }

    /// Leaves what stands behind the first `taken` bytes of a word as the next token.
    fn rest_of_word(&mut self, word: &'t str, taken: usize) {
        let rest = &word[taken..];
        let mut letters = rest.chars();
        match (letters.next(), letters.next()) {
            (None, _) => self.at += 1,
            (Some(letter), None) => {
                self.tokens[self.at] = Token { kind: Kind::Letter(letter), spaced: false }
            }
            _ => self.tokens[self.at] = Token { kind: Kind::Word(rest), spaced: false },
        }
    }

    /// Text in a formula: a constant or a symbol of one letter, a function, or words that name something.
    fn text_operand(&mut self, word: &'t str) -> Read {
        let mut letters = word.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            self.at += 1;
            return self.letter(letter);
        }
        // `\text{max } 5` is a label and its value.
        let label = matches!(word, "max" | "min") && matches!(self.peek_at(1), Some(Kind::Number(_)));
        if is_function(word) && !label {
            self.at += 1;
            return self.function(word);
        }
        if let Some(number) = words::number_word(word) {
            self.at += 1;
            return Ok(Expr::Number(Number::integer(number)));
        }
        let mut name = String::new();
        while let Some(Kind::Text(word)) = self.peek() {
            if words::is_conjunction(&Kind::Text(word)) {
                break;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&word.to_lowercase());
            self.at += 1;
        }
        if name.is_empty() { Err(Unreadable("an operand is missing")) } else { self.symbol(name) }
    }

    /// An argument of a command: a group, or the next token; of a number its first digit, except below a root.
    pub(super) fn argument(&mut self) -> Read {
        match self.peek() {
            Some(Kind::Sign('{')) => {
                if let Some(number) = self.braced_number() {
                    self.at += 3;
                    return Ok(Expr::Number(number));
                }
                self.at += 1;
                let inner = self.list()?;
                self.expect('}')?;
                Ok(inner)
            }
            Some(Kind::Number(digits)) if digits.len() > 1 && !digits.contains('.') && !self.below_root() => {
                let (first, rest) = digits.split_at(1);
                let (first, rest) = (first.to_owned(), rest.to_owned());
                self.tokens[self.at] = Token { kind: Kind::Number(rest.into()), spaced: false };
                let number = super::numbers::decimal(&first).ok_or(Unreadable("has too many digits"))?;
                Ok(Expr::Number(number))
            }
            Some(Kind::Number(digits)) => {
                let number = super::numbers::decimal(digits).ok_or(Unreadable("has too many digits"))?;
                self.at += 1;
                Ok(Expr::Number(number))
            }
            Some(Kind::Sign('-')) => {
                self.at += 1;
                Ok(Expr::Negative(Box::new(self.deeper(Self::argument)?)))
            }
            Some(Kind::Letter(letter)) => {
                let letter = *letter;
                self.at += 1;
                self.letter(letter)
            }
            Some(_) => self.deeper(Self::bare_operand),
            None => Err(Unreadable("an argument is missing")),
        }
    }

    /// The number of `{12}`, which most arguments are and which no list need be read for.
    fn braced_number(&self) -> Option<Number> {
        /// Levels that reading a list takes.
        const LEVELS: usize = 8;
        let (Some(Kind::Number(digits)), Some(Kind::Sign('}'))) = (self.peek_at(1), self.peek_at(2)) else {
            return None;
        };
        if self.depth + LEVELS > super::MOST_DEPTH { None } else { super::numbers::decimal(digits) }
    }

    /// Whether the argument that comes next is that of a root.
    fn below_root(&self) -> bool {
        let before = self.at.checked_sub(1).map(|at| &self.tokens[at].kind);
        matches!(
            before,
            Some(Kind::Command("sqrt" | "cbrt") | Kind::Word("sqrt") | Kind::Sign(']' | '^' | '_'))
        )
    }
}

/// Appends the spelling of a token.
pub(super) fn spell(kind: &Kind<'_>, out: &mut String) {
    match kind {
        Kind::Number(digits) => out.push_str(digits),
        Kind::Letter(letter) => out.push(*letter),
        Kind::Word(word) | Kind::Text(word) | Kind::Command(word) | Kind::Begin(word) => out.push_str(word),
        Kind::End => {}
        Kind::Sign(sign) => out.push(*sign),
    }
}
