//! How a text goes on behind a letter with another one: lists, ranges, and what leaves open which.

use gavel_text::is_denied_behind;

use crate::dress::{closed, skip_to_mark, strip_folded};
use crate::letters::Letters;
use crate::standing::{ends, is_word, mark_at, stands_alone};
use crate::task::Task;

/// Joins letters to a list.
const AND: [&str; 17] =
    [",", "、", "，", "&", ";", "；", "and", "和", "及", "与", "と", "y", "et", "und", "e", "و", "и"];
/// Leaves open which of the letters.
const OR: [&str; 50] = [
    "or",
    "bzw.",
    "/",
    "|",
    "或",
    "还是",
    "還是",
    "oder",
    "ou",
    "o",
    "หรือ",
    "か",
    "または",
    "또는",
    "أو",
    "или",
    "-",
    "–",
    "~",
    // Signs.
    ":",
    "<",
    "\\",
    "...",
    "..",
    "…",
    "vs.",
    "vs",
    "versus",
    "lub",
    "albo",
    "eller",
    "veya",
    "ya da",
    "atau",
    "hoặc",
    "या",
    "of",
    "vagy",
    "tai",
    "nebo",
    "sau",
    "ή",
    "או",
    "tabi",
    "au",
    "または",
    "また は",
    "або",
    "ili",
    "oppure",
];

/// What follows a connector, when another letter stands there; and whether it leaves open which.
pub(crate) fn connector<'a>(text: &'a str, task: &Task) -> Option<(&'a str, bool)> {
    let around = [' ', '\t', '{', '}'];
    let mut rest = text.trim_start_matches(around);
    let spaced = rest.len() < text.len();
    let mut is_connected = false;
    let mut opens = false;
    // `A, B, and C`, `A and/or B`
    while let Some((after, is_or)) = connector_at(rest) {
        rest = after.trim_start_matches(around);
        is_connected = true;
        opens |= is_or;
    }
    let (opened, at) = skip_to_mark(rest);
    let (mark, after) = mark_at(at, task)?;
    // `B，选A是错误的` speaks of the other one.
    if is_denied_behind(closed(after)) {
        return None;
    }
    // `B A` is a list, `B I think` is not.
    let alone = if is_connected {
        !mark.is_small && stands_alone(mark, opened, after)
    } else {
        spaced && !mark.is_small && (opened || !is_word(mark, after)) && ends(after)
    };
    alone.then_some((rest, opens))
}

fn connector_at(text: &str) -> Option<(&str, bool)> {
    let find = |words: &[&str]| {
        words.iter().find_map(|word| {
            let rest = strip_folded(text, word)?;
            let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic());
            // `B:C` is a ratio, and `B: C` may be a letter and its text.
            let is_set = *word != ":" || !rest.starts_with(' ');
            (is_set && (!is_word || rest.starts_with([' ', '/', '(', '*']))).then_some(rest)
        })
    };
    // Arrows and signs of mathematics join letters, too.
    let sign = text
        .chars()
        .next()
        .filter(|c| matches!(c, '\u{2190}'..='\u{22ff}' | '\u{27c0}'..='\u{27ff}' | '\u{2900}'..='\u{2aff}'));
    if let Some(sign) = sign {
        return Some((&text[sign.len_utf8()..], true));
    }
    const ARROWS: [&str; 8] = ["-->", "->", "=>", "~>", ">>", "\\to", "\\rightarrow", "\\Rightarrow"];
    let arrow = ARROWS.iter().find_map(|arrow| text.strip_prefix(arrow));
    if let Some(rest) = arrow.filter(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase())) {
        return Some((rest, true));
    }
    find(&OR).map(|rest| (rest, true)).or_else(|| find(&AND).map(|rest| (rest, false)))
}

