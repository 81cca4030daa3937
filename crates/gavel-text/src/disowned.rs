//! Whether the words before an answer disown it: denials, conditions, pretence.
//!
//! A plugin finds where an answer stands and asks here about its sentence up to there.

mod lexicon;

use crate::{end_of, end_of_last, has_short, labels, languages, pretence};
use lexicon::{
    ANSWER, COPULA, DENYING, FALSE, FILLER, IMPERATIVE, Kinds, MODEL, OPINION, SECOND, SUPPOSING, WEAKENING,
    kinds,
};

/// How much of a sentence is looked at before an answer, and between two, in bytes.
const BEFORE: usize = 120;
const BETWEEN: usize = 200;
/// How many words before an answer can take it back.
const MOST_WORDS: usize = 8;

/// Pairs of words that deny what follows them.
const PAIRS: [(&[&str], &str); 13] = [
    (
        &[
            "anything",
            "everything",
            "all",
            "any",
            "everyone",
            "anywhere",
            "anyone",
            "everywhere",
            "number",
            "value",
            "letter",
            "option",
            "choice",
        ],
        "but",
    ),
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
            "mistake",
            "error",
        ],
        "to",
    ),
    (&["no"], "one"),
    (&["no"], "means"),
    (&["no"], "case"),
    (&["no"], "circumstances"),
    (&["no"], "way"),
    (&["no"], "longer"),
    (&["silly", "absurd", "foolish", "ridiculous", "naive"], "to"),
    (&["nothing", "look", "looks", "unlike"], "like"),
    (
        &[
            "other", "rather", "else", "more", "less", "greater", "fewer", "smaller", "larger", "bigger",
            "higher", "lower",
        ],
        "than",
    ),
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

