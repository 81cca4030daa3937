//! Tests that only Python understands, in turns: a trusted interpreter runs them with what is known and notes the
//! questions that are not, another runs the program to answer all questions so far, until none is new.

use std::collections::BTreeSet;

use gavel_plugin::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::{Suite, assertions_in, unsplittable};
use crate::ahead;
use crate::answers::{Answer, Claim, ask};
use crate::drivers::{self, Driver, Round};
use crate::knowledge::{ObjectId, Question};
use crate::options::Guarded;
use crate::report::Report;
use crate::run::{Runner, nonce, records, told};
use crate::value::Value;

/// What a round of the tests came to; see `check.py`.
#[derive(Deserialize)]
pub(super) struct Checked<'a> {
    /// The questions so far, in order, where some were new.
    #[serde(borrow)]
    trace: Vec<&'a RawValue>,
    pending: bool,
    /// How many questions there were.
    asked: usize,
    passed: usize,
    failed: usize,
    /// How many tests the task itself skips, whatever the program is.
    left_out: usize,
    /// The first assertion that failed.
    first: String,
    /// What ended the tests before their end.
    error: String,
    /// How the program's run ended, where an answer was asked for that it did not come to.
    ended: String,
    /// Objects of the program were compared with each other.
    compared: bool,
    /// Pairs of objects that are equal by what they hold: one that was found, unless that is plain data, and one that
    /// the test made, unless that is the one that was found.
    alike: Vec<(Option<ObjectId>, Option<ObjectId>)>,
    /// Questions by which the test made plain data to compare with, or an object that was there.
    made: Vec<String>,
    unsplittable: String,
}

/// Items that the answers of all rounds may have together, as each round reads and tells all of them again: a few rounds
/// for the largest answers, and all of them for those of the usual size.
const MOST_ITEMS: usize = 400_000;

/// A question, as the tests' interpreter wrote it and as it is asked, with its answer.
struct Known {
    key: String,
    question: Question,
    answer: Answer,
}

