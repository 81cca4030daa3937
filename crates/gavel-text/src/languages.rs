//! How other languages than English deny an answer, take it back, or correct it.
//!
//! Closed lists of what these languages say, and the few words that a verdict is made of in all of them; English has its
//! grammar in `disowned`, `withdrawn`, `verdict` and `correction`.

mod before;
mod behind;
mod judging;

use before::{DENIALS, NOBODY, REFUSALS};
use behind::{CORRECTORS, VERBS, WITHDRAWALS};

/// Whether the clause or the sentence that a text starts with takes back what stands before it.
pub(crate) fn is_withdrawn(sentence: &str) -> bool {
    let sentence = sentence.trim_start_matches(|c: char| !c.is_alphanumeric());
    if starts_in_english(sentence) {
        return false;
    }
    WITHDRAWALS.iter().any(|it| begins(sentence, it)) || judging::condemns(sentence)
}

/// Whether a label before an answer, or all of a sentence, is a verdict against it: `Falsche Antwort:`.
pub(crate) fn condemns(label: &str) -> bool {
    /// In Chinese and Japanese, a label that has one of these says no good of what it labels.
    const WRONG: [&str; 9] =
        ["错误的", "錯誤的", "不正确", "不正確", "无效", "無効", "誤り", "間違った", "错误答案"];
    judging::condemns(label)
        || !label.is_ascii()
            && WRONG.iter().any(|wrong| label.contains(wrong))
            && !["不是", "没有", "哪", "なぜ", "何"].iter().any(|other| label.contains(other))
}

/// Whether a short sentence refuses to answer: `Je refuse.`, `抱歉，我拒绝。`
pub(crate) fn refuses(sentence: &str) -> bool {
    /// A longer one refuses something else.
    const LONGEST: usize = 60;
    let sentence = sentence.trim().trim_end_matches(|c: char| !c.is_alphanumeric());
    sentence.len() <= LONGEST && REFUSALS.iter().any(|refusal| sentence.to_lowercase().contains(refusal))
}

/// What stands behind a verb that may stand between a word that leads to an answer and that.
pub(crate) fn verb(text: &str) -> Option<&str> {
    VERBS.iter().find(|it| begins(text, it)).map(|it| behind(text, it))
}

/// A word that leads to another answer, and what stands behind it.
pub(crate) fn corrector(text: &str) -> Option<(&'static str, &str)> {
    if starts_in_english(text) {
        return None;
    }
    let longest = CORRECTORS.iter().filter(|it| begins(text, it)).max_by_key(|it| it.len());
    longest.map(|it| (*it, behind(text, it)))
}

/// Whether a clause that ends before an answer denies it.
pub(crate) fn is_denied(clause: &str) -> bool {
    /// The longest denial is shorter, in bytes.
    const LONGEST: usize = 50;
    // Thai and the scripts of India end words with marks.
    let clause = clause.trim_end_matches(|c: char| !c.is_alphanumeric() && !crate::joins(c));
    // Most clauses are English, and end with a verb that no denial ends with.
    const VERBS: [&str; 5] = [" is", " are", " be", " equals", " was"];
    if clause.is_empty() || VERBS.iter().any(|verb| clause.ends_with(verb)) {
        return false;
    }
    let clause = crate::end_of(clause, LONGEST);
    DENIALS.iter().any(|it| ends(clause, it))
}

/// Whether a sentence that ends before an answer says that nobody holds it to be one.
pub(crate) fn is_held_by_nobody(sentence: &str) -> bool {
    let sentence = sentence.trim_start();
    // The others begin with letters of other scripts.
    if sentence
        .starts_with(|c: char| c.is_ascii() && !matches!(c, 'N' | 'n' | 'P' | 'p' | 'H' | 'h' | 'K' | 'k'))
    {
        return false;
    }
    NOBODY.iter().any(|it| begins(sentence, it))
}

/// Whether a text starts with a frequent word of English that no list has, as most sentences do.
fn starts_in_english(text: &str) -> bool {
    const WORDS: [&str; 16] = [
        "i",
        "the",
        "this",
        "it",
        "we",
        "that",
        "because",
        "since",
        "therefore",
        "thus",
        "here",
        "which",
        "if",
        "hence",
        "let",
        "you",
    ];
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = text.split_at(length);
    !rest.starts_with(char::is_alphanumeric) && WORDS.iter().any(|it| it.eq_ignore_ascii_case(word))
}

/// Whether a text begins with a list's entry as words, whatever the case. Scripts without spaces have no words.
fn begins(text: &str, entry: &str) -> bool {
    // Most entries start with another letter, which is told by a byte.
    let Some(first) = text.bytes().next() else { return false };
    if first.is_ascii() && entry.as_bytes().first() != Some(&first.to_ascii_lowercase()) {
        return false;
    }
    let mut characters = text.chars();
    entry.chars().all(|wanted| characters.next().is_some_and(|found| is_same(found, wanted)))
        && (is_unspaced(entry) || !characters.as_str().starts_with(char::is_alphanumeric))
}

/// As [`begins`], for what a text ends with.
fn ends(text: &str, entry: &str) -> bool {
    let Some(last) = text.bytes().next_back() else { return false };
    if last.is_ascii() && entry.as_bytes().last() != Some(&last.to_ascii_lowercase()) {
        return false;
    }
    let mut characters = text.chars();
    entry.chars().rev().all(|wanted| characters.next_back().is_some_and(|found| is_same(found, wanted)))
        && (is_unspaced(entry) || !characters.as_str().ends_with(char::is_alphanumeric))
}

/// Whether a character is the one that a list has, in whatever case.
fn is_same(found: char, wanted: char) -> bool {
    found == wanted
        || found == '’' && wanted == '\''
        || !found.is_ascii() && found.to_lowercase().eq([wanted])
        || found.to_ascii_lowercase() == wanted
}

fn behind<'t>(text: &'t str, entry: &str) -> &'t str {
    let mut characters = text.chars();
    for _ in entry.chars() {
        characters.next();
    }
    characters.as_str()
}

/// Whether an entry is of a script without spaces.
fn is_unspaced(entry: &str) -> bool {
    entry.chars().all(crate::is_unspaced)
}
