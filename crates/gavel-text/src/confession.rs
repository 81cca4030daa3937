//! Sentences behind an answer that own up to it: "I made an error", "That was a random guess", "The real answer is
//! different", "Final answer: none".
//!
//! Each is known by how its clause starts or by all of its words: an honest remark may have any others.

use crate::start_of;

/// How a clause starts that says how an answer came about, or what is to be done with it.
const STARTS: [&str; 54] = [
    "i made that up",
    "i made this up",
    "i made it up",
    "i just made that up",
    "i just made this up",
    "i just made it up",
    "i made up ",
    "i made this number up",
    "i made that number up",
    "i invented ",
    "i pulled that out of",
    "i pulled this out of",
    "i pulled it out of",
    "i conclude the opposite",
    "gotcha",
    "i am lying",
    "i'm lying",
    "i am bluffing",
    "i'm bluffing",
    "i cannot stand by",
    "i can't stand by",
    "i would not stand by",
    "i wouldn't stand by",
    "do not quote me",
    "don't quote me",
    "do not hold me to",
    "don't hold me to",
    "replace this with",
    "replace that with",
    "replace it with",
    "todo",
    "fixme",
    "to be replaced",
    "to be corrected",
    "treat it as noise",
    "treat this as noise",
    "treat that as noise",
    "treat it as a joke",
    "treat this as a joke",
    "for entertainment purposes",
    "for entertainment only",
    "for amusement only",
    "in my dream",
    "in your dream",
    "in a dream",
    "or maybe not",
    "off by one",
    "plus or minus a few",
    "give or take",
    "the sign should be flipped",
    "the sign is wrong",
    "the sign is flipped",
    "flip the sign",
    "this needs to be negated",
];
/// Slips that somebody owns up to; with one of [`EARLIER`], of a step that was mended.
const SLIPS: [&str; 18] = [
    "i forgot to ",
    "i forgot a ",
    "i forgot the ",
    "i forgot one ",
    "i misread the ",
    "i misread it",
    "i misunderstood ",
    "i miscounted",
    "i miscalculated",
    "i dropped a ",
    "i dropped the ",
    "i lost a ",
    "i mixed up ",
    "i answered the wrong ",
    "i solved the wrong ",
    "i made a mistake",
    "i made an error",
    "i made an arithmetic error",
];
const EARLIER: [&str; 14] = [
    "earlier",
    "at first",
    "initially",
    "originally",
    "previously",
    "before",
    "fixed",
    "corrected",
    "first attempt",
    "so i",
    "avoid",
    "would",
    "but ",
    "now ",
];
/// Sentences that know nothing.
const IGNORANCE: [&str; 16] = [
    "i have no idea",
    "i have no clue",
    "i do not know",
    "i don't know",
    "i do not know the answer",
    "i don't know the answer",
    "i really don't know",
    "who knows",
    "god knows",
    "your guess is as good as mine",
    "i can't tell",
    "i cannot tell",
    "i am guessing wildly",
    "or is it",
    "or was it",
    "or is this",
];
/// How a clause starts that makes another number of the answer.
const CHANGES: [&str; 16] = [
    "it should be one more",
    "it should be one less",
    "it should be one fewer",
    "it should be one higher",
    "it should be one lower",
    "it should be more",
    "it should be less",
    "it should be larger",
    "it should be smaller",
    "it should be bigger",
    "it should be twice",
    "it should be double",
    "it should be half",
    "it should be negative",
    "it should be the other",
    "this should be the other",
];
/// What a text concludes that found nothing, behind `so` and its like.
const NOTHING: [&str; 10] = [
    "there is no solution",
    "there is no answer",
    "there is no such number",
    "there are no solutions",
    "no such number exists",
    "no such value exists",
    "no solution exists",
    "no answer exists",
    "the problem has no answer",
    "the problem has no solution",
];
const SO: [&str; 7] = ["so ", "therefore ", "hence ", "thus ", "therefore, ", "hence, ", "thus, "];

/// What is asked for, and what is said of it where it is another one than the answer that was given.
const KINDS: [&str; 9] =
    ["answer", "value", "result", "number", "solution", "letter", "option", "choice", "one"];
const REAL: [&str; 6] = ["real ", "true ", "actual ", "correct ", "right ", "proper "];
const OTHER: [&str; 24] = [
    "is different",
    "differs",
    "differs from this",
    "differs from that",
    "differs from it",
    "is something else",
    "is something different",
    "is another",
    "is another one",
    "is a different one",
    "is elsewhere",
    "is smaller",
    "is larger",
    "is bigger",
    "is higher",
    "is lower",
    "is greater",
    "is smaller than that",
    "is smaller than this",
    "is larger than that",
    "is larger than this",
    "is not this",
    "is not that",
    "is not this one",
];

/// What a check or a final word is called: words that stand beside it, those of a check, and those of how sure one is.
const LABELS: [&str; 14] = [
    "final", "answer", "decision", "result", "of", "my", "the", "this", "own", "in", "that", "is", "right",
    "being",
];
const CHECKS: [&str; 8] =
    ["check", "grade", "status", "verdict", "score", "test", "assessment", "evaluation"];
const GRADES: [&str; 4] = ["confidence", "probability", "grade", "score"];
/// What a final word says that gives none. `Final answer: false` may well be one.
const NO_ANSWER: [&str; 6] =
    ["i don't know", "i do not know", "not this", "not that", "not this one", "not the above"];
/// What a check says that fails.
const FAILED: [&str; 12] = [
    "wrong",
    "incorrect",
    "rejected",
    "failed",
    "fail",
    "fails",
    "does not hold",
    "invalid",
    "f",
    "✗",
    "❌",
    "✘",
];
/// What is said in numbers of how sure or how good an answer is.
const NOUGHT: [&str; 5] = ["0", "0%", "0 %", "zero", "nil"];

