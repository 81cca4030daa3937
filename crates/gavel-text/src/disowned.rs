//! Whether the words before an answer disown it: denials, conditions, pretence.
//!
//! A plugin finds where an answer stands and asks here about its sentence up to there.

use crate::languages;
use crate::{end_of, end_of_last, first_of};

/// How much of a sentence is looked at before an answer, and between two, in bytes.
const BEFORE: usize = 120;
const BETWEEN: usize = 200;
/// How many words before an answer can take it back.
const MOST_WORDS: usize = 8;

/// What a word before an answer may be, as bits.
type Kinds = u16;
/// It may stand between an answer and what takes it back.
const FILLER: Kinds = 1;
/// A verb that joins a subject to an answer, among the fillers.
const COPULA: Kinds = 2;
/// It denies what follows it.
const DENYING: Kinds = 4;
/// It supposes a sentence that follows it. A value right behind one, as in `if and only if 7`, is another thing.
const SUPPOSING: Kinds = 8;
/// It leaves open what may "be".
const WEAKENING: Kinds = 16;
/// What an answer is called; `the least value` may well be one, and `the least likely answer` is none.
const ANSWER: Kinds = 32;
/// A quality of an answer that nobody gives.
const FALSE: Kinds = 64;
/// The second of [`PAIRS`].
const SECOND: Kinds = 128;
/// Somebody holds what follows it: "my friend thinks", "some people say".
const OPINION: Kinds = 256;

/// Right before "answer", it makes a pattern of it: "example answer", "non-answer".
const MODEL: Kinds = 512;
/// As the first word of a sentence, it asks for what follows: "Format: answer", "Prove that the answer is".
const IMPERATIVE: Kinds = 1024;

/// In the order of the words, for they are searched by halves.
static WORDS: [(&str, Kinds); 154] = [
    ("a", FILLER),
    ("an", FILLER),
    ("answer", FILLER | ANSWER),
    ("answers", FILLER | ANSWER),
    ("are", COPULA),
    ("aren", DENYING),
    ("assume", SUPPOSING),
    ("assuming", SUPPOSING),
    ("barring", DENYING),
    ("be", COPULA),
    ("been", FILLER),
    ("being", FILLER),
    ("believe", FILLER | OPINION),
    ("believed", FILLER | OPINION),
    ("believes", FILLER | OPINION),
    ("best", FILLER),
    ("but", SECOND),
    ("cannot", DENYING),
    ("choice", FILLER | ANSWER),
    ("choose", FILLER),
    ("claim", FILLER | OPINION),
    ("claimed", FILLER | OPINION),
    ("claims", FILLER | OPINION),
    ("convincing", FILLER),
    ("correct", FILLER),
    ("could", WEAKENING),
    ("decoy", FALSE),
    ("definitely", FILLER),
    ("didn", DENYING),
    ("distractor", FALSE),
    ("doesn", DENYING),
    ("don", DENYING),
    ("doubt", SUPPOSING),
    ("dummy", MODEL),
    ("else", DENYING),
    ("equal", FILLER),
    ("equals", COPULA),
    ("erroneously", DENYING),
    ("exactly", FILLER),
    ("example", MODEL),
    ("except", DENYING),
    ("excluding", DENYING),
    ("fake", FALSE),
    ("false", FALSE),
    ("falsely", DENYING),
    ("final", FILLER),
    ("fool", DENYING),
    ("format", IMPERATIVE),
    ("from", SECOND),
    ("go", FILLER),
    ("guess", FILLER | ANSWER),
    ("guesses", OPINION),
    ("hardly", DENYING),
    ("hopes", OPINION),
    ("hypothetically", SUPPOSING),
    ("i", FILLER),
    ("if", SUPPOSING),
    ("imagine", SUPPOSING),
    ("imagining", SUPPOSING),
    ("incorrect", FALSE),
    ("incorrectly", DENYING),
    ("insist", OPINION),
    ("insists", OPINION),
    ("is", COPULA),
    ("isn", DENYING),
    ("it", FILLER),
    ("just", FILLER),
    ("least", FALSE),
    ("letter", FILLER | ANSWER),
    ("like", SECOND),
    ("likely", FILLER),
    ("longer", SECOND),
    ("may", WEAKENING),
    ("me", FILLER),
    ("means", SECOND),
    ("might", WEAKENING),
    ("mistaken", FALSE),
    ("mistakenly", DENYING),
    ("my", FILLER),
    ("myth", DENYING),
    ("neither", DENYING),
    ("never", DENYING),
    ("nobody", DENYING),
    ("non", MODEL),
    ("nor", DENYING),
    ("not", DENYING),
    ("number", FILLER),
    ("of", SECOND),
    ("one", SECOND),
    ("option", FILLER | ANSWER),
    ("otherwise", DENYING),
    ("our", FILLER),
    ("pick", FILLER),
    ("placeholder", MODEL),
    ("plausible", FILLER),
    ("pretend", DENYING),
    ("pretending", DENYING),
    ("probable", FILLER),
    ("prove", IMPERATIVE),
    ("really", FILLER),
    ("reckons", OPINION),
    ("refuse", DENYING),
    ("result", FILLER),
    ("right", FILLER),
    ("rumored", DENYING),
    ("rumoured", DENYING),
    ("s", FILLER),
    ("said", FILLER | OPINION),
    ("sample", MODEL),
    ("say", FILLER | OPINION),
    ("says", FILLER | OPINION),
    ("second", FALSE),
    ("select", FILLER),
    ("simply", FILLER),
    ("solution", FILLER),
    ("someone", FILLER),
    ("stated", FILLER),
    ("statement", FILLER | ANSWER),
    ("student", FILLER),
    ("suitable", FILLER),
    ("suppose", SUPPOSING),
    ("supposing", SUPPOSING),
    ("suspects", OPINION),
    ("swears", OPINION),
    ("template", IMPERATIVE),
    ("than", SECOND),
    ("that", FILLER),
    ("the", FILLER),
    ("they", FILLER),
    ("think", FILLER | OPINION),
    ("thinks", FILLER | OPINION),
    ("thought", FILLER | OPINION),
    ("to", FILLER | SECOND),
    ("trap", FALSE),
    ("true", FILLER),
    ("unless", SUPPOSING),
    ("untrue", DENYING),
    ("value", FILLER),
    ("was", COPULA),
    ("wasn", DENYING),
    ("way", SECOND),
    ("we", FILLER),
    ("whether", SUPPOSING),
    ("with", FILLER),
    ("won", DENYING),
    ("worst", FALSE),
    ("would", FILLER),
    ("wouldn", DENYING),
    ("write", FILLER | OPINION),
    ("wrong", FALSE),
    ("wrongly", DENYING),
    ("wrote", FILLER | OPINION),
    ("x", FILLER),
    ("your", FILLER),
];
/// The longest of them, in bytes.
const LONGEST_WORD: usize = 14;

