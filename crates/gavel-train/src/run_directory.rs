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
//! train.lock      locked by the process that trains
//! ```
//!
//! Whole files and directories appear at once. Rows are appended, and a run that goes on cuts off those that are later
//! than its checkpoint.

mod records;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gavel_files::{Lock, LockError, writable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::checkpoint::{Checkpoint, Saved};
use crate::error::Action;
use crate::files::{read_directory, read_json, require_room, write_atomically, write_directory_atomically};
pub(crate) use records::Records;

const METRICS: &str = "metrics.jsonl";
const LOCK: &str = "train.lock";
/// The directory of the completions of training.
pub(crate) const COMPLETIONS: &str = "completions";
/// The directory of evaluations and their completions.
pub(crate) const EVALUATIONS: &str = "evaluations";

/// The directory of one run.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    kept: Kept,
    /// Held as long as this process writes here.
    lock: Option<Lock>,
}

/// Who keeps the records of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// This process.
    Here,
    /// Another rank: what is to be written here comes to nothing.
    Elsewhere,
}

impl RunDirectory {
    /// Whether a new run can begin in this directory: it holds none, and takes files or can be made.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn require_vacant(path: &Path) -> Result<(), TrainError> {
        if path.join(METRICS).exists() {
            return Err(TrainError::RunExists { path: path.to_owned() });
        }
        writable::folder(path).map_err(TrainError::file(Action::Create, path))
    }

    /// A directory for a new run; it is created if need be.
    ///
    /// # Errors
    ///
    /// When it holds a run already, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        Self::require_vacant(path)?;
        let mut run = Self { path: path.to_owned(), kept: Kept::Here, lock: None };
        fs::create_dir_all(path).map_err(TrainError::file(Action::Create, path))?;
        run.lock()?;
        // Another process may have begun one meanwhile, and be done with it.
        Self::require_vacant(path)?;
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
        Ok(Self { path: path.to_owned(), kept: Kept::Here, lock: None })
    }

    /// Has no other process write here, as long as this one does.
    ///
    /// # Errors
    ///
    /// When another one does.
    pub(crate) fn lock(&mut self) -> Result<(), TrainError> {
        let path = self.path.join(LOCK);
        self.lock = Some(Lock::take(&path).map_err(|error| match error {
            LockError::Held { by } => TrainError::Busy { path: self.path.clone(), by },
            LockError::File(source) => TrainError::file(Action::Write, &path)(source),
        })?);
        Ok(())
    }

    /// The same directory for a rank that does not keep the records: it reads, and what it writes comes to nothing.
    pub(crate) fn kept_elsewhere(path: &Path) -> Self {
        Self { path: path.to_owned(), kept: Kept::Elsewhere, lock: None }
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
        if self.kept == Kept::Elsewhere {
            return Ok(());
        }
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
        if self.kept == Kept::Elsewhere {
            return Ok(Records::elsewhere());
        }
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
        if self.kept == Kept::Elsewhere {
            return Ok(Checkpoint { step, path });
        }
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
    use serde_json::{Map, Value};

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

    #[test]
    fn one_process_at_a_time_writes_a_run() {
        let directory = tempfile::tempdir().unwrap();
        let begun = RunDirectory::create(directory.path()).unwrap();
        let mut other = RunDirectory::open(directory.path()).unwrap();
        let error = other.lock().unwrap_err();
        let expected = format!("is trained in by another process already ({})", std::process::id());
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(error.fault(), crate::error::Fault::Input);
        drop(begun);
        other.lock().unwrap();
    }

    #[test]
    fn a_run_is_not_begun_where_it_cannot_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        fs::write(&file, "").unwrap();
        let error = RunDirectory::require_vacant(&file.join("run")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create "), "{error}");
        RunDirectory::require_vacant(&directory.path().join("b/run")).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
