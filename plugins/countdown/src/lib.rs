//! Judges Countdown answers: reach the target from the given numbers with `+ - * /` and parentheses, exactly.

mod expression;
mod marks;
mod task;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};
use gavel_text::{end_of, is_withdrawn, said, start_of, turns};
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
        let verdict = match last_answer(submission.completion()) {
            Some((.., behind)) if is_withdrawn(behind) || says_it_is_none(behind) => {
                Findings { has_answer: true, ..Findings::default() }
                    .verdict("the answer is taken back behind it".to_owned())
            }
            Some((before, ..)) if has_none(before) => Findings { has_answer: true, ..Findings::default() }
                .verdict("the words before the answer say that there is none".to_owned()),
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

/// The words of a text, in lower case, with their apostrophes.
fn words(text: &str) -> String {
    let lowered = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> = lowered
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// Whether the sentence behind an answer says of it that it is none: "No, that is not my answer".
fn says_it_is_none(behind: &str) -> bool {
    let text = start_of(behind.trim_start(), NEAR);
    let sentence = words(text.split(['.', '!', '\n']).next().unwrap_or_default());
    let said = sentence.strip_prefix("no ").unwrap_or(&sentence);
    let subjects = ["that", "this", "it", "which", "the above"];
    let denials = [" is not", " isn't", " was not", " wasn't", "'s not"];
    let predicates = [" my answer", " an answer", " the answer", " my final answer", " the final answer"];
    subjects.iter().filter_map(|subject| said.strip_prefix(subject)).any(|said| {
        let rest = denials.iter().find_map(|denial| said.strip_prefix(denial));
        rest.is_some_and(|rest| predicates.contains(&rest))
    })
}

/// Whether the sentence right before an answer says that there is none: "I have no answer."
fn has_none(before: &str) -> bool {
    let text = end_of(before, NEAR).trim_end();
    let text = text.trim_end_matches(['.', '!', ':']);
    let sentence = words(text.rsplit(['.', '!', '\n']).next().unwrap_or_default());
    ["i", "we"].iter().any(|who| {
        let said = sentence.strip_prefix(who).unwrap_or_default();
        [" have no answer", " do not have an answer", " don't have an answer", " refuse", " give up"]
            .contains(&said)
    })
}

/// How far around an answer a sentence about it is looked for, in bytes.
const NEAR: usize = 200;

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