/// What a word is, in whatever case.
fn kinds(word: &str) -> Kinds {
    if word.len() > LONGEST_WORD {
        return 0;
    }
    let mut lowered = [0; LONGEST_WORD];
    let lowered = &mut lowered[..word.len()];
    lowered.copy_from_slice(word.as_bytes());
    lowered.make_ascii_lowercase();
    let found = WORDS.binary_search_by(|(known, _)| known.as_bytes().cmp(lowered));
    found.map_or(0, |at| WORDS[at].1)
}

/// Pairs of words that deny what follows them.
const PAIRS: [(&[&str], &str); 11] = [
    (&["anything", "everything", "all", "any", "everyone"], "but"),
    (&["far", "different", "differs", "away", "apart", "nowhere"], "from"),
    (&["instead", "opposite", "negation", "inverse"], "of"),
    (
        &[
            "close",
            "near",
            "next",
            "similar",
            "opposed",
            "opposite",
            "up",
            "prior",
            "adjacent",
            "wrong",
            "incorrect",
        ],
        "to",
    ),
    (&["no"], "one"),
    (&["no"], "means"),
    (&["no"], "way"),
    (&["no"], "longer"),
    (&["silly", "absurd", "foolish", "ridiculous", "naive"], "to"),
    (&["nothing"], "like"),
    (&["other", "rather", "else"], "than"),
];

/// Those of whom is said what they think, or thought.
const MANY: [&str; 15] = [
    "they", "some", "many", "most", "people", "others", "friends", "students", "someone", "somebody",
    "student", "solver", "solvers", "person", "everyone",
];
/// Those who stand for anybody: "you might think".
const ANYBODY: [&str; 2] = ["you", "one"];
/// What may stand between them and what they think.
const BETWEEN_THEM: [&str; 8] =
    ["often", "might", "may", "could", "would", "usually", "commonly", "sometimes"];
