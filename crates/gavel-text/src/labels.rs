//! What an answer is labelled as: "Wrong:", "Incorrect attempt:", "# Bad solution", and the marks ✗ and ✓ beside it.

use crate::{end_of, end_of_last, languages, start_of};

/// The longest label, in bytes and in words.
const LONGEST: usize = 90;
const MOST_WORDS: usize = 8;

/// What a label calls what follows it where that is not to be taken for an answer.
const BAD: [&str; 35] = [
    "crossed",
    "struck",
    "wrong",
    "incorrect",
    "false",
    "bad",
    "invalid",
    "fake",
    "bogus",
    "erroneous",
    "mistaken",
    "rejected",
    "discarded",
    "failed",
    "refuted",
    "distractor",
    "decoy",
    "trap",
    "placeholder",
    "filler",
    "dummy",
    "junk",
    "garbage",
    "nonsense",
    "untrue",
    "hallucinated",
    "guesses",
    "lie",
    "joke",
    "sabotage",
    "deleted",
    "withdrawn",
    "retracted",
    "obsolete",
    "superseded",
];
/// What a pattern of an answer is called, and the words that may stand beside it.
const MODELS: [&str; 5] = ["example", "sample", "template", "format", "illustration"];
const BESIDE_MODELS: [&str; 18] = [
    "of", "the", "a", "an", "format", "form", "output", "answer", "reply", "response", "required",
    "expected", "correct", "final", "this", "is", "here", "an",
];
/// What may stand before such a word in a label, and what may be so.
const LEADS: [&str; 24] = [
    "a",
    "an",
    "the",
    "my",
    "this",
    "that",
    "here",
    "here's",
    "is",
    "are",
    "was",
    "some",
    "another",
    "following",
    "first",
    "old",
    "previous",
    "and",
    "clearly",
    "obviously",
    "one",
    "attempt",
    "answer",
    "solution",
];
const THINGS: [&str; 38] = [
    "draft",
    "drafts",
    "out",
    "version",
    "answer",
    "answers",
    "attempt",
    "attempts",
    "solution",
    "solutions",
    "guess",
    "guesses",
    "example",
    "output",
    "reply",
    "response",
    "result",
    "value",
    "try",
    "candidate",
    "candidates",
    "entry",
    "option",
    "choice",
    "approach",
    "version",
    "box",
    "one",
    "ones",
    "json",
    "format",
    "number",
    "numbers",
    "root",
    "roots",
    "case",
    "here",
    "line",
];
/// What makes another thing of a label: `not wrong`, `What went wrong`, `the wrong way`.
const OTHER: [&str; 12] =
    ["not", "no", "never", "without", "for", "why", "what", "where", "how", "common", "avoid", "correcting"];

/// Whether the label right before an answer, in its line or as the line or heading above it, says that it is none.
pub(crate) fn is_labelled_none(before: &str) -> bool {
    let within = end_of(before, 2 * LONGEST);
    let near = within.trim_end_matches(|c: char| {
        c.is_whitespace()
            || matches!(c, '$' | '*' | '_' | '`' | '"' | '“' | '(' | '[' | '{' | '\\' | '>' | '|')
    });
    let is_above = within[near.len()..].contains('\n');
    // `Wrong guesses: 70, 71, 72`
    let listed = |c: char| c.is_ascii_digit() || matches!(c, ',' | ' ' | '$' | ';');
    let near = if is_above { near } else { near.trim_end_matches(listed) };
    let ends_with_colon = near.ends_with([':', '：']);
    // Most answers stand in a sentence.
    if !ends_with_colon && !is_above {
        return false;
    }
    let line = &near[end_of_last(near, &["\n"]).unwrap_or(0)..];
    if !ends_with_colon && !(is_above && is_heading(line)) {
        return false;
    }
    let start = end_of_last(line, &[". ", "! ", "? ", "; ", "。"]).unwrap_or(0);
    let label = &line[start..];
    label.len() <= LONGEST && (says_it_is_none(label) || languages::condemns(label))
}

fn is_heading(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with("**")
}

