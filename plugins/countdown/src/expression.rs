//! The only arithmetic there is: whole numbers as they are given, `+ - * /` between two operands, parentheses.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = operand { ("*" | "/") operand }
//! operand = number | "(" sum ")"
//! number  = "0" | nonzero-digit { digit }
//! ```
//!
//! ASCII white space may stand between tokens. Whatever else an evaluator of some language would take, `2**5`, `7//2`,
//! `1.5`, `1e3`, `0x1F`, `-3`, `2(3)`, `×`, is no expression: the widely copied graders that call `eval` pay for it.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;

/// Parentheses within parentheses; far more than any answer needs, far less than the stack holds.
const DEEPEST: usize = 100;

/// A parsed expression, in postfix order. It is flat, so that no length of answer can exhaust the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Number(u64),
    Apply(Operator),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotAnExpression {
    /// This stands where a number or `(` must.
    OperandWanted(Found),
    /// This stands where an operator, `)` or the end must.
    OperatorWanted(Found),
    /// A number that starts with a needless zero, or that no task can hold.
    Number(String),
    /// Parentheses nested beyond [`DEEPEST`].
    TooDeep,
}

/// What stands at some place of a text; `None` is its end.
pub(crate) type Found = Option<char>;

impl std::fmt::Display for NotAnExpression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OperandWanted(Some(found)) => write!(f, "has {found:?} where a number or ( must stand"),
            Self::OperandWanted(None) => f.write_str("ends where a number or ( must stand"),
            Self::OperatorWanted(Some(found)) => write!(f, "has {found:?} where + - * / must stand"),
            Self::OperatorWanted(None) => f.write_str("ends before a ) that must stand"),
            Self::Number(digits) => write!(f, "writes a number as {digits}"),
            Self::TooDeep => write!(f, "nests more than {DEEPEST} parentheses"),
        }
    }
}

impl Expression {
    /// Reads all of `text` as one expression.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAnExpression> {
        let mut parser = Parser { rest: text.trim_ascii_start(), steps: Vec::new(), depth: 0 };
        parser.sum()?;
        match parser.peek() {
            None => Ok(Self { steps: parser.steps }),
            found => Err(NotAnExpression::OperatorWanted(found)),
        }
    }

    /// The numbers in it, from left to right.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let number = |step: &Step| if let Step::Number(number) = step { Some(*number) } else { None };
        self.steps.iter().filter_map(number).collect()
    }

    /// Its exact value; `None` when it divides by zero.
    pub(crate) fn value(&self) -> Option<BigRational> {
        let mut stack = Vec::new();
        for step in &self.steps {
            let value = match *step {
                Step::Number(number) => BigRational::from_integer(BigInt::from(number)),
                Step::Apply(operator) => {
                    let (right, left) = (stack.pop()?, stack.pop()?);
                    operator.apply(left, right)?
                }
            };
            stack.push(value);
        }
        stack.pop()
    }
}

impl Operator {
    fn apply(self, left: BigRational, right: BigRational) -> Option<BigRational> {
        match self {
            Self::Add => Some(left + right),
            Self::Subtract => Some(left - right),
            Self::Multiply => Some(left * right),
            Self::Divide => (!right.is_zero()).then(|| left / right),
        }
    }
}

