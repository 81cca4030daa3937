//! What a run would see of task files: every row, with the prompt that it becomes or why it is refused, and what many rows
//! have in common.

mod summary;

use std::path::Path;
use std::sync::Arc;

use gavel_model::Tokenizer;

use crate::TrainError;
use crate::task::{Encoder, Prompts, Task, TaskError, TaskFiles, read_each};

pub use summary::{Bar, DataSummary, Lengths, Place};

/// A row of a task file as a run would see it.
#[derive(Debug)]
pub struct SeenRow {
    /// Its file.
    pub path: Arc<Path>,
    /// Its line there, from 1; in Parquet, lists and tables its row.
    pub line: u64,
    /// The columns that it has, as far as it is a row at all.
    pub columns: Vec<String>,
    /// The task, and how long its prompt is, or why a run would refuse to start with it.
    pub task: Result<SeenTask, TrainError>,
}

/// A task, and how long its prompt is.
#[derive(Debug)]
pub struct SeenTask {
    /// The task.
    pub task: Task,
    /// In tokens with a tokenizer, in characters without.
    pub length: usize,
}

/// What encodes prompts, where a model is known.
#[derive(Debug, Clone, Copy)]
pub struct Encoding<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// How many ids the model has.
    pub vocabulary: i64,
}

/// Looks at the first rows of some files, at most `limit`, on all cores; `take` gets some thousand at a time, in order. A row
/// that is refused does not end it.
///
/// # Errors
/// When a file cannot be read or holds no row, and what `take` says.
pub fn look_at_rows<E: From<TaskError>>(
    files: &TaskFiles,
    prompts: &Prompts,
    encoding: Option<Encoding<'_>>,
    limit: usize,
    take: &mut dyn FnMut(Vec<SeenRow>) -> Result<(), E>,
) -> Result<(), E> {
    let encoder = encoding.map(|Encoding { tokenizer, vocabulary }| Encoder { tokenizer, vocabulary });
    read_each(
        files,
        limit,
        &|row| {
            let (path, line) = (Arc::clone(row.path()), row.number());
            let mut columns = Vec::new();
            let task = row.columns().and_then(|row| {
                columns = row.keys().cloned().collect();
                prompts.task(row, &path, line)
            });
            let task = task.map_err(TrainError::from).and_then(|task| seen(task, encoder));
            SeenRow { path, line, columns, task }
        },
        take,
    )
}

fn seen(task: Task, encoder: Option<Encoder<'_>>) -> Result<SeenTask, TrainError> {
    let Some(encoder) = encoder else {
        return Ok(SeenTask { length: task.prompt.chars().count(), task });
    };
    let encoded = encoder.encode(task)?;
    Ok(SeenTask { length: encoded.prompt.len(), task: encoded.task })
}
