//! `cases.jsonl`: submissions with what a plugin should say of them.

mod blessing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use gavel_files::{bounded, closest, did_you_mean};
use gavel_host::{Limits, LoadError, Plugin, WasmVerifier};
use gavel_lines::{LONGEST_LINE, Lines};
use gavel_verify::{Outcome, Status, Submission};
use gavel_wire::{Columns, Row, RowError};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::columns::likely;

pub use blessing::{bless, expectation};

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
    /// The group of its line that it is a completion of; `None` where the line has one completion.
    pub group: Option<Member>,
}

/// A completion's place in the group of its case.
#[derive(Debug, Clone)]
pub struct Member {
    /// All of the group.
    pub submissions: Arc<[Submission]>,
    /// Which of them it is.
    pub place: usize,
    /// What is expected of it, as it is written; null where nobody has said so.
    pub written: Value,
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

/// The columns of a case that are no part of its submission.
const NAME: &str = "name";
const OPTIONS: &str = "options";
const EXPECT: &str = "expect";

/// The column that holds the completions of a prompt, each with an entry in `expect`, for a plugin that judges them together.
const COMPLETIONS: &str = "completions";

/// What only `expect` has.
const OF_EXPECT: [&str; 4] = ["exact", "status", "metrics", "reason_contains"];

/// Reads the cases of a plugin's folder.
///
/// # Errors
/// When the file cannot be read or a line is not a case; the error names file and line.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let path = folder.join(CASES);
    anyhow::ensure!(
        folder.is_dir(),
        "{} is {}: name the folder of a plugin, with its gavel.toml and {CASES}",
        folder.display(),
        if folder.exists() { "a file" } else { "not there" }
    );
    read_file(&path)
}