/// Whether the words of a label say that what it labels is no answer.
fn says_it_is_none(label: &str) -> bool {
    let lowered = label.to_ascii_lowercase();
    let words: Vec<&str> =
        lowered.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|it| !it.is_empty()).collect();
    // `Not this:`
    if matches!(
        words[..],
        ["not"]
            | ["not", "this" | "that" | "it" | "so"]
            | ["not", "like", _]
            | ["not", "even" | "quite" | "really", ..]
            | ["ignore", ..]
            | ["disregard", ..]
    ) {
        return true;
    }
    if words.is_empty() || words.len() > MOST_WORDS || words.iter().any(|it| OTHER.contains(it)) {
        return false;
    }
    let is_model = words.iter().any(|it| MODELS.contains(it))
        && words.iter().all(|it| MODELS.contains(it) || BESIDE_MODELS.contains(it))
        // `In the required format:` and `Correct form:` lead to what was asked for.
        && words.iter().any(|it| matches!(*it, "example" | "sample" | "template" | "illustration"));
    // `A wrong answer:`; but `Invalid fields are left out:` says something else.
    let bad = words.iter().position(|it| BAD.contains(it));
    let is_bad = bad.is_some_and(|bad| {
        words[..bad]
            .iter()
            .all(|it| LEADS.contains(it) || BAD.contains(it) || it.bytes().all(|byte| byte.is_ascii_digit()))
            && words[bad + 1..].iter().all(|it| THINGS.contains(it) || BAD.contains(it))
    });
    is_model || is_bad
}

/// Signs that cross out what they stand beside.
const CROSSES: [char; 12] = ['✗', '✘', '❌', '❎', '☒', '✖', '👎', '🚫', '⛔', '🙅', '⨯', '╳'];

/// Whether a sign that crosses an answer out stands right behind it, or starts its line.
pub fn is_crossed(before: &str, behind: &str) -> bool {
    let (before, behind) = (end_of(before, LONGEST), start_of(behind, LONGEST));
    if behind.is_ascii() && before.is_ascii() {
        return false;
    }
    let is_layout = |c: char| {
        matches!(
            c,
            ' ' | '\t'
                | '*'
                | '_'
                | '$'
                | '`'
                | '"'
                | ')'
                | '('
                | ']'
                | '['
                | '}'
                | '\\'
                | '>'
                | '.'
                | ','
                | ':'
                | '-'
        ) || c == '\u{fe0f}'
    };
    let next = behind.trim_start_matches(is_layout);
    let next = next.strip_prefix("</answer>").unwrap_or(next).trim_start_matches(is_layout);
    let line = &before[end_of_last(before, &["\n"]).unwrap_or(0)..];
    let line = line.strip_suffix("<answer>").unwrap_or(line);
    let sign = line.trim_matches(|c: char| is_layout(c) || c == '#' || c.is_ascii_digit());
    next.starts_with(CROSSES)
        || sign.chars().next().is_some_and(|c| CROSSES.contains(&c)) && sign.chars().count() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_may_say_that_there_is_no_answer() {
        for before in [
            "Wrong: ",
            "Incorrect attempt:\n\n",
            "Distractor: ",
            "Placeholder: $",
            "Example of the format: ",
            "I skip this problem. Filler: ",
            "# Bad solution\n",
            "**Wrong solution**\n\n$$",
            "Format example: ",
            "A wrong answer: ",
            "Here is a wrong answer: ",
            "Wrong guesses: 70, 71, ",
            "Falsche Antwort: ",
        ] {
            assert!(is_labelled_none(before), "{before}");
        }
        for before in [
            "",
            "The answer is: ",
            "For example: ",
            "What went wrong: ",
            "In the required format: ",
            "Wrong turns aside, it is ",
            "The first guess was wrong.\n\n",
            "## Answer\n",
            "So it is not wrong: ",
            "**Final Answer**\n",
            "The common mistake: ",
        ] {
            assert!(!is_labelled_none(before), "{before}");
        }
    }

    #[test]
    fn a_cross_stands_behind_an_answer_or_before_its_line() {
        assert!(
            is_crossed("", " ✗")
                && is_crossed("❌ ", "")
                && is_crossed("a\n- ❌ **", "")
                && is_crossed("", "$ 👎")
        );
        for (before, behind) in [("", ""), ("x = 8 ✗, so ", ""), ("", " ✓"), ("", "\n✗ 8"), ("8 ❌\n", " ✅")]
        {
            assert!(!is_crossed(before, behind), "{before} {behind}");
        }
    }
}
