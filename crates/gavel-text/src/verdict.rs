//! What a clause says of the answer that it speaks of: "is extraneous", "that must be discarded", "ignore the above".
//!
//! A clause is read as subject and predicate. The subject is the answer itself, right behind which the clause stands, or
//! a word for it; the predicate is a row of verbs, adverbs and articles that ends with a verdict.

mod lexicon;

use lexicon::{
    ADJECTIVES, BAD, DISMISSING, GOOD, HOLDING, LEADING, NEGATIONS, NOUNS, PLACES, PLAIN, USING, VERBS,
};

/// Verdicts of two words.
const PAIRS: [(&str, &str); 15] = [
    ("random", "guess"),
    ("seems", "off"),
    ("looks", "off"),
    ("no", "use"),
    ("pure", "guesswork"),
    ("made", "up"),
    ("ruled", "out"),
    ("thrown", "out"),
    ("red", "herring"),
    ("dead", "end"),
    ("way", "off"),
    ("far", "off"),
    ("no", "good"),
    ("wild", "guess"),
    ("not", "mine"),
];
/// How many words of a predicate are gone through for its verdict.
const MOST_WORDS: usize = 9;
/// How many words a verdict alone may have: `Entry deleted.`
const MOST_ALONE: usize = 4;

/// Whether a predicate, which stands right behind its subject, calls that wrong. In lower case, with plain apostrophes.
pub(crate) fn rejects(predicate: &str) -> bool {
    let predicate = predicate.trim_start_matches("'s");
    let mut words = words(clause(predicate)).take(MOST_WORDS).peekable();
    let (mut is_denied, mut is_said, mut has, mut ends_denied) = (false, false, false, false);
    while let Some(word) = words.next() {
        let next = words.peek().copied().unwrap_or_default();
        // `wrong to add them`, `false that`, `wrong about the units`: of something else.
        let is_of_another = matches!(next, "to" | "that" | "about" | "answers" | "ones");
        ends_denied = is_negation(word);
        if PAIRS.contains(&(word, next)) {
            return !is_denied;
        } else if ends_denied {
            is_denied = true;
        } else if BAD.contains(&word) {
            // `(rejected)`; but `false solutions were discarded` is of others.
            let ends =
                is_said || words.all(|it| PLACES.contains(&it) || matches!(it, "up" | "out" | "by" | "me"));
            return !is_denied && !is_of_another && ends && (is_said || !may_be_a_choice(word));
        } else if word == "answer" && next == "to" {
            // `the answer to a different question`
            let of_another = ["different", "another", "other", "previous", "wrong"];
            return is_denied != words.any(|it| of_another.contains(&it));
        } else if is_denied && word == "what" {
            // `not what was asked`
            return words.any(|it| matches!(it, "asked" | "wanted"));
        } else if GOOD.contains(&word) {
            return is_denied && !is_of_another;
        } else if HOLDING.contains(&word) {
            // `does not count the empty set`
            return is_denied && !(word == "count" && matches!(next, "the" | "a" | "any" | "those"));
        } else if matches!(word, "fails" | "fail" | "violates" | "contradicts" | "loses" | "uses") {
            // `uses the wrong numbers`
            let is_bad = word != "uses" || words.any(|word| BAD.contains(&word));
            return !is_denied && is_bad;
        } else if matches!(word, "has" | "contains") {
            has = true;
        } else if has && matches!(word, "error" | "errors" | "mistake" | "mistakes" | "flaw" | "bug" | "typo")
        {
            return !is_denied;
        } else if !PLAIN.contains(&word) && !has {
            return false;
        } else {
            is_said |= VERBS.contains(&word);
            ends_denied = is_denied && word == "be";
        }
    }
    // `it isn't`, `that cannot be`; but `not A` is of another one.
    ends_denied
}

/// Whether a clause with a word for the answer as its subject calls it wrong: `that is wrong`, `the key is mistaken`.
pub(crate) fn is_rejected(clause: &str) -> bool {
    /// How a clause within another one starts.
    const WITHIN: [&str; 4] = [" that ", " this ", " it ", " the answer "];
    let is_of_writer = ["i ", "i'm ", "we "].iter().any(|who| clause.starts_with(who));
    if is_of_writer && let Some((at, _)) = crate::first_of(clause, &WITHIN) {
        // `I am certain this is false`
        let is_sure = !words(&clause[..at]).any(is_negation);
        return is_sure && rejects_its_subject(clause[at..].trim_start().trim_start_matches("that that"));
    }
    rejects_its_subject(clause)
}

fn rejects_its_subject(clause: &str) -> bool {
    behind_subject(clause).is_some_and(|predicate| {
        rejects(predicate) || predicate.contains(" at random") && !predicate.contains(" not ")
    })
}

