//! Answers that a sentence states: "the answer is …", "final answer: …", "so 5 is the answer", in several languages.

use gavel_text::{end_of, end_of_last, find_short, has_short, rfind_short, sentence_before};

use super::clause::{clause, focus, is_hedged, strip_lead};
use super::last::rfind;

/// How much may stand between "answer" and its verb, in bytes.
const FARTHEST_VERB: usize = 60;
/// How long a clause may be, in bytes.
const LONGEST_CLAUSE: usize = 600;
/// How far from the end statements in other languages are looked for, in bytes.
const FARTHEST_FOREIGN: usize = 20_000;
/// How much of a last line is looked at, in bytes.
const LONGEST_LINE: usize = 2_000;
/// How many times the word "answer" is looked behind, from the end.
const MOST_CANDIDATES: usize = 200;

/// What stands in the last "final answer is …. I hope it is correct".
pub(super) fn final_answer(text: &str) -> Option<&str> {
    let (end, _) = rfind(text, b'I', &["I hope it is correct", "I hope this is correct"])?;
    let before = &text[..end];
    let (at, phrase) = rfind(before, b'f', &["final answer is"])?;
    let found = before[at + phrase.len()..].trim().trim_start_matches(':');
    (found.len() <= LONGEST_CLAUSE).then_some(found)
}

/// What the last such phrase states, to the end of its clause.
pub(super) fn phrase(text: &str) -> Option<&str> {
    // Few letters are as rare as the `w` of "answer".
    let letters = memchr::memrchr2_iter(b'w', b'W', text.as_bytes());
    let words = letters.filter_map(|at| {
        let start = at.checked_sub("ans".len())?;
        let word = text.get(start..at + "wer".len())?;
        let is_word = word.eq_ignore_ascii_case("answer") && !text[..start].ends_with(['<', '/']);
        is_word.then_some((start, at + "wer".len()))
    });
    words
        .take(MOST_CANDIDATES)
        .find_map(|(start, end)| stated(&text[..start], &text[end..]))
        .or_else(|| chosen(text))
        .or_else(|| abbreviated(text))
        .or_else(|| foreign(text))
        .or_else(|| concluded(text))
        .filter(|found| !found.is_empty())
}

/// What a sentence with "answer" states, that has `before` before the word and `rest` behind it.
fn stated<'a>(before: &'a str, rest: &'a str) -> Option<&'a str> {
    if is_supposed(before) {
        return None;
    }
    let is_named = is_the_answer(before).filter(|_| !continues(rest));
    if let Some(named) = is_named.and_then(subject) {
        return Some(named);
    }
    let stated = behind_verb(before, rest).or_else(|| behind_heading(before, rest))?;
    checked(stated)
}

/// The clause that starts a text, cut down to the answer in it; empty where the clause takes an answer back.
fn checked(stated: &str) -> Option<&str> {
    let clause = clause(strip_lead(stated));
    // A box that is not closed was cut off.
    let cut = rfind_short(clause, "\\boxed{")
        .is_some_and(|at| gavel_text::braced(&clause[at + 6..], LONGEST_CLAUSE).is_none());
    (!cut && !super::bare(clause).is_empty()).then(|| without_exclamation(focus(clause)))
}

/// `Paris!` exclaims. Behind a digit, `!` may be a factorial and `!!` a double one, so they stay.
fn without_exclamation(clause: &str) -> &str {
    let bare = clause.trim_end_matches('!');
    if bare.ends_with(|c: char| c.is_ascii_digit()) || clause.contains(['$', '\\']) { clause } else { bare }
}

/// Whether what stands before "answer" only supposes one: `if the answer`, `suppose that our final answer`.
fn is_supposed(before: &str) -> bool {
    const DENIED: [&str; 15] = [
        "wrong",
        "incorrect",
        "false",
        "possible",
        "intermediate",
        "not",
        "student's",
        "no",
        "previous",
        "fake",
        "trap",
        "decoy",
        "old",
        "other",
        "mistaken",
    ];
    const SUPPOSED: [&str; 9] =
        ["if", "suppose", "supposing", "assume", "assuming", "whether", "unless", "doubt", "say"];
    const BETWEEN: [&str; 8] = ["the", "our", "my", "final", "correct", "that", "an", "this"];
    let sentence = sentence_before(before);
    for word in sentence.rsplit([' ', '*', '_', ',', '{', '(']).filter(|word| !word.is_empty()) {
        let is = |it: &&str| it.eq_ignore_ascii_case(word);
        if DENIED.iter().chain(&SUPPOSED).any(is) {
            return true;
        }
        if !BETWEEN.iter().any(is) {
            return false;
        }
    }
    false
}

