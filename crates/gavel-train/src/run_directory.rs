//! A run on disk: settings, digests, metrics, completions, checkpoints; and going back to the last checkpoint.
//!
//! ```text
//! settings.toml   resolved settings        metrics.jsonl   a row per logged step, and per evaluation
//! digests.json    plugins and files        completions/    completions_00012.jsonl: what step 12 sampled
//! digests.jsonl   what judged since when   evaluations/    eval_00010.json and what it sampled
//! summary.json    at the end
//! checkpoints/    step-00050/: a Hugging Face directory, optimizer.safetensors, trainer_state.json
//! events.out.tfevents.*                    for TensorBoard
//! ```
//!
//! Whole files and directories appear at once: they are written under another name, synced and renamed. Rows are
//! appended, and a run that goes on cuts off those that are later than its checkpoint.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gavel_model::{Model, Tokenizer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tch::{Device, Tensor};

use crate::TrainError;
use crate::metrics::Metrics;
use crate::optim::AdamW;
use crate::tensorboard::EventWriter;

const METRICS: &str = "metrics.jsonl";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "trainer_state.json";

/// The directory of one run.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

/// What a run knows besides its weights and the optimiser's moments. Random choices follow from seed and step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainerState {
    /// Steps made.
    pub(crate) step: u64,
    /// Optimiser updates made.
    pub(crate) updates: i64,
    /// Tokens of prompts and completions, all together.
    pub(crate) num_tokens: u64,
    /// Time spent, resumed runs added up.
    pub(crate) seconds: f64,
    /// What the evaluation before the first step said.
    pub(crate) before: Option<Map<String, Value>>,
    /// What the latest evaluation said.
    pub(crate) after: Option<Map<String, Value>>,
}

/// A checkpoint of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The step after which it was taken.
    pub step: u64,
    /// A Hugging Face directory, with the optimiser's state beside.
    pub path: PathBuf,
}

impl RunDirectory {
    /// A directory for a new run; it is created if need be.
    ///
    /// # Errors
    ///
    /// When it holds a run already, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        if path.join(METRICS).exists() {
            return Err(TrainError::RunExists { path: path.to_owned() });
        }
        let run = Self { path: path.to_owned() };
        for directory in ["completions", "evaluations", "checkpoints"] {
            let directory = path.join(directory);
            fs::create_dir_all(&directory).map_err(TrainError::file("create", &directory))?;
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
            text => text.map_err(TrainError::file("read", &path))?,
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
    pub(crate) fn records_after(&self, step: Option<u64>) -> Result<Records, TrainError> {
        let metrics = self.path.join(METRICS);
        let kept = rows_until(&fs::read(&metrics).map_err(TrainError::file("read", &metrics))?, step);
        write_atomically(&metrics, &kept)?;
        let numbered =
            [("completions", "completions_"), ("evaluations", "completions_"), ("evaluations", "eval_")];
        for (directory, prefix) in numbered {
            for (number, path) in numbered_files(&self.path.join(directory), prefix, ".json")? {
                if Some(number) > step {
                    fs::remove_file(&path).map_err(TrainError::file("remove", &path))?;
                }
            }
        }
        Records::open(self.path.clone(), step)
    }

    /// Writes a checkpoint, then removes the earliest ones beyond `keep`.
    pub(crate) fn save_checkpoint(
        &self,
        state: &TrainerState,
        model: &Model,
        tokenizer: &Tokenizer,
        optimizer: &AdamW,
        keep: Option<usize>,
    ) -> Result<Checkpoint, TrainError> {
        let path = self.path.join("checkpoints").join(format!("step-{:05}", state.step));
        write_directory_atomically(&path, |directory| {
            model.save(directory)?;
            tokenizer.save(directory)?;
            write_tensors(&directory.join(OPTIMIZER), &optimizer.state())?;
            write_synced(&directory.join(STATE), &json_bytes(state))
        })?;
        self.remove_checkpoints_beyond(keep)?;
        Ok(Checkpoint { step: state.step, path })
    }

    fn remove_checkpoints_beyond(&self, keep: Option<usize>) -> Result<(), TrainError> {
        let checkpoints = self.checkpoints()?;
        let surplus = checkpoints.len().saturating_sub(keep.unwrap_or(usize::MAX));
        for checkpoint in &checkpoints[..surplus] {
            fs::remove_dir_all(&checkpoint.path).map_err(TrainError::file("remove", &checkpoint.path))?;
        }
        Ok(())
    }
}

impl Checkpoint {
    pub(crate) fn state(&self) -> Result<TrainerState, TrainError> {
        let path = self.path.join(STATE);
        let missing = || TrainError::file("read", &path)(io::ErrorKind::NotFound.into());
        read_json(&path)?.ok_or_else(missing)
    }

    /// Gives the optimiser the moments that it had.
    pub(crate) fn restore(&self, optimizer: &mut AdamW, updates: i64) -> Result<(), TrainError> {
        let path = self.path.join(OPTIMIZER);
        let state = Tensor::read_safetensors(&path).map_err(|source| TrainError::Tensors {
            action: "read",
            path: path.clone(),
            source,
        })?;
        optimizer
            .restore(state, updates)
            .map_err(|source| TrainError::Checkpoint { path: self.path.clone(), source })
    }
}

/// The open records of a run that is going on.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    metrics: File,
    events: EventWriter,
}

