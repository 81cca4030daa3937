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
}

/// Whether what stands at the text negates it or leaves it open: `un-true`, `!true`, `non-smoker`, `maybe Paris`.
fn has_negation(before: &str) -> bool {
    const PREFIXES: [&str; 9] = ["un-", "non-", "non ", "in-", "anti-", "not-", "!", "¬", "~"];
    const HEDGES: [&str; 4] = ["maybe", "perhaps", "possibly", "unlikely"];
    const DENIALS: [&str; 8] = ["not", "never", "cannot", "isn't", "isn’t", "wasn't", "neither", "nor"];
    let clause = sentence_before(before).rsplit([',', ':']).next().unwrap_or_default();
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
    // Two commas part a list; one parts a city from its country.
    let list = format!("{sentence}{rest}");
    let items: Vec<&str> = list.split([',', '、', '，']).collect();
    let is_list = items.len() > 2 && items.iter().all(|item| is_short(item));
    joined || open || slashed || is_list
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
        ] {
            assert!(!stands_by(answer, "Paris"), "{answer}");
        }
    }
}
