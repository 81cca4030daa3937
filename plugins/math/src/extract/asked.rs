//! What the prompt asks to work out, and answers that give it back: as it stands there, or rearranged.

use std::borrow::Cow;

use gavel_text::has_short;

/// The longest answer that is looked at, and how much of a prompt, from its end, in bytes.
const LONGEST: usize = 600;
const PROMPT: usize = 4_000;

/// The value of an expression that the prompt asks for, where an answer sets it equal to one: `x + y = 5`.
pub(crate) fn asked<'a>(answer: &'a str, prompt: &str) -> Option<&'a str> {
    let (left, right) = answer.split_once('=')?;
    if answer.len() > LONGEST || right.contains(['=', '<', '>']) || prompt.is_empty() {
        return None;
    }
    let prompt = spelt(gavel_text::end_of(prompt, PROMPT));
    [(left, right), (right, left)]
        .into_iter()
        .find(|(name, _)| is_asked(&spelt(name), &prompt))
        .map(|(_, value)| super::bare(value))
}

/// Whether an answer is what the prompt asks to work out, as it stands there: `\gcd(36,48)` where that is to be found. It has
/// the value of the reference, and says nothing. An answer that is written as the reference is does not repeat.
pub(crate) fn repeats(answer: &str, prompt: &str, reference: &str) -> bool {
    const OPERATIONS: [char; 9] = ['+', '-', '*', '/', '^', '|', '!', '(', '\\'];
    // A number, a name or a word has nothing in it to be worked out.
    if answer.len() > LONGEST || prompt.is_empty() || !answer.contains(OPERATIONS) {
        return false;
    }
    let answer_as_written = answer;
    let answer = spelt(super::bare(answer));
    let is_to_be_worked_out =
        answer.chars().skip(1).any(|c| OPERATIONS.contains(&c)) || answer.starts_with('\\');
    let near = gavel_text::end_of(prompt, PROMPT);
    is_to_be_worked_out
        && answer != spelt(super::bare(reference))
        && (is_asked(&answer, &spelt(near)) || is_rearranged(super::bare(answer_as_written), near, reference))
}

/// Whether an answer has the numbers, letters and functions of an expression that the prompt asks to work out, in any
/// order, and the reference has others: `5 + 4 \cdot 3` for `3 \cdot 4 + 5`.
fn is_rearranged(answer: &str, prompt: &str, reference: &str) -> bool {
    /// With fewer, an answer may have them by chance.
    const FEWEST: usize = 2;
    let own = leaves(answer);
    let computes = |text: &str| {
        text.contains(['+', '-', '*', '/', '^', '!', '·', '×', '÷'])
            || text.contains("\\")
            || own.len() > FEWEST
    };
    if own.len() < FEWEST || answer.contains(['=', '<', '>']) || !computes(answer) {
        return false;
    }
    let is_same = |text: &&str| !text.contains(['=', '<', '>']) && leaves(text) == own;
    if leaves(reference) == own {
        return false;
    }
    // Of two that have the same numbers, as in `Which is larger, 2^3 or 3^2?`, one may be the answer.
    let mut found = expressions(prompt).filter(is_same).map(spelt);
    found.next().is_some_and(|first| is_asked(&first, &spelt(prompt)) && found.all(|other| other == first))
}

/// The expressions of a prompt behind words that ask for them: its formulas, and what stands without words in a sentence.
fn expressions(prompt: &str) -> impl Iterator<Item = &str> {
    let formulas =
        prompt.split(['$', '\n']).flat_map(|part| part.split("\\(")).flat_map(|part| part.split("\\)"));
    let formulas = formulas.flat_map(|part| part.split("\\[")).flat_map(|part| part.split("\\]"));
    formulas.flat_map(|part| {
        // `What is 3 * 4 + 5?` has words before its expression.
        let start = part.rfind(|c: char| c == ' ').and_then(|_| {
            let words = part.match_indices(' ').map(|(at, _)| at + 1);
            words.into_iter().find(|at| !has_word(&part[*at..]))
        });
        [Some(part), start.map(|at| &part[at..])].into_iter().flatten()
    })
}

/// Whether a text has a word of two letters or more that is no command.
pub(super) fn has_word(text: &str) -> bool {
    let mut before = ' ';
    let mut is_command = false;
    text.chars().any(|c| {
        is_command = c == '\\' || is_command && c.is_ascii_alphabetic();
        let is_word = c.is_alphabetic() && before.is_alphabetic() && !is_command;
        before = c;
        is_word
    })
}

/// The numbers, letters and functions of an expression, in order of their spelling; commands that only lay out, and
/// fractions, which may be slashes as well, are none.
fn leaves(text: &str) -> Vec<String> {
    const LAYOUT: [&str; 16] = [
        "frac",
        "dfrac",
        "tfrac",
        "cdot",
        "times",
        "left",
        "right",
        "div",
        "quad",
        "text",
        "mathrm",
        "displaystyle",
        "boxed",
        "big",
        "Big",
        "limits",
    ];
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if c == '\\' {
            let letters = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let name = &rest[1..=letters];
            if letters > 0 && !LAYOUT.contains(&name) {
                found.push(name.to_owned());
            }
            1 + letters
        } else if c.is_ascii_digit() {
            let length = rest.bytes().take_while(|it| it.is_ascii_digit() || *it == b'.').count();
            found.push(rest[..length].trim_end_matches('.').to_owned());
            length
        } else {
            if c.is_alphabetic() || c == '!' {
                found.push(c.to_lowercase().collect());
            }
            c.len_utf8()
        };
        rest = &rest[length.max(1).min(rest.len())..];
    }
    found.sort_unstable();
    found
}

