//! Task files: JSON Lines with a prompt, a conversation or a problem that a template turns into one, and what judging
//! needs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gavel_model::{ChatOptions, ChatTemplate};
use serde_json::{Map, Value, json};

/// The template of DeepSeek-R1-Zero ([2501.12948](https://arxiv.org/abs/2501.12948), table 1).
const R1_ZERO: &str = "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. \
The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. The \
reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., \
<think> reasoning process here </think> <answer> answer here </answer>. User: {problem}. Assistant:";

/// A prompt with what is needed to judge an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What the policy continues. Of a conversation, the text that the model's chat template makes of it.
    pub prompt: String,
    /// What the prompt was made of.
    pub origin: Origin,
    /// What a conversation asks: its last message by the user. Verifiers get it as the prompt, as they do from
    /// `gavel score`.
    pub question: Option<String>,
    /// The ground truth. Where the file holds something other than a string, its JSON text.
    pub reference: Option<String>,
    /// The other columns.
    pub metadata: Map<String, Value>,
    /// The file that it was read from.
    pub path: Arc<Path>,
    /// Its line there, from 1.
    pub line: usize,
}

/// What a task's prompt was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A text in `prompt`, as it is.
    Text,
    /// Messages in `prompt`.
    Conversation,
    /// A `problem`.
    Problem,
}

/// What a task's `problem` becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// A text with the problem in the place of `{problem}`.
    Text(String),
    /// The user's message in a conversation.
    Chat,
}

/// How the lines of a task file become prompts.
#[derive(Debug)]
pub struct Prompts {
    template: Template,
    chat: Option<ChatTemplate>,
    /// The variables of the chat template for every task.
    kwargs: Map<String, Value>,
    system_prompt: Option<String>,
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
    /// A line has neither prompt nor problem, or one of another kind.
    #[error(
        "{}:{line}: a task needs a `prompt` (a text, or a list of chat messages) or a `problem` (a text); its columns are \
         {}{}",
        path.display(),
        columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "),
        renaming(columns)
    )]
    NoPrompt {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// The columns that it has.
        columns: Vec<String>,
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
        line: usize,
    },
    /// A message is by somebody whom chat templates do not know, and would be written all the same.
    #[error("{}:{line}: a message has the role `{role}`; the roles are {}", path.display(), ROLES.join(", "))]
    Role {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// The role.
        role: String,
    },
    /// The chat template makes no text of a task.
    #[error("{}:{line}: the task cannot be written as a chat", path.display())]
    Chat {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
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
    /// `r1-zero`, `chat`, `none` (the problem alone), or a text of one's own with `{problem}` in it; `None` if it has
    /// none.
    pub fn named(name: &str) -> Option<Self> {
        let text = match name {
            "chat" => return Some(Self::Chat),
            "r1-zero" => R1_ZERO,
            "none" => "{problem}",
            text => text,
        };
        text.contains("{problem}").then(|| Self::Text(text.to_owned()))
    }
}

/// Why a line is no task.
enum Unusable {
    /// With the columns that there are.
    NoPrompt(Vec<String>),
    NoChatTemplate,
    SystemPrompt,
    Role(String),
    Chat(gavel_model::Error),
}

impl Unusable {
    fn at(self, path: &Path, line: usize) -> TaskError {
        let path = path.to_owned();
        match self {
            Self::NoPrompt(columns) => TaskError::NoPrompt { path, line, columns },
            Self::NoChatTemplate => TaskError::NoChatTemplate { path, line },
            Self::SystemPrompt => TaskError::SystemPrompt { path, line },
            Self::Role(role) => TaskError::Role { path, line, role },
            Self::Chat(source) => TaskError::Chat { path, line, source: Box::new(source) },
        }
    }
}

impl Prompts {
    /// Problems go through `template`, conversations through `chat`; without one they are refused.
    pub fn new(template: Template, chat: Option<ChatTemplate>) -> Self {
        Self { template, chat, kwargs: Map::new(), system_prompt: None }
    }

