//! Programs that make one text of another: an example is given, and the function is asked for.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_json::{Map, Value, json};

use super::puzzle::{Attempt, How, Puzzle, columns};
use super::{Random, of_level};

/// Python's slices, and a repetition, which only stands last.
const SLICES: [&str; 5] = ["[::-1]", "[1:]", "[:-1]", "[::2]", "[2:]"];
const TWICE: &str = "*2";
const LETTERS: &str = "abcdefgh";

/// An example, and the function behind it.
pub(super) struct Program {
    input: String,
    operations: Vec<&'static str>,
}

impl Program {
    pub(super) fn draw(level: u8, random: &mut Random) -> Self {
        loop {
            let mut letters: Vec<char> = LETTERS.chars().collect();
            letters.shuffle(random);
            let input = letters[..random.random_range(5..=7)].iter().collect();
            let program = Self { input, operations: Self::operations(level, random) };
            // One that leaves nothing, or all as it was, says little.
            let output = program.output();
            if output.len() >= 2 && output != program.input {
                return program;
            }
        }
    }

    /// As many as the level asks for.
    fn operations(level: u8, random: &mut Random) -> Vec<&'static str> {
        let count = of_level(level, [1, 2, 3, 4]);
        let mut operations: Vec<&str> =
            (0..count).map(|_| *SLICES.choose(random).expect("there are five")).collect();
        if random.random_bool(0.2) {
            operations[count - 1] = TWICE;
        }
        operations
    }

    fn output(&self) -> String {
        run(&self.input, &self.operations)
    }

    /// One that leaves as many letters as are asked for, and was not tried.
    fn directed(&self, before: &[Attempt], random: &mut Random) -> Vec<&'static str> {
        let level = u8::try_from(self.operations.len()).unwrap_or(1);
        let wanted = self.output().len();
        let is_new = |operations: &Vec<&str>| before.iter().all(|tried| tried.answer != operations.concat());
        let drawn = (0..12).map(|_| Self::operations(level, random)).filter(is_new);
        let mut fitting = drawn.filter(|operations| run(&self.input, operations).len() == wanted);
        fitting.next().unwrap_or_else(|| self.operations.clone())
    }
}

impl Puzzle for Program {
    fn question(&self) -> String {
        format!("'{}'→'{}'", self.input, self.output())
    }

    fn columns(&self) -> Map<String, Value> {
        // The example, and other texts of its length: a program that moves letters about is right on all of them or on
        // none, and one that only knows the example fails.
        let length = self.input.len();
        let others = ["hgfedcba", "zyxzyxzy", "aabbccdd"].map(|text| &text[..length]);
        let inputs = [&*self.input].into_iter().chain(others);
        let cases: Vec<Value> =
            inputs.map(|input| json!({"args": [input], "expected": run(input, &self.operations)})).collect();
        columns([
            ("reference", json!({"type": "function", "fn_name": "f", "cases": cases})),
            ("begins", format!("'{}'", self.input).into()),
            ("goal", format!("'{}'", self.output()).into()),
        ])
    }

    fn attempt(&self, how: How, before: &[Attempt], random: &mut Random) -> Attempt {
        let level = u8::try_from(self.operations.len()).unwrap_or(1);
        let operations = match how {
            How::Insight => self.operations.clone(),
            How::Guess => Self::operations(level, random),
            How::Directed => self.directed(before, random),
        };
        let mut work = format!("'{}'{}", self.input, operations.concat());
        let mut text = self.input.clone();
        for (done, operation) in operations.iter().enumerate() {
            text = apply(&text, operation);
            work += &format!("='{text}'{}", operations[done + 1..].concat());
        }
        Attempt { work, right: text == self.output(), answer: operations.concat(), numbers: (0, 0) }
    }

    fn stated(&self, answer: &str) -> String {
        format!("def f(s):return s{answer}")
    }
}

fn run(input: &str, operations: &[&str]) -> String {
    operations.iter().fold(input.to_owned(), |text, operation| apply(&text, operation))
}

/// What Python makes of `text` followed by the operation.
fn apply(text: &str, operation: &str) -> String {
    let letters = text.chars();
    match operation {
        "[::-1]" => letters.rev().collect(),
        "[1:]" => letters.skip(1).collect(),
        "[2:]" => letters.skip(2).collect(),
        "[:-1]" => letters.take(text.chars().count().saturating_sub(1)).collect(),
        "[::2]" => letters.step_by(2).collect(),
        _ => text.repeat(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_of_python() {
        let made =
            [SLICES.as_slice(), &[TWICE]].concat().into_iter().map(|operation| apply("abcd", operation));
        assert_eq!(made.collect::<Vec<_>>(), ["dcba", "bcd", "abc", "ac", "cd", "abcdabcd"]);
        assert_eq!(apply("", "[:-1]"), "");
    }
}
