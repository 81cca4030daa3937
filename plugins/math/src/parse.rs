//! Reads an answer: as an exact number where it is one, else as text in one canonical spelling.
//!
//! ```text
//! answer    = [ variable "=" ] quantity | text
//! quantity  = [ sign ] [ currency ] [ sign ] magnitude [ multiplier ] [ "%" ] [ unit ]
//! magnitude = number | number "/" number | whole fraction | fraction | number "*10^" exponent | number "e" exponent
//! fraction  = \frac{…}{…} | number "/" number
//! ```

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero, pow};

use crate::token::{Token, tokens};

/// Bytes of an answer beyond which it is not read: no final answer is that long, and reading costs fuel.
const LONGEST: usize = 500;
/// Powers of ten beyond which a number in scientific notation stays text.
const LARGEST_EXPONENT: usize = 400;
/// Words that a unit may have; more is a sentence.
const LONGEST_UNIT: usize = 5;

/// An answer that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A number, exactly.
    Number(Quantity),
    /// Anything else, in one canonical spelling.
    Text(String),
}

/// A number with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The number as written: 50 for `50%`.
    pub value: BigRational,
    /// It is followed by `%`.
    pub percent: bool,
    /// The unit in lower case and singular, where one is written; a currency is one.
    pub unit: Option<String>,
}

impl Answer {
    /// Reads an answer.
    pub fn read(text: &str) -> Self {
        if text.len() > LONGEST {
            return Self::Text(text.trim().to_owned());
        }
        let tokens = tokens(text);
        let bare = unwrap(&tokens);
        match quantity(after_variable(bare)).or_else(|| quantity(bare)) {
            Some(quantity) => Self::Number(quantity),
            None => Self::Text(canonical(after_variable(bare))),
        }
    }
}

/// The tokens without marks that may stand around an answer: white space, a full stop, brackets, emphasis, quotes.
fn unwrap(mut tokens: &[Token]) -> &[Token] {
    loop {
        tokens = match tokens {
            [Token::Space, rest @ ..] | [rest @ .., Token::Space | Token::Sign('.' | ',' | ';' | '!')] => {
                rest
            }
            [Token::Sign(open @ ('*' | '"' | '`' | '\'')), inner @ .., Token::Sign(close)]
                if open == close =>
            {
                inner
            }
            [Token::Sign('('), inner @ .., Token::Sign(')')] if is_balanced(inner, '(', ')') => inner,
            [Token::Sign('{'), inner @ .., Token::Sign('}')] if is_balanced(inner, '{', '}') => inner,
            _ => return tokens,
        };
    }
}

/// Whether every bracket in `tokens` has its partner there, so that brackets around them belong together.
fn is_balanced(tokens: &[Token], open: char, close: char) -> bool {
    let depth = tokens.iter().try_fold(0_usize, |depth, token| match token {
        Token::Sign(sign) if *sign == open => Some(depth + 1),
        Token::Sign(sign) if *sign == close => depth.checked_sub(1),
        _ => Some(depth),
    });
    depth == Some(0)
}

/// What follows `x =`, when that is how the tokens start and there is no second `=`.
fn after_variable(tokens: &[Token]) -> &[Token] {
    let is_equals = |token: &Token| *token == Token::Sign('=');
    let Some(at) = tokens.iter().position(is_equals) else { return tokens };
    let one_word =
        |before: &[Token]| matches!(before, [Token::Word { .. }] | [Token::Word { .. }, Token::Space]);
    let rest = &tokens[at + 1..];
    if one_word(&tokens[..at]) && !rest.iter().any(is_equals) { unwrap(rest) } else { tokens }
}

/// Reads all the tokens as a quantity.
fn quantity(tokens: &[Token]) -> Option<Quantity> {
    let mut cursor = Cursor { rest: tokens };
    let negative = cursor.sign();
    let currency = cursor.currency();
    let negative = negative ^ (currency.is_some() && cursor.sign());
    let magnitude = cursor.magnitude()? * cursor.multiplier();
    let percent = cursor.percent();
    let unit = cursor.unit()?;
    let value = if negative { -magnitude } else { magnitude };
    Some(Quantity { value, percent, unit: currency.map(str::to_owned).or(unit) })
}

/// Reads tokens from left to right.
struct Cursor<'a> {
    rest: &'a [Token],
}

