//! Task files: JSON Lines with a prompt, or a problem that a template turns into one, and what judging needs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gavel_model::ChatTemplate;
use serde_json::{Map, Value, json};

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

/// What makes a prompt of a problem, or of a conversation.
#[derive(Debug, Clone)]
pub struct Template {
    around: Around,
    /// The model's own, where it has one.
    chat: Option<Arc<ChatTemplate>>,
}

/// What surrounds a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Around {
    /// A text with `{problem}` in it.
    Text(String),
    /// The model's chat template, with the problem as the user's message.
    Chat,
}

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
    #[error(
        "{}:{line}: a task needs a `prompt` (a text, or a list of chat messages) or a `problem` (a text); its columns are {}{}", path.display(),
        columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "), renaming(columns)
    )]
    NoPrompt {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// A prompt is a conversation, or is to be made one, and the model has no chat template.
    #[error(
        "{}:{line}: the prompt is a conversation, and the model has no chat template to make a text of it: give `prompt` \
         as the text that the model continues, or name an instruct model", path.display()
    )]
    NoChatTemplate {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The model's chat template does not take a conversation.
    #[error("{}:{line}: the conversation cannot be rendered", path.display())]
    Chat {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: gavel_model::Error,
    },
    /// The file holds no task.
    #[error("{} holds no task", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Template {
    /// `chat` (the model's own chat template), `r1-zero`, `none` (the problem alone), or a text of one's own with
    /// `{problem}` in it; `None` if it has none.
    pub fn named(name: &str) -> Option<Self> {
        let text = match name {
            "chat" => return Some(Self { around: Around::Chat, chat: None }),
            "r1-zero" => R1_ZERO,
            "none" => "{problem}",
            text => text,
        };
        text.contains("{problem}").then(|| Self { around: Around::Text(text.to_owned()), chat: None })
    }

    /// The same template for a model with this chat template, which `chat` and prompts that are conversations need.
    #[must_use]
    pub fn with_chat(self, chat: Option<ChatTemplate>) -> Self {
        Self { chat: chat.map(Arc::new), ..self }
    }

    /// Whether a task's prompt was made by this template, rather than given with it.
    pub fn made(&self, task: &Task) -> bool {
        let problem = task.metadata.get("problem").and_then(Value::as_str);
        problem.is_some_and(|problem| {
            self.prompt(problem, (&task.path, task.line)).is_ok_and(|made| made == task.prompt)
        })
    }

    /// The prompt for a problem.
    fn prompt(&self, problem: &str, place: (&Arc<Path>, usize)) -> Result<String, TaskError> {
        match &self.around {
            Around::Text(text) => Ok(text.replace("{problem}", problem)),
            Around::Chat => self.render(&json!([{ "role": "user", "content": problem }]), place),
        }
    }

    /// The prompt for a conversation, which the model continues as the assistant.
    fn render(&self, messages: &Value, (path, line): (&Arc<Path>, usize)) -> Result<String, TaskError> {
        let path = path.to_path_buf();
        match &self.chat {
            Some(chat) => chat.render(messages).map_err(|source| TaskError::Chat { path, line, source }),
            None => Err(TaskError::NoChatTemplate { path, line }),
        }
    }
}

impl Task {
    /// The columns of one line of a task file. A `prompt` that is a text is taken as it is, one that is a conversation
    /// goes through the chat template; a `problem` goes through the template and stays among the metadata.
    ///
    /// # Errors
    /// When there is neither, or the template does not take it; the error names `place`, a file and a line.
    pub fn from_columns(
        mut columns: Map<String, Value>,
        template: &Template,
        place: (&Arc<Path>, usize),
    ) -> Result<Self, TaskError> {
        let (path, line) = place;
        let names: Vec<String> = columns.keys().cloned().collect();
        let prompt = match (columns.remove("prompt"), columns.get("problem")) {
            (Some(Value::String(prompt)), _) => prompt,
            (None, Some(Value::String(problem))) => template.prompt(problem, place)?,
            (Some(chat @ Value::Array(_)), _) if is_conversation(&chat) => template.render(&chat, place)?,
            _ => return Err(TaskError::NoPrompt { path: path.to_path_buf(), line, columns: names }),
        };
        let reference = match columns.remove("reference") {
            None | Some(Value::Null) => None,
            Some(Value::String(reference)) => Some(reference),
            Some(value) => Some(value.to_string()),
        };
        Ok(Self { prompt, reference, metadata: columns, path: Arc::clone(path), line })
    }
}

/// Whether a value is a list of chat messages, and not an empty one.
fn is_conversation(value: &Value) -> bool {
    let messages = value.as_array().map_or(&[][..], Vec::as_slice);
    !messages.is_empty() && messages.iter().all(|message| message["role"].is_string())
}

/// What data sets call a problem and a reference.
const PROBLEMS: [&str; 5] = ["question", "instruction", "query", "input", "text"];
const REFERENCES: [&str; 5] = ["answer", "ground_truth", "solution", "target", "label"];

/// How to give columns the names that are read, where one looks like what is missing.
fn renaming(columns: &[String]) -> String {
    let there = |names: &[&'static str]| names.iter().copied().find(|name| columns.iter().any(|c| c == name));
    let Some(problem) = there(&PROBLEMS) else { return String::new() };
    let has_reference = columns.iter().any(|column| column == "reference");
    let reference = there(&REFERENCES).filter(|_| !has_reference);
    let reference = reference.map(|name| format!(" | .reference = .{name}")).unwrap_or_default();
    format!("; if `{problem}` is the problem, `jq -c '.problem = .{problem}{reference}'` renames")
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
        tasks.push(Task::from_columns(columns, template, (&file, line))?);
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
        let gsm8k = read(r#"{"question":"b","answer":"c"}"#, "none").unwrap_err().to_string();
        let advice = "its columns are `question`, `answer`; if `question` is the problem, \
                      `jq -c '.problem = .question | .reference = .answer'` renames";
        assert!(gsm8k.ends_with(advice), "{gsm8k}");
        let chat = read(r#"{"prompt":[{"role":"user","content":"b"}]}"#, "none");
        assert!(matches!(chat, Err(TaskError::NoChatTemplate { line: 1, .. })));
        let problem = read(r#"{"problem":"b"}"#, "chat");
        assert!(matches!(problem, Err(TaskError::NoChatTemplate { line: 1, .. })));
        assert!(matches!(read("\n{\n", "none"), Err(TaskError::Json { line: 2, .. })));
        assert!(matches!(read("\n", "none"), Err(TaskError::Empty { .. })));
        assert!(Template::named("no placeholder").is_none());
    }

    #[test]
    fn conversations_and_problems_go_through_the_chat_template() {
        let directory = tempfile::tempdir().unwrap();
        let template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
        let config = json!({ "chat_template": template });
        std::fs::write(directory.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        let path = directory.path().join("tasks.jsonl");
        let rows = [
            r#"{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}"#,
            r#"{"problem": "p"}"#,
            r#"{"prompt": "as it is", "problem": "p"}"#,
        ];
        std::fs::write(&path, rows.join("\n")).unwrap();
        let chat = ChatTemplate::load(directory.path()).unwrap();
        let template = Template::named("chat").unwrap().with_chat(chat);
        let tasks = read_tasks(&path, &template).unwrap();
        let prompts: Vec<_> = tasks.iter().map(|task| task.prompt.as_str()).collect();
        assert_eq!(prompts, ["<system>s<user>u<assistant>", "<user>p<assistant>", "as it is"]);
        assert_eq!(tasks.iter().map(|task| template.made(task)).collect::<Vec<_>>(), [false, true, false]);
    }
}