/// What stands before "is the answer", "is our final answer".
fn is_the_answer(before: &str) -> Option<&str> {
    let mut sentence = sentence_before(before).trim_end();
    for word in ["final", "correct", "required", "desired"] {
        sentence = sentence.strip_suffix(word).map_or(sentence, str::trim_end);
    }
    ["is the", "is our", "is my"]
        .iter()
        .find_map(|it| sentence.strip_suffix(it))
        .filter(|it| it.ends_with(' '))
}

/// Whether a sentence goes on with another statement: `is the answer: 5`, `is the answer to … is 5`.
fn continues(rest: &str) -> bool {
    rest.starts_with([':', '?']) || rest.starts_with(" is ")
}

/// What a short sentence without another verb is about: `So 6`, `Hence, (D)`, `x = 6`.
fn subject(sentence: &str) -> Option<&str> {
    let subject = strip_lead(sentence.trim_start_matches(['*', '#', '>', '-', ' ']));
    let subject = subject.strip_prefix("answer choice ").unwrap_or(subject).trim();
    let prose = subject
        .split_whitespace()
        .filter(|word| word.len() > 2 && word.bytes().all(|it| it.is_ascii_alphabetic()))
        .count();
    let letter = subject.trim_matches(['(', ')', '*', '.', '$']);
    let is_answer = subject.contains(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\'))
        || letter.len() == 1 && letter.bytes().all(|it| it.is_ascii_uppercase());
    (is_answer && prose <= 2 && !is_hedged(subject)).then_some(subject)
}

/// What the last line of a text concludes: "So we get 6", "Hence, we obtain: \(x = 3\)".
fn concluded(text: &str) -> Option<&str> {
    const VERBS: [&str; 6] =
        ["we get", "we obtain", "we find", "we conclude that", "this gives", "we are left with"];
    const LEADS: [&str; 10] =
        ["So", "so", "Thus", "thus", "Hence", "hence", "Therefore", "therefore", "Finally", "finally"];
    let last = end_of(text.trim_end().rsplit('\n').next()?, LONGEST_LINE);
    let end = end_of_last(last, &VERBS)?;
    let verb = VERBS.iter().find(|verb| last[..end].ends_with(**verb))?;
    let at = end - verb.len();
    let lead = last[..at].trim_end().trim_end_matches(',').rsplit(' ').next()?;
    let rest = last[at + verb.len()..].trim_start_matches([':', ' ']);
    let rest = ["that ", "us "].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    // A second clause would be about something else.
    let is_one = ![". ", ", so ", " which "].iter().any(|it| has_short(rest, it));
    (LEADS.contains(&lead) && is_one).then(|| subject(rest)).flatten()
}

/// "The correct option is B", "option D is correct".
fn chosen(text: &str) -> Option<&str> {
    let behind = rfind(
        text,
        b'c',
        &["correct option is", "correct choice is", "correct option:", "correct choice:", "correct one is"],
    );
    if let Some((at, phrase)) = behind {
        let stated = text[at + phrase.len()..].trim_start_matches([':', '*', ' ', '\n']);
        return checked(stated);
    }
    let (at, _) = rfind(text, b'i', &["is correct", "is the correct", "is the right"])?;
    let before = sentence_before(&text[..at]).trim_end();
    let letter = before.rsplit([' ', '*']).find(|word| !word.is_empty())?;
    let name = before[..before.rfind(letter)?].trim_end_matches(['*', ' ', '(']);
    let is_named = ["option", "Option", "choice", "Choice"].iter().any(|it| name.ends_with(it))
        || text[at..].starts_with("is the ");
    let bare = letter.trim_matches(['(', ')', '$']);
    (is_named && bare.len() == 1 && bare.bytes().all(|it| it.is_ascii_uppercase())).then_some(letter)
}

/// "Ans: 5", "Ans. 5", and "the final result is 5".
fn abbreviated(text: &str) -> Option<&str> {
    let behind = |first, phrases: &[&str]| {
        let (at, phrase) = rfind(text, first, phrases)?;
        Some(text[at + phrase.len()..].trim_start_matches([':', '*', ' ', '$']).len())
    };
    let at = [
        behind(b'A', &["Ans:", "Ans. ", "Ans.:", "ANS:", "Ans =", "Ans :"]),
        behind(b'f', &["final result is", "final result:", "final value is"]),
        behind(b'F', &["Final result:", "Final Result:", "Final result is"]),
    ];
    let left = at.into_iter().flatten().min().or_else(|| last_result(text))?;
    checked(&text[text.len() - left..])
}

/// How much is left behind "result is" in the last line; further up it is a step.
fn last_result(text: &str) -> Option<usize> {
    let last = end_of(text.trim_end().rsplit('\n').next()?, LONGEST_LINE);
    let (at, phrase) = rfind(last, b'r', &["result is", "result:"])?;
    let blank = text.len() - text.trim_end().len();
    Some(blank + last.len() - at - phrase.len())
}

/// How answers are introduced in other languages: the noun, and the verbs that may follow it.
const FOREIGN: [(&str, &[&str]); 17] = [
    ("答案", &["是", "为", "應為", "应为", "应该是", "等于", "：", ":", "選", "选"]),
    ("故选", &["：", ":", ""]),
    ("答：", &[""]),
    ("答え", &["は", "：", ":", "が"]),
    ("解答", &["は", "：", ":"]),
    ("정답", &["은", ":"]),
    ("답", &["은", ":"]),
    ("ntwort", &["ist", "lautet", ":"]),
    ("rgebnis", &["ist", "lautet", "beträgt", ":"]),
    ("éponse", &["est", ":"]),
    ("espuesta", &["es", ":"]),
    ("esposta", &["é", ":"]),
    ("isposta", &["è", ":"]),
    ("твет", &["равен", "—", "-", ":", "это"]),
    ("dpowiedź", &["to", "brzmi", ":"]),
    ("ntwoord", &["is", ":"]),
    ("đáp án", &["là", ":"]),
];

/// Whether one of the nouns that are ASCII may stand in a text.
fn mentions_foreign(text: &str) -> bool {
    const PARTS: [&str; 4] = ["wort", "woord", "bnis", "pues"];
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b'w', b'b', b'p', bytes).any(|at| {
        bytes[at..].starts_with(b"posta") || PARTS.iter().any(|part| bytes[at..].starts_with(part.as_bytes()))
    })
}

