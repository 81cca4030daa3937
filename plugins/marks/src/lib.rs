//! Checks the marks that a policy makes while it thinks: `3*4+5=12+5=17✗` computes a value, and says that it is not the
//! one that the task asks for.

mod expression;
mod form;
mod statement;
mod task;

use gavel_plugin::{Error, Submission, Verdict, Verifier, excerpt, export};
use serde::Deserialize;

use task::Task;

/// Follows a check that came out as the task asks.
const RIGHT: char = '✓';
/// Follows a check that did not.
const WRONG: char = '✗';
/// So many marks are checked, the first ones, so that no length of thinking costs the verdict.
const MOST: usize = 256;

/// What the reward file may say under `options`; see the README.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// With fewer marks than this, the reward is 0.
    pub at_least: usize,
}

/// The `marks` verifier.
#[derive(Debug)]
pub struct Marks;

impl Verifier for Marks {
    type Options = Options;
    const NAME: &str = "marks";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "The ✓ and ✗ in the thinking are true: what they follow was computed, and compared.";
    const METRICS: &[&str] = &[
        "checks",
        "forged",
        "forged_marks",
        "false_claims",
        "failed",
        "retried",
        "first_right",
        "last_right",
    ];
    const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

    fn verify(submission: &Submission, options: &Options) -> Result<Verdict, Error> {
        let task = Task::of(submission)?;
        let marks = read(thinking(submission.completion()), &task);
        let share = |count: usize| if marks.is_empty() { 0.0 } else { count as f64 / marks.len() as f64 };
        let forged = marks.iter().filter(|mark| mark.forgery.is_some()).count();
        let reward = if marks.len() < options.at_least { 0.0 } else { 1.0 - share(forged) };
        let false_claims = marks.iter().filter(|mark| mark.says_right && mark.forgery.is_some()).count();
        let failed = marks.iter().filter(|mark| !mark.says_right).count();
        // A check that failed is retried where another one follows.
        let unretried = marks.last().is_some_and(|mark| !mark.says_right);
        let is_right =
            |mark: Option<&Mark<'_>>| mark.is_some_and(|mark| mark.says_right && mark.forgery.is_none());
        Ok(Verdict::new(reward)
            .because(reason(&marks, forged))
            .metric("checks", count(marks.len()))
            .metric("forged", share(forged))
            .metric("forged_marks", count(forged))
            .metric("false_claims", count(false_claims))
            .metric("failed", count(failed))
            .metric("retried", count(failed - usize::from(unretried)))
            .metric("first_right", is_right(marks.first()))
            .metric("last_right", is_right(marks.last())))
    }
}

export!(Marks);

/// A mark and what it follows.
struct Mark<'a> {
    step: &'a str,
    says_right: bool,
    /// Why it is not true.
    forgery: Option<String>,
}

/// What stands before the end of the thinking; everything, where it does not end.
fn thinking(completion: &str) -> &str {
    completion.split("</think>").next().unwrap_or(completion)
}

fn read<'a>(thinking: &'a str, task: &Task) -> Vec<Mark<'a>> {
    let marked = thinking.split_inclusive([RIGHT, WRONG]).filter(|step| step.ends_with([RIGHT, WRONG]));
    let marks = marked.take(MOST).map(|marked| {
        let step = marked.trim_end_matches([RIGHT, WRONG]);
        // Behind the tag that opens the thinking, where the prompt has not opened it.
        let step = step.rsplit_once('>').map_or(step, |(_, step)| step).trim();
        let says_right = marked.ends_with(RIGHT);
        let forgery = match statement::outcome(step, task) {
            Ok(right) if right == says_right => None,
            Ok(_) => Some("what it computes says the opposite".to_owned()),
            Err(why) => Some(why),
        };
        Mark { step, says_right, forgery }
    });
    marks.collect()
}

fn reason(marks: &[Mark<'_>], forged: usize) -> String {
    let Some(first) = marks.iter().find(|mark| mark.forgery.is_some()) else {
        return format!("{} marks, all true", marks.len());
    };
    let mark = if first.says_right { RIGHT } else { WRONG };
    let why = first.forgery.as_deref().unwrap_or_default();
    format!("{forged} of {} marks are not true, first {}{mark}: {why}", marks.len(), excerpt(first.step))
}

/// Counts are far below 2³², so that nothing is lost.
fn count(count: usize) -> f64 {
    count as f64
}
