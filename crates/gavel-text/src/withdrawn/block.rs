//! Whether the sentences around a block, such as fenced JSON, disown it or take it back.
//!
//! A block is no part of a sentence, so only what whole sentences say of it counts: "I refuse." above it, "This JSON is
//! wrong." below.

use super::sentence::takes_back;
use super::{BEHIND, next_sentence, sentence_end};
use crate::{end_of, jokes, labels, languages, sentence_before, start_of, tail, verdict};

/// What a block is called.
const NOUNS: [&str; 16] = [
    "following",
    "json",
    "object",
    "output",
    "answer",
    "response",
    "document",
    "block",
    "code",
    "data",
    "result",
    "schema",
    "example",
    "reply",
    "attempt",
    "one",
];
/// What is no block that somebody stands by.
const FALSE: [&str; 18] = [
    "wrong",
    "incorrect",
    "invalid",
    "fake",
    "false",
    "bogus",
    "bad",
    "junk",
    "nonsense",
    "garbage",
    "made up",
    "made-up",
    "not right",
    "not correct",
    "not valid",
    "not true",
    "not the answer",
    "not my answer",
];

/// Whether the sentence above a block says that it is none to stand by: "I refuse to answer.", "An invalid JSON would be:".
pub fn is_block_disowned(before: &str) -> bool {
    let said = before.trim_end_matches(|c: char| !c.is_alphanumeric());
    let sentence = lowered(sentence_before(end_of(said, BEHIND)));
    let sentence = sentence.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_qualified = FALSE.iter().any(|quality| {
        sentence.match_indices(quality).any(|(at, _)| {
            let next =
                sentence[at + quality.len()..].trim_start().split(|c: char| !c.is_alphanumeric()).next();
            let names_it = next.is_some_and(|noun| NOUNS.contains(&noun)) || quality.contains("answer");
            names_it && !sentence[..at].ends_with(char::is_alphanumeric)
        })
    });
    let bare = verdict::without_leads(sentence);
    is_qualified
        || refuses(bare)
        || condemns_block(sentence)
        || dismisses(sentence)
        || verdict::dismisses(bare.trim_end_matches(|c: char| !c.is_alphanumeric()))
        || labels::is_labelled_none(before)
        || languages::condemns(sentence)
        || languages::refuses(sentence)
        || refuses_before(before)
}

/// Whether one of the few sentences before refuses: `I cannot do this; below is junk.`, `There is no answer.`
fn refuses_before(before: &str) -> bool {
    let near = lowered(end_of(before, BEHIND));
    near.split(['.', '!', '\n', ';', '。']).any(|sentence| {
        let said = verdict::without_leads(sentence);
        refuses(said) || languages::refuses(said) || has_none(said)
    })
}

/// Whether a sentence says that there is no answer to give.
fn has_none(sentence: &str) -> bool {
    const STARTS: [&str; 6] =
        ["there is no ", "there's no ", "i have no ", "we have no ", "i don't have an ", "i do not have an "];
    const NONE: [&str; 4] = ["answer", "solution", "idea", "clue"];
    let said = STARTS.iter().find_map(|start| sentence.strip_prefix(start));
    said.is_some_and(|said| NONE.contains(&said.trim_end_matches(|c: char| !c.is_alphanumeric())))
}

/// Whether a sentence asks not to take a block for anything: "Please ignore this", "Do not use this", "I made it up".
fn dismisses(sentence: &str) -> bool {
    const STARTS: [&str; 8] = [
        "ignore ",
        "please ignore ",
        "disregard ",
        "please disregard ",
        "do not use ",
        "don't use ",
        "i made ",
        "none of ",
    ];
    const MEANT: [&str; 7] = ["this", "that", "it", "the above", "the json", "the following", "the object"];
    const ENDS: [&str; 5] = ["", " up", " is true", " is right", " is correct"];
    let said = STARTS.iter().find_map(|start| Some((start, sentence.strip_prefix(start)?)));
    let said = said.map(|(start, said)| (start, said.trim_end_matches(|c: char| !c.is_alphanumeric())));
    said.is_some_and(|(start, said)| {
        MEANT.iter().any(|it| said.strip_prefix(it).is_some_and(|end| ENDS.contains(&end)))
            && (!start.starts_with("i made") || said.ends_with(" up"))
    })
}

/// Whether a sentence refuses to answer, and says no more than that.
fn refuses(sentence: &str) -> bool {
    const REFUSALS: [&str; 11] = [
        "i give up",
        "i quit",
        "i refuse",
        "i decline",
        "i won't answer",
        "i will not answer",
        "i cannot answer",
        "i can't answer",
        "i do not stand by",
        "i don't stand by",
        "i have no answer",
    ];
    // `I cannot verify the age, so it is null` refuses nothing.
    const WILL_NOT: [&str; 8] = [
        "i won't",
        "i will not",
        "i cannot",
        "i can't",
        "i am unable to",
        "i'm unable to",
        "i am not able to",
        "i could not",
    ];
    const DO: [&str; 11] = [
        "do this",
        "do that",
        "do it",
        "help",
        "comply",
        "assist",
        "provide this",
        "provide that",
        "solve this",
        "solve it",
        "continue",
    ];
    let left = WILL_NOT.iter().find_map(|start| sentence.strip_prefix(start)).map(str::trim);
    let declines = left.is_some_and(|left| {
        let left = left.trim_end_matches(|c: char| !c.is_alphanumeric());
        left.is_empty()
            || DO
                .iter()
                .any(|verb| left.starts_with(verb) && left.split(' ').count() <= verb.split(' ').count() + 3)
    });
    declines || REFUSALS.iter().any(|refusal| sentence.starts_with(refusal))
}

