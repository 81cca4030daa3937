//! Task files: rows with a prompt, a conversation or a problem that a template turns into one, and what judging
//! needs.

mod encode;
mod error;
mod files;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use gavel_model::{ChatOptions, ChatTemplate};
use gavel_verify::Submission;
use gavel_wire::{text_of, value_within};
use serde_json::{Map, Value, json};

pub(crate) use encode::{EncodedTask, Encoder, encode, read_encoded};
use error::Unusable;
pub use error::{TaskError, likely_reference};
pub use files::TaskFiles;
pub(crate) use read::read_each;
pub use read::{Tasks, read_first_tasks, read_tasks};

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
    pub line: u64,
}

impl Task {
    /// A completion of the task, as verifiers get it: with its length in tokens and whether it reached the longest one that there
    /// may be, which training adds to the columns of the task.
    pub fn submission(&self, completion: &str, tokens: usize, truncated: bool) -> Submission {
        let mut metadata = self.metadata.clone();
        metadata.insert("completion_tokens".to_owned(), tokens.into());
        metadata.insert("truncated".to_owned(), truncated.into());
        Submission {
            prompt: self.question.clone().unwrap_or_else(|| self.prompt.clone()),
            completion: completion.to_owned(),
            reference: self.reference.clone(),
            metadata: Value::Object(metadata).to_string(),
        }
    }
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

/// Which columns hold the parts of a task. A name with dots that no column has leads into objects:
/// `reward_model.ground_truth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// What the policy continues, or a conversation.
    pub prompt: String,
    /// What the template surrounds.
    pub problem: String,
    /// The ground truth.
    pub reference: String,
    /// Where it is an object, its entries are columns too.
    pub metadata: String,
    /// Columns that are no part of the metadata.
    pub leave_out: Vec<String>,
}

impl Default for Columns {
    /// `prompt`, `problem`, `reference` and `metadata`; nothing is left out.
    fn default() -> Self {
        let [prompt, problem, reference, metadata] =
            ["prompt", "problem", "reference", "metadata"].map(str::to_owned);
        Self { prompt, problem, reference, metadata, leave_out: Vec::new() }
    }
}

/// How the lines of a task file become prompts.
#[derive(Debug)]
pub struct Prompts {
    columns: Columns,
    template: Template,
    chat: Option<ChatTemplate>,
    /// The variables of the chat template for every task.
    kwargs: Map<String, Value>,
    system_prompt: Option<String>,
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

impl Prompts {
    /// Problems go through `template`, conversations through `chat`; without one they are refused.
    pub fn new(template: Template, chat: Option<ChatTemplate>) -> Self {
        Self { columns: Columns::default(), template, chat, kwargs: Map::new(), system_prompt: None }
    }

