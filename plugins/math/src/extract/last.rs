//! The last formula and the last number of a text: what is left when no answer is stated.

use std::borrow::Cow;

use gavel_text::braced;

use super::operand;

/// The most formulas that make one list, and how far apart they may be.
const MOST_FORMULAS: usize = 12;
const FARTHEST: usize = 12;
/// The longest numerator or denominator, in bytes.
const LONGEST_PART: usize = 20_000;

/// Where the last of `patterns` starts, and which it is. All start with `first`, a character that is rare in prose, so
/// that most of a long text is skipped and not compared.
pub(super) fn rfind<'a>(text: &str, first: u8, patterns: &[&'a str]) -> Option<(usize, &'a str)> {
    memchr::memrchr_iter(first, text.as_bytes()).find_map(|at| {
        // The second byte tells most places apart.
        let second = text.as_bytes().get(at + 1);
        let starts = |pattern: &&&str| {
            pattern.as_bytes().get(1) == second && text.as_bytes()[at..].starts_with(pattern.as_bytes())
        };
        let found = patterns.iter().find(starts)?;
        Some((at, *found))
    })
}

/// The last formula between delimiters, with those that `and` or a comma joins to it, and a sign of percent behind it.
///
/// With where it ends.
pub(super) fn formula(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let formulas = formulas(text);
    let (last, before) = formulas.split_last()?;
    let mut start = last.start;
    let mut contents = vec![last.content];
    for formula in before.iter().rev().take(MOST_FORMULAS) {
        let gap = &text[formula.end..start];
        let joins = gap.len() <= FARTHEST && {
            let words = gap.trim_matches([' ', ',', ';']);
            matches!(words, "and" | "or" | "" | ", and" | ", or") && gap.contains([',', ';', 'a', 'o'])
        };
        if !joins {
            break;
        }
        contents.push(formula.content);
        start = formula.start;
    }
    let rest = text[last.end..].trim_start();
    let percent = ["%", "\\%", "percent", "pct"].iter().any(|it| rest.starts_with(it));
    if contents.len() == 1 && !percent {
        return Some((Cow::Borrowed(last.content), last.end));
    }
    contents.reverse();
    let joined = format!("{}{}", contents.join(", "), if percent { " \\%" } else { "" });
    Some((Cow::Owned(joined), last.end))
}

/// The last formula or the last number, whichever ends later.
pub(super) fn formula_or_number(text: &str) -> Option<Cow<'_, str>> {
    match (formula(text), number(text)) {
        (Some((formula, end)), Some((_, number_end))) if end >= number_end => Some(formula),
        (_, Some((number, _))) => Some(Cow::Borrowed(number)),
        (formula, None) => formula.map(|(formula, _)| formula),
    }
}

struct Formula<'a> {
    start: usize,
    content: &'a str,
    end: usize,
}

/// All formulas between delimiters, in order. Those in one line only, where a line is what their delimiters are for.
fn formulas(text: &str) -> Vec<Formula<'_>> {
    let mut found: Vec<Formula<'_>> = Vec::new();
    let bytes = text.as_bytes();
    // Where each kind of closing delimiter does not occur any more, so that a text is gone through once for each.
    let mut absent = [usize::MAX; 4];
    let mut at = 0;
    while at < text.len() {
        if bytes[at] == b'\\' && bytes.get(at + 1) == Some(&b'$') {
            at += 2;
            continue;
        }
        let delimiters = match (bytes[at], bytes.get(at + 1)) {
            (b'$', Some(b'$')) => Some((0, "$$", "$$")),
            (b'$', _) => Some((1, "$", "$")),
            (b'\\', Some(b'(')) => Some((2, "\\(", "\\)")),
            (b'\\', Some(b'[')) => Some((3, "\\[", "\\]")),
            _ => None,
        };
        let Some((kind, open, close)) = delimiters else {
            at += 1;
            continue;
        };
        let inner = at + open.len();
        let length = if at >= absent[kind] { None } else { find_close(&text[inner..], close) };
        match length {
            Some(length) if kind % 3 == 0 || !text[inner..inner + length].contains('\n') => {
                let end = inner + length + close.len();
                found.push(Formula { start: at, content: &text[inner..inner + length], end });
                at = end;
            }
            Some(length) => at = inner + if kind == 1 { 0 } else { length.min(1) },
            None => {
                absent[kind] = absent[kind].min(at);
                at = inner;
            }
        }
    }
    found
}

/// Where `close` stands that is not escaped.
fn find_close(text: &str, close: &str) -> Option<usize> {
    text.match_indices(close).map(|(at, _)| at).find(|at| close != "$" || !text[..*at].ends_with('\\'))
}

/// The last number, or the last fraction, with its sign, its currency left out, and the sign of percent behind it.
/// With where its digits end.
pub(super) fn number(text: &str) -> Option<(&str, usize)> {
    let mut before = text;
    let (start, end) = loop {
        let end = before.rfind(|c: char| c.is_ascii_digit())? + 1;
        if let Some(fraction) = fraction_around(text, end) {
            return Some((fraction, end));
        }
        let start = digits_before(text, end);
        // Digits of a word are no number.
        let in_word = text[..start].ends_with(|c: char| c.is_alphabetic())
            && text[end..].starts_with(|c: char| c.is_alphabetic());
        if !in_word {
            break (start, end);
        }
        before = &text[..start];
    };
    let mut start = start;
    if let Some((hour, close)) = time_around(text, start, end) {
        return Some((&text[hour..close], end));
    }
    if let Some(numerator) = text[..start].strip_suffix('/').filter(|text| ends_with_digit(text)) {
        start = digits_before(text, numerator.len());
    }
    let sign = sign_before(text, start);
    if let Some(from) =
        minus_before(&text[..sign]).filter(|from| !is_computed_with(&text[..*from], &text[end..]))
    {
        return Some((&text[from..end], end));
    }
    if is_computed_with(&text[..sign], &text[end..]) {
        return Some((line_around(text, start, end), end));
    }
    let behind = text[end..].trim_start_matches([' ', '$', '*']);
    let percent = ["\\%", "%", "percent", "pct"].into_iter().find(|sign| behind.starts_with(sign));
    let scale = || {
        let word = &behind[..behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len())];
        let is_attached = behind.len() == text.len() - end;
        (SCALES.contains(&word) || is_attached && matches!(word, "k" | "bn")).then_some(word)
    };
    let close = percent.or_else(scale).map_or(end, |sign| text.len() - behind.len() + sign.len());
    Some((&text[sign..close], end))
}

