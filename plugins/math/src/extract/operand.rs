//! Whether a box is only an operand of what stands around it: `\boxed{7}/2`, `3-\boxed{7}`, "twice \boxed{7}".

use gavel_text::{end_of, start_of};

/// How many bytes of words around a box are looked at.
const NEAR: usize = 60;

/// Whether an operator, a function or a factor stands right before a box. `before` is what its formula or line has there.
pub(super) fn is_operated(before: &str) -> bool {
    let is_open = |c: char| matches!(c, '{' | '(' | '[' | ' ');
    let bare = without_layout(before).trim_end_matches(is_open);
    let (opened, spaced) = (bare.len() < before.trim_end().len(), before.ends_with(' '));
    let bare = without_layout(bare);
    let rest = bare.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let word = &bare[rest.len()..];
    if rest.ends_with('\\') {
        return FUNCTIONS.contains(&word) || OPERATORS.contains(&word);
    }
    let last = bare.chars().next_back().unwrap_or_default();
    match last {
        '^' | '_' => true,
        // `50% \boxed{7}`
        '%' => bare.ends_with(" %") && is_operand(&bare[..bare.len() - 1]),
        '+' | '/' | '·' | '×' | '÷' => is_operand(&bare[..bare.len() - last.len_utf8()]),
        // `**` is bold, and a dash behind a word is a dash.
        '*' => is_operand(&bare[..bare.len() - 1]) && !bare.ends_with("**"),
        '-' | '−' => {
            is_operand(&bare[..bare.len() - last.len_utf8()]) || opened && before.trim_end().ends_with('(')
        }
        _ if spaced && !opened => false,
        '0'..='9' => !opened,
        '.' => !opened && bare[..bare.len() - 1].ends_with(|c: char| c.is_ascii_digit()),
        // `x\boxed{7}`, `f(\boxed{7})`
        _ => word.len() == 1 && !rest.ends_with(char::is_alphanumeric) && !before.ends_with('{'),
    }
}

/// Whether an operator or a factor stands right behind a box. `behind` is what its formula or line has there.
pub(super) fn operates(behind: &str) -> bool {
    // `(\boxed{7})^2`
    let closed = behind.trim_start_matches(['}', ')']);
    let rest = trimmed_start(closed, "\\,").trim_start();
    let is_close = closed.len() < behind.len();
    let mut characters = rest.chars();
    let Some(first) = characters.next() else { return false };
    let after = characters.as_str();
    match first {
        '^' => is_close && !["^\\circ", "^{\\circ", "^°", "^\\prime"].iter().any(|it| rest.starts_with(it)),
        '²' | '³' => true,
        '/' | '+' | '-' | '−' | '·' | '×' | '÷' => starts_operand(after),
        '*' => !after.starts_with('*') && starts_operand(after),
        _ if closed.len() > rest.len() && first != '\\' => false,
        '0'..='9' => true,
        '.' => after.starts_with(|c: char| c.is_ascii_digit()),
        // Units of one letter are others.
        'x' | 'y' | 'z' | 'n' | 'i' | 'a' | 'b' => !after.starts_with(|c: char| c.is_alphanumeric()),
        'e' | 'E' => after.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+'),
        '\\' => {
            let word =
                &after[..after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len()];
            matches!(word, "div" | "pm" | "bmod" | "mod") || is_close && matches!(word, "cdot" | "times")
        }
        _ => false,
    }
}

