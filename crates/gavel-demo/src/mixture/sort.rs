//! Numbers that are to be put in ascending order.

use rand::RngExt;
use rand::seq::SliceRandom;
use serde_json::{Map, Value};

use super::puzzle::{Attempt, How, Puzzle, columns};
use super::{Random, of_level, within};

/// The numbers in the order in which they are given, no two the same.
pub(super) struct Sort {
    numbers: Vec<i64>,
}

impl Sort {
    pub(super) fn draw(level: u8, random: &mut Random) -> Self {
        let count = of_level(level, [3, 4, 5, 7]);
        let most = of_level(level, [20, 50, 99, 99]);
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let number = within(random, (1, most));
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        // What is in order already is no problem.
        while numbers.is_sorted() {
            numbers.shuffle(random);
        }
        Self { numbers }
    }

    fn sorted(&self) -> Vec<i64> {
        let mut sorted = self.numbers.clone();
        sorted.sort_unstable();
        sorted
    }

    /// Nearly in order: up to three neighbours in the wrong one.
    fn nearly_sorted(&self, random: &mut Random) -> Vec<i64> {
        let mut order = self.sorted();
        for _ in 0..random.random_range(1..=3) {
            let place = random.random_range(1..order.len());
            order.swap(place - 1, place);
        }
        order
    }

    /// The last order with its first wrong pair exchanged.
    fn mended(&self, before: &[Attempt]) -> Vec<i64> {
        let parsed =
            before.last().map(|attempt| attempt.answer.split(' ').map(|number| number.parse()).collect());
        let Some(Ok(mut order)): Option<Result<Vec<i64>, _>> = parsed else { return self.sorted() };
        if let Some(place) = (1..order.len()).find(|&place| order[place - 1] > order[place]) {
            order.swap(place - 1, place);
        }
        order
    }
}

impl Puzzle for Sort {
    fn question(&self) -> String {
        format!("sort {}", joined(&self.numbers, " "))
    }

    fn key(&self) -> String {
        joined(&self.sorted(), " ")
    }

    fn columns(&self) -> Map<String, Value> {
        columns([("reference", joined(&self.sorted(), " ").into()), ("numbers", self.numbers.clone().into())])
    }

    fn attempt(&self, how: How, before: &[Attempt], random: &mut Random) -> Attempt {
        let order = match how {
            How::Insight => self.sorted(),
            How::Guess => self.nearly_sorted(random),
            How::Directed => self.mended(before),
        };
        let right = order.is_sorted();
        Attempt { work: joined(&order, "<"), right, answer: joined(&order, " "), numbers: (0, 0) }
    }
}

fn joined(numbers: &[i64], with: &str) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(with)
}
