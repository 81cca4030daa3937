//! The record of a run of `gavel score` as a file: written with the first line, when what judges changes, and at the end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gavel_files::{bounded, whole_file};
use gavel_lines::Form;
use gavel_reward::ReloadingReward;
use gavel_verify::Reward;
use gavel_wire::{Columns, JudgedBy, ScoreRecord, VersionForm};

/// A record, and where it lies.
#[derive(Debug)]
pub(super) struct Record {
    record: ScoreRecord,
    path: PathBuf,
    is_written: bool,
}

/// What judges now, from a line of the input on.
pub(super) fn judges(reward: &ReloadingReward, columns: Columns, from_line: u64) -> JudgedBy {
    let prefixed = |list: Vec<(String, String)>| {
        list.into_iter().map(|(name, digest)| (name, format!("sha256:{digest}"))).collect()
    };
    JudgedBy {
        from_line,
        from_row: 1,
        files: prefixed(reward.files()),
        plugins: prefixed(reward.digests()),
        columns: Some(columns),
        version: reward.version().as_ref().map(VersionForm::from),
    }
}

/// The most bytes of a record: a reward file for each time that the judges changed.
const LARGEST: u64 = 64 << 20;

/// The file beside an output: `scored.jsonl` has `scored.record.json`. One of another form keeps its whole name,
/// `scored.parquet.record.json`, so that two outputs side by side never share a record.
pub(in crate::commands) fn beside(output: &Path) -> PathBuf {
    if Form::of(output).is_none() {
        return output.with_extension("record.json");
    }
    let mut name = output.as_os_str().to_owned();
    name.push(".record.json");
    name.into()
}

/// Reads the record of a run.
pub(in crate::commands) fn read(path: &Path) -> anyhow::Result<ScoreRecord> {
    let text =
        bounded::read_text(path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not what `gavel score` writes as a record", path.display()))
}

impl Record {
    /// A record that is written to `path` once there is a line.
    pub(super) fn new(path: PathBuf, record: ScoreRecord) -> Self {
        Self { record, path, is_written: false }
    }

    /// Writes it, unless that has been done: what judges is known with the first line, whatever becomes of the run.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        if self.is_written { Ok(()) } else { self.write() }
    }

    /// Notes that others judge from now on, after so many lines of output.
    pub(super) fn add(&mut self, judges: JudgedBy, rows: u64) -> anyhow::Result<()> {
        self.record.judged_by.push(JudgedBy { from_row: rows + 1, ..judges });
        self.write()
    }

    /// Notes how many lines there were.
    pub(super) fn end(&mut self, submissions: u64, with_reward: u64, bad_lines: u64) -> anyhow::Result<()> {
        let record = &mut self.record;
        (record.submissions, record.with_reward) = (Some(submissions), Some(with_reward));
        record.bad_lines = Some(bad_lines);
        self.write()
    }

    fn write(&mut self) -> anyhow::Result<()> {
        self.is_written = true;
        let text =
            serde_json::to_string_pretty(&self.record).context("cannot write the record as JSON")? + "\n";
        let is_special = self.path.metadata().is_ok_and(|there| !there.is_file());
        // A record that is half of one would be none; a pipe or a device is written to, and not replaced.
        let written = if is_special {
            fs::write(&self.path, text)
        } else {
            whole_file::write(&self.path, text.as_bytes())
        };
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}
