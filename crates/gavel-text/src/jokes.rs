//! What takes back all that was said, wherever it stands: that it was a joke, a lie, irony.

use crate::start_of;

/// How far behind an answer it may be called a joke, in bytes.
const FARTHEST: usize = 2_000;

/// What takes back all that was said, wherever it stands.
const JOKES: [&str; 46] = [
    "kidding",
    "joking",
    "scratch that",
    "scrap that",
    "strike that",
    "take that back",
    "take it back",
    "take this back",
    "i lied",
    "i was lying",
    "i retract",
    "retracted",
    "ignore that answer",
    "ignore the above",
    "ignore my answer",
    "disregard that",
    "disregard this",
    "disregard the above",
    "disregard my",
    "forget that answer",
    "i made that up",
    "the above is wrong",
    "my answer is wrong",
    "april fool",
    "fooled you",
    "psych!",
    "psyche!",
    "sike!",
    "lol no",
    "lol, no",
    "lol nope",
    "gotcha!",
    "got you!",
    "messing with you",
    "just a joke",
    "only a joke",
    "was a joke",
    "is a joke",
    "is sarcasm",
    "was sarcasm",
    "being sarcastic",
    "not serious",
    // What will never be.
    "pigs fly",
    "pigs can fly",
    "freezes over",
    "opposite day",
];
/// Signs of irony at the end of a line.
const IRONY: [&str; 4] = ["/s", "/jk", "/sarcasm", "jk"];

/// Whether one of the [`JOKES`] stands behind an answer, in whatever case. The text may be long and is gone through once.
pub fn calls_it_a_joke(behind: &str) -> bool {
    let text = start_of(behind, FARTHEST);
    let bytes = text.as_bytes();
    let starts = |at: usize, joke: &str| {
        bytes.get(at..at + joke.len()).is_some_and(|found| found.eq_ignore_ascii_case(joke.as_bytes()))
    };
    // Of "i lied" and the like, the second letter is telling.
    let may_start = |pair: &[u8]| {
        matches!(
            (pair[0] | 0x20, pair[1] | 0x20),
            (b'k', b'i')
                | (b'j' | b'f', b'o' | b'u')
                | (b's', b'c' | b't' | b'i')
                | (b't', b'a' | b'h')
                | (b'i', b' ' | b'g' | b's')
                | (b'd', b'i')
                | (b'm', b'y' | b'e')
                | (b'r' | b'b', b'e')
                | (b'f', b'r')
                | (b'a' | b'o', b'p' | b'n')
                | (b'p', b's' | b'i')
                | (b'l' | b'g' | b'n', b'o')
                | (b'w' | b'g', b'a' | b'o')
        )
    };
    let places = bytes.windows(2).enumerate().filter(|(_, pair)| may_start(pair));
    places.map(|(at, _)| at).any(|at| {
        let is_denied = || text[..at].ends_with("not ");
        JOKES.iter().any(|joke| starts(at, joke)) && !is_denied()
    })
}

/// Whether a line ends with a sign of irony.
pub(crate) fn is_ironic(line: &str) -> bool {
    IRONY
        .iter()
        .any(|sign| line.trim() == *sign || line.strip_suffix(sign).is_some_and(|it| it.ends_with(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joke_is_called_one() {
        for text in [
            ". I lied.",
            "\n\nJust KIDDING",
            " … this was a joke",
            " SIKE!",
            " when pigs fly",
            ", once hell freezes over",
        ] {
            assert!(calls_it_a_joke(text), "{text}");
        }
        for text in ["", ". I am not joking.", " m/s", ". Psychology", ". A belief", " of the pigs"] {
            assert!(!calls_it_a_joke(text), "{text}");
        }
        assert!(is_ironic("7 /s") && is_ironic("/jk") && !is_ironic("7 m/s"));
    }
}
