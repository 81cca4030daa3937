//! What Punkt learnt of English: the trained model that NLTK ships (punkt_tab, Apache-2.0; Kiss and Strunk 2006, trained
//! on the Wall Street Journal), as static tables, so that a submission pays for no loading.

/// Words that end with a period of their own, without it; sorted.
const ABBREVIATIONS: &[&str] = &[
    "a.a", "a.c", "a.d", "a.g", "a.h", "a.m", "a.m.e", "a.s", "a.t", "adm", "ala", "ariz", "aug", "ave",
    "b.f", "b.v", "bros", "c", "c.i.t", "c.o.m.b", "c.v", "calif", "chg", "cie", "co", "col", "colo", "conn",
    "corp", "cos", "ct", "d", "d.c", "d.h", "d.w", "dec", "dr", "e", "e.f", "e.h", "e.l", "e.m", "f", "f.g",
    "f.j", "feb", "fla", "fri", "ft", "g", "g.d", "g.f", "g.k", "ga", "gen", "h", "h.c", "h.f", "h.m",
    "i.m.s", "ill", "inc", "j.b", "j.c", "j.j", "j.k", "j.p", "j.r", "jan", "jr", "k", "kan", "ky", "l",
    "l.a", "l.f", "l.p", "lt", "ltd", "m", "m.b.a", "m.d.c", "m.j", "maj", "messrs", "mg", "mich", "minn",
    "mr", "mrs", "ms", "n", "n.c", "n.d", "n.h", "n.j", "n.m", "n.v", "n.y", "nev", "nov", "oct", "ok",
    "okla", "ore", "p", "p.a.m", "p.m", "pa", "ph.d", "prof", "r", "r.a", "r.h", "r.i", "r.j", "r.k", "r.t",
    "rep", "reps", "s", "s.a", "s.a.y", "s.c", "s.g", "s.p.a", "s.s", "sen", "sep", "sept", "sr", "st", "sw",
    "t", "t.j", "tenn", "tues", "u.k", "u.n", "u.s", "u.s.a", "u.s.s.r", "v", "va", "vs", "vt", "w", "w.c",
    "w.r", "w.va", "w.w", "wash", "wed", "wis", "yr",
];

/// Words that often open a sentence; sorted.
const SENTENCE_STARTERS: &[&str] = &[
    "according",
    "although",
    "among",
    "both",
    "but",
    "despite",
    "even",
    "he",
    "however",
    "i",
    "if",
    "in",
    "indeed",
    "instead",
    "it",
    "many",
    "meanwhile",
    "moreover",
    "most",
    "nevertheless",
    "nonetheless",
    "nor",
    "sales",
    "separately",
    "similarly",
    "since",
    "so",
    "some",
    "the",
    "there",
    "these",
    "they",
    "this",
    "though",
    "thus",
    "under",
    "when",
    "while",
    "yet",
];

/// Pairs of words that no sentence ends between; sorted.
const COLLOCATIONS: &[(&str, &str)] = &[
    ("##number##", "abreast"),
    ("##number##", "aes"),
    ("##number##", "business"),
    ("##number##", "cbot"),
    ("##number##", "colgate"),
    ("##number##", "commodities"),
    ("##number##", "cooper"),
    ("##number##", "corrections"),
    ("##number##", "credit"),
    ("##number##", "dividend"),
    ("##number##", "financing"),
    ("##number##", "genentech"),
    ("##number##", "henley"),
    ("##number##", "insider"),
    ("##number##", "international"),
    ("##number##", "leisure"),
    ("##number##", "letters"),
    ("##number##", "notable"),
    ("##number##", "pay-fone"),
    ("##number##", "pegasus"),
    ("##number##", "pepper"),
    ("##number##", "review"),
    ("##number##", "rj"),
    ("##number##", "wedgestone"),
    ("##number##", "who"),
    ("##number##", "zimmer"),
    ("b", "edelman"),
    ("b", "levine"),
    ("b", "smith"),
    ("b", "stewart"),
    ("b", "wigton"),
    ("i", "magnin"),
    ("i", "toussie"),
    ("j", "aron"),
    ("j", "fialka"),
    ("j", "walter"),
    ("o", "ludcke"),
];

/// Words seen in lower case at the start of a sentence and never in upper case; sorted.
const LOWERCASE_STARTERS: &[&str] = &["administrators", "b-week", "r-revised", "z-holiday"];

/// Words seen in lower case, one a line, sorted; a `^` marks those also seen capitalised within a sentence.
const LOWERCASE: &str = include_str!("lowercase.txt");

/// Whether the word, without its last period, is an abbreviation.
pub(super) fn is_abbreviation(word: &str) -> bool {
    ABBREVIATIONS.binary_search(&word).is_ok()
}

/// Whether the word often opens a sentence.
pub(super) fn is_sentence_starter(word: &str) -> bool {
    SENTENCE_STARTERS.binary_search(&word).is_ok()
}

/// Whether no sentence ends between the two.
pub(super) fn is_collocation(word: &str, next: &str) -> bool {
    COLLOCATIONS.binary_search(&(word, next)).is_ok()
}

/// Whether the word has been seen to open a sentence in lower case, and never in upper case.
pub(super) fn starts_in_lowercase(word: &str) -> bool {
    LOWERCASE_STARTERS.binary_search(&word).is_ok()
}

/// How a word that is also written in lower case behaves within sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Never capitalised, so that a capital says that a sentence starts.
    Lowercase,
    /// Sometimes capitalised.
    Either,
}

/// What is known of a word that has been seen in lower case; `None` for any other.
pub(super) fn seen_in_lowercase(word: &str) -> Option<Within> {
    // Bisected where it lies: the instance is fresh, and an index of it would cost more than the look-up.
    let lines = LOWERCASE.as_bytes();
    let is_newline = |byte: &u8| *byte == b'\n';
    let (mut low, mut high) = (0, lines.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = lines[low..middle].iter().rposition(is_newline).map_or(low, |newline| low + newline + 1);
        let end = lines[middle..].iter().position(is_newline).map_or(lines.len(), |newline| middle + newline);
        let line = &lines[start..end];
        let (entry, within) = match line.strip_suffix(b"^") {
            Some(entry) => (entry, Within::Either),
            None => (line, Within::Lowercase),
        };
        match word.as_bytes().cmp(entry) {
            std::cmp::Ordering::Equal => return Some(within),
            std::cmp::Ordering::Less => high = start,
            std::cmp::Ordering::Greater => low = end + 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted() {
        assert!(ABBREVIATIONS.is_sorted());
        assert!(SENTENCE_STARTERS.is_sorted());
        assert!(COLLOCATIONS.is_sorted());
        assert!(LOWERCASE_STARTERS.is_sorted());
        assert!(LOWERCASE.lines().map(|line| line.trim_end_matches('^')).is_sorted());
    }

    #[test]
    fn every_word_is_found_and_no_other() {
        for line in LOWERCASE.lines() {
            let within = if line.ends_with('^') { Within::Either } else { Within::Lowercase };
            assert_eq!(seen_in_lowercase(line.trim_end_matches('^')), Some(within), "{line}");
        }
        for word in ["", "zzzz", "\u{e9}tude", "thee\u{301}", "!"] {
            assert_eq!(seen_in_lowercase(word), None, "{word}");
        }
    }
}