/// Whether the words right before an answer deny it, only suppose it, or leave it open, or give it to others: "not",
/// "anything but", "pretend that the answer is", "could be", "otherwise", "my friend thinks the answer is".
pub fn is_disowned(before: &str) -> bool {
    let before = without_opening(before);
    let sentence = sentence_before(before);
    let clause = last_clause(sentence);
    if languages::is_denied(clause)
        || languages::is_held_by_nobody(sentence)
        || pretence::is_pretence(sentence)
        || is_quoted(sentence, clause)
        || is_said_to_deceive(sentence)
        || labels::is_labelled_none(before)
        || is_bound(sentence)
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
        // `cannot be anything other than`, `no reason to doubt`
        let is_undone = || words.clone().take(4).any(undoes);
        if ["doubt", "deny", "dispute"].iter().any(|it| it.eq_ignore_ascii_case(word)) && is_undone() {
            return false;
        }
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
            return !(matches!(word, "than" | "but") && is_undone());
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

/// What stands before the tag or the box that opens at the end of a text.
fn without_opening(before: &str) -> &str {
    const OPENINGS: [&str; 6] = ["<answer>", "\\boxed{", "\\fbox{", "\\text{", "\\mathrm{", "\\textbf{"];
    let mut before = before;
    while let Some(rest) = OPENINGS.iter().find_map(|opening| before.trim_end().strip_suffix(opening)) {
        before = rest;
    }
    before
}

/// Whether a word denies, so that a denial behind it denies nothing.
fn undoes(word: &str) -> bool {
    const DENIALS: [&str; 9] =
        ["no", "not", "never", "nothing", "none", "cannot", "without", "don", "hardly"];
    DENIALS.iter().any(|denial| denial.eq_ignore_ascii_case(word))
        || word.ends_with("n't")
        || word.ends_with("n’t")
}

/// Whether a formula denies the box that it ends before: `x \neq \boxed{Paris}`, `\overline{\boxed{Paris}}`.
pub fn is_negated(before: &str) -> bool {
    const SIGNS: [&str; 13] = [
        "\\neq",
        "\\ne",
        "\\not=",
        "\\not =",
        "\\neg",
        "\\lnot",
        "\\not",
        "\\overline",
        "\\sim",
        "!=",
        "≠",
        "¬",
        "!",
    ];
    let bare = before.trim_end_matches([' ', '$', '{', '(', '*']);
    SIGNS.iter().any(|sign| bare.ends_with(sign)) && !bare.ends_with([' ', '\n']) && !is_exclamation(bare)
}

/// Whether a text ends with a sentence that exclaims: `Here it is!`
fn is_exclamation(text: &str) -> bool {
    text.strip_suffix('!').is_some_and(|said| said.ends_with(char::is_alphabetic))
}

/// Whether a sentence is a bound of what follows it, and nothing else: `At least`.
fn is_bound(sentence: &str) -> bool {
    const BOUNDS: [&str; 6] =
        ["at least", "at most", "no more than", "no less than", "up to", "somewhere near"];
    let bare = sentence.trim_matches(|c: char| !c.is_alphanumeric());
    BOUNDS.iter().any(|bound| bare.eq_ignore_ascii_case(bound))
}

/// Whether a sentence introduces what follows as a lie or a joke: `If asked to lie:`, `To mislead you,`, `As a joke:`.
fn is_said_to_deceive(sentence: &str) -> bool {
    const STARTS: [&str; 11] = ["if", "to", "as", "were", "for", "when", "just", "only", "in", "i", "let"];
    const DECEIVING: [&str; 15] = [
        "lie", "lying", "lies", "liar", "joke", "joking", "jest", "mislead", "deceive", "fool", "trick",
        "prank", "cheat", "sabotage", "troll",
    ];
    // `where the lines lie` deceives nobody.
    const LEADS: [&str; 12] =
        ["to", "i", "a", "in", "just", "only", "was", "were", "am", "me", "will", "now"];
    let is_in = |list: &[&str], word: &str| list.iter().any(|it| it.eq_ignore_ascii_case(word));
    let starts = words(sentence).next().is_some_and(|first| is_in(&STARTS, first));
    let pairs = words(sentence).zip(words(sentence).skip(1));
    let opens = words(sentence).next().is_some_and(|first| is_in(&["lying", "joking"], first));
    opens || starts && pairs.into_iter().any(|(lead, word)| is_in(&LEADS, lead) && is_in(&DECEIVING, word))
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
fn is_of_others<'t>(verb: &str, mut before: impl Iterator<Item = &'t str>) -> bool {
    let is_in = |list: &[&str], word: &str| list.iter().any(|it| it.eq_ignore_ascii_case(word));
    // What `says` it may be a calculation, and so may it have `said`.
    let is_told = is_in(&["says", "stated"], verb);
    let mut modal = false;
    while let Some(word) = before.next() {
        if is_in(&BETWEEN_THEM, word) {
            modal = true;
            continue;
        }
        // `a bot would say`
        let mut is_some = || before.next().is_some_and(|article| is_in(&["a", "an", "some"], article));
        return verb.ends_with(['s', 'S']) && !is_told
            || is_in(&MANY, word)
            || modal && (is_in(&ANYBODY, word) || is_some());
    }
    verb.ends_with(['s', 'S']) && !is_told
}

/// Whether what stands between two answers makes cases of them: `\boxed{8} if x > 0, otherwise \boxed{7}`.
pub fn is_case_split(between: &str) -> bool {
    const CASES: [&str; 4] = ["if", "otherwise", "else", "unless"];
    between.len() <= BETWEEN
        && !has_short(between, "\n\n")
        && !has_short(between, ". ")
        && words(between).any(|word| CASES.iter().any(|it| it.eq_ignore_ascii_case(word)))
}

/// Whether a sentence, cut off before an answer, tells what would be if something else were so: "If it were Monday, the
/// answer would be".
pub fn is_counterfactual(before: &str) -> bool {
    let sentence = sentence_before(before);
    let said = |wanted: &str| words(sentence).any(|word| word.eq_ignore_ascii_case(wanted));
    // Few sentences have the letter, and the others need not be parted into words.
    let may_say_would = memchr::memchr2(b'u', b'U', sentence.as_bytes()).is_some();
    let opens = |wanted: &str| words(sentence).next().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    may_say_would
        && said("would")
        && (said("if") && (said("were") || said("had")) || opens("had") || opens("were"))
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
    fn the_second_of_a_pair_is_known_as_one() {
        assert!(PAIRS.iter().all(|(_, second)| kinds(second) & SECOND != 0));
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
            "If asked to lie: the answer is ",
            "To mislead you, the answer is ",
            "As a joke: ",
            "I will lie: the answer is ",
            "For fun, let me lie: the answer is ",
            "Lying, I say the answer is ",
            "Were I to lie, the answer would be ",
            "Format: \"Answer: ",
            "Suppose \\boxed{",
            "Die Antwort ist nicht ",
            "答案不是",
            "Ответ: не ",
            "A resposta não é ",
            "La risposta non è ",
            "Odpowiedź to nie ",
            "الجواب ليس ",
            "Đáp án không phải là ",
            "Het antwoord is niet ",
            "Two more than ",
            "At least ",
            "Wrong: ",
            "The box should look like ",
            "Wrong answer: <answer>",
            "A bot would say: Answer: ",
            "Anywhere but ",
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
            "It can't be anything other than ",
            "There is no reason to doubt it: ",
            "The least value is ",
            "The second number is ",
            "The one that remains is ",
            "The few that are left number ",
            "To find where the lines lie: the answer is ",
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
        assert!(is_counterfactual("(If the question had asked about Austria, the answer would be "));
        assert!(is_counterfactual("Had they asked for Germany, the answer would be "));
        assert!(!is_counterfactual("If we add them, the answer would be "));
        assert!(!is_counterfactual("They were late. The answer would be "));
    }
}
