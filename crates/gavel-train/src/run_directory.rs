//! A run on disk: settings, digests, metrics, completions, checkpoints; and going back to the last checkpoint.
//!
//! ```text
//! settings.toml   resolved settings        metrics.jsonl   a row per logged step, and per evaluation
//! digests.json    plugins and files        completions/    completions_00012.jsonl: what step 12 sampled
//! digests.jsonl   what judged since when   evaluations/    eval_00010.json and what it sampled
//! resumes.jsonl   what changed, and when   summary.json    at the end
//! checkpoints/    step-00050/: a Hugging Face directory, optimizer.safetensors, trainer_state.json,
//!                 rollouts.json (what was sampled ahead, if anything was)
//! events.out.tfevents.*                    for TensorBoard
//! ```
//!
//! Whole files and directories appear at once. Rows are appended, and a run that goes on cuts off those that are later
//! than its checkpoint.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrainError;
use crate::checkpoint::{Checkpoint, Saved};
use crate::error::Action;
use crate::files::{read_directory, read_json, require_room, write_atomically, write_directory_atomically};
use crate::metrics::Metrics;
use crate::tensorboard::EventWriter;

const METRICS: &str = "metrics.jsonl";
/// The directory of the completions of training.
pub(crate) const COMPLETIONS: &str = "completions";
/// The directory of evaluations and their completions.
pub(crate) const EVALUATIONS: &str = "evaluations";

/// The directory of one run.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Whether a new run can begin in this directory: it holds none.
    ///
    /// # Errors
    ///
    /// When it does.
    pub fn require_vacant(path: &Path) -> Result<(), TrainError> {
        if path.join(METRICS).exists() {
            return Err(TrainError::RunExists { path: path.to_owned() });
        }
        Ok(())
    }

    /// A directory for a new run; it is created if need be.
    ///
    /// # Errors
    ///
    /// When it holds a run already, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        Self::require_vacant(path)?;
        let run = Self { path: path.to_owned() };
        for directory in [COMPLETIONS, EVALUATIONS, "checkpoints"] {
            let directory = path.join(directory);
            fs::create_dir_all(&directory).map_err(TrainError::file(Action::Create, &directory))?;
        }
        run.write(METRICS, b"")?;
        Ok(run)
    }

    /// The directory of a run that began already.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        if !path.join(METRICS).exists() {
            return Err(TrainError::NoRun { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoints, earliest first.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, TrainError> {
        let directory = self.path.join("checkpoints");
        let numbered = numbered_files(&directory, "step-", "")?;
        Ok(numbered.into_iter().map(|(step, path)| Checkpoint { step, path }).collect())
    }

    /// Writes a whole file, at once.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        write_atomically(&self.path.join(name), bytes)
    }

    /// Reads a JSON file; `None` if it is not there.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, TrainError> {
        read_json(&self.path.join(name))
    }

    /// Reads a file of JSON rows; none if it is not there.
    pub(crate) fn read_rows<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, TrainError> {
        let path = self.path.join(name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(TrainError::file(Action::Read, &path))?,
        };
        let rows = serde_json::Deserializer::from_slice(&text).into_iter().collect::<Result<_, _>>();
        rows.map_err(|source| TrainError::Json { path, source })
    }

    /// Writes a whole file of JSON rows, at once.
    pub(crate) fn write_rows(&self, name: &str, rows: &[impl Serialize]) -> Result<(), TrainError> {
        let row = |row| serde_json::to_string(row).expect("maps with text keys and numbers");
        let text: String = rows.iter().map(|value| format!("{}\n", row(value))).collect();
        self.write(name, text.as_bytes())
    }

    /// The records that a run appends to, as they were after `step`: whatever is later is cut off; everything is when
    /// there is no step.
    ///
    /// `completions_bytes` bounds what the completions of training may take on disk, and as much those of evaluations.
    pub(crate) fn records_after(
        &self,
        step: Option<u64>,
        completions_bytes: u64,
    ) -> Result<Records, TrainError> {
        let metrics = self.path.join(METRICS);
        let kept = rows_until(&fs::read(&metrics).map_err(TrainError::file(Action::Read, &metrics))?, step);
        write_atomically(&metrics, &kept)?;
        let numbered = [(COMPLETIONS, "completions_"), (EVALUATIONS, "completions_"), (EVALUATIONS, "eval_")];
        for (directory, prefix) in numbered {
            for (number, path) in numbered_files(&self.path.join(directory), prefix, ".json")? {
                if Some(number) > step {
                    fs::remove_file(&path).map_err(TrainError::file(Action::Remove, &path))?;
                }
            }
        }
        Records::open(self.path.clone(), step, completions_bytes)
    }

    /// Writes a checkpoint, then removes the earliest ones beyond `keep`. Where there is no room for it, the earlier
    /// ones stay and nothing of the new one does.
    pub(crate) fn save_checkpoint(
        &self,
        saved: &Saved<'_>,
        keep: Option<usize>,
    ) -> Result<Checkpoint, TrainError> {
        let step = saved.state.step;
        let path = self.path.join("checkpoints").join(format!("step-{step:05}"));
        require_room(&path, saved.size())?;
        write_directory_atomically(&path, |directory| saved.write(directory))?;
        self.remove_checkpoints_beyond(keep)?;
        Ok(Checkpoint { step, path })
    }

    fn remove_checkpoints_beyond(&self, keep: Option<usize>) -> Result<(), TrainError> {
        let checkpoints = self.checkpoints()?;
        let surplus = checkpoints.len().saturating_sub(keep.unwrap_or(usize::MAX));
        for checkpoint in &checkpoints[..surplus] {
            fs::remove_dir_all(&checkpoint.path)
                .map_err(TrainError::file(Action::Remove, &checkpoint.path))?;
        }
        Ok(())
    }
}