/// Whether the words around a box compute with it: "3 times \boxed{7}", "\boxed{7} squared".
pub(super) fn is_computed_with(before: &str, behind: &str) -> bool {
    const BEFORE: [&str; 20] = [
        "twice",
        "thrice",
        "half of",
        "double",
        "triple",
        "minus",
        "negative",
        "square root of",
        "square of",
        "cube of",
        "divided by",
        "multiplied by",
        "factorial of",
        "reciprocal of",
        "times",
        "double of",
        "triple of",
        "third of",
        "quarter of",
        "opposite of",
    ];
    const BEHIND: [&str; 9] = [
        "squared",
        "cubed",
        "factorial",
        "doubled",
        "tripled",
        "halved",
        "divided by",
        "multiplied by",
        "to the power",
    ];
    const OPERATIONS: [&str; 5] = ["plus ", "minus ", "times ", "over ", "point "];
    let said = end_of(before, NEAR).trim_end_matches([' ', '$', '*', '\\', '(', '\n']);
    let is_said = BEFORE.iter().any(|words| {
        without_end(said, words).is_some_and(|rest| {
            // `the number of times` counts.
            let counts = *words == "times" && !rest.trim_end().ends_with(|c: char| c.is_ascii_digit());
            !rest.ends_with(char::is_alphanumeric) && !counts
        })
    });
    let said = start_of(behind, NEAR).trim_start_matches([' ', '$', '*', ')', '\\', '~', ',']);
    let said = ["text{", "mathrm{"]
        .iter()
        .find_map(|it| said.strip_prefix(it))
        .unwrap_or(said)
        .trim_start_matches(' ');
    let number = |text: &str| {
        const NUMBERS: [&str; 10] =
            ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
        let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        text.starts_with(|c: char| c.is_ascii_digit() || c == '$')
            || NUMBERS.iter().any(|it| it.eq_ignore_ascii_case(word))
    };
    let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
    is_said
        || BEHIND.iter().any(|word| without_start(said, word).is_some_and(ends))
        || OPERATIONS.iter().any(|word| without_start(said, word).is_some_and(|rest| number(rest.trim_start_matches(['}', ' ']))))
        // `\boxed{7} + two`
        || said.strip_prefix(['+', '-', '−', '/', '×']).is_some_and(|rest| {
            let rest = rest.trim_start();
            number(rest) && !rest.starts_with(|c: char| c.is_ascii_digit() || c == '$')
        })
        || goes_on_with(behind)
        || behind.starts_with("$^") && !["$^\\circ", "$^{\\circ", "$^{th", "$^{\\text", "$^°"].iter().any(|it| behind.starts_with(it))
        // `$\boxed{7}!$`
        || ["!$", "!\\)", "!\\]"].iter().any(|it| behind.starts_with(it))
}

/// Whether the sentence behind a box goes on computing with it: `Add two to that.`, `Replace the 7 with a 9.`
pub(super) fn goes_on_with(behind: &str) -> bool {
    const VERBS: [&str; 12] = [
        "add ",
        "subtract ",
        "multiply ",
        "divide ",
        "double ",
        "halve ",
        "square ",
        "negate ",
        "increase ",
        "decrease ",
        "replace ",
        "swap ",
    ];
    const OBJECTS: [&str; 8] = [
        " that",
        " this",
        " it",
        " the answer",
        " the box",
        " the above",
        " the result",
        " the final answer",
    ];
    let near = start_of(behind, 2 * NEAR);
    if !near.contains(char::is_alphanumeric) {
        return false;
    }
    let said = near.trim_start_matches(|c: char| !c.is_alphanumeric());
    let sentence = said.split(['.', '!', '\n', ';']).next().unwrap_or_default().to_ascii_lowercase();
    let sentence = ["now ", "then ", "and ", "but "]
        .iter()
        .find_map(|it| sentence.strip_prefix(it))
        .unwrap_or(&sentence);
    let is_bare = near.len() > said.len() && near[..near.len() - said.len()].contains(['.', '\n', '!', ',']);
    /// A longer one explains.
    const MOST_WORDS: usize = 6;
    VERBS.iter().any(|verb| sentence.starts_with(verb))
        && sentence.split(' ').count() <= MOST_WORDS
        && (OBJECTS
            .iter()
            .any(|object| sentence.ends_with(object) || sentence.contains(&format!("{object} by ")))
            || sentence.starts_with("replace the ") && is_bare)
}

/// What stands behind words that a text starts with, whatever the case.
fn without_start<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(words.len())?;
    start.eq_ignore_ascii_case(words).then_some(rest)
}

/// What stands before words that a text ends with, whatever the case.
fn without_end<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(words.len())?)?;
    end.eq_ignore_ascii_case(words).then_some(rest)
}

const FUNCTIONS: [&str; 35] = [
    "log",
    "ln",
    "lg",
    "exp",
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "sqrt",
    "det",
    "gcd",
    "max",
    "min",
    "operatorname",
    "overline",
    "bar",
    "neg",
    "lnot",
    "not",
    "tilde",
    "dot",
    "ddot",
    "lfloor",
    "lceil",
    "lvert",
    "lVert",
    "sim",
];
const OPERATORS: [&str; 8] = ["cdot", "times", "div", "pm", "mp", "bmod", "mod", "ast"];

