//! Tests that only Python understands, in turns: a trusted interpreter runs them with what is known and notes the
//! calls that are not, another runs the program to answer all calls so far, until no call is new.

use std::collections::BTreeMap;

use gavel_plugin::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::{Suite, assertions_in, unsplittable};
use crate::answers::{Answer, Answers};
use crate::drivers::{self, Round};
use crate::options::Guarded;
use crate::report::Report;
use crate::run::{Runner, nonce, records, told};
use crate::value::{Value, decode, literal_string};

/// What a round of the tests came to; see `check.py`.
#[derive(Deserialize)]
pub(super) struct Checked<'a> {
    /// The calls so far, in order, where some were new.
    #[serde(borrow)]
    trace: Vec<&'a RawValue>,
    pending: bool,
    /// How many calls there were.
    asked: usize,
    passed: usize,
    failed: usize,
    /// The first assertion that failed.
    first: String,
    /// What ended the tests before their end.
    error: String,
    /// Objects of the program were compared with each other.
    compared: bool,
    unsplittable: String,
}

pub(super) fn judge(program: &str, suite: &Suite<'_>, runner: &mut Runner<'_>) -> Result<Report, Error> {
    let mut known: Vec<(String, Json)> = Vec::new();
    let mut limited = 0;
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
        if !checked.pending {
            let report = report(&checked, suite)?;
            return Ok(Report { limited, rounds: round, ..report });
        }
        let answers = answer(program, &checked.trace, runner)?;
        limited = usize::from(answers.limited);
        if let Some(why) = answers.broken {
            let report = Report::nothing_passed(assertions_in(suite.tree), why);
            return Ok(Report { limited, rounds: round, ..report });
        }
        known = checked
            .trace
            .iter()
            .map(|call| call.get().to_owned())
            .zip(answers.calls.iter().map(told_answer))
            .collect();
    }
    let why = format!("the tests still had new calls after {} rounds", runner.options.rounds);
    let report = Report::nothing_passed(assertions_in(suite.tree), why);
    Ok(Report { rounds: runner.options.rounds, limited, ..report })
}

fn round_of<'a>(suite: &'a Suite<'_>, known: &'a [(String, Json)], runner: &Runner<'_>) -> Round<'a> {
    Round {
        tests: suite.source,
        prelude: suite.prelude,
        externals: &suite.names.externals,
        known,
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
    let broke_off = !checked.error.is_empty();
    let counted = checked.passed + checked.failed + usize::from(broke_off);
    // Tests without assertions, which only raise, are one test.
    let (passed, counted) = if counted == 0 { (1, 1) } else { (checked.passed, counted) };
    let tests = if broke_off { counted.max(assertions_in(suite.tree)) } else { counted };
    let failure = [&checked.first, &checked.error].into_iter().find(|text| !text.is_empty()).cloned();
    let guarded = checked.compared;
    Ok(Report { tests, passed, failure, guarded, ..Report::default() })
}

/// A call as `check.py` writes it: operation, root, path, arguments, named arguments.
type Call = (String, Json, Vec<String>, Vec<Json>, BTreeMap<String, Json>);

/// Runs the program and makes all calls in order, in a fresh interpreter.
fn answer(program: &str, trace: &[&RawValue], runner: &mut Runner<'_>) -> Result<Answers, Error> {
    let nonce = nonce();
    let calls: Vec<Json> = trace.iter().map(|call| told_call(call)).collect::<Result<_, _>>()?;
    let source = drivers::execute_split(program, &nonce, &calls);
    let outcome = runner.run(source, Vec::new())?;
    Ok(Answers::of(&outcome, &nonce, calls.len()))
}

/// A call as `objects.py` takes it: a list where all of it is plain, else an expression. There the arguments are made
/// only when it is their turn, since they may be objects that earlier calls made.
fn told_call(call: &RawValue) -> Result<Json, Error> {
    let internal =
        || Error::Internal("the tests' interpreter reported a call that cannot be read".to_owned());
    let (operation, root, path, args, named): Call =
        serde_json::from_str(call.get()).map_err(|_| internal())?;
    let value = |json: &Json| decode(json).map_err(|_| internal());
    let args: Vec<Value> = args.iter().map(value).collect::<Result<_, _>>()?;
    let named: Vec<(Value, Value)> = named
        .iter()
        .map(|(name, json)| Ok((Value::Str(name.clone()), value(json)?)))
        .collect::<Result<_, Error>>()?;
    let root = value(&root)?;
    if let (Some(root), Some(args), true) =
        (root.plain(), Value::List(args.clone()).plain(), named.is_empty())
    {
        return Ok(json!([operation, root, path, args]));
    }
    let path = Value::List(path.into_iter().map(Value::Str).collect());
    Ok(Json::String(format!(
        "({},{},{},lambda: ({},{}))",
        literal_string(&operation),
        root.literal(),
        path.literal(),
        Value::Tuple(args).literal(),
        Value::Dict(named).literal()
    )))
}

/// An answer as `check.py` takes it: a list where all of it is plain, else an expression.
fn told_answer(answer: &Answer) -> Json {
    match answer {
        Answer::Returned(value, changed) => match value.plain().filter(|_| changed.is_empty()) {
            Some(value) => json!(["value", value, []]),
            None => {
                let changed = changed
                    .iter()
                    .map(|(index, value)| Value::Tuple(vec![Value::int(*index), value.clone()]))
                    .collect();
                format!("('value',{},{})", value.literal(), Value::List(changed).literal()).into()
            }
        },
        Answer::Raised(classes, text) => json!(["raised", classes, text]),
        Answer::Ended(how) => json!(["ended", how, null]),
    }
}
