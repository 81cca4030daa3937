//! What makes an answer another one than the reference however both are read: a word that denies it, a closed end at
//! infinity, a set around a set, a time of day, an equation that is not solved for its letter.

use std::borrow::Cow;

use gavel_text::has_short;

/// Words that deny the value before them where they end an answer, and the value behind them before a colon.
const DENIALS: [&str; 20] = [
    "false",
    "lie",
    "joke",
    "rejected",
    "nope",
    "untrue",
    "never",
    "disproved",
    "excluded",
    "refuted",
    "discarded",
    "bogus",
    "nonsense",
    "unlikely",
    "impossible",
    "hardly",
    "ignore",
    "disregard",
    "big",
    "small",
];

/// Whether an answer is certainly another one, by how both are written.
pub(super) fn is_unlike(answer: &str, reference: &str) -> bool {
    is_denied(answer, reference)
        || is_question(answer, reference)
        || has_closed_infinity(answer) && !has_closed_infinity(reference)
        || is_empty(reference) && is_nested_empty(answer)
        || is_clock(reference) && !is_same_clock(answer, reference)
        || is_unsolved(answer) && !reference.contains('=')
        || is_negation(answer) && !is_negation(reference)
}

/// `42\text{ false}`, `\text{excluded: }42`, `\text{upper bound: }42`, where the reference says nothing of it.
fn is_denied(answer: &str, reference: &str) -> bool {
    let said = |text: &str, word: &str| words(text).any(|it| it.eq_ignore_ascii_case(word));
    let Some(last) = words(answer).next_back() else { return false };
    let has_number = answer.contains(|c: char| c.is_ascii_digit());
    let at_end = answer.trim_end_matches(['}', '$', '.', '!', ' ', ')']).ends_with(last);
    let is_too = matches!(last, "big" | "small") && said(answer, "too") || !matches!(last, "big" | "small");
    let denies =
        |word: &str| DENIALS.iter().any(|it| it.eq_ignore_ascii_case(word)) && !said(reference, word);
    let is_label = || {
        let Some((label, _)) = answer.split_once(':') else { return false };
        let label_ends = words(label).next_back().is_some_and(denies);
        let bounds = words(label).next_back() == Some("bound") && !said(reference, "bound");
        label_ends || bounds
    };
    has_number && (at_end && is_too && denies(last) || is_label())
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic() && c != '\\')
        .filter(|word| !word.is_empty() && !word.starts_with('\\'))
}

/// `\text{True?}`
fn is_question(answer: &str, reference: &str) -> bool {
    answer.trim_end_matches(['}', '$', ' ', ')']).ends_with(['?', '？']) && !reference.contains(['?', '？'])
}

/// `(3, \infty]`
fn has_closed_infinity(text: &str) -> bool {
    if !has_short(text, "\\infty") && !has_short(text, "∞") {
        return false;
    }
    let bare = without_layout(text);
    ["\\infty]", "∞]", "[-\\infty", "[-∞"].iter().any(|end| bare.contains(end))
}

fn is_empty(text: &str) -> bool {
    const LONGEST: usize = 30;
    // Few texts have a part of one of these.
    let may_be = ["empty", "varno", "∅", "\\{"].iter().any(|part| has_short(text, part));
    text.len() <= LONGEST
        && may_be
        && matches!(&*without_layout(text), "\\emptyset" | "\\varnothing" | "∅" | "\\{\\}")
}

/// `\{\emptyset\}`
fn is_nested_empty(text: &str) -> bool {
    let bare = without_layout(text);
    let inner = bare.strip_prefix("\\{").and_then(|it| it.strip_suffix("\\}"));
    inner.is_some_and(is_empty)
}

fn without_layout(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for command in ["\\left", "\\right"] {
        if has_short(&text, command) {
            text = Cow::Owned(text.replace(command, ""));
        }
    }
    text.chars().filter(|c| !c.is_whitespace() && *c != '$').collect()
}

/// Whether a text is a time of day, `12:30`, which as a ratio would be written in lower terms.
fn is_clock(text: &str) -> bool {
    clock(text)
        .is_some_and(|(hours, minutes)| hours < 24 && minutes < 60 && has_common_factor(hours, minutes))
}