/// Whether a text that started with the letters `found` goes on with "or" and another letter.
pub(crate) fn names_another(rest: &str, found: Letters, task: &Task) -> bool {
    const WORDS: [&str; 18] = [
        " or ",
        "(or ",
        " oder ",
        " ou ",
        "或",
        " или ",
        "alternatively",
        "if not",
        "otherwise",
        "backup",
        "possibly ",
        "maybe ",
        "perhaps ",
        // At once taken back.
        " no, ",
        "wait, ",
        "actually ",
        "that, ",
        " I mean ",
    ];
    // `B, not A or C`, `B because A or C …` speak of the others.
    const ASIDES: [&str; 10] =
        ["not", "because", "since", "as", "than", "while", "whereas", "unlike", "rather", "instead"];
    WORDS.iter().any(|word| {
        rest.match_indices(word).any(|(at, _)| {
            let between: Vec<&str> = rest[..at].split(|c: char| !c.is_alphabetic()).collect();
            // `…, so B or D` names the letter once more, and the sentence may well end there.
            let again = between.last().is_some_and(|last| {
                let mut characters = last.chars();
                characters.next().is_some_and(|c| found.contains(c)) && characters.next().is_none()
            });
            let is_aside = between.iter().any(|word| ASIDES.contains(word));
            let concludes = again && between.iter().any(|word| matches!(*word, "so" | "thus" | "hence"));
            if !word.starts_with("if") && is_aside && !concludes {
                return false;
            }
            let (opened, after) = skip_to_mark(rest[at + word.len()..].trim_start_matches([',', ':', ' ']));
            mark_at(after, task).is_some_and(|(mark, after)| {
                let certain =
                    opened || after.starts_with([')', '.', ':']) || ends(after) && !after.starts_with(' ');
                !mark.is_small && !found.contains(mark.letter) && certain
            })
        })
    })
}

/// Whether one word joins another letter to those before, whatever the language: `B alebo D`. A word that sets one letter
/// against the other, as in `B not D`, joins none.
pub(crate) fn is_joined_by_a_word(rest: &str, found: Letters, task: &Task) -> bool {
    const AGAINST: [&str; 16] = [
        "not", "over", "than", "unlike", "without", "no", "nicht", "non", "pas", "instead", "beats",
        "before", "because", "since", "as", "while",
    ];
    let Some(word) = rest.strip_prefix(' ').and_then(|rest| rest.split_once(' ')) else { return false };
    let (word, after) = word;
    let is_word = (2..=8).contains(&word.chars().count()) && word.chars().all(char::is_lowercase);
    let other = mark_at(skip_to_mark(after).1, task);
    is_word
        && !AGAINST.contains(&word)
        && other.is_some_and(|(mark, after)| {
            let ends = closed(after).trim_start_matches(['.', '!', ' ']);
            !mark.is_small && !found.contains(mark.letter) && (ends.is_empty() || ends.starts_with('\n'))
        })
}

/// Whether a text that follows letters leaves open which others belong to them: `B, etc.`, `B and up`, `B or else`, `B + 1`.
pub(crate) fn trails_off(rest: &str) -> bool {
    const TRAILS: [&str; 27] = [
        "and up",
        "and above",
        "and below",
        "and others",
        "and company",
        "and co",
        "and the like",
        "and whatever",
        "and then some",
        "and so on",
        "and more",
        "and the rest",
        "etc",
        "et al",
        "et cetera",
        "or else",
        "or whichever",
        "or any",
        "or another",
        "or others",
        "or something",
        "or so",
        "versus",
        "vs",
        "among others",
        "usw",
        "и т",
    ];
    let bare = rest.trim_start_matches([',', ' ', '\t', '}']);
    let goes_on = TRAILS.iter().any(|trail| {
        strip_folded(bare, trail).is_some_and(|after| !after.starts_with(char::is_alphanumeric))
    });
    let sum = bare.strip_prefix(['+', '×', '⊕', '^']).map(str::trim_start);
    goes_on || sum.is_some_and(|after| after.starts_with(char::is_alphanumeric))
}

/// Whether the letters start a range, or a sum, with another: `B through D`, `B plus C`, `B except C`.
pub(crate) fn spans_to_another(rest: &str, found: Letters, task: &Task) -> bool {
    const WORDS: [&str; 12] = [
        "through", "thru", "to", "until", "till", "plus", "minus", "except", "but", "bis", "jusqu'à", "hasta",
    ];
    let rest = rest.trim_start();
    let behind = WORDS.iter().find_map(|word| strip_folded(rest, word)?.strip_prefix(' '));
    let other = behind.and_then(|behind| mark_at(skip_to_mark(behind).1, task));
    other.is_some_and(|(mark, after)| {
        let after = closed(after);
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || c == ' ');
        !mark.is_small && !found.contains(mark.letter) && ends
    })
}
