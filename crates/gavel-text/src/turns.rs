//! The parts of a completion: what was thought, what was said, and what follows when a model runs on with a new task.
//! All of a text as `shown` gives it, where thoughts have one spelling.

/// The most places that are taken for the start of a new task. What follows is one part.
const MOST_PARTS: usize = 16;

/// The most marks of a heading or of emphasis that a line starts with.
const MOST_MARKS: usize = 8;

/// The longest number of a line `#### …`, in bytes.
const MOST_DIGITS: usize = 24;

/// Tokens that end a turn. What stands behind one was not said in answer.
const END_TOKENS: [&str; 19] = [
    "</s>",
    "<eos>",
    "<|im_end|>",
    "<|im_start|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end|>",
    "<|eos|>",
    "<|EOT|>",
    "<|eom_id|>",
    "<|return|>",
    "<|call|>",
    "<|user|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
];

/// How a line starts that poses a new task, emphasis and the marks of a heading left out.
const TASKS: [&str; 16] = [
    "Question:",
    "[Question]",
    "Next question",
    "New question",
    "Passage:",
    "Problem:",
    "Q:",
    "Human:",
    "User:",
    "Instruction:",
    "Problem\n",
    "Question\n",
    "Instruction\n",
    "Instructions:",
    "问题：",
    "题目：",
];

/// Whether a text may have a tag or the token of a turn. In one that has none, all is one turn and was said.
pub fn has_tags(text: &str) -> bool {
    let starts_tag = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'|' | 0x80..);
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes).any(|at| bytes.get(at + 1).is_some_and(starts_tag))
}

/// What was said: without the thoughts, whether they are closed or not. An `<answer>` ends thoughts that are not closed.
pub fn said(text: &str) -> &str {
    const TAGS: [&str; 5] = ["<think>", "<thinking>", "</think>", "</thinking>", "<answer>"];
    let tags = memchr::memrchr_iter(b'<', text.as_bytes()).filter_map(|at| {
        // Most signs are none of these, and a text may hold many.
        text.as_bytes().get(at + 1).filter(|byte| matches!(byte, b't' | b'/' | b'a'))?;
        let tag = TAGS.iter().find(|tag| text[at..].starts_with(**tag))?;
        Some((at, *tag))
    });
    let mut answer = None;
    let mut end = text.len();
    for (at, tag) in tags {
        if tag == "<answer>" {
            answer = answer.or(Some(at));
        } else if tag.starts_with("</") {
            return &text[at + tag.len()..end];
        } else if let (Some(answer), true) = (answer, end == text.len()) {
            return &text[answer..];
        } else {
            end = at;
        }
    }
    &text[..end]
}

/// What comes behind the thinking, if there is any, and before thoughts that do not end. Of a text as [`shown`] gives it.
///
/// [`shown`]: crate::shown
pub fn after_thinking(text: &str) -> &str {
    let after = text.rsplit_once("</think>").map_or(text, |(_, after)| after);
    let is_quoted = |at: usize| after[..at].ends_with(['"', '\'', '`']);
    let open = after.find("<think>").filter(|&at| !is_quoted(at));
    open.map_or(after, |at| &after[..at])
}

/// What stands between the tokens that end turns.
pub fn turns(text: &str) -> Vec<&str> {
    split(
        text,
        memchr::memchr_iter(b'<', text.as_bytes()).filter_map(|at| {
            // Most signs are none of these, and a text may hold many.
            text.as_bytes().get(at + 1).filter(|byte| matches!(byte, b'|' | b'/' | b'e' | b's' | 0x80..))?;
            let token = END_TOKENS.iter().find(|token| text[at..].starts_with(**token))?;
            Some((at, at + token.len()))
        }),
    )
}

/// The parts of a text that goes on with new tasks, as a model without an end does that was shown some.
pub fn tasks(text: &str) -> Vec<&str> {
    let mut answered = is_number_line(text);
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).filter_map(|at| {
        // GSM8K's solutions end with their number; what is worked out behind an empty line is the next one.
        if std::mem::take(&mut answered) && text[at + 1..].starts_with('\n') && !corrects(&text[at + 2..]) {
            return Some((at, at + 1));
        }
        let line = &text[at + 1..];
        answered = line.as_bytes().first() == Some(&b'#') && is_number_line(line);
        let is_mark = |it: &u8| matches!(it, b'*' | b'#' | b' ' | b'_');
        let marks = line.bytes().take(MOST_MARKS).take_while(is_mark).count();
        let line = &line[marks..];
        let is_task = match line.as_bytes().first() {
            Some(b'0'..=b'9') => is_numbered_question(line),
            Some(b'Q' | b'E') => is_next_question(line) || TASKS.iter().any(|task| line.starts_with(task)),
            Some(b'P' | b'H' | b'U' | b'I' | b'N' | b'[' | 0x80..) => {
                TASKS.iter().any(|task| line.starts_with(task))
            }
            _ => false,
        };
        is_task.then_some((at, at + 1))
    });
    split(text, lines)
}

