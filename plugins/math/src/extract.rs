//! Cuts the final answer out of a text. What stands in it is read elsewhere.

use std::fmt;

use serde::Deserialize;

/// A place where a final answer may stand. In each, the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// `\boxed{…}` or `\fbox{…}`, with nested braces.
    Boxed,
    /// `<answer>…</answer>`.
    AnswerTag,
    /// `#### …`, to the end of the line, as GSM8K's solutions end.
    Hashes,
    /// "the answer is …", "final answer: …", to the end of the clause.
    Phrase,
    /// The last number anywhere, or the last `\frac{…}{…}` of two numbers.
    LastNumber,
}

/// From the most deliberate place to the least.
pub const DEFAULT_ORDER: [Mode; 5] =
    [Mode::Boxed, Mode::AnswerTag, Mode::Hashes, Mode::Phrase, Mode::LastNumber];

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boxed => "\\boxed",
            Self::AnswerTag => "<answer>",
            Self::Hashes => "####",
            Self::Phrase => "\"the answer is\"",
            Self::LastNumber => "the last number",
        })
    }
}

/// The final answer of a completion and where it stood: the first place in `order` that has one that is not empty.
pub fn answer<'a>(completion: &'a str, order: &[Mode]) -> Option<(&'a str, Mode)> {
    order.iter().find_map(|&mode| find(completion, mode).map(|found| (within(found, mode), mode)))
}

/// The answer in a reference, which may be the answer alone or a whole solution with `####` or `\boxed`.
pub fn reference(text: &str) -> &str {
    answer(text, &[Mode::Boxed, Mode::Hashes, Mode::AnswerTag]).map_or(text.trim(), |(found, _)| found)
}

fn find(text: &str, mode: Mode) -> Option<&str> {
    let found = match mode {
        Mode::Boxed => boxed(text),
        Mode::AnswerTag => answer_tag(text),
        Mode::Hashes => hashes(text),
        Mode::Phrase => phrase(text),
        Mode::LastNumber => last_number(text),
    };
    found.map(str::trim).filter(|found| !found.is_empty())
}

/// An answer tag or a phrase often holds a more deliberate answer still.
fn within(found: &str, mode: Mode) -> &str {
    let inner = match mode {
        Mode::AnswerTag => find(found, Mode::Boxed).or_else(|| find(found, Mode::Phrase)),
        Mode::Phrase => find(found, Mode::Boxed),
        _ => None,
    };
    inner.unwrap_or(found)
}

fn boxed(text: &str) -> Option<&str> {
    let (at, command) =
        ["\\boxed", "\\fbox"].into_iter().filter_map(|it| Some((text.rfind(it)?, it))).max()?;
    let rest = text[at + command.len()..].trim_start();
    if rest.starts_with('{') { braced(rest) } else { rest.split([' ', '$', '\n']).next() }
}

/// Where the last of `patterns` starts, and which it is. All start with `first`, a character that is rare in prose, so
/// that most of a long text is skipped and not compared.
fn last<'a>(text: &str, first: char, patterns: &[&'a str]) -> Option<(usize, &'a str)> {
    text.rmatch_indices(first).find_map(|(at, _)| {
        let found = patterns.iter().find(|pattern| text[at..].starts_with(**pattern))?;
        Some((at, *found))
    })
}