impl Records {
    fn open(path: PathBuf, step: Option<u64>) -> Result<Self, TrainError> {
        let metrics_path = path.join(METRICS);
        let metrics = OpenOptions::new().append(true).open(&metrics_path);
        let metrics = metrics.map_err(TrainError::file("write", &metrics_path))?;
        // A resumed run that had no checkpoint yet begins anew: drop what older event files say of it.
        let events = EventWriter::resume(&path, step.map_or(0, |step| step + 1));
        let events = events.map_err(TrainError::file("write events to", &path))?;
        Ok(Self { path, metrics, events })
    }

    /// Appends a row of metrics, to `metrics.jsonl` and for TensorBoard.
    pub(crate) fn log(&mut self, step: u64, metrics: &Metrics) -> Result<(), TrainError> {
        let mut row = Map::new();
        row.insert("step".to_owned(), step.into());
        row.extend(metrics.to_json());
        // One write, so that a reader never sees less than a line unless the machine fails.
        let line = format!("{}\n", Value::Object(row));
        let path = self.path.join(METRICS);
        self.metrics.write_all(line.as_bytes()).map_err(TrainError::file("write", &path))?;
        self.log_events(step, metrics).map_err(TrainError::file("write events to", &self.path))
    }

    fn log_events(&mut self, step: u64, metrics: &Metrics) -> io::Result<()> {
        for (name, value) in metrics.iter().filter(|(_, value)| value.is_finite()) {
            self.events.scalar(name, step, value)?;
        }
        self.events.flush()
    }

    /// Makes sure that what was logged outlives the machine. To be called before a checkpoint, which relies on it.
    pub(crate) fn sync(&self) -> Result<(), TrainError> {
        self.metrics.sync_all().map_err(TrainError::file("write", &self.path.join(METRICS)))
    }

    /// Writes rows to `directory/completions_00012.jsonl`.
    pub(crate) fn write_completions(
        &self,
        directory: &str,
        step: u64,
        rows: impl Iterator<Item = Map<String, Value>>,
    ) -> Result<(), TrainError> {
        let text: String = rows.map(|row| format!("{}\n", Value::Object(row))).collect();
        let path = self.path.join(directory).join(format!("completions_{step:05}.jsonl"));
        write_atomically(&path, text.as_bytes())
    }
}

/// Writes a file under another name, syncs and renames it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let temporary = temporary_name(path);
    write_synced(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Has `fill` write into a directory of another name, syncs everything in it and renames it. A directory that is
/// there already is replaced.
pub(crate) fn write_directory_atomically(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let temporary = temporary_name(path);
    remove_directory(&temporary)?;
    fs::create_dir_all(&temporary).map_err(TrainError::file("create", &temporary))?;
    fill(&temporary)?;
    for entry in read_directory(&temporary)? {
        sync(&entry)?;
    }
    sync(&temporary)?;
    remove_directory(path)?;
    rename(&temporary, path)
}

pub(crate) fn json_bytes(value: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string_pretty(value).expect("maps with text keys and numbers");
    format!("{text}\n").into_bytes()
}

/// `.name.tmp` beside `name`: on the same file system, and skipped by whoever looks for names.
fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().expect("a path with a name").to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(TrainError::file("write", path))
}

fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<(), TrainError> {
    let on_cpu: Vec<(&String, Tensor)> =
        tensors.iter().map(|(name, tensor)| (name, tensor.to_device(Device::Cpu).contiguous())).collect();
    Tensor::write_safetensors(&on_cpu, path).map_err(|source| TrainError::Tensors {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

/// Renames, and syncs the folder, without which the new name can be lost.
fn rename(from: &Path, to: &Path) -> Result<(), TrainError> {
    fs::rename(from, to).map_err(TrainError::file("write", to))?;
    to.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), sync)
}

fn sync(path: &Path) -> Result<(), TrainError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(TrainError::file("write", path))
}

fn remove_directory(path: &Path) -> Result<(), TrainError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(TrainError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

fn read_directory(path: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let read =
        || -> io::Result<Vec<PathBuf>> { fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect() };
    read().map_err(TrainError::file("read", path))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, TrainError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(TrainError::file("read", path))?,
    };
    let json = serde_json::from_slice(&bytes);
    json.map(Some).map_err(|source| TrainError::Json { path: path.to_owned(), source })
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
        let records = run.records_after(None).unwrap();
        for step in [1, 2, 3] {
            records.write_completions("completions", step, std::iter::empty()).unwrap();
            run.write(&format!("evaluations/eval_{step:05}.json"), b"{}").unwrap();
        }
        drop(run.records_after(Some(2)).unwrap());
        let left = numbered_files(&directory.path().join("completions"), "completions_", ".jsonl").unwrap();
        assert_eq!(left.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2]);
        let left = numbered_files(&directory.path().join("evaluations"), "eval_", ".json").unwrap();
        assert_eq!(left.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_directory_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-00001");
        let failed = write_directory_atomically(&path, |inside| {
            write_synced(&inside.join("a"), b"half")?;
            Err(TrainError::NoRun { path: inside.to_owned() })
        });
        assert!(failed.is_err() && !path.exists());
        write_directory_atomically(&path, |inside| write_synced(&inside.join("b"), b"whole")).unwrap();
        let names = read_directory(&path).unwrap();
        assert_eq!(names, [path.join("b")], "what an earlier attempt left is gone");
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