    /// The chat template gets these variables for every task.
    #[must_use]
    pub fn with_kwargs(self, kwargs: Map<String, Value>) -> Self {
        Self { kwargs, ..self }
    }

    /// Conversations that have no system message begin with this one.
    #[must_use]
    pub fn with_system_prompt(self, system_prompt: String) -> Self {
        Self { system_prompt: Some(system_prompt), ..self }
    }

    /// The task in the columns of one line of `path`. A text as `prompt` is taken as it is, a list of messages goes through
    /// the chat template, a `problem` through the template, and it stays among the metadata.
    ///
    /// # Errors
    /// When there is neither, or no prompt can be made of it; the error names file and line.
    pub fn task(
        &self,
        columns: Map<String, Value>,
        path: &Arc<Path>,
        line: usize,
    ) -> Result<Task, TaskError> {
        self.read(columns, path, line).map_err(|unusable| unusable.at(path, line))
    }

    fn read(&self, mut columns: Map<String, Value>, path: &Arc<Path>, line: usize) -> Result<Task, Unusable> {
        let names: Vec<String> = columns.keys().cloned().collect();
        let (origin, (prompt, question)) = match (columns.remove("prompt"), columns.get("problem")) {
            (Some(Value::String(prompt)), _) => (Origin::Text, (prompt, None)),
            (Some(Value::Array(messages)), _) if is_conversation(&messages) => {
                (Origin::Conversation, self.chat(messages, &columns)?)
            }
            (None, Some(Value::String(problem))) => {
                let made = match &self.template {
                    Template::Text(text) => (text.replace("{problem}", problem), None),
                    Template::Chat => {
                        self.chat(vec![json!({"role": "user", "content": problem})], &columns)?
                    }
                };
                (Origin::Problem, made)
            }
            _ => return Err(Unusable::NoPrompt(names)),
        };
        if self.system_prompt.is_some() && question.is_none() {
            return Err(Unusable::SystemPrompt);
        }
        let reference = match columns.remove("reference") {
            None | Some(Value::Null) => None,
            Some(Value::String(reference)) => Some(reference),
            Some(value) => Some(value.to_string()),
        };
        let path = Arc::clone(path);
        Ok(Task { prompt, origin, question, reference, metadata: columns, path, line })
    }

    /// What the policy continues, and what is asked. A conversation that ends with the assistant's own words is gone on
    /// with where they end. Columns `tools` and `chat_template_kwargs` are the template's, as in TRL.
    fn chat(
        &self,
        mut messages: Vec<Value>,
        columns: &Map<String, Value>,
    ) -> Result<(String, Option<String>), Unusable> {
        let template = self.chat.as_ref().ok_or(Unusable::NoChatTemplate)?;
        let mut roles = messages.iter().filter_map(|message| message["role"].as_str());
        if let Some(role) = roles.find(|role| !ROLES.contains(role)) {
            return Err(Unusable::Role(role.to_owned()));
        }
        let question = messages.iter().rev().find(|message| message["role"] == "user").map(content);
        // A verifier may have no use for it.
        let question = question.unwrap_or_default();
        if let Some(system) = &self.system_prompt
            && messages.iter().all(|message| message["role"] != "system")
        {
            messages.insert(0, json!({"role": "system", "content": system}));
        }
        let continues = messages.last().is_some_and(|message| message["role"] == "assistant");
        let mut kwargs = self.kwargs.clone();
        if let Some(Value::Object(own)) = columns.get("chat_template_kwargs") {
            kwargs.extend(own.clone());
        }
        let options = ChatOptions {
            add_generation_prompt: !continues,
            continue_final_message: continues,
            tools: columns.get("tools").and_then(Value::as_array).cloned(),
            kwargs,
        };
        let prompt = template.render(&messages, &options).map_err(Unusable::Chat)?;
        Ok((prompt, Some(question)))
    }
}

/// Whether these are chat messages: at least one, each by somebody.
fn is_conversation(messages: &[Value]) -> bool {
    !messages.is_empty() && messages.iter().all(|message| message["role"].is_string())
}

