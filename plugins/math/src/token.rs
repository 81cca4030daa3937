//! Cuts an answer into tokens and drops what has no meaning: LaTeX spacing, delimiters, sizes, fonts.

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Decimal digits, possibly with one point; thousands separators are gone. Starts with a digit.
    Number(String),
    /// A run of letters.
    Word {
        /// The letters as they are written.
        letters: String,
        /// It stood in `\text{…}` or the like, so it is a word and not a product of variables.
        upright: bool,
    },
    /// A LaTeX command without its backslash; `dfrac`, `tfrac` and `cfrac` are `frac`, `π` is `pi`.
    Command(String),
    /// Any other character. `-` stands for every minus, `*` for every multiplication sign.
    Sign(char),
    /// White space of any width.
    Space,
}

/// Commands that only lay out.
const LAYOUT: [&str; 19] = [
    "left",
    "right",
    "displaystyle",
    "textstyle",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "limits",
    "mathit",
    "mathbf",
    "boldsymbol",
    "bf",
    "rm",
    "it",
];

/// Commands whose argument is text.
const TEXT: [&str; 9] =
    ["text", "textbf", "textit", "textrm", "mathrm", "mbox", "operatorname", "textnormal", "mathsf"];

/// The tokens of `text`, without space at either end.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { rest: text, tokens: Vec::new(), dollars_delimit: dollars_delimit(text) };
    while !reader.rest.is_empty() {
        reader.token();
    }
    trim(reader.tokens)
}

/// A `$` with a partner delimits LaTeX; one alone is a currency.
fn dollars_delimit(text: &str) -> bool {
    (text.matches('$').count() - text.matches("\\$").count()).is_multiple_of(2)
}

fn trim(mut tokens: Vec<Token>) -> Vec<Token> {
    while tokens.last() == Some(&Token::Space) {
        tokens.pop();
    }
    let start = tokens.iter().take_while(|token| **token == Token::Space).count();
    tokens.drain(..start);
    tokens
}

struct Reader<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
    dollars_delimit: bool,
}

impl Reader<'_> {
    fn token(&mut self) {
        let Some(first) = self.rest.chars().next() else { return };
        match first {
            '\\' => self.command(),
            '$' if self.dollars_delimit => self.skip(1),
            '0'..='9' => self.number(),
            '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            'π' => self.push(first, Token::Command("pi".to_owned())),
            '−' | '–' => self.push(first, Token::Sign('-')),
            '×' | '·' => self.push(first, Token::Sign('*')),
            '÷' => self.push(first, Token::Sign('/')),
            '²' => self.power(first, "2"),
            '³' => self.power(first, "3"),
            _ if first.is_whitespace() || first == '~' => self.space(first.len_utf8()),
            _ if first.is_alphabetic() => self.word(),
            _ => self.push(first, Token::Sign(first)),
        }
    }

    fn command(&mut self) {
        let name_length = self.rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let name = &self.rest[1..1 + name_length];
        match name {
            "" => self.escape(),
            _ if LAYOUT.contains(&name) => self.skip(1 + name_length),
            _ if TEXT.contains(&name) => self.text(1 + name_length),
            "quad" | "qquad" => self.space(1 + name_length),
            "cdot" | "times" | "ast" => self.replace(1 + name_length, Token::Sign('*')),
            "div" => self.replace(1 + name_length, Token::Sign('/')),
            "degree" => self.replace(1 + name_length, Token::Sign('°')),
            "dfrac" | "tfrac" | "cfrac" => self.replace(1 + name_length, Token::Command("frac".to_owned())),
            _ => {
                let command = Token::Command(name.to_owned());
                self.replace(1 + name_length, command);
            }
        }
    }

    /// A backslash before something that is no letter.
    fn escape(&mut self) {
        let escaped = self.rest[1..].chars().next();
        let length = 1 + escaped.map_or(0, char::len_utf8);
        match escaped {
            Some('!' | '(' | ')' | '[' | ']') | None => self.skip(length),
            Some(',' | ';' | ':' | ' ' | '\\') => self.space(length),
            Some(sign) => self.replace(length, Token::Sign(sign)),
        }
    }

    /// The argument of `\text`, as upright words; without braces there is nothing to do.
    fn text(&mut self, command_length: usize) {
        self.skip(command_length);
        let Some(content) = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return };
        let (content, rest) = content;
        self.tokens.push(Token::Space);
        self.tokens.extend(tokens(content).into_iter().map(upright));
        self.tokens.push(Token::Space);
        self.rest = rest;
    }

    fn number(&mut self) {
        let (whole, mut length) = whole_number(self.rest);
        let mut digits = if whole.is_empty() { "0".to_owned() } else { whole };
        let decimals = self.rest[length..].strip_prefix('.').map_or(0, ascii_digits);
        if decimals > 0 {
            digits.push_str(&self.rest[length..length + 1 + decimals]);
            length += 1 + decimals;
        }
        self.replace(length, Token::Number(digits));
    }

    fn word(&mut self) {
        let length = self.rest.find(|c: char| !c.is_alphabetic() || c == 'π').unwrap_or(self.rest.len());
        let letters = self.rest[..length].to_owned();
        self.replace(length, Token::Word { letters, upright: false });
    }

    fn power(&mut self, sign: char, exponent: &str) {
        self.push(sign, Token::Sign('^'));
        self.tokens.push(Token::Number(exponent.to_owned()));
    }

    fn space(&mut self, length: usize) {
        self.replace(length, Token::Space);
    }

    fn push(&mut self, read: char, token: Token) {
        self.replace(read.len_utf8(), token);
    }

    fn replace(&mut self, length: usize, token: Token) {
        self.skip(length);
        self.tokens.push(token);
    }

    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
    }
}

