//! Where a completion says its answer, and which of its form remains without what it says. No plugin is asked: this looks
//! for the ways in which answers are commonly marked, and finds none where it is not sure.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// The most characters of an answer, and the most words of a completion that is its own answer.
const LONGEST: usize = 60;
const WORDS_BARE: usize = 3;

/// Where the answer of a completion may stand: in its last box, answer tag, `####` line or "answer is"; or it is the whole
/// of a short one. The likeliest comes first. A sentence holds its answer, and is none.
pub(super) fn places(completion: &str) -> Vec<Range<usize>> {
    static SENTENCE: LazyLock<Regex> = LazyLock::new(|| {
        constant(r"(?i)</?[a-z]|box(?:ed)?\s*\{|\b(?:answer|is|are|was|were|out|not|no)\b|[.:]\s|\n")
    });
    let marked = [boxed(completion), tagged(completion), after_words(completion)];
    let marked: Vec<Range<usize>> = marked.into_iter().flatten().collect();
    let found = if marked.is_empty() { bare(completion).into_iter().collect() } else { marked };
    let within = |range| trimmed(completion, range, char::is_whitespace);
    let is_answer = |range: &Range<usize>| {
        let content = &completion[range.clone()];
        let is_value = || serde_json::from_str::<Value>(content).is_ok();
        !content.is_empty()
            && content.chars().count() <= LONGEST
            && (!SENTENCE.is_match(content) || is_value())
    };
    found.into_iter().map(within).filter(is_answer).collect()
}

/// What the likeliest of its places says.
pub(super) fn answer(completion: &str) -> Option<&str> {
    places(completion).into_iter().next().map(|range| &completion[range])
}

/// The content of the last `\boxed{…}`.
fn boxed(text: &str) -> Option<Range<usize>> {
    static BOX: LazyLock<Regex> = LazyLock::new(|| constant(r"\\f?box(?:ed)?\s*\{"));
    let start = BOX.find_iter(text).last()?.end();
    Some(start..start + closing(&text[start..])?)
}

/// Where the brace that has been opened before `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The content of the last `<answer>…</answer>`.
fn tagged(text: &str) -> Option<Range<usize>> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| constant(r"(?is)<answer>(.*?)</answer>"));
    TAG.captures_iter(text).last()?.get(1).map(|content| content.range())
}

/// What stands on the line behind the last `####`, "answer is" or "answer:".
fn after_words(text: &str) -> Option<Range<usize>> {
    static WORDS: LazyLock<Regex> =
        LazyLock::new(|| constant(r"(?im)(?:^####|\banswer\s+is\b:?|\banswer\s*:)([^\n]*)"));
    let line = WORDS.captures_iter(text).last()?.get(1)?.range();
    let ends = |letter: char| letter.is_whitespace() || matches!(letter, '.' | '*' | '"' | '`');
    Some(trimmed(text, line, ends))
}

/// A few words, or a value in JSON.
fn bare(text: &str) -> Option<Range<usize>> {
    let all = trimmed(text, 0..text.len(), char::is_whitespace);
    let content = &text[all.clone()];
    let is_value = || serde_json::from_str::<Value>(content).is_ok();
    (content.split_whitespace().count() <= WORDS_BARE || is_value()).then_some(all)
}

/// Answers of the same sort that are others: letters for a letter, numbers for a number. None for anything else.
pub(super) fn neighbours(answer: &str) -> Vec<String> {
    if let Some((at, letter)) = only_letter(answer) {
        let letters = if letter.is_ascii_lowercase() { 'a'..='d' } else { 'A'..='D' };
        let put = |other: char| format!("{}{other}{}", &answer[..at], &answer[at + 1..]);
        return letters.filter(|other| *other != letter).map(put).collect();
    }
    match answer.parse::<i64>() {
        // The number before it first: of choices that are counted, there is one.
        Ok(number) if number.abs() < 1 << 40 => {
            let before = if number > 1 { -1 } else { 2 };
            [before, 1, 11].map(|more| (number + more).to_string()).into()
        }
        _ => Vec::new(),
    }
}

