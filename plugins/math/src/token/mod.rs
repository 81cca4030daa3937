//! Cuts an answer, in LaTeX, Unicode or plain text, into tokens in one spelling.
//!
//! Layout (`\left`, `\displaystyle`, spacing, `$`, `\boxed`) disappears, Unicode signs become those of ASCII or of
//! LaTeX, and thousands separators leave the numbers. What a comma between digits means cannot always be told, so the
//! caller says how to read it ([`Commas`]).

mod command;
mod meaning;
mod number;
mod unicode;

use std::borrow::Cow;

use unicode::{full_width, unicode_sign, vulgar_fraction};

/// The longest answer that is read, in bytes, and the most tokens. Longer ones are compared as text.
const MOST_BYTES: usize = 8_000;
const MOST_TOKENS: usize = 2_500;

/// A token and whether white space stood in front of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind<'a>,
    /// Whether white space, or a spacing command, stood in front of it.
    pub spaced: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'a> {
    /// Digits with at most one point; no separators.
    Number(Cow<'a, str>),
    /// One letter in a formula.
    Letter(char),
    /// Two letters or more of a formula, or of text that nothing marks as such.
    Word(&'a str),
    /// A word that is certainly text: from `\text{…}` and its like, or outside of `$…$`.
    Text(&'a str),
    /// A LaTeX command, without its backslash.
    Command(&'a str),
    /// `\begin{…}`, with the name of the environment.
    Begin(&'a str),
    /// `\end{…}`.
    End,
    /// Any other character; `⦃ ⦄` are `\{ \}`, and `⏎` is `\\`.
    Sign(char),
}

/// How commas between digits are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commas {
    /// `1,234` is a number outside of brackets; every other comma separates.
    Usual,
    /// `1,234` is a number inside of brackets as well.
    Thousands,
    /// `1,5` is a number.
    Decimal,
    /// Every bare comma separates.
    Separators,
}

/// The text is too long to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// The tokens of `text`.
pub fn tokens(text: &str, commas: Commas) -> Result<Vec<Token<'_>>, TooLong> {
    if text.len() > MOST_BYTES {
        return Err(TooLong);
    }
    // Hardly any answer has such signs in it.
    let dollars = memchr::memchr_iter(b'$', text.as_bytes());
    let unescaped = dollars.filter(|at| !text[..*at].ends_with('\\'));
    let marked = unescaped.count() >= 2;
    let mut reader = Reader {
        text,
        at: 0,
        tokens: Vec::with_capacity(16),
        spaced: false,
        commas,
        dollars_delimit: marked,
        in_text: marked || gavel_text::has_short(text, "\\("),
        braced_text: None,
        depth: 0,
        braces: 0,
        tables: 0,
        aligned: 0,
    };
    while reader.at < text.len() {
        reader.token();
        if reader.tokens.len() > MOST_TOKENS {
            return Err(TooLong);
        }
    }
    Ok(reader.tokens)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    spaced: bool,
    commas: Commas,
    dollars_delimit: bool,
    /// Whether words are text: outside of `$…$`.
    in_text: bool,
    /// The depth of braces at which the argument of `\text` ends.
    braced_text: Option<usize>,
    /// How many brackets are open.
    depth: usize,
    braces: usize,
    /// How many matrices are open.
    tables: usize,
    /// How many environments of equations one below the other are open.
    aligned: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn is_text(&self) -> bool {
        self.in_text || self.braced_text.is_some()
    }

    fn push(&mut self, kind: Kind<'a>) {
        self.tokens.push(Token { kind, spaced: self.spaced });
        self.spaced = false;
    }

    fn sign(&mut self, length: usize, sign: char) {
        self.at += length;
        match sign {
            '(' | '[' | '⦃' => self.depth += 1,
            ')' | ']' | '⦄' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Sign(sign));
    }

    fn space(&mut self, length: usize) {
        self.at += length;
        self.spaced = true;
    }

    fn token(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        let length = first.len_utf8();
        match first {
            '\\' => self.command(),
            '$' if self.dollars_delimit => {
                self.at += 1 + usize::from(rest.starts_with("$$"));
                self.in_text = !self.in_text;
                self.spaced = true;
            }
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            '{' if rest.starts_with("{:}") => self.sign(3, ':'),
            '{' => {
                self.braces += 1;
                self.sign(1, '{');
            }
            '}' => {
                self.at += 1;
                let ends_text = self.braced_text == Some(self.braces);
                self.braces = self.braces.saturating_sub(1);
                if ends_text {
                    self.braced_text = None;
                    self.spaced = true;
                } else {
                    self.push(Kind::Sign('}'));
                }
            }
            '&' if self.tables == 0 => self.at += 1,
            '.' if rest.starts_with("...") => self.sign(3, '…'),
            '^' if (self.after_number() || self.after_bracket()) && ordinal(rest) > 0 => {
                self.space(ordinal(rest))
            }
            '*' if rest.starts_with("**") => self.sign(2, '^'),
            '<' if rest.starts_with("<=") => self.sign(2, '≤'),
            '>' if rest.starts_with(">=") => self.sign(2, '≥'),
            '=' if rest.starts_with("==") => self.sign(2, '='),
            '!' if rest.starts_with("!=") && (self.spaced || !self.after_operand()) => self.sign(2, '≠'),
            '~' => self.space(1),
            _ if first.is_ascii_alphabetic() => self.word(),
            _ if first.is_ascii() && !first.is_ascii_whitespace() => self.sign(1, first),
            _ if first.is_whitespace() || gavel_text::is_invisible(first) => self.space(length),
            _ => self.unicode(first, length),
        }
    }

    fn after_number(&self) -> bool {
        matches!(self.tokens.last().map(|token| &token.kind), Some(Kind::Number(_)))
    }

    fn after_bracket(&self) -> bool {
        matches!(self.tokens.last().map(|token| &token.kind), Some(Kind::Sign(')')))
    }

    fn after_operand(&self) -> bool {
        match self.tokens.last().map(|token| &token.kind) {
            Some(Kind::Sign(sign)) => matches!(sign, ')' | ']' | '}' | '⦄'),
            Some(_) => true,
            None => false,
        }
    }

    fn unicode(&mut self, first: char, length: usize) {
        if let Some(ascii) = full_width(first) {
            // Full-width forms: one character at a time is enough, for no model mixes them with separators.
            match ascii {
                '0'..='9' => {
                    self.at += length;
                    return self.push(Kind::Number(Cow::Owned(ascii.to_string())));
                }
                _ if ascii.is_ascii_alphabetic() => {
                    self.at += length;
                    return self.push(Kind::Letter(ascii));
                }
                _ => return self.sign(length, ascii),
            }
        }
        if let Some((numerator, denominator)) = vulgar_fraction(first) {
            self.at += length;
            self.push(Kind::Command("frac"));
            self.push(Kind::Number(Cow::Borrowed(numerator)));
            return self.push(Kind::Number(Cow::Borrowed(denominator)));
        }
        for (digits, operator) in [("⁰¹²³⁴⁵⁶⁷⁸⁹", '^'), ("₀₁₂₃₄₅₆₇₈₉", '_')]
        {
            if digits.contains(first) {
                return self.raised(digits, operator);
            }
        }
        match unicode_sign(first) {
            Some(Ok(sign)) => self.sign(length, sign),
            Some(Err("mu")) => self.mu(length),
            Some(Err(command)) => {
                self.at += length;
                self.push(Kind::Command(command));
            }
            None if first.is_alphabetic() => self.word(),
            None => self.sign(length, first),
        }
    }

    /// A run of superscript or subscript digits, as `^{…}` or `_{…}`.
    fn raised(&mut self, digits: &str, operator: char) {
        let mut number = String::new();
        while let Some(digit) = self.rest().chars().next() {
            let Some(value) = digits.chars().position(|it| it == digit) else { break };
            number.push(char::from(b'0' + value as u8));
            self.at += digit.len_utf8();
        }
        self.push(Kind::Sign(operator));
        self.push(Kind::Number(Cow::Owned(number)));
    }

    fn word(&mut self) {
        let rest = self.rest();
        let alphabetic = |c: char| c.is_alphabetic() && unicode_sign(c).is_none();
        let mut length = rest.find(|c: char| !alphabetic(c)).unwrap_or(rest.len());
        if self.is_text() {
            // Hyphens and apostrophes stay inside of words: `non-zero`, `don't`, and `p.m.` is one word.
            while let Some(after) = rest[length..].strip_prefix(['-', '\'', '’']) {
                let joined = rest.len() - after.len();
                let more = after.find(|c: char| !alphabetic(c)).unwrap_or(after.len());
                if more == 0 {
                    break;
                }
                length = joined + more;
            }
        }
        let word = &rest[..length];
        self.at += length;
        if self.is_text() {
            self.push(Kind::Text(word));
        } else if let (true, Some(letter)) = (self.after_operand(), word.strip_prefix("or").and_then(single))
        {
            // `x=1ory=2`
            self.push(Kind::Text(&word[..2]));
            self.push(Kind::Letter(letter));
        } else if let Some(letter) = single(word) {
            self.push(Kind::Letter(letter));
        } else {
            self.push(Kind::Word(word));
        }
    }
}

/// How long the ending of an ordinal is that a text starts with: `^{\text{th}}`; 0 without one.
fn ordinal(text: &str) -> usize {
    const OPENS: [&str; 6] =
        ["^{\\text{", "^{\\mathrm{", "^{\\textrm{", "^\\text{", "^\\mathrm{", "^\\textrm{"];
    let Some(open) = OPENS.iter().find(|open| text.starts_with(**open)) else { return 0 };
    let inner = text[open.len()..].trim_start();
    let Some(ending) = ["th", "st", "nd", "rd"].iter().find_map(|it| inner.strip_prefix(it)) else {
        return 0;
    };
    let close = if open.starts_with("^{") { "}}" } else { "}" };
    ending.trim_start().strip_prefix(close).map_or(0, |rest| text.len() - rest.len())
}

fn single(word: &str) -> Option<char> {
    let mut letters = word.chars();
    letters.next().filter(|_| letters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        tokens(text, Commas::Usual).unwrap().into_iter().map(|token| token.kind).collect()
    }

    fn number(digits: &str) -> Kind<'static> {
        Kind::Number(Cow::Owned(digits.to_owned()))
    }

    #[test]
    fn thousands_separators_hold_groups_of_three() {
        for text in [
            "1,234,567.5",
            "1{,}234{,}567.5",
            r"1\,234\,567.5",
            r"1,\!234,\!567.5",
            "1 234 567.5",
            "1.234.567,5",
        ] {
            assert_eq!(kinds(text), [number("1234567.5")], "{text}");
        }
        assert_eq!(kinds("1,23"), [number("1"), Kind::Sign(','), number("23")]);
        assert_eq!(kinds("(1,234)")[1], number("1"), "in brackets a comma separates");
    }

    #[test]
    fn layout_disappears() {
        assert_eq!(kinds(r"$\left( \displaystyle 5\! \right)$"), kinds("(5)"));
        assert_eq!(kinds(r"\dfrac12"), [Kind::Command("frac"), number("12")]);
        assert_eq!(kinds(r"\\frac12"), kinds(r"\frac12"));
    }

    #[test]
    fn unicode_is_latex() {
        assert_eq!(kinds("√3×π²"), kinds(r"\sqrt3\times\pi^2"));
        assert_eq!(
            kinds("x₁≤½"),
            kinds(r"x_1\le\frac12")[..4]
                .iter()
                .cloned()
                .chain([Kind::Command("frac"), number("1"), number("2")])
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn words_outside_of_formulas_are_text() {
        assert_eq!(kinds("$x$ apples")[1], Kind::Text("apples"));
        assert_eq!(kinds(r"5\text{ m}")[1], Kind::Text("m"));
        assert_eq!(kinds("5m")[1], Kind::Letter('m'));
    }

    #[test]
    fn a_long_text_is_refused() {
        assert_eq!(tokens(&"x".repeat(MOST_BYTES + 1), Commas::Usual), Err(TooLong));
    }
}
