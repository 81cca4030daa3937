//! Completions as a run, or an evaluation, has written them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gavel_verify::visible;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::MeasureOptions;
use crate::ReportError;
use crate::run::{self, OutcomeRow};

/// A completion, with what is measured of it.
pub(super) struct Row {
    /// What the completions of one task share.
    pub(super) task: String,
    pub(super) family: Option<String>,
    pub(super) level: Option<String>,
    pub(super) is_right: bool,
    pub(super) tokens: f64,
    /// `None` where nobody has judged its marks.
    pub(super) marks: Option<Marks>,
}

/// What the verifier of marks counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub(super) checks: f64,
    pub(super) forged: f64,
    /// `None` where the verifier does not tell claims from slips.
    pub(super) false_claims: Option<f64>,
    pub(super) failed: f64,
    pub(super) retried: f64,
    pub(super) first_right: bool,
}

/// A line of a file.
#[derive(Deserialize)]
struct Line {
    prompt: String,
    completion: String,
    reference: Option<Value>,
    reward: Option<f64>,
    task: Option<u64>,
    correct: Option<bool>,
    completion_tokens: Option<f64>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    outcomes: IndexMap<String, OutcomeRow>,
    /// The columns of the task, where `gavel score` has left them beside the others.
    #[serde(flatten)]
    beside: Map<String, Value>,
}

/// The completions file that `path` is; or of a run directory the first one, where there are several, and the last one: of
/// its evaluations, or else of its training.
pub(super) fn files(path: &Path) -> Result<(Option<PathBuf>, PathBuf), ReportError> {
    if !path.is_dir() {
        return Ok((None, path.to_owned()));
    }
    for folder in ["evaluations", "completions"] {
        let mut files = run::completion_files(&path.join(folder))?;
        if let Some(last) = files.pop() {
            return Ok((files.into_iter().next(), last));
        }
    }
    Err(ReportError::NoCompletions { path: path.to_owned() })
}

pub(super) fn read(path: &Path, options: &MeasureOptions) -> Result<Vec<Row>, ReportError> {
    let lines = run::read_lines::<Line>(path)?;
    if lines.is_empty() {
        return Err(ReportError::NoCompletions { path: path.to_owned() });
    }
    require_named(path, &lines, options)?;
    Ok(lines.into_iter().map(|line| line.row(options)).collect())
}

/// Requires that what somebody has named is there: of a name that nobody knows every share would be 0, or of nothing.
fn require_named(path: &Path, lines: &[Line], options: &MeasureOptions) -> Result<(), ReportError> {
    let default = MeasureOptions::default();
    let said = |name: &str, default: &str| Some(name.to_owned()).filter(|name| name != default);
    let verifiers = |line: &Line| line.outcomes.keys().cloned().collect::<Vec<_>>();
    let columns = |line: &Line| line.metadata.keys().chain(line.beside.keys()).cloned().collect::<Vec<_>>();
    let named: [(&str, &str, Option<String>, &dyn Fn(&Line) -> Vec<String>); 4] = [
        ("correct", "an outcome of", options.correct.clone(), &verifiers),
        ("marks", "an outcome of", said(&options.marks, &default.marks), &verifiers),
        ("by", "the column", said(&options.by, &default.by), &columns),
        ("level", "the column", said(&options.level, &default.level), &columns),
    ];
    for (option, what, name, of) in named {
        let Some(name) = name else { continue };
        let known: BTreeSet<String> = lines.iter().flat_map(of).collect();
        if !known.contains(&name) {
            let known: Vec<String> = known.iter().map(|name| format!("`{}`", visible(name))).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let path = path.to_owned();
            return Err(ReportError::Unnamed { path, what, name, option, known });
        }
    }
    Ok(())
}

impl Line {
    fn row(self, options: &MeasureOptions) -> Row {
        let column = |name: &str| match self.metadata.get(name).or_else(|| self.beside.get(name))? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let given = match &options.correct {
            Some(verifier) => self.outcomes.get(verifier).and_then(|outcome| outcome.reward),
            None => self.reward,
        };
        // A formula such as 0.9 + 0.1 is 1 but for rounding.
        let is_given = given.is_some_and(|reward| reward >= 1.0 - 1e-9);
        let said = self.correct.filter(|_| options.correct.is_none());
        let marks = self.outcomes.get(&options.marks).and_then(|outcome| {
            let metric = |name: &str| outcome.metrics.get(name).copied().flatten();
            Some(Marks {
                checks: metric("checks")?,
                forged: metric("forged_marks")?,
                false_claims: metric("false_claims"),
                failed: metric("failed")?,
                retried: metric("retried")?,
                first_right: metric("first_right")? > 0.0,
            })
        });
        Row {
            family: column(&options.by),
            level: column(&options.level),
            is_right: said.unwrap_or(is_given),
            tokens: self.completion_tokens.unwrap_or_else(|| self.completion.chars().count() as f64),
            marks,
            task: match self.task {
                Some(index) => index.to_string(),
                None => {
                    let reference = self.reference.map(|reference| reference.to_string());
                    format!("{}\0{}", self.prompt, reference.unwrap_or_default())
                }
            },
        }
    }
}
