//! Cuts the final answer out of a text. What stands in it is read elsewhere.

mod attached;
mod boxed;
mod clause;
mod last;
mod parts;
mod phrase;
mod remark;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// How much of a completion is searched, from its end, in bytes.
const FARTHEST_BACK: usize = 200_000;

/// A place where a final answer may stand. In each, the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// "The final answer is …. I hope it is correct.", as Minerva's prompts end.
    FinalAnswer,
    /// `\boxed{…}` or `\fbox{…}`, with nested braces. Boxes side by side are one list.
    Boxed,
    /// `<answer>…</answer>`.
    AnswerTag,
    /// `#### …`, to the end of the line, as GSM8K's solutions end.
    Hashes,
    /// "the answer is …", "final answer: …", to the end of the clause.
    Phrase,
    /// The whole completion, when it is one short line and nothing but an answer.
    Whole,
    /// The last `$…$`, `\(…\)`, `\[…\]` or `$$…$$`. Formulas joined by `and` are one list.
    LastFormula,
    /// The last number anywhere, or the last `\frac{…}{…}` of two numbers.
    LastNumber,
    /// The last formula or the last number, whichever ends later.
    Last,
}

impl Mode {
    /// Whether what stands there was meant as the answer.
    fn is_stated(self) -> bool {
        !matches!(self, Self::LastFormula | Self::LastNumber | Self::Last)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FinalAnswer => "\"the final answer is … I hope\"",
            Self::Boxed => "\\boxed",
            Self::AnswerTag => "<answer>",
            Self::Hashes => "####",
            Self::Phrase => "\"the answer is\"",
            Self::Whole => "the whole completion",
            Self::LastFormula => "the last formula",
            Self::LastNumber => "the last number",
            Self::Last => "the last formula or number",
        })
    }
}

/// The final answer of a completion and where it stood: the first place in `order` that has one that is not empty.
///
/// Thoughts do not count, and nothing that follows an answer behind the end of a turn or the start of a new task.
pub fn answer<'a>(completion: &'a str, order: &[Mode]) -> Option<(Cow<'a, str>, Mode)> {
    let stated: Vec<Mode> = order.iter().copied().filter(|mode| mode.is_stated()).collect();
    let turns = parts::turns(completion);
    let mut first = true;
    for turn in &turns {
        for part in parts::tasks(parts::said(turn)) {
            // Only of the first may the whole be the answer; of the next ones it is but a line.
            let modes = stated.iter().copied().filter(|mode| first || *mode != Mode::Whole);
            if let Some(found) = search(tail(part), modes) {
                return Some(found);
            }
            first = false;
        }
    }
    let unstated = || order.iter().copied().filter(|mode| !mode.is_stated());
    let parts = parts::tasks(parts::said(turns.first()?));
    parts.into_iter().find_map(|part| search(tail(part), unstated()))
}

/// The end of a text that is longer than any answer needs.
fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(FARTHEST_BACK);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

fn search(text: &str, mut order: impl Iterator<Item = Mode>) -> Option<(Cow<'_, str>, Mode)> {
    order.find_map(|mode| find(text, mode).map(|found| (found, mode)))
}

/// The answer in a reference, which may be the answer alone or a whole solution with `####` or `\boxed`.
pub fn reference(text: &str) -> Cow<'_, str> {
    let solution = [Mode::FinalAnswer, Mode::Boxed, Mode::Hashes, Mode::AnswerTag];
    search(text, solution.into_iter())
        .map_or_else(|| Cow::Borrowed(remark::tidy(text.trim())), |(found, _)| found)
}

fn find(text: &str, mode: Mode) -> Option<Cow<'_, str>> {
    let found = match mode {
        Mode::FinalAnswer => Cow::Borrowed(within(phrase::final_answer(text)?)),
        Mode::Boxed => worded(boxed::boxed(text)?),
        Mode::AnswerTag => {
            let tag = answer_tag(text)?;
            boxed::boxed(tag).unwrap_or_else(|| Cow::Borrowed(phrase::phrase(tag).unwrap_or(tag)))
        }
        Mode::Hashes => Cow::Borrowed(hashes(text)?),
        Mode::Phrase => {
            let clause = phrase::phrase(text)?;
            boxed::boxed(clause).unwrap_or(Cow::Borrowed(clause))
        }
        Mode::Whole => Cow::Borrowed(whole(text)?),
        Mode::LastFormula => last::formula(text)?.0,
        Mode::LastNumber => Cow::Borrowed(last::number(text)?.0),
        Mode::Last => last::formula_or_number(text)?,
    };
    let found = match found {
        Cow::Borrowed(found) => Cow::Borrowed(cleaned(found, mode)),
        Cow::Owned(found) => Cow::Owned(cleaned(&found, mode).to_owned()),
    };
    let found = match mode {
        Mode::Phrase | Mode::AnswerTag if found.contains("**") => Cow::Owned(without_emphasis(&found)),
        _ => found,
    };
    let negative = ["negative ", "minus "].iter().find_map(|word| found.strip_prefix(word));
    match negative.filter(|it| it.starts_with(|c: char| c.is_ascii_digit())) {
        Some(number) => Some(Cow::Owned(format!("-{number}"))),
        None => Some(found).filter(|found| !found.is_empty()),
    }
}

