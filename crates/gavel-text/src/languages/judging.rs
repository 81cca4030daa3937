//! The words that a verdict on an answer is made of, in many languages: "das ist leider falsch", "nie, to błąd", "pas
//! correct". Nothing but such words makes a verdict, so that a sentence about anything else is none.

mod lexicon;

use lexicon::{BAD, GOOD, NAMED, NOT, PLAIN};

/// What a word is in a verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It says that something is wrong.
    Bad,
    /// It says that something is right.
    Good,
    /// It denies.
    Not,
}

/// The longest verdict, in words; scripts without spaces have theirs in the lists of `behind`.
const MOST_WORDS: usize = 8;

/// Words of Korean end in many ways.
const STEMS: [(&str, Kind); 8] = [
    ("틀렸", Kind::Bad),
    ("틀린", Kind::Bad),
    ("잘못", Kind::Bad),
    ("농담", Kind::Bad),
    ("거짓", Kind::Bad),
    ("맞", Kind::Good),
    ("옳", Kind::Good),
    ("않", Kind::Not),
];

/// Whether a text starts with a sentence that is a verdict against what it speaks of, and says nothing else; or is one
/// up to its end, as a label is: `Falsche Antwort:`.
pub(super) fn condemns(text: &str) -> bool {
    let mut clauses = text.split([',', '.', '!', '?', ';', '\n', '،', '।', '。', '：', ':', '(']);
    clauses.by_ref().take(3).find_map(verdict).unwrap_or(false)
}

/// What a clause says of its subject, where that is all that it says; `None` for one that says nothing, as `no,`.
fn verdict(clause: &str) -> Option<bool> {
    let lowered = clause.to_lowercase().replace('’', "'");
    let words: Vec<&str> = lowered
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || is_mark(c)))
        .filter(|it| !it.is_empty())
        .collect();
    if words.len() > MOST_WORDS {
        return Some(false);
    }
    let (mut bad, mut good, mut not) = (false, false, false);
    for (at, word) in words.iter().copied().enumerate() {
        // The article of Portuguese, and no choice: `A resposta está errada`.
        let is_article =
            matches!(word, "a" | "o") && words.get(at + 1).is_some_and(|next| NAMED.contains(next));
        match kind(word) {
            _ if is_article => {}
            Some(Kind::Bad) => bad = true,
            Some(Kind::Good) => good = true,
            Some(Kind::Not) => not = true,
            None if PLAIN.contains(&word) => {}
            None => return Some(false),
        }
    }
    match (bad, good) {
        (true, _) => Some(!not),
        (false, true) => Some(not),
        (false, false) => None,
    }
}

fn kind(word: &str) -> Option<Kind> {
    let listed = [(&BAD[..], Kind::Bad), (&GOOD[..], Kind::Good), (&NOT[..], Kind::Not)];
    let found = listed.into_iter().find(|(list, _)| list.contains(&word)).map(|(_, kind)| kind);
    found.or_else(|| STEMS.iter().find(|(stem, _)| word.starts_with(stem)).map(|(_, kind)| *kind))
}

/// Whether a character is a mark of a letter, as Hindi writes its vowels.
fn is_mark(c: char) -> bool {
    crate::joins(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_made_of_few_words() {
        for text in [
            "Das ist leider falsch.",
            "Stimmt aber nicht.",
            "Es ist falsch",
            "Pas correct.",
            "Não, isso está errado.",
            "Anzi no, è sbagliato",
            "Nie, to błąd.",
            "Nej, det är fel.",
            "Hayır, yanlış.",
            "아니, 틀렸습니다.",
            "لا، هذا خطأ، الجواب 9.",
            "नहीं, यह गलत है।",
            "No, eso está mal.",
            "Eh, salah.",
            "Hapana, si sahihi.",
            "Falsche Antwort:",
            "Resposta errada:",
        ] {
            assert!(condemns(text), "{text}");
        }
        for text in [
            "",
            "Das ist richtig.",
            "Das ist nicht falsch.",
            "No.",
            "Nicht ganz einfach.",
            "Die falsche Antwort wäre 8.",
            "C'est correct.",
            "Non, merci",
            "A si, B no",
        ] {
            assert!(!condemns(text), "{text}");
        }
    }
}
