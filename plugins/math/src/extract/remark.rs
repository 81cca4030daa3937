//! What stands around an answer without being part of it: remarks, other spellings of the same, ornaments.

use gavel_text::first_of;

use crate::compare::{Rules, compare};

/// The longest answer that is looked at, in bytes.
const LONGEST: usize = 400;

/// An answer without the remark behind it and without a second spelling of the same value.
pub(super) fn tidy(text: &str) -> &str {
    let mut text = balanced(undecorated(text));
    if text.len() > LONGEST {
        return text;
    }
    if let Some(without) = without_remark(text) {
        text = without;
    }
    same_first(text).unwrap_or(text)
}

/// Without emoji and signs of an ended proof, and quotation marks in pairs.
fn undecorated(text: &str) -> &str {
    let is_ornament = |c: char| {
        matches!(
            c,
            '✅' | '✓' | '✔' | '☑' | '■' | '□' | '∎' | '◻' | '\u{fe0f}' | '。' | '，' | '\u{1f300}'
                ..='\u{1faff}'
        )
    };
    let text = super::bare(text.trim_end_matches(|c: char| is_ornament(c) || c.is_whitespace() || c == '*'));
    let text = ["\\checkmark", "\\blacksquare", "\\square"]
        .iter()
        .find_map(|end| text.strip_suffix(end))
        .unwrap_or(text);
    let text = super::bare(text);
    let text = ["です", "입니다", "이다"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    text.strip_prefix(['\'', '‘'])
        .and_then(|text| text.strip_suffix(['\'', '’']))
        .filter(|text| !text.contains('\''))
        .unwrap_or(text)
}

/// Without a brace, a parenthesis or a `$` at an edge that has no partner, as a sentence around the answer leaves it.
fn balanced(text: &str) -> &str {
    let mut text = text;
    let count = |text: &str, sign: u8| memchr::memchr_iter(sign, text.as_bytes()).count();
    if text.ends_with('}') && !text.ends_with("\\}") && count(text, b'}') > count(text, b'{') {
        text = super::bare(&text[..text.len() - 1]);
    }
    if text.ends_with(')') && !text.contains(['(', '[']) && !text.ends_with("\\)") && text.len() > 1 {
        text = super::bare(&text[..text.len() - 1]);
    }
    if text.ends_with('$') && !text.ends_with("\\$") && count(text, b'$') == 1 {
        text = super::bare(&text[..text.len() - 1]);
    }
    text
}

/// What stands in front of a remark in parentheses: `10 (5 + 5)`, `6 (not 5)`, `14 \text{ (years)}`.
fn without_remark(text: &str) -> Option<&str> {
    let (body, is_text) = match text.strip_suffix(")}") {
        Some(body) => (body, true),
        None => (text.strip_suffix(')')?, false),
    };
    let open = opening(body)?;
    let before = &text[..open];
    let before = if is_text {
        let before = before.trim_end_matches([' ', '~']);
        let command = ["\\text{", "\\textrm{", "\\mathrm{", "\\mbox{"];
        command.iter().find_map(|it| before.strip_suffix(it))?
    } else {
        before.strip_suffix(' ')?
    };
    let before = before.trim_end_matches(|c: char| c.is_whitespace() || c == '~');
    let spacing = ["\\,", "\\;", "\\:", "\\quad", "\\"];
    let before = spacing.iter().find_map(|it| before.strip_suffix(it)).unwrap_or(before);
    is_remark(&body[open + 1..], before).then_some(super::bare(before))
}

/// Where the parenthesis opens that closes behind `body`.
fn opening(body: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in body.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 0 => return Some(at),
            b'(' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether what stands in parentheses behind `answer` only speaks about it.
pub(super) fn is_remark(inside: &str, answer: &str) -> bool {
    const PART: [&str; 32] = [
        "guess",
        "ignore",
        "wrong",
        "incorrect",
        "false",
        "trap",
        "kidding",
        "joking",
        "except",
        "never",
        "or",
        "and",
        "if",
        "when",
        "unless",
        "mod",
        "for",
        "base",
        "where",
        "otherwise",
        "sin",
        "cos",
        "tan",
        "ln",
        "log",
        "exp",
        "sqrt",
        "max",
        "min",
        "gcd",
        "to",
        "maybe",
    ];
    // `6 (not 5)` speaks of another one, and `6 (not)` of this.
    if matches!(inside.trim(), "not" | "no" | "nope" | "lie") {
        return false;
    }
    // `6 (5 is right)` names another one.
    let is_ruling = [" is right", " is correct"].iter().any(|end| inside.trim_end().ends_with(end));
    if is_ruling && inside.contains(|c: char| c.is_ascii_digit()) && !is_same(answer, inside) {
        return false;
    }
    let answer = answer.trim();
    let operand = |c: char| c.is_alphanumeric() || matches!(c, '}' | ')' | ']' | '$' | '*' | '%' | '"' | '°');
    if !answer.ends_with(operand) || inside.len() > LONGEST || answer.len() > LONGEST {
        return false;
    }
    if !answer.contains(char::is_alphanumeric) {
        return false;
    }
    let words: Vec<&str> = words(inside).collect();
    if words.iter().any(|word| PART.iter().any(|it| it.eq_ignore_ascii_case(word))) {
        return words.contains(&"and") && is_same(answer, inside);
    }
    let letter = answer.trim_matches(['*', '(', ')', '$']);
    !words.is_empty()
        || ["=", "≈", "\\approx", "~"].iter().any(|it| inside.trim_start().starts_with(it))
        || matches!(letter.as_bytes(), [b'A'..=b'F']) && !inside.contains(char::is_alphabetic)
        || is_same(answer, inside)
}

/// The words of two letters or more that are no commands.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic() && c != '\\')
        .filter(|word| word.chars().count() > 1 && !word.contains('\\'))
}

/// The first of two spellings of one value: `\frac{3}{8} or 0.375`, `1/6, or approximately 0.167`.
fn same_first(text: &str) -> Option<&str> {
    let (at, or) = first_of(text, &["\\text{ or }", "\\text{or}", "\\text{ or}", "\\text{or }", " or "])?;
    let first = super::bare(text[..at].trim_end_matches([' ', ',']));
    let second = text[at + or.len()..].trim();
    is_same(first, second).then_some(first)
}

/// Whether two spellings have one value; the second may be rounded.
fn is_same(first: &str, second: &str) -> bool {
    const LEADS: [&str; 8] = [
        "approximately ",
        "about ",
        "roughly ",
        "around ",
        "equivalently ",
        "equivalently, ",
        "≈",
        "\\approx",
    ];
    let second = second.trim();
    let second = LEADS.iter().find_map(|it| second.strip_prefix(it)).unwrap_or(second).trim();
    let rules = Rules { rounding: 2, ..Rules::default() };
    let is_equal = |second: &str| compare(first, second, rules).equal() == Some(true);
    !first.is_empty()
        && !second.is_empty()
        // `3 hours and 30 minutes` is one quantity.
        && (is_equal(second) || second.contains(" and ") && is_equal(&second.replace(" and ", " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_and_ornaments_are_left_out() {
        for text in
            ["6 (not 5)", "6 (2 + 4)", r"6 \text{ (six)}", "6 or 6.0", "6** ✅", "'6'", "6)", "6 (six) 🎉"]
        {
            assert_eq!(tidy(text), "6", "{text}");
        }
        assert_eq!(tidy("D (25%)"), "D");
        assert_eq!(tidy("3.5 hours (3 hours and 30 minutes)"), "3.5 hours");
    }

    #[test]
    fn parts_of_an_answer_stay() {
        for text in [
            "6 (or 5)",
            "6 (wrong)",
            "6 or 5",
            "1 (mod 5)",
            "x (x+1)",
            "[2,5)",
            "(1, 2)",
            "6 (5)",
            r"2 (\sin x)",
        ] {
            assert_eq!(tidy(text), text);
        }
    }
}
