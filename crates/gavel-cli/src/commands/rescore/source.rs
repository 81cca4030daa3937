//! What is derived again: the output of `gavel score` with its record, or the completions of a training run with its
//! `digests.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use gavel_files::bounded;
use gavel_wire::{Columns, Row, VersionDifference, VersionForm};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::commands::score::{read_record, record_beside};

/// The files of a run.
const JUDGES: &str = "digests.jsonl";
const COMPLETIONS: &str = "completions";

/// The most bytes of a record: a reward file for each time that the judges changed.
const LARGEST_RECORD: u64 = 64 << 20;

/// Rows with their scores, and what judged them.
pub(super) struct Source {
    /// The files of rows, in order.
    pub(super) files: Vec<PathBuf>,
    /// What says what judged.
    pub(super) record: PathBuf,
    /// Rows that there should be, where that is known.
    pub(super) rows: Option<u64>,
    /// What judged, in order. At least one.
    pub(super) judges: Vec<RecordedJudge>,
    kind: Kind,
}

enum Kind {
    /// Judges are told by the number of the row.
    Scored,
    /// Judges are told by the step.
    Run,
}

/// What judged some of the rows.
pub(super) struct RecordedJudge {
    /// Where it says so.
    pub(super) place: PathBuf,
    /// The field that holds the version.
    pub(super) field: String,
    /// The first row that it judged, or the step after which it did.
    from: u64,
    pub(super) version: Option<VersionForm>,
    /// `sha256:` and the digest of each plugin and interpreter.
    plugins: IndexMap<String, String>,
    /// Where the rows have the parts of a submission.
    pub(super) columns: Columns,
}

/// A row of `digests.jsonl`.
#[derive(Deserialize)]
struct StepJudges {
    step: u64,
    #[serde(default)]
    verifiers: IndexMap<String, String>,
    version: Option<VersionForm>,
}

impl Source {
    /// Finds what `path` is: the directory of a run, or a file of scored lines whose record is beside it or `record`.
    pub(super) fn open(path: &Path, record: Option<&Path>) -> anyhow::Result<Self> {
        match record {
            Some(record) if path.is_dir() => bail!(
                "{} is a directory, and what judged a run is in its own {JUDGES}: `--record {}` is for the output of \
                 `gavel score`",
                path.display(),
                record.display()
            ),
            _ if path.is_dir() => Self::run(path),
            record => Self::scored(path, record),
        }
    }

    fn scored(path: &Path, record: Option<&Path>) -> anyhow::Result<Self> {
        fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        let record = record.map_or_else(|| record_beside(path), Path::to_owned);
        let said = read_record(&record).with_context(|| {
            format!("what judged {} is not known; `--record FILE` says where its record is", path.display())
        })?;
        let judges = said.judged_by.into_iter().enumerate().map(|(index, judges)| RecordedJudge {
            place: record.clone(),
            field: format!("judged_by[{index}].version"),
            from: judges.from_row,
            version: judges.version,
            plugins: judges.plugins,
            columns: judges.columns.unwrap_or_default(),
        });
        let judges: Vec<_> = judges.collect();
        if judges.is_empty() {
            bail!("{}: `judged_by` is empty: it says of nothing that it judged", record.display());
        }
        Ok(Self { files: vec![path.to_owned()], record, rows: said.submissions, judges, kind: Kind::Scored })
    }

    fn run(path: &Path) -> anyhow::Result<Self> {
        let record = path.join(JUDGES);
        let text = bounded::read_text(&record, LARGEST_RECORD).with_context(|| {
            format!(
                "{} is no training run, which `output_dir` in its settings names: cannot read {}",
                path.display(),
                record.display()
            )
        })?;
        let mut judges = Vec::new();
        for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
            let row: StepJudges = serde_json::from_str(row)
                .with_context(|| format!("{}:{line}: not what a run writes", record.display()))?;
            let prefixed = row.verifiers.into_iter().map(|(name, digest)| (name, format!("sha256:{digest}")));
            judges.push(RecordedJudge {
                place: format!("{}:{line}", record.display()).into(),
                field: "version".to_owned(),
                from: row.step,
                version: row.version,
                plugins: prefixed.collect(),
                columns: columns_of_a_run(),
            });
        }
        if judges.is_empty() {
            bail!("{} says of nothing that it judged", record.display());
        }
        let folder = path.join(COMPLETIONS);
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut files = Vec::new();
        for entry in entries {
            let file = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let step = name.strip_prefix("completions_").and_then(|rest| rest.strip_suffix(".jsonl"));
            if let Some(Ok(step)) = step.map(str::parse::<u64>) {
                files.push((step, file));
            }
        }
        if files.is_empty() {
            bail!(
                "{} holds no completions: `log_completions` in a run's settings keeps them",
                folder.display()
            );
        }
        files.sort();
        let files = files.into_iter().map(|(_, file)| file).collect();
        Ok(Self { files, record, rows: None, judges, kind: Kind::Run })
    }

    /// The place among the judges of what judged a row, which is this one of its file.
    pub(super) fn judge_of(&self, row: &Row, number: u64) -> Result<usize, String> {
        let is_it = |judge: &RecordedJudge| -> Result<bool, String> {
            match self.kind {
                Kind::Scored => Ok(judge.from <= number),
                Kind::Run => {
                    let step = row.find("step").and_then(|raw| raw.get().parse::<u64>().ok());
                    Ok(judge.from < step.ok_or("`step` is no number of a step")?)
                }
            }
        };
        for (place, judge) in self.judges.iter().enumerate().rev() {
            if is_it(judge)? {
                return Ok(place);
            }
        }
        Err(format!("{} does not say what judged it", self.record.display()))
    }
}

impl RecordedJudge {
    /// What differs where the record has digests alone.
    pub(super) fn digest_differences(&self, now: &[(String, String)]) -> Vec<VersionDifference> {
        let now: IndexMap<_, _> =
            now.iter().map(|(name, digest)| (name.clone(), format!("sha256:{digest}"))).collect();
        let added = now.keys().filter(|name| !self.plugins.contains_key(*name));
        let names = self.plugins.keys().chain(added);
        let difference = |name: &String| {
            let of = |list: &IndexMap<String, String>| list.get(name).cloned();
            let (recorded, now) = (of(&self.plugins), of(&now));
            let shown = |digest: &Option<String>| digest.clone().unwrap_or_else(|| "none".to_owned());
            let what = format!("plugins.{name}");
            (recorded != now).then(|| VersionDifference {
                what,
                recorded: shown(&recorded),
                now: shown(&now),
                is_release: false,
            })
        };
        names.filter_map(difference).collect()
    }
}

/// Where the completions of a run have what verifiers were given: the question of a conversation wins over the prompt
/// that was made of it, and what the trainer adds for people was given to nobody.
fn columns_of_a_run() -> Columns {
    let names = |names: [&str; 2]| names.map(str::to_owned).to_vec().try_into();
    let prompt = names(["question", "prompt"]).unwrap_or_else(|_| unreachable!("two names"));
    let leave_out = ["step", "prompt", "group", "advantage"].map(str::to_owned).to_vec();
    Columns { prompt, leave_out, ..Columns::default() }
}