fn clock(text: &str) -> Option<(u32, u32)> {
    let (hours, minutes) = text.trim().trim_matches('$').split_once(':')?;
    let digits = |text: &str, least: usize| {
        (least..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(hours, 1) || !digits(minutes, 2) {
        return None;
    }
    Some((hours.parse().ok()?, minutes.parse().ok()?))
}

fn has_common_factor(mut one: u32, mut other: u32) -> bool {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one > 1
}

/// Whether an answer is a time of day too, or the ratio in lower terms; no quotient and no larger ratio is.
fn is_same_clock(answer: &str, reference: &str) -> bool {
    let is_larger = || match (clock(answer), clock(reference)) {
        (Some((hours, _)), Some((wanted, _))) => hours > wanted,
        _ => false,
    };
    answer.contains(':') && !is_larger()
}

/// Whether an answer gives a value to what leaves its letters open: `|x| = 5`.
fn is_unsolved(answer: &str) -> bool {
    let Some((left, right)) = answer.split_once('=') else { return false };
    const LONGEST: usize = 12;
    left.len() <= LONGEST
        && left.contains('|')
        && matches!(&*without_layout(left), "|x|" | "|y|")
        && !right.contains('=')
}

/// `\sim\text{True}`, `not x = 5`, `anything but x = 5`
fn is_negation(text: &str) -> bool {
    let mut said = words(text);
    let (first, second) = (said.next().unwrap_or_default(), said.next().unwrap_or_default());
    let is = |word: &str, list: &[&str]| list.iter().any(|it| it.eq_ignore_ascii_case(word));
    let is_denied = is(first, &["not", "never", "neither", "nor"])
        || is(first, &["anything", "everything", "all", "any"]) && is(second, &["but", "except"])
        || is(first, &["other"]) && is(second, &["than"])
        || is(first, &["far"]) && is(second, &["from"]);
    // `not possible` and `not defined` are answers in words.
    if is_denied && text.contains(|c: char| c.is_ascii_digit() || matches!(c, '=' | '<' | '>' | '(')) {
        return true;
    }
    let bare = text.trim_start_matches(['$', ' ']);
    let rest = ["\\sim", "\\neg", "\\lnot", "¬"].iter().find_map(|sign| bare.strip_prefix(sign));
    rest.is_some_and(|rest| words(rest).any(|word| word.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_answer_is_told_by_its_writing() {
        for (answer, reference) in [
            (r"42\text{ false}", "42"),
            (r"42\text{ too big}", "42"),
            (r"\text{excluded: }42", "42"),
            (r"\text{upper bound: }42", "42"),
            (r"\text{True?}", "True"),
            (r"(3, \infty]", "x>3"),
            (r"\{\emptyset\}", r"\emptyset"),
            (r"\{\{\}\}", r"\emptyset"),
            ("0.4", "12:30"),
            (r"40\%", "12:30"),
            ("24:60", "12:30"),
            ("|x|=5", "5"),
            (r"\sim\text{True}", "True"),
            ("not x = 5", "5"),
            (r"\text{anything but }x = 5", "x=5"),
        ] {
            assert!(is_unlike(answer, reference), "{answer} {reference}");
        }
        for (answer, reference) in [
            (r"5\text{ rejected items}", "5"),
            (r"\text{False}", "False"),
            (r"\text{Answer: }42", "42"),
            (r"\text{upper bound: }42", "upper bound 42"),
            (r"[3, \infty)", "x \\ge 3"),
            (r"\{\}", r"\emptyset"),
            ("2:5", "12:30"),
            ("1/2", "1:2"),
            ("12:30 pm", "12:30"),
            ("|x|=5", "|x|=5"),
            ("x=5", "5"),
            (r"\sim 5", "5"),
            (r"\text{not defined}", "undefined"),
            ("not 5 of 6", "not 5 of 6"),
        ] {
            assert!(!is_unlike(answer, reference), "{answer} {reference}");
        }
    }
}
