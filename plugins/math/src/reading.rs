//! The ways in which an answer can be read: usually one, more where commas or a letter in front leave a doubt.

use std::cell::OnceCell;

use gavel_text::{find_short, has_short};

use crate::expr::Expr;
use crate::parse::{parse, read};
use crate::token::{Commas, Kind, Token, tokens};

/// One way to read an answer.
#[derive(Debug)]
pub struct Reading<'t> {
    text: &'t str,
    /// What it says; `None` when it is no formula.
    pub expr: Option<Expr>,
    /// Whether it takes a comma for a decimal point.
    decimal_comma: bool,
    /// The letter of a choice that was left out.
    label: Option<char>,
    /// Whether it is the letter of a choice alone, and what stands behind that was left out.
    is_label: bool,
    spelling: OnceCell<String>,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str, expr: Option<Expr>) -> Self {
        Self { text, expr, decimal_comma: false, label: None, is_label: false, spelling: OnceCell::new() }
    }

    /// Whether this reading makes sense beside another: `0,1` is 0.1 beside a decimal, and else two numbers.
    pub fn fits(&self, other: &Self) -> bool {
        let labels_agree = self.label.is_none() || other.label.is_none() || self.label == other.label;
        let decimals = |reading: &Self| reading.expr.as_ref().and_then(decimals);
        // `10,20` is 10.20 beside that, and not beside 10.2.
        let money =
            |reading: &Self| matches!(&reading.expr, Some(Expr::Quantity(_, unit)) if unit.is_money());
        let point = || {
            !other.decimal_comma
                && decimals(other).is_some()
                && (decimals(other) == decimals(self) || money(self))
        };
        // `A. Smith` is not `A. Jones`: where both say more than the letter, that counts.
        let both_labels = self.is_label && other.is_label;
        labels_agree && !both_labels && (!self.decimal_comma || point())
    }

    /// Whether three letters stand side by side that are no command.
    pub fn has_words(&self) -> bool {
        let bytes = self.text.as_bytes();
        let mut letters = 0;
        let mut command = false;
        for &byte in bytes {
            if byte.is_ascii_alphabetic() {
                letters += 1;
                if letters >= 3 && !command {
                    return true;
                }
            } else {
                letters = 0;
                command = byte == b'\\';
            }
        }
        false
    }

    /// Whether both are the same letter of a choice, in whatever case.
    pub fn is_choice_like(&self, other: &Self) -> bool {
        match (&self.expr, &other.expr) {
            (Some(Expr::Symbol(a)), Some(Expr::Symbol(b))) => {
                a.len() == 1
                    && a.eq_ignore_ascii_case(b)
                    && matches!(a.as_bytes()[0].to_ascii_uppercase(), b'A'..=b'H')
            }
            _ => false,
        }
    }

    /// The answer in one spelling, for what is compared as text.
    pub fn spelling(&self) -> &str {
        self.spelling.get_or_init(|| spelling(self.text))
    }
}

/// An answer or a reference as it is written, read once however often it is compared.
#[derive(Debug)]
pub struct Written<'t> {
    /// The text.
    pub text: &'t str,
    readings: OnceCell<Vec<Reading<'t>>>,
}

impl<'t> Written<'t> {
    /// What is written.
    pub fn new(text: &'t str) -> Self {
        Self { text, readings: OnceCell::new() }
    }

    /// The ways to read it, the usual one first.
    pub fn readings(&self) -> &[Reading<'t>] {
        self.readings.get_or_init(|| readings(self.text))
    }

    /// Whether it is a number: digits, a fraction of them, with a unit or a sign of percent.
    pub fn is_number(&self) -> bool {
        let usual = || self.readings().first().and_then(|reading| reading.expr.as_ref());
        self.text.bytes().all(|byte| byte.is_ascii_digit()) || usual().is_some_and(is_number)
    }
}

