//! Whether the words behind an answer withdraw it: denials, corrections, jokes.
//!
//! A plugin finds where an answer stands and asks here about what follows it.

mod block;
mod sentence;

pub use block::{is_block_disowned, is_block_withdrawn};

use crate::{first_of, jokes, languages, start_of};
use sentence::{is_condemned, takes_back};

/// How much is looked at behind an answer, in bytes.
const BEHIND: usize = 200;

/// Whether what stands right behind an answer takes it back: "is wrong", "ではない", "değil".
pub fn is_denied_behind(rest: &str) -> bool {
    const DENIALS: [&str; 66] = [
        "is wrong",
        "is incorrect",
        "is false",
        "is not",
        "isn't",
        "isn’t",
        "is out",
        "is a trap",
        "is the trap",
        "is a decoy",
        "is the decoy",
        "is a distractor",
        "is the distractor",
        "is the wrong",
        "is the incorrect",
        "is the least",
        "is the worst",
        "is the second",
        "is my second",
        "is unlikely",
        "is impossible",
        "is nonsense",
        "was wrong",
        "was not",
        "was a joke",
        "wasn't",
        "cannot be",
        "can not be",
        "can't be",
        "can’t be",
        "is ruled out",
        "is eliminated",
        "would be wrong",
        "would be incorrect",
        "is a lie",
        "is a mistake",
        "is an error",
        "is an example",
        "is just an example",
        "is only an example",
        "fails",
        "are wrong",
        "are incorrect",
        "are false",
        "are not",
        "were true",
        "were right",
        "were correct",
        "≠ correct",
        "≠ right",
        "ではなく",
        "じゃなく",
        "아님",
        "아니",
        "ではない",
        "ではありません",
        "じゃない",
        "가 아니",
        "가 아닙",
        "이 아니",
        "이 아닙",
        "는 아니",
        "değil",
        "नहीं",
        "নয়",
        "是错",
    ];
    let rest = rest.trim_start_matches(is_closing);
    DENIALS.iter().any(|denial| starts_with(rest, denial))
}

/// Whether what follows an answer takes it back, in its sentence or in the next: "which is wrong", "unless it is 8",
/// "Just kidding", "That is not right", "said nobody". What puts another answer in its place is for `correction`.
pub fn is_withdrawn(behind: &str) -> bool {
    const IN_SENTENCE: [&str; 9] = [
        ", actually)",
        "(wrong",
        "(incorrect",
        ", unless ",
        " unless it",
        " unless the answer",
        "/ not ",
        " not!",
        " i refuse to",
    ];
    // Most texts end with their answer.
    if !start_of(behind, 4 * BEHIND).contains(char::is_alphanumeric) {
        return false;
    }
    if jokes::calls_it_a_joke(behind) {
        return true;
    }
    // An apostrophe of typographers has three bytes.
    let near = start_of(behind, 4 * BEHIND);
    let lowered = near.to_ascii_lowercase().replace('’', "'");
    let near = start_of(&lowered, BEHIND);
    let (sentence, next) = near.split_at(sentence_end(near));
    let next = next.trim_start_matches(|c: char| !c.is_alphanumeric());
    let clauses = ["which ", "but it ", "but that ", "but this ", "but it'", "but that'"];
    let in_clause = first_of(sentence, &clauses).is_some()
        && clauses.iter().any(|clause| {
            // Right behind the answer, or behind a few words about it.
            sentence.find(clause).is_some_and(|at| is_condemned(sentence[at..].trim_start_matches("but ")))
        });
    let own = sentence.trim_start_matches(|c: char| !c.is_alphanumeric());
    in_clause
        || first_of(sentence, &IN_SENTENCE).is_some()
        || sentence.trim_end_matches(['.', ' ', '\n']).ends_with(" or not")
        || is_denied_behind(sentence)
        || is_what_others_say(own)
        || is_unreal(own)
        || says_not(own)
        || is_of_somebody_wrong(own)
        || is_of_somebody_wrong(next)
        || takes_back(next)
        // Behind a box or a tag, a sentence may start without a full stop before it.
        || takes_back(own)
        || near.lines().any(jokes::is_ironic)
        || [own, next].into_iter().any(languages::is_withdrawn)
}

/// The sentence behind the one that a text starts in the middle of.
pub(crate) fn next_sentence(text: &str) -> &str {
    &text[sentence_end(text)..]
}