impl Cursor<'_> {
    fn space(&mut self) {
        while let [Token::Space, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Takes this character, and white space before it, if it comes next.
    fn take(&mut self, sign: char) -> bool {
        let before = self.rest;
        self.space();
        match self.rest {
            [Token::Sign(found), rest @ ..] if *found == sign => {
                self.rest = rest;
                true
            }
            _ => {
                self.rest = before;
                false
            }
        }
    }

    /// Takes a sign; true for minus.
    fn sign(&mut self) -> bool {
        let negative = self.take('-');
        if !negative {
            self.take('+');
        }
        negative
    }

    fn currency(&mut self) -> Option<&'static str> {
        [('$', "dollar"), ('€', "euro"), ('£', "pound"), ('¥', "yen"), ('₹', "rupee")]
            .into_iter()
            .find_map(|(sign, unit)| self.take(sign).then_some(unit))
    }

    fn magnitude(&mut self) -> Option<BigRational> {
        self.space();
        if matches!(self.rest, [Token::Command(command), ..] if command == "frac") {
            return self.latex_fraction();
        }
        let whole = self.number()?;
        if self.take('/') {
            self.space();
            return divide(whole, self.number()?);
        }
        if let Some(exponent) = self.exponent() {
            return scale(whole, exponent);
        }
        match self.proper_fraction() {
            Some(fraction) if whole.is_integer() => Some(whole + fraction),
            _ => Some(whole),
        }
    }

    fn number(&mut self) -> Option<BigRational> {
        let [Token::Number(digits), rest @ ..] = self.rest else { return None };
        self.rest = rest;
        decimal(digits)
    }

    /// `\frac{a}{b}`, `\frac12`, `\frac1{2}`.
    fn latex_fraction(&mut self) -> Option<BigRational> {
        self.rest = &self.rest[1..];
        self.space();
        if let [Token::Number(digits), rest @ ..] = self.rest
            && let [numerator @ b'0'..=b'9', denominator @ b'0'..=b'9'] = digits.as_bytes()
        {
            self.rest = rest;
            return divide(digit(*numerator), digit(*denominator));
        }
        divide(self.argument()?, self.argument()?)
    }

    /// A number in braces, or a single digit without.
    fn argument(&mut self) -> Option<BigRational> {
        if self.take('{') {
            let negative = self.sign();
            self.space();
            let value = self.number()?;
            return self.take('}').then(|| if negative { -value } else { value });
        }
        self.space();
        let short = matches!(self.rest, [Token::Number(digits), ..] if digits.len() == 1);
        if short { self.number() } else { None }
    }

    /// The fraction of a mixed number, `1 1/2` or `1\frac{1}{2}`; takes nothing when there is none below one.
    fn proper_fraction(&mut self) -> Option<BigRational> {
        let before = self.rest;
        let fraction =
            self.fraction().filter(|value| *value > BigRational::zero() && *value < BigRational::one());
        if fraction.is_none() {
            self.rest = before;
        }
        fraction
    }

    fn fraction(&mut self) -> Option<BigRational> {
        self.space();
        if matches!(self.rest, [Token::Command(command), ..] if command == "frac") {
            return self.latex_fraction();
        }
        let numerator = self.number()?;
        if !self.take('/') {
            return None;
        }
        divide(numerator, self.number()?)
    }

    /// The power of ten of `1.5*10^{3}` or `1.5e3`; takes nothing when there is none.
    fn exponent(&mut self) -> Option<BigRational> {
        let before = self.rest;
        let exponent = if self.take('*') { self.power_of_ten() } else { self.letter_exponent() };
        if exponent.is_none() {
            self.rest = before;
        }
        exponent
    }

    fn power_of_ten(&mut self) -> Option<BigRational> {
        self.space();
        if self.number()? != BigRational::from_integer(BigInt::from(10)) || !self.take('^') {
            return None;
        }
        if self.take('{') {
            let exponent = self.signed();
            return exponent.filter(|_| self.take('}'));
        }
        self.signed()
    }

    fn letter_exponent(&mut self) -> Option<BigRational> {
        let [Token::Word { letters, .. }, rest @ ..] = self.rest else { return None };
        if !matches!(letters.as_str(), "e" | "E") {
            return None;
        }
        self.rest = rest;
        self.signed()
    }

    fn signed(&mut self) -> Option<BigRational> {
        let negative = self.sign();
        let value = self.number()?;
        Some(if negative { -value } else { value })
    }

    /// `5 million`: 1 when no such word comes next.
    fn multiplier(&mut self) -> BigRational {
        let before = self.rest;
        self.space();
        let zeros = match self.rest {
            [Token::Word { letters, .. }, ..] => match letters.to_ascii_lowercase().as_str() {
                "hundred" => 2,
                "thousand" => 3,
                "million" => 6,
                "billion" => 9,
                "trillion" => 12,
                _ => 0,
            },
            _ => 0,
        };
        self.rest = if zeros == 0 { before } else { &self.rest[1..] };
        BigRational::from_integer(pow(BigInt::from(10), zeros))
    }

    fn percent(&mut self) -> bool {
        let before = self.rest;
        if self.take('%') {
            return true;
        }
        self.space();
        match self.rest {
            [Token::Word { letters, .. }, rest @ ..] if letters.eq_ignore_ascii_case("percent") => {
                self.rest = rest;
                true
            }
            _ => {
                self.rest = before;
                false
            }
        }
    }

    /// Reads what is left as a unit: `Some(None)` when nothing is left, `None` when it is something else.
    fn unit(&mut self) -> Option<Option<String>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let mut words = Vec::new();
        let mut spaced = false;
        while let [token, rest @ ..] = self.rest {
            match token {
                Token::Space => {}
                Token::Word { letters, upright }
                    if is_unit_word(letters, *upright, spaced, words.is_empty()) =>
                {
                    words.push(singular(&letters.to_lowercase()));
                }
                Token::Sign('°') => words.push("degree".to_owned()),
                Token::Sign('/') if !words.is_empty() => words.push("per".to_owned()),
                Token::Sign('.' | '-') if !words.is_empty() => {}
                Token::Sign('^') => match rest {
                    [Token::Number(power), ..] if is_power(power) && !words.is_empty() => {
                        words.push(power.clone());
                        self.rest = rest;
                    }
                    [Token::Sign('{'), Token::Number(power), Token::Sign('}'), ..]
                        if is_power(power) && !words.is_empty() =>
                    {
                        words.push(power.clone());
                        self.rest = &rest[2..];
                    }
                    // `90^\circ`
                    [Token::Command(circle), ..] if circle == "circ" => {
                        words.push("degree".to_owned());
                        self.rest = rest;
                    }
                    [Token::Sign('{'), Token::Command(circle), Token::Sign('}'), ..] if circle == "circ" => {
                        words.push("degree".to_owned());
                        self.rest = &rest[2..];
                    }
                    _ => return None,
                },
                _ => return None,
            }
            spaced = *token == Token::Space;
            self.rest = &self.rest[1..];
        }
        (words.len() <= LONGEST_UNIT).then(|| Some(words.join(" ")).filter(|unit| !unit.is_empty()))
    }
}