/// The readings of `text`, the usual one first.
fn readings(text: &str) -> Vec<Reading<'_>> {
    let mut readings = vec![Reading::new(text, parse(text, Commas::Usual).ok())];
    if comma_between_digits(text) {
        if !zeros_behind_comma(text) {
            push_new(&mut readings, text, parse(text, Commas::Separators).ok());
        }
        if single_decimal_comma(text) {
            let expr = parse(text, Commas::Decimal).ok();
            readings.push(Reading { decimal_comma: true, ..Reading::new(text, expr) });
        }
        if text.contains(['(', '[', '{']) {
            push_new(&mut readings, text, parse(text, Commas::Thousands).ok());
        }
    }
    if let Some(number) = ordinal(text) {
        push_new(&mut readings, text, parse(&number, Commas::Usual).ok());
    }
    if let Some(number) = ordinal_word(text) {
        push_new(&mut readings, text, Some(Expr::integer(number)));
    }
    // Most answers are one formula or one number, without a space in them.
    if text.contains(' ') {
        if let Some((whole, part)) = mixed_in_words(text) {
            push_new(&mut readings, text, parse(&format!("{whole} {part}"), Commas::Usual).ok());
        }
    }
    if let Some(word) = yes_or_no(text) {
        push_new(&mut readings, text, Some(Expr::Text(word.to_owned())));
    }
    if let Some(choice) = text.contains(' ').then(|| named_choice(text)).flatten() {
        push_new(&mut readings, text, parse(choice, Commas::Usual).ok());
    }
    if let Some((letter, rest)) = labelled(text) {
        let symbol = Some(Expr::Symbol(letter.to_string()));
        readings.push(Reading { is_label: true, ..Reading::new(text, symbol) });
        readings.push(Reading { label: Some(letter), ..Reading::new(text, read(rest).ok()) });
    }
    readings
}

/// The number of `21^{st}` and `21st`, which may as well be a power or a product, with what it counts: `9th day`.
fn ordinal(text: &str) -> Option<String> {
    let bare = text.trim().trim_matches('$').trim();
    let digits = bare.find(|c: char| !c.is_ascii_digit()).filter(|length| (1..=9).contains(length))?;
    let (number, ending) = bare.split_at(digits);
    let last_two: u32 = number[number.len().saturating_sub(2)..].parse().ok()?;
    let wanted = match (last_two % 10, last_two / 10) {
        (1, tens) if tens != 1 => "st",
        (2, tens) if tens != 1 => "nd",
        (3, tens) if tens != 1 => "rd",
        _ => "th",
    };
    let ending = ending.strip_prefix("^{").and_then(|it| it.strip_suffix('}')).unwrap_or(ending);
    let counted = ending.trim().strip_prefix(wanted)?;
    let is_word = counted.is_empty()
        || counted.starts_with(' ') && counted.bytes().all(|it| it.is_ascii_lowercase() || it == b' ');
    is_word.then(|| format!("{number}{counted}"))
}

/// The number of `ninth`, `the 9th`.
fn ordinal_word(text: &str) -> Option<i64> {
    const WORDS: [&str; 12] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
        "eleventh", "twelfth",
    ];
    let bare = unwrapped(text);
    let bare = ["the ", "The "].iter().find_map(|article| bare.strip_prefix(article)).unwrap_or(bare);
    let place = WORDS.iter().position(|word| word.eq_ignore_ascii_case(bare))?;
    Some(place as i64 + 1)
}

/// The parts of `1 and 1/2`, which may as well be two answers.
fn mixed_in_words(text: &str) -> Option<(&str, &str)> {
    let text = text.trim().trim_matches('$');
    let at = find_short(text, " and ")?;
    let (whole, part) = (&text[..at], &text[at + " and ".len()..]);
    let digits =
        |text: &str| !text.is_empty() && text.len() < 10 && text.bytes().all(|it| it.is_ascii_digit());
    let (above, below) = part.trim().split_once('/')?;
    let below = &below[..below.find(' ').unwrap_or(below.len())];
    (digits(whole.trim()) && digits(above) && digits(below) && (above.len(), above) < (below.len(), below))
        .then_some((whole.trim(), part.trim()))
}

