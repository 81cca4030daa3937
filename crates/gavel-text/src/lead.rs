//! Whether the words that lead to an answer make something else of it: what it is an operand or a relative of.

use crate::{end_of, has_short, sentence_before};

/// What something of a number is another number than it. What a task may well ask for in other words (`by a factor of`, `half
/// of`) is none of them.
const RELATIVES: [&str; 28] = [
    "predecessor",
    "successor",
    "reciprocal",
    "opposite",
    "negation",
    "negative",
    "complement",
    "double",
    "triple",
    "conjugate",
    "antiderivative",
    "neighbor",
    "neighbour",
    "neighbors",
    "neighbours",
    "sibling",
    "cousin",
    "twin",
    "rival",
    "alternative",
    "alternatives",
    "instead",
    "absence",
    "lack",
    "reversal",
    "reverse",
    "permutation",
    "anagram",
];
/// What a number may be before or behind another one, and the words that say so.
const NUMBERS: [&str; 6] = ["number", "integer", "value", "answer", "letter", "option"];
const BESIDE: [&str; 6] = ["after", "before", "following", "preceding", "succeeding", "beyond"];
/// What makes the answer an operand of what is stated.
const OPERATIONS: [&str; 9] = [
    "the answer plus ",
    "the answer minus ",
    "the answer times ",
    "the answer divided by ",
    "the answer squared ",
    "the answer cubed ",
    "the answer differs ",
    "half of the answer ",
    "twice the answer ",
];

/// Whether the words before an answer make it a relative of the answer: `the successor of 7`, `the number after 7`, `the
/// answer plus one is 8`. What the prompt speaks of is asked for.
pub fn is_led_astray(before: &str, prompt: &str) -> bool {
    /// A subject is no longer, in bytes.
    const LONGEST: usize = 160;
    let near = end_of(before, LONGEST);
    let said = near.trim_end_matches(|c: char| matches!(c, ' ' | '$' | '*' | '(' | '{' | '[' | '"' | '“'));
    let (rest, last) = last_word(said);
    let asked = |word: &str| prompt.to_ascii_lowercase().contains(word);
    match last {
        "is" | "equals" | "from" if is_operand(near) => !asked("answer "),
        "of" | "to" | "from" => {
            let before = last_word(rest.trim_end()).1.to_ascii_lowercase();
            RELATIVES.contains(&&*before) && !asked(&before)
        }
        _ if BESIDE.contains(&last) => {
            let before = last_word(rest.trim_end()).1.to_ascii_lowercase();
            NUMBERS.contains(&&*before) && !asked(last)
        }
        _ => false,
    }
}

/// Whether the sentence that a text ends in makes the answer an operand.
fn is_operand(near: &str) -> bool {
    let sentence = sentence_before(near);
    has_short(sentence, "he answer ") && {
        let lowered = sentence.to_ascii_lowercase();
        OPERATIONS.iter().any(|it| lowered.contains(it))
    }
}

/// The word that a text ends with, and what stands before it.
fn last_word(text: &str) -> (&str, &str) {
    let length = text.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
    text.split_at(text.len() - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_answer_may_make_another_of_it() {
        for before in [
            "The answer is the predecessor of ",
            "The number after $",
            "The reciprocal of **",
            "It is the opposite of ",
            "The answer plus one is ",
            "The answer differs by two from ",
        ] {
            assert!(is_led_astray(before, "How many cows are left?"), "{before}");
        }
        for before in [
            "",
            "The answer is ",
            "They meet after ",
            "for a total of ",
            "a probability of ",
            "it grows by a factor of ",
            "We get the value below: $",
            "The reciprocal of 3 is ",
            "$x = ",
        ] {
            assert!(!is_led_astray(before, "How many cows are left?"), "{before}");
        }
        assert!(!is_led_astray("It is the reciprocal of ", "Of which number is 3 the reciprocal?"));
    }
}
