//! What the tests said, and the verdict that it makes.

use gavel_plugin::Verdict;

use crate::options::{Options, Score};

/// What came of the tests of one submission.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) tests: usize,
    pub(crate) passed: usize,
    /// How many ran into a limit.
    pub(crate) limited: usize,
    /// The first test that failed, and how.
    pub(crate) failure: Option<String>,
    /// Whether tests and program shared an interpreter, or the program had a say in a comparison.
    pub(crate) guarded: bool,
    /// How often a test that asserts ran in Python; 0 where it was read here.
    pub(crate) rounds: u32,
}

impl Report {
    /// A report in which every test fails for one reason.
    pub(crate) fn nothing_passed(tests: usize, why: String) -> Self {
        Self { tests: tests.max(1), failure: Some(why), ..Self::default() }
    }

    /// Counts one more test.
    pub(crate) fn count(&mut self, result: Result<(), String>) {
        self.tests += 1;
        match result {
            Ok(()) => self.passed += 1,
            Err(why) => _ = self.failure.get_or_insert(why),
        }
    }

    /// Whether there is something to pay for.
    pub(crate) fn earns(&self, options: &Options) -> bool {
        self.reward(options) > 0.0
    }

    fn fraction(&self) -> f64 {
        if self.tests == 0 { 0.0 } else { self.passed as f64 / self.tests as f64 }
    }

    fn reward(&self, options: &Options) -> f64 {
        let all = self.passed == self.tests && self.tests > 0 && self.failure.is_none();
        match options.score {
            Score::All => f64::from(all),
            Score::Fraction if all => 1.0,
            // A test that broke off may have passed all that it came to.
            Score::Fraction => self.fraction().min(1.0 - 1.0 / (self.tests + 1) as f64),
        }
    }

    pub(crate) fn verdict(self, has_program: bool, runs: u32, options: &Options) -> Verdict {
        let (reward, fraction) = (self.reward(options), self.fraction());
        let mut reason = format!("{} of {} tests passed", self.passed, self.tests);
        if let Some(failure) = &self.failure {
            reason.push_str("; ");
            reason.push_str(failure);
        }
        if self.guarded {
            reason.push_str("; guarded: tests and program were not kept apart");
        }
        Verdict::new(reward)
            .because(reason)
            .metric("has_program", has_program)
            .metric("tests", self.tests as f64)
            .metric("passed", self.passed as f64)
            .metric("fraction", fraction)
            .metric("limited", self.limited as f64)
            .metric("guarded", self.guarded)
            .metric("rounds", self.rounds)
            .metric("runs", runs)
    }
}
