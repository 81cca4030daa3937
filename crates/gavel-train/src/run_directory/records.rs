//! What a run appends to while it goes on: rows of metrics, and what was sampled.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{COMPLETIONS, EVALUATIONS, METRICS, numbered_files};
use crate::TrainError;
use crate::error::Action;
use crate::files::write_atomically;
use crate::metrics::Metrics;
use crate::tensorboard::EventWriter;

/// The open records of a run that is going on, unless another rank keeps them.
#[derive(Debug)]
pub(crate) struct Records(Option<Open>);

#[derive(Debug)]
struct Open {
    path: PathBuf,
    metrics: File,
    events: EventWriter,
    /// Bytes that the files of one directory of completions may take together.
    completions_bytes: u64,
    /// The files of each directory of completions and their bytes, the earliest step first.
    completions: [(&'static str, VecDeque<(PathBuf, u64)>); 2],
}

impl Records {
    pub(super) fn open(path: PathBuf, step: Option<u64>, completions_bytes: u64) -> Result<Self, TrainError> {
        let metrics_path = path.join(METRICS);
        let metrics = OpenOptions::new().append(true).open(&metrics_path);
        let metrics = metrics.map_err(TrainError::file(Action::Write, &metrics_path))?;
        // A resumed run that had no checkpoint yet begins anew: drop what older event files say of it.
        let events = EventWriter::resume(&path, step.map_or(0, |step| step + 1));
        let events = events.map_err(TrainError::file(Action::Write, &path))?;
        let completions = [
            (COMPLETIONS, sizes_of_completions(&path.join(COMPLETIONS))?),
            (EVALUATIONS, sizes_of_completions(&path.join(EVALUATIONS))?),
        ];
        Ok(Self(Some(Open { path, metrics, events, completions_bytes, completions })))
    }

    /// Those of a rank that keeps none.
    pub(super) fn elsewhere() -> Self {
        Self(None)
    }

    /// Appends a row of metrics, to `metrics.jsonl` and for TensorBoard.
    pub(crate) fn log(&mut self, step: u64, metrics: &Metrics) -> Result<(), TrainError> {
        self.0.as_mut().map_or(Ok(()), |open| open.log(step, metrics))
    }

    /// Makes sure that what was logged outlives the machine. To be called before a checkpoint, which relies on it.
    pub(crate) fn sync(&self) -> Result<(), TrainError> {
        self.0.as_ref().map_or(Ok(()), Open::sync)
    }

    /// Writes rows to `directory/completions_00012.jsonl`: as many as may be on disk. The files of the earliest steps
    /// make room for it.
    pub(crate) fn write_completions(
        &mut self,
        directory: &'static str,
        step: u64,
        rows: impl Iterator<Item = Map<String, Value>>,
    ) -> Result<(), TrainError> {
        self.0.as_mut().map_or(Ok(()), |open| open.write_completions(directory, step, rows))
    }
}

impl Open {
    fn log(&mut self, step: u64, metrics: &Metrics) -> Result<(), TrainError> {
        let mut row = Map::new();
        row.insert("step".to_owned(), step.into());
        row.extend(metrics.to_json());
        // One write, so that a reader never sees less than a line unless the machine fails.
        let line = format!("{}\n", Value::Object(row));
        let path = self.path.join(METRICS);
        self.metrics.write_all(line.as_bytes()).map_err(TrainError::file(Action::Write, &path))?;
        self.log_events(step, metrics).map_err(TrainError::file(Action::Write, &self.path))
    }

    fn log_events(&mut self, step: u64, metrics: &Metrics) -> io::Result<()> {
        for (name, value) in metrics.iter().filter(|(_, value)| value.is_finite()) {
            self.events.scalar(name, step, value)?;
        }
        self.events.flush()
    }

    fn sync(&self) -> Result<(), TrainError> {
        self.metrics.sync_all().map_err(TrainError::file(Action::Write, &self.path.join(METRICS)))
    }

    fn write_completions(
        &mut self,
        directory: &'static str,
        step: u64,
        rows: impl Iterator<Item = Map<String, Value>>,
    ) -> Result<(), TrainError> {
        let mut text = String::new();
        for row in rows {
            let line = format!("{}\n", Value::Object(row));
            if (text.len() + line.len()) as u64 > self.completions_bytes {
                break;
            }
            text.push_str(&line);
        }
        let bytes = text.len() as u64;
        let path = self.path.join(directory).join(format!("completions_{step:05}.jsonl"));
        let known = self.completions.iter_mut().find(|(name, _)| *name == directory);
        let (_, files) = known.expect("one of the two directories of completions");
        files.retain(|(known, _)| *known != path);
        while files.iter().map(|(_, bytes)| bytes).sum::<u64>() + bytes > self.completions_bytes {
            let Some((earliest, _)) = files.pop_front() else { break };
            fs::remove_file(&earliest).map_err(TrainError::file(Action::Remove, &earliest))?;
        }
        write_atomically(&path, text.as_bytes())?;
        files.push_back((path, bytes));
        Ok(())
    }
}

/// The files of completions in a directory and their bytes, the earliest step first.
fn sizes_of_completions(directory: &Path) -> Result<VecDeque<(PathBuf, u64)>, TrainError> {
    let files = numbered_files(directory, "completions_", ".jsonl")?.into_iter();
    let sizes = files.map(|(_, path)| {
        let bytes = fs::metadata(&path).map_err(TrainError::file(Action::Read, &path))?.len();
        Ok((path, bytes))
    });
    sizes.collect()
}