/// What stands between the brace that `text` starts with and the one that closes it.
fn braced(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(&text[1..at]),
            b'}' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// One that is not closed counts as none, so that nothing before it can stand in for it.
fn answer_tag(text: &str) -> Option<&str> {
    let (at, tag) = last(text, '<', &["<answer>"])?;
    text[at + tag.len()..].split_once("</answer>").map(|(answer, _)| answer)
}

fn hashes(text: &str) -> Option<&str> {
    let (at, mark) = last(text, '#', &["####"])?;
    text[at + mark.len()..].lines().next()
}

fn phrase(text: &str) -> Option<&str> {
    const VERBS: [&str; 4] = [" is", ":", " **is**", " to the question is"];
    // Few letters are as rare as the `w` of "answer".
    text.rmatch_indices(['w', 'W']).find_map(|(at, _)| {
        let word = text.get(at.checked_sub("ans".len())?..at + "wer".len())?;
        let rest = &text[at + "wer".len()..];
        let verb = VERBS.into_iter().find(|verb| starts_with_ignoring_case(rest, verb))?;
        let answer = rest[verb.len()..].trim_start_matches([':', '*', ' ']);
        word.eq_ignore_ascii_case("answer").then(|| clause(answer))
    })
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// The text up to where its clause ends.
fn clause(text: &str) -> &str {
    const ENDS: [&str; 7] = ["\n", ". ", "; ", ", ", " because ", " since ", " as "];
    let end = ENDS.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    &text[..end]
}

fn last_number(text: &str) -> Option<&str> {
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    if let Some(fraction) = fraction_around(text, end) {
        return Some(fraction);
    }
    let mut start = digits_before(text, end);
    if let Some(numerator) = text[..start].strip_suffix('/').filter(|text| ends_with_digit(text)) {
        start = digits_before(text, numerator.len());
    }
    let percent = ["\\%", "%"].into_iter().find(|sign| text[end..].starts_with(sign)).map_or(0, str::len);
    Some(&text[sign_before(text, start)..end + percent])
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
    let (at, _) = last(text, '\\', &["\\frac", "\\dfrac", "\\tfrac"])?;
    let body = &text[at + text[at..].find('{')?..];
    let numerator = braced(body)?;
    let denominator = braced(&body[numerator.len() + 2..])?;
    let close = text.len() - body.len() + numerator.len() + denominator.len() + 4;
    (close > end).then(|| &text[sign_before(text, at)..close])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (&str, Mode) {
        answer(text, &DEFAULT_ORDER).unwrap()
    }

    #[test]
    fn each_place_is_found() {
        assert_eq!(found(r"so \boxed{\frac{1}{2}} it is 7"), (r"\frac{1}{2}", Mode::Boxed));
        assert_eq!(found(r"\boxed 7 $"), ("7", Mode::Boxed));
        assert_eq!(found("<answer> 7 </answer> 8"), ("7", Mode::AnswerTag));
        assert_eq!(found("2+2\n#### 1,234\n5"), ("1,234", Mode::Hashes));
        assert_eq!(found("The Answer is: $7$. And 8"), ("$7$", Mode::Phrase));
        assert_eq!(found("**Final answer:** 7 apples, I think"), ("7 apples", Mode::Phrase));
        assert_eq!(found("4 and then -1,234.50."), ("-1,234.50", Mode::LastNumber));
    }

    #[test]
    fn the_last_one_counts() {
        assert_eq!(found(r"\boxed{1} \boxed{2}").0, "2");
        assert_eq!(found("<answer>1</answer><answer>2</answer>").0, "2");
        assert_eq!(found("the answer is 1. No: the answer is 2.").0, "2.");
    }

    #[test]
    fn the_order_decides() {
        let text = "<answer>1</answer> #### 2";
        assert_eq!(answer(text, &[Mode::Hashes, Mode::AnswerTag]), Some(("2", Mode::Hashes)));
        assert_eq!(answer(text, &[Mode::Boxed]), None);
    }

    #[test]
    fn a_tag_may_hold_a_box_or_a_phrase() {
        let order = [Mode::AnswerTag];
        assert_eq!(answer(r"<answer>It is \boxed{5}</answer>", &order), Some(("5", Mode::AnswerTag)));
        assert_eq!(answer("<answer>The answer is 5</answer>", &order), Some(("5", Mode::AnswerTag)));
    }

    #[test]
    fn unclosed_places_hold_nothing() {
        assert_eq!(answer(r"\boxed{\frac{1}{2}", &[Mode::Boxed]), None);
        assert_eq!(answer("<answer>1</answer> <answer>2", &[Mode::AnswerTag]), None);
        assert_eq!(answer(r"\boxed{}", &[Mode::Boxed]), None);
    }

    #[test]
    fn escaped_braces_do_not_count() {
        assert_eq!(answer(r"\boxed{\{1, 2\}}", &[Mode::Boxed]), Some((r"\{1, 2\}", Mode::Boxed)));
    }

    #[test]
    fn the_last_number_takes_what_belongs_to_it() {
        let last = |text| answer(text, &[Mode::LastNumber]).map(|(found, _)| found);
        assert_eq!(last("x = -5"), Some("-5"));
        assert_eq!(last("8-5"), Some("5"));
        assert_eq!(last("costs $1,000,000"), Some("1,000,000"));
        assert_eq!(last("loses -$5"), Some("-$5"));
        assert_eq!(last("about 3/4 of it"), Some("3/4"));
        assert_eq!(last(r"$-\frac{3}{4}$ of it"), Some(r"-\frac{3}{4}"));
        assert_eq!(last(r"\frac{3}{4} and 5"), Some("5"));
        assert_eq!(last("a rise of 12.5%"), Some("12.5%"));
        assert_eq!(last("a rise of .5 cm"), Some(".5"));
        assert_eq!(last("1, 2, 3."), Some("3"));
        assert_eq!(last("none"), None);
    }

    #[test]
    fn a_reference_may_be_a_solution() {
        assert_eq!(reference("48/2 = 24\n#### 72"), "72");
        assert_eq!(reference(r"Hence $\boxed{\frac{1}{2}}$."), r"\frac{1}{2}");
        assert_eq!(reference(" 7 apples "), "7 apples");
    }
}