/// "La réponse est …", "Antwort: …", "答案是…".
fn foreign(text: &str) -> Option<&str> {
    const FINAL: [&str; 8] =
        ["finale", "final", "correcta", "correcte", "correta", "corretta", "exacte", "exacta"];
    let mut start = text.len().saturating_sub(FARTHEST_FOREIGN);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let text = &text[start..];
    let is_ascii = text.is_ascii();
    if is_ascii && !mentions_foreign(text) {
        return None;
    }
    FOREIGN
        .iter()
        .filter(|(noun, _)| noun.is_ascii() || !is_ascii)
        .filter_map(|(noun, verbs)| {
            let at = rfind_short(text, noun)? + noun.len();
            let mut rest = text[at..].trim_start_matches(['*', ' ', '\u{a0}', '_']);
            for word in FINAL {
                rest = rest.strip_prefix(word).map_or(rest, str::trim_start);
            }
            let stated = verbs.iter().find_map(|verb| rest.strip_prefix(verb))?;
            let stated = stated.trim_start_matches(['：', ':', '*', ' ', '\u{a0}', '\n', '_']);
            let found = checked(stated)?;
            Some((at, found))
        })
        .max_by_key(|(at, _)| *at)
        .map(|(_, found)| found)
}

/// What stands behind the verb of "answer": `is`, `:`, `=`, `would be`.
fn behind_verb<'a>(before: &str, rest: &'a str) -> Option<&'a str> {
    const VERBS: [&str; 21] = [
        ":",
        " is",
        " =",
        " are",
        " would be",
        " must be",
        " will be",
        " should be",
        "**is",
        " IS",
        " ->",
        " →",
        " –",
        " -",
        " as",
        " of",
        " comes to",
        " becomes",
        " would then be",
        " comes out to be",
        " turns out to be",
    ];
    let mut end = rest.len().min(FARTHEST_VERB);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    // A new sentence has another subject.
    let reach = &rest[..end];
    let reach = reach.find(['\n', '.', '?', '!', ';']).map_or(reach, |end| &reach[..end]);
    let (at, verb) = VERBS
        .into_iter()
        .filter_map(|verb| Some((find_word(reach, verb)?, verb)))
        .min_by_key(|(at, _)| *at)?;
    // `answer: 5` and `answer (in cm): 5`, but not `express the answer as a percentage: 2 of 8`.
    let between = reach[..at].trim_matches(['*', ' ', '_', '"', '\'', '}']);
    let is_sign = !verb.ends_with(|c: char| c.is_alphabetic());
    let is_direct = between.is_empty() || between.starts_with('(') && between.ends_with(')');
    let is_obtained = match verb {
        " as" => is_direct && is_obtained(before),
        " of" => {
            is_direct
                && ["an", "a", "final"].iter().any(|it| before.trim_end().ends_with(it))
                && is_value(&rest[at + verb.len()..])
        }
        _ => !is_sign || is_direct,
    };
    if !is_obtained {
        return None;
    }
    let stated = &rest[at + verb.len()..];
    // `**Answer:** 42`, `the answer is: 42`, and a formula that starts on the next line.
    let stated = stated.trim_start_matches([':', '*', ' ', '_', '\t', '}', '>', '"', '：', '→', '⇒']);
    let next_line =
        verb == ":" || rest[at + verb.len()..].starts_with([':', '*']) || stated.starts_with("\n");
    Some(if next_line { stated.trim_start_matches([':', '*', ' ', '\n', '\r', '_', '>']) } else { stated })
}

