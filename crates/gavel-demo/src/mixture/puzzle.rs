//! What every problem of the mixture can do: ask, say what judges it, and have somebody try.

use serde_json::{Map, Value};

use super::Random;

/// A problem.
pub(super) trait Puzzle {
    /// What is asked.
    fn question(&self) -> String;

    /// What makes it this problem: two with one key are the same, however they are written.
    fn key(&self) -> String {
        self.question()
    }

    /// What the plugins need: `reference` and the columns of checks.
    fn columns(&self) -> Map<String, Value>;

    /// An attempt after those of `before`. By insight it is right; without, a guess, which may be right by chance. A
    /// directed one makes use of what the last attempts came to.
    fn attempt(&self, how: How, before: &[Attempt], random: &mut Random) -> Attempt;

    /// What the completion says behind its thinking.
    fn stated(&self, answer: &str) -> String {
        format!("<answer>{answer}</answer>")
    }
}

/// How an attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The solution, as if it had been seen.
    Insight,
    /// Anything that could be.
    Guess,
    /// A guess that follows from the ones before.
    Directed,
}

/// A candidate, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The check, up to its mark: `3*4+5=12+5=17`.
    pub(super) work: String,
    /// Whether it comes to what is asked for.
    pub(super) right: bool,
    /// The answer that it checks.
    pub(super) answer: String,
    /// The candidate and what it came to, where they are numbers.
    pub(super) numbers: (i64, i64),
}

/// Columns of a row.
pub(super) fn columns<const N: usize>(columns: [(&str, Value); N]) -> Map<String, Value> {
    columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
