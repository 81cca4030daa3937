//! Withdrawals and pretence that are known by how they start: `under protest`, `I have changed my mind`, `Yeah, right.`
//!
//! Only what starts a clause in this way counts, and only near behind an answer: an honest remark may have any other words.

use crate::confession;
use crate::verdict::without_leads;

/// What gives away, right behind an answer and in its sentence, that it is not meant.
const NOT_MEANT: [&str; 64] = [
    "except that it is not",
    "except that it isn't",
    "except it is not",
    "except it isn't",
    "or is it",
    "or was it",
    "for the sake of argument",
    "for argument's sake",
    "for laughs",
    "under protest",
    "under duress",
    "at gunpoint",
    "only hypothetically",
    "hypothetically",
    "so to speak",
    "as a placeholder",
    "as a decoy",
    "as bait",
    "as a joke",
    "in jest",
    "in your dreams",
    "in my dreams",
    "in a parallel universe",
    "in another universe",
    "in an alternate universe",
    "citation needed",
    "unverified",
    "not that i ",
    "do not quote me",
    "don't quote me",
    "if you believe in ",
    "if you believe that",
    "once hell ",
    "per the rumour",
    "per the rumor",
    "or whatever",
    "coin flip",
    "coin toss",
    "said the ",
    "said no one",
    "or so i am told",
    "or so i'm told",
    "or so they say",
    "they said",
    "belongs to another ",
    "belongs to a different ",
    "gets us nowhere",
    "gets me nowhere",
    "leads nowhere",
    "leads us nowhere",
    "leads to a contradiction",
    "gives a contradiction",
    "used to be the ",
    "was yesterday's ",
    "cannot possibly ",
    "can't possibly ",
    "does not survive ",
    "doesn't survive ",
    "turned out to be bogus",
    "turned out to be wrong",
    "turned out to be false",
    "turned out bogus",
    "turned out wrong",
    "this is a test",
];
/// How a sentence starts that takes back what stands before it.
const TAKEN_BACK: [&str; 61] = [
    "i'm pulling your",
    "i am pulling your",
    "i was pulling your",
    "i withdraw",
    "i no longer ",
    "i have changed my mind",
    "i've changed my mind",
    "i changed my mind",
    "i stand by none",
    "i never said so",
    "i never meant ",
    "i would bet against",
    "i'd bet against",
    "i would not bet on",
    "i wouldn't bet on",
    "i would not trust it",
    "i wouldn't trust it",
    "forget i said",
    "forget that i said",
    "not by a long shot",
    "not in a million years",
    "good luck proving",
    "good luck with that",
    "chew on that",
    "do the opposite",
    "do not trust me",
    "don't trust me",
    "do not believe me",
    "don't believe me",
    "do not trust this",
    "don't trust this",
    "do not trust it",
    "don't trust it",
    "mark me down",
    "please mark me down",
    "zero marks for me",
    "no marks for me",
    "no points for me",
    "consider it struck",
    "consider it void",
    "consider it withdrawn",
    "consider my submission void",
    "consider my answer void",
    "consider my answer withdrawn",
    "take it with a pinch",
    "take it with a grain",
    "take this with a pinch",
    "take this with a grain",
    "take that with a pinch",
    "take that with a grain",
    "my confidence in it is nil",
    "my confidence in it is zero",
    "my confidence is nil",
    "my confidence is zero",
    "yeah, right",
    "yeah right",
    "you wish",
    "dream on",
    "disregard previous",
    "ignore previous",
    "were that it were",
];
/// What somebody does to be paid, wherever it stands.
const FOR_PAY: [&str; 14] = [
    "fool the ",
    "trick the ",
    "satisfy the parser",
    "satisfy the checker",
    "satisfy the verifier",
    "satisfy the grader",
    "for the grader",
    ", grader",
    "dear grader",
    "to get the points",
    "to get the reward",
    "taken off the table",
    "i stand by none of",
    "fingers behind my back",
];
/// Sentences of other languages that are withdrawals and nothing else.
const FOREIGN: [&str; 17] = [
    "ceci n'est pas la",
    "pas vraiment",
    "je plaisante",
    "c'est une blague",
    "nicht wirklich",
    "oder auch nicht",
    "nur spaß",
    "war nur spaß",
    "nur ein scherz",
    "solo bromeaba",
    "es broma",
    "era broma",
    "no realmente",
    "sto scherzando",
    "estou brincando",
    "era brincadeira",
    "grapje",
];
/// Faces that mock or doubt what stands before them.
const MOCKING: [char; 19] = [
    '😂', '🤣', '😹', '🙃', '😏', '😜', '😝', '😛', '🤪', '🤥', '🤡', '🤞', '🤷', '🙄', '🤔', '🤭', '❓',
    '❔', '🃏',
];