/// `Question 2:`, `Exercise 3.`: the first is the one that was asked.
fn is_next_question(line: &str) -> bool {
    let Some(number) = ["Question ", "Exercise "].iter().find_map(|name| line.strip_prefix(name)) else {
        return false;
    };
    let digits = number.bytes().take(MOST_DIGITS).take_while(u8::is_ascii_digit).count();
    let is_first = matches!(&number[..digits], "" | "0" | "1");
    !is_first && number[digits..].starts_with([':', '.', ')', '\n', '*'])
}

/// `2. What is 5 * 5?` above a list of choices.
fn is_numbered_question(line: &str) -> bool {
    let digits = line.bytes().take(MOST_DIGITS).take_while(u8::is_ascii_digit).count();
    let Some((question, below)) = line.split_once('\n') else { return false };
    let is_first = matches!(&line[..digits], "0" | "1");
    let choices = below.trim_start_matches(['(', ' ', '*', '\n']);
    !is_first
        && question[digits..].starts_with(['.', ')'])
        && question.trim_end().ends_with('?')
        && (choices.starts_with("A)") || choices.starts_with("A."))
}

/// Whether a text starts with a line of `####` and a number alone.
fn is_number_line(text: &str) -> bool {
    let Some(line) = text.strip_prefix("#### ") else { return false };
    let number = line.bytes().take(MOST_DIGITS).take_while(|it| b"0123456789.,-$% ".contains(it)).count();
    number > 0 && line[number..].starts_with('\n')
}

/// Whether a text starts as one that corrects what stands before.
fn corrects(text: &str) -> bool {
    const WORDS: [&str; 16] = [
        "Wait",
        "Actually",
        "Hmm",
        "However",
        "Oops",
        "Correction",
        "Sorry",
        "But",
        "Let me",
        "No, ",
        "No.",
        "Nope",
        "That is wrong",
        "This is wrong",
        "Never mind",
        "I take",
    ];
    WORDS.iter().any(|word| text.starts_with(word))
}

/// The text without the ends given, empty parts left out.
fn split(text: &str, ends: impl Iterator<Item = (usize, usize)>) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (end, behind) in ends {
        if parts.len() == MOST_PARTS {
            break;
        }
        if end > start && !text[start..end].trim().is_empty() {
            parts.push(&text[start..end]);
        }
        start = behind.max(start);
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_not_said() {
        for (text, left) in [
            ("5", "5"),
            ("<think>3</think> 5", " 5"),
            ("3</think> 5", " 5"),
            ("<think>3</think>5<think>4", "5"),
            ("<think>3", ""),
            ("<think>3 <answer>5</answer>", "<answer>5</answer>"),
            ("<think><answer>3</answer></think>5", "5"),
        ] {
            assert_eq!(said(text), left, "{text}");
        }
    }

    #[test]
    fn an_answer_comes_behind_the_thinking() {
        for (text, left) in [
            ("5", "5"),
            ("<think>3</think> 5", " 5"),
            ("<think>3", ""),
            ("a <think>3", "a "),
            ("a `<think>` 3", "a `<think>` 3"),
        ] {
            assert_eq!(after_thinking(text), left, "{text}");
        }
    }

    #[test]
    fn a_turn_ends_at_its_token() {
        assert_eq!(turns("<|im_start|>assistant 5<|im_end|>\n<|im_start|>user"), ["assistant 5", "user"]);
        assert_eq!(turns("x < 5 </s>"), ["x < 5 "]);
        assert_eq!(turns("<b>5</b>"), ["<b>5</b>"]);
    }

    #[test]
    fn a_new_task_starts_a_new_part() {
        assert_eq!(tasks("A: 5\n\nQ: and 6?\nA: 7"), ["A: 5\n", "Q: and 6?\nA: 7"]);
        assert_eq!(tasks("5\n## Problem:\n6").len(), 2);
        assert_eq!(tasks("#### 5\n\nTom has 6").len(), 2);
        assert_eq!(tasks("#### 5\n\nWait, it is 6").len(), 1);
        assert_eq!(tasks("Problem 1: 5\nProblem 2: 6").len(), 1);
        assert_eq!(tasks("B\n**Question 2:** and now?").len(), 2);
        assert_eq!(tasks("B\n\n2. What is it?\nA) 5\nB) 6").len(), 2);
        assert_eq!(tasks("1. Is it 5?\n2. Is it 6?\nNo.").len(), 1);
        assert_eq!(tasks("Steps:\nQuestion 1: what is asked?\n5").len(), 1);
        assert_eq!(tasks("Question: 5?\nA: 6").len(), 1);
    }
}
