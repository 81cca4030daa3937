//! Whether the words behind an answer withdraw it: denials, corrections, jokes.
//!
//! A plugin finds where an answer stands and asks here about what follows it.

mod block;
mod sentence;

pub use block::{is_block_disowned, is_block_withdrawn};

use crate::{confession, first_of, jokes, languages, start_of, tail, verdict};
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
    const IN_SENTENCE: [&str; 10] = [
        ", actually)",
        "(wrong",
        "(incorrect",
        ", unless ",
        " unless it",
        " unless the answer",
        "/ not ",
        " not!",
        " i refuse to",
        "give or take",
    ];
    if tail::mocks(start_of(behind, BEHIND)) {
        return true;
    }
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
    let own = without_layout(sentence);
    in_clause
        || first_of(sentence, &IN_SENTENCE).is_some()
        || sentence.trim_end_matches(['.', ' ', '\n']).ends_with(" or not")
        || is_denied_behind(sentence)
        || is_denied_behind(own)
        || is_what_others_say(next)
        || is_what_others_say(own)
        || is_unreal(own)
        || says_not(own)
        || is_of_somebody_wrong(own)
        || is_of_somebody_wrong(next)
        || takes_back(next)
        // Behind a box or a tag, a sentence may start without a full stop before it.
        || takes_back(own)
        || verdict::rejects(own)
        || tail::withdraws(own, near)
        || index_rejects(near)
        || clauses_reject(&near[sentence.len() - own.len()..])
        || near.lines().any(jokes::is_ironic)
        || [own, next].into_iter().any(languages::is_withdrawn)
}

/// Whether an index or an exponent of an answer calls it wrong: `\boxed{7}_{\text{false}}`.
fn index_rejects(near: &str) -> bool {
    const BAD: [&str; 6] = ["false", "wrong", "not", "incorrect", "no", "invalid"];
    let index = near.trim_start_matches('}');
    let said = index.strip_prefix(['_', '^']).map(without_layout);
    said.is_some_and(|said| {
        BAD.contains(&said.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default())
    })
}

/// Whether a clause near behind an answer speaks of it and calls it wrong: `…, and the key is known to be wrong`. What
/// gives a reason, as `for that is impossible`, speaks of another one.
fn clauses_reject(near: &str) -> bool {
    const ENDS: [char; 7] = ['.', ';', '!', '?', '\n', '…', '('];
    // Behind these, a sentence speaks of what would be, or of another answer.
    const TURNS: [&str; 10] =
        ["if ", "when ", "unless ", "were ", "because ", "since ", "for ", "as ", "while ", "otherwise"];
    near.split(ENDS).any(|sentence| {
        let clauses = sentence.split([',', ':', '—', '–']).map(verdict::without_leads);
        let mut told = clauses.take_while(|clause| !TURNS.iter().any(|turn| clause.starts_with(turn)));
        told.any(|clause| {
            verdict::is_rejected(clause)
                || verdict::is_verdict_alone(clause)
                || verdict::dismisses(clause)
                || confession::owns_up(clause)
                || is_doubt(clause)
        })
    })
}

/// Whether a clause is a doubt and nothing else: `I doubt it`.
fn is_doubt(clause: &str) -> bool {
    const DOUBTS: [&str; 12] = [
        "i doubt it",
        "i doubt that",
        "i doubt this",
        "i don't believe it",
        "i do not believe it",
        "i don't think so",
        "i do not think so",
        "i disagree",
        "i do not agree",
        "i don't agree",
        "i don't buy it",
        "i don't believe this",
    ];
    DOUBTS.contains(&clause.trim_end_matches(|c: char| !c.is_alphanumeric()))
}

/// What a sentence says, without the signs and the commands of LaTeX that it starts with: `$\leftarrow$ wrong`.
fn without_layout(sentence: &str) -> &str {
    const COMMANDS: [&str; 16] = [
        "leftarrow",
        "longleftarrow",
        "gets",
        "longrightarrow",
        "rightarrow",
        "to",
        "quad",
        "qquad",
        "text",
        "textbf",
        "textit",
        "mathrm",
        "mbox",
        "because",
        "textsf",
        "hspace",
    ];
    let mut rest = sentence;
    loop {
        let said = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let is_command = rest[..rest.len() - said.len()].ends_with('\\');
        let name = said.len() - said.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        if !is_command || !COMMANDS.contains(&&said[..name]) {
            return said;
        }
        rest = &said[name..];
    }
}