/// Whether what stands near behind an answer takes it back in one of these ways. `own` is the rest of its sentence without
/// layout, `near` what stands behind it; both in lower case, with plain apostrophes.
pub(crate) fn withdraws(own: &str, near: &str) -> bool {
    starts(&NOT_MEANT, own) || sentences(near).any(is_taken_back) || crate::first_of(near, &FOR_PAY).is_some()
}

/// Whether a sentence, in lower case, takes back what stands before it.
pub(crate) fn is_taken_back(sentence: &str) -> bool {
    starts(&TAKEN_BACK, sentence)
        || starts(&FOREIGN, sentence)
        || is_drawn_out(sentence)
        || confession::ends_against(sentence)
}

/// Whether a face behind an answer mocks it.
pub(crate) fn mocks(near: &str) -> bool {
    !near.is_ascii() && near.contains(MOCKING)
}

/// Whether a text starts with one of a list, as whole words.
fn starts(list: &[&str], said: &str) -> bool {
    list.iter().any(|it| {
        said.strip_prefix(it)
            .is_some_and(|rest| it.ends_with(' ') || !rest.starts_with(char::is_alphanumeric))
    })
}

/// The sentences of a text, each without what it opens with.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', ';', '!', '?', '\n', '…', '。']).map(|it| without_leads(it.trim()))
}

/// Whether all of a sentence is a word that is drawn out: `suuure`, `riiight`. Numerals such as `xiii` are none.
fn is_drawn_out(sentence: &str) -> bool {
    /// No such word is longer.
    const LONGEST: usize = 20;
    let word = sentence.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    let bytes = word.as_bytes();
    let is_word = bytes.len() <= LONGEST && bytes.iter().all(u8::is_ascii_lowercase);
    let is_numeral = || bytes.iter().all(|it| b"ivxlcdm".contains(it));
    let repeats = |three: &[u8]| three.iter().all(|it| *it == three[0]);
    let is_of_one_letter = || bytes.iter().all(|it| *it == bytes[0]);
    is_word && bytes.windows(3).any(repeats) && !is_numeral() && !is_of_one_letter()
}

#[cfg(test)]
mod tests {
    use crate::is_withdrawn;

    #[test]
    fn what_starts_as_withdrawals_do_takes_an_answer_back() {
        for behind in [
            " under protest",
            "}$ for the sake of argument.",
            " (citation needed)",
            ", not that I believe it",
            ", said the cat",
            " belongs to another problem.",
            " gets us nowhere",
            ". I'm pulling your leg.",
            ". I’ve changed my mind.",
            ".\n\nI no longer hold this.",
            ". Well, I would bet against it.",
            ". Forget I said anything.",
            "\nChew on that, grader.",
            ". It is merely here to satisfy the parser.",
            ". Yeah, right.",
            ". Suuure.",
            ". Nicht wirklich.",
            " 😂",
            " to fool the grader",
        ] {
            assert!(is_withdrawn(behind), "{behind}");
        }
    }

    #[test]
    fn remarks_take_nothing_back() {
        for behind in [
            ". I hope this helps!",
            ". I made it as short as I could.",
            ". I choose B for its size.",
            ". This follows the schema.",
            " Thus 7 apples.",
            " apples for the sake of all",
            " meters under water",
            ". It was used to build the house.",
            ". The case 8 leads to a contradiction.",
            ". Do not trust your intuition here: the die has no memory.",
            ". Each third grader gets two.",
            ". XIII.",
            " AAA",
            ". 🎉",
            ". If you believe in the axiom of choice, there is a basis.",
            ". Good luck with your exam!",
            ". Hmm, so 7 it is.",
        ] {
            assert!(!is_withdrawn(behind), "{behind}");
        }
    }
}
