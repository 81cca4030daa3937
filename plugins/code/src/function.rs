//! Tests that call a function and look at what it returns. All calls go to one run of the program, each with
//! arguments of its own; what is expected stays here.

use gavel_plugin::{Error, excerpt};
use num_bigint::BigInt;
use serde_json::value::RawValue;

use crate::answers::{Answer, Answers};
use crate::compare::close;
use crate::drivers;
use crate::options::{Language, Options};
use crate::report::Report;
use crate::run::{Runner, nonce};
use crate::task::FunctionCase;
use crate::value::Value;

/// Makes every call and compares.
pub(crate) fn judge(program: &str, cases: &[FunctionCase], runner: &mut Runner<'_>) -> Result<Report, Error> {
    let expected: Vec<Value> = cases.iter().map(|case| json(&case.expected)).collect::<Result<_, _>>()?;
    if let Some(case) = cases.iter().find(|case| !is_name(&case.name)) {
        return Err(Error::InvalidTask(format!(
            "fn_name: {:?} is no name of a function",
            excerpt(&case.name)
        )));
    }
    let answers = answers(program, cases, runner)?;
    if let Some(why) = answers.broken {
        let mut report = Report::nothing_passed(cases.len(), why);
        report.limited = usize::from(answers.limited);
        return Ok(report);
    }
    let mut report = Report { limited: usize::from(answers.limited), ..Report::default() };
    for (index, ((case, expected), answer)) in cases.iter().zip(&expected).zip(&answers.calls).enumerate() {
        let result = compare(answer, expected, case.wrapped, runner.options);
        report.count(result.map_err(|why| format!("test {}: {why}", index + 1)));
    }
    Ok(report)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn answers(program: &str, cases: &[FunctionCase], runner: &mut Runner<'_>) -> Result<Answers, Error> {
    let nonce = nonce();
    let lists = cases.iter().map(|case| {
        let args: Vec<&str> = case.args.iter().map(|arg| arg.get()).collect();
        format!("[{}]", args.join(","))
    });
    let outcome = match runner.options.language {
        Language::Python => {
            let calls: Vec<String> =
                cases.iter().zip(lists).map(|(case, args)| format!("[{:?},{args}]", case.name)).collect();
            let source = drivers::execute_from_stdin(program, &nonce);
            runner.run(source, format!("[{}]", calls.join(",")).into_bytes())?
        }
        Language::Javascript => {
            let calls: Vec<String> = lists.collect();
            let calls = format!("[{}]", calls.join(","));
            let name = &cases[0].name;
            runner.run(drivers::execute_javascript(program, &nonce, name, &calls), Vec::new())?
        }
    };
    Ok(Answers::of(&outcome, &nonce, cases.len()))
}

fn compare(answer: &Answer, expected: &Value, wrapped: bool, options: &Options) -> Result<(), String> {
    let Answer::Returned(value, _) = answer else {
        return Err(answer.failure().unwrap_or_default());
    };
    let alone = match expected {
        Value::List(items) if wrapped && items.len() == 1 => items.first(),
        _ => None,
    };
    if same(value, expected, options.tolerance)
        || alone.is_some_and(|alone| same(value, alone, options.tolerance))
    {
        return Ok(());
    }
    Err(format!("returned {} where {} was expected", value.shown(), expected.shown()))
}

/// Python's equality, but JSON has neither tuples nor keys that are numbers, and a tolerance may be asked for.
fn same(value: &Value, expected: &Value, tolerance: f64) -> bool {
    match (value, expected) {
        (Value::List(left) | Value::Tuple(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b, tolerance))
        }
        (Value::Dict(left), Value::Dict(right)) => {
            let find = |key: &Value| right.iter().find(|(name, _)| same_key(key, name));
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    find(key).is_some_and(|(_, expected)| same(value, expected, tolerance))
                })
        }
        (Value::Float(_), _) | (_, Value::Float(_)) if tolerance > 0.0 => {
            matches!((value.number(), expected.number()),
                (Some(a), Some(b)) if close(a.to_f64(), b.to_f64(), tolerance))
        }
        _ => value.equals(expected) == Ok(true),
    }
}

fn same_key(key: &Value, name: &Value) -> bool {
    match (key, name) {
        (Value::Int(number), Value::Str(name)) => number.to_string() == *name,
        _ => key.equals(name) == Ok(true),
    }
}

/// Reads JSON with every digit of its numbers.
fn json(raw: &RawValue) -> Result<Value, Error> {
    read(raw, crate::value::DEEPEST)
        .ok_or_else(|| Error::InvalidTask(format!("expected: {} cannot be read", excerpt(raw.get()))))
}

fn read(raw: &RawValue, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let text = raw.get();
    match text.as_bytes()[0] {
        b'n' => Some(Value::None),
        b't' => Some(Value::Bool(true)),
        b'f' => Some(Value::Bool(false)),
        b'"' => serde_json::from_str(text).ok().map(Value::Str),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            items.into_iter().map(|item| read(item, depth)).collect::<Option<_>>().map(Value::List)
        }
        b'{' => {
            let entries: std::collections::BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(text).ok()?;
            entries
                .into_iter()
                .map(|(key, value)| Some((Value::Str(key), read(&value, depth)?)))
                .collect::<Option<_>>()
                .map(Value::Dict)
        }
        _ if text.contains(['.', 'e', 'E']) => text.parse().ok().map(Value::Float),
        _ => text.parse::<BigInt>().ok().map(Value::Int),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        json(&RawValue::from_string(text.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn json_keeps_every_digit() {
        assert!(
            value("123456789012345678901234567890").equals(&value("123456789012345678901234567890")).unwrap()
        );
        assert!(
            !value("123456789012345678901234567890")
                .equals(&value("123456789012345678901234567891"))
                .unwrap()
        );
        assert!(matches!(value("0.1"), Value::Float(float) if float == 0.1));
    }

    #[test]
    fn json_lacks_tuples_and_numbers_as_keys() {
        let tuple = Value::Tuple(vec![Value::int(1), Value::Tuple(vec![])]);
        assert!(same(&tuple, &value("[1, []]"), 0.0));
        assert!(same(&Value::Dict(vec![(Value::int(1), Value::None)]), &value(r#"{"1": null}"#), 0.0));
        assert!(!same(&value("[1]"), &value("[1, 2]"), 0.0));
        assert!(!same(&Value::Set(vec![Value::int(1)]), &value("[1]"), 0.0));
    }

    #[test]
    fn a_tolerance_reaches_into_lists() {
        assert!(!same(&value("[0.30000000000000004]"), &value("[0.3]"), 0.0));
        assert!(same(&value("[0.30000000000000004]"), &value("[0.3]"), 1e-9));
        assert!(!same(&value("[0.4]"), &value("[0.3]"), 1e-9));
    }

    #[test]
    fn a_result_may_be_wrapped_only_in_a_list_of_one() {
        let answer = Answer::Returned(value("3"), vec![]);
        let options = Options::default();
        assert!(compare(&answer, &value("[3]"), true, &options).is_ok());
        assert!(compare(&answer, &value("[3]"), false, &options).is_err());
        assert!(compare(&answer, &value("[3, 4]"), true, &options).is_err());
    }
}
