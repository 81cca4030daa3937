//! How many tokens of prompts are computed together.

use crate::engine::PromptKey;

/// At most this many tokens of prompts go through the layers at a time.
pub(super) const PROMPT_ROWS: usize = 4096;
/// Numbers of the tables of pages of the prompts that are computed together.
pub(super) const PROMPT_TABLE: usize = 1 << 16;

/// Tokens of prompts that go through the layers together.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) tokens: Vec<i32>,
    /// Line of the table and position of each.
    pub(super) places: Vec<i32>,
    pub(super) prompts: Vec<PromptKey>,
    /// A line of pages for each prompt.
    pub(super) table: Vec<i32>,
    /// The rows of the last tokens of the prompts that end here.
    pub(super) last: Vec<i32>,
    pub(super) ended: Vec<PromptKey>,
}

impl Chunk {
    /// Whether there is no room for another token.
    pub(super) fn is_full(&self, line: usize) -> bool {
        self.tokens.len() == PROMPT_ROWS
            || (!self.tokens.is_empty() && self.table.len() + line > PROMPT_TABLE)
    }
}
