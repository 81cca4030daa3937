//! Reads a run directory into what the report shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ReportError;

pub(crate) const METRICS_FILE: &str = "metrics.jsonl";
const JUDGES: &str = "digests.jsonl";

/// Everything of a run directory that the report shows.
#[derive(Debug)]
pub(crate) struct Run {
    /// The name of the directory.
    pub(crate) name: String,
    pub(crate) metrics: Metrics,
    /// The sampled completions of a few steps, in order.
    pub(crate) samples: Vec<Samples>,
    /// `settings.toml` as it stands.
    pub(crate) settings: Option<String>,
    /// `digests.json`.
    pub(crate) digests: Option<Value>,
    /// `digests.jsonl`: what judged, from the start and after each change.
    pub(crate) judges: Vec<Judges>,
    pub(crate) summary: Option<Summary>,
}

impl Run {
    /// Reads `dir`. Only `metrics.jsonl` has to be there.
    pub(crate) fn read(dir: &Path) -> Result<Self, ReportError> {
        let path = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let name =
            path.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Self {
            name,
            metrics: Metrics::of_run(dir)?,
            samples: read_samples(&dir.join("completions"))?,
            settings: read_if_there(&dir.join("settings.toml"))?,
            digests: read_json_if_there(&dir.join("digests.json"))?,
            judges: read_judges(&dir.join(JUDGES))?,
            summary: read_json_if_there(&dir.join("summary.json"))?,
        })
    }
}

/// The value of one metric at each step where it was recorded.
pub(crate) type Series = BTreeMap<u64, f64>;

/// Every metric of a run by name, in the order of their first appearance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(IndexMap<String, Series>);

impl Metrics {
    /// Reads the metrics of the run in `dir`.
    pub(crate) fn of_run(dir: &Path) -> Result<Self, ReportError> {
        let path = dir.join(METRICS_FILE);
        if path.exists() { Self::read(&path) } else { Err(ReportError::NoRun { path: dir.to_owned() }) }
    }

    /// Reads `metrics.jsonl`. Where a resumed run wrote a step again, the later line counts.
    fn read(path: &Path) -> Result<Self, ReportError> {
        let mut metrics = Self::default();
        for row in read_lines::<MetricsRow>(path)? {
            for (name, value) in row.metrics {
                // A number that is not finite is `null` in JSON, and a gap in the curve.
                if let Some(value) = value.as_f64() {
                    metrics.0.entry(name).or_default().insert(row.step, value);
                }
            }
        }
        if metrics.0.is_empty() {
            return Err(ReportError::NoSteps { path: path.to_owned() });
        }
        Ok(metrics)
    }

    /// The metric called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Series> {
        self.0.get(name)
    }

    /// Takes the metric called `name` out, so that what stays is what nobody has shown yet.
    pub(crate) fn take(&mut self, name: &str) -> Option<Series> {
        self.0.shift_remove(name)
    }

    /// The `x` of every metric that is called `<prefix>x<suffix>`, where `x` holds no slash.
    pub(crate) fn names_between(&self, prefix: &str, suffix: &str) -> Vec<String> {
        let between = self.0.keys().filter_map(|name| name.strip_prefix(prefix)?.strip_suffix(suffix));
        between.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    /// The names of all metrics.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Whether a verifier's rewards were 0 or 1 throughout, as far as means and deviations tell: nothing else between 0
    /// and 1 deviates as far from such a mean. Where it was always 0, nobody knows what 1 would have been.
    pub(crate) fn is_all_or_nothing(&self, verifier: &str) -> bool {
        let Some(means) = self.get(&format!("rewards/{verifier}/mean")) else { return false };
        let deviations = self.get(&format!("rewards/{verifier}/std"));
        let is_widest = |step: &u64, mean: f64| match deviations.and_then(|deviations| deviations.get(step)) {
            Some(deviation) => *deviation >= 0.999 * (mean * (1.0 - mean)).max(0.0).sqrt(),
            None => true,
        };
        means.values().any(|mean| *mean > 0.0)
            && means.iter().all(|(step, &mean)| (0.0..=1.0).contains(&mean) && is_widest(step, mean))
    }

    /// The number of the last step.
    pub(crate) fn last_step(&self) -> u64 {
        self.0.values().filter_map(|series| series.keys().next_back()).max().copied().unwrap_or(0)
    }
}