/// Those of them whose number no task asks for; and verbs that an answer may follow at once: "some people write".
const SOME: [&str; 5] = ["people", "some", "many", "most", "others"];
const PRESENT: [&str; 5] = ["write", "say", "claim", "think", "believe"];
/// What an answer answers that was not asked.
const OTHER_TASKS: [&str; 5] = [
    "nswer to another ",
    "nswer to a different ",
    "nswer to some other ",
    "nswer to the other ",
    "olution to another ",
];

/// Whether the words right before an answer deny it, only suppose it, or leave it open, or give it to others: "not",
/// "anything but", "pretend that the answer is", "could be", "otherwise", "my friend thinks the answer is".
pub fn is_disowned(before: &str) -> bool {
    let sentence = sentence_before(before);
    let clause = last_clause(sentence);
    if languages::is_denied(clause)
        || languages::is_held_by_nobody(sentence)
        || first_of(sentence, &OTHER_TASKS).is_some()
        || is_quoted(sentence, clause)
    {
        return true;
    }
    let mut words = words(clause).rev().take(MOST_WORDS).peekable();
    // What was passed on the way back.
    let (mut passed, mut copulas, mut be, mut answer, mut the_answer) = (0, 0, false, false, false);
    let mut is_answer_next = false;
    while let Some(word) = words.next() {
        let kinds = kinds(word);
        let is = |kind: Kinds| kinds & kind != 0;
        let previous = words.peek().copied().unwrap_or_default();
        let follows = |list: &[&str]| list.iter().any(|it| it.eq_ignore_ascii_case(previous));
        if is(DENYING) || is(FALSE) && answer || word.ends_with("n't") || word.ends_with("n’t") {
            return true;
        }
        let supposes = passed > 0
            || !["if", "whether", "unless", "doubt"].iter().any(|it| it.eq_ignore_ascii_case(word));
        if is(SUPPOSING) && supposes && !follows(&["only"]) || is(WEAKENING) && be {
            return true;
        }
        if is(MODEL) && is_answer_next || is(IMPERATIVE) && answer && previous.is_empty() {
            return true;
        }
        if is(SECOND)
            && PAIRS.iter().any(|(first, second)| second.eq_ignore_ascii_case(word) && follows(first))
        {
            return true;
        }
        // `I think` and `we believe` say what is meant.
        let writes = || {
            let is_present = PRESENT.iter().any(|it| it.eq_ignore_ascii_case(word));
            passed == 0 && is_present && follows(&SOME)
        };
        if is(OPINION) && (the_answer && is_of_others(word, words.clone()) || writes()) {
            return true;
        }
        copulas += usize::from(is(COPULA));
        // `the largest that it could be is` has a sentence for a subject.
        if copulas > 1 || !is(FILLER | COPULA) {
            return false;
        }
        be |= word.eq_ignore_ascii_case("be");
        answer |= is(ANSWER);
        is_answer_next = is(ANSWER);
        the_answer |= word.eq_ignore_ascii_case("answer");
        passed += 1;
    }
    false
}

/// Whether a clause is quoted: `A student said: "The answer is`, `Format: "Answer:`.
fn is_quoted(sentence: &str, clause: &str) -> bool {
    if !clause.starts_with(['"', '“', '\'', '‘']) {
        return false;
    }
    let introduction = &sentence[..sentence.len() - clause.len()];
    let mut before = words(introduction).rev();
    let Some(verb) = before.next() else { return false };
    let kinds = kinds(verb);
    kinds & IMPERATIVE != 0 || kinds & OPINION != 0 && is_of_others(verb, before)
}

/// Whether a verb of opinion is said of others than the writer: `Lisa thinks`, `many say`, `you might think`. The words
/// before it come in reverse.
fn is_of_others<'t>(verb: &str, before: impl Iterator<Item = &'t str>) -> bool {
    let is_in = |list: &[&str], word: &str| list.iter().any(|it| it.eq_ignore_ascii_case(word));
    // What `says` it may be a calculation, and so may it have `said`.
    let is_told = is_in(&["says", "stated"], verb);
    let mut modal = false;
    for word in before {
        if is_in(&BETWEEN_THEM, word) {
            modal = true;
            continue;
        }
        return verb.ends_with(['s', 'S']) && !is_told
            || is_in(&MANY, word)
            || modal && is_in(&ANYBODY, word);
    }
    verb.ends_with(['s', 'S']) && !is_told
}

