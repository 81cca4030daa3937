//! Task files: rows with a prompt, a conversation or a problem that a template turns into one, and what judging
//! needs.

mod error;

use std::path::Path;
use std::sync::Arc;

use gavel_lines::{Input, LONGEST_LINE, Line, Lines, look};
use gavel_model::{ChatOptions, ChatTemplate};
use gavel_wire::{text_of, value_within};
use serde_json::{Map, Value, json};

use error::Unusable;
pub use error::{TaskError, likely_reference};

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
}

impl Default for Columns {
    /// `prompt`, `problem`, `reference` and `metadata`.
    fn default() -> Self {
        let [prompt, problem, reference, metadata] =
            ["prompt", "problem", "reference", "metadata"].map(str::to_owned);
        Self { prompt, problem, reference, metadata }
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
                _ => return Err(Unusable::NoPrompt(names(), self.columns.clone())),
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
        let mut columns = spread(columns, &self.columns.metadata);
        // As `gavel score` does: a verifier can look here whether the reference was a list.
        if let Some(list @ Value::Array(_)) = value {
            columns.insert("reference".to_owned(), list);
        }
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

/// The tasks of a file, in order, each read when it is asked for. It may be whatever [`Input`] reads; empty lines are passed
/// over.
#[derive(Debug)]
pub struct Tasks<'a> {
    path: Arc<Path>,
    lines: Lines<Input>,
    prompts: &'a Prompts,
    /// What the file looks like, as long as no task has been read.
    looks: Option<&'static str>,
}

impl<'a> Tasks<'a> {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path, prompts: &'a Prompts) -> Result<Self, TaskError> {
        let open = || {
            let (input, _) = Input::open(path)?;
            let mut lines = Lines::new(input, LONGEST_LINE);
            let looks = look(lines.peek()?);
            Ok(Self { path: path.into(), lines, prompts, looks })
        };
        open().map_err(|source| TaskError::Read { path: path.to_owned(), source })
    }

    fn task(&mut self, Line { number, text, .. }: Line) -> Result<Task, TaskError> {
        let (path, line, looks) = (self.path.to_path_buf(), number, self.looks.take());
        match text.map(|text| serde_json::from_str(&text)) {
            Ok(Ok(columns)) => self.prompts.task(columns, &self.path, line),
            Ok(Err(source)) => Err(TaskError::Json { path, line, looks, source }),
            Err(source) => Err(TaskError::Line { path, line, looks, source }),
        }
    }
}

impl Iterator for Tasks<'_> {
    type Item = Result<Task, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.read() {
                Ok(Some(Line { text: Ok(text), .. })) if text.trim().is_empty() => {}
                Ok(line) => return line.map(|line| self.task(line)),
                Err(source) => return Some(Err(TaskError::Read { path: self.path.to_path_buf(), source })),
            }
        }
    }
}

