//! Judges Countdown answers: reach the target from the given numbers with `+ - * /` and parentheses, exactly.

mod expression;
mod marks;
mod task;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};
use gavel_text::{
    is_block_disowned, is_block_withdrawn, is_crossed, is_disowned, is_withdrawn, said, shown, turns,
};
use num_rational::BigRational;
use serde::Deserialize;

use expression::Expression;
use task::Task;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How many of the given numbers the answer must use.
    #[serde(rename = "use")]
    pub numbers: Use,
    /// The answer may end with `= target`.
    pub allow_equals: bool,
}

/// How many of the given numbers an answer must use; no number more often than it is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Subset,
}

/// The `countdown` verifier.
#[derive(Debug)]
pub struct Countdown;

impl Verifier for Countdown {
    type Options = Options;
    const NAME: &str = "countdown";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str = "The last <answer> reaches the target with each given number used exactly once.";
    const METRICS: &[&str] = &["has_answer", "valid_expression", "uses_numbers", "correct", "wrong_marks"];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let task = Task::of(submission)?;
        let completion = shown(submission.completion());
        let verdict = match last_answer(&completion) {
            Some((before, _, behind))
                if is_withdrawn(behind) || is_block_withdrawn(behind) || is_crossed(before, behind) =>
            {
                Findings { has_answer: true, ..Findings::default() }
                    .verdict("the answer is taken back beside it".to_owned())
            }
            Some((before, ..)) if is_disowned(before) || is_block_disowned(before) => {
                Findings { has_answer: true, ..Findings::default() }
                    .verdict("the words before the answer say that there is none".to_owned())
            }
            Some((_, answer, _)) => judge_answer(answer, &task, options),
            None => Findings::default().verdict("no <answer>…</answer> at the end".to_owned()),
        };
        Ok(verdict.metric("wrong_marks", marks::share_wrong(submission.completion(), task.target)))
    }
}

export!(Countdown);

/// How far an answer got.
#[derive(Debug, Clone, Copy, Default)]
struct Findings {
    has_answer: bool,
    valid_expression: bool,
    uses_numbers: bool,
    correct: bool,
}

impl Findings {
    fn verdict(self, reason: String) -> Verdict {
        Verdict::right_if(self.correct)
            .because(reason)
            .metric("has_answer", self.has_answer)
            .metric("valid_expression", self.valid_expression)
            .metric("uses_numbers", self.uses_numbers)
            .metric("correct", self.correct)
    }
}

/// What stands before, in and behind the last `<answer>` that was said. One that is not closed counts, so that nothing
/// before it can stand in for it. What is only thought is no answer, nor what stands behind the end of the turn.
fn last_answer(completion: &str) -> Option<(&str, &str, &str)> {
    let turn = turns(completion).into_iter().next()?;
    let (before, after) = said(turn).rsplit_once("<answer>")?;
    after.split_once("</answer>").map(|(answer, behind)| (before, answer.trim(), behind))
}

fn judge_answer(answer: &str, task: &Task, options: &Options) -> Verdict {
    let mut findings = Findings { has_answer: true, ..Findings::default() };
    let shown = excerpt(answer);
    let expression = match Expression::parse(without_result(answer, task, options)) {
        Ok(expression) => expression,
        Err(error) => return findings.verdict(format!("{shown}: {error}")),
    };
    findings.valid_expression = true;
    if let Err(reason) = task.check_use(&expression.numbers(), options.numbers) {
        return findings.verdict(format!("{shown}: {reason}"));
    }
    // From here on the arithmetic is bounded: each given number occurs at most once.
    findings.uses_numbers = true;
    let Some(value) = expression.value() else {
        return findings.verdict(format!("{shown}: divides by zero"));
    };
    findings.correct = value == BigRational::from_integer(task.target.into());
    let relation = if findings.correct { "the target" } else { "not the target" };
    findings.verdict(format!("{shown} is {value}, {relation} {}", task.target))
}

/// The answer without a closing `= target`, where the options allow one.
fn without_result<'a>(answer: &'a str, task: &Task, options: &Options) -> &'a str {
    match answer.rsplit_once('=') {
        Some((expression, result)) if options.allow_equals && result.trim() == task.target.to_string() => {
            expression
        }
        _ => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(completion: &str) -> Option<String> {
        last_answer(completion).map(|(_, answer, _)| answer.to_owned())
    }

    #[test]
    fn the_last_answer_counts() {
        assert_eq!(answer("<answer>1</answer> <answer> 2 </answer> so").as_deref(), Some("2"));
        assert_eq!(answer("<answer>1</answer> <answer>2"), None);
        assert_eq!(answer("1 + 2"), None);
    }

    #[test]
    fn what_is_only_thought_is_no_answer() {
        assert_eq!(answer("<think><answer>1</answer></think> so"), None);
        assert_eq!(answer("<answer>1</answer></think> so"), None);
        assert_eq!(answer("<think>x</think><answer>1</answer>").as_deref(), Some("1"));
        assert_eq!(answer("<answer>1</answer><|im_end|><answer>2</answer>").as_deref(), Some("1"));
    }
}
