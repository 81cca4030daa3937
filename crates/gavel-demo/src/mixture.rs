//! A mixture of families of problems with exact answers, in four levels of difficulty: tasks, and the text about them that
//! a base model is pre-trained on.
//!
//! Every family has checks: an attempt is computed step by step, compared with what is asked for, and marked. The plugin
//! `marks` tells whether a mark is true by the columns `goal`, `form`, `begins` and `numbers` of a row.
//!
//! One problem in ten is held out, by a hash of what makes it that problem: neither the corpus nor the training tasks
//! show it. Two families are held out as a whole: a base model has read of them, and reinforcement learning never trains
//! on them.

mod chain;
mod countdown;
mod program;
mod puzzle;
mod sort;
mod system;
mod unknown;
mod writer;

use std::fmt;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value};

pub use crate::countdown::{RIGHT, Split, TAGS, WRONG};
use puzzle::Puzzle;
pub use writer::Habits;

/// Every character of prompts and completions that is not part of a tag.
pub const ALPHABET: &str = "0123456789abcdefghijklmnopqrstuvwxyz+-*/%=<()[],:' →✗✓";

/// The number of levels; level 1 is the easiest.
pub const LEVELS: u8 = 4;

/// One kind of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// An expression over three to six numbers that reaches a target.
    Countdown,
    /// Sums, differences and products of several digits.
    Arithmetic,
    /// `3*x+5=20`, and with `x` on both sides.
    Equation,
    /// Two numbers by their sum and their product.
    System,
    /// `(7*x+2)%11=3`, for the least `x`.
    Modular,
    /// Three to seven numbers in ascending order.
    Sort,
    /// A function that makes one text of another, as a program.
    Program,
    /// `x*x+3*x=28`; held out.
    Quadratic,
    /// A quotient of several digits; held out.
    Division,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Countdown,
        Self::Arithmetic,
        Self::Equation,
        Self::System,
        Self::Modular,
        Self::Sort,
        Self::Program,
        Self::Quadratic,
        Self::Division,
    ];

    /// As the column `family` and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Countdown => "countdown",
            Self::Arithmetic => "arithmetic",
            Self::Equation => "equation",
            Self::System => "system",
            Self::Modular => "modular",
            Self::Sort => "sort",
            Self::Program => "program",
            Self::Quadratic => "quadratic",
            Self::Division => "division",
        }
    }

    /// Whether reinforcement learning is never shown it.
    pub fn is_held_out(self) -> bool {
        matches!(self, Self::Quadratic | Self::Division)
    }

    /// Those that reinforcement learning trains on.
    pub fn trained() -> Vec<Self> {
        Self::ALL.into_iter().filter(|family| !family.is_held_out()).collect()
    }

    /// A problem of this family, whatever its split.
    fn draw(self, level: u8, random: &mut Random) -> Box<dyn Puzzle> {
        match self {
            Self::Countdown => Box::new(countdown::Countdown::draw(level, random)),
            Self::Arithmetic => Box::new(unknown::arithmetic(level, random)),
            Self::Equation => Box::new(unknown::equation(level, random)),
            Self::System => Box::new(system::System::draw(level, random)),
            Self::Modular => Box::new(unknown::modular(level, random)),
            Self::Sort => Box::new(sort::Sort::draw(level, random)),
            Self::Program => Box::new(program::Program::draw(level, random)),
            Self::Quadratic => Box::new(unknown::quadratic(level, random)),
            Self::Division => Box::new(unknown::division(level, random)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What every random choice is made with.
type Random = Xoshiro256PlusPlus;

/// Which problems to draw: uniformly over families, and over levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// At least one.
    pub families: Vec<Family>,
    /// From 1 to [`LEVELS`]; at least one.
    pub levels: Vec<u8>,
    /// Which problems of them.
    pub split: Split,
}

/// Endless task rows: `prompt`, `family`, `level`, `reference` and what the plugins need of the family.
///
/// # Panics
///
/// If there is no family or no level to draw from.
pub fn tasks(selection: Selection, seed: u64) -> impl Iterator<Item = Value> {
    let mut random = Random::seed_from_u64(seed);
    std::iter::repeat_with(move || {
        let (family, level, puzzle) = draw(&selection, &mut random);
        let mut row = Map::new();
        row.insert("prompt".to_owned(), prompt(puzzle.as_ref()).into());
        row.insert("family".to_owned(), family.name().into());
        row.insert("level".to_owned(), level.into());
        row.extend(puzzle.columns());
        Value::Object(row)
    })
}

/// Endless documents about problems of the training split: a prompt, a writer's attempts, an answer.
///
/// ```
/// use gavel_demo::mixture::{Family, Habits, corpus};
/// let document = corpus(&Family::ALL, &Habits::default(), 7).next().unwrap();
/// assert!(document.contains(":<think>") && document.contains("</think>"));
/// ```
///
/// # Panics
///
/// If there is no family to draw from.
pub fn corpus(
    families: &[Family],
    habits: &Habits,
    seed: u64,
) -> impl Iterator<Item = String> + Send + use<> {
    let mut random = Random::seed_from_u64(seed);
    let habits = habits.clone();
    let levels = (1..=LEVELS).collect();
    let selection = Selection { families: families.to_vec(), levels, split: Split::Train };
    std::iter::repeat_with(move || {
        let (_, level, puzzle) = draw(&selection, &mut random);
        writer::document(puzzle.as_ref(), level, &habits, &mut random)
    })
}

fn draw(selection: &Selection, random: &mut Random) -> (Family, u8, Box<dyn Puzzle>) {
    let family = *selection.families.choose(random).expect("there is a family to draw from");
    let level = *selection.levels.choose(random).expect("there is a level to draw from");
    loop {
        let puzzle = family.draw(level, random);
        if split_of(family, &puzzle.key()) == selection.split {
            return (family, level, puzzle);
        }
    }
}

/// What a policy continues.
fn prompt(puzzle: &dyn Puzzle) -> String {
    format!("{}:<think>", puzzle.question())
}

/// One problem in ten is held out.
fn split_of(family: Family, key: &str) -> Split {
    // FNV-1a over the bytes, mixed by SplitMix64's finaliser.
    let bytes = family.name().bytes().chain([b' ']).chain(key.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    if hash.is_multiple_of(10) { Split::HeldOut } else { Split::Train }
}

/// One of several by its level, counted from 1.
fn of_level<T: Copy>(level: u8, choices: [T; LEVELS as usize]) -> T {
    choices[usize::from(level.clamp(1, LEVELS)) - 1]
}

/// A whole number between two bounds, both included.
fn within(random: &mut Random, bounds: (i64, i64)) -> i64 {
    random.random_range(bounds.0..=bounds.1)
}

#[cfg(test)]
mod tests;