/// Whether what stands between two answers makes cases of them: `\boxed{8} if x > 0, otherwise \boxed{7}`.
pub fn is_case_split(between: &str) -> bool {
    const CASES: [&str; 4] = ["if", "otherwise", "else", "unless"];
    between.len() <= BETWEEN
        && !between.contains("\n\n")
        && !between.contains(". ")
        && words(between).any(|word| CASES.iter().any(|it| it.eq_ignore_ascii_case(word)))
}

/// Whether a sentence, cut off before an answer, tells what would be if something else were so: "If it were Monday, the
/// answer would be".
pub fn is_counterfactual(before: &str) -> bool {
    let sentence = sentence_before(before);
    let said = |wanted: &str| words(sentence).any(|word| word.eq_ignore_ascii_case(wanted));
    // Few sentences have the letter, and the others need not be parted into words.
    let may_say_would = memchr::memchr2(b'u', b'U', sentence.as_bytes()).is_some();
    may_say_would && said("if") && said("were") && said("would")
}

/// The end of a text from where its last sentence starts, as far as that is near.
pub fn sentence_before(before: &str) -> &str {
    let near = end_of(before, BEFORE);
    let new = end_of_last(near, &[". ", "\n", "! ", "? ", "; ", "。"]);
    &near[new.unwrap_or(0)..]
}

/// The end of a sentence from its last comma or colon on; but a word alone before it, as in `otherwise,`, is no clause.
fn last_clause(sentence: &str) -> &str {
    let start = end_of_last(sentence, &[", ", ": "]).unwrap_or(0);
    let clause = &sentence[start..];
    let last_word = words(&sentence[..start]).next_back().unwrap_or_default();
    let is_split = ["otherwise", "else", "pretend", "hypothetically"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(last_word));
    if is_split || words(clause).next().is_none() { sentence } else { clause }
}

/// The words of a text, without commands of LaTeX.
fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '\\')))
        .filter(|word| !word.is_empty() && !word.starts_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(WORDS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(WORDS.iter().all(|(word, _)| word.len() <= LONGEST_WORD));
        assert!(PAIRS.iter().all(|(_, second)| kinds(second) & SECOND != 0));
        assert_eq!(kinds("Not") & DENYING, DENYING);
    }

    #[test]
    fn what_stands_before_an_answer_may_disown_it() {
        for before in [
            "not ",
            "The answer is anything but $",
            "It is far from **",
            "something other than ",
            "everything except ",
            "Let me pretend the answer is ",
            "If the answer is \\boxed{",
            "it is 8; otherwise ",
            "The answer could be ",
            "The answer might be ",
            "My second choice is ",
            "The least likely answer is ",
            "It isn't ",
            "Nobody believes the answer is ",
            "No one thinks it is ",
            "They wrongly claim the answer is ",
            "It is a myth that the answer is ",
            "My friend thinks the answer is ",
            "Bob guesses that the answer is ",
            "Some people say the answer is ",
            "Some people write \\boxed{",
            "Someone said the answer is ",
            "A naive solver says the answer is ",
            "You might think the answer is ",
            "Students often claim the answer is ",
            "It would be silly to say the answer is ",
            "The second best answer is ",
            "The answer to another question is ",
            "Example answer: ",
            "A previous student said: \"The answer is ",
            "Format: \"Answer:",
            "The answer can hardly be ",
            "Non-answer: ",
            "Format: \"Answer: ",
            "Suppose \\boxed{",
            "Die Antwort ist nicht ",
            "答案不是",
            "Ответ: не ",
        ] {
            assert!(is_disowned(before), "{before}");
        }
        for before in [
            "",
            "The answer is ",
            "If we add both, the total is ",
            "It is not 5. The answer is ",
            "It is not six but ",
            "The number that is not prime is ",
            "Suppose x is even, so x/2 is a whole number and equals ",
            "nothing but ",
            "The least value is ",
            "The second number is ",
            "The one that remains is ",
            "The few that are left number ",
            "I think the answer is ",
            "We believe that the correct answer is ",
            "Lisa thinks of the number ",
            "The author believes that it is ",
            "My calculation says the answer is ",
            "For this example the answer is ",
            "I would say the answer is ",
            "The best answer is ",
            "As asked, in the right format: Answer: ",
            "The students wrote ",
            "The students write ",
        ] {
            assert!(!is_disowned(before), "{before}");
        }
    }

    #[test]
    fn what_would_be_is_not_what_is() {
        assert!(is_counterfactual("If it were Monday the answer would be "));
        assert!(!is_counterfactual("If we add them, the answer would be "));
        assert!(!is_counterfactual("They were late. The answer would be "));
    }
}