/// Words of scale behind a number, which belong to it.
const SCALES: [&str; 13] = [
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
    "dozen",
    "lakh",
    "crore",
    "halves",
    "thirds",
    "fifths",
    "tenths",
    "hundredths",
];

/// Where "minus" or "negative" starts that a text ends with, unless something is taken away there: `10 minus 3`.
fn minus_before(before: &str) -> Option<usize> {
    let said = before.trim_end_matches(' ');
    let rest = ["minus", "negative"].iter().find_map(|word| said.strip_suffix(word))?;
    let is_word = !rest.ends_with(|c: char| c.is_alphanumeric());
    (is_word && said.len() < before.len() && !ends_with_digit(rest.trim_end())).then_some(rest.len())
}

/// Whether a number is only a part of what is computed there: `2^7`, `1e7`, `√7`, "minus 7", "7 squared".
fn is_computed_with(before: &str, behind: &str) -> bool {
    const FUNCTIONS: [&str; 9] = ["√", "sqrt", "log", "ln", "sin", "cos", "tan", "0x", "\\sqrt"];
    let open = before.trim_end_matches(['(', '{', '$', ' ']);
    let exponent = before.ends_with(['e', 'E']) && ends_with_digit(&before[..before.len() - 1]);
    open.ends_with('^')
        || exponent
        || FUNCTIONS.iter().any(|name| open.ends_with(name))
        // A dash that stands at the number and behind a space is a minus.
        || before.ends_with('–') && before.trim_end_matches('–').ends_with([' ', '\n'])
        || behind.starts_with(['²', '³', '^'])
        || operand::is_computed_with(before, behind)
}

/// The line that a number stands in, or what is near of it.
fn line_around(text: &str, start: usize, end: usize) -> &str {
    const NEAR: usize = 40;
    let before = gavel_text::end_of(&text[..start], NEAR);
    let from = start - before.len() + before.rfind('\n').map_or(0, |at| at + 1);
    let behind = gavel_text::start_of(&text[end..], NEAR);
    text[from..end + behind.find('\n').unwrap_or(behind.len())].trim()
}

/// Where a time of day starts and ends whose minutes stand from `start` to `end`: `9:50 A.M.`
fn time_around(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let (hour, is_time) = match text[..start].strip_suffix(':') {
        Some(before) => {
            let hour = before.len() - before.bytes().rev().take_while(u8::is_ascii_digit).count();
            (hour, end - start == 2 && (1..=2).contains(&(before.len() - hour)))
        }
        // `9 a.m.`
        None => (start, end - start <= 2 && !text[..start].ends_with(['.', ',', '/', '-', '$'])),
    };
    let behind = text[end..].trim_start_matches([' ', '~']);
    let halves = ["A.M.", "P.M.", "a.m.", "p.m.", "AM", "PM", "am", "pm"];
    let half = halves.iter().find(|half| behind.starts_with(**half))?;
    let is_word = !half.ends_with('.') && behind[half.len()..].starts_with(|c: char| c.is_alphanumeric());
    (is_time && !is_word).then_some((hour, text.len() - behind.len() + half.len()))
}

/// Where the run of digits, commas and points that ends at `end` starts.
fn digits_before(text: &str, end: usize) -> usize {
    let bytes = text.as_bytes();
    let mut start = end;
    while let Some(before) = start.checked_sub(1) {
        let part = bytes[before].is_ascii_digit() || bytes[before] == b'.' && bytes[start].is_ascii_digit();
        let separator =
            bytes[before] == b',' && bytes[start].is_ascii_digit() && ends_with_digit(&text[..before]);
        if !part && !separator {
            break;
        }
        start = before;
    }
    start
}

fn ends_with_digit(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit())
}

/// Where a sign that belongs to the number at `start` stands; `start` if there is none, as in `5-3`.
fn sign_before(text: &str, start: usize) -> usize {
    let currency = ["\\$", "$"].into_iter().find_map(|sign| text[..start].strip_suffix(sign));
    let before = currency.unwrap_or(&text[..start]);
    match before.strip_suffix(['-', '−']) {
        Some(rest) if !rest.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '}')) => {
            rest.len()
        }
        _ => start,
    }
}

/// The last `\frac{…}{…}`, when the digit that ends at `end` is in its denominator.
fn fraction_around(text: &str, end: usize) -> Option<&str> {
    let (at, _) = rfind(&text[..end], b'\\', &["\\frac", "\\dfrac", "\\tfrac"])?;
    let body = &text[at + text[at..].find('{')?..];
    let numerator = braced(body, LONGEST_PART)?;
    let denominator = braced(body.get(numerator.len() + 2..)?, LONGEST_PART)?;
    let close = text.len() - body.len() + numerator.len() + denominator.len() + 4;
    (close > end).then(|| &text[sign_before(text, at)..close])
}
