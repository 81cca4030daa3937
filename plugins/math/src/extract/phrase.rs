//! Answers that a sentence states: "the answer is …", "final answer: …".

use super::last::rfind;

/// How much may stand between "answer" and its verb, and how long a clause may be, in bytes.
const FARTHEST_VERB: usize = 60;
const LONGEST_CLAUSE: usize = 600;
/// How many times the word "answer" is looked behind, from the end.
const MOST_CANDIDATES: usize = 200;

/// What stands in the last "final answer is …. I hope it is correct".
pub(super) fn final_answer(text: &str) -> Option<&str> {
    let (end, _) = rfind(text, 'I', &["I hope it is correct", "I hope this is correct"])?;
    let before = &text[..end];
    let (at, phrase) = rfind(before, 'f', &["final answer is"])?;
    let found = before[at + phrase.len()..].trim().trim_start_matches(':');
    (found.len() <= LONGEST_CLAUSE).then_some(found)
}

/// What the last such phrase states, to the end of its clause.
pub(super) fn phrase(text: &str) -> Option<&str> {
    // Few letters are as rare as the `w` of "answer".
    let letters = text.bytes().enumerate().rev().filter(|(_, byte)| byte | 0x20 == b'w');
    let words = letters.filter_map(|(at, _)| {
        let start = at.checked_sub("ans".len())?;
        let word = text.get(start..at + "wer".len())?;
        let is_word = word.eq_ignore_ascii_case("answer") && !text[..start].ends_with(['<', '/', '_']);
        is_word.then_some((start, at))
    });
    let stated = words.take(MOST_CANDIDATES).find_map(|(start, at)| {
        let rest = &text[at + "wer".len()..];
        let stated = behind_verb(rest).or_else(|| behind_heading(&text[..start], rest))?;
        let clause = focus(clause(stated));
        // In prose, `18!` is an exclamation.
        let clause = if clause.contains(['$', '\\']) { clause } else { clause.trim_end_matches('!') };
        (!super::bare(clause).is_empty()).then_some(clause)
    });
    stated.or_else(|| chosen(text))
}

/// "The correct option is B".
fn chosen(text: &str) -> Option<&str> {
    let (at, phrase) = rfind(text, 'c', &["correct option is", "correct choice is"])?;
    let stated = text[at + phrase.len()..].trim_start_matches([':', '*', ' ']);
    Some(clause(stated)).filter(|clause| !super::bare(clause).is_empty())
}

/// What stands behind the verb of "answer": `is`, `:`, `=`, `would be`.
fn behind_verb(rest: &str) -> Option<&str> {
    const VERBS: [&str; 9] =
        [":", " is", " =", " are", " would be", " must be", " will be", " should be", "**is"];
    let mut end = rest.len().min(FARTHEST_VERB);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    // A new sentence has another subject.
    let reach = &rest[..end];
    let reach = reach.find(['\n', '.', '?', '!', ';']).map_or(reach, |end| &reach[..end]);
    let (at, verb) = VERBS
        .into_iter()
        .filter_map(|verb| Some((find_word(reach, verb)?, verb)))
        .min_by_key(|(at, _)| *at)?;
    // `answer: 5` and `answer (in cm): 5`, but not `express the answer as a percentage: 2 of 8`.
    let between = reach[..at].trim_matches(['*', ' ', '_']);
    if verb == ":" && !between.is_empty() && !(between.starts_with('(') && between.ends_with(')')) {
        return None;
    }
    let stated = &rest[at + verb.len()..];
    // `**Answer:** 42`, `the answer is: 42`, and a formula that starts on the next line.
    let stated = stated.trim_start_matches([':', '*', ' ', '_', '\t', '}']);
    let next_line =
        verb == ":" || rest[at + verb.len()..].starts_with([':', '*']) || stated.starts_with("\n");
    Some(if next_line {
        stated.trim_start_matches([':', '*', ' ', '\n', '\r', '_', '>', '}'])
    } else {
        stated
    })
}

/// Where `verb` stands as a word.
fn find_word(text: &str, verb: &str) -> Option<usize> {
    text.match_indices(verb).map(|(at, _)| at).find(|at| {
        let behind = text[at + verb.len()..].chars().next();
        !verb.ends_with(|c: char| c.is_alphabetic()) || behind.is_none_or(|c| !c.is_alphabetic())
    })
}

/// What stands in the line below `**Final Answer**`.
fn behind_heading<'a>(before: &str, rest: &'a str) -> Option<&'a str> {
    let before = before.trim_end();
    // `# Answer` and `**Answer**` head what follows as well.
    let marks = before.bytes().rev().take_while(|byte| matches!(byte, b'#' | b'*' | b' ')).count();
    let heads =
        marks > 0 && before[..before.len() - marks].bytes().next_back().is_none_or(|byte| byte == b'\n');
    let is_final = heads
        || before
            .get(before.len().saturating_sub(5)..)
            .is_some_and(|word| word.eq_ignore_ascii_case("final"));
    let rest = rest.trim_start_matches(['*', ' ', '#', '_', '.']);
    (is_final && rest.starts_with(['\n', '\r'])).then(|| rest.trim_start())
}

/// The text up to where its clause ends; formulas are no prose.
fn clause(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_CLAUSE);
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
        if ends_clause(rest, at) {
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

fn ends_clause(rest: &str, at: usize) -> bool {
    const ENDS: [&str; 9] = ["\n", "; ", " because ", " since ", " as ", " which ", " where ", "<|", " so "];
    if ENDS.iter().any(|end| rest.starts_with(end)) {
        return true;
    }
    if let Some(behind) = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(".\n")) {
        // `p. m.` and `approx. 5` go on.
        return at > 1 && !behind.starts_with(|c: char| c.is_lowercase());
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

/// The part of a clause that is the answer: `the largest n is 34` says 34, `he has 5 apples` says 5 apples.
fn focus(clause: &str) -> &str {
    let clause = clause.trim();
    let outside = |at: usize| clause[..at].matches('$').count().is_multiple_of(2);
    if let Some((at, verb)) =
        [" is ", " equals ", " equal to "].iter().filter_map(|it| Some((clause.rfind(it)?, it.len()))).max()
        && outside(at)
    {
        return clause[at + verb..].trim_start();
    }
    let stripped = [
        "approximately ",
        "about ",
        "exactly ",
        "simply ",
        "just ",
        "therefore ",
        "clearly ",
        "obviously ",
        "indeed ",
        "always ",
        "thus ",
        "option ",
        "choice ",
        "equal to ",
    ]
    .iter()
    .find_map(|word| clause.strip_prefix(word));
    let clause = stripped.unwrap_or(clause);
    let words = clause
        .split_whitespace()
        .take_while(|word| word.bytes().all(|it| it.is_ascii_alphabetic() || it == b'\''))
        .count();
    if words < 2 {
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