/// The first word of `Yes, it is possible`, where nothing of what follows is the other one or takes it back.
fn yes_or_no(text: &str) -> Option<&'static str> {
    const OTHERS: [&str; 8] = ["yes", "no", "not", "but", "or", "maybe", "if", "unless"];
    memchr::memchr(b',', text.as_bytes())?;
    let (first, rest) = unwrapped(text).split_once(',')?;
    let word = ["yes", "no"].into_iter().find(|word| word.eq_ignore_ascii_case(first.trim()))?;
    let is_other = |it: &str| OTHERS.iter().any(|other| other.eq_ignore_ascii_case(it));
    (!rest.split(|c: char| !c.is_alphabetic()).any(is_other)).then_some(word)
}

/// A text without the command that sets it as text.
fn unwrapped(text: &str) -> &str {
    let bare = text.trim_matches(['$', ' ', '.']);
    ["\\text{", "\\textbf{", "\\mathrm{"]
        .iter()
        .find_map(|open| bare.strip_prefix(open))
        .map_or(bare, |it| it.trim_end_matches('}'))
}

/// The letter or the number of `Option C`, `\text{Choice (C)}`, `Option 3`.
fn named_choice(text: &str) -> Option<&str> {
    let bare = unwrapped(text);
    let name =
        ["Option ", "option ", "Choice ", "choice "].iter().find_map(|name| bare.strip_prefix(name))?;
    let choice = name.trim_matches(['(', ')', ' ', '~', '{', '}']);
    let is_letter = matches!(choice.as_bytes(), [b'A'..=b'J']);
    (is_letter || matches!(choice.as_bytes(), [b'1'..=b'9'])).then_some(choice)
}

/// Adds a reading that says something new.
fn push_new<'t>(readings: &mut Vec<Reading<'t>>, text: &'t str, expr: Option<Expr>) {
    if let Some(expr) = expr
        && readings.iter().all(|it| it.expr.as_ref() != Some(&expr))
    {
        readings.push(Reading::new(text, Some(expr)));
    }
}

/// How many digits stand behind the point of a decimal.
fn decimals(expr: &Expr) -> Option<u32> {
    match expr {
        Expr::Number(number) => number.decimals,
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => decimals(inner),
        _ => None,
    }
}

fn comma_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(3).any(|it| it[1] == b',' && it[0].is_ascii_digit() && it[2].is_ascii_digit())
}

/// `35,000` is no list of 35 and 0.
fn zeros_behind_comma(text: &str) -> bool {
    text.as_bytes().windows(3).any(|it| it[0] == b',' && it[1] == b'0' && it[2].is_ascii_digit())
}

/// `1,5`: one comma, and not three digits behind it, unless a zero stands in front of it.
fn single_decimal_comma(text: &str) -> bool {
    let Some((before, after)) = text.split_once(',') else { return false };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let whole = before.trim_start_matches(|c: char| !c.is_ascii_digit());
    !after.contains(',')
        && !before.contains(['(', '[', '{'])
        && (digits != 3 || whole == "0" || whole.len() > 3)
        && whole.bytes().all(|byte| byte.is_ascii_digit())
}

