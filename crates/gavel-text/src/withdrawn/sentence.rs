//! Whether a sentence takes back what stands before it: "That is wrong", "Just kidding", "Nobody believes that".

/// What a sentence calls an answer that it takes back.
const VERDICTS: [&str; 15] = [
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
    "a mistake",
    "an error",
];
/// How the next sentence starts that takes back what was said.
const OPENINGS: [&str; 42] = [
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
    "erratum",
    "errata",
    "oops",
    "whoops",
    "actually, no",
    "actually no",
    "psych",
    "sike",
    "nah",
    "jk",
    "ignore that",
    "never mind",
    "nevermind",
    "on second thought, no",
    "wrong!",
    "wrong.",
    "incorrect.",
    "incorrect!",
    "a lie",
    "as if!",
    "no!",
    "it is not.",
    "it is not!",
    "it isn't.",
    "no it is not",
    "no, it is not.",
    "or not.",
    "i was wrong",
    "i am wrong",
    "i'm wrong",
    "nonsense!",
    "in your dreams",
];

/// Whether a sentence takes back what stands before it.
pub(super) fn takes_back(sentence: &str) -> bool {
    let opens = |opening: &str| {
        sentence.strip_prefix(opening).is_some_and(|rest| {
            !opening.ends_with(char::is_alphabetic) || !rest.starts_with(char::is_alphanumeric)
        })
    };
    const DISCLAIMERS: [&str; 6] = [
        "i do not endorse",
        "i don't endorse",
        "i do not stand by",
        "i don't stand by",
        "i refuse to",
        "i reject th",
    ];
    let opened = without_opening(sentence);
    let is_no = opened.is_some_and(|rest| {
        rest.strip_prefix("no").is_some_and(|rest| !rest.contains(char::is_alphanumeric))
    });
    is_no
        || is_disbelieved(sentence)
        || is_condemned(sentence.strip_prefix("but ").or(opened).unwrap_or(sentence))
        || DISCLAIMERS.iter().any(|it| opens(it) || sentence.starts_with(it))
        || OPENINGS.iter().any(|it| opens(it))
        || is_refuted(sentence)
}

/// A sentence without the words that it may open with: `hmm, no`, `however, this is wrong`.
fn without_opening(sentence: &str) -> Option<&str> {
    const OPENING: [&str; 9] = ["hmm", "hm", "wait", "well", "oh", "uh", "however", "actually", "sorry"];
    let rest = OPENING.iter().find_map(|word| sentence.strip_prefix(word))?;
    let bare = rest.trim_start_matches([',', ' ', '.', '…', '-', '–', '—']);
    (bare.len() < rest.len()).then_some(bare)
}

/// Whether a clause says that what stands before it is not believed: `which I know to be false`, `which I do not believe`.
pub(super) fn is_disbelieved(clause: &str) -> bool {
    const STARTS: [&str; 8] = [
        "which i know to be false",
        "which i know to be wrong",
        "which i know is false",
        "which i know is wrong",
        "which i do not believe",
        "which i don't believe",
        "which nobody ",
        "which no one ",
    ];
    STARTS.iter().any(|start| clause.starts_with(start))
}

/// Whether a sentence says that nobody holds the answer to be right: "Nobody believes that", "It is false that …".
fn is_refuted(sentence: &str) -> bool {
    const STARTS: [&str; 12] = [
        "nobody ",
        "no one ",
        "only a fool ",
        "it is false that ",
        "it is not true that ",
        "it is untrue that ",
        "it is wrong that ",
        "i doubt ",
        "i don't believe ",
        "i do not believe ",
        "i don't think ",
        "i do not think ",
    ];
    const HOLDING: [&str; 4] = ["the answer is", "believes th", "thinks th", "this is right"];
    STARTS.iter().any(|start| sentence.starts_with(start))
        && (HOLDING.iter().any(|it| sentence.contains(it)) || sentence.contains("that is right"))
}

/// Whether a clause calls what stands before it wrong: "that is wrong", "it isn't the right one". It is "wrong to say"
/// something else.
pub(super) fn is_condemned(clause: &str) -> bool {
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
