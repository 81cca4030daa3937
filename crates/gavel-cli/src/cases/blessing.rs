//! Writing down what came as what is expected.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use anyhow::Context;
use gavel_files::{bounded, whole_file};
use gavel_verify::Outcome;
use indexmap::IndexMap;
use serde::Serialize as _;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Case, EXPECT, LARGEST, path, place, reason, status};

/// Writes what came into the lines of a folder's cases; all other lines stay as they are.
///
/// # Errors
/// When the file cannot be read or written; then it is as it was.
pub fn bless(folder: &Path, came: &HashMap<u64, Value>) -> anyhow::Result<()> {
    let path = path(folder);
    let text =
        bounded::read_text(&path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    let mut blessed = String::with_capacity(text.len());
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some(expect) = came.get(&number) else {
            blessed.push_str(line);
            continue;
        };
        blessed.push_str(&with_expectation(line, expect).with_context(|| place(&path, number))?);
    }
    let written = whole_file::write(&path, blessed.as_bytes());
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// A line of cases with another `expect`; everything else in it stays as it is written.
fn with_expectation(line: &str, expect: &Value) -> anyhow::Result<String> {
    let row: IndexMap<String, &RawValue> = serde_json::from_str(line)?;
    let expect = spaced(expect)?;
    if let Some(old) = row.get(EXPECT) {
        // The value is a part of the line.
        let start = old.get().as_ptr() as usize - line.as_ptr() as usize;
        return Ok(format!("{}{expect}{}", &line[..start], &line[start + old.get().len()..]));
    }
    let end = line.rfind('}').context("not a JSON object")?;
    let before = line[..end].trim_end();
    Ok(format!("{before}, \"{EXPECT}\": {expect}{}", &line[end..]))
}

/// JSON on one line as people write it, with spaces after colons and commas.
fn spaced(value: &Value) -> anyhow::Result<String> {
    let mut text = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Spaced))?;
    Ok(String::from_utf8(text)?)
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// What a case would have to expect for this outcome. It names what the case named before: its metrics, and a part of
/// the reason where it had one.
pub fn expectation(case: &Case, outcome: Result<&Outcome, &str>) -> Value {
    let before = case.expect.clone().unwrap_or_default();
    let mut expect = Map::new();
    match outcome.ok().and_then(|outcome| outcome.result.as_ref().ok()) {
        Some(verdict) => {
            expect.insert("reward".to_owned(), number(verdict.reward));
            let wanted = |name: &str| case.expect.is_none() || before.metrics.contains_key(name);
            let metrics = verdict.metrics.iter().filter(|(name, _)| wanted(name));
            let metrics: Map<String, Value> =
                metrics.map(|(name, value)| (name.clone(), number(*value))).collect();
            if !metrics.is_empty() {
                expect.insert("metrics".to_owned(), metrics.into());
            }
        }
        None => drop(expect.insert("status".to_owned(), status(outcome).into())),
    }
    if before.exact {
        expect.insert("exact".to_owned(), true.into());
    }
    let part = before.reason_contains.or(case.expect.is_none().then(String::new));
    if let (Some(part), Some(reason)) = (part, reason(outcome)) {
        let kept = if !part.is_empty() && reason.contains(&part) { part } else { reason };
        expect.insert("reason_contains".to_owned(), kept.into());
    }
    expect.into()
}

/// A whole number as people write it: 1, not 1.0. Negative zero keeps its sign.
fn number(value: f64) -> Value {
    let whole = value as i64;
    if (whole as f64).to_bits() == value.to_bits() { whole.into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blessing_leaves_the_rest_of_a_line_as_it_is_written() {
        let expect = serde_json::json!({"reward": 1, "metrics": {"words": 6.5}});
        for (line, expected) in [
            (
                "{ \"name\": \"x\",  \"expect\": {\"reward\":0}, \"y\":1 }\n",
                "{ \"name\": \"x\",  \"expect\": {\"reward\": 1, \"metrics\": {\"words\": 6.5}}, \"y\":1 }\n",
            ),
            (
                "{\"name\": \"x\"}",
                "{\"name\": \"x\", \"expect\": {\"reward\": 1, \"metrics\": {\"words\": 6.5}}}",
            ),
        ] {
            assert_eq!(with_expectation(line, &expect).unwrap(), expected);
        }
    }
}
