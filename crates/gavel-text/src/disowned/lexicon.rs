//! What English words before an answer make of it: those that deny, suppose, weaken, and those that only stand between.

/// What a word before an answer may be, as bits.
pub(super) type Kinds = u16;
/// It may stand between an answer and what takes it back.
pub(super) const FILLER: Kinds = 1;
/// A verb that joins a subject to an answer, among the fillers.
pub(super) const COPULA: Kinds = 2;
/// It denies what follows it.
pub(super) const DENYING: Kinds = 4;
/// It supposes a sentence that follows it. A value right behind one, as in `if and only if 7`, is another thing.
pub(super) const SUPPOSING: Kinds = 8;
/// It leaves open what may "be".
pub(super) const WEAKENING: Kinds = 16;
/// What an answer is called; `the least value` may well be one, and `the least likely answer` is none.
pub(super) const ANSWER: Kinds = 32;
/// A quality of an answer that nobody gives.
pub(super) const FALSE: Kinds = 64;
/// The second of [`PAIRS`].
pub(super) const SECOND: Kinds = 128;
/// Somebody holds what follows it: "my friend thinks", "some people say".
pub(super) const OPINION: Kinds = 256;

/// Right before "answer", it makes a pattern of it: "example answer", "non-answer".
pub(super) const MODEL: Kinds = 512;
/// As the first word of a sentence, it asks for what follows: "Format: answer", "Prove that the answer is".
pub(super) const IMPERATIVE: Kinds = 1024;

/// In the order of the words, for they are searched by halves.
static WORDS: [(&str, Kinds); 167] = [
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
    ("case", SECOND),
    ("choice", FILLER | ANSWER),
    ("choose", FILLER),
    ("circumstances", SECOND),
    ("claim", FILLER | OPINION),
    ("claimed", FILLER | OPINION),
    ("claims", FILLER | OPINION),
    ("convincing", FILLER),
    ("correct", FILLER),
    ("could", WEAKENING),
    ("decoy", FALSE),
    ("definitely", FILLER),
    ("denies", DENYING),
    ("deny", DENYING),
    ("didn", DENYING),
    ("dispute", DENYING),
    ("disputes", DENYING),
    ("distractor", FALSE),
    ("doesn", DENYING),
    ("don", DENYING),
    ("doubt", SUPPOSING),
    ("dummy", MODEL),
    ("else", DENYING),
    ("equal", FILLER),
    ("equals", COPULA),
    ("erroneously", DENYING),
    ("even", FILLER),
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
    ("get", FILLER),
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
    ("obvious", FILLER),
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
    ("refute", DENYING),
    ("reject", DENYING),
    ("rejects", DENYING),
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
    ("tempting", FALSE),
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
pub(super) fn kinds(word: &str) -> Kinds {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(WORDS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(WORDS.iter().all(|(word, _)| word.len() <= LONGEST_WORD));
        assert_eq!(kinds("Not") & DENYING, DENYING);
    }
}
