//! Answers that one text states in several places, and whether they contradict each other.

use super::last;
use super::places::find;
use super::{Mode, Placed, bare};
use crate::compare::{Rules, compare};
use crate::reading::Written;

/// The longest answers that are compared here, in bytes.
const LONGEST: usize = 200;
/// How far before a box a tag with another answer is looked for, in bytes.
const NEAR: usize = 500;
/// Two numbers that differ by less than this part of the larger one may be one, and its rounding.
const ROUNDING: f64 = 0.01;

/// Whether a text states another number or letter behind an answer, or in a tag as well as in a box, where `order` looks
/// for answers. What is said in
/// other words or another kind of answer contradicts nothing.
pub(super) fn contradict(text: &str, placed: &Placed<'_>, mode: Mode, order: &[Mode]) -> bool {
    let behind = &text[placed.end..];
    let content = placed.content.as_ref();
    let others = [Mode::Boxed, Mode::AnswerTag, Mode::Hashes, Mode::Phrase];
    let mut others = others.into_iter().filter(|other| *other != mode && order.contains(other));
    let differs = |text: &str, other: Mode| {
        find(text, other).is_some_and(|found| {
            // `If the sign had been another, the answer would be 9` says of this one nothing.
            is_other_value(content, &found.content) && !gavel_text::is_counterfactual(&text[..found.start])
        })
    };
    // Most texts end with their answer.
    let is_over = !behind.contains(char::is_alphanumeric);
    if !is_over && others.any(|other| differs(behind, other)) {
        return true;
    }
    let before = gavel_text::end_of(&text[..placed.start], NEAR);
    mode == Mode::Boxed
        && order.contains(&Mode::AnswerTag)
        && last::rfind(before, b'<', &["</answer>"]).is_some()
        && differs(before, Mode::AnswerTag)
}

/// Whether an arrow right behind an answer leads to another one: `\boxed{7} -> 8`, `\boxed{7} \to 8`. What has words
/// explains.
pub(super) fn becomes_another(behind: &str, content: &str) -> bool {
    const ARROWS: [&str; 14] = [
        "->",
        "→",
        "=>",
        "⇒",
        "⟶",
        "-->",
        "\\to",
        "\\rightarrow",
        "\\Rightarrow",
        "\\longrightarrow",
        "\\mapsto",
        "\\implies",
        "~>",
        "»",
    ];
    let rest = behind.trim_start_matches(['$', ' ', '}', ')', '*', '\n']);
    let Some(rest) = ARROWS.iter().find_map(|arrow| rest.strip_prefix(arrow)) else { return false };
    let line = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let value = line.trim().trim_matches(['$', '.', ' ', '*', '!']);
    value.contains(char::is_alphanumeric)
        && value.len() <= LONGEST
        && !super::asked::has_word(value)
        && !is_same(content, value)
}

/// Whether an answer is put as a question: `Is it \boxed{42}?`
pub(super) fn is_asked(behind: &str) -> bool {
    behind.trim_start_matches(['$', ' ', '}', ')', '*']).starts_with(['?', '？'])
}

/// Whether another number is stated right beside an answer: `Answer: 42; 43`, `Final Answer: 17` in the line before a
/// box, `#### 17` in the line before `#### 42`.
pub(super) fn stands_beside_another(before: &str, behind: &str, content: &str, mode: Mode) -> bool {
    let is_other = |other: &str| is_other_value(content, other.trim_matches(['*', ' ', '.']));
    let line_before = || {
        let near = gavel_text::end_of(before, LONGEST);
        let (lines, own) = near.rsplit_once('\n')?;
        let is_alone = !own.contains(char::is_alphanumeric);
        lines.lines().rfind(|line| !line.trim().is_empty()).filter(|_| is_alone)
    };
    match mode {
        Mode::Phrase => {
            let next = behind.strip_prefix("; ").and_then(|rest| rest.lines().next());
            next.is_some_and(is_other)
        }
        Mode::Boxed => {
            let stated = line_before().and_then(|line| {
                let line = line.trim_start_matches(['*', '#', ' ']);
                ["Final Answer:", "Final answer:", "FINAL ANSWER:"]
                    .iter()
                    .find_map(|it| line.strip_prefix(it))
            });
            stated.is_some_and(is_other)
        }
        Mode::Hashes => line_before().and_then(|line| line.trim().strip_prefix("####")).is_some_and(is_other),
        _ => false,
    }
}