fn upright(token: Token) -> Token {
    match token {
        Token::Word { letters, .. } => Token::Word { letters, upright: true },
        other => other,
    }
}

fn ascii_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The digits that `text` starts with and the bytes they take, thousands separators included: one to three digits,
/// then groups of exactly three. Anything else, as `1,23`, ends before the comma.
fn whole_number(text: &str) -> (String, usize) {
    const SEPARATORS: [&str; 5] = [",\\!", ",", "{,}", "\\,", "\\!"];
    let mut length = ascii_digits(text);
    let mut digits = text[..length].to_owned();
    if !(1..=3).contains(&length) {
        return (digits, length);
    }
    while let Some(separator) = SEPARATORS.into_iter().find(|it| text[length..].starts_with(it)) {
        let group = &text[length + separator.len()..];
        if ascii_digits(group) != 3 {
            break;
        }
        digits.push_str(&group[..3]);
        length += separator.len() + 3;
    }
    (digits, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> Token {
        Token::Number(digits.to_owned())
    }

    #[test]
    fn thousands_separators_hold_groups_of_three() {
        for text in ["1,234,567.5", "1{,}234{,}567.5", r"1\,234\,567.5", r"1,\!234,\!567.5"] {
            assert_eq!(tokens(text), [number("1234567.5")], "{text}");
        }
        assert_eq!(tokens("1,23"), [number("1"), Token::Sign(','), number("23")]);
        assert_eq!(tokens("1234,567"), [number("1234"), Token::Sign(','), number("567")]);
    }

    #[test]
    fn layout_disappears() {
        assert_eq!(tokens(r"$\left( \displaystyle 5\! \right)$"), tokens("(  5 )"));
        assert_eq!(tokens(r"\(7\)"), [number("7")]);
        assert_eq!(tokens(r"\dfrac12"), [Token::Command("frac".to_owned()), number("12")]);
    }

    #[test]
    fn a_lone_dollar_is_a_currency() {
        assert_eq!(tokens("$5"), [Token::Sign('$'), number("5")]);
        assert_eq!(tokens(r"$\$5$"), [Token::Sign('$'), number("5")]);
        assert_eq!(tokens("$5$"), [number("5")]);
    }

    #[test]
    fn text_is_upright() {
        let word = |letters: &str, upright| Token::Word { letters: letters.to_owned(), upright };
        assert_eq!(tokens(r"5\text{ m}"), [number("5"), Token::Space, word("m", true)]);
        assert_eq!(tokens("5m"), [number("5"), word("m", false)]);
    }
}