/// Reads all tasks of a file.
///
/// # Errors
///
/// When the file cannot be read, holds no task, or a line is not one: the error names the line.
pub fn read_tasks(path: &Path, prompts: &Prompts) -> Result<Vec<Task>, TaskError> {
    let tasks = Tasks::open(path, prompts)?.collect::<Result<Vec<_>, _>>()?;
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
    fn columns_may_have_other_names() {
        let columns = |prompt: &str, problem: &str, reference: &str| Columns {
            prompt: prompt.to_owned(),
            problem: problem.to_owned(),
            reference: reference.to_owned(),
            metadata: "extra".to_owned(),
        };
        let read = |row: &str, columns: Columns| {
            let prompts = Prompts::new(Template::named("Q: {problem} A:").unwrap(), None);
            read_with(row, &prompts.with_columns(columns)).map(|mut tasks| tasks.remove(0))
        };
        let gsm8k = r#"{"question":"1+1","answer":"2","prompt":"of somebody else"}"#;
        let task = read(gsm8k, columns("prompt", "question", "answer")).unwrap();
        assert_eq!((task.prompt.as_str(), task.reference.as_deref()), ("Q: 1+1 A:", Some("2")));
        let metadata = Value::Object(task.metadata).to_string();
        assert_eq!(metadata, r#"{"question":"1+1","prompt":"of somebody else"}"#, "the problem stays");

        let verl = r#"{"text":"1+1=","reward_model":{"style":"rule","ground_truth":2}}"#;
        let task = read(verl, columns("text", "problem", "reward_model.ground_truth")).unwrap();
        assert_eq!((task.prompt.as_str(), task.reference.as_deref()), ("1+1=", Some("2")));
        assert!(task.metadata.contains_key("reward_model") && !task.metadata.contains_key("text"));

        let extra = r#"{"prompt":"1+1=","extra":{"index":7,"split":"train"},"split":"test"}"#;
        let task = read(extra, columns("prompt", "problem", "reference")).unwrap();
        let metadata = Value::Object(task.metadata).to_string();
        assert_eq!(metadata, r#"{"index":7,"split":"test"}"#, "a column wins over an entry");

        let misspelt = read(gsm8k, columns("prompt", "question", "anser")).unwrap_err().to_string();
        let said = ":1: there is no `anser`, which is named as the column of the reference; its columns are `question`, `answer`, \
                    `prompt` (did you mean `answer`?)";
        assert!(misspelt.ends_with(said), "{misspelt}");
        let misspelt = read(verl, columns("txet", "problem", "reference")).unwrap_err().to_string();
        assert!(misspelt.ends_with("`text`, `reward_model`; if `text` is the problem, set `problem_column = \"text\"` (`gavel eval`: --problem-column text)"), "{misspelt}");
    }

    #[test]
    fn what_is_no_task_file_is_told_by_what_it_looks_like() {
        for (text, expected) in [
            (
                "{\n \"prompt\": \"a\"\n}\n",
                ":1: not a JSON object; the file looks like JSON over several lines",
            ),
            ("prompt,reference\na,b\n", ":1: not a JSON object; the file looks like a table"),
        ] {
            let error = read(text, "none").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let late = read("{\"prompt\":\"a\"}\n[1, 2]\n", "none").unwrap_err().to_string();
        assert!(late.ends_with(":2: not a JSON object"), "{late}");
    }

    #[test]
    fn tasks_may_be_a_list() {
        let tasks =
            read("[\n {\"prompt\": \"a\"},\n {\"prompt\": \"b\", \"reference\": 3}\n]\n", "none").unwrap();
        assert_eq!(
            tasks.iter().map(|task| (task.prompt.as_str(), task.line)).collect::<Vec<_>>(),
            [("a", 1), ("b", 2)]
        );
        let late = read("[{\"prompt\": \"a\"}, [1, 2]]", "none").unwrap_err().to_string();
        assert!(late.ends_with(":2: not a JSON object"), "{late}");
        let cut = read("[{\"prompt\": \"a\"}, {\"pro", "none").unwrap_err();
        assert!(std::error::Error::source(&cut).unwrap().to_string().starts_with("row 2: EOF"), "{cut}");
    }

    #[test]
    fn tasks_are_read_one_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tasks.jsonl");
        std::fs::write(&path, "\n{\"prompt\":\"a\"}\nnonsense\n").unwrap();
        let prompts = Prompts::new(Template::named("none").unwrap(), None);
        let mut tasks = Tasks::open(&path, &prompts).unwrap();
        assert_eq!(tasks.next().unwrap().unwrap().line, 2);
        assert!(matches!(tasks.next(), Some(Err(TaskError::Json { line: 3, .. }))));
        assert!(tasks.next().is_none());
    }

    #[test]
    fn errors_name_the_line() {
        let no_prompt = read("{\"prompt\":\"a\"}\n{\"question\":\"b\"}\n", "none");
        assert!(matches!(no_prompt, Err(TaskError::NoPrompt { line: 2, .. })));
        let gsm8k = read(r#"{"question":"b","answer":"c"}"#, "none").unwrap_err().to_string();
        let advice = "its columns are `question`, `answer`; if `question` is the problem, set `problem_column = \"question\"` \
                      and `reference_column = \"answer\"` (`gavel eval`: --problem-column question --reference-column answer)";
        assert!(gsm8k.ends_with(advice), "{gsm8k}");
        assert!(matches!(read("\n{\n", "none"), Err(TaskError::Json { line: 2, .. })));
        assert!(matches!(read("\n", "none"), Err(TaskError::Empty { .. })));
        assert_eq!(Template::named("no placeholder"), None);
    }
}