/// Whether a clause gives an answer to somebody who is wrong: "said the student, wrongly", "said nobody ever".
fn is_of_somebody_wrong(clause: &str) -> bool {
    const SAYING: [&str; 9] =
        ["said ", "says ", "claimed ", "claims ", "thought ", "wrote ", "guessed ", "believed ", "answered "];
    const WRONG: [&str; 8] =
        ["wrongly", "mistakenly", "incorrectly", "falsely", "erroneously", "nobody", "no one", "never"];
    SAYING.iter().any(|verb| clause.starts_with(verb)) && WRONG.iter().any(|word| clause.contains(word))
}

/// Whether a clause gives the answer to others than the writer: `is what others got`, `is what people say`.
fn is_what_others_say(clause: &str) -> bool {
    const SAYING: [&str; 16] = [
        "say", "says", "said", "think", "thinks", "thought", "got", "get", "write", "wrote", "guess",
        "guessed", "claim", "claims", "believe", "answer",
    ];
    let Some(said) = clause.strip_prefix("is what ") else { return false };
    let said = said.split([',', ';', '.', '!', '\n']).next().unwrap_or_default();
    let mut words = said.split_whitespace();
    let is_of_others = words.next().is_some_and(|who| !matches!(who, "i" | "we" | "you"));
    is_of_others && words.next_back().is_some_and(|verb| SAYING.contains(&verb))
}

/// Whether a clause makes an answer depend on what is not so: `if Mars were B`.
fn is_unreal(clause: &str) -> bool {
    clause.strip_prefix("if ").is_some_and(|condition| condition.contains(" were "))
}

/// Whether a clause is a no and nothing else: `, obviously not`.
fn says_not(clause: &str) -> bool {
    const SURELY: [&str; 6] =
        ["obviously not", "of course not", "clearly not", "certainly not", "definitely not", "surely not"];
    SURELY
        .iter()
        .any(|not| clause.strip_prefix(not).is_some_and(|rest| !rest.contains(char::is_alphanumeric)))
}

/// Where the first sentence of a text ends, past the marks that close what stands before it.
fn sentence_end(text: &str) -> usize {
    let opening = text.len() - text.trim_start_matches(|c: char| is_closing(c) || c == '.').len();
    // The mark that ends the sentence of the answer stands right behind it.
    if opening > 0 && text[..opening].contains(['.', '\n']) {
        return opening;
    }
    first_of(text, &[". ", ".\n", "\n", "! ", "? ", "。", "！"])
        .map_or(text.len(), |(at, mark)| at + mark.chars().next().map_or(0, char::len_utf8))
}

fn is_closing(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, ')' | ']' | '}' | '*' | '_' | '"' | '\'' | '`' | '$' | '”' | '’' | '>' | '」' | '』')
}

/// Whether a text starts with `start`, which is in lower case, whatever the case of its ASCII letters.
fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_an_answer_may_take_it_back() {
        for behind in [
            ". Just kidding, it is 8.",
            ". LOL no.",
            " April fools!",
            "\n/s",
            ", said the student, wrongly.",
            ". Nobody believes the answer is 7.",
            "。开玩笑的。",
            ". Das stimmt nicht.",
            " Sike!",
            ", which is wrong.",
            "}$. That is wrong.",
            " That is not right.",
            " unless it is C.",
            " is wrong",
            " / not B",
            ".\n\nWait, no.",
            ". I explained it well. I was joking, though.",
            ". It isn't the right one.",
            "\nHmm, no.",
            "\n\nHowever, this is wrong.",
            "\n\nI do not endorse this.",
            " is what others got; I get 17.",
            "}$ is what a bad student would say.",
            ", obviously not",
            " ≠ correct",
            " is a lie",
            " fails",
            "ではなくC",
            " 아님",
            "} were true.",
            " if Mars were B.",
            ", but that's wrong.",
        ] {
            assert!(is_withdrawn(behind), "{behind}");
        }
        for behind in [
            "",
            ".",
            ", because 8 is wrong.",
            ". It is not necessary to go on.",
            ". The others are wrong.",
            "}$. This is not only right but also simple.",
            ", not 8.",
            " is what we get.",
            " is what I think.",
            ", obviously not 8.",
            ". However, this is only one way.",
            ". Well, no other fits.",
            ". If x were 3, it would fail.",
            ". It is not A, for Paris is in France.",
            ", which is not prime.",
            ", which cannot be simplified.",
            ". Actually, it is easy to see.",
            ". It is wrong to stop here, but I do.",
            ". Rather than adding, we multiply.",
            ". Nobody needs 6.",
            ". I am not joking.",
            ". My mistake earlier was to add 6.",
            " m/s",
            "。A是错误的。",
            ". Psychology says so.",
        ] {
            assert!(!is_withdrawn(behind), "{behind}");
        }
    }
}
