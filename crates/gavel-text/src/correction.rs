//! What the words behind an answer put in its place or beside it: "Edit: 6", "Make that 6", "or rather 6", "that is 6".
//!
//! Whether that is another answer or the same one in other words is for the plugin to say.

use crate::languages;
use crate::start_of;
use crate::withdrawn::next_sentence;

/// How far behind an answer a correction may stand, in bytes.
const BEHIND: usize = 200;
/// How many words in a row may lead to the new answer.
const MOST_LEADS: usize = 5;
/// The longest new answer, in bytes, and the most words of it that are none of its value.
const LONGEST: usize = 60;
const MOST_WORDS: usize = 2;

/// Words that lead to another answer, in lower case. Of two that start alike, the longer one comes first.
const CORRECTORS: [&str; 80] = [
    "edit",
    "edited",
    "update",
    "updated",
    "make that",
    "make it",
    "or rather",
    "rather",
    "on second thoughts",
    "on second thought",
    "second thought",
    "on further thought",
    "on reflection",
    "upon reflection",
    "upon further reflection",
    "hold on",
    "nvm",
    "erratum",
    "errata",
    "corrigendum",
    "correction",
    "corrected answer",
    "corrected",
    "my apologies",
    "apologies",
    "addendum",
    "or",
    "and also",
    "also",
    "as well as",
    "along with",
    "alternatively",
    "instead",
    "maybe",
    "perhaps",
    "possibly",
    "oh",
    "no",
    "nah",
    "nope",
    "wait",
    "hmm",
    "hm",
    "err",
    "uh",
    "scrap that",
    "never mind",
    "nevermind",
    "my mistake",
    "my bad",
    "typo",
    "i meant to say",
    "i meant",
    "i mean",
    "sorry",
    "oops",
    "whoops",
    "better",
    "revised answer",
    "revised",
    "fixed",
    "fix",
    "actually",
    "in fact",
    "in truth",
    "in reality",
    "then again",
    "more precisely",
    "more accurately",
    "to be precise",
    "that is to say",
    "that is",
    "i.e",
    "namely",
    "psych",
    "sike",
    "lol",
    "haha",
    "well",
    "not this but",
];
/// Words that may stand between those and the answer, or alone before it.
const VERBS: [&str; 22] = [
    "was it",
    "is it",
    "it is",
    "it's",
    "it was",
    "it should be",
    "it should read",
    "it should have been",
    "it must be",
    "it could be",
    "it could also be",
    "it might be",
    "it may be",
    "this should be",
    "that should be",
    "that should read",
    "should be",
    "should read",
    "the answer is",
    "the answer should be",
    "there are",
    "it equals",
];
/// Verbs that introduce another answer without one of the words that lead to it.
const ALONE: [&str; 8] = [
    "it should be",
    "it should read",
    "it should have been",
    "this should be",
    "that should be",
    "should be",
    "should read",
    "the answer should be",
];

/// What the clause or the sentence behind an answer puts in its place, up to the end of its own clause. `behind` starts
/// right behind the answer.
pub fn correction(behind: &str) -> Option<&str> {
    let near = start_of(behind, BEHIND);
    // Where words follow an answer, the next sentence may correct it as well.
    let next = next_sentence(near);
    marked(near).or_else(|| led_to(near)).or_else(|| led_to(next))
}

/// As [`correction`], where it starts with a number, a formula or a capital letter alone, and says little else.
pub fn renamed(behind: &str) -> Option<&str> {
    let near = start_of(behind, BEHIND);
    // Most texts end with their answer.
    if !near.contains(char::is_alphanumeric) {
        return None;
    }
    correction(near).or_else(|| announced(next_sentence(near))).filter(|found| is_value(found))
}

/// The value behind a few words of which one speaks of a correction: `Revision: 6`, `Let me correct myself: 6`.
fn announced(sentence: &str) -> Option<&str> {
    const STEMS: [&str; 10] =
        ["correct", "revis", "amend", "chang", "updat", "edit", "errat", "addend", "apolog", "alarm"];
    let end = clause_end(sentence);
    // A comma may stand before the value: `False alarm, 6`.
    let end = end + sentence[end..].strip_prefix(", ").map_or(0, |rest| 2 + clause_end(rest));
    let sentence = &sentence[..end];
    let number = sentence.find(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\'));
    // `I change my mind: C`
    let letter = || {
        let (said, letter) = sentence.rsplit_once(": ")?;
        let is_letter = matches!(letter.trim().trim_matches(['(', ')', '*']).as_bytes(), [b'A'..=b'Z']);
        is_letter.then_some(said.len() + 2)
    };
    let value = number.or_else(letter)?;
    let (said, value) = sentence.split_at(value);
    let mut words = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_short = words.clone().count() <= MOST_LEADS;
    let corrects = words.any(|word| {
        STEMS.iter().any(|stem| word.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem)))
    });
    (is_short && corrects).then_some(value.trim_end())
}