/// The open records of a run that is going on.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    metrics: File,
    events: EventWriter,
    /// Bytes that the files of one directory of completions may take together.
    completions_bytes: u64,
    /// The files of each directory of completions and their bytes, the earliest step first.
    completions: [(&'static str, VecDeque<(PathBuf, u64)>); 2],
}

impl Records {
    fn open(path: PathBuf, step: Option<u64>, completions_bytes: u64) -> Result<Self, TrainError> {
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
        Ok(Self { path, metrics, events, completions_bytes, completions })
    }

    /// Appends a row of metrics, to `metrics.jsonl` and for TensorBoard.
    pub(crate) fn log(&mut self, step: u64, metrics: &Metrics) -> Result<(), TrainError> {
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

    /// Makes sure that what was logged outlives the machine. To be called before a checkpoint, which relies on it.
    pub(crate) fn sync(&self) -> Result<(), TrainError> {
        self.metrics.sync_all().map_err(TrainError::file(Action::Write, &self.path.join(METRICS)))
    }

    /// Writes rows to `directory/completions_00012.jsonl`: as many as may be on disk. The files of the earliest steps
    /// make room for it.
    pub(crate) fn write_completions(
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

/// What is called `{prefix}{number}{suffix…}` in a directory, by number.
fn numbered_files(directory: &Path, prefix: &str, suffix: &str) -> Result<Vec<(u64, PathBuf)>, TrainError> {
    let mut found = Vec::new();
    for path in read_directory(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if let (Ok(number), true) = (rest[..digits].parse(), rest[digits..].starts_with(suffix)) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The rows of `metrics.jsonl` up to a step, without a last line that breaks off.
fn rows_until(text: &[u8], step: Option<u64>) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Row {
        step: u64,
    }
    let lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let kept =
        lines.filter(|line| serde_json::from_slice::<Row>(line).is_ok_and(|row| Some(row.step) <= step));
    kept.flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_a_step_and_a_broken_last_line_are_cut_off() {
        assert_eq!(rows_until(b"{\"step\":0}\n", None), b"");
        let text = b"{\"step\":1,\"reward\":0.5}\n{\"step\":2}\n{\"step\":2,\"eval_reward\":1}\n{\"step\":3}\n{\"ste";
        assert_eq!(
            rows_until(text, Some(2)),
            b"{\"step\":1,\"reward\":0.5}\n{\"step\":2}\n{\"step\":2,\"eval_reward\":1}\n"
        );
    }

    #[test]
    fn records_later_than_a_step_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(directory.path()).unwrap();
        let mut records = run.records_after(None, u64::MAX).unwrap();
        for step in [1, 2, 3] {
            records.write_completions(COMPLETIONS, step, std::iter::empty()).unwrap();
            run.write(&format!("evaluations/eval_{step:05}.json"), b"{}").unwrap();
        }
        drop(run.records_after(Some(2), u64::MAX).unwrap());
        let left = numbered_files(&directory.path().join("completions"), "completions_", ".jsonl").unwrap();
        assert_eq!(left.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2]);
        let left = numbered_files(&directory.path().join("evaluations"), "eval_", ".json").unwrap();
        assert_eq!(left.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn completions_take_no_more_than_they_may() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(directory.path()).unwrap();
        let row = |text: &str| Map::from_iter([("completion".to_owned(), Value::from(text))]);
        let one = format!("{}\n", Value::Object(row("abc"))).len() as u64;
        let left = |directory: &str| -> Vec<u64> {
            let files = numbered_files(&run.path().join(directory), "completions_", ".jsonl").unwrap();
            files.into_iter().map(|(step, _)| step).collect()
        };
        let mut records = run.records_after(None, 3 * one).unwrap();
        for step in 1..=4 {
            records.write_completions(COMPLETIONS, step, std::iter::once(row("abc"))).unwrap();
        }
        assert_eq!(left(COMPLETIONS), [2, 3, 4]);
        // A run that goes on counts what is there.
        let mut records = run.records_after(Some(4), 3 * one).unwrap();
        records.write_completions(COMPLETIONS, 5, (0..2).map(|_| row("abc"))).unwrap();
        assert_eq!(left(COMPLETIONS), [4, 5]);
        // More than may be there at all is cut after a row; evaluations have a bound of their own.
        records.write_completions(EVALUATIONS, 5, (0..9).map(|_| row("abc"))).unwrap();
        let evaluated = run.path().join("evaluations/completions_00005.jsonl");
        assert_eq!(fs::metadata(evaluated).unwrap().len(), 3 * one);
        assert_eq!(left(COMPLETIONS), [4, 5]);
    }

    #[test]
    fn a_second_run_does_not_overwrite_the_first() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(RunDirectory::open(directory.path()), Err(TrainError::NoRun { .. })));
        RunDirectory::create(directory.path()).unwrap();
        assert!(matches!(RunDirectory::create(directory.path()), Err(TrainError::RunExists { .. })));
        RunDirectory::open(directory.path()).unwrap();
    }
}