/// The letter of an answer that is one letter, bare or with brackets or a point.
fn only_letter(answer: &str) -> Option<(usize, char)> {
    let mut letters = answer.char_indices().filter(|(_, letter)| letter.is_alphanumeric());
    let (at, letter) = letters.next()?;
    let is_only = letters.next().is_none() && answer.len() <= 3;
    (is_only && letter.is_ascii_alphabetic()).then_some((at, letter))
}

/// Whether two answers are of one sort: both a letter, both a number, or neither.
pub(super) fn alike(one: &str, other: &str) -> bool {
    let sort = |answer: &str| match (only_letter(answer), answer.parse::<f64>()) {
        (Some(_), _) => 0,
        (None, Ok(_)) => 1,
        (None, Err(_)) => 2,
    };
    sort(one) == sort(other)
}

/// Whether a completion goes on into other turns or tasks: what is put behind it may belong to those.
pub(super) fn runs_on(completion: &str) -> bool {
    static TURN: LazyLock<Regex> = LazyLock::new(|| {
        constant(
            r"(?im)^[\s*#]*(?:(?:question|problem|exercise|task|q|user|human|input)\s*[0-9]*\s*[*]*:|(?:question|problem|exercise)\s*[0-9]+\b)|<\|",
        )
    });
    TURN.is_match(completion)
}

fn trimmed(text: &str, range: Range<usize>, drops: impl Fn(char) -> bool) -> Range<usize> {
    let within = &text[range.clone()];
    let start = range.start + within.len() - within.trim_start_matches(&drops).len();
    start..start + text[start..range.end].trim_end_matches(&drops).len()
}

/// The form of a completion with `filling` where it says something: tags, boxes, headings, fences, lists and the words
/// that announce an answer stay. Empty where it has no form.
pub(super) fn form(completion: &str, filling: &str) -> String {
    static MARKS: LazyLock<Regex> = LazyLock::new(|| {
        constant(
            r"(?m)</?[A-Za-z_][^<>\n]{0,60}>|\\f?box(?:ed)?\s*\{|^#{1,6}(?:[ \t]|$)|^[ \t]*(?:```|~~~)[^\n]*$|^[ \t]*(?:[-*]|[0-9]{1,3}[.)])[ \t]|(?:[Tt]he )?(?:[Ff]inal )?[Aa]nswer(?: is|:)|\*\*",
        )
    });
    let mut form = String::new();
    let mut at = 0;
    while let Some(mark) = MARKS.find_at(completion, at) {
        form.push_str(&filled(&completion[at..mark.start()], filling));
        form.push_str(mark.as_str());
        at = mark.end();
        if mark.as_str().starts_with('\\') {
            form.push_str(filling);
            form.push('}');
            at += closing(&completion[at..]).map_or(completion.len() - at, |brace| brace + 1);
        }
    }
    if at == 0 {
        return String::new();
    }
    form.push_str(&filled(&completion[at..], filling));
    form
}

/// The filling in place of what stands between two marks, if anything does, with the white space around it.
fn filled(gap: &str, filling: &str) -> String {
    let space = |blank: &str| match blank {
        "" => "",
        blank if blank.contains('\n') => "\n",
        _ => " ",
    };
    let content = gap.trim();
    if content.is_empty() {
        return space(gap).to_owned();
    }
    let start = gap.len() - gap.trim_start().len();
    let (before, after) = (&gap[..start], &gap[start + content.len()..]);
    format!("{}{filling}{}", space(before), space(after))
}

/// JSON of the same shape that says nothing: no text, no number but zero, no list with anything in it.
pub(super) fn hollow_json(completion: &str) -> Option<String> {
    fn hollow(value: Value) -> Value {
        match value {
            Value::String(_) => Value::String(String::new()),
            Value::Number(_) => Value::from(0),
            Value::Array(_) => Value::Array(Vec::new()),
            Value::Object(entries) => {
                Value::Object(entries.into_iter().map(|(name, value)| (name, hollow(value))).collect())
            }
            other => other,
        }
    }
    let value = serde_json::from_str::<Value>(completion.trim()).ok()?;
    (value.is_object() || value.is_array()).then(|| hollow(value).to_string())
}