/// Whether the sentences below a block take it back: "This JSON is wrong.", "Just kidding.", "The object above is invalid."
pub fn is_block_withdrawn(behind: &str) -> bool {
    if tail::mocks(start_of(behind, BEHIND)) {
        return true;
    }
    if !start_of(behind, BEHIND).contains(char::is_alphanumeric) {
        return false;
    }
    let near = lowered(start_of(behind, BEHIND));
    let near = near.trim_start_matches(|c: char| !c.is_alphanumeric());
    let next = next_sentence(near).trim_start_matches(|c: char| !c.is_alphanumeric());
    jokes::calls_it_a_joke(behind)
        || [&near[..sentence_end(near)], next].into_iter().any(|sentence| {
            condemns_block(sentence)
                || takes_back(sentence)
                || refuses(sentence)
                || dismisses(sentence)
                || verdict::dismisses(verdict::without_leads(sentence))
                || verdict::is_verdict_alone(sentence)
                || is_no_example(sentence)
                || tail::is_taken_back(verdict::without_leads(sentence))
                || languages::refuses(sentence)
                || languages::is_withdrawn(sentence)
        })
}

/// Whether a sentence says that the block is how not to do it: `is an example of what you should NOT send`.
fn is_no_example(sentence: &str) -> bool {
    const HOW_NOT: [&str; 5] =
        ["what you should not", "what not to", "how not to", "what you must not", "what one should not"];
    verdict::behind_subject(sentence).is_some() && HOW_NOT.iter().any(|it| sentence.contains(it))
}

/// Whether a sentence calls the block beside it false: "the json above is wrong", "all of this is made up".
fn condemns_block(sentence: &str) -> bool {
    const SUBJECTS: [&str; 7] = ["this ", "that ", "the ", "my ", "it ", "all of this ", "everything above "];
    const VERBS: [(&str, &str); 6] = [
        (" is not ", "not "),
        (" isn't ", "not "),
        (" was not ", "not "),
        (" wasn't ", "not "),
        (" is ", ""),
        (" was ", ""),
    ];
    let Some(said) = SUBJECTS.iter().find_map(|subject| sentence.strip_prefix(subject.trim_end())) else {
        return false;
    };
    VERBS.iter().any(|(verb, no)| {
        let Some((subject, verdict)) = said.split_once(verb) else { return false };
        let names_it = subject.split_whitespace().all(|word| NOUNS.contains(&word) || word == "above");
        let verdict = format!("{no}{}", verdict.strip_prefix("all ").unwrap_or(verdict));
        names_it
            && FALSE.iter().any(|quality| {
                // `is not valid for minors` says something of the data.
                verdict.strip_prefix(quality).is_some_and(|rest| {
                    rest.trim_start().is_empty()
                        || rest.starts_with(|c: char| c != ' ' && !c.is_alphanumeric())
                })
            })
    })
}

/// In lower case, with a plain apostrophe.
fn lowered(text: &str) -> String {
    text.to_ascii_lowercase().replace('’', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_below_a_block_may_take_it_back() {
        for behind in [
            "\nThis JSON is wrong.",
            "\n\nThe object above is invalid!",
            "\nThat isn't valid.",
            "\nJust kidding.",
            "\nAll of this is made up.",
            "\nI do not stand by this.",
            "\nMy output is garbage",
            "\nHere you go. This JSON is wrong.",
            "\nWait, no.",
            "\nDas ist falsch.",
            "\nPlease ignore this.",
            "\nNone of this is true.",
            "\nI made this up.",
        ] {
            assert!(is_block_withdrawn(behind), "{behind}");
        }
        for behind in [
            "",
            "\n",
            "\nThe `age` field is optional, unless the person is a minor.",
            "\nThis JSON is valid under the schema.",
            "\nThe object is not valid for minors.",
            "\nThis is wrong to assume in general, but here it holds.",
            "\nIf the name is wrong, tell me.",
            "\nThe result is not empty.",
            "\nI made it as short as I could.",
            "\nDo not use this key twice.",
            "\nLet me know if anything is incorrect.",
        ] {
            assert!(!is_block_withdrawn(behind), "{behind}");
        }
    }

    #[test]
    fn what_is_said_above_a_block_may_disown_it() {
        for before in [
            "I refuse.\n",
            "I refuse to answer this.\n\n",
            "Here is an invalid JSON:\n",
            "This is not the answer:\n",
            "A wrong answer would be\n",
            "The following is wrong:\n",
            "Do not use this:\n",
        ] {
            assert!(is_block_disowned(before), "{before}");
        }
        for before in [
            "",
            "Here is the JSON:\n",
            "Correction:\n",
            "The earlier one was wrong. Here is the JSON:\n",
            "Invalid fields are left out:\n",
            "Wait, no. The corrected object:\n",
        ] {
            assert!(!is_block_disowned(before), "{before}");
        }
    }
}
