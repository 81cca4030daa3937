//! Whether an answer stands by a text that it contains: the option `stand_by`.

use gavel_text::{is_counterfactual, is_disowned, is_withdrawn, sentence_before};

/// Whether the last place where the text stands in the answer neither denies it nor leaves it open.
pub(crate) fn stands_by(answer: &str, reference: &str) -> bool {
    let (answer, reference) = (answer.to_lowercase(), reference.trim().to_lowercase());
    // Where the spellings differ, the place is that of the first word.
    let first = reference.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
    let place = |text: &str| answer.rfind(text).map(|at| (at, at + text.len()));
    let Some((start, end)) = place(&reference).or_else(|| place(first?)) else { return true };
    let (before, behind) = (&answer[..start], &answer[end..]);
    let is_question =
        behind.trim_start_matches(|c: char| matches!(c, '"' | '*' | ' ' | ')')).starts_with(['?', '？']);
    !is_disowned(before)
        && !is_counterfactual(before)
        && !is_withdrawn(behind)
        && !has_negation(before)
        && !is_question
        && !is_one_of_several(before, behind)
        && !is_of_another(behind)
        && !is_hedged(before, behind)
        && !(is_number(&reference) && is_bounded(before, behind))
        && !has_opposite(&answer, &reference)
}

/// Whether the words behind a text give what is asked for to another one: `Paris used to be it`, `Paris ain't it`.
fn is_of_another(behind: &str) -> bool {
    const OTHERS: [&str; 11] = [
        "used to",
        "until",
        "has nothing",
        "had been",
        "would have",
        "could have",
        "exits",
        "was once",
        "is no longer",
        "0%",
        "if by",
    ];
    let said = behind.trim_start_matches([' ', ',', '"', '*', '(']);
    OTHERS.iter().any(|start| said.starts_with(start))
}

/// Whether the sentence leaves its text open: `Paris, perhaps?`, `Paris, I guess`.
fn is_hedged(before: &str, behind: &str) -> bool {
    const HEDGES: [&str; 8] =
        ["perhaps", "maybe", "possibly", "without being sure", "not sure", "unsure", "i guess", "who knows"];
    const LIKENESS: [&str; 11] = [
        "doubt",
        "unlike",
        "without",
        "rhymes with",
        "sounds like",
        "no",
        "half",
        "too good to be",
        "nearly",
        "almost",
        "than",
    ];
    let rest = behind.split(['.', '\n', '!', ';']).next().unwrap_or_default();
    let lead = sentence_before(before).trim_end_matches([' ', '"', '*']);
    let is_led = LIKENESS
        .iter()
        .any(|word| lead.strip_suffix(word).is_some_and(|before| !before.ends_with(char::is_alphanumeric)));
    // `Paris (50%), London (50%)`
    let is_shared = rest.contains('%') && !rest.contains("100%") && !rest.contains("100 %");
    is_led
        || is_shared
        || HEDGES.iter().any(|hedge| rest.contains(hedge))
        || rest.trim_end().ends_with(['?', '？'])
}

fn is_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'))
}

/// Whether a number is only a bound, or another number: `at most 42`, `42 million`, `minus 42`.
fn is_bounded(before: &str, behind: &str) -> bool {
    const BOUNDS: [&str; 13] = [
        "more than",
        "less than",
        "fewer than",
        "greater than",
        "at most",
        "at least",
        "up to",
        "over",
        "under",
        "minus",
        "negative",
        "above",
        "below",
    ];
    const SCALES: [&str; 8] =
        ["million", "thousand", "billion", "trillion", "hundred", "dozen", "percent", "%"];
    let lead = before.trim_end();
    let next = behind.trim_start();
    BOUNDS.iter().any(|bound| lead.strip_suffix(bound).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric)))
        || lead.ends_with(['<', '>', '≤', '≥', '≠', '-', '−', '±'])
        || SCALES.iter().any(|scale| next.starts_with(scale))
        // `40-42`, `42+`
        || behind.starts_with(['-', '–', '+', '/', '^', '×'])
}

/// Whether a short answer says yes and no: `yes no`.
fn has_opposite(answer: &str, reference: &str) -> bool {
    const PAIRS: [(&str, &str); 4] =
        [("yes", "no"), ("true", "false"), ("right", "wrong"), ("correct", "incorrect")];
    const MOST_WORDS: usize = 4;
    let words: Vec<&str> =
        answer.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let opposite = PAIRS.iter().find_map(|(one, other)| {
        if *one == reference { Some(*other) } else { (*other == reference).then_some(*one) }
    });
    words.len() <= MOST_WORDS && opposite.is_some_and(|opposite| words.contains(&opposite))
}

