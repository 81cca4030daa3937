//! `cases.jsonl`: submissions with what a plugin should say of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gavel_host::{Limits, LoadError, Plugin, WasmVerifier};
use gavel_verify::{Outcome, Submission};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lines::{LONGEST_LINE, Lines};

/// The file name of a plugin's cases.
pub const CASES: &str = "cases.jsonl";

/// What a status is called when the plugin refuses the case's options. No outcome has it.
pub const INVALID_OPTIONS: &str = "invalid-options";

/// One line of a `cases.jsonl`.
#[derive(Debug)]
pub struct Case {
    /// The line, counted from 1.
    pub line: u64,
    /// What the case shows.
    pub name: String,
    /// What is judged.
    pub submission: Submission,
    /// A JSON object as text.
    pub options: String,
    /// What should come of it.
    pub expect: Expectation,
}

/// What should come of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The reward.
    pub reward: Option<f64>,
    /// The status; a verdict where a reward is given.
    pub status: Option<String>,
    /// Metrics that the verdict must carry; it may carry others.
    #[serde(default)]
    pub metrics: IndexMap<String, f64>,
    /// A part of the reason.
    pub reason_contains: Option<String>,
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRow {
    name: String,
    #[serde(default)]
    prompt: String,
    completion: String,
    reference: Option<String>,
    metadata: Option<Box<RawValue>>,
    options: Option<Box<RawValue>>,
    expect: Expectation,
}

/// Reads the cases of a plugin's folder.
///
/// # Errors
/// When the file cannot be read or a line is not a case; the error names file and line.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let path = folder.join(CASES);
    let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = Lines::new(BufReader::new(file), LONGEST_LINE);
    let mut cases = Vec::new();
    while let Some(line) = lines.read().with_context(|| format!("cannot read {}", path.display()))? {
        let place = || place(&path, line.number);
        let text = line.text.with_context(place)?;
        if !text.trim().is_empty() {
            cases.push(Case::parse(line.number, &text).with_context(place)?);
        }
    }
    anyhow::ensure!(!cases.is_empty(), "{} has no cases", path.display());
    Ok(cases)
}

/// How messages name a line.
pub fn place(path: &Path, line: u64) -> String {
    format!("{}:{line}", path.display())
}

impl Case {
    fn parse(line: u64, text: &str) -> anyhow::Result<Self> {
        let row: CaseRow = serde_json::from_str(text)?;
        let object = |value: Option<Box<RawValue>>, field: &str| match value {
            Some(raw) if raw.get().starts_with('{') => Ok(raw.get().to_owned()),
            Some(_) => anyhow::bail!("`{field}` is not an object"),
            None => Ok("{}".to_owned()),
        };
        anyhow::ensure!(
            row.expect.reward.is_some() || row.expect.status.is_some(),
            "`expect` needs a `reward` or a `status`"
        );
        Ok(Self {
            line,
            name: row.name,
            submission: Submission {
                prompt: row.prompt,
                completion: row.completion,
                reference: row.reference,
                metadata: object(row.metadata, "metadata")?,
            },
            options: object(row.options, "options")?,
            expect: row.expect,
        })
    }
}

/// The verifiers of one plugin, by the options that cases give it.
#[derive(Debug)]
pub struct Verifiers {
    plugin: Plugin,
    limits: Limits,
    loaded: HashMap<String, Result<WasmVerifier, String>>,
}

impl Verifiers {
    /// Verifiers of `plugin` within `limits`.
    pub fn new(plugin: Plugin, limits: Limits) -> Self {
        Self { plugin, limits, loaded: HashMap::new() }
    }

    /// The verifier with these options; `Err` has the plugin's words when it refuses them.
    ///
    /// # Errors
    /// When the verifier cannot be loaded for another reason.
    pub fn with_options(&mut self, options: &str) -> Result<Result<WasmVerifier, String>, LoadError> {
        if let Some(loaded) = self.loaded.get(options) {
            return Ok(loaded.clone());
        }
        let loaded = match self.plugin.verifier(options, &self.limits) {
            Ok(verifier) => Ok(verifier),
            Err(LoadError::InvalidOptions { reason, .. }) => Err(reason),
            Err(other) => return Err(other),
        };
        self.loaded.insert(options.to_owned(), loaded.clone());
        Ok(loaded)
    }
}

/// One thing that a case expects and does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about: `status`, `reward`, `reason`, or a metric.
    pub field: String,
    /// What the case expects.
    pub expected: String,
    /// What came.
    pub found: String,
}

/// Where `outcome` goes another way than `expect`. `Err` in the place of the outcome are refused options.
pub fn differences(expect: &Expectation, outcome: Result<&Outcome, &str>) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differ = |field: &str, expected: String, found: String| {
        differences.push(Difference { field: field.to_owned(), expected, found });
    };
    let wanted = expect.status.as_deref().unwrap_or("verdict");
    let status = outcome.map_or(INVALID_OPTIONS, |outcome| outcome.status().name());
    if status != wanted {
        differ("status", wanted.to_owned(), status.to_owned());
    }
    let reward = outcome.ok().and_then(Outcome::reward);
    if let Some(wanted) = expect.reward
        && !reward.is_some_and(|reward| close(reward, wanted))
    {
        differ("reward", wanted.to_string(), reward.map_or("none".to_owned(), |reward| reward.to_string()));
    }
    let verdict = outcome.ok().and_then(|outcome| outcome.result.as_ref().ok());
    for (name, &wanted) in &expect.metrics {
        let found = verdict.and_then(|verdict| verdict.metric(name));
        if !found.is_some_and(|found| close(found, wanted)) {
            let found = found.map_or("none".to_owned(), |found| found.to_string());
            differ(&format!("metrics.{name}"), wanted.to_string(), found);
        }
    }
    if let Some(part) = &expect.reason_contains {
        let reason = reason(outcome).unwrap_or_default();
        if !reason.contains(part) {
            differ("reason", format!("…{part}…"), reason);
        }
    }
    differences
}

/// The plugin's words, or the failure's.
pub fn reason(outcome: Result<&Outcome, &str>) -> Option<String> {
    match outcome {
        Err(refusal) => Some(refusal.to_owned()),
        Ok(outcome) => match &outcome.result {
            Ok(verdict) => verdict.reason.clone(),
            Err(failure) => Some(failure.to_string()),
        },
    }
}

/// Rewards are exact by custom; this forgives only the last digits of a sum.
fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9
}

/// The path of a folder's cases, for messages.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(CASES)
}