fn is_power(digits: &str) -> bool {
    matches!(digits, "2" | "3")
}

/// Whether a word can be (part of) a unit. A letter or two right behind a number is a product of variables, unless it
/// is a well-known abbreviation; words that hedge, compute or name a function are never units.
fn is_unit_word(letters: &str, upright: bool, spaced: bool, first: bool) -> bool {
    const NEVER: [&str; 27] = [
        "or", "and", "not", "to", "plus", "minus", "times", "over", "by", "pi", "sqrt", "sin", "cos", "tan",
        "log", "ln", "exp", "mod", "is", "equals", "maybe", "i", "half", "if", "but", "thousand", "million",
    ];
    const GLUED: [&str; 22] = [
        "cm", "mm", "km", "kg", "mg", "lb", "lbs", "oz", "ft", "in", "mph", "kph", "ml", "hr", "hrs", "min",
        "mins", "sec", "am", "pm", "th", "usd",
    ];
    let lower = letters.to_lowercase();
    if NEVER.contains(&lower.as_str()) {
        return false;
    }
    upright || !first || GLUED.contains(&lower.as_str()) || spaced && letters.chars().nth(1).is_some()
}

fn singular(word: &str) -> String {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// The exact value of digits with at most one point.
fn decimal(digits: &str) -> Option<BigRational> {
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let numerator: BigInt = format!("{whole}{decimals}").parse().ok()?;
    Some(BigRational::new(numerator, pow(BigInt::from(10), decimals.len())))
}

fn digit(byte: u8) -> BigRational {
    BigRational::from_integer(BigInt::from(byte - b'0'))
}

fn divide(left: BigRational, right: BigRational) -> Option<BigRational> {
    (!right.is_zero()).then(|| left / right)
}

fn scale(value: BigRational, exponent: BigRational) -> Option<BigRational> {
    let zeros =
        exponent.is_integer().then(|| usize::try_from(exponent.numer().magnitude()).ok()).flatten()?;
    if zeros > LARGEST_EXPONENT {
        return None;
    }
    let power = BigRational::from_integer(pow(BigInt::from(10), zeros));
    Some(if exponent < BigRational::zero() { value / power } else { value * power })
}

/// One spelling for tokens that mean the same: no white space, no needless braces, words in lower case. Single letters
/// keep their case: `x` and `X` are two variables.
fn canonical(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        rest = after;
        match (token, after) {
            (Token::Sign('{'), [single, Token::Sign('}'), after @ ..]) if needs_no_braces(&text, single) => {
                spell(single, &mut text);
                rest = after;
            }
            _ => spell(token, &mut text),
        }
    }
    text
}

