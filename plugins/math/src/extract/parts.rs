//! The parts of a completion: what was thought, what was said, and what follows when a model runs on with a new task.

use super::last::rfind;

/// The most places that are taken for the start of a new task. What follows is one part.
const MOST_PARTS: usize = 16;

/// The most marks of a heading or of emphasis that a line starts with.
const MOST_MARKS: usize = 8;

/// Tokens that end a turn. What stands behind one was not said in answer.
const END_TOKENS: [&str; 18] = [
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
    "<|user|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
];

/// How a line starts that poses a new task, emphasis and the marks of a heading left out.
const TASKS: [&str; 12] = [
    "Question:",
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

/// What was said: without the thoughts, whether they are closed or not. An `<answer>` ends thoughts that are not closed.
pub(super) fn said(text: &str) -> &str {
    const OPEN: [&str; 2] = ["<think>", "<thinking>"];
    const CLOSE: [&str; 2] = ["</think>", "</thinking>"];
    let close = rfind(text, '<', &CLOSE);
    let behind = close.map_or(0, |(at, tag)| at + tag.len());
    let Some((open, _)) = rfind(&text[behind..], '<', &OPEN) else { return &text[behind..] };
    let open = behind + open;
    match rfind(&text[open..], '<', &["<answer>"]) {
        Some((answer, _)) => &text[open + answer..],
        None => &text[behind..open],
    }
}

/// What stands between the tokens that end turns.
pub(super) fn turns(text: &str) -> Vec<&str> {
    split(
        text,
        text.match_indices('<').filter_map(|(at, _)| {
            // Most signs are none of these, and a text may hold many.
            text.as_bytes().get(at + 1).filter(|byte| matches!(byte, b'|' | b'/' | b'e' | b's' | 0x80..))?;
            let token = END_TOKENS.iter().find(|token| text[at..].starts_with(**token))?;
            Some((at, at + token.len()))
        }),
    )
}

/// The parts of a text that goes on with new tasks, as a model without an end does that was shown some.
pub(super) fn tasks(text: &str) -> Vec<&str> {
    let lines = text.match_indices('\n').filter_map(|(at, _)| {
        let line = &text[at + 1..];
        let marks = line.bytes().take(MOST_MARKS).take_while(|it| b"*# _".contains(it)).count();
        let line = &line[marks..];
        let may_be = line.as_bytes().first().is_some_and(|it| b"QPHUI".contains(it) || *it >= 0x80);
        let is_task = may_be && TASKS.iter().any(|task| line.starts_with(task));
        is_task.then_some((at, at + 1))
    });
    split(text, lines)
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
