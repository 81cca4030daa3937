//! Cuts the final answer out of a text. What stands in it is read elsewhere.

mod asked;
mod attached;
mod boxed;
mod clause;
mod last;
mod operand;
mod phrase;
mod places;
mod remark;
mod rivals;
mod working;

use std::borrow::Cow;
use std::fmt;

use gavel_text::{
    calls_it_a_joke, end_of, finds_nothing, first_of, has_short, is_counterfactual, is_crossed, is_disowned,
    is_in_attribute, is_led_astray, is_seen, is_withdrawn, renamed, rfind_short,
};
use serde::Deserialize;

pub(crate) use asked::{asked, repeats};
pub(crate) use attached::bound_asked_for;
use places::find;
pub(crate) use working::conclusion;

/// How much of a completion is searched, from its end, in bytes.
const FARTHEST_BACK: usize = 100_000;
/// From which length on a text may be a flood, in bytes.
const FLOOD: usize = 40_000;

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

/// What a completion says in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// This, in this place.
    Answer(Cow<'a, str>, Mode),
    /// An answer in this place that is denied, only supposed, or taken back.
    TakenBack(Mode),
}

/// The final answer of a completion: in the first place in `order` that has one that is not empty.
///
/// Thoughts do not count, and nothing that follows an answer behind the end of a turn or the start of a new task.
pub fn answer<'a>(completion: &'a str, prompt: &str, order: &[Mode]) -> Option<Found<'a>> {
    // Most texts have no tags, and then need not be gone through for each kind of them.
    let is_tagged = gavel_text::has_tags(completion);
    let may_be_there = |mode: &Mode| is_tagged || *mode != Mode::AnswerTag;
    let (stated, unstated): (Vec<Mode>, Vec<Mode>) =
        order.iter().copied().filter(may_be_there).partition(|mode| mode.is_stated());
    let turns = if is_tagged { gavel_text::turns(completion) } else { vec![completion] };
    let parts = |turn| gavel_text::tasks(if is_tagged { gavel_text::said(turn) } else { turn });
    let mut first = true;
    for turn in &turns {
        for part in parts(turn) {
            // Only of the first may the whole be the answer; of the next ones it is but a line.
            let modes = stated.iter().copied().filter(|mode| first || *mode != Mode::Whole);
            if let Some(found) = search(end_of(part, FARTHEST_BACK), prompt, modes) {
                return Some(found);
            }
            first = false;
        }
    }
    let mut parts = parts(turns.first()?).into_iter();
    parts.find_map(|part| search(end_of(part, FARTHEST_BACK), prompt, unstated.iter().copied()))
}

/// What is read of a completion: all of it, or the end of one that is longer than answers are. `None` where such a one
/// is a flood of signs, or starts with thoughts and none end there: then it has no answer, however much it says.
pub fn near_end(completion: &str) -> Option<&str> {
    const START: usize = 200;
    let near = end_of(completion, FARTHEST_BACK);
    if near.len() >= FLOOD && is_flood(near) {
        return None;
    }
    if near.len() == completion.len() {
        return Some(completion);
    }
    let start = gavel_text::shown(gavel_text::start_of(completion, START));
    let thinks = start.contains("<think>") && !start.contains("</think>");
    let ends = || gavel_text::shown(near).contains("</think>");
    (!thinks || ends()).then_some(near)
}

/// Whether a quarter of a long text is one of the signs that places are looked for by: no answer is written so, and going
/// from sign to sign would take more than a verdict may.
fn is_flood(text: &str) -> bool {
    const SIGNS: [u8; 7] = *b"<\n$\\#~%";
    let mut counts = [0_usize; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    SIGNS.iter().any(|sign| 4 * counts[usize::from(*sign)] > text.len())
}

fn search<'a>(text: &'a str, prompt: &str, order: impl Iterator<Item = Mode>) -> Option<Found<'a>> {
    let order: Vec<Mode> = order.collect();
    order.iter().find_map(|&mode| {
        let mut placed = find(text, mode)?;
        let mut mode = mode;
        // Boxes that "and" joins may be steps: an answer that is stated behind them outranks them.
        if mode == Mode::Boxed && placed.is_joined && order.contains(&Mode::Phrase) {
            let rest = &text[placed.end..];
            if let Some(later) = find(rest, Mode::Phrase) {
                (placed, mode) = (later.within(text, rest), Mode::Phrase);
            }
        }
        Some(if mode.is_stated() && is_taken_back(text, &placed, mode, prompt, &order) {
            Found::TakenBack(mode)
        } else {
            Found::Answer(placed.content, mode)
        })
    })
}

