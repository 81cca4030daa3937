//! The record of a run of `gavel score`: what judged, so that the same numbers can be had again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gavel_reward::ReloadingReward;
use gavel_verify::Reward;
use indexmap::IndexMap;
use serde::Serialize;

/// What judged a run's lines, and how many there were. It is the same for the same run.
#[derive(Debug, Serialize)]
pub(super) struct Record {
    gavel: &'static str,
    engine: &'static str,
    input: String,
    /// What judged, with the first line that it judged; more than one only with `--watch`.
    judged_by: Vec<Judges>,
    /// Lines that were scored; `None` until the end.
    submissions: Option<u64>,
    with_reward: Option<u64>,
    bad_lines: Option<u64>,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Judges {
    from_line: u64,
    /// sha256 of the reward file, and of every manifest that had a say.
    files: IndexMap<String, String>,
    /// sha256 of every plugin by its verifier's name, and of its interpreters as `VERIFIER/LANGUAGE`.
    plugins: IndexMap<String, String>,
}

impl Judges {
    /// What judges now.
    pub(super) fn of(reward: &ReloadingReward, from_line: u64) -> Self {
        let prefixed = |list: Vec<(String, String)>| {
            list.into_iter().map(|(name, digest)| (name, format!("sha256:{digest}"))).collect()
        };
        Self { from_line, files: prefixed(reward.files()), plugins: prefixed(reward.digests()) }
    }
}

impl Record {
    /// The file beside an output: `scored.jsonl` has `scored.record.json`.
    pub(super) fn beside(output: &Path) -> PathBuf {
        output.with_extension("record.json")
    }

    /// Begins a record, and writes it: what judges is known from the start, whatever becomes of the run.
    pub(super) fn begin(path: PathBuf, input: &Path, judges: Judges) -> anyhow::Result<Self> {
        let record = Self {
            gavel: env!("CARGO_PKG_VERSION"),
            engine: gavel_host::ENGINE,
            input: input.display().to_string(),
            judged_by: vec![judges],
            submissions: None,
            with_reward: None,
            bad_lines: None,
            path,
        };
        record.write()?;
        Ok(record)
    }

    /// Notes that others judge from now on.
    pub(super) fn add(&mut self, judges: Judges) -> anyhow::Result<()> {
        self.judged_by.push(judges);
        self.write()
    }

    /// Notes how many lines there were.
    pub(super) fn end(&mut self, submissions: u64, with_reward: u64, bad_lines: u64) -> anyhow::Result<()> {
        (self.submissions, self.with_reward) = (Some(submissions), Some(with_reward));
        self.bad_lines = Some(bad_lines);
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot write the record as JSON")? + "\n";
        fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}