/// Whether a text ends with something that an operator follows: `3`, `x`, `)`, and no word.
fn is_operand(before: &str) -> bool {
    let before = before.trim_end();
    let rest = before.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    match before.len() - rest.len() {
        0 => before.ends_with(|c: char| c.is_ascii_digit() || matches!(c, ')' | '}')),
        1 => !rest.ends_with(|c: char| c.is_alphanumeric() || c == '\''),
        _ => rest.ends_with('\\') && before.ends_with("pi"),
    }
}

/// Whether a text starts as an operand of a formula: `2`, `\frac`, `(x`; a word of prose is none.
fn starts_operand(behind: &str) -> bool {
    let behind = behind.trim_start();
    let mut characters = behind.chars();
    match characters.next() {
        Some(c) if c.is_ascii_digit() || matches!(c, '\\' | '(' | '{') => {
            !behind.starts_with("\\text") && !behind.starts_with("\\quad") && !behind.starts_with("\\boxed")
        }
        Some(c) if c.is_ascii_lowercase() && c != 'a' => {
            characters.next().is_none_or(|next| !next.is_alphanumeric())
        }
        _ => false,
    }
}

/// A text without a short mark that it starts with, however often.
pub(super) fn trimmed_start<'t>(mut text: &'t str, mark: &str) -> &'t str {
    while let Some(rest) = text.strip_prefix(mark) {
        text = rest;
    }
    text
}

/// A text without a short mark that it ends with, however often.
pub(super) fn trimmed_end<'t>(mut text: &'t str, mark: &str) -> &'t str {
    while let Some(rest) = text.strip_suffix(mark) {
        text = rest;
    }
    text
}

/// A text without the commands at its end that lay out or set type.
fn without_layout(text: &str) -> &str {
    const LAYOUT: [&str; 16] = [
        "\\,",
        "\\ ",
        "\\;",
        "\\:",
        "\\!",
        "\\quad",
        "\\left",
        "\\left(",
        "\\displaystyle",
        "\\Large",
        "\\large",
        "\\huge",
        "\\bf",
        "\\color{red}",
        "\\color{blue}",
        "\\mathbf",
    ];
    let mut text = text.trim_end();
    while let Some(rest) = LAYOUT.iter().find_map(|layout| text.strip_suffix(layout)) {
        text = rest.trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_makes_an_operand_of_a_box() {
        for before in [
            "3-", "5", "x", "0.", "2\\cdot", "1/", "\\log", "\\sin(", "2^{", "3 - ", "f(", "10+", "5*", "-(",
            "6 % ",
        ] {
            assert!(is_operated(before), "{before}");
        }
        for before in [
            "",
            "- ",
            "is ",
            "5. ",
            "(",
            "{\\Large ",
            "**",
            "\\item ",
            "20 chose 7 ",
            "Answer - ",
            "\\to ",
            "x = ",
            "是",
        ] {
            assert!(!is_operated(before), "{before}");
        }
        for behind in ["/2", "+1", " - 3", "5", ".5", "x", "e3", ")^2", "}^2", "²", "\\div 2", "-10|"] {
            assert!(operates(behind), "{behind}");
        }
        for behind in
            ["", ".", " apples", "**", " - done", "cm", " 5 apples", "\\text{ cm}", ")", "}", "^\\circ", "!"]
        {
            assert!(!operates(behind), "{behind}");
        }
    }

    #[test]
    fn words_compute_with_a_box() {
        assert!(is_computed_with("The answer is 3 times ", ""));
        assert!(is_computed_with("half of $", "$."));
        assert!(is_computed_with("", " squared"));
        assert!(is_computed_with("", "$ minus 3"));
        assert!(is_computed_with("", r" \text{ plus } 2"));
        assert!(is_computed_with("", ", doubled."));
        assert!(is_computed_with("", " + two"));
        assert!(is_computed_with("", "\n\nAdd two to that."));
        assert!(is_computed_with("", "}$. Replace the 7 with a 9."));
        assert!(is_computed_with("The double of ", ""));
        assert!(!is_computed_with("", ". Add the two equations to see it."));
        assert!(!is_computed_with("the number of times is ", " times"));
        assert!(!is_computed_with("We multiply. It is ", " plus the rest"));
    }
}