/// The letter of a choice that stands in front of the choice itself: `(C) 12`, `\textbf{(C)}\ 12`, `C. 12`, `C) 12`.
fn labelled(text: &str) -> Option<(char, Vec<Token<'_>>)> {
    // Most answers are not tokenised again for this.
    let is_named = || has_short(text, "ption ") || has_short(text, "hoice ");
    if !text.contains(')') && !matches!(text.trim_start().as_bytes().get(1), Some(b'.' | b':')) && !is_named()
    {
        return None;
    }
    let mut tokens = tokens(text, Commas::Usual).ok()?;
    if let Some(Kind::Text(word) | Kind::Word(word)) = tokens.first().map(|token| &token.kind)
        && ["Option", "option", "Choice", "choice"].contains(word)
    {
        tokens.remove(0);
    }
    let letter = |token: &Token<'_>| match token.kind {
        Kind::Letter(letter) => Some(letter),
        Kind::Text(word) if word.len() == 1 => word.chars().next(),
        _ => None,
    };
    let sign = |at: usize, sign: char| tokens.get(at).is_some_and(|token| token.kind == Kind::Sign(sign));
    let (letter, length) = if sign(0, '(') && sign(2, ')') {
        (letter(tokens.get(1)?)?, 3)
    } else if sign(1, ')')
        || (sign(1, '.') || sign(1, ':')) && tokens.get(2).is_some_and(|token| token.spaced)
    {
        (letter(tokens.first()?)?, 2)
    } else {
        return None;
    };
    // In brackets and apart from what follows, it may be small; `(a) 5 (b) 6` has parts.
    let is_small = ('a'..='d').contains(&letter)
        && length == 3
        && tokens.get(3).is_some_and(|token| token.spaced)
        && !tokens[3..].iter().any(|token| token.kind == Kind::Sign('('));
    if !('A'..='J').contains(&letter) && !is_small || tokens.len() <= length {
        return None;
    }
    // `(C) or (D)` and `(C) 5 and (D) 6` take no choice; `(C) 2 hours and 15 minutes` does.
    let rest = &tokens[length..];
    let undecided = rest.iter().enumerate().any(|(at, token)| match token.kind {
        Kind::Text("not" | "nor") | Kind::Word("not" | "nor") => true,
        Kind::Text("or" | "and") | Kind::Word("or" | "and") => {
            let next = rest.get(at + 1).map(|token| &token.kind);
            at == 0
                || matches!(next, None | Some(Kind::Sign('(')))
                || matches!(next, Some(Kind::Letter(letter)) if ('A'..='J').contains(letter))
                || matches!(next, Some(Kind::Text(word)) if word.len() == 1)
        }
        _ => false,
    });
    if undecided || matches!(tokens[length].kind, Kind::Sign(',' | ';' | '/' | '(')) {
        return None;
    }
    Some((letter, tokens[length..].to_vec()))
}

/// The tokens of a text one after the other, words in lower case.
fn spelling(text: &str) -> String {
    let Ok(tokens) = tokens(text, Commas::Usual) else { return text.split_whitespace().collect() };
    let mut spelling = String::with_capacity(text.len());
    for token in &tokens {
        match &token.kind {
            Kind::Number(digits) => {
                if spelling.ends_with(|c: char| c.is_ascii_digit()) {
                    spelling.push(' ');
                }
                spelling.push_str(digits);
            }
            Kind::Letter(letter) => spelling.push(*letter),
            Kind::Word(word) | Kind::Text(word) if word.len() > 1 => {
                spelling.extend(word.chars().flat_map(char::to_lowercase));
            }
            Kind::Word(word) | Kind::Text(word) | Kind::Command(word) | Kind::Begin(word) => {
                spelling.push_str(word)
            }
            Kind::Sign('"' | '`') | Kind::End => {}
            Kind::Sign(sign) => spelling.push(*sign),
        }
    }
    spelling.truncate(spelling.trim_end_matches(['.', ',']).len());
    spelling
}

/// Whether a text reads as an answer, and as no sentence around one.
pub fn is_readable(text: &str) -> bool {
    parse(text, Commas::Usual).is_ok()
}

/// Whether an expression is a number, a fraction of numbers, or a name that is set equal to one.
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::Based(..) => true,
        Expr::Negative(inner) | Expr::Percent(inner) | Expr::Quantity(inner, _) => is_number(inner),
        Expr::Quotient(above, below) => is_number(above) && is_number(below),
        Expr::Product(factors) => factors.iter().all(is_number),
        Expr::Power(base, exponent) => is_number(base) && is_number(exponent),
        Expr::Relation(sides, _) => {
            sides.len() == 2 && matches!(sides[0], Expr::Symbol(_)) && is_number(&sides[1])
        }
        _ => false,
    }
}