/// Without `**` beside white space, which is no power.
fn without_emphasis(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split("**").peekable();
    while let Some(piece) = pieces.next() {
        plain.push_str(piece);
        let Some(next) = pieces.peek() else { break };
        let is_power = !piece.ends_with(char::is_whitespace) && !next.starts_with(char::is_whitespace);
        if is_power && !piece.is_empty() && !next.is_empty() {
            plain.push_str("**");
        }
    }
    plain
}

/// What was found without what stands around an answer.
fn cleaned(found: &str, mode: Mode) -> &str {
    if mode.is_stated() { remark::tidy(bare(found)) } else { bare(found) }
}

/// The answer in a box that holds a sentence: `\boxed{\textbf{Answer: } 10}`.
fn worded(found: Cow<'_, str>) -> Cow<'_, str> {
    match found {
        Cow::Borrowed(found) if found.contains("nswer") => {
            Cow::Borrowed(phrase::phrase(found).unwrap_or(found))
        }
        found => found,
    }
}

/// Without white space, emphasis and quotation marks around it, and without a full stop.
fn bare(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | '"' | '“' | '”'));
    // The point of `p.m.` stays.
    let abbreviated = text.ends_with(".m.") || text.ends_with(".M.");
    if abbreviated { text } else { text.trim_end_matches(['.', ',', ';', ' ', '*']) }
}

/// A phrase often holds a more deliberate answer still.
fn within(found: &str) -> &str {
    boxed::last_content(found).unwrap_or(found)
}

/// One that is not closed counts as none, so that nothing before it can stand in for it.
fn answer_tag(text: &str) -> Option<&str> {
    let (at, tag) = last::rfind(text, '<', &["<answer>", "<Answer>", "<ANSWER>"])?;
    let rest = &text[at + tag.len()..];
    let (close, _) = ["</answer>", "</Answer>", "</ANSWER>"]
        .into_iter()
        .filter_map(|it| Some((rest.find(it)?, it)))
        .min()?;
    // A tag around this one says something else.
    let behind = &rest[close + "</answer>".len()..];
    let nested = behind.split_once("</answer>").is_some_and(|(between, _)| !between.trim().is_empty());
    (!nested).then_some(&rest[..close])
}

/// Behind the last `####` that is no heading of Markdown.
fn hashes(text: &str) -> Option<&str> {
    const HEADINGS: [&str; 8] =
        ["step", "final", "answer", "solution", "part", "case", "conclusion", "explanation"];
    // A text without any is not gone through line by line.
    text.rfind('#')?;
    text.rsplit('\n').find_map(|line| {
        let line = line[line.rfind("####")? + "####".len()..].trim();
        let heading = HEADINGS
            .iter()
            .any(|it| line.get(..it.len()).is_some_and(|start| start.eq_ignore_ascii_case(it)));
        let numbered =
            line.split_once(". ").is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
        (!line.is_empty() && !heading && !numbered && !line.ends_with(':') && !line.starts_with('#'))
            .then_some(line)
    })
}

/// A completion of one short line that reads as an answer.
fn whole(text: &str) -> Option<&str> {
    const LONGEST: usize = 160;
    let text = bare(text);
    if text.len() > LONGEST
        || text.is_empty()
        || text.contains(". ")
        // Boxes had their turn; this one was cut off.
        || text.contains("\\boxed")
        || text.trim_matches('$').contains("\n\n")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Preset;

    fn found(text: &str) -> (String, Mode) {
        let (answer, mode) = answer(text, Preset::MathVerify.order()).unwrap();
        (answer.into_owned(), mode)
    }

    #[test]
    fn each_place_is_found() {
        for (text, answer, mode) in [
            (r"so \boxed{\frac{1}{2}} it is 7", r"\frac{1}{2}", Mode::Boxed),
            ("<think>6</think><answer>7</answer>", "7", Mode::AnswerTag),
            ("6 + 1 = 7\n#### 7", "7", Mode::Hashes),
            ("The answer is 7, for 6 + 1 is 7.", "7", Mode::Phrase),
            ("The final answer is $7$. I hope it is correct. Problem: 8", "$7$", Mode::FinalAnswer),
            ("x = 7", "x = 7", Mode::Whole),
            ("which gives $x+1$ of them", "x+1", Mode::Last),
            ("which gives $5$ of 12 apples", "12", Mode::Last),
        ] {
            assert_eq!(found(text), (answer.to_owned(), mode), "{text}");
        }
    }

    #[test]
    fn boxes_that_belong_together_are_a_list() {
        assert_eq!(found(r"\boxed{1} and \boxed{2}").0, "1, 2");
        assert_eq!(found(r"$\boxed{1}$, $\boxed{2}$").0, "1, 2");
        assert_eq!(found(r"\boxed{1} is wrong, so it is \boxed{2}").0, "2");
        assert_eq!(found(r"\boxed{28}$ percent").0, r"28 \%");
    }

    #[test]
    fn a_box_or_a_tag_that_is_not_closed_holds_nothing() {
        for text in [r"\boxed{7", "<answer>6</answer> <answer>7"] {
            assert_eq!(answer(text, &[Mode::Boxed, Mode::AnswerTag]), None, "{text}");
        }
    }

    #[test]
    fn a_clause_ends_where_its_reason_begins() {
        assert_eq!(found("The answer is $5$ because $2+3=5$.").0, "$5$");
        assert_eq!(found("**Answer:** 42\nExplanation: 6 times 7").0, "42");
        assert_eq!(found("The answer is 3.5. Then").0, "3.5");
    }
}