/// What stands in a place: from its first byte to its last one, and what of it is the answer.
pub(crate) struct Placed<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) content: Cow<'a, str>,
    /// Whether it is of several boxes with a word between them.
    pub(crate) is_joined: bool,
    /// Whether it is a box that a condition sets beside another one.
    pub(crate) is_case: bool,
}

impl<'a> Placed<'a> {
    /// A part of a text.
    fn of(text: &str, part: &'a str) -> Self {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        Self {
            start,
            end: start + part.len(),
            content: Cow::Borrowed(part),
            is_joined: false,
            is_case: false,
        }
    }

    /// What a text comes to, wherever in it that stands.
    fn whole(text: &str, content: Cow<'a, str>) -> Self {
        Self { start: 0, end: text.len(), content, is_joined: false, is_case: false }
    }

    /// What stands in a part of a text, seen from the text.
    fn within(self, text: &str, part: &str) -> Self {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        Self { start: self.start + start, end: self.end + start, ..self }
    }
}

/// Whether the text does not stand by what it says in a place.
fn is_taken_back(text: &str, placed: &Placed<'_>, mode: Mode, prompt: &str, order: &[Mode]) -> bool {
    let (before, behind) = (&text[..placed.start], &text[placed.end..]);
    let behind = behind.strip_prefix("</answer>").unwrap_or(behind);
    is_disowned(before)
        || is_counterfactual(before)
        || is_withdrawn(behind)
        || is_crossed(before, behind)
        || is_in_attribute(before, behind)
        // `7 when pigs fly` may be read as so many of something.
        || placed.content.contains(' ') && calls_it_a_joke(&placed.content)
        || mode == Mode::Boxed && (placed.is_case || operand::is_computed_with(before, behind))
        || mode != Mode::Boxed && operand::goes_on_with(behind)
        || mode == Mode::Boxed && rivals::is_asked(behind)
        || rivals::stands_beside_another(before, behind, &placed.content, mode)
        || renamed(behind).is_some_and(|other| !rivals::is_same(&placed.content, other))
        || rivals::contradict(text, placed, mode, order)
        || rivals::becomes_another(behind, &placed.content)
        || !is_seen(before)
        || is_led_astray(before, prompt)
        || placed.content.contains(|c: char| c.is_ascii_digit()) && finds_nothing(behind)
}

/// The answer in a reference, which may be the answer alone or a whole solution; empty where it states nothing.
pub fn reference(text: &str) -> Cow<'_, str> {
    // Many are a number or a word.
    let bare = text.trim();
    if bare.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(bare);
    }
    const SOLUTION: [Mode; 4] = [Mode::FinalAnswer, Mode::Boxed, Mode::Hashes, Mode::AnswerTag];
    if let Some(placed) = SOLUTION.iter().find_map(|mode| find(text, *mode)) {
        return placed.content;
    }
    if states_nothing(text) {
        return Cow::Borrowed("");
    }
    let stated = if is_solution(text) { find(text, Mode::Phrase) } else { None };
    stated.map_or_else(|| Cow::Borrowed(remark::tidy(text.trim())), |placed| placed.content)
}

/// The spellings of a reference that `OR` joins, where all say the same; none where they are several answers.
pub(crate) fn alternatives(reference: &str, is_same: impl Fn(&str, &str) -> bool) -> Vec<&str> {
    if first_of(reference, &[" OR "]).is_none() {
        return Vec::new();
    }
    let parts: Vec<&str> = reference.split(" OR ").map(str::trim).collect();
    let are_same = parts.len() > 1 && parts.windows(2).all(|pair| is_same(pair[0], pair[1]));
    if are_same { parts } else { Vec::new() }
}

