//! Who writes the text that a base model is pre-trained on: half-hearted attempts, computed and marked.

use rand::RngExt;

use super::puzzle::{How, Puzzle};
use super::{RIGHT, Random, WRONG, of_level, prompt};

/// How the writer of the corpus behaves. Most give up early, which leaves most problems unsolved; a few persist, which is
/// what reinforcement learning can find and amplify.
#[derive(Debug, Clone, PartialEq)]
pub struct Habits {
    /// Probability that an attempt is right by insight, by level.
    pub insight: [f64; super::LEVELS as usize],
    /// Probability of stopping after an attempt that is marked right.
    pub stop_after_right: f64,
    /// Probability of stopping, and answering with the attempt at hand, after one that is marked wrong.
    pub stop_after_wrong: f64,
    /// Share of documents by a persistent writer.
    pub persistent: f64,
    /// Probability that a persistent writer stops after an attempt that is marked wrong.
    pub persistent_stop_after_wrong: f64,
    /// Probability that a persistent writer's attempt follows from those before.
    pub directed: f64,
    /// A document has no further attempt beyond so many characters.
    pub most_characters: usize,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            insight: [0.2, 0.12, 0.08, 0.05],
            stop_after_right: 0.9,
            stop_after_wrong: 0.65,
            persistent: 0.1,
            persistent_stop_after_wrong: 0.04,
            directed: 0.5,
            most_characters: 900,
        }
    }
}

/// A problem, attempts with their marks, and an answer.
pub(super) fn document(puzzle: &dyn Puzzle, level: u8, habits: &Habits, random: &mut Random) -> String {
    let persistent = random.random_bool(habits.persistent);
    let stop_after_wrong =
        if persistent { habits.persistent_stop_after_wrong } else { habits.stop_after_wrong };
    let mut text = prompt(puzzle);
    let mut attempts = Vec::new();
    loop {
        let how = if random.random_bool(of_level(level, habits.insight)) {
            How::Insight
        } else if persistent && random.random_bool(habits.directed) {
            How::Directed
        } else {
            How::Guess
        };
        let attempt = puzzle.attempt(how, &attempts, random);
        text += &attempt.work;
        text.push(if attempt.right { RIGHT } else { WRONG });
        let stop = if attempt.right { habits.stop_after_right } else { stop_after_wrong };
        attempts.push(attempt);
        if text.len() > habits.most_characters || random.random_bool(stop) {
            let last = attempts.last().expect("one was just made");
            return format!("{text}</think>{}", puzzle.stated(&last.answer));
        }
    }
}