/// Whether what stands at the text negates it or leaves it open: `un-true`, `!true`, `non-smoker`, `maybe Paris`.
fn has_negation(before: &str) -> bool {
    const PREFIXES: [&str; 9] = ["un-", "non-", "non ", "in-", "anti-", "not-", "!", "¬", "~"];
    const HEDGES: [&str; 4] = ["maybe", "perhaps", "possibly", "unlikely"];
    const DENIALS: [&str; 14] = [
        "not", "never", "cannot", "isn't", "isn’t", "wasn't", "neither", "nor", "don't", "doesn't", "can't",
        "won't", "ain't", "doubt",
    ];
    let clause = sentence_before(before).rsplit([',', ':']).next().unwrap_or_default();
    // `There is no doubt that it is Paris.`
    let clause = ["no doubt", "without doubt", "without any doubt", "don't doubt", "not doubt"]
        .iter()
        .find_map(|sure| clause.split_once(sure))
        .map_or(clause, |(_, rest)| rest);
    let denies = clause.split(|c: char| c.is_whitespace()).any(|word| DENIALS.contains(&word));
    let hedges = clause.split(|c: char| !c.is_alphabetic()).any(|word| HEDGES.contains(&word));
    // `It is not Lyon but Paris.`
    let is_contrast = ["but", "rather", "instead"].iter().any(|word| clause.contains(word));
    PREFIXES.iter().any(|prefix| before.ends_with(prefix)) || hedges || denies && !is_contrast
}

/// Whether the text is one that the answer leaves open among others: `Paris or London`, `Paris/London`, `yes and no`,
/// `Paris, London, Rome`.
fn is_one_of_several(before: &str, behind: &str) -> bool {
    const JOINERS: [&str; 12] =
        ["or", "and/or", "and", "ou", "oder", "o", "или", "还是", "或", "vs", "versus", "nor"];
    let is_joiner = |word: Option<&str>| word.is_some_and(|word| JOINERS.contains(&word));
    let sentence = sentence_before(before);
    let rest = behind.split(['.', '\n', '!', ';', '。']).next().unwrap_or_default();
    let is_short = |text: &str| text.split_whitespace().count() <= 3;
    let joined = is_joiner(sentence.split_whitespace().next_back()) && is_short(sentence)
        || is_joiner(rest.split_whitespace().next()) && is_short(rest);
    // `or` leaves open whatever stands around it.
    let open = sentence.trim_end().ends_with(" or") || rest.trim_start().starts_with("or ");
    let slashed = before.ends_with('/') || behind.starts_with('/');
    // `Paris; London`, `Paris & London`, `Paris ✗ London ✓`
    let sign = behind.trim_start_matches([' ', '"', '*']);
    let is_signed = sign.starts_with(['&', '→', '=', '≠', '|', '+', '<', '>', '~', '≈', '✗', '✘', '❌', '⇒']);
    let is_parted =
        sign.strip_prefix(';').is_some_and(|rest| is_short(rest) && rest.contains(char::is_alphanumeric));
    // Two commas part a list; one parts a city from its country.
    let list = format!("{sentence}{rest}");
    let items: Vec<&str> = list.split([',', '、', '，']).collect();
    let is_list = items.len() > 2 && items.iter().all(|item| is_short(item));
    joined || open || slashed || is_list || is_signed || is_parted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stands_by_what_it_says() {
        for answer in [
            "Paris",
            "It is Paris.",
            "Paris, France",
            "The capital of France is Paris, on the Seine.",
            "It is not Lyon but Paris.",
            "Paris and its suburbs have 12 million people.",
            "Not Lyon: Paris.",
            "Many say Lyon. It is Paris.",
            "Paris; it lies on the Seine.",
            "There is no doubt: Paris",
            "It can be no other city: Paris",
        ] {
            assert!(stands_by(answer, "Paris"), "{answer}");
        }
        for answer in [
            "not Paris",
            "Paris or London",
            "London or Paris",
            "Paris/London",
            "Paris? No, London.",
            "Paris, London, Rome, Berlin",
            "The answer cannot be Paris",
            "不是Paris",
            "un-Paris",
            "It is certainly not the city of Paris",
            "Paris is wrong.",
            "Paris and London",
            "Is it Paris?",
            "Maybe Paris, maybe Rome",
            "I doubt Paris",
            "Paris, perhaps?",
            "Paris & London",
            "Paris; London",
            "Paris ≠ capital",
            "Rather London than Paris",
            "P.S. no Paris",
            "A city unlike Paris",
            "Paris ain't it",
            "Paris used to be it until London took over",
            "Paris ✗ London ✓",
        ] {
            assert!(!stands_by(answer, "Paris"), "{answer}");
        }
    }
}