#[derive(Deserialize)]
struct MetricsRow {
    step: u64,
    #[serde(flatten)]
    metrics: IndexMap<String, Value>,
}

/// The completions that were sampled at one step.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) step: u64,
    /// Completions of one prompt each, in the order of the file.
    pub(crate) groups: Vec<Vec<Completion>>,
}

/// A row of `completions/completions_00012.jsonl`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Completion {
    pub(crate) step: u64,
    pub(crate) prompt: String,
    pub(crate) completion: String,
    pub(crate) reference: Option<String>,
    pub(crate) reward: Option<f64>,
    pub(crate) advantage: Option<f64>,
    #[serde(default)]
    pub(crate) outcomes: IndexMap<String, OutcomeRow>,
}

/// What one verifier said of a completion.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OutcomeRow {
    pub(crate) status: String,
    pub(crate) reward: Option<f64>,
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) metrics: IndexMap<String, Option<f64>>,
}

/// `summary.json`: measured before and after training, on the same tasks. Empty if there was no such measurement,
/// and a number that was not finite is `None`.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary {
    pub(crate) before: IndexMap<String, Option<f64>>,
    pub(crate) after: IndexMap<String, Option<f64>>,
    pub(crate) steps: Option<u64>,
    pub(crate) seconds: Option<f64>,
}

/// A row of `digests.jsonl`: what judged from a step on.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Judges {
    /// Steps made before: 0 is from the start.
    pub(crate) step: u64,
    /// The digests of the plugins and interpreters, by verifier.
    pub(crate) verifiers: BTreeMap<String, String>,
    /// The digest of the reward file, where there is one.
    pub(crate) reward: Option<String>,
    /// What is not as in the row above: verifiers, and files of settings.
    #[serde(default)]
    pub(crate) changed: Vec<String>,
}

fn read_judges(path: &Path) -> Result<Vec<Judges>, ReportError> {
    if path.exists() { read_lines(path) } else { Ok(Vec::new()) }
}

/// The completions of the first, the middle and the last step that were kept.
fn read_samples(dir: &Path) -> Result<Vec<Samples>, ReportError> {
    let files = completion_files(dir)?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let last = files.len() - 1;
    let mut samples = Vec::new();
    for index in BTreeSet::from([0, last / 2, last]) {
        let rows = read_lines::<Completion>(&files[index])?;
        if let Some(step) = rows.first().map(|row| row.step) {
            samples.push(Samples { step, groups: group_by_task(rows) });
        }
    }
    Ok(samples)
}

/// The files in `dir` in the order of their steps, which is that of their names as long as these are equally long.
pub(crate) fn completion_files(dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| ReportError::Read { path: dir.to_owned(), source })? {
        let path = entry.map_err(|source| ReportError::Read { path: dir.to_owned(), source })?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort_by(|a, b| (a.as_os_str().len(), a).cmp(&(b.as_os_str().len(), b)));
    Ok(files)
}

fn group_by_task(rows: Vec<Completion>) -> Vec<Vec<Completion>> {
    let mut groups: IndexMap<(String, Option<String>), Vec<Completion>> = IndexMap::new();
    for row in rows {
        groups.entry((row.prompt.clone(), row.reference.clone())).or_default().push(row);
    }
    groups.into_values().collect()
}

/// Reads a JSON Lines file. A last line that breaks off, as a killed run leaves it, is left out.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReportError> {
    let bytes = fs::read(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let mut rows = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(row) => rows.push(row),
            Err(_) if !line.ends_with(b"\n") => break,
            Err(source) => {
                return Err(ReportError::Line { path: path.to_owned(), line: index + 1, source });
            }
        }
    }
    Ok(rows)
}

fn read_if_there(path: &Path) -> Result<Option<String>, ReportError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReportError::Read { path: path.to_owned(), source }),
    }
}

fn read_json_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ReportError> {
    let Some(text) = read_if_there(path)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|source| ReportError::Json { path: path.to_owned(), source })
}
