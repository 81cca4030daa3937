//! Tests that call a function and look at what it returns. All calls go to one run of the program, each with
//! arguments of its own; what is expected stays here.

use std::collections::{BTreeMap, HashMap};

use gavel_plugin::{Error, excerpt};
use num_bigint::BigInt;
use serde_json::value::RawValue;

use crate::ahead;
use crate::answers::{Answer, Claim, ask};
use crate::compare::close;
use crate::drivers::Driver;
use crate::hidden::Hidden;
use crate::knowledge::Question;
use crate::options::{Language, Options};
use crate::report::Report;
use crate::run::Runner;
use crate::task::FunctionCase;
use crate::value::Value;

/// Makes every call and compares.
pub(crate) fn judge(program: &str, cases: &[FunctionCase], runner: &mut Runner<'_>) -> Result<Report, Error> {
    let expected: Vec<Hidden<Value>> =
        cases.iter().map(|case| case.expected.read(|raw| json(raw))).collect::<Result<_, _>>()?;
    if let Some(case) = cases.iter().find(|case| !is_name(&case.name)) {
        return Err(Error::InvalidTask(format!(
            "fn_name: {:?} is no name of a function",
            excerpt(&case.name)
        )));
    }
    let call = |case: &FunctionCase| Question::call(&case.name, case.args.clone(), Vec::new());
    let questions: Vec<Question> = cases.iter().map(call).collect();
    let driver = match runner.options.language {
        Language::Python => Driver::Solution,
        Language::Javascript => Driver::Javascript,
    };
    let answers = ask(program, driver, &questions, runner)?;
    let limited = usize::from(answers.limited);
    if let Some(why) = answers.broken {
        return Ok(Report { limited, ..Report::nothing_passed(cases.len(), why) });
    }
    let mut report = Report { limited, ..Report::default() };
    for (index, ((case, expected), answer)) in cases.iter().zip(&expected).zip(&answers.answers).enumerate() {
        let result = expected.judge(|expected| compare(answer, expected, case.wrapped, runner.options));
        report.count(result.map_err(|why| format!("test {}: {why}", index + 1)));
    }
    if report.earns(runner.options)
        && let Some(why) = ahead::caught(program, driver, &questions, &answers.answers, runner)?
    {
        return Ok(Report::nothing_passed(cases.len(), why));
    }
    Ok(report)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn compare(answer: &Answer, expected: &Value, wrapped: bool, options: &Options) -> Result<(), String> {
    let Answer::Returned(Claim { value, .. }) = answer else {
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
            let (Some(left), Some(right)) = (by_name(left), by_name(right)) else { return false };
            left.len() == right.len()
                && right.iter().all(|(name, expected)| {
                    left.get(name).is_some_and(|value| same(value, expected, tolerance))
                })
        }
        // Where an integer is expected, no other number is close to it, as in outputs.
        (_, Value::Float(expected)) if tolerance > 0.0 => {
            value.number().is_some_and(|value| close(value.to_f64(), *expected, tolerance))
        }
        _ => value.equals(expected) == Ok(true),
    }
}

/// The entries of a dict by the names that its keys have in JSON; `None` where two keys have one name: JSON could not
/// hold such a dict, and one value would stand for several.
fn by_name(entries: &[(Value, Value)]) -> Option<HashMap<Vec<u8>, &Value>> {
    let mut table = HashMap::new();
    for (key, value) in entries {
        let name = match key {
            // Beyond what Python itself would print, no name is expected.
            Value::Int(number) if number.bits() <= MOST_BITS => Value::Str(number.to_string()).hash_key(),
            key => key.hash_key(),
        };
        if table.insert(name.ok()?, value).is_some() {
            return None;
        }
    }
    Some(table)
}

/// Some 4,300 decimal digits.
const MOST_BITS: u64 = 14_284;

/// Reads JSON with every digit of its numbers.
fn json(raw: &RawValue) -> Result<Value, Error> {
    value_of(raw)
        .ok_or_else(|| Error::InvalidTask(format!("expected: {} cannot be read", excerpt(raw.get()))))
}

/// A value in JSON; `None` where it is nested too deeply.
pub(crate) fn value_of(raw: &RawValue) -> Option<Value> {
    read(raw, crate::value::DEEPEST)
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
            let entries: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
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
    fn each_expected_key_is_matched_by_one_returned_key() {
        let dict = |entries: &[(Value, i64)]| {
            Value::Dict(entries.iter().map(|(key, value)| (key.clone(), Value::int(*value))).collect())
        };
        let (one, text) = (Value::int(1), Value::Str("1".to_owned()));
        let twins = dict(&[(one.clone(), 1), (text.clone(), 1)]);
        assert!(!same(&twins, &value(r#"{"1": 1, "2": 4}"#), 0.0));
        assert!(!same(&twins, &value(r#"{"1": 1}"#), 0.0));
        assert!(!same(&Value::List(vec![twins]), &value(r#"[{"1": 1, "2": 4}]"#), 0.0));
        assert!(!same(&dict(&[(text.clone(), 1), (text, 1)]), &value(r#"{"1": 1, "2": 1}"#), 0.0));
        assert!(same(&dict(&[(Value::int(2), 4), (one, 1)]), &value(r#"{"1": 1, "2": 4}"#), 0.0));
        let huge = Value::Int(BigInt::from(1) << 15_000_000);
        assert!(!same(&dict(&[(huge, 1)]), &value(r#"{"1": 1}"#), 0.0));
    }

    #[test]
    fn a_tolerance_reaches_into_lists() {
        assert!(!same(&value("[0.30000000000000004]"), &value("[0.3]"), 0.0));
        assert!(same(&value("[0.30000000000000004]"), &value("[0.3]"), 1e-9));
        assert!(!same(&value("[0.4]"), &value("[0.3]"), 1e-9));
        assert!(same(&value("5"), &value("5.0000000001"), 1e-9));
        assert!(same(&value("5.0"), &value("5"), 1e-9));
        assert!(!same(&value("4.9999999999"), &value("5"), 1e-9));
    }

    #[test]
    fn a_result_may_be_wrapped_only_in_a_list_of_one() {
        let answer = Answer::value(value("3"));
        let options = Options::default();
        assert!(compare(&answer, &value("[3]"), true, &options).is_ok());
        assert!(compare(&answer, &value("[3]"), false, &options).is_err());
        assert!(compare(&answer, &value("[3, 4]"), true, &options).is_err());
    }
}
