//! Numbers in a text: separators of thousands, decimal points and commas, powers of ten.

use std::borrow::Cow;

use super::{Commas, Kind, Reader};

impl Reader<'_> {
    /// Reads the number that comes next.
    pub(super) fn number(&mut self) {
        let rest = self.rest();
        let whole = ascii_digits(rest);
        // Most numbers are digits alone, with nothing behind them that goes on with one.
        let goes_on = |byte: &u8| {
            !byte.is_ascii() || matches!(byte, b'.' | b',' | b'{' | b'\\' | b' ' | b'\'' | b'e' | b'E')
        };
        if whole > 0 && !rest.as_bytes().get(whole).is_some_and(goes_on) {
            self.at += whole;
            return self.push(Kind::Number(Cow::Borrowed(&rest[..whole])));
        }
        let mut length = whole;
        let mut digits = Cow::Borrowed(&rest[..whole]);
        if (1..=3).contains(&whole) {
            while let Some(separator) = self.separator(&rest[length..], &rest[..whole]) {
                digits.to_mut().push_str(&rest[length + separator..length + separator + 3]);
                length += separator + 3;
            }
        }
        // `1.234.567`, as some languages group their digits.
        let dotted = dotted_groups(rest, whole);
        if length == whole && dotted > 0 {
            length = whole + 4 * dotted;
            digits = Cow::Owned(rest[..length].replace('.', ""));
        }
        let point = match rest[length..].bytes().next() {
            Some(b'.') => 1,
            Some(b',') if dotted > 0 => 1,
            Some(b',') if self.commas == Commas::Decimal && length == whole => 1,
            Some(b'{') if rest[length..].starts_with("{,}") && ascii_digits(&rest[length + 3..]) != 3 => 3,
            _ => 0,
        };
        let decimals = if point == 0 { 0 } else { ascii_digits(&rest[length + point..]) };
        if decimals > 0 {
            if point == 1 && rest.as_bytes()[length] == b'.' && length == whole {
                digits = Cow::Borrowed(&rest[..length + 1 + decimals]);
            } else {
                let fraction = &rest[length + point..length + point + decimals];
                digits = Cow::Owned(format!("{digits}.{fraction}"));
            }
            length += point + decimals;
        }
        self.at += length;
        self.push(Kind::Number(digits));
        self.power_of_ten();
    }

    /// `e3` behind digits, as programs print it: times ten to that power.
    fn power_of_ten(&mut self) {
        let Some(rest) = self.rest().strip_prefix(['e', 'E']) else { return };
        let unsigned = rest.strip_prefix(['-', '+', '−']).unwrap_or(rest);
        let length = ascii_digits(unsigned);
        if length == 0
            || length > 4
            || unsigned[length..].starts_with(|c: char| c.is_alphanumeric() || c == '.')
        {
            return;
        }
        self.at += 1 + rest.len() - unsigned.len() + length;
        self.push(Kind::Sign('*'));
        self.push(Kind::Number(Cow::Borrowed("10")));
        self.push(Kind::Sign('^'));
        if rest.starts_with(['-', '−']) {
            self.push(Kind::Sign('-'));
        }
        self.push(Kind::Number(Cow::Borrowed(&unsigned[..length])));
    }

    /// How long the thousands separator is that `rest` starts with, when a group of exactly three digits follows.
    fn separator(&self, rest: &str, whole: &str) -> Option<usize> {
        let bare = match self.commas {
            Commas::Usual => self.depth == 0 && self.tables == 0 && whole != "0",
            Commas::Thousands => true,
            Commas::Decimal | Commas::Separators => false,
        };
        // `1{,}234`, `10\,000` and their like can be nothing else, even with spaces strewn in.
        let blanks = rest.bytes().take_while(|byte| *byte == b' ').count();
        for spelt in ["{, }", "{,}"] {
            if (blanks > 0 || spelt.len() == 4)
                && let Some(after) = rest[blanks..].strip_prefix(spelt)
            {
                return (ascii_digits(after) == 3).then_some(blanks + spelt.len());
            }
        }
        let spelt =
            [",\\!", "{,}", "\\,", "\\!", ",\\ \\!", "{,\\!}"].into_iter().find(|it| rest.starts_with(it));
        let separator = match spelt {
            Some(separator) => {
                let blanks = rest[separator.len()..].bytes().take_while(|byte| *byte == b' ').count();
                separator.len() + blanks
            }
            None if bare && rest.starts_with(',') => 1,
            None if bare && self.tables == 0 && rest.starts_with([' ', '\u{a0}', '\u{202f}', '’', '\'']) => {
                rest.chars().next().map_or(0, char::len_utf8)
            }
            None => return None,
        };
        let after = &rest[separator..];
        (ascii_digits(after) == 3).then_some(separator)
    }
}

fn ascii_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// How many groups `.ddd` follow the first `whole` digits, when there are two or more, or one and a decimal comma.
fn dotted_groups(text: &str, whole: usize) -> usize {
    if !(1..=3).contains(&whole) {
        return 0;
    }
    let mut groups = 0;
    let mut at = whole;
    while text[at..].starts_with('.') && ascii_digits(&text[at + 1..]) == 3 {
        groups += 1;
        at += 4;
    }
    let decimal_comma = text[at..].starts_with(',') && ascii_digits(&text[at + 1..]) > 0;
    if groups >= 2 || groups == 1 && decimal_comma { groups } else { 0 }
}
