//! Whether the words behind an answer withdraw it: denials, corrections, jokes.
//!
//! A plugin finds where an answer stands and asks here about what follows it.

use crate::{first_of, start_of};

/// How much is looked at behind an answer, in bytes.
const BEHIND: usize = 200;
/// How far behind an answer it may be called a joke, in bytes.
const FARTHEST: usize = 2_000;

/// Whether what stands right behind an answer takes it back: "is wrong", "ではない", "değil".
pub fn is_denied_behind(rest: &str) -> bool {
    const DENIALS: [&str; 46] = [
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

/// What a sentence calls an answer that it takes back.
const VERDICTS: [&str; 13] = [
    "wrong",
    "incorrect",
    "not right",
    "not correct",
    "not true",
    "not the answer",
    "not the right",
    "not the correct",
    "not my answer",
    "a lie",
    "a joke",
    "a trick",
    "nonsense",
];
/// What takes back all that was said, wherever it stands.
const JOKES: [&str; 18] = [
    "kidding",
    "joking",
    "scratch that",
    "strike that",
    "take that back",
    "take it back",
    "i lied",
    "i was lying",
    "ignore that answer",
    "ignore the above",
    "ignore my answer",
    "disregard that",
    "disregard the above",
    "disregard my",
    "forget that answer",
    "i made that up",
    "the above is wrong",
    "my answer is wrong",
];
/// How the next sentence starts that takes back what was said.
const OPENINGS: [&str; 13] = [
    "no wait",
    "no, wait",
    "wait, no",
    "wait no",
    "no, the answer",
    "not really",
    "not!",
    "not.",
    "nope",
    "correction",
    "oops",
    "actually, no",
    "actually no",
];
/// How the next sentence starts that names another answer, behind which that one stands.
const RENAMINGS: [&str; 10] = [
    "actually, it is",
    "actually it is",
    "actually, it's",
    "actually, i mean",
    "no, it is",
    "no, it's",
    "sorry, it is",
    "sorry, it's",
    "sorry, i mean",
    "i mean",
];

/// Whether what follows an answer takes it back, in its sentence or in the next: "which is wrong", "unless it is 8",
/// "Just kidding", "That is not right", "Actually, it is 8".
pub fn is_withdrawn(behind: &str) -> bool {
    const IN_SENTENCE: [&str; 7] =
        ["(wrong", "(incorrect", ", unless ", " unless it", " unless the answer", "/ not ", " not!"];
    if calls_it_a_joke(start_of(behind, FARTHEST)) {
        return true;
    }
    // An apostrophe of typographers has three bytes.
    let lowered = start_of(behind, 4 * BEHIND).to_ascii_lowercase().replace('’', "'");
    let near = start_of(&lowered, BEHIND);
    let (sentence, next) = near.split_at(sentence_end(near));
    let next = next.trim_start_matches(|c: char| !c.is_alphanumeric());
    let clauses = ["which ", "but it ", "but that ", "but this ", "but it'", "but that'"];
    let in_clause = first_of(sentence, &clauses).is_some()
        && clauses.iter().any(|clause| {
            // Right behind the answer, or behind a few words about it.
            sentence.find(clause).is_some_and(|at| is_condemned(sentence[at..].trim_start_matches("but ")))
        });
    in_clause
        || first_of(sentence, &IN_SENTENCE).is_some()
        || sentence.trim_end_matches(['.', ' ', '\n']).ends_with(" or not")
        || is_denied_behind(sentence)
        || takes_back(next)
        // Behind a box or a tag, a sentence may start without a full stop before it.
        || takes_back(sentence.trim_start_matches(|c: char| !c.is_alphanumeric()))
}

/// Whether one of the [`JOKES`] stands in a text, in whatever case. The text may be long and is gone through once.
fn calls_it_a_joke(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts = |at: usize, joke: &str| {
        bytes.get(at..at + joke.len()).is_some_and(|found| found.eq_ignore_ascii_case(joke.as_bytes()))
    };
    // Of "i lied" and the like, the second letter is telling.
    let may_start = |pair: &[u8]| {
        matches!(
            (pair[0] | 0x20, pair[1] | 0x20),
            (b'k', b'i')
                | (b'j' | b'f', b'o')
                | (b's', b'c' | b't')
                | (b't', b'a' | b'h')
                | (b'i', b' ' | b'g')
                | (b'd', b'i')
                | (b'm', b'y')
        )
    };
    let places = bytes.windows(2).enumerate().filter(|(_, pair)| may_start(pair));
    places.map(|(at, _)| at).any(|at| JOKES.iter().any(|joke| starts(at, joke)))
}

/// Whether a sentence takes back what stands before it.
fn takes_back(sentence: &str) -> bool {
    is_condemned(sentence)
        || OPENINGS.iter().any(|it| sentence.starts_with(it))
        || RENAMINGS.iter().any(|it| sentence.strip_prefix(it).is_some_and(names_a_value))
}

/// Whether a clause calls what stands before it wrong: "that is wrong", "it isn't the right one". It is "wrong to say"
/// something else.
fn is_condemned(clause: &str) -> bool {
    const SUBJECTS: [&str; 6] = ["that", "this", "it", "which", "this answer", "that answer"];
    const VERBS: [(&str, &str); 7] = [
        (" isn't ", "not "),
        (" wasn't ", "not "),
        (" is ", ""),
        (" was ", ""),
        ("'s ", ""),
        (" can't be ", "not "),
        (" cannot be ", "not "),
    ];
    let verdict = SUBJECTS.iter().filter_map(|subject| clause.strip_prefix(subject)).find_map(|rest| {
        VERBS.iter().find_map(|(verb, no)| Some(format!("{no}{}", rest.strip_prefix(verb)?)))
    });
    verdict.is_some_and(|verdict| {
        VERDICTS.iter().any(|word| {
            verdict.strip_prefix(word).is_some_and(|rest| {
                !rest.starts_with(char::is_alphanumeric)
                    && !rest.starts_with(" to ")
                    && !rest.starts_with(" that ")
            })
        })
    })
}

/// Whether a text starts with a number, a formula or a single letter.
fn names_a_value(text: &str) -> bool {
    let text = text.trim_start_matches([' ', ':', '*', '(']);
    let mut characters = text.chars();
    match characters.next() {
        Some(c) if c.is_ascii_digit() || matches!(c, '$' | '\\' | '-') => true,
        Some(c) if c.is_alphabetic() => characters.next().is_none_or(|next| !next.is_alphanumeric()),
        _ => false,
    }
}

/// Where the first sentence of a text ends, past the marks that close what stands before it.
fn sentence_end(text: &str) -> usize {
    let opening = text.len() - text.trim_start_matches(|c: char| is_closing(c) || c == '.').len();
    // The mark that ends the sentence of the answer stands right behind it.
    if opening > 0 && text[..opening].contains(['.', '\n']) {
        return opening;
    }
    first_of(text, &[". ", ".\n", "\n", "! ", "? "]).map_or(text.len(), |(at, _)| at + 1)
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
            ", which is wrong.",
            "}$. That is wrong.",
            " That is not right.",
            " unless it is C.",
            " is wrong",
            " / not B",
            ".\n\nWait, no.",
            ". I explained it well. I was joking, though.",
            ". Actually, it is 8.",
            ". It isn't the right one.",
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
            ". It is not A, for Paris is in France.",
            ", which is not prime.",
            ", which cannot be simplified.",
            ". Actually, it is easy to see.",
            ". It is wrong to stop here, but I do.",
        ] {
            assert!(!is_withdrawn(behind), "{behind}");
        }
    }
}
