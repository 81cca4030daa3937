//! Turns the prompts of tasks into token ids, on all cores.

use gavel_model::Tokenizer;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::read::read_first;
use super::{Prompts, Task, TaskFiles};
use crate::TrainError;

/// A task whose prompt is encoded.
#[derive(Debug, Clone)]
pub(crate) struct EncodedTask {
    pub(crate) task: Task,
    pub(crate) prompt: Vec<i64>,
}

/// What prompts are encoded by: a tokenizer, for a model that has so many ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) vocabulary: i64,
}

/// Reads and encodes the first tasks of some files, at most `limit`, so that one that the model cannot continue is found
/// before anything is sampled. A row is held as its text, or as the task that it became, but not as both.
pub(crate) fn read_encoded(
    files: &TaskFiles,
    prompts: &Prompts,
    encoder: Encoder<'_>,
    limit: usize,
) -> Result<Vec<EncodedTask>, TrainError> {
    read_first(files, limit, &|row| encoder.encode(row.task(prompts)?))
}

/// Encodes the prompts of all tasks.
pub(crate) fn encode(tasks: Vec<Task>, encoder: Encoder<'_>) -> Result<Vec<EncodedTask>, TrainError> {
    let encoded: Vec<_> = tasks.into_par_iter().map(|task| encoder.encode(task)).collect();
    // The first error in the order of the tasks, whichever core met one first.
    encoded.into_iter().collect()
}

impl Encoder<'_> {
    pub(crate) fn encode(self, task: Task) -> Result<EncodedTask, TrainError> {
        let (path, line) = (task.path.to_path_buf(), task.line);
        let encoded = match &task.question {
            Some(_) => self.tokenizer.encode_chat(&task.prompt),
            None => self.tokenizer.encode(&task.prompt),
        };
        let prompt = match encoded {
            Ok(prompt) => prompt,
            Err(source) => return Err(TrainError::Prompt { path, line, source }),
        };
        if prompt.is_empty() {
            return Err(TrainError::EmptyPrompt { path, line });
        }
        match prompt.iter().find(|id| !(0..self.vocabulary).contains(*id)) {
            Some(&id) => {
                let token = self.tokenizer.token(id).unwrap_or_default();
                Err(TrainError::UnknownToken { path, line, token, id, vocabulary: self.vocabulary })
            }
            None => Ok(EncodedTask { task, prompt }),
        }
    }
}