/// Whether both are numbers, or both the letter of a choice, and not the same.
fn is_other_value(one: &str, other: &str) -> bool {
    let (one, other) = (bare(one), bare(other));
    if one == other || one.len() > LONGEST || other.len() > LONGEST {
        return false;
    }
    let letter = |text: &str| {
        let letter = text.trim_matches(['(', ')', '*', '.']);
        matches!(letter.as_bytes(), [b'A'..=b'J']).then(|| letter.to_owned())
    };
    if let (Some(one), Some(other)) = (letter(one), letter(other)) {
        return one != other;
    }
    let is_number = |text: &str| is_constant(text) || Written::new(text).is_number();
    is_number(one) && is_number(other) && !is_same(one, other)
}

/// Whether a formula has digits and no letters but those of commands that work out a number: `\frac{25-4}{3}`.
fn is_constant(text: &str) -> bool {
    const COMMANDS: [&str; 9] = ["frac", "dfrac", "tfrac", "sqrt", "cdot", "times", "left", "right", "pi"];
    let mut names =
        text.split(|c: char| !c.is_ascii_alphabetic() && c != '\\').filter(|name| !name.is_empty());
    text.starts_with(['\\', '(', '-'])
        && text.is_ascii()
        && text.contains(|c: char| c.is_ascii_digit())
        && !text.contains([',', '=', '<', '>', '%'])
        && names.all(|name| name.strip_prefix('\\').is_some_and(|name| COMMANDS.contains(&name)))
}

/// Whether two spellings have one value, whichever of them is rounded or leaves out a sign of percent.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (bare(one), bare(other));
    let rules = Rules { rounding: 2, ..Rules::default() };
    let are_equal =
        |one: &str, other: &str| compare(one, other, rules).equal() == Some(true) || are_near(one, other);
    let first = other.split(' ').next().unwrap_or(other);
    are_equal(one, other) || are_equal(other, one) || first != other && are_equal(one, first)
}

/// Whether two decimals are one number and its rounding, as they are said in sentences.
fn are_near(one: &str, other: &str) -> bool {
    let value = |text: &str| {
        let digits = text.trim_matches(|c: char| !c.is_ascii_digit() && c != '-');
        digits.contains('.').then(|| digits.replace(',', "").parse::<f64>().ok())
    };
    let whole = |text: &str| text.trim_matches(|c: char| !c.is_ascii_digit() && c != '-').parse::<f64>().ok();
    let (decimal, rounded) = match (value(one), value(other)) {
        (Some(one), Some(other)) => (one, other),
        (Some(one), None) => (one, whole(other)),
        (None, Some(other)) => (other, whole(one)),
        (None, None) => return false,
    };
    match (decimal, rounded) {
        (Some(one), Some(other)) => (one - other).abs() <= ROUNDING * one.abs().max(other.abs()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_many_spellings() {
        for (one, other) in
            [("7", "7.0"), ("1/2", "0.5"), ("3.14159", "3.14"), ("28\\%", "28"), ("60^\\circ", "60 degrees")]
        {
            assert!(is_same(one, other), "{one} {other}");
        }
        assert!(!is_same("7", "6"));
    }

    #[test]
    fn only_values_of_one_kind_contradict_each_other() {
        assert!(is_other_value("7", "6 apples"));
        assert!(is_other_value("B", "(C)"));
        for (one, other) in [("7", "seven"), ("B", "7"), ("x+1", "7"), ("7", "7")] {
            assert!(!is_other_value(one, other), "{one} {other}");
        }
    }
}
