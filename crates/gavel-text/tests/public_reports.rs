//! What users reported in public, cheats, and kinds of answers of current models: each row goes as it should, or
//! `differences.jsonl` says why not. Skipped where the shared data is absent.

use std::collections::BTreeMap;
use std::fs;

use gavel_plugin::{Error, Submission, Verdict, Verifier, judge};
use gavel_plugin_choice::Choice;
use gavel_plugin_countdown::Countdown;
use gavel_plugin_format::Format;
use gavel_plugin_ifeval::IfEval;
use gavel_plugin_json_schema::JsonSchema;
use gavel_plugin_length::Length;
use gavel_plugin_math::Math;
use gavel_plugin_string::StringMatch;
use serde::Deserialize;
use serde_json::{Map, Value};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/public_reports");
const FILES: [&str; 3] = ["cases.jsonl", "answer_kinds.jsonl", "red_team.jsonl"];

/// How many of a hundred rows that are a matter of convention must go as they should.
const OF_CONVENTIONS: usize = 95;

#[derive(Deserialize)]
struct Row {
    id: String,
    plugin: String,
    options: Map<String, Value>,
    input: Map<String, Value>,
    /// A number, or null for no verdict.
    expected_reward: Option<f64>,
    why: String,
    sure: String,
}

/// A row that goes another way, and why that is right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    id: String,
    reason: String,
}

#[test]
fn every_report_goes_as_it_should() {
    let differences: Vec<Difference> =
        include_str!("differences.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(differences.iter().all(|it| it.reason.len() > 20), "a difference without an explanation");
    let Some(rows) = rows() else { return };
    let mut wrong = Vec::new();
    // By how sure the report is: how many rows, and how many go as it says.
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in &rows {
        let Some(answer) = answer(row) else { continue };
        let (all, right) = counts.entry(&row.sure).or_default();
        *all += 1;
        if is_as_expected(row, &answer) {
            *right += 1;
        } else if !differences.iter().any(|it| it.id == row.id) {
            wrong.push(format!("{} ({}, {}): {}; got {answer:?}", row.id, row.plugin, row.sure, row.why));
        }
    }
    assert!(wrong.is_empty(), "{counts:?}; not explained:\n{}", wrong.join("\n"));
    let explained = differences.len();
    let high = counts["high"];
    assert!(high.1 + explained >= high.0, "a report that is certain goes another way");
    let others = counts.iter().filter(|(sure, _)| **sure != "high");
    let (all, right) = others.fold((0, 0), |sum, (_, count)| (sum.0 + count.0, sum.1 + count.1));
    assert!(100 * right >= OF_CONVENTIONS * all, "{right} of {all} conventions hold");
}

fn rows() -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    for file in FILES {
        let path = format!("{DATA}/{file}");
        let Ok(lines) = fs::read_to_string(&path) else {
            #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
            {
                eprintln!("skipped: {path} is not there");
            }
            return None;
        };
        rows.extend(lines.lines().map(|line| serde_json::from_str::<Row>(line).unwrap()));
    }
    Some(rows)
}

fn is_as_expected(row: &Row, answer: &Result<Verdict, Error>) -> bool {
    match (row.expected_reward, answer) {
        (Some(reward), Ok(verdict)) => (verdict.reward - reward).abs() <= 1e-9,
        (None, Err(_)) => true,
        _ => false,
    }
}

/// What the row's plugin says; `None` for plugins that run programs, and for lines that no plugin is handed.
fn answer(row: &Row) -> Option<Result<Verdict, Error>> {
    let submission = submission(row)?;
    let options = Value::Object(row.options.clone()).to_string();
    Some(match row.plugin.as_str() {
        "math" => judged::<Math>(&submission, &options),
        "choice" => judged::<Choice>(&submission, &options),
        "string" => judged::<StringMatch>(&submission, &options),
        "format" => judged::<Format>(&submission, &options),
        "json-schema" => judged::<JsonSchema>(&submission, &options),
        "ifeval" => judged::<IfEval>(&submission, &options),
        "countdown" => judged::<Countdown>(&submission, &options),
        "length" => judged::<Length>(&submission, &options),
        _ => return None,
    })
}

/// A verdict has every metric that its plugin declares, once.
fn judged<V: Verifier>(submission: &Submission, options: &str) -> Result<Verdict, Error> {
    let verdict = judge::<V>(submission, options)?;
    for metric in V::METRICS {
        let times = verdict.metrics.iter().filter(|(name, _)| name == metric).count();
        assert_eq!(times, 1, "{}: the metric {metric} in {verdict:?}", V::NAME);
    }
    assert_eq!(verdict.metrics.len(), V::METRICS.len(), "{}: {verdict:?}", V::NAME);
    Ok(verdict)
}

/// As `gavel score` reads a line: a reference that is no text is its JSON, and other columns are metadata.
fn submission(row: &Row) -> Option<Submission> {
    let mut columns = row.input.clone();
    let Some(Value::String(completion)) = columns.remove("completion") else { return None };
    let prompt = match columns.remove("prompt")? {
        Value::String(prompt) => prompt,
        other => other.as_array()?.last()?.get("content")?.as_str()?.to_owned(),
    };
    let reference = columns.remove("reference");
    let submission =
        Submission::new(completion).with_prompt(prompt).with_metadata(Value::Object(columns).to_string());
    Some(match reference {
        None | Some(Value::Null) => submission,
        Some(Value::String(text)) => submission.with_reference(text),
        Some(other) => submission.with_reference(other.to_string()),
    })
}
