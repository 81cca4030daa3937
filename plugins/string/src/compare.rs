//! How alike an answer and a reference are.

use gavel_plugin::Error;
use gavel_text::{is_unspaced, normalized, squad};
use rapidfuzz::distance::levenshtein;
use rapidfuzz::fuzz;

use crate::{Match, Options};

/// How alike two texts are, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Similarity {
    pub(crate) value: f64,
    /// `f1` only: the share of the answer's words that the reference has.
    pub(crate) precision: f64,
    /// `f1` only: the share of the reference's words that the answer has.
    pub(crate) recall: f64,
}

impl Similarity {
    pub(crate) const NONE: Self = Self { value: 0.0, precision: 0.0, recall: 0.0 };

    fn of(value: f64) -> Self {
        Self { value, ..Self::NONE }
    }

    fn yes(same: bool) -> Self {
        Self::of(f64::from(same))
    }
}

/// How alike `answer` and `reference` are.
pub(crate) fn similarity(answer: &str, reference: &str, options: &Options) -> Result<Similarity, Error> {
    let case_sensitive = options.case_sensitive.unwrap_or(options.kind == Match::Exact);
    let spell = |text: &str| match options.kind {
        Match::Exact => cased(text.trim(), case_sensitive),
        Match::Squad | Match::F1 => squad(text),
        _ if options.normalize == Some(false) => cased(text.trim(), case_sensitive),
        // Nothing but punctuation: that is what counts then.
        _ => Some(normalized(text, case_sensitive))
            .filter(|words| !words.is_empty())
            .unwrap_or_else(|| cased(text.trim(), case_sensitive)),
    };
    let (answer, reference) = (spell(answer), spell(reference));
    Ok(match options.kind {
        Match::Exact | Match::Normalized | Match::Squad => Similarity::yes(answer == reference),
        Match::Contains if options.word_boundaries == Some(false) => {
            Similarity::yes(answer.contains(&reference))
        }
        Match::Contains => Similarity::yes(contains_words(&answer, &reference)),
        Match::F1 => f1(&answer, &reference),
        Match::EditDistance => {
            distance(&answer, &reference, |a, b| levenshtein::normalized_similarity(a.chars(), b.chars()))?
        }
        Match::Fuzzy => distance(&answer, &reference, |a, b| fuzz::ratio(a.chars(), b.chars()))?,
    })
}

/// How many words a text has, however they are kept apart; as many as the comparison takes them for.
pub(crate) fn words(text: &str, options: &Options) -> usize {
    let written = text.split_whitespace().count();
    if options.kind != Match::Contains {
        written
    } else if options.normalize == Some(false) {
        let runs = text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
        runs.count().max(written)
    } else {
        normalized(text, true).split_whitespace().count().max(written)
    }
}

fn cased(text: &str, case_sensitive: bool) -> String {
    if case_sensitive { text.to_owned() } else { text.to_lowercase() }
}

/// Whether `words` stand in `text` with white space or an end around them. In scripts that are written without
/// spaces, any place will do.
fn contains_words(text: &str, words: &str) -> bool {
    let apart = |outside: Option<char>, inside: Option<char>| {
        outside.is_none_or(|c| c.is_whitespace() || is_unspaced(c)) || inside.is_some_and(is_unspaced)
    };
    text.match_indices(words).any(|(at, found)| {
        apart(text[..at].chars().next_back(), words.chars().next())
            && apart(text[at + found.len()..].chars().next(), words.chars().next_back())
    })
}

/// The harmonic mean of precision and recall over the words of both, each as often as it occurs.
fn f1(answer: &str, reference: &str) -> Similarity {
    let sorted = |text| {
        let mut words: Vec<&str> = str::split_whitespace(text).collect();
        words.sort_unstable();
        words
    };
    let (answer, reference) = (sorted(answer), sorted(reference));
    if answer.is_empty() || reference.is_empty() {
        return Similarity::yes(answer == reference);
    }
    let shared = shared(&answer, &reference) as f64;
    if shared == 0.0 {
        return Similarity::NONE;
    }
    let (precision, recall) = (shared / answer.len() as f64, shared / reference.len() as f64);
    Similarity { value: 2.0 * precision * recall / (precision + recall), precision, recall }
}

/// How many words two sorted lists have in common.
fn shared(left: &[&str], right: &[&str]) -> usize {
    let (mut at, mut other, mut shared) = (0, 0, 0);
    while at < left.len() && other < right.len() {
        match left[at].cmp(right[other]) {
            std::cmp::Ordering::Less => at += 1,
            std::cmp::Ordering::Greater => other += 1,
            std::cmp::Ordering::Equal => (at, other, shared) = (at + 1, other + 1, shared + 1),
        }
    }
    shared
}

/// The longest reference whose distance to an answer is computed, in characters. The cost is the product of both
/// lengths over 64.
const LONGEST: usize = 10_000;

fn distance(answer: &str, reference: &str, ratio: impl Fn(&str, &str) -> f64) -> Result<Similarity, Error> {
    let (length, wanted) = (answer.chars().count(), reference.chars().count());
    if wanted > LONGEST {
        return Err(Error::InvalidTask(format!(
            "reference: {wanted} characters, and edit-distance and fuzzy take at most {LONGEST}"
        )));
    }
    // So long an answer has nothing to gain: less than a quarter of it can be the reference.
    if length > 4 * wanted + 1_000 {
        Ok(Similarity::NONE)
    } else {
        Ok(Similarity::of(ratio(answer, reference)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_a_whole() {
        assert!(contains_words("it is paris now", "paris"));
        assert!(contains_words("paris", "paris"));
        assert!(!contains_words("comparison", "paris"));
        assert!(!contains_words("-5 and 5.5", "5"));
        assert!(contains_words("parisian paris", "paris"));
        assert!(contains_words("首都是巴黎。", "巴黎"));
    }

    #[test]
    fn f1_counts_each_word_as_often_as_it_occurs() {
        let found = f1("b b b a", "a b");
        assert_eq!((found.precision, found.recall), (0.5, 1.0));
        assert_eq!(f1("x", "y"), Similarity::NONE);
        assert_eq!(f1("", "").value, 1.0);
    }

    #[test]
    fn what_would_cost_too_much_is_not_compared() {
        let long = "x".repeat(LONGEST + 1);
        assert!(matches!(distance("x", &long, |_, _| 1.0), Err(Error::InvalidTask(_))));
        assert_eq!(distance(&long, "x", |_, _| 1.0), Ok(Similarity::NONE));
    }
}