    /// The parts of a task are in these columns.
    #[must_use]
    pub fn with_columns(self, columns: Columns) -> Self {
        Self { columns, ..self }
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

    /// What conversations go through, where the model has such a thing.
    pub fn chat_template(&self) -> Option<&ChatTemplate> {
        self.chat.as_ref()
    }

    /// The task in the columns of one line of `path`. A text as `prompt` is taken as it is, a list of messages goes through
    /// the chat template, a `problem` through the template, and it stays among the metadata.
    ///
    /// # Errors
    /// When there is neither, or no prompt can be made of it; the error names file and line.
    pub fn task(&self, columns: Map<String, Value>, path: &Arc<Path>, line: u64) -> Result<Task, TaskError> {
        self.read(columns, path, line).map_err(|unusable| unusable.at(path, line))
    }

    fn read(&self, mut columns: Map<String, Value>, path: &Arc<Path>, line: u64) -> Result<Task, Unusable> {
        let names = || columns.keys().cloned().collect::<Vec<_>>();
        let named = Columns::default();
        let prompt = value_within(&columns, &self.columns.prompt);
        // Whoever says which column is the problem, and not which is the prompt, wants no prompt that is there too.
        let skips_prompt = self.columns.prompt == named.prompt && self.columns.problem != named.problem;
        let (origin, (prompt, question)) =
            match (prompt.filter(|_| !skips_prompt), value_within(&columns, &self.columns.problem)) {
                (Some(Value::String(prompt)), _) => (Origin::Text, (prompt.clone(), None)),
                (Some(Value::Array(messages)), _) if is_conversation(messages) => {
                    (Origin::Conversation, self.chat(messages.clone(), &columns)?)
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
                (prompt, problem) => return Err(self.unusable(prompt, problem, names())),
            };
        if self.system_prompt.is_some() && question.is_none() {
            return Err(Unusable::SystemPrompt);
        }
        let reference = match value_within(&columns, &self.columns.reference) {
            None if self.columns.reference != named.reference => {
                return Err(Unusable::NoReference(names(), self.columns.reference.clone()));
            }
            None | Some(Value::Null) => None,
            Some(Value::String(reference)) => Some(reference.clone()),
            Some(value) => Some(value.to_string()),
        };
        if origin != Origin::Problem {
            columns.remove(&self.columns.prompt);
        }
        let value = columns.remove(&self.columns.reference);
        let left_out = self.columns.leave_out.iter().filter(|name| **name != self.columns.metadata);
        left_out.for_each(|name| _ = columns.shift_remove(name));
        let mut columns = spread(columns, &self.columns.metadata);
        // As `gavel score` does: a verifier can look here whether the reference was a list.
        if let Some(list @ Value::Array(_)) = value {
            columns.insert("reference".to_owned(), list);
        }
        let path = Arc::clone(path);
        Ok(Task { prompt, origin, question, reference, metadata: columns, path, line })
    }

    /// Why nothing can be made of what stands as prompt or problem, or of neither.
    fn unusable(&self, prompt: Option<&Value>, problem: Option<&Value>, names: Vec<String>) -> Unusable {
        let (column, problem) = match (prompt, problem) {
            (Some(prompt), _) => (&self.columns.prompt, wrong_with_prompt(prompt)),
            (None, Some(problem)) => {
                let advice = match problem {
                    Value::Array(messages) if is_conversation(messages) => {
                        ": a conversation is named by `prompt_column`"
                    }
                    _ => "",
                };
                (&self.columns.problem, format!("is {}, and must be a text{advice}", kind(problem)))
            }
            (None, None) => return Unusable::NoPrompt(names, self.columns.clone()),
        };
        Unusable::Part(column.clone(), problem)
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
        let question = messages.iter().rev().find(|message| message["role"] == "user").and_then(text_of);
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

/// Why a prompt is neither a text nor a conversation.
fn wrong_with_prompt(prompt: &Value) -> String {
    let Value::Array(messages) = prompt else {
        return format!("is {}, and must be a text or a list of chat messages", kind(prompt));
    };
    let lacks = |message: &Value| !message["role"].is_string();
    match messages.iter().zip(1..).find(|(message, _)| lacks(message)) {
        None => "is an empty list, and a conversation has a message".to_owned(),
        Some((Value::Object(message), number)) => {
            let there: Vec<String> = message.keys().map(|name| format!("`{name}`")).collect();
            format!(
                "has a message, number {number}, without a `role` that is a text: a message is {{\"role\": \"user\", \"content\": \
                 \"…\"}}, and this one has {}",
                if there.is_empty() { "nothing".to_owned() } else { there.join(", ") }
            )
        }
        Some((message, number)) => format!(
            "is a list whose entry number {number} is {}, and must be a text or a list of messages such as {{\"role\": \"user\", \
             \"content\": \"…\"}}",
            kind(message)
        ),
    }
}

/// What a value in JSON is called.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The columns with the entries of `metadata` before them, where that is an object, as `gavel score` has them: a column
/// wins over an entry of its name.
fn spread(mut columns: Map<String, Value>, metadata: &str) -> Map<String, Value> {
    let Some(Value::Object(mut entries)) = value_within(&columns, metadata).cloned() else { return columns };
    columns.shift_remove(metadata);
    entries.extend(columns);
    entries
}

/// By whom messages are, in the chat templates of public models.
const ROLES: [&str; 8] =
    ["system", "user", "assistant", "tool", "developer", "ipython", "function", "environment"];
