//! `cases.jsonl`: submissions with what a plugin should say of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gavel_host::{Limits, LoadError, Plugin, WasmVerifier};
use gavel_reward::{bounded, whole_file};
use gavel_verify::{Outcome, Submission};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::lines::{LONGEST_LINE, Lines};

/// The file name of a plugin's cases.
pub const CASES: &str = "cases.jsonl";

/// The most bytes of a file of cases.
const LARGEST: u64 = 256 << 20;

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
    /// What should come of it; `None` where nobody has said so yet.
    pub expect: Option<Expectation>,
}

/// What should come of a case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The reward.
    pub reward: Option<f64>,
    /// The status, or those that are all right; a verdict where a reward is given.
    #[serde(default)]
    pub status: Statuses,
    /// Whether reward and metrics have to be the same to the last bit.
    #[serde(default)]
    pub exact: bool,
    /// Metrics that the verdict must carry; it may carry others.
    #[serde(default)]
    pub metrics: IndexMap<String, f64>,
    /// A part of the reason.
    pub reason_contains: Option<String>,
}

/// One status, or a list of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub enum Statuses {
    /// It is a verdict.
    #[default]
    Verdict,
    /// Exactly this.
    One(String),
    /// Any of these.
    Any(Vec<String>),
}

impl Statuses {
    fn names(&self) -> &[String] {
        match self {
            Self::Verdict => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Any(names) => names,
        }
    }

    fn contain(&self, status: &str) -> bool {
        let names = self.names();
        if names.is_empty() { status == VERDICT } else { names.iter().any(|name| name == status) }
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.names();
        f.write_str(&if names.is_empty() { VERDICT.to_owned() } else { names.join(" or ") })
    }
}

/// What a status is called when there is a verdict.
const VERDICT: &str = "verdict";

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
    expect: Option<Expectation>,
}

/// Reads the cases of a plugin's folder.
///
/// # Errors
/// When the file cannot be read or a line is not a case; the error names file and line.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let path = folder.join(CASES);
    let text = bounded::read(&path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = Lines::new(text.as_slice(), LONGEST_LINE);
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
            row.expect
                .as_ref()
                .is_none_or(|expect| expect.reward.is_some() || !expect.status.names().is_empty()),
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
    let status = status(outcome);
    if !expect.status.contain(status) {
        differ("status", expect.status.to_string(), status.to_owned());
    }
    let same = |one: f64, other: f64| {
        if expect.exact { one.to_bits() == other.to_bits() } else { close(one, other) }
    };
    let reward = outcome.ok().and_then(Outcome::reward);
    if let Some(wanted) = expect.reward
        && !reward.is_some_and(|reward| same(reward, wanted))
    {
        differ("reward", wanted.to_string(), reward.map_or("none".to_owned(), |reward| reward.to_string()));
    }
    let verdict = outcome.ok().and_then(|outcome| outcome.result.as_ref().ok());
    for (name, &wanted) in &expect.metrics {
        let found = verdict.and_then(|verdict| verdict.metric(name));
        if !found.is_some_and(|found| same(found, wanted)) {
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

/// What a status is called, refused options included.
pub fn status(outcome: Result<&Outcome, &str>) -> &'static str {
    outcome.map_or(INVALID_OPTIONS, |outcome| outcome.status().name())
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
        let mut row: Map<String, Value> = serde_json::from_str(line).with_context(|| place(&path, number))?;
        row.insert("expect".to_owned(), expect.clone());
        blessed.push_str(&serde_json::to_string(&row)?);
        blessed.push('\n');
    }
    let written = whole_file::write(&path, blessed.as_bytes());
    written.with_context(|| format!("cannot write {}", path.display()))
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

/// Rewards are exact by custom; this forgives only the last digits of a sum.
fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9
}

/// The path of a folder's cases, for messages.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(CASES)
}