/// By whom messages are, in the chat templates of public models.
const ROLES: [&str; 8] =
    ["system", "user", "assistant", "tool", "developer", "ipython", "function", "environment"];

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

/// The text of a message: its content, or the texts among the parts of it.
fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// Reads the tasks of a JSON Lines file, in order; empty lines are passed over.
///
/// # Errors
///
/// When the file cannot be read, holds no task, or a line is not one: the error names the line.
pub fn read_tasks(path: &Path, prompts: &Prompts) -> Result<Vec<Task>, TaskError> {
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
        tasks.push(prompts.task(columns, &file, line)?);
    }
    if tasks.is_empty() {
        return Err(TaskError::Empty { path: path.to_owned() });
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(text: &str, prompts: &Prompts) -> Result<Vec<Task>, TaskError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tasks.jsonl");
        std::fs::write(&path, text).unwrap();
        read_tasks(&path, prompts)
    }

    fn read(text: &str, template: &str) -> Result<Vec<Task>, TaskError> {
        read_with(text, &Prompts::new(Template::named(template).unwrap(), None))
    }

    /// A model whose turns are `role:content;`, and whose assistant may be asked to think.
    fn chat(template: &str) -> Prompts {
        const CHAT: &str = "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}\
            {% if tools %}{{ tools[0].name }};{% endif %}\
            {% if add_generation_prompt %}assistant:{% if think %}<think>{% endif %}{% endif %}";
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("chat_template.jinja"), CHAT).unwrap();
        let chat = ChatTemplate::load(directory.path(), None).unwrap();
        Prompts::new(Template::named(template).unwrap(), chat)
    }

    #[test]
    fn a_conversation_goes_through_the_chat_template() {
        let user = r#"{"prompt":[{"role":"user","content":[{"type":"text","text":"1+1"}]}],"reference":"2"}"#;
        let begun = r#"{"prompt":[{"role":"user","content":"1+1"},{"role":"assistant","content":"It is "}]}"#;
        let tools = r#"{"problem":"1+1","tools":[{"name":"sum"}],"chat_template_kwargs":{"think":true}}"#;
        let tasks = read_with(&[begun, tools].join("\n"), &chat("chat")).unwrap();
        assert_eq!(tasks[0].prompt, "user:1+1;assistant:It is ", "goes on where the assistant's words end");
        assert_eq!(tasks[0].question.as_deref(), Some("1+1"));
        assert_eq!(tasks[1].prompt, "user:1+1;sum;assistant:<think>");
        let with_system = chat("none").with_system_prompt("Be terse.".to_owned());
        assert!(read_with(begun, &with_system).unwrap()[0].prompt.starts_with("system:Be terse.;user:"));
        assert_eq!(read_with(user, &chat("none")).unwrap()[0].question.as_deref(), Some("1+1"));
        assert!(matches!(
            read_with(r#"{"prompt":"a"}"#, &with_system),
            Err(TaskError::SystemPrompt { line: 1, .. })
        ));
        let misspelt = read_with(&user.replace("user", "usr"), &chat("none")).unwrap_err().to_string();
        assert!(
            misspelt.contains(":1: a message has the role `usr`; the roles are system, user,"),
            "{misspelt}"
        );
        assert!(matches!(read(user, "none"), Err(TaskError::NoChatTemplate { line: 1, .. })));
        assert!(matches!(read(r#"{"problem":"a"}"#, "chat"), Err(TaskError::NoChatTemplate { line: 1, .. })));
        assert!(matches!(
            read_with(r#"{"prompt":[1]}"#, &chat("none")),
            Err(TaskError::NoPrompt { line: 1, .. })
        ));
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
        assert!(matches!(read("\n{\n", "none"), Err(TaskError::Json { line: 2, .. })));
        assert!(matches!(read("\n", "none"), Err(TaskError::Empty { .. })));
        assert_eq!(Template::named("no placeholder"), None);
    }
}