/// Whether a prompt asks for an expression, both as [`spelt`].
fn is_asked(name: &str, prompt: &str) -> bool {
    const ASKING: [&str; 17] = [
        "find",
        "compute",
        "calculate",
        "determine",
        "evaluate",
        "whatis",
        "valueof",
        "thesum",
        "theproduct",
        "theratio",
        "express",
        "simplify",
        "valuesof",
        "isequalto",
        "factor",
        "expand",
        "workout",
    ];
    const NEAR: usize = 60;
    name.chars().count() > 1
        && prompt.match_indices(name).any(|(at, _)| {
            let before = gavel_text::end_of(&prompt[..at], NEAR);
            let behind = &prompt[at + name.len()..];
            let ends = !behind.starts_with(['=', '<', '>', '+', '-', '*', '/', '^', '_'])
                && (name.chars().count() > 2 || !behind.starts_with(char::is_alphanumeric));
            ends && !before.ends_with(['+', '-', '*', '/', '=', '^', '_'])
                && ASKING.iter().any(|it| before.contains(it))
        })
}

/// A text in lower case without white space and signs of layout.
fn spelt(text: &str) -> String {
    let spelling = text.as_bytes();
    let mut text = Cow::Borrowed(text);
    // Most texts have none of these, and need not be written anew.
    let layout = [("\\left", ""), ("\\right", ""), ("\\dfrac", "\\frac")];
    for (layout, plain) in layout.into_iter().filter(|_| memchr::memchr(b'\\', spelling).is_some()) {
        if has_short(&text, layout) {
            text = Cow::Owned(text.replace(layout, plain));
        }
    }
    let is_layout = |c: char| c.is_whitespace() || matches!(c, '$' | '{' | '}');
    let mut spelt = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_layout(*c)) {
        match c.is_ascii() {
            true => spelt.push(c.to_ascii_lowercase()),
            false => spelt.extend(c.to_lowercase()),
        }
    }
    spelt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_no_answer_as_it_stands() {
        for (answer, prompt, reference) in [
            (r"\sum_{k=1}^{100} k", r"Compute the sum $\sum_{k=1}^{100} k$.", "5050"),
            (r"\gcd(36, 48)", r"Find \gcd(36,48).", "12"),
            (r"36^{1/2}", r"Simplify $36^{1/2}$.", "6"),
            (r"x^2-5x+6", "Factor $x^2 - 5x + 6$.", "(x-2)(x-3)"),
            (r"|3+4i|", "Compute $|3+4i|$.", "5"),
            (r"\dfrac{2}{4}", r"Simplify \frac{2}{4}", r"\frac12"),
            // In another order.
            (r"5 + 4 \cdot 3", "Compute $3*4+5$.", "17"),
            ("5+4*3", "What is 3 * 4 + 5?", "17"),
            (r"\sqrt{9 + 16}", r"Evaluate $\sqrt{16 + 9}$.", "5"),
            ("6-5x+x^2", "Factor $x^2 - 5x + 6$.", "(x-2)(x-3)"),
            ("2/4", r"Simplify \frac{2}{4}", r"\frac12"),
        ] {
            assert!(repeats(answer, prompt, reference), "{answer}");
        }
        for (answer, prompt, reference) in [
            // Already as simple as it gets, and written as the reference is.
            (r"x^2+1", "Factor $x^2 + 1$ over the integers.", "x^2+1"),
            ("75", "What is 75 percent of 100?", "75.0"),
            (r"2^{10}", r"Is $2^{10}$ or $10^3$ larger?", "1024"),
            ("y=2x+3", "Which line meets it, $y=2x+3$ or $y=x$?", "y = 3 + 2x"),
            ("17", "What is 3 * 4 + 5?", "17"),
            ("3^2", "Which is larger, $2^3$ or $3^2$?", "9"),
            ("3+y", "Write $y+3$ in another way.", "y+3"),
            ("y = 7 - 2x", "Solve $2x + y = 7$ for $y$.", "7-2x"),
            ("5050", r"Compute $\sum_{k=1}^{100} k$.", "5050"),
        ] {
            assert!(!repeats(answer, prompt, reference), "{answer}");
        }
    }

    #[test]
    fn an_asked_expression_is_its_value() {
        assert_eq!(asked("x+y=5", "Find $x + y$."), Some("5"));
        assert_eq!(asked(r"\frac{a}{b} = 3", r"What is the value of $\dfrac{a}{b}$?"), Some("3"));
        assert_eq!(asked("x+y=5", "The line $x + y = 5$ meets … Find its slope."), None);
        assert_eq!(asked("2x+3=5", "Solve $2x+3=5$."), None);
    }
}