/// What a sign puts in the place of the sentence before it: `. *6`, as chats mark a correction, and `. -> 6`. Beside a
/// word or a number, both are signs of a formula.
fn marked(text: &str) -> Option<&str> {
    const ARROWS: [&str; 5] = ["->", "→", "=>", "⇒", "⟶"];
    let sign = text.trim_start_matches(|c: char| c.is_whitespace() || ".!。)]}$\"".contains(c));
    let is_behind_sentence = text[..text.len() - sign.len()].contains(['.', '!', '。', '\n']);
    let line = sign.lines().next()?;
    let starred = || {
        let rest = line.strip_prefix('*')?;
        // Emphasis closes, and an entry of a list stands apart from its mark.
        (!rest.contains('*') && !rest.starts_with(char::is_whitespace)).then_some(rest)
    };
    let put = ARROWS.iter().find_map(|arrow| line.strip_prefix(arrow)).or_else(starred)?.trim();
    let end = clause_end(put);
    let is_all = !put[end..].contains(char::is_alphanumeric);
    let is_answer = (1..=LONGEST).contains(&end) && put[..end].split_whitespace().count() <= 1 + MOST_WORDS;
    (is_behind_sentence && is_all && is_answer).then_some(&put[..end])
}

/// What the words lead to that a text starts with.
fn led_to(text: &str) -> Option<&str> {
    let start = text.find(char::is_alphanumeric)?;
    // A sum that goes on is no sentence.
    if text[..start].contains(['=', '+', '/', '^', '\\', '<', '#']) {
        return None;
    }
    let mut rest = &text[start..];
    let mut leads = 0;
    for _ in 0..MOST_LEADS {
        let english = CORRECTORS.iter().find_map(|word| Some((*word, word_at(rest, word)?)));
        let found = english.or_else(|| languages::corrector(rest));
        // `7, no 6` and `no C` deny the other one.
        let Some((_, after)) = found.filter(|(word, after)| !NEGATIONS.contains(word) || !denies(after))
        else {
            break;
        };
        rest = after.trim_start_matches(is_between);
        leads += 1;
    }
    let verb = VERBS.iter().find_map(|verb| Some((word_at(rest, verb)?, verb)));
    match verb {
        Some((after, verb)) if leads > 0 || ALONE.contains(verb) => {
            rest = after.trim_start_matches(is_between)
        }
        _ if leads == 0 => return None,
        Some(_) | None => {
            rest = languages::verb(rest).map_or(rest, |after| after.trim_start_matches(is_between))
        }
    }
    let end = clause_end(rest);
    Some(rest[..end].trim()).filter(|found| !found.is_empty() && found.len() <= LONGEST)
}

/// Words that say no to what stands before them where a sentence pauses behind them, and else to what follows.
const NEGATIONS: [&str; 20] = [
    "no",
    "nah",
    "nope",
    "nein",
    "non",
    "нет",
    "不",
    "いや",
    "não",
    "nie",
    "hayır",
    "아니",
    "아니요",
    "لا",
    "नहीं",
    "không",
    "nee",
    "nej",
    "nei",
    "bukan",
];

fn denies(after: &str) -> bool {
    after.starts_with(|c: char| c == ' ' || c.is_alphanumeric())
        && !after.trim_start().starts_with(['-', '–', '—', ',', '(', ':'])
}

fn is_between(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            ',' | ':'
                | ';'
                | '.'
                | '!'
                | '*'
                | '-'
                | '–'
                | '—'
                | '…'
                | '：'
                | '，'
                | '。'
                | '！'
                | '、'
                | '('
                | '"'
        )
}

/// Where a clause ends; the point of `1.5` and the comma of `1,000` do not end one.
fn clause_end(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let ends = match c {
            '\n' | ';' | '!' | '?' | '。' | '；' | '，' | '！' => true,
            '.' | ',' => next.is_none_or(|next| !next.is_ascii_digit()),
            _ => false,
        };
        if ends {
            return at;
        }
    }
    text.len()
}