/// Whether a sentence is a verdict and nothing else: `Wrong.`, `Entry deleted.`, `Void.`
pub(crate) fn is_verdict_alone(sentence: &str) -> bool {
    let said = clause(sentence);
    let (mut bad, mut count) = (false, 0);
    for word in words(said) {
        count += 1;
        let is_bad = BAD.contains(&word) && !may_be_a_choice(word);
        bad |= is_bad;
        // `is wrong` has lost its subject.
        let is_verb = count == 1 && VERBS.contains(&word);
        if !is_bad && !NOUNS.contains(&word) && !PLAIN.contains(&word) || count > MOST_ALONE || is_verb {
            return false;
        }
    }
    bad
}

/// Whether a verdict alone may be what an answer says, or the text of a choice: `B. Impossible`.
fn may_be_a_choice(word: &str) -> bool {
    matches!(word, "false" | "untrue" | "impossible" | "invalid" | "unlikely" | "void")
}

/// Whether a sentence asks not to take the answer for one: `Ignore this`, `do not use that block`, `Scrap it`.
pub(crate) fn dismisses(sentence: &str) -> bool {
    const WHO: [&str; 9] =
        ["i hereby ", "i now ", "i ", "we ", "let us ", "let's ", "let me ", "you should ", "you must "];
    let said = without_leads(sentence);
    let said = WHO.iter().find_map(|who| said.strip_prefix(who)).unwrap_or(said);
    let object = match said.strip_prefix("do not ").or_else(|| said.strip_prefix("don't ")) {
        Some(rest) => USING.iter().find_map(|verb| word_at(rest, verb)),
        None => DISMISSING.iter().find_map(|verb| word_at(said, verb)),
    };
    object.is_some_and(|object| {
        let object = object.trim_start();
        // `Disregard.`
        !object.starts_with(char::is_alphanumeric)
            || behind_subject(object).is_some_and(|rest| {
                let next = words(clause(rest)).next().unwrap_or_default();
                let goes_on = rest.trim_start().starts_with(char::is_alphanumeric);
                !goes_on
                    || matches!(
                        next,
                        "and"
                            | "or"
                            | "as"
                            | "because"
                            | "please"
                            | "entirely"
                            | "completely"
                            | "seriously"
                            | "literally"
                    )
            })
    })
}

/// What stands behind a word for the answer that a clause starts with: `that`, `the above`, `my answer`, `the JSON above`.
pub(crate) fn behind_subject(clause: &str) -> Option<&str> {
    const ALL: [&str; 5] = ["all of ", "everything in ", "none of ", "the whole of ", "most of "];
    const ALONE: [&str; 11] = [
        "everything i said above",
        "everything i said",
        "what i said",
        "everything above",
        "all the above",
        "the above",
        "that",
        "this",
        "it",
        "which",
        "these",
    ];
    const DETERMINERS: [&str; 6] = ["the ", "this ", "that ", "my ", "its ", "your "];
    let clause = ALL.iter().find_map(|all| clause.strip_prefix(all)).unwrap_or(clause);
    let named = DETERMINERS.iter().find_map(|determiner| {
        let mut rest = clause.strip_prefix(determiner)?;
        // `answer` is a noun of its own in `this answer is wrong`, and none in `the answer tag`.
        let mut found = NOUNS.iter().find_map(|noun| word_at(rest, noun));
        while let Some(after) = ADJECTIVES.iter().find_map(|it| word_at(rest, it)) {
            rest = after.trim_start();
            found = NOUNS.iter().find_map(|noun| word_at(rest, noun)).or(found);
        }
        let mut after = found?;
        // `the answer tag above`
        while let Some(next) = NOUNS.iter().chain(&PLACES).find_map(|it| word_at(after.trim_start(), it)) {
            after = next;
        }
        Some(after)
    });
    named.or_else(|| ALONE.iter().find_map(|it| word_at(clause, it)))
}

/// A clause without the words that it may open with: `but`, `hmm,`, `however,`.
pub(crate) fn without_leads(clause: &str) -> &str {
    let mut rest = clause.trim_start_matches(|c: char| !c.is_alphanumeric());
    while let Some(after) = LEADING.iter().find_map(|it| word_at(rest, it)) {
        let after = after.trim_start_matches(|c: char| !c.is_alphanumeric());
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    rest
}

/// What stands behind a word that a text starts with.
fn word_at<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text.strip_prefix(word).filter(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't")
}

/// A text up to the mark that ends its clause.
fn clause(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let end = text.find([',', ';', '.', '!', '?', '\n', '(', ')', ':', '—', '–']);
    &text[..end.unwrap_or(text.len())]
}

/// The words of a clause; `right-angled` and `doesn't` are one.
fn words(clause: &str) -> impl Iterator<Item = &str> {
    clause.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '-'))).filter(|word| !word.is_empty())
}
