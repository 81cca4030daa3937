//! Problems that ask for one whole number, which a formula checks: arithmetic, equations, remainders, squares, quotients.

use rand::RngExt;
use serde_json::{Map, Value};

use super::chain::{self, chain};
use super::puzzle::{Attempt, How, Puzzle, columns};
use super::{Random, of_level, within};

/// `form` has the value `goal` where the solution stands for `x`.
pub(super) struct Unknown {
    question: String,
    form: String,
    goal: i64,
    solution: i64,
    /// What somebody who knows nothing would guess from, both bounds included.
    range: (i64, i64),
    kind: Kind,
}

/// How somebody arrives at a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By computing, with a digit or a carry that goes wrong.
    Computed,
    /// By trying numbers; a value below the goal says that the number is too small.
    Rising,
    /// By trying numbers; a value says nothing of the next.
    Scattered,
}

/// A sum or difference of two to five digits; from level 3 on also a product.
pub(super) fn arithmetic(level: u8, random: &mut Random) -> Unknown {
    let bounds = of_level(level, [(11, 99), (101, 999), (1001, 9999), (10_001, 99_999)]);
    let unknown = |question, form, goal, solution| {
        let range = (0, 2 * bounds.1);
        Unknown { question, form, goal, solution, range, kind: Kind::Computed }
    };
    if level >= 3 && random.random_bool(1.0 / 3.0) {
        let a = within(random, if level == 3 { (12, 99) } else { (102, 999) });
        let b = within(random, (3, 9));
        let parts = [a % 10, a / 10 % 10 * 10, a / 100 * 100];
        let parts = parts.into_iter().filter(|&part| part > 0).map(|part| format!("-{part}*{b}"));
        let form = format!("x{}", parts.collect::<String>());
        return unknown(format!("{a}*{b}"), form, 0, a * b);
    }
    let (a, b) = (within(random, bounds), within(random, bounds));
    if random.random_bool(0.5) {
        return unknown(format!("{a}+{b}"), format!("x-{b}"), a, a + b);
    }
    let (a, b) = (a.max(b), a.min(b));
    unknown(format!("{a}-{b}"), format!("x+{b}"), a, a - b)
}

/// A linear equation; from level 3 on with `x` on both sides.
pub(super) fn equation(level: u8, random: &mut Random) -> Unknown {
    let most = of_level(level, [9, 20, 12, 30]);
    let solution = within(random, (0, most));
    let a = within(random, of_level(level, [(2, 5), (2, 9), (3, 9), (5, 12)]));
    let b = within(random, (0, most));
    let (question, form, goal) = if level < 3 {
        let goal = a * solution + b;
        (format!("{a}*x+{b}={goal}"), format!("{a}*x+{b}"), goal)
    } else {
        let c = within(random, (1, a - 1));
        let d = (a - c) * solution + b;
        (format!("{a}*x+{b}={c}*x+{d}"), format!("{a}*x+{b}-{c}*x-{d}"), 0)
    };
    Unknown { question, form, goal, solution, range: (0, most), kind: Kind::Rising }
}

/// The least `x` that leaves a remainder. There is one for every remainder, since `a` and the modulus share no divisor.
pub(super) fn modular(level: u8, random: &mut Random) -> Unknown {
    let modulus = within(random, of_level(level, [(5, 7), (7, 13), (11, 23), (17, 37)]));
    let a = loop {
        let a = within(random, (2, modulus - 1));
        if greatest_common_divisor(a, modulus) == 1 {
            break a;
        }
    };
    let solution = within(random, (0, modulus - 1));
    let form = if level == 1 {
        format!("{a}*x%{modulus}")
    } else {
        format!("({a}*x+{})%{modulus}", within(random, (1, modulus - 1)))
    };
    let goal = chain::value(&form.replace('x', &solution.to_string())).expect("remainders are whole");
    let question = format!("{form}={goal}");
    Unknown { question, form, goal, solution, range: (0, modulus - 1), kind: Kind::Scattered }
}