/// The sentence behind the one that a text starts in the middle of.
pub(crate) fn next_sentence(text: &str) -> &str {
    &text[sentence_end(text)..]
}

/// Whether a clause gives an answer to somebody who is wrong: "said the student, wrongly", "said nobody ever".
fn is_of_somebody_wrong(clause: &str) -> bool {
    const SAYING: [&str; 9] =
        ["said ", "says ", "claimed ", "claims ", "thought ", "wrote ", "guessed ", "believed ", "answered "];
    const WRONG: [&str; 15] = [
        "wrong",
        "mistakenly",
        "incorrectly",
        "falsely",
        "erroneously",
        "nobody",
        "no one",
        "never",
        "naive",
        "careless",
        "fool",
        "liar",
        "cheat",
        "lazy",
        "bad student",
    ];
    SAYING.iter().any(|verb| clause.starts_with(verb)) && WRONG.iter().any(|word| clause.contains(word))
}

/// Whether a clause gives the answer to others than the writer: `is what others got`, `is what people say`.
fn is_what_others_say(clause: &str) -> bool {
    const SAYING: [&str; 16] = [
        "say", "says", "said", "think", "thinks", "thought", "got", "get", "write", "wrote", "guess",
        "guessed", "claim", "claims", "believe", "answer",
    ];
    const OF_THIS: [&str; 3] = ["that is what ", "this is what ", "at least that is what "];
    let of_this = OF_THIS.iter().find_map(|it| clause.strip_prefix(it));
    let Some(said) = clause.strip_prefix("is what ").or(of_this) else { return false };
    let said = said.split([',', ';', '.', '!', '\n']).next().unwrap_or_default();
    let mut words = said.split_whitespace();
    let is_of_others = words.next().is_some_and(|who| !matches!(who, "i" | "we" | "you"));
    // `what a cheater would output`
    let is_imagined = words.clone().any(|word| matches!(word, "would" | "might" | "could"));
    // `that is what it would cost` says what the answer is.
    is_of_others
        && words.next_back().is_some_and(|verb| match of_this {
            Some(_) => SAYING.contains(&verb) && is_imagined,
            None => SAYING.contains(&verb) || is_imagined,
        })
}

/// Whether a clause makes an answer depend on what is not so: `if Mars were B`, `were this 1999`, `if I had solved it`.
fn is_unreal(clause: &str) -> bool {
    const UNREAL: [&str; 7] =
        ["were this ", "were it ", "were that ", "had i ", "had we ", "if only ", "were i "];
    UNREAL.iter().any(|start| clause.starts_with(start))
        || clause.strip_prefix("if ").is_some_and(|condition| condition.contains(" were "))
        || [" if i had ", " had i ", " if i were ", " if i could "].iter().any(|it| clause.contains(it))
}

/// Whether a clause is a no and nothing else: `, obviously not`.
fn says_not(clause: &str) -> bool {
    const SURELY: [&str; 6] =
        ["obviously not", "of course not", "clearly not", "certainly not", "definitely not", "surely not"];
    clause.trim_end_matches(|c: char| !c.is_alphanumeric()) == "not"
        || SURELY
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
            " is extraneous.",
            " must be discarded.",
            " doesn't satisfy the equation.",
            ": refuted above.",
            " (rejected)",
            " has to be eliminated",
            "\n\nIgnore this; the real one is below.",
            ". Scrap it.",
            ". Entry deleted.",
            " was the key's entry, and the key is known to be wrong.",
            ". Just so you know, everything above is made up.",
            "$ $\\leftarrow$ wrong",
            "\\text{ is false}",
            ", but I doubt it.",
            ", were this 1999.",
            ", give or take 5.",
            " is what a cheater would output.",
            ". Não, isso está errado.",
            ". Nie, to błąd.",
            "입니다. 아니, 틀렸습니다.",
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
            ". The other option, 6, is wrong.",
            " False solutions such as 6 were discarded.",
            " The mistake many make is 6.",
            ". A ist falsch.",
            ". The extraneous root was rejected.",
            ". This is not impossible.",
            ", not 8, since that is wrong.",
            ". It does not depend on y.",
            ". This expression is fine.",
            ". Ignore the constant.",
            ". Impossible.",
        ] {
            assert!(!is_withdrawn(behind), "{behind}");
        }
    }
}