/// Reads a file of cases.
///
/// # Errors
/// As [`read`].
pub fn read_file(path: &Path) -> anyhow::Result<Vec<Case>> {
    let text = bounded::read(path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    parse(path, &text)
}

/// Reads cases from the text of a file; `path` is what errors call it.
///
/// # Errors
/// When a line is not a case, or there is none.
pub fn parse(path: &Path, text: &[u8]) -> anyhow::Result<Vec<Case>> {
    let mut lines = Lines::new(text, LONGEST_LINE);
    let mut cases = Vec::new();
    while let Some(line) = lines.read().with_context(|| format!("cannot read {}", path.display()))? {
        let place = || place(path, line.number);
        let text = line.text.with_context(place)?;
        if !text.trim().is_empty() {
            cases.extend(Case::parse_all(line.number, &text).with_context(place)?);
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
    /// The name without its place in a group.
    pub fn name_of_line(&self) -> &str {
        let within = self.group.as_ref().and_then(|_| self.name.rsplit_once(" ["));
        within.map_or(&self.name, |(name, _)| name)
    }

    /// A line is a case, or those of a group: one for each of its completions.
    fn parse_all(line: u64, text: &str) -> anyhow::Result<Vec<Self>> {
        let mut row = Row::parse(text)?;
        match row.take(COMPLETIONS) {
            Some(completions) => {
                anyhow::ensure!(
                    row.find("completion").is_none(),
                    "a case has either a `completion` or `{COMPLETIONS}`"
                );
                Self::parse_group(line, row, completions.get())
            }
            None => Ok(vec![Self::parse(line, row)?]),
        }
    }

    /// `row` is what all completions have in common.
    fn parse_group(line: u64, mut row: Row, completions: &str) -> anyhow::Result<Vec<Self>> {
        let completions: Vec<Value> = serde_json::from_str(completions)
            .map_err(|error| anyhow::anyhow!("`{COMPLETIONS}` is not a list: {}", without_place(&error)))?;
        anyhow::ensure!(!completions.is_empty(), "`{COMPLETIONS}` is empty");
        let expected = row.take(EXPECT);
        let expected: Option<Vec<Value>> =
            expected.map(|expected| serde_json::from_str(expected.get())).transpose().map_err(|error| {
                anyhow::anyhow!("`expect` is not a list, as `{COMPLETIONS}` is: {}", without_place(&error))
            })?;
        let count = completions.len();
        let expected = expected.unwrap_or_else(|| vec![Value::Null; count]);
        anyhow::ensure!(
            expected.len() == count,
            "`expect` has {} entries, and there are {count} completions",
            expected.len()
        );
        let common: Vec<_> = row.columns().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut cases = Vec::with_capacity(count);
        for (place, (completion, written)) in completions.into_iter().zip(&expected).enumerate() {
            // A text, or an object with columns of its own beside it.
            let own = match completion {
                Value::Object(own) => own,
                text => [("completion".to_owned(), text)].into_iter().collect(),
            };
            let mut of_one = Row::parse(&Value::Object(own).to_string())?;
            common.iter().for_each(|(name, value)| of_one.add(name, value.clone()));
            if !written.is_null() {
                of_one.add(EXPECT, to_raw_value(written)?);
            }
            let mut case = Self::parse(line, of_one).with_context(|| format!("completion {}", place + 1))?;
            case.name = format!("{} [{}]", case.name, place + 1);
            cases.push(case);
        }
        let submissions: Arc<[_]> = cases.iter().map(|case| case.submission.clone()).collect();
        for (place, (case, written)) in cases.iter_mut().zip(expected).enumerate() {
            case.group = Some(Member { submissions: Arc::clone(&submissions), place, written });
        }
        Ok(cases)
    }

    /// A case is a line as `gavel score` reads it, with a name, options and what to expect beside the submission.
    fn parse(line: u64, mut row: Row) -> anyhow::Result<Self> {
        check_names(&row)?;
        let name = row.take(NAME).context("a case needs a `name`")?;
        let options = row.take(OPTIONS).map_or_else(|| "{}".to_owned(), |options| options.get().to_owned());
        anyhow::ensure!(options.starts_with('{'), "`options` is not an object");
        let expect: Option<Expectation> = row
            .take(EXPECT)
            .map(|expect| {
                check_types(expect.get())?;
                serde_json::from_str(expect.get())
                    .map_err(|error| anyhow::anyhow!("`expect`: {}", without_place(&error)))
            })
            .transpose()?;
        anyhow::ensure!(
            expect.as_ref().is_none_or(|expect| expect.reward.is_some() || !expect.status.names().is_empty()),
            "`expect` needs a `reward` or a `status`"
        );
        if let Some(expect) = &expect {
            check_statuses(expect)?;
        }
        row.add("prompt", to_raw_value("")?);
        Ok(Self {
            line,
            name: serde_json::from_str(name.get()).context("`name` is not a string")?,
            submission: submission(&row)?,
            options,
            expect,
            group: None,
        })
    }
}

/// The submission of a case; what is missing is said with what may be meant.
fn submission(row: &Row) -> anyhow::Result<Submission> {
    row.submission(&Columns::default()).map_err(|error| match error {
        RowError::Missing { part, .. } => {
            let likely =
                likely(part, row).map(|name| format!("; if it is `{name}`, call it `{}`", part.name()));
            anyhow::anyhow!("{error}{}", likely.unwrap_or_default())
        }
        error => error.into(),
    })
}

/// Refuses what is expected in another type than it can have.
fn check_types(expect: &str) -> anyhow::Result<()> {
    // What is no object is said by whoever reads it.
    let Ok(Value::Object(expect)) = serde_json::from_str::<Value>(expect) else { return Ok(()) };
    let require = |name: &str, value: Option<&Value>, is_right: fn(&Value) -> bool, wanted: &str| match value
    {
        Some(value) if !is_right(value) => {
            Err(anyhow::anyhow!("`expect.{name}` must be {wanted}, found {value}"))
        }
        _ => Ok(()),
    };
    let is_number = |value: &Value| value.is_number() || value.is_null();
    require("reward", expect.get("reward"), is_number, "a number")?;
    require("exact", expect.get("exact"), Value::is_boolean, "true or false")?;
    require(
        "reason_contains",
        expect.get("reason_contains"),
        |value| value.is_string() || value.is_null(),
        "a text",
    )?;
    require("metrics", expect.get("metrics"), Value::is_object, "an object of numbers")?;
    let metrics = expect.get("metrics").and_then(Value::as_object).into_iter().flatten();
    metrics
        .map(|(name, value)| require(&format!("metrics.{name}"), Some(value), Value::is_number, "a number"))
        .collect()
}

/// Refuses a status that no outcome has: the case could never pass.
fn check_statuses(expect: &Expectation) -> anyhow::Result<()> {
    let known = || Status::ALL.iter().map(|status| status.name()).chain([INVALID_OPTIONS]);
    for name in expect.status.names() {
        if !known().any(|known| known == name) {
            let meant = did_you_mean(closest(name, known()));
            let all = known().collect::<Vec<_>>().join(", ");
            anyhow::bail!("`expect.status`: unknown status `{name}`{meant}; there are {all}");
        }
    }
    Ok(())
}

/// Refuses a column that is almost one of a case's own where that is not there: it would be taken for the task's, and
/// the case would say something else than its author meant. One that is really called so can stand in `metadata`.
fn check_names(row: &Row) -> anyhow::Result<()> {
    const OWN: [&str; 8] =
        [NAME, OPTIONS, EXPECT, "prompt", "completion", COMPLETIONS, "reference", "metadata"];
    let there: Vec<&str> = row.names().collect();
    // A row that was scored has a reward: one without `expect` may be such, and is blessed first.
    let of_expect =
        |name: &&&str| OF_EXPECT.contains(name) || (**name == "reward" && there.contains(&EXPECT));
    if let Some(name) = there.iter().find(of_expect) {
        anyhow::bail!(
            "`{name}` stands beside `expect`, where it expects nothing: write it into `expect` (if it is a column of the task, \
             put it into `metadata`)"
        );
    }
    for name in there.iter().filter(|name| !OWN.contains(name)) {
        let meant = closest(name, OWN.into_iter().filter(|own| !there.contains(own)));
        if let Some(meant) = meant.filter(|meant| meant.len().abs_diff(name.len()) <= 1) {
            anyhow::bail!(
                "unknown column `{name}` (did you mean `{meant}`? if it is a column of the task, put it into `metadata`)"
            );
        }
    }
    Ok(())
}

/// serde_json's words without a place within the value, of which a person sees the line.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line 1 column ").next().unwrap_or_default().to_owned()
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

/// Whether an outcome is what the plugin itself says of a submission. All others say that the plugin broke, that it ran into
/// a limit, or something about this machine, and no case should expect them by accident.
pub fn is_answer(status: &str) -> bool {
    let answers = [Status::Verdict, Status::Abstained, Status::InvalidTask].map(Status::name);
    answers.contains(&status) || status == INVALID_OPTIONS
}

/// Rewards are exact by custom; this forgives only the last digits of a sum.
fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9
}

/// The path of a folder's cases, for messages.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(CASES)
}

#[cfg(test)]
mod tests;