pub(super) fn judge(program: &str, suite: &Suite<'_>, runner: &mut Runner<'_>) -> Result<Report, Error> {
    let mut known: Vec<Known> = Vec::new();
    let mut limited = 0;
    let mut affordable = MOST_ITEMS;
    for round in 1..=runner.options.rounds {
        let nonce = nonce();
        let source = drivers::check(&round_of(suite, &known, runner), &nonce);
        let outcome = runner.run(source, Vec::new())?;
        let checked = records(&outcome.stdout, &nonce)
            .get(&0)
            .and_then(|json| serde_json::from_str::<Checked<'_>>(json.get()).ok());
        let Some(checked) = checked else {
            // Without answers, the program has no part in it.
            if known.is_empty() {
                return Err(Error::InvalidTask(format!("the tests do not run: {}", told(&outcome))));
            }
            let why = format!("the tests broke off: {}", told(&outcome));
            return Ok(Report { rounds: round, ..Report::nothing_passed(assertions_in(suite.tree), why) });
        };
        if !checked.unsplittable.is_empty() {
            return unsplittable(program, suite, &checked.unsplittable, runner);
        }
        let failed =
            |why: String| Report { rounds: round, ..Report::nothing_passed(assertions_in(suite.tree), why) };
        if !checked.pending {
            let report = Report { limited, rounds: round, ..report(&checked, suite)? };
            if !report.earns(runner.options) {
                return Ok(report);
            }
            let expected = ahead::Expected {
                alike: &checked.alike,
                made: (0..known.len()).filter(|&place| checked.made.contains(&known[place].key)).collect(),
            };
            let (questions, answers): (Vec<_>, Vec<_>) =
                known.into_iter().map(|known| (known.question, known.answer)).unzip();
            let lie = match ahead::knew(program, &expected, &questions, &answers, runner)? {
                None => ahead::caught(program, Driver::Objects, &questions, &answers, runner)?,
                lie => lie,
            };
            return Ok(lie.map_or(report, failed));
        }
        let made = made_by_the_test(&known, &suite.makers);
        let questions =
            checked.trace.iter().map(|json| Question::reported(json.get(), &made, &suite.operands));
        let Some(questions) = questions.collect::<Option<Vec<Question>>>() else {
            let why = "the tests ask for something that cannot be asked of a program";
            // Only with answers of the program at hand is that its own doing.
            return if known.is_empty() {
                Err(Error::Internal(why.to_owned()))
            } else {
                Ok(failed(why.to_owned()))
            };
        };
        let answers = ask(program, Driver::Objects, &questions, runner)?;
        limited = usize::from(answers.limited);
        if let Some(why) = answers.broken {
            return Ok(Report { limited, ..failed(why) });
        }
        let Some(rest) = affordable.checked_sub(answers.items) else {
            return Ok(Report {
                limited,
                ..failed("answers too large to be told in so many rounds".to_owned())
            });
        };
        affordable = rest;
        let keys = checked.trace.iter().map(|json| json.get().to_owned());
        let now: Vec<Known> = keys
            .zip(questions)
            .zip(answers.answers)
            .map(|((key, question), answer)| Known { key, question, answer })
            .collect();
        // Up to the first question that is new, both runs were asked the very same. Who answers otherwise has looked
        // at what was asked later.
        let before = known.iter().zip(&now).take_while(|(old, new)| old.key == new.key);
        if let Some((lie, _)) = before.into_iter().find(|(old, new)| !old.answer.agrees_with(&new.answer)) {
            let question = gavel_plugin::excerpt(&lie.question.text());
            return Ok(Report {
                limited,
                ..failed(format!("the program answered otherwise before to {question}"))
            });
        }
        known = now;
    }
    let why = format!("the tests still had new calls after {} rounds", runner.options.rounds);
    let report = Report::nothing_passed(assertions_in(suite.tree), why);
    Ok(Report { rounds: runner.options.rounds, limited, ..report })
}

/// The objects that came of calling a class, or what the task says makes objects, by its name.
fn made_by_the_test(known: &[Known], makers: &BTreeSet<String>) -> BTreeSet<ObjectId> {
    let object = |known: &Known| match &known.answer {
        Answer::Returned(Claim { value: Value::Object(object, _), .. })
            if known.question.makes_object(makers) =>
        {
            Some(*object)
        }
        _ => None,
    };
    known.iter().filter_map(object).collect()
}

fn round_of<'a>(suite: &'a Suite<'_>, known: &'a [Known], runner: &Runner<'_>) -> Round<'a> {
    Round {
        tests: suite.source,
        prelude: suite.prefix.prelude(),
        classes: &suite.classes,
        makers: &suite.makers,
        operands: &suite.operands,
        externals: &suite.names.externals,
        known: known.iter().map(|known| json!([known.key, told_answer(&known.answer)])).collect(),
        guarded: runner.options.guarded == Guarded::Allow,
    }
}

pub(super) fn report(checked: &Checked<'_>, suite: &Suite<'_>) -> Result<Report, Error> {
    if checked.asked == 0 && suite.names.externals.is_empty() && suite.names.builtins {
        let why = "the program defines nothing that the tests call".to_owned();
        return Ok(Report::nothing_passed(assertions_in(suite.tree), why));
    }
    if checked.asked == 0 {
        return Err(Error::InvalidTask(if checked.error.is_empty() {
            "the tests call nothing of the program".to_owned()
        } else {
            format!("the tests call nothing of the program: {}", checked.error)
        }));
    }
    let guarded = checked.compared;
    let counted = checked.passed + checked.failed;
    if !checked.error.is_empty() {
        // What was not reached is not passed, nor is a loop that was not run to its end. Which of the statements
        // before would have held to the end is not known.
        let why = [&checked.first, &checked.error].into_iter().find(|text| !text.is_empty()).cloned();
        let report = Report::nothing_passed(counted.max(assertions_in(suite.tree)), why.unwrap_or_default());
        return Ok(Report { guarded, ..report });
    }
    if counted == 0 && checked.left_out > 0 {
        // No matter for an error: what was asserted beside them may be up to the program.
        return Ok(Report::nothing_passed(1, "what is not skipped asserts nothing".to_owned()));
    }
    // Tests without assertions, which only raise, are one test.
    let (passed, tests) = if counted == 0 { (1, 1) } else { (checked.passed, counted) };
    let failure = [&checked.first, &checked.ended].into_iter().find(|text| !text.is_empty()).cloned();
    // A test that catches everything has caught the end of the program's run, which it could not have seen.
    let passed = if passed == tests && !checked.ended.is_empty() { 0 } else { passed };
    Ok(Report { tests, passed, failure, guarded, ..Report::default() })
}

/// An answer as `questions.py` takes it: a list where all of it is plain, else an expression.
fn told_answer(answer: &Answer) -> Json {
    match answer {
        Answer::Returned(claim) => match claim.value.plain().filter(|_| claim.changed.is_empty()) {
            Some(value) if claim.state.is_empty() => json!(["value", value, [], [], [], claim.printed]),
            _ => told_claim(claim).into(),
        },
        Answer::Raised(classes, text) => json!(["raised", classes, text, [], [], []]),
        Answer::Ended(how) => json!(["ended", how, null, [], [], []]),
    }
}

fn told_claim(claim: &Claim) -> String {
    let number = |number: u64| Value::int(number);
    let text = |text: &String| Value::Str(text.clone());
    let changed =
        claim.changed.iter().map(|(index, value)| Value::Tuple(vec![Value::int(*index), value.clone()]));
    let state = claim.state.iter().map(|held| {
        let attributes = held.attributes.iter().map(|(name, value)| (text(name), value.clone())).collect();
        Value::Tuple(vec![number(held.object), number(held.kind as u64), Value::Dict(attributes)])
    });
    let kinds = claim.kinds.iter().map(|names| Value::List(names.iter().map(text).collect()));
    format!(
        "('value',{},{},{},{},{})",
        claim.value.literal(),
        Value::List(changed.collect()).literal(),
        Value::List(state.collect()).literal(),
        Value::List(kinds.collect()).literal(),
        Value::List(claim.printed.iter().map(text).collect()).literal()
    )
}
