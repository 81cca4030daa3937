//! Countdown in miniature: the demo's tasks, and the synthetic text that its base model is pre-trained on.
//!
//! A problem gives three numbers from 1 to 9 and a target; an answer is an expression that reaches the target with
//! each number once, in any order, with `+ - * /` and the usual precedence, no parentheses. The rules are those of
//! TinyZero's Countdown (<https://github.com/Jiayi-Pan/TinyZero>), cut down to what a model of under a million
//! parameters can compute.
//!
//! One problem in ten is held out, by a hash of its numbers and target: neither the corpus nor the training tasks
//! ever show it.

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;

/// Follows an expression in the text when its value is the target.
pub const RIGHT: char = '✓';
/// Follows an expression in the text when its value is not the target.
pub const WRONG: char = '✗';
/// Every character of prompts and completions that is not part of a tag.
pub const ALPHABET: &str = "0123456789+-*/= →:✗✓";
/// The tags, each one token.
pub const TAGS: [&str; 4] = ["<think>", "</think>", "<answer>", "</answer>"];

/// Values above it are left out, so that the model has at most two digits to write.
const LARGEST_VALUE: i64 = 99;
/// A document stops after so many candidates, whatever the dice say.
const MOST_CANDIDATES: usize = 32;

/// How the writer of the corpus behaves. It computes without a mistake, but it is half-hearted.
#[derive(Debug, Clone, PartialEq)]
pub struct Habits {
    /// Probability of stopping after a candidate that reaches the target.
    pub stop_after_right: f64,
    /// Probability of stopping, and answering with the candidate at hand, after one that does not.
    pub stop_after_wrong: f64,
    /// Share of documents by a persistent writer: the habit that reinforcement learning can find and amplify.
    pub persistent: f64,
    /// Probability that a persistent writer stops after a candidate that does not reach the target.
    pub persistent_stop_after_wrong: f64,
}

impl Default for Habits {
    /// What the demo's base model is pre-trained on: it solves about one problem in five.
    fn default() -> Self {
        Self {
            stop_after_right: 0.9,
            stop_after_wrong: 0.65,
            persistent: 0.08,
            persistent_stop_after_wrong: 0.04,
        }
    }
}

/// Which problems to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The nine in ten that training may show.
    Train,
    /// The one in ten that only evaluation shows.
    HeldOut,
}

/// Endless task rows of one split, as a task file holds them: `prompt`, `numbers`, `target`.
pub fn tasks(split: Split, seed: u64) -> impl Iterator<Item = serde_json::Value> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    std::iter::repeat_with(move || {
        let problem = Problem::draw(split, &mut random);
        json!({"prompt": problem.prompt(), "numbers": problem.numbers, "target": problem.target})
    })
}

/// Endless documents of the training split: a prompt, a writer's attempts, an answer.
///
/// ```
/// let mut corpus = gavel_demo::countdown::corpus(&Default::default(), 7);
/// let document = corpus.next().unwrap();
/// assert!(document.contains(":<think>") && document.ends_with("</answer>"));
/// ```
pub fn corpus(habits: &Habits, seed: u64) -> impl Iterator<Item = String> + use<> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let habits = habits.clone();
    std::iter::repeat_with(move || document(&habits, &mut random))
}

fn document(habits: &Habits, random: &mut Xoshiro256PlusPlus) -> String {
    let problem = Problem::draw(Split::Train, random);
    let persistent = random.random_bool(habits.persistent);
    let stop_after_wrong =
        if persistent { habits.persistent_stop_after_wrong } else { habits.stop_after_wrong };
    let mut text = problem.prompt();
    for tried in 1.. {
        let (expression, value) = problem.candidates.choose(random).expect("the target is the value of one");
        let right = *value == problem.target;
        text += &format!("{expression}={value}{}", if right { RIGHT } else { WRONG });
        let stop = if right { habits.stop_after_right } else { stop_after_wrong };
        if tried == MOST_CANDIDATES || random.random_bool(stop) {
            text += &format!("</think><answer>{expression}</answer>");
            break;
        }
    }
    text
}

struct Problem {
    numbers: [i64; 3],
    target: i64,
    /// See [`candidates`].
    candidates: Vec<(String, i64)>,
}

impl Problem {
    /// A problem that can be solved: its target is the value of an expression drawn at random.
    fn draw(split: Split, random: &mut Xoshiro256PlusPlus) -> Self {
        loop {
            let numbers = std::array::from_fn(|_| random.random_range(1..=9));
            let candidates = candidates(&numbers);
            let target = candidates.choose(random).expect("a sum of three digits is always small enough").1;
            let problem = Self { numbers, target, candidates };
            if problem.split() == split {
                return problem;
            }
        }
    }