/// Whether a text has the place of an answer, a box, a tag or `####`, and nothing in it.
fn states_nothing(text: &str) -> bool {
    let text = text.trim();
    // Most references are an answer and nothing else.
    if !text.contains(['\\', '<', '#']) {
        return false;
    }
    let is_blank_box = |at: usize| {
        let rest = text[at..].trim_start();
        gavel_text::braced(rest, rest.len()).is_some_and(|content| bare(content).is_empty())
    };
    text.ends_with("####")
        || text.starts_with("\\boxed")
        || rfind_short(text, "\\boxed").is_some_and(|at| is_blank_box(at + "\\boxed".len()))
        || rfind_short(text, "<answer>")
            .is_some_and(|at| text[at + "<answer>".len()..].trim().starts_with("</answer>"))
}

/// Whether a reference is a solution in sentences and no answer by itself.
fn is_solution(text: &str) -> bool {
    text.trim().contains('\n') || first_of(text, &[". "]).is_some()
}

/// What stands in a place without what is no part of the answer; `None` where nothing is left.
fn polished(found: Cow<'_, str>, mode: Mode) -> Option<Cow<'_, str>> {
    let found = match found {
        Cow::Borrowed(found) => Cow::Borrowed(cleaned(found, mode)),
        Cow::Owned(found) => Cow::Owned(cleaned(&found, mode).to_owned()),
    };
    let found = match mode {
        Mode::Phrase | Mode::AnswerTag if has_short(&found, "**") => Cow::Owned(without_emphasis(&found)),
        _ => found,
    };
    let negative = ["negative ", "minus "].iter().find_map(|word| found.strip_prefix(word));
    let negative = negative.map(|it| it.trim_start().trim_start_matches('$'));
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

/// Without white space, emphasis and quotation marks around it, and without a full stop.
fn bare(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | '"' | '“' | '”'));
    // The point of `p.m.` stays.
    let abbreviated = text.ends_with(".m.") || text.ends_with(".M.");
    if abbreviated { text } else { text.trim_end_matches(['.', ',', ';', ' ', '*']) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Preset;

    fn found(text: &str) -> (String, Mode) {
        let Some(Found::Answer(answer, mode)) = answer(text, "", Preset::MathVerify.order()) else {
            panic!("{text}: nothing is stated");
        };
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
            assert_eq!(answer(text, "", &[Mode::Boxed, Mode::AnswerTag]), None, "{text}");
        }
    }

    #[test]
    fn what_is_taken_back_is_no_answer() {
        for text in [
            "The answer is 7. Just kidding, it is 8.",
            "The answer is 7, which is wrong.",
            "The answer is anything but 7.",
            "The answer is far from 7.",
            "Let me pretend the answer is \\boxed{7}.",
            "If it were Monday the answer would be 7.",
            r"If x>0, \boxed{8}; otherwise \boxed{7}",
            r"\boxed{8} if x>0 and, if x<0, \boxed{7}",
            "<answer>7</answer> That is wrong.",
            "#### 7\nJust kidding.",
        ] {
            let found = answer(text, "", Preset::Default.order());
            assert!(!matches!(found, Some(Found::Answer(..))), "{text}: {found:?}");
        }
        assert_eq!(found(r"f is even if and only if \boxed{7}").0, "7");
    }

    #[test]
    fn a_reference_may_be_a_solution_or_state_nothing() {
        assert_eq!(reference("Let x be 5.\n\nTherefore, the answer is: 180."), "180");
        assert_eq!(reference("The cat sat. The dog ran."), "The cat sat. The dog ran");
        for nothing in [r"So we have \boxed{}", r"$\boxed{}$", "<answer></answer>", "We add.\n#### ", "####"]
        {
            assert_eq!(reference(nothing), "", "{nothing}");
        }
    }

    #[test]
    fn a_clause_ends_where_its_reason_begins() {
        assert_eq!(found("The answer is $5$ because $2+3=5$.").0, "$5$");
        assert_eq!(found("**Answer:** 42\nExplanation: 6 times 7").0, "42");
        assert_eq!(found("The answer is 3.5. Then").0, "3.5");
    }
}
