//! The places where an answer may stand: what is found in each.

use std::borrow::Cow;

use gavel_text::{has_short, rfind_short};

use super::{Mode, Placed, bare, boxed, last, phrase, polished};

/// The answer in a place, without what is no part of it.
pub(super) fn find(text: &str, mode: Mode) -> Option<Placed<'_>> {
    let placed = match mode {
        Mode::FinalAnswer => Placed::of(text, within(phrase::final_answer(text)?)),
        Mode::Boxed => worded(boxed::placed(text)?),
        Mode::AnswerTag => {
            let tag = answer_tag(text)?;
            match boxed::placed(tag) {
                Some(placed) => placed.within(text, tag),
                None => Placed::of(text, phrase::phrase(tag).unwrap_or(tag)),
            }
        }
        Mode::Hashes => Placed::of(text, hashes(text)?),
        Mode::Phrase => {
            let clause = phrase::phrase(text)?;
            match boxed::placed(clause) {
                Some(placed) => placed.within(text, clause),
                None => Placed::of(text, clause),
            }
        }
        Mode::Whole => Placed::of(text, whole(text)?),
        Mode::LastFormula => Placed::whole(text, last::formula(text)?.0),
        Mode::LastNumber => Placed::whole(text, Cow::Borrowed(last::number(text)?.0)),
        Mode::Last => Placed::whole(text, last::formula_or_number(text)?),
    };
    if matches!(mode, Mode::LastNumber | Mode::Last | Mode::LastFormula)
        && let Cow::Borrowed(found) = placed.content
        && let start = found.as_ptr() as usize - text.as_ptr() as usize
        && (is_denied(&text[..start]) || gavel_text::is_withdrawn(&text[start + found.len()..]))
    {
        return None;
    }
    let content = polished(placed.content, mode)?;
    Some(Placed { content, ..placed })
}

/// Whether what stands right before a last number or formula says that it is none: `certainly not 42`, `17 != 42`, `so no 42`.
fn is_denied(before: &str) -> bool {
    const UNEQUAL: [&str; 12] =
        ["!=", "!==", "≠", "<>", "\\ne", "\\neq", "=/=", " <", " >", "\\lt", "\\gt", "\\not="];
    const OPEN: [&str; 6] = [" maybe", " perhaps", " possibly", "Maybe", "Perhaps", "Possibly"];
    let bare = before.trim_end_matches([' ', '$', '*', '(', '{', '\\']);
    UNEQUAL.iter().any(|sign| bare.ends_with(sign))
        || bare.ends_with(" no")
        || OPEN.iter().any(|word| bare.ends_with(word))
        || gavel_text::is_disowned(before)
}

/// The answer in a box that holds a sentence: `\boxed{\textbf{Answer: } 10}`.
fn worded(placed: Placed<'_>) -> Placed<'_> {
    let content = match placed.content {
        Cow::Borrowed(found) if has_short(found, "nswer") => {
            Cow::Borrowed(phrase::phrase(found).unwrap_or(found))
        }
        found => found,
    };
    Placed { content, ..placed }
}

/// A phrase often holds a more deliberate answer still.
fn within(found: &str) -> &str {
    boxed::last_content(found).unwrap_or(found)
}

/// The longest content of a tag, in bytes.
const LONGEST_TAG: usize = 40_000;

/// One that is not closed counts as none, so that nothing before it can stand in for it.
fn answer_tag(text: &str) -> Option<&str> {
    let (at, tag) = last::rfind(text, b'<', &["<answer>", "<Answer>", "<ANSWER>"])?;
    let rest = &text[at + tag.len()..];
    let (close, _) = ["</answer>", "</Answer>", "</ANSWER>"]
        .into_iter()
        .filter_map(|it| Some((rest.find(it)?, it)))
        .min()?;
    // A tag around this one says something else.
    let behind = &rest[close + "</answer>".len()..];
    let nested = behind.split_once("</answer>").is_some_and(|(between, _)| !between.trim().is_empty());
    (!nested && close <= LONGEST_TAG).then_some(&rest[..close])
}

/// Behind the last `####` that is no heading of Markdown.
fn hashes(text: &str) -> Option<&str> {
    const HEADINGS: [&str; 8] =
        ["step", "final", "answer", "solution", "part", "case", "conclusion", "explanation"];
    // A text without any is not gone through line by line.
    memchr::memrchr(b'#', text.as_bytes())?;
    text.rsplit('\n').find_map(|line| {
        let line = line[rfind_short(line, "####")? + "####".len()..].trim();
        let heading = HEADINGS
            .iter()
            .any(|it| line.get(..it.len()).is_some_and(|start| start.eq_ignore_ascii_case(it)));
        let numbered =
            line.split_once(". ").is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
        (!line.is_empty() && !heading && !numbered && !line.ends_with(':') && !line.starts_with('#'))
            .then_some(line)
    })
}

/// The formula that one short sentence says something is: `The probability is \(\frac{3}{4}\).`
fn only_formula(text: &str) -> Option<&str> {
    const MOST_WORDS: usize = 8;
    let (subject, formula) =
        text.strip_prefix("The ").filter(|_| !text.contains('\n'))?.split_once(" is ")?;
    let is_plain = subject.split(' ').all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && subject.split(' ').count() <= MOST_WORDS;
    let is_closed = [("\\(", "\\)"), ("$", "$")].iter().any(|(open, close)| {
        let inner = formula.strip_prefix(open).and_then(|it| it.strip_suffix(close));
        inner.is_some_and(|inner| !inner.contains(open) && !inner.is_empty())
    });
    (is_plain && is_closed && !gavel_text::is_disowned(&text[..text.len() - formula.len()]))
        .then_some(formula)
}

/// A completion of one short line that reads as an answer.
fn whole(text: &str) -> Option<&str> {
    const LONGEST: usize = 160;
    let text = bare(text);
    let text =
        ["∴", "\\therefore"].iter().find_map(|sign| text.strip_prefix(sign)).unwrap_or(text).trim_start();
    if let Some(formula) = only_formula(text) {
        return Some(formula);
    }
    if text.len() > LONGEST
        || text.is_empty()
        || has_short(text, ". ")
        // Boxes had their turn; this one was cut off.
        || has_short(text, "\\boxed")
        || has_short(text.trim_matches('$'), "\n\n")
    {
        return None;
    }
    // A sentence around a formula is no answer; the formula may be.
    let opens = ["$", "\\(", "\\["].iter().filter_map(|open| text.find(open)).min();
    let prose = |text: &str| {
        text.split_whitespace()
            .filter(|word| word.len() > 1 && word.bytes().all(|it| it.is_ascii_alphabetic()))
            .count()
    };
    if opens.is_some_and(|at| prose(&text[..at]) > 0) {
        return None;
    }
    let starts_with_words = text.split_whitespace().take_while(|word| prose(word) > 0).count();
    if starts_with_words > 1 && text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words = text
        .split_whitespace()
        .filter(|word| word.len() > 2 && word.bytes().all(|it| it.is_ascii_alphabetic()));
    (words.count() <= 4 && !text.ends_with('?') && crate::reading::is_readable(text)).then_some(text)
}
