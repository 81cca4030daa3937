//! Attacks on a plugin, made of its own cases: completions that should earn no more than a plain wrong answer.
//!
//! What the cases say of the plugin is enough to attack it. A *task* is what several cases share: prompt, reference,
//! metadata and options. Its *right* completions are those that earn the most, where that is more than "I do not know."
//! earns; its *plain wrong* ones are that sentence, what earns less, and completions that are right for other tasks and
//! not for this one. The most that a plain wrong one earns is the task's *baseline*. An attack is *paid* where it earns
//! more than the baseline.

mod answer;
mod attacks;
mod judging;
mod task;

pub use attacks::{ATTACKS, Attack, is_attack, names};
pub use judging::{Example, Found, Judged, Tried, judge};
pub use task::{Task, tasks};

/// A plain wrong answer to everything.
const UNKNOWN: &str = "I do not know.";

/// By how much rewards differ that are not the same.
const LEAST: f64 = 1e-9;