/// Reads from left to right, one character ahead.
struct Parser<'a> {
    /// What is still to be read; it starts with a token.
    rest: &'a str,
    steps: Vec<Step>,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<(), NotAnExpression> {
        self.product()?;
        while let Some(operator) = self.operator(&[('+', Operator::Add), ('-', Operator::Subtract)]) {
            self.product()?;
            self.steps.push(Step::Apply(operator));
        }
        Ok(())
    }

    fn product(&mut self) -> Result<(), NotAnExpression> {
        self.operand()?;
        while let Some(operator) = self.operator(&[('*', Operator::Multiply), ('/', Operator::Divide)]) {
            self.operand()?;
            self.steps.push(Step::Apply(operator));
        }
        Ok(())
    }

    fn operand(&mut self) -> Result<(), NotAnExpression> {
        match self.peek() {
            Some('(') => self.parentheses(),
            Some('0'..='9') => self.number(),
            found => Err(NotAnExpression::OperandWanted(found)),
        }
    }

    fn parentheses(&mut self) -> Result<(), NotAnExpression> {
        if self.depth == DEEPEST {
            return Err(NotAnExpression::TooDeep);
        }
        self.depth += 1;
        self.advance(1);
        self.sum()?;
        self.depth -= 1;
        match self.peek() {
            Some(')') => {
                self.advance(1);
                Ok(())
            }
            found => Err(NotAnExpression::OperatorWanted(found)),
        }
    }

    fn number(&mut self) -> Result<(), NotAnExpression> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &self.rest[..length];
        let number = digits.parse().ok().filter(|_| length == 1 || !digits.starts_with('0'));
        let number = number.ok_or_else(|| NotAnExpression::Number(digits.chars().take(24).collect()))?;
        self.steps.push(Step::Number(number));
        self.advance(length);
        Ok(())
    }

    fn operator(&mut self, choices: &[(char, Operator)]) -> Option<Operator> {
        let found = self.peek()?;
        let operator = choices.iter().find(|(sign, _)| *sign == found)?.1;
        self.advance(1);
        Some(operator)
    }

    fn peek(&self) -> Found {
        self.rest.chars().next()
    }

    /// Goes on by this many bytes of ASCII, and over the white space behind them.
    fn advance(&mut self, length: usize) {
        self.rest = self.rest[length..].trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        Expression::parse(text).unwrap().value().map(|value| value.to_string())
    }

    #[test]
    fn arithmetic_is_exact_and_in_the_usual_order() {
        assert_eq!(value("44 + 19 + 35").as_deref(), Some("98"));
        assert_eq!(value("8 / (3 - 8 / 3)").as_deref(), Some("24"));
        assert_eq!(value("10-4-3").as_deref(), Some("3"));
        assert_eq!(value("24/4/3").as_deref(), Some("2"));
        assert_eq!(value("2+3*4").as_deref(), Some("14"));
        assert_eq!(value("1/3+1/6").as_deref(), Some("1/2"));
        assert_eq!(value("((7))").as_deref(), Some("7"));
    }

    #[test]
    fn nothing_overflows() {
        let product = ["18446744073709551615"; 20].join("*");
        assert_eq!(value(&format!("{product}/({product})")).as_deref(), Some("1"));
    }

    #[test]
    fn division_by_zero_has_no_value() {
        assert_eq!(value("8/0"), None);
        assert_eq!(value("8/(3-3)"), None);
    }

    #[test]
    fn what_eval_would_take_is_refused() {
        for cheat in [
            "2**5",
            "7//2",
            "7%2",
            "2^5",
            "-3+5",
            "+3+5",
            "3--5",
            "3+-5",
            "2(3)",
            "(2)(3)",
            "2 3",
            "12.5*2",
            "2.",
            ".5",
            "1e3",
            "1_000",
            "1,000",
            "0x1F",
            "0b11",
            "007",
            "True",
            "x",
            "abs(3)",
            "3!",
            "√9",
            "2×3",
            "6÷2",
            "6−2",
            "２+３",
            "٣+٤",
            "[2+3]",
            "{2+3}",
            "(2+3",
            "2+3)",
            "",
            "()",
            "2+",
            "3=3",
            "2+3;1",
            "2+3 # 5",
            "\\frac{6}{2}",
            "\"5\"",
            "~3",
            "3&1",
            "3|1",
            "3<<1",
            "6<7",
            "2\u{a0}+3",
            "lambda:5",
            "5if 1else 6",
            "1j*1j",
            "18446744073709551616",
        ] {
            assert!(Expression::parse(cheat).is_err(), "{cheat} was taken");
        }
    }

    #[test]
    fn nesting_and_length_cannot_exhaust_the_stack() {
        let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Expression::parse(&nested(DEEPEST)).is_ok());
        assert_eq!(Expression::parse(&nested(DEEPEST + 1)), Err(NotAnExpression::TooDeep));
        assert_eq!(Expression::parse(&nested(1_000_000)), Err(NotAnExpression::TooDeep));
        assert_eq!(value(&["1"; 100_000].join("+")).as_deref(), Some("100000"));
    }

    #[test]
    fn a_mistake_is_told() {
        let told = |text| Expression::parse(text).unwrap_err().to_string();
        assert_eq!(told("2**5"), "has '*' where a number or ( must stand");
        assert_eq!(told("2 3"), "has '3' where + - * / must stand");
        assert_eq!(told("(2+3"), "ends before a ) that must stand");
        assert_eq!(told("2+007"), "writes a number as 007");
    }
}
