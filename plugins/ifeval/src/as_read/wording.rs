//! Words and phrases that a reader takes for said: whole words, and no denial of what they say.

use gavel_text::{is_disowned, is_unspaced, is_withdrawn, sentence_before, without_entities};

use crate::words::is_boundary;

/// Endings that leave a word the same: `apples` has the keyword `apple`, and `pineapple` has not.
const ENDINGS: [&str; 10] = ["", "s", "es", "d", "ed", "r", "er", "ers", "ing", "ly"];

/// How often a keyword stands in a text as a word of its own, in either case and with an ending or without.
pub(super) fn times(text: &str, keyword: &str) -> usize {
    let (text, keyword) = (text.to_lowercase(), keyword.trim().to_lowercase());
    // Korean writes particles onto a word.
    let is_free = |c: Option<char>| {
        c.is_none_or(|c| !c.is_alphanumeric() || is_unspaced(c) || ('\u{ac00}'..='\u{d7a3}').contains(&c))
    };
    let (starts_free, ends_free) = (is_free(keyword.chars().next()), is_free(keyword.chars().next_back()));
    let is_word = |at: usize| {
        let (end, rest) = (at + keyword.len(), &text[at + keyword.len()..]);
        let ending = rest.find(|c: char| !c.is_alphabetic()).map_or(rest, |length| &rest[..length]);
        (starts_free || is_boundary(&text, at))
            && (ends_free || ENDINGS.contains(&ending) || is_boundary(&text, end))
    };
    text.match_indices(&*keyword).filter(|(at, _)| is_word(*at)).count()
}

/// Whether there is a postscript that says something, and no sentence that only speaks of one.
pub(super) fn has_postscript(text: &str, marker: &str) -> bool {
    const SPEAKING: [&str; 16] = [
        "a", "an", "the", "no", "any", "this", "that", "my", "your", "without", "write", "add", "say", "not",
        "of", "with",
    ];
    let (text, marker) = (text.to_lowercase(), marker.to_lowercase());
    text.match_indices('p').chain(text.match_indices(&*marker)).any(|(at, _)| {
        let Some(said) = behind_marker(&text[at..], &marker) else { return false };
        let before = text[..at].trim_end_matches([' ', '\t', '*', '_', '#', '>', '(', '"', '“']);
        let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        !SPEAKING.contains(&word) && said.contains(char::is_alphanumeric)
    })
}

/// What stands behind a marker that a text starts with; a blank may stand in `P. S.`.
fn behind_marker<'t>(text: &'t str, marker: &str) -> Option<&'t str> {
    let mut rest = text;
    for c in marker.chars() {
        rest = rest.strip_prefix(c).or_else(|| rest.strip_prefix(' ')?.strip_prefix(c))?;
    }
    Some(rest)
}

/// Whether one of the three answers is given, no other, and not denied or taken back.
pub(super) fn gives_one_answer(text: &str) -> bool {
    const ANSWERS: [&str; 3] = ["My answer is yes.", "My answer is no.", "My answer is maybe."];
    let given: Vec<(usize, &str)> =
        ANSWERS.iter().filter_map(|answer| Some((text.rfind(answer)?, *answer))).collect();
    match given[..] {
        [(at, answer)] => {
            let (before, behind) = (&text[..at], &text[at + answer.len()..]);
            let lead = before.trim_end_matches([' ', '*', '"', '_', '“', '>', '#']);
            // Words right before it make a part of their sentence of it: `whether My answer is yes.`
            let is_whole =
                !lead.ends_with(|c: char| c.is_alphabetic() || c == '¿') && !behind.starts_with('?');
            let is_open =
                ["answer might be", "answer may be", "answer could be"].iter().any(|it| text.contains(it));
            is_whole && !is_open && !is_disowned(before) && !is_withdrawn(behind)
        }
        _ => false,
    }
}

/// Whether the phrase at the end is said: it starts a word, and no words before it deny it.
pub(super) fn ends_with(text: &str, phrase: &str) -> bool {
    let text = text.trim().trim_matches('"').to_lowercase();
    let Some(before) = text.strip_suffix(&phrase.to_lowercase()) else { return false };
    let starts =
        before.is_empty() || is_boundary(&text, before.len()) || !phrase.starts_with(char::is_alphanumeric);
    const REFUSING: [&str; 6] =
        ["refuse to", "will not ask", "won't ask", "will not say", "won't say", "never say"];
    let sentence = sentence_before(before);
    starts && !is_disowned(before) && !REFUSING.iter().any(|refusing| sentence.contains(refusing))
}

/// Whether a text has a comma of any script, or what looks like one.
pub(super) fn has_comma(text: &str) -> bool {
    const COMMAS: [char; 28] = [
        ',', '،', '、', '，', '﹐', '﹑', '､', '︐', '︑', '‚', '⸲', '⸴', '⹁', '⹌', '՝', '፣', '߸', '᠂', '᠈',
        '꓾', '꘍', '꛵', 'ꓹ', '؍', '٫', 'ˌ', '¸', '͵',
    ];
    without_entities(text).contains(COMMAS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_words() {
        for (text, keyword, count) in [
            ("pineapple", "apple", 0),
            ("Apples and an apple", "apple", 2),
            ("spear", "pear", 0),
            ("seaseasea", "sea", 0),
            ("sea, sea-side", "sea", 2),
            ("carpet", "car", 0),
            ("首都是巴黎。", "巴黎", 1),
            ("C++ and C", "c++", 1),
            ("사과를 먹었다", "사과", 1),
        ] {
            assert_eq!(times(text, keyword), count, "{text}: {keyword}");
        }
    }

    #[test]
    fn phrases_are_said() {
        assert!(
            has_postscript("Bye.\n\nP.S. I am late", "P.S.")
                && has_postscript("x! **P. P. S** more", "P.P.S")
        );
        assert!(
            !has_postscript("I will not write a P.S.", "P.S.") && !has_postscript("no P.S. here", "P.S.")
        );
        assert!(!has_postscript("Bye.\nP.S.", "P.S.") && has_postscript("Love, Ann P.S. Call me", "P.S."));
        assert!(gives_one_answer("It is not so. My answer is no."));
        assert!(!gives_one_answer("I will never say \"My answer is yes.\""));
        assert!(!gives_one_answer("My answer is yes. My answer is no."));
        assert!(
            ends_with("It was late. The end", "The end") && !ends_with("I will not say the end", "The end")
        );
        assert!(!ends_with("breathend", "end"));
        assert!(has_comma("a，b") && has_comma("a&#44;b") && !has_comma("a; b."));
    }
}
