//! Whether the words before an answer disown it: denials, conditions, pretence.
//!
//! A plugin finds where an answer stands and asks here about its sentence up to there.

use crate::{end_of, end_of_last};

/// How much of a sentence is looked at before an answer, and between two, in bytes.
const BEFORE: usize = 120;
const BETWEEN: usize = 200;
/// How many words before an answer can take it back.
const MOST_WORDS: usize = 8;

/// Words that may stand between an answer and what takes it back.
const FILLERS: [&str; 50] = [
    "plausible",
    "probable",
    "convincing",
    "suitable",
    "think",
    "believe",
    "guess",
    "true",
    "choose",
    "pick",
    "select",
    "go",
    "with",
    "statement",
    "the",
    "a",
    "an",
    "our",
    "my",
    "your",
    "final",
    "correct",
    "right",
    "answer",
    "answers",
    "option",
    "choice",
    "letter",
    "value",
    "result",
    "solution",
    "number",
    "to",
    "that",
    "it",
    "exactly",
    "s",
    "likely",
    "me",
    "i",
    "we",
    "say",
    "simply",
    "just",
    "really",
    "definitely",
    "being",
    "been",
    "equal",
    "x",
];
/// Verbs that join a subject to an answer, among the fillers.
const COPULAS: [&str; 5] = ["is", "are", "was", "be", "equals"];
/// Words that deny what follows them.
const DENYING: [&str; 20] = [
    "not",
    "never",
    "neither",
    "nor",
    "cannot",
    "isn",
    "wasn",
    "aren",
    "wouldn",
    "won",
    "don",
    "doesn",
    "didn",
    "except",
    "excluding",
    "barring",
    "otherwise",
    "else",
    "pretend",
    "pretending",
];
/// Words that suppose a sentence that follows them. A value right behind one, as in `if and only if 7`, is another thing.
const SUPPOSING: [&str; 11] = [
    "if",
    "unless",
    "whether",
    "suppose",
    "supposing",
    "assume",
    "assuming",
    "imagine",
    "imagining",
    "hypothetically",
    "doubt",
];
/// Words that leave open what may "be".
const WEAKENING: [&str; 3] = ["could", "might", "may"];
/// What an answer is called; `the least value` may well be one, and `the least likely answer` is none.
const ANSWERS: [&str; 7] = ["answer", "answers", "option", "choice", "letter", "guess", "statement"];
/// Qualities of an answer that nobody gives.
const FALSE: [&str; 11] = [
    "wrong",
    "incorrect",
    "false",
    "trap",
    "decoy",
    "distractor",
    "least",
    "second",
    "worst",
    "fake",
    "mistaken",
];
/// Pairs of words that deny what follows them.
const PAIRS: [(&[&str], &str); 6] = [
    (&["anything", "everything", "all", "any", "everyone"], "but"),
    (&["far", "different", "differs", "away", "apart", "nowhere"], "from"),
    (&["instead", "opposite", "negation", "inverse"], "of"),
    (&["close", "near", "similar", "opposed"], "to"),
    (&["nothing"], "like"),
    (&["other", "rather", "else"], "than"),
];

/// Whether the words right before an answer deny it, only suppose it, or leave it open: "not", "anything but", "pretend
/// that the answer is", "could be", "otherwise".
pub fn is_disowned(before: &str) -> bool {
    let mut words = words(clause_before(before)).rev().take(MOST_WORDS).peekable();
    // What was passed on the way back.
    let (mut passed, mut copulas, mut be, mut answer) = (0, 0, false, false);
    while let Some(word) = words.next() {
        let is = |list: &[&str]| list.iter().any(|it| it.eq_ignore_ascii_case(word));
        let previous = words.peek().copied().unwrap_or_default();
        let follows = |list: &[&str]| list.iter().any(|it| it.eq_ignore_ascii_case(previous));
        if is(&DENYING) || is(&FALSE) && answer || word.ends_with("n't") || word.ends_with("n’t") {
            return true;
        }
        if is(&SUPPOSING) && passed > 0 && !follows(&["only"]) || is(&WEAKENING) && be {
            return true;
        }
        if PAIRS.iter().any(|(first, second)| second.eq_ignore_ascii_case(word) && follows(first)) {
            return true;
        }
        copulas += usize::from(is(&COPULAS));
        // `the largest that it could be is` has a sentence for a subject.
        if copulas > 1 || !is(&FILLERS) && !is(&COPULAS) {
            return false;
        }
        be |= word.eq_ignore_ascii_case("be");
        answer |= is(&ANSWERS);
        passed += 1;
    }
    false
}

/// Whether what stands between two answers makes cases of them: `\boxed{8} if x > 0, otherwise \boxed{7}`.
pub fn is_case_split(between: &str) -> bool {
    const CASES: [&str; 4] = ["if", "otherwise", "else", "unless"];
    between.len() <= BETWEEN
        && !between.contains("\n\n")
        && !between.contains(". ")
        && words(between).any(|word| CASES.iter().any(|it| it.eq_ignore_ascii_case(word)))
}

/// Whether a sentence, cut off before an answer, tells what would be if something else were so: "If it were Monday, the
/// answer would be".
pub fn is_counterfactual(before: &str) -> bool {
    let said = |wanted: &str| words(sentence_before(before)).any(|word| word.eq_ignore_ascii_case(wanted));
    said("if") && said("were") && said("would")
}

/// The end of a text from where its last sentence starts, as far as that is near.
pub fn sentence_before(before: &str) -> &str {
    let near = end_of(before, BEFORE);
    let new = end_of_last(near, &[". ", "\n", "! ", "? ", "; ", "。"]);
    &near[new.unwrap_or(0)..]
}

/// As [`sentence_before`], from the last comma or colon on; but a word alone before it, as in `otherwise,`, is no clause.
fn clause_before(before: &str) -> &str {
    let sentence = sentence_before(before);
    let start = end_of_last(sentence, &[", ", ": "]).unwrap_or(0);
    let clause = &sentence[start..];
    let last_word = words(&sentence[..start]).next_back().unwrap_or_default();
    let is_split = ["otherwise", "else", "pretend", "hypothetically"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(last_word));
    if is_split || words(clause).next().is_none() { sentence } else { clause }
}

/// The words of a text, without commands of LaTeX.
fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '\\')))
        .filter(|word| !word.is_empty() && !word.starts_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_an_answer_may_disown_it() {
        for before in [
            "not ",
            "The answer is anything but $",
            "It is far from **",
            "something other than ",
            "everything except ",
            "Let me pretend the answer is ",
            "If the answer is \\boxed{",
            "it is 8; otherwise ",
            "The answer could be ",
            "The answer might be ",
            "My second choice is ",
            "The least likely answer is ",
            "It isn't ",
        ] {
            assert!(is_disowned(before), "{before}");
        }
        for before in [
            "",
            "The answer is ",
            "If we add both, the total is ",
            "It is not 5. The answer is ",
            "It is not six but ",
            "The number that is not prime is ",
            "Suppose x is even, so x/2 is a whole number and equals ",
            "nothing but ",
            "The least value is ",
            "The second number is ",
        ] {
            assert!(!is_disowned(before), "{before}");
        }
    }

    #[test]
    fn what_would_be_is_not_what_is() {
        assert!(is_counterfactual("If it were Monday the answer would be "));
        assert!(!is_counterfactual("If we add them, the answer would be "));
        assert!(!is_counterfactual("They were late. The answer would be "));
    }
}