/// Whether a sentence says that one has the answer: `we get the final answer as 6`, not `give the answer as a fraction`.
fn is_obtained(before: &str) -> bool {
    const VERBS: [&str; 7] = ["get", "gets", "obtain", "got", "have", "found", "find"];
    sentence_before(before).split_whitespace().any(|word| VERBS.contains(&word))
}

/// Whether a text starts as a number or a formula does, behind white space and emphasis.
fn is_value(text: &str) -> bool {
    text.trim_start_matches([' ', '*', '-', '−'])
        .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\'))
}

/// Where `verb` stands as a word.
fn find_word(text: &str, verb: &str) -> Option<usize> {
    // Where one is no word, the next one starts behind it.
    let mut from = 0;
    let places = std::iter::from_fn(|| {
        let at = from + find_short(&text[from..], verb)?;
        from = at + verb.len();
        Some(at)
    });
    places.into_iter().find(|at| {
        let behind = text[at + verb.len()..].chars().next();
        !verb.ends_with(|c: char| c.is_alphabetic()) || behind.is_none_or(|c| !c.is_alphabetic())
    })
}

/// What stands in the line below `**Final Answer**`, `## Answer`.
fn behind_heading<'a>(before: &str, rest: &'a str) -> Option<&'a str> {
    let line = sentence_before(before);
    let title = line.trim_matches(|c: char| !c.is_alphabetic());
    let is_heading =
        ["", "final", "the", "correct", "the final"].iter().any(|it| title.eq_ignore_ascii_case(it));
    let rest = rest.trim_start_matches(['*', ' ', '#', '_', '.', '}']);
    (is_heading && rest.starts_with(['\n', '\r'])).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(text: &str) -> Option<&str> {
        phrase(text).map(super::super::bare)
    }

    #[test]
    fn a_statement_is_found_in_its_usual_forms() {
        for text in [
            "The answer is 6.",
            "We get the final answer as 6.",
            "giving a final answer of 6.",
            "So 6 is the answer.",
            "## Answer\n6",
            "Ans. 6",
            "The final result is 6.",
            "答案是6。",
            "La réponse est donc 6.",
            "Das richtige Ergebnis ist 6.",
        ] {
            assert_eq!(stated(text), Some("6"), "{text}");
        }
        assert_eq!(stated("Hence, option D is correct."), Some("D"));
    }

    #[test]
    fn what_states_nothing_is_no_answer() {
        for text in [
            "If the answer is 6, then",
            "The answer is at least 6.",
            "The answer is greater than or equal to 6.",
            "Give the answer as 6 digits.",
            "What is the answer?",
            "6 is not the answer.",
            r"The answer is $\boxed{6",
        ] {
            assert_eq!(stated(text), None, "{text}");
        }
    }
}
