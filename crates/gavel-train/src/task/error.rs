//! Why a task file cannot be used, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use gavel_files::{closest, did_you_mean};
use gavel_lines::{BadLine, FilesError};
use gavel_wire::value_within;

use super::{Columns, ROLES, Task};

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
    #[error("{}:{line}: not a JSON object{}", path.display(), looking_like(*looks))]
    Json {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What the file looks like, where no line of it is one.
        looks: Option<&'static str>,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A line is too long, or no text.
    #[error("{}:{line}: {source}{}", path.display(), looking_like(*looks))]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What the file looks like, where no line of it is a task.
        looks: Option<&'static str>,
        /// What is wrong with it.
        source: BadLine,
    },
    /// What stands as prompt or problem is of another kind.
    #[error("{}:{line}: `{column}` {problem}", path.display())]
    Part {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// Its column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A line has neither prompt nor problem.
    #[error(
        "{}:{line}: a task needs a `{}` (a text, or a list of chat messages) or a `{}` (a text); its columns are {}{}",
        path.display(),
        wanted.prompt,
        wanted.problem,
        listed(columns),
        naming(columns, wanted)
    )]
    NoPrompt {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The columns that it has.
        columns: Vec<String>,
        /// Which are read.
        wanted: Box<Columns>,
    },
    /// A line lacks the column that is named as the reference.
    #[error(
        "{}:{line}: there is no `{wanted}`, which is named as the column of the reference; its columns are {}{}",
        path.display(),
        listed(columns),
        meant(wanted, columns)
    )]
    NoReference {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The columns that it has.
        columns: Vec<String>,
        /// The name.
        wanted: String,
    },
    /// A task is a conversation, and the model has no chat template.
    #[error(
        "{}:{line}: the task is a conversation, and the model has no chat template: put one into its directory as \
         chat_template.jinja, or write `prompt` as the text that the model continues",
        path.display()
    )]
    NoChatTemplate {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
    },
    /// A message is by somebody whom chat templates do not know, and would be written all the same.
    #[error("{}:{line}: a message has the role `{role}`; the roles are {}", path.display(), ROLES.join(", "))]
    Role {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The role.
        role: String,
    },
    /// The chat template makes no text of a task.
    #[error("{}:{line}: the task cannot be written as a chat", path.display())]
    Chat {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What the template says.
        #[source]
        source: Box<gavel_model::Error>,
    },
    /// There is a system prompt, and a task is no conversation that could hold it.
    #[error(
        "{}:{line}: `system_prompt` is for conversations, and this task is a text: set `template = \"chat\"` and write a \
         `problem`, or write `prompt` as a list of messages",
        path.display()
    )]
    SystemPrompt {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
    },
    /// The names of the files mean none, or one of them twice.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The file holds no task.
    #[error("{} holds no task", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Why a line is no task.
pub(super) enum Unusable {
    /// The column, and what is wrong with what it holds.
    Part(String, String),
    /// With the columns that there are, and those that are read.
    NoPrompt(Vec<String>, Columns),
    /// With the columns that there are, and the name of the one that is missing.
    NoReference(Vec<String>, String),
    NoChatTemplate,
    SystemPrompt,
    Role(String),
    Chat(gavel_model::Error),
}

impl Unusable {
    pub(super) fn at(self, path: &Path, line: u64) -> TaskError {
        let path = path.to_owned();
        match self {
            Self::NoPrompt(columns, wanted) => {
                TaskError::NoPrompt { path, line, columns, wanted: Box::new(wanted) }
            }
            Self::Part(column, problem) => TaskError::Part { path, line, column, problem },
            Self::NoReference(columns, wanted) => TaskError::NoReference { path, line, columns, wanted },
            Self::NoChatTemplate => TaskError::NoChatTemplate { path, line },
            Self::SystemPrompt => TaskError::SystemPrompt { path, line },
            Self::Role(role) => TaskError::Role { path, line, role },
            Self::Chat(source) => TaskError::Chat { path, line, source: Box::new(source) },
        }
    }
}

/// What data sets call a problem, a conversation and a reference.
const PROBLEMS: [&str; 5] = ["question", "instruction", "query", "input", "text"];
const CONVERSATIONS: [&str; 4] = ["messages", "conversations", "conversation", "chat"];
const REFERENCES: [&str; 6] =
    ["answer", "ground_truth", "solution", "reward_model.ground_truth", "target", "label"];

/// The column of a task without reference that is most likely meant to be it.
pub fn likely_reference(task: &Task) -> Option<&'static str> {
    let there = |name: &&str| value_within(&task.metadata, name).is_some();
    REFERENCES.iter().copied().find(there).filter(|_| task.reference.is_none())
}

/// How to say which columns are meant, where one looks like what is missing.
fn naming(columns: &[String], wanted: &Columns) -> String {
    let there = |names: &[&'static str]| names.iter().copied().find(|name| columns.iter().any(|c| c == name));
    let Some(problem) = there(&PROBLEMS) else {
        if let Some(messages) = there(&CONVERSATIONS) {
            return format!(
                "; if `{messages}` is the conversation to go on with, set `prompt_column = \"{messages}\"` (`gavel eval`: \
                 --prompt-column {messages})"
            );
        }
        let named = [(&wanted.prompt, "prompt"), (&wanted.problem, "problem")];
        let named = named.into_iter().find(|(name, part)| name != part);
        return named.map(|(name, _)| meant(name, columns)).unwrap_or_default();
    };
    let has_reference = columns.contains(&wanted.reference);
    let reference = there(&REFERENCES).filter(|_| !has_reference);
    let (and_setting, and_flag) = match reference {
        Some(name) => {
            (format!(" and `reference_column = \"{name}\"`"), format!(" --reference-column {name}"))
        }
        None => Default::default(),
    };
    format!(
        "; if `{problem}` is the problem, set `problem_column = \"{problem}\"`{and_setting} (`gavel eval`: --problem-column \
         {problem}{and_flag})"
    )
}

/// The column whose name is nearly the one that is wanted.
fn meant(wanted: &str, columns: &[String]) -> String {
    did_you_mean(closest(wanted, columns.iter().map(String::as_str)))
}

fn listed(columns: &[String]) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

fn looking_like(looks: Option<&'static str>) -> String {
    looks.map(|looks| format!("; the file looks like {looks}")).unwrap_or_default()
}