/// A single character needs none anywhere, and a whole number none in an exponent or index: `x^10` means `x^{10}`.
fn needs_no_braces(before: &str, content: &Token) -> bool {
    match content {
        Token::Number(letters) => letters.len() == 1 || before.ends_with(['^', '_']),
        Token::Word { letters, .. } => letters.chars().nth(1).is_none(),
        _ => false,
    }
}

fn spell(token: &Token, text: &mut String) {
    match token {
        Token::Space => {}
        Token::Number(digits) => text.push_str(digits),
        Token::Word { letters, .. } if letters.chars().nth(1).is_some() => {
            text.push_str(&letters.to_lowercase())
        }
        Token::Word { letters, .. } => text.push_str(letters),
        Token::Command(name) => text.extend(["\\", name]),
        Token::Sign(sign) => text.push(*sign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number, `%` if it is a percentage, and the unit.
    fn number(text: &str) -> Option<String> {
        match Answer::read(text) {
            Answer::Number(Quantity { value, percent, unit }) => {
                let unit = unit.map_or(String::new(), |unit| format!(" {unit}"));
                Some(format!("{value}{}{unit}", if percent { "%" } else { "" }))
            }
            Answer::Text(_) => None,
        }
    }

    #[test]
    fn numbers_are_read_exactly() {
        for (text, expected) in [
            ("72", "72"),
            (" +72. ", "72"),
            ("- 72", "-72"),
            ("0.125", "1/8"),
            (".5", "1/2"),
            ("1,234.5", "2469/2"),
            ("3/4", "3/4"),
            ("-3 / 4", "-3/4"),
            (r"\frac{-3}{4}", "-3/4"),
            (r"-\dfrac34", "-3/4"),
            (r"2\frac{1}{2}", "5/2"),
            ("-2 1/2", "-5/2"),
            (r"1.5\cdot10^{-3}", "3/2000"),
            ("1e3", "1000"),
            ("2 million", "2000000"),
            ("((7))", "7"),
            ("{{7}}", "7"),
            ("**7**", "7"),
            ("x = 7", "7"),
            ("7%", "7%"),
            (r"7 \%", "7%"),
            ("7 percent", "7%"),
        ] {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn units_are_told_from_variables() {
        for (text, expected) in [
            ("$7", "7 dollar"),
            ("-$7", "-7 dollar"),
            ("$-7", "-7 dollar"),
            ("7 dollars", "7 dollar"),
            ("7 hours", "7 hour"),
            ("7cm", "7 cm"),
            (r"7\text{m}", "7 m"),
            ("7 cm^2", "7 cm 2"),
            ("7 cm²", "7 cm 2"),
            ("7 km/h", "7 km per h"),
            (r"7^\circ", "7 degree"),
            (r"7^{\circ}", "7 degree"),
            ("7°", "7 degree"),
        ] {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["7x", "7 x", "7i", "7 pi", r"7\pi", r"7\sqrt{2}", "7 or 8", "7 or eight", "7 and a half"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_single_number_is_text() {
        for text in [
            "",
            "-",
            "seven",
            "1/0",
            "3+4",
            "3*4",
            "2^3",
            "1,23",
            "1, 2",
            "(1)(2)",
            "5 100",
            "6 = 7",
            "x=7 or x=8",
            "1e999999999",
            "1/2/3",
            "--7",
            "4:30",
            "7 of the 20 apples",
            "7 a b c d e f",
        ] {
            assert!(number(text).is_none(), "{text} was read as {:?}", number(text));
        }
    }

    #[test]
    fn texts_have_one_spelling() {
        for (one, other) in [
            (r"3\sqrt{2}", r"3 \sqrt 2"),
            ("x^{10} + 1", "x^10+1"),
            ("( 1 , 2 )", "(1,2)"),
            (r"\text{East}", "east"),
            ("2π", r"2\pi"),
            (r"\frac{\pi}{6}", r"\dfrac{\pi}{6}"),
            ("y = 2x", "2x"),
        ] {
            assert_eq!(Answer::read(one), Answer::read(other), "{one} and {other}");
        }
        for (one, other) in [("X", "x"), (r"\frac{ab}{c}", r"\frac{a}{bc}"), ("(1,2)", "(2,1)")] {
            assert_ne!(Answer::read(one), Answer::read(other), "{one} and {other}");
        }
    }

    #[test]
    fn a_long_answer_is_not_read() {
        assert!(matches!(Answer::read(&"7".repeat(LONGEST + 1)), Answer::Text(_)));
        assert!(matches!(Answer::read(&"7".repeat(LONGEST)), Answer::Number(_)));
    }
}