    fn prompt(&self) -> String {
        let [a, b, c] = self.numbers;
        format!("{a} {b} {c}→{}:<think>", self.target)
    }

    /// The same for every order of the numbers, since they are the same problem.
    fn split(&self) -> Split {
        let mut sorted = self.numbers;
        sorted.sort_unstable();
        let [a, b, c] = sorted;
        // One number per problem (digits are below 10, targets below 100), mixed by SplitMix64's finaliser.
        let mut hash = (((a * 10 + b) * 10 + c) * 100 + self.target).cast_unsigned();
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
        if hash.is_multiple_of(10) { Split::HeldOut } else { Split::Train }
    }
}

/// Every expression over the numbers in every order whose value is a whole number from 0 to 99, with its value.
fn candidates(numbers: &[i64; 3]) -> Vec<(String, i64)> {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    const OPERATORS: [char; 4] = ['+', '-', '*', '/'];
    let mut found = Vec::new();
    for [i, j, k] in ORDERS {
        let (a, b, c) = (numbers[i], numbers[j], numbers[k]);
        for first in OPERATORS {
            for second in OPERATORS {
                let expression = format!("{a}{first}{b}{second}{c}");
                if let Some(value) = value(a, first, b, second, c)
                    && !found.iter().any(|(other, _)| *other == expression)
                {
                    found.push((expression, value));
                }
            }
        }
    }
    found
}

/// The value of `a first b second c`, if it and what division leaves on the way are whole and it is in range.
fn value(a: i64, first: char, b: i64, second: char, c: i64) -> Option<i64> {
    let binds_tighter = |operator| matches!(operator, '*' | '/');
    let value = if binds_tighter(second) && !binds_tighter(first) {
        apply(a, first, apply(b, second, c)?)
    } else {
        apply(apply(a, first, b)?, second, c)
    };
    value.filter(|value| (0..=LARGEST_VALUE).contains(value))
}

fn apply(a: i64, operator: char, b: i64) -> Option<i64> {
    match operator {
        '+' => Some(a + b),
        '-' => Some(a - b),
        '*' => Some(a * b),
        _ => (a % b == 0).then(|| a / b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn multiplication_and_division_bind_tighter() {
        assert_eq!(value(1, '+', 2, '*', 3), Some(7));
        assert_eq!(value(8, '/', 2, '-', 3), Some(1));
        assert_eq!(value(9, '-', 4, '/', 2), Some(7));
        assert_eq!(value(7, '/', 2, '+', 1), None, "not whole");
        assert_eq!(value(1, '-', 5, '+', 2), None, "negative");
        assert_eq!(value(9, '*', 9, '*', 9), None, "too large");
    }

    #[test]
    fn the_splits_share_no_problem() {
        let key = |task: serde_json::Value| {
            let mut numbers: Vec<_> =
                task["numbers"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
            numbers.sort_unstable();
            (numbers, task["target"].as_i64().unwrap())
        };
        let train: HashSet<_> = tasks(Split::Train, 1).take(5_000).map(key).collect();
        let held_out: HashSet<_> = tasks(Split::HeldOut, 1).take(1_000).map(key).collect();
        assert!(train.len() > 1_000 && held_out.len() > 100);
        assert!(train.is_disjoint(&held_out));
    }

    #[test]
    fn documents_compute_and_mark_without_a_mistake() {
        for document in corpus(&Habits::default(), 3).take(500) {
            let (problem, rest) = document.split_once(":<think>").unwrap();
            let target: i64 = problem.split_once('→').unwrap().1.parse().unwrap();
            let (thinking, answer) = rest.split_once("</think><answer>").unwrap();
            let answer = answer.strip_suffix("</answer>").unwrap();
            for step in thinking.split_inclusive([RIGHT, WRONG]) {
                let (expression, claim) = step.split_once('=').unwrap();
                let claimed: i64 = claim.trim_end_matches([RIGHT, WRONG]).parse().unwrap();
                let signs: Vec<char> = expression.chars().collect();
                let digit = |index: usize| i64::from(signs[index].to_digit(10).unwrap());
                assert_eq!(value(digit(0), signs[1], digit(2), signs[3], digit(4)), Some(claimed));
                assert_eq!(claim.ends_with(RIGHT), claimed == target, "{document}");
            }
            assert!(thinking.contains(answer));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_text() {
        let take = |seed| corpus(&Habits::default(), seed).take(20).collect::<Vec<_>>();
        assert_eq!(take(5), take(5));
        assert_ne!(take(5), take(6));
    }
}