/// Whether a clause is a value with little beside it: `6`, `$x+1$`, `6 actually`, `B`; and not `6 is prime`.
fn is_value(clause: &str) -> bool {
    const SAYING: [&str; 16] = [
        "is", "are", "was", "were", "would", "will", "can", "cannot", "has", "have", "does", "fails",
        "works", "divides", "gives", "more",
    ];
    let bare = clause.trim_start_matches(['*', '(', '"', ' ', '[']);
    let Some(first) = bare.chars().next() else { return false };
    let word = bare.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
    let letter = word.trim_matches(['*', '(', ')', '"', '.', ']']);
    let is_letter = letter.len() == 1 && first.is_ascii_uppercase();
    let is_number = first.is_ascii_digit() || matches!(first, '$' | '\\' | '-' | '−') || is_numeral(letter);
    if !is_letter && !is_number {
        return false;
    }
    let formula = [("$", "$"), ("\\(", "\\)")].iter().find_map(|(open, close)| {
        let inner = bare.strip_prefix(open)?;
        inner.split_once(close).map(|(_, behind)| behind)
    });
    let behind = formula.unwrap_or(&bare[word.len()..]);
    let mut words = behind.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
    let says = words.clone().next().is_some_and(|word| SAYING.contains(&word));
    // `A dog` and `I think` are words, and no letter of a choice.
    let most = if is_letter { usize::from(!matches!(first, 'A' | 'I')) } else { MOST_WORDS };
    !says && words.by_ref().count() <= most
}

/// Whether a word is a small number: `nine`.
fn is_numeral(word: &str) -> bool {
    const NUMERALS: [&str; 20] = [
        "zero", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fifteen", "sixteen", "eighteen", "twenty", "thirty", "fifty", "hundred",
    ];
    NUMERALS.iter().any(|numeral| numeral.eq_ignore_ascii_case(word))
}

/// What stands behind a word that a text starts with, whatever its case.
fn word_at<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let start = text.get(..word.len())?;
    let is_there = start.eq_ignore_ascii_case(word)
        || !start.is_ascii() && start.replace('’', "'").eq_ignore_ascii_case(word);
    let rest = &text[word.len()..];
    (is_there && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\'' || c == '’')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_names_another_answer() {
        for behind in [
            ". Edit: 6",
            " Make that 6.",
            "}$. Rather, 6.",
            " On second thought, it is 6.",
            " as well as 6",
            ", that is 6",
            ", i.e. 6.",
            " Or 6.",
            " or maybe 6",
            " Wait, it is 6.",
            "... no, 6.",
            " — no, 6",
            " (or rather 6)",
            " It should be 6.",
            " apples. No, 6.",
            ". Then again, it could be 6.",
            " Hmm, 6 actually.",
            ". Revision: 6",
            ". Let me correct myself: 6.",
            ". False alarm, 6.",
            ". Or was it 6?",
            ". Hold on, it is 6.",
            ". *6",
            "}$.\n*6.",
            ". -> 6",
            "\n⇒ 6 apples",
        ] {
            assert!(
                renamed(behind).is_some_and(|it| it.starts_with('6')),
                "{behind}: {:?}",
                correction(behind)
            );
        }
        assert_eq!(renamed(". Actually, it is $x+1$."), Some("$x+1$"));
        assert_eq!(renamed(". No: C."), Some("C"));
        assert_eq!(renamed("\n\nI change my mind: C."), Some("C"));
        assert_eq!(renamed(". Edit: London"), None);
        assert_eq!(correction("\nEdit: London"), Some("London"));
    }

    #[test]
    fn a_remark_names_none() {
        for behind in [
            "",
            ".",
            ", because 6 is wrong.",
            " Actually, 6 is too small.",
            " In fact, this is easy.",
            " + 6",
            " = 6",
            ". Wait, why not C? Because",
            ". And I think so.",
            ". Or A dog.",
            ". No 6 is left.",
            ". Well done",
            ". Nowhere 6",
            " * 6",
            "*6",
            " -> 6",
            ".\n* 6 is even",
            ".\n*6*",
            ".** 6",
            ". *6 is the largest that is even, of which there are many",
        ] {
            assert_eq!(renamed(behind), None, "{behind}");
        }
    }
}
