//! Computes an expression as one would on paper: `3*4+5=12+5=17`.

/// The chain from an expression over whole numbers, with `+ - * / %` and parentheses, to its value, and the value. A step
/// does the first product of every run of products, or else the first sum. A remainder is taken by what is left of the
/// number behind a multiple: `30%11=30-2*11=30-22=8`. `None` where a quotient is not whole, or the text is no expression.
pub(super) fn chain(expression: &str) -> Option<(String, i64)> {
    let mut tokens = tokens(expression)?;
    let mut text = expression.to_owned();
    while tokens.len() > 1 {
        tokens = remainder(&tokens).map_or_else(|| step(&tokens), Some)?;
        text.push('=');
        tokens.iter().for_each(|token| text.push_str(&token.written()));
    }
    match tokens[..] {
        [Token::Number(value)] => Some((text, value)),
        _ => None,
    }
}

/// The value of an expression.
pub(super) fn value(expression: &str) -> Option<i64> {
    chain(expression).map(|(_, value)| value)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Number(i64),
    Sign(char),
}

impl Token {
    fn written(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Sign(sign) => sign.to_string(),
        }
    }
}

fn tokens(expression: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            tokens.push(Token::Number(rest[..digits].parse().ok()?));
            rest = &rest[digits..];
        } else {
            tokens.push(Token::Sign(first));
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(tokens)
}

/// A remainder that is all that is left to do, as a difference. Nobody takes `1332%37` in one step who has to learn it.
fn remainder(tokens: &[Token]) -> Option<Vec<Token>> {
    let &[Token::Number(a), Token::Sign('%'), Token::Number(b)] = tokens else { return None };
    let quotient = (b > 0).then(|| a.div_euclid(b)).filter(|&quotient| quotient > 0)?;
    let number = |number| Token::Number(number);
    Some(vec![number(a), Token::Sign('-'), number(quotient), Token::Sign('*'), number(b)])
}

fn step(tokens: &[Token]) -> Option<Vec<Token>> {
    // The innermost parentheses come first, alone.
    let Some(close) = tokens.iter().position(|token| *token == Token::Sign(')')) else {
        return reduced(tokens);
    };
    let open = tokens[..close].iter().rposition(|token| *token == Token::Sign('('))?;
    let inside = reduced(&tokens[open + 1..close])?;
    let mut result = tokens[..open].to_vec();
    // A single number needs no parentheses.
    if inside.len() == 1 {
        result.extend(inside);
    } else {
        result.push(Token::Sign('('));
        result.extend(inside);
        result.push(Token::Sign(')'));
    }
    result.extend(&tokens[close + 1..]);
    Some(result)
}

/// One step within an expression without parentheses.
fn reduced(tokens: &[Token]) -> Option<Vec<Token>> {
    let is_product = |token: &Token| matches!(token, Token::Sign('*' | '/' | '%'));
    if !tokens.iter().any(is_product) {
        let [Token::Number(a), Token::Sign(sign), Token::Number(b), rest @ ..] = tokens else { return None };
        return Some([vec![Token::Number(apply(*a, *sign, *b)?)], rest.to_vec()].concat());
    }
    let mut result: Vec<Token> = Vec::new();
    let mut rest = tokens;
    // Whether this run of products has had its step.
    let mut done = false;
    while let Some((token, after)) = rest.split_first() {
        match (token, after, result.last()) {
            (Token::Sign(sign @ ('*' | '/' | '%')), [Token::Number(b), ..], Some(Token::Number(a)))
                if !done =>
            {
                let product = apply(*a, *sign, *b)?;
                result.pop();
                result.push(Token::Number(product));
                rest = &after[1..];
                done = true;
            }
            _ => {
                if matches!(token, Token::Sign('+' | '-')) {
                    done = false;
                }
                result.push(*token);
                rest = after;
            }
        }
    }
    Some(result)
}

fn apply(a: i64, sign: char, b: i64) -> Option<i64> {
    match sign {
        '+' => a.checked_add(b),
        '-' => a.checked_sub(b),
        '*' => a.checked_mul(b),
        '/' => (b != 0 && a % b == 0).then(|| a / b),
        '%' => (b > 0).then(|| a.rem_euclid(b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_does_one_thing_at_a_time() {
        let shown = |expression| chain(expression).map(|(text, _)| text);
        assert_eq!(shown("3*4+5").as_deref(), Some("3*4+5=12+5=17"));
        assert_eq!(shown("7*4+3-4*4-9").as_deref(), Some("7*4+3-4*4-9=28+3-16-9=31-16-9=15-9=6"));
        assert_eq!(shown("(7*4+2)%11").as_deref(), Some("(7*4+2)%11=(28+2)%11=30%11=30-2*11=30-22=8"));
        assert_eq!(shown("3*2%7").as_deref(), Some("3*2%7=6%7=6"));
        assert_eq!(shown("2*3*4").as_deref(), Some("2*3*4=6*4=24"));
        assert_eq!(shown("3-8+2").as_deref(), Some("3-8+2=-5+2=-3"));
        assert_eq!(shown("7").as_deref(), Some("7"));
        assert_eq!((shown("7/2"), shown("1/0"), shown("3+"), shown("")), (None, None, None, None));
    }
}
