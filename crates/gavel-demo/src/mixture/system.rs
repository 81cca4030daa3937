//! Two numbers by their sum and their product.

use serde_json::{Map, Value};

use super::puzzle::{Attempt, How, Puzzle, columns};
use super::{Random, of_level, within};

/// `x+y` and `x*y` are given, and `x` is not above `y`.
pub(super) struct System {
    x: i64,
    y: i64,
}

impl System {
    pub(super) fn draw(level: u8, random: &mut Random) -> Self {
        let bounds = of_level(level, [(1, 10), (1, 14), (2, 20), (3, 30)]);
        let (a, b) = (within(random, bounds), within(random, bounds));
        Self { x: a.min(b), y: a.max(b) }
    }

    fn sum(&self) -> i64 {
        self.x + self.y
    }

    fn product(&self) -> i64 {
        self.x * self.y
    }

    /// Between those whose product was too small and those whose product was too large: among numbers of one sum, the
    /// product rises with the smaller one.
    fn narrowed(&self, before: &[Attempt], random: &mut Random) -> i64 {
        let tried = || before.iter().map(|attempt| attempt.numbers);
        let low = tried().filter(|&(_, product)| product < self.product()).map(|(x, _)| x + 1).max();
        let high = tried().filter(|&(_, product)| product > self.product()).map(|(x, _)| x - 1).min();
        let (low, high) = (low.unwrap_or(0), high.unwrap_or(self.sum() / 2));
        if low > high { self.x } else { within(random, (low, high)) }
    }
}

impl Puzzle for System {
    fn question(&self) -> String {
        format!("x+y={},x*y={}", self.sum(), self.product())
    }

    fn columns(&self) -> Map<String, Value> {
        columns([
            ("reference", format!("{},{}", self.x, self.y).into()),
            ("form", "x+y,x*y".into()),
            ("goal", format!("{},{}", self.sum(), self.product()).into()),
        ])
    }

    fn attempt(&self, how: How, before: &[Attempt], random: &mut Random) -> Attempt {
        let x = match how {
            How::Insight => self.x,
            How::Guess => within(random, (0, self.sum() / 2)),
            How::Directed => self.narrowed(before, random),
        };
        let y = self.sum() - x;
        Attempt {
            work: format!("{x}+{y}={},{x}*{y}={}", x + y, x * y),
            right: x * y == self.product(),
            answer: format!("{x},{y}"),
            numbers: (x, x * y),
        }
    }
}