/// Whether `word` stands in `text` by itself.
pub(super) fn says(text: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, found)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + found.len()..].chars().next())
    })
}

/// A pattern of this file.
fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_where_it_is_marked() {
        for (completion, expected) in [
            ("First \\boxed{1}, then \\boxed{\\frac{1}{2}}.", Some("\\frac{1}{2}")),
            ("<think>3</think>\n<answer> 4 </answer>", Some("4")),
            ("<answer>\\(\\boxed{3}\\)</answer>", Some("3")),
            ("9 * 2 = 18\n#### 18", Some("18")),
            ("**The final answer is:** $7$.", Some("$7$")),
            ("Answer: \"Paris\"", Some("Paris")),
            (" Paris\n", Some("Paris")),
            ("one line\nand another", None),
            ("we add them up and get 7 in all", None),
            ("so: ANSWER 42", None),
            (
                "{\"name\": \"Ada\", \"age\": 36, \"in\": [1, 2]}",
                Some("{\"name\": \"Ada\", \"age\": 36, \"in\": [1, 2]}"),
            ),
            ("\\boxed{", None),
            ("\\boxed{}", None),
            ("", None),
        ] {
            assert_eq!(answer(completion), expected, "{completion:?}");
        }
        assert_eq!(places("<answer>1</answer>\n#### 2").len(), 2);
    }

    #[test]
    fn neighbours_are_of_the_same_sort() {
        assert_eq!(neighbours("(B)"), ["(A)", "(C)", "(D)"]);
        assert_eq!(neighbours("d"), ["a", "b", "c"]);
        assert_eq!(neighbours("E"), ["A", "B", "C", "D"]);
        assert_eq!(neighbours("7"), ["6", "8", "18"]);
        assert_eq!(neighbours("0"), ["2", "1", "11"]);
        for none in ["Ж", "Paris", "1.5", "\\frac{1}{2}", ""] {
            assert!(neighbours(none).is_empty(), "{none}");
        }
        assert!(alike("7", "1.5") && alike("A", "(c)") && alike("Paris", "Rome") && !alike("A", "7"));
    }

    #[test]
    fn what_goes_on_into_another_task_is_told() {
        for text in
            ["8\nQ: And 4 + 4?\nA: 8", "B\n\n**Question 2:** x", "B\n\nQuestion 2\nWhich?", "7<|im_end|>"]
        {
            assert!(runs_on(text), "{text}");
        }
        assert!(!runs_on("The question: what is it? 7"));
    }

    #[test]
    fn a_form_says_nothing() {
        for (completion, empty, filled) in [
            (
                "<think>2+2</think>\n<answer>4</answer>",
                "<think></think>\n<answer></answer>",
                "<think>…</think>\n<answer>…</answer>",
            ),
            ("So it is \\boxed{\\frac{1}{2}}.", " \\boxed{}", "… \\boxed{…}…"),
            ("# Title\n\n- one\n- two", "# \n- \n- ", "# …\n- …\n- …"),
            ("```json\n{\"a\": 1}\n```", "```json\n\n```", "```json\n…\n```"),
            ("no form at all", "", ""),
        ] {
            assert_eq!((form(completion, ""), form(completion, "…")), (empty.to_owned(), filled.to_owned()));
        }
        assert_eq!(
            hollow_json(r#"{"name": "Ada", "tags": ["x"], "old": {"age": 36}}"#).unwrap(),
            r#"{"name":"","tags":[],"old":{"age":0}}"#
        );
        assert_eq!(hollow_json("36"), None);
    }

    #[test]
    fn a_word_is_said_by_itself() {
        assert!(says("it is 7.", "7") && says("7", "7") && says("(-7)", "-7"));
        assert!(!says("17", "7") && !says("7th", "7"));
    }
}