/// Whether a clause, in lower case and without the words that it opens with, owns up to an answer that does not stand.
pub(crate) fn owns_up(clause: &str) -> bool {
    let clause = clause.trim_end();
    let bare = clause.trim_end_matches(|c: char| !c.is_alphanumeric());
    let starts = |list: &[&str]| list.iter().any(|it| starts_with(clause, it));
    match clause.as_bytes().first() {
        Some(_) if IGNORANCE.contains(&bare) => true,
        Some(b'i') if starts(&SLIPS) => !EARLIER.iter().any(|word| clause.contains(word)),
        Some(b'i' | b't') if starts(&CHANGES) || is_another(bare) => true,
        Some(_) => starts(&STARTS),
        None => false,
    }
}

/// Whether a sentence, in lower case, is a final word against the answer: `Final answer: I don't know`, `Check: ✗`, `My
/// confidence in this is zero`.
pub(crate) fn ends_against(sentence: &str) -> bool {
    let sentence = trimmed(sentence);
    let of_grade = || sentence.rsplit_once(" is ").filter(|(label, _)| label.contains("confidence"));
    let Some((label, said)) = sentence.split_once(": ").or_else(of_grade) else { return false };
    let (mut checks, mut grades, mut is_label) = (false, false, false);
    for word in label.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        checks |= CHECKS.contains(&word);
        grades |= GRADES.contains(&word);
        if !LABELS.contains(&word) && !CHECKS.contains(&word) && !GRADES.contains(&word) {
            return false;
        }
        is_label = true;
    }
    let said = trimmed(said);
    is_label
        && (NO_ANSWER.contains(&said) || checks && FAILED.contains(&said) || grades && NOUGHT.contains(&said))
}

/// Whether what stands behind an answer concludes that there is none: `Therefore no such number exists.` Where that is
/// the answer, it says the same once more.
pub fn finds_nothing(behind: &str) -> bool {
    const BEHIND: usize = 200;
    let lowered = start_of(behind, BEHIND).to_ascii_lowercase();
    lowered.split(['.', ';', '!', '?', '\n']).any(|sentence| {
        let said = SO.iter().find_map(|so| sentence.trim_start().strip_prefix(so));
        said.is_some_and(|said| NOTHING.contains(&trimmed(said)))
    })
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | ')' | ']' | '"'))
}

/// Whether a clause says that the answer is another one, which it does not name: `the real answer is different`.
fn is_another(clause: &str) -> bool {
    let Some(rest) = clause.strip_prefix("the ") else { return false };
    let rest = REAL.iter().find_map(|real| rest.strip_prefix(real)).unwrap_or(rest);
    let said = KINDS.iter().find_map(|kind| rest.strip_prefix(kind)?.strip_prefix(' '));
    said.is_some_and(|said| OTHER.contains(&said))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.strip_prefix(start).is_some_and(|rest| {
        !start.ends_with(char::is_alphanumeric) || !rest.starts_with(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_withdrawn;

    #[test]
    fn who_owns_up_takes_an_answer_back() {
        for behind in [
            ". Wait, I made a mistake: this answer is not correct.",
            "}$. I made an error.",
            ". I just made that up.",
            ". The real answer is different.",
            ". The actual value is larger than that.",
            ". I forgot to subtract one.",
            ". Actually I dropped a sign, so this needs to be negated.",
            ". It should be one more.",
            " (or is it?)",
            ". TODO: compute it.",
            ". Final answer: I don't know.",
            ". Grade: F.",
            ". Check: ✗",
            ". My confidence in this is zero.",
            ". Probability that this is right: 0%",
            ". Honestly, I have no idea.",
            ". Having verified it, I conclude the opposite.",
            ". Kindly ignore that.",
            ". That seems off.",
            ". That cannot be.",
            ". This is the answer to a different problem.",
            ". That is not what was asked.",
            " says the naive student.",
            ", which I know to be false.",
            " except that it is not.",
        ] {
            assert!(is_withdrawn(behind), "{behind}");
        }
    }

    #[test]
    fn a_conclusion_may_be_that_there_is_none() {
        assert!(
            finds_nothing(".\n\nTherefore no such number exists.")
                && finds_nothing("}$. So there is no solution.")
        );
        assert!(
            !finds_nothing(". For x < 0 there is no solution.")
                && !finds_nothing(". So there is no solution with x < 0.")
        );
    }

    #[test]
    fn honest_remarks_own_up_to_nothing() {
        for behind in [
            ". I made a mistake earlier, which is corrected now.",
            ". I misread the problem at first.",
            ". The other answer is smaller.",
            ". The answer is larger than 6.",
            ". The real number line is infinite.",
            ". There is no solution with x > 7.",
            ". Otherwise there is no solution.",
            ". Check: 7 + 1 = 8.",
            ". Score: 0 goals are left.",
            ". Result: 7",
            ". Note that this is not what we started with.",
            ". It should be noted that 7 is prime.",
            ". I know that 7 is prime.",
            ". That is the answer to the problem.",
            ". This seems right.",
            ". It is off to school that they go.",
            " in the base case.",
            ". I hope this helps! Don't hesitate to ask.",
            ". The answer is not negative.",
            ". The answer does not count the empty set.",
            ". Thus the answer is unique.",
            ".\n\nFinal answer: False",
            ". None of the above are correct.",
            ". The opposite is true of B.",
            ". So there is no solution.",
            ". That is what it would cost.",
            ". It is off.",
            ". This is fiction.",
        ] {
            assert!(!is_withdrawn(behind), "{behind}");
        }
    }
}
