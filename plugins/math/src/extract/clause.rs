//! The clause that states an answer: where it ends, and which part of it is the answer.

use gavel_text::{has_short, rfind_short};

use super::remark::is_remark;

/// How long a clause may be, in bytes.
const LONGEST: usize = 600;

/// The text up to where its clause ends; formulas are no prose.
pub(super) fn clause(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(length) = formula_length(rest) {
            at += length;
            continue;
        }
        if ends_clause(rest, &text[..at]) {
            return &text[..at];
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    text
}

/// How long the formula is that a text starts with, when it is closed.
fn formula_length(text: &str) -> Option<usize> {
    let (open, close) = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")]
        .into_iter()
        .find(|(open, _)| text.starts_with(open))?;
    let inner = &text[open.len()..];
    let length = inner.find(close)?;
    // `$5 and then $6`: prices, and no formula.
    let price = open == "$"
        && inner.starts_with(|c: char| c.is_ascii_digit())
        && inner[..length].contains(char::is_alphabetic)
        && inner[..length].ends_with(' ');
    (!(price || open == "$" && inner[..length].contains('\n'))).then_some(open.len() + length + close.len())
}

fn ends_clause(rest: &str, before: &str) -> bool {
    const ENDS: [&str; 16] = [
        "\n",
        "; ",
        " because ",
        " since ",
        " as ",
        " which ",
        " where ",
        "<|",
        " so ",
        "</",
        " and we ",
        " and this ",
        "。",
        "；",
        " — ",
        " [because ",
    ];
    if ENDS.iter().any(|end| rest.starts_with(end)) {
        return true;
    }
    if let Some(behind) = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(".\n")) {
        return !before.is_empty()
            && !behind.starts_with(|c: char| c.is_lowercase())
            && !is_abbreviated(before, behind);
    }
    if let Some(behind) = rest.strip_prefix(" (") {
        return behind.split_once(')').is_some_and(|(inside, _)| is_remark(inside, before));
    }
    if let Some(behind) = rest.strip_prefix("，") {
        return !behind.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\' | '(' | '-'));
    }
    if let Some(behind) = rest.strip_prefix(", ") {
        if behind.starts_with("i.e") || behind.starts_with("e.g") {
            return true;
        }
        // A list goes on; a remark does not.
        let listed = behind
            .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\' | '(' | '[' | '-' | '−'))
            || ["and ", "or "].iter().any(|word| behind.starts_with(word))
            || behind.as_bytes().get(1).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'\'');
        return !listed;
    }
    false
}

/// Whether the point between two texts belongs to an abbreviation: `B. 17`, `Mr. Brown`, `approx. 5`, `J. K. Rowling`.
fn is_abbreviated(before: &str, behind: &str) -> bool {
    const TITLES: [&str; 15] =
        ["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Ste", "Sr", "Mt", "Gen", "Rev", "Lt", "Capt", "Sgt", "vs"];
    const BEFORE_NUMBERS: [&str; 12] =
        ["approx", "ca", "No", "no", "Nos", "Rs", "Fig", "Eq", "Ch", "Vol", "Art", "Sec"];
    let last = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let is_capital = last.len() == 1 && last.bytes().all(|it| it.is_ascii_uppercase());
    // The letter of a choice, or the first initial of a name.
    if before.trim_start_matches(['*', '(']).len() == 1 {
        let next_initial = behind.as_bytes().get(1) == Some(&b'.');
        return is_capital
            && (matches!(last, "A" | "B" | "C" | "D" | "E" | "F" | "G" | "H" | "I" | "J") || next_initial);
    }
    let is_number = behind.trim_start_matches(['$', '\\', '*']).starts_with(|c: char| c.is_ascii_digit());
    // A further initial: `J. K. Rowling`, `Samuel L. Jackson`.
    // `U.S. Senate` as well.
    let first = &before[..before.len() - last.len()];
    let is_name = first.ends_with(['.', ' ']) && first.trim_end().ends_with('.')
        || first.trim_end().ends_with(char::is_lowercase) && before.starts_with(char::is_uppercase);
    let is_initial = is_capital && is_name && behind.starts_with(char::is_uppercase);
    TITLES.contains(&last) || is_number && BEFORE_NUMBERS.contains(&last) || is_initial
}

/// A text without the words that lead to an answer and say nothing of it: `therefore`, `exactly`, `option`.
pub(super) fn strip_lead(text: &str) -> &str {
    const LEADS: [&str; 45] = [
        "therefore",
        "thus",
        "hence",
        "then",
        "so",
        "and",
        "finally",
        "indeed",
        "simply",
        "just",
        "exactly",
        "approximately",
        "approx.",
        "ca.",
        "about",
        "roughly",
        "now",
        "clearly",
        "obviously",
        "always",
        "precisely",
        "option",
        "choice",
        "letter",
        "equal to",
        "given by",
        "as follows",
        "it's",
        "it is",
        "it follows that",
        "we conclude that",
        "we see that",
        "this means",
        "which means",
        "that",
        "actually",
        "also",
        "donc",
        "alors",
        "somit",
        "daher",
        "entonces",
        "então",
        "quindi",
        "поэтому",
    ];
    let mut text = text;
    while let Some(rest) = LEADS
        .iter()
        .find_map(|lead| {
            let start = text.get(..lead.len()).filter(|start| start.eq_ignore_ascii_case(lead))?;
            let rest = &text[start.len()..];
            // A word ends here, and something follows.
            rest.starts_with([' ', ',', ':', '\n'])
                .then(|| rest.trim_start_matches([' ', ',', ':', '\n', '*']))
        })
        .or_else(|| text.strip_prefix(", "))
        .or_else(|| text.strip_prefix('~'))
        .or_else(|| tag(text))
    {
        text = rest;
    }
    text
}

/// What stands behind the tag of HTML that a text starts with.
fn tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    let (name, rest) = inner.split_once('>')?;
    (name.len() < 60 && name.starts_with(|c: char| c.is_ascii_lowercase())).then(|| rest.trim_start())
}

/// The part of a clause that is the answer: `the largest n is 34` says 34, `he has 5 apples` says 5 apples. Empty where
/// the clause gives no answer but a bound of it or a choice between several.
pub(super) fn focus(clause: &str) -> &str {
    let clause = strip_lead(behind_verb(clause.trim()));
    if is_hedged(clause) {
        return "";
    }
    if let Some(bold) = only_bold(clause) {
        return bold;
    }
    if let Some(value) = before_company(clause) {
        return value;
    }
    let words = leading_words(clause).count();
    if words < 2 {
        // `the 9th`
        let bare = ["the ", "The "].iter().find_map(|article| clause.strip_prefix(article));
        return bare.filter(|it| it.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(clause);
    }
    // `all real numbers except 3` is no 3.
    if has_short(clause, " except ") {
        return clause;
    }
    // Words, and then something else: that is it.
    let formula = ["$", "\\(", "\\["].iter().filter_map(|open| clause.find(open)).min();
    let number = clause.find(|c: char| c.is_ascii_digit());
    match (formula, number) {
        (Some(at), Some(number)) if at <= number => &clause[at..],
        (Some(at), None) => &clause[at..],
        (_, Some(at)) => {
            let sign = clause[..at].ends_with(['-', '−', '$']);
            let start =
                if sign { clause[..at].char_indices().next_back().map_or(at, |(at, _)| at) } else { at };
            &clause[start..]
        }
        (None, None) => clause,
    }
}

/// What stands before "with" or "at" and a quantity: `1975 with total sales of $40,210`, `Ohio with 12 votes`.
fn before_company(clause: &str) -> Option<&str> {
    let (at, word) = [" with ", " at "].iter().filter_map(|word| Some((clause.find(word)?, *word))).min()?;
    let (value, company) = (clause[..at].trim_matches('*'), &clause[at + word.len()..]);
    let is_value =
        value.starts_with(|c: char| c.is_ascii_digit() || c == '$') && value.split_whitespace().count() <= 2;
    let is_name = value.starts_with(char::is_uppercase)
        && value.split_whitespace().count() <= 3
        && value.split_whitespace().all(|word| word.starts_with(char::is_uppercase))
        && !["The", "A", "An", "It"].iter().any(|article| value.split(' ').next() == Some(article));
    let is_quantity = company.contains(|c: char| c.is_ascii_digit());
    ((is_value || is_name) && is_quantity).then_some(value)
}

/// What stands behind the last verb of a clause that is in no formula.
fn behind_verb(clause: &str) -> &str {
    // `B) It is raining`
    if clause.trim_start_matches('(').as_bytes().get(1) == Some(&b')') || has_short(clause, "or equal to") {
        return clause;
    }
    let outside = |at: usize| clause[..at].matches('$').count().is_multiple_of(2);
    match [" is ", " equals ", " equal to "]
        .iter()
        .filter_map(|it| Some((rfind_short(clause, it)?, it.len())))
        .max()
    {
        Some((at, verb)) if outside(at) => clause[at + verb..].trim_start(),
        _ => clause,
    }
}

fn leading_words(clause: &str) -> impl Iterator<Item = &str> {
    clause
        .split_whitespace()
        .take_while(|word| word.bytes().all(|it| it.is_ascii_alphabetic() || it == b'\''))
}

/// Whether a clause gives no answer: `at least 5`, `not 5`, `either 5 or 6`, `between 5 and 6`, `5 times as many`.
pub(super) fn is_hedged(clause: &str) -> bool {
    const HEDGES: [&str; 16] = [
        "not", "never", "either", "neither", "between", "near", "wrong", "below", "above", "under", "over",
        "close", "half", "twice", "double", "triple",
    ];
    const BOUNDS: [&str; 9] =
        ["more", "less", "greater", "fewer", "smaller", "larger", "bigger", "higher", "lower"];
    /// What something of a number is another number than it.
    const RELATIONS: [&str; 13] = [
        "multiple",
        "multiples",
        "factor",
        "divisor",
        "square",
        "cube",
        "root",
        "power",
        "reciprocal",
        "inverse",
        "opposite",
        "negation",
        "complement",
    ];
    const CHANGES: [&str; 17] = [
        "factorial",
        "squared",
        "cubed",
        "times",
        "plus",
        "minus",
        "more",
        "less",
        "fewer",
        "half",
        "is",
        "not",
        "wrong",
        "divided",
        "out",
        "too",
        "short",
    ];
    let Some(value) = clause.find(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\' | '*')) else {
        return false;
    };
    let lead: Vec<&str> = clause[..value].split_whitespace().collect();
    let follows = |first: &[&str], second: &str| {
        lead.windows(2).any(|it| {
            first.iter().any(|word| it[0].eq_ignore_ascii_case(word)) && it[1].eq_ignore_ascii_case(second)
        })
    };
    let is_bound = follows(&["up", "close", "next", "prior"], "to")
        || follows(&RELATIONS, "of")
        || follows(&["at"], "least")
        || follows(&["at"], "most")
        || follows(&["one"], "of")
        || follows(&BOUNDS, "than");
    let is_vague = lead.iter().any(|word| HEDGES.iter().any(|it| it.eq_ignore_ascii_case(word)));
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '$' | '(' | ')' | '*');
    let behind = clause[value..].trim_start_matches(digits).strip_prefix(' ').unwrap_or_default();
    let behind = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    is_bound || is_vague || CHANGES.contains(&behind)
}

/// The only part in bold of a sentence that has no number or formula outside: `the farmer has **42** cows`.
fn only_bold(clause: &str) -> Option<&str> {
    let (before, rest) = clause.split_once("**")?;
    let (bold, after) = rest.split_once("**")?;
    let plain = |text: &str| !text.contains(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\' | '*'));
    let is_alone = plain(before) && plain(after) && !bold.trim().is_empty();
    let goes_on = [" or ", " and ", " to "].iter().any(|word| after.starts_with(word));
    (is_alone && !goes_on).then_some(bold)
}