/// The number that is not negative and makes a square and a multiple of itself together so many.
pub(super) fn quadratic(level: u8, random: &mut Random) -> Unknown {
    let most = of_level(level, [9, 12, 18, 28]);
    let solution = within(random, (1, most));
    let b = within(random, of_level(level, [(1, 6), (1, 9), (2, 12), (3, 15)]));
    let goal = solution * solution + b * solution;
    let form = format!("x*x+{b}*x");
    let question = format!("{form}={goal}");
    Unknown { question, form, goal, solution, range: (0, most), kind: Kind::Rising }
}

/// A quotient without remainder.
pub(super) fn division(level: u8, random: &mut Random) -> Unknown {
    let bounds = of_level(level, [(3, 12), (11, 49), (21, 199), (101, 999)]);
    let (solution, divisor) = (within(random, bounds), within(random, (2, 9)));
    let goal = solution * divisor;
    Unknown {
        question: format!("{goal}/{divisor}"),
        form: format!("x*{divisor}"),
        goal,
        solution,
        range: bounds,
        kind: Kind::Computed,
    }
}

impl Puzzle for Unknown {
    fn question(&self) -> String {
        self.question.clone()
    }

    fn columns(&self) -> Map<String, Value> {
        columns([
            ("reference", self.solution.to_string().into()),
            ("form", self.form.clone().into()),
            ("goal", self.goal.into()),
        ])
    }

    fn attempt(&self, how: How, before: &[Attempt], random: &mut Random) -> Attempt {
        let candidate = match (how, self.kind) {
            (How::Insight, _) => self.solution,
            (How::Directed, Kind::Computed) => self.corrected(before),
            (How::Directed, Kind::Rising) => self.narrowed(before, random),
            (How::Directed, Kind::Scattered) => self.untried(before, random),
            (How::Guess, Kind::Computed) => self.miscomputed(random),
            (How::Guess, _) => within(random, self.range),
        };
        let (work, value) = chain(&self.form.replace('x', &candidate.to_string())).expect("forms are whole");
        let right = value == self.goal;
        Attempt { work, right, answer: candidate.to_string(), numbers: (candidate, value) }
    }
}

impl Unknown {
    /// The solution with a digit or a carry gone wrong.
    fn miscomputed(&self, random: &mut Random) -> i64 {
        let digits = u32::try_from(self.solution.to_string().len()).expect("a few digits");
        let place = 10_i64.pow(random.random_range(0..digits));
        let error = if random.random_bool(0.5) { 1 } else { within(random, (2, 5)) };
        let error = if random.random_bool(0.5) { error } else { -error };
        let candidate = self.solution + error * place;
        if candidate < 0 { self.solution + place } else { candidate }
    }

    /// The last candidate, by as much as its check was off: each of these forms rises by its slope.
    fn corrected(&self, before: &[Attempt]) -> i64 {
        let Some(&Attempt { numbers: (candidate, value), .. }) = before.last() else { return self.solution };
        let slope =
            chain::value(&self.form.replace('x', "1")).zip(chain::value(&self.form.replace('x', "0")));
        let slope = slope.map_or(1, |(one, none)| one - none);
        candidate + (self.goal - value) / slope
    }

    /// A candidate between those that were too small and those that were too large.
    fn narrowed(&self, before: &[Attempt], random: &mut Random) -> i64 {
        let tried = || before.iter().map(|attempt| attempt.numbers);
        let low = tried().filter(|&(_, value)| value < self.goal).map(|(candidate, _)| candidate + 1).max();
        let high = tried().filter(|&(_, value)| value > self.goal).map(|(candidate, _)| candidate - 1).min();
        let (low, high) = (low.unwrap_or(self.range.0), high.unwrap_or(self.range.1));
        if low > high { self.solution } else { within(random, (low, high)) }
    }

    /// A candidate that was not tried.
    fn untried(&self, before: &[Attempt], random: &mut Random) -> i64 {
        let is_new = |candidate: &i64| before.iter().all(|attempt| attempt.numbers.0 != *candidate);
        let left: Vec<i64> = (self.range.0..=self.range.1).filter(is_new).collect();
        if left.is_empty() { self.solution } else { left[random.random_range(0..left.len())] }
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
