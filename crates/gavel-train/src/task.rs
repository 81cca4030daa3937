//! Task files: JSON Lines with a prompt, or a problem that a template turns into one, and what judging needs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

/// The template of DeepSeek-R1-Zero ([2501.12948](https://arxiv.org/abs/2501.12948), table 1).
const R1_ZERO: &str = "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. \
The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. The \
reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., \
<think> reasoning process here </think> <answer> answer here </answer>. User: {problem}. Assistant:";

/// A prompt with what is needed to judge an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What the policy continues.
    pub prompt: String,
    /// The ground truth. Where the file holds something other than a string, its JSON text.
    pub reference: Option<String>,
    /// The other columns.
    pub metadata: Map<String, Value>,
    /// The file that it was read from.
    pub path: Arc<Path>,
    /// Its line there, from 1.
    pub line: usize,
}

/// What surrounds a problem in a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// Why a task file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The file cannot be read.
    #[error("cannot read tasks from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A line is not a JSON object.
    #[error("{}:{line}: not a JSON object", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A line has neither prompt nor problem, or one that is no text.
    #[error("{}:{line}: a task needs a `prompt` or a `problem`, and it must be a string", path.display())]
    NoPrompt {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The file holds no task.
    #[error("{} holds no task", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Template {
    /// `r1-zero`, `none` (the problem alone), or a text of one's own with `{problem}` in it; `None` if it has none.
    pub fn named(name: &str) -> Option<Self> {
        let text = match name {
            "r1-zero" => R1_ZERO,
            "none" => "{problem}",
            text => text,
        };
        text.contains("{problem}").then(|| Self(text.to_owned()))
    }

    /// The prompt for a problem.
    pub fn prompt(&self, problem: &str) -> String {
        self.0.replace("{problem}", problem)
    }
}

impl Task {
    /// The columns of one line of a task file. A `prompt` is taken as it is; a `problem` goes through the template
    /// and stays among the metadata. `None` if there is neither.
    fn from_columns(
        mut columns: Map<String, Value>,
        template: &Template,
        (path, line): (&Arc<Path>, usize),
    ) -> Option<Self> {
        let prompt = match (columns.remove("prompt"), columns.get("problem")) {
            (Some(Value::String(prompt)), _) => prompt,
            (None, Some(Value::String(problem))) => template.prompt(problem),
            _ => return None,
        };
        let reference = match columns.remove("reference") {
            None | Some(Value::Null) => None,
            Some(Value::String(reference)) => Some(reference),
            Some(value) => Some(value.to_string()),
        };
        Some(Self { prompt, reference, metadata: columns, path: Arc::clone(path), line })
    }
}

/// Reads the tasks of a JSON Lines file, in order; empty lines are passed over.
///
/// # Errors
///
/// When the file cannot be read, holds no task, or a line is not one: the error names the line.
pub fn read_tasks(path: &Path, template: &Template) -> Result<Vec<Task>, TaskError> {
    let read_error = |source| TaskError::Read { path: path.to_owned(), source };
    let file = Arc::from(path);
    let mut tasks = Vec::new();
    for (index, text) in BufReader::new(File::open(path).map_err(read_error)?).lines().enumerate() {
        let text = text.map_err(read_error)?;
        let line = index + 1;
        if text.trim().is_empty() {
            continue;
        }
        let columns = serde_json::from_str(&text).map_err(|source| TaskError::Json {
            path: path.to_owned(),
            line,
            source,
        })?;
        let task = Task::from_columns(columns, template, (&file, line));
        tasks.push(task.ok_or_else(|| TaskError::NoPrompt { path: path.to_owned(), line })?);
    }
    if tasks.is_empty() {
        return Err(TaskError::Empty { path: path.to_owned() });
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, template: &str) -> Result<Vec<Task>, TaskError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tasks.jsonl");
        std::fs::write(&path, text).unwrap();
        read_tasks(&path, &Template::named(template).unwrap())
    }

    #[test]
    fn a_prompt_stays_as_it_is_and_a_problem_goes_through_the_template() {
        let text = "{\"prompt\":\"2+2=\",\"reference\":4,\"level\":1}\n\n{\"problem\":\"1+1\",\"reference\":\"2\"}\n";
        let tasks = read(text, "Q: {problem} A:").unwrap();
        assert_eq!(tasks[0].prompt, "2+2=");
        assert_eq!(tasks[0].reference.as_deref(), Some("4"));
        assert_eq!(Value::Object(tasks[0].metadata.clone()).to_string(), r#"{"level":1}"#);
        assert_eq!((tasks[0].line, tasks[1].line), (1, 3));
        assert_eq!(tasks[1].prompt, "Q: 1+1 A:");
        assert_eq!(Value::Object(tasks[1].metadata.clone()).to_string(), r#"{"problem":"1+1"}"#);
    }

    #[test]
    fn the_r1_zero_template_ends_where_the_assistant_begins() {
        let tasks = read(r#"{"problem":"What is 1+1?"}"#, "r1-zero").unwrap();
        assert!(tasks[0].prompt.starts_with("A conversation between User and Assistant."));
        assert!(tasks[0].prompt.ends_with("User: What is 1+1?. Assistant:"));
        assert_eq!(tasks[0].reference, None);
    }

    #[test]
    fn errors_name_the_line() {
        let no_prompt = read("{\"prompt\":\"a\"}\n{\"question\":\"b\"}\n", "none");
        assert!(matches!(no_prompt, Err(TaskError::NoPrompt { line: 2, .. })));
        assert!(matches!(read("\n{\n", "none"), Err(TaskError::Json { line: 2, .. })));
        assert!(matches!(read("\n", "none"), Err(TaskError::Empty { .. })));
        assert_eq!(Template::named("no placeholder"), None);
    }
}
