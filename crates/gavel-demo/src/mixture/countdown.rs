//! Countdown with three to six numbers: an expression without parentheses that reaches the target.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_json::{Map, Value};

use super::chain::{self, chain};
use super::puzzle::{Attempt, How, Puzzle, columns};
use super::{Random, of_level, within};

const OPERATORS: [char; 4] = ['+', '-', '*', '/'];
/// Values above it are left out, as are those below 0.
const LARGEST_VALUE: i64 = 199;
/// How many neighbours somebody who searches looks at.
const NEIGHBOURS: usize = 6;

/// Numbers, and an expression over all of them.
pub(super) struct Countdown {
    numbers: Vec<i64>,
    target: i64,
    solution: Expression,
}

/// `n₀ o₀ n₁ o₁ n₂ …`.
#[derive(Debug, Clone)]
struct Expression {
    numbers: Vec<i64>,
    operators: Vec<char>,
}

impl Countdown {
    pub(super) fn draw(level: u8, random: &mut Random) -> Self {
        let count = of_level(level, [3, 4, 5, 6]);
        let numbers: Vec<i64> = (0..count).map(|_| within(random, (1, 9))).collect();
        let (solution, target) = Expression::draw(&numbers, random);
        Self { numbers, target, solution }
    }

    fn sorted(&self) -> Vec<i64> {
        let mut sorted = self.numbers.clone();
        sorted.sort_unstable();
        sorted
    }

    /// Of a few expressions that differ from the last one in one place, the one that comes closest.
    fn closer(&self, before: &[Attempt], random: &mut Random) -> Expression {
        let last = before.last().and_then(|attempt| Expression::parse(&attempt.answer));
        let Some(last) = last else { return Expression::draw(&self.numbers, random).0 };
        let is_new = |expression: &Expression| {
            let text = expression.written();
            before.iter().all(|attempt| attempt.answer != text)
        };
        let neighbours = (0..NEIGHBOURS).map(|_| last.neighbour(random)).filter(is_new);
        let valued = neighbours.filter_map(|expression| Some((expression.value()?, expression)));
        let closest = valued.min_by_key(|(value, _)| (value - self.target).abs());
        closest.map_or_else(|| Expression::draw(&self.numbers, random).0, |(_, expression)| expression)
    }
}

impl Puzzle for Countdown {
    fn question(&self) -> String {
        let numbers: Vec<String> = self.numbers.iter().map(i64::to_string).collect();
        format!("{}→{}", numbers.join(" "), self.target)
    }

    fn key(&self) -> String {
        format!("{:?} {}", self.sorted(), self.target)
    }

    fn columns(&self) -> Map<String, Value> {
        columns([("numbers", self.numbers.clone().into()), ("target", self.target.into())])
    }

    fn attempt(&self, how: How, before: &[Attempt], random: &mut Random) -> Attempt {
        let expression = match how {
            How::Insight => self.solution.clone(),
            How::Guess => Expression::draw(&self.numbers, random).0,
            How::Directed => self.closer(before, random),
        };
        let answer = expression.written();
        let (work, value) = chain(&answer).expect("only those with a value are drawn");
        Attempt { work, right: value == self.target, answer, numbers: (0, value) }
    }
}

impl Expression {
    /// One with a value in range, and the value.
    fn draw(numbers: &[i64], random: &mut Random) -> (Self, i64) {
        let mut numbers = numbers.to_vec();
        loop {
            numbers.shuffle(random);
            let operators = (1..numbers.len()).map(|_| *OPERATORS.choose(random).expect("there are four"));
            let expression = Self { numbers: numbers.clone(), operators: operators.collect() };
            if let Some(value) = expression.value() {
                return (expression, value);
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(OPERATORS).map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { numbers, operators: text.chars().filter(|sign| OPERATORS.contains(sign)).collect() })
    }

    /// Another operator, or two numbers exchanged.
    fn neighbour(&self, random: &mut Random) -> Self {
        let mut other = self.clone();
        if random.random_bool(0.5) {
            let place = random.random_range(0..other.operators.len());
            other.operators[place] = *OPERATORS.choose(random).expect("there are four");
        } else {
            let count = other.numbers.len();
            other.numbers.swap(random.random_range(0..count), random.random_range(0..count));
        }
        other
    }

    fn written(&self) -> String {
        let mut text = self.numbers[0].to_string();
        for (operator, number) in self.operators.iter().zip(&self.numbers[1..]) {
            text.push(*operator);
            text.push_str(&number.to_string());
        }
        text
    }

    fn value(&self) -> Option<i64> {
        chain::value(&self.written()).filter(|value| (0..=LARGEST_VALUE).contains(value))
    }
}
