//! Tests of what becomes of the rows of task files.

use super::*;

fn read_with(text: &str, prompts: &Prompts) -> Result<Vec<Task>, TaskError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.jsonl");
    std::fs::write(&path, text).unwrap();
    read_tasks(&path.as_path().into(), prompts)
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
    assert!(misspelt.contains(":1: a message has the role `usr`; the roles are system, user,"), "{misspelt}");
    assert!(matches!(read(user, "none"), Err(TaskError::NoChatTemplate { line: 1, .. })));
    assert!(matches!(read(r#"{"problem":"a"}"#, "chat"), Err(TaskError::NoChatTemplate { line: 1, .. })));
    assert!(matches!(read_with(r#"{"prompt":[1]}"#, &chat("none")), Err(TaskError::Part { line: 1, .. })));
}

#[test]
fn a_prompt_stays_as_it_is_and_a_problem_goes_through_the_template() {
    let text =
        "{\"prompt\":\"2+2=\",\"reference\":4,\"level\":1}\n\n{\"problem\":\"1+1\",\"reference\":\"2\"}\n";
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
        leave_out: Vec::new(),
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

    let leave_out = ["split", "index", "extra"].map(str::to_owned).to_vec();
    let task = read(extra, Columns { leave_out, ..columns("prompt", "problem", "reference") }).unwrap();
    let metadata = Value::Object(task.metadata).to_string();
    assert_eq!(
        metadata, r#"{"index":7,"split":"train"}"#,
        "columns are left out, as by `gavel score`, and no entries"
    );

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
        ("{\n \"prompt\": \"a\"\n}\n", ":1: not a JSON object; the file looks like JSON over several lines"),
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

#[test]
fn what_is_wrong_with_a_prompt_is_said() {
    for (row, wanted) in [
        (
            r#"{"prompt": [{"content": "1+1?"}]}"#,
            "`prompt` has a message, number 1, without a `role` that is a text: a message is",
        ),
        (
            r#"{"prompt": [{"role": "user", "content": "a"}, {"role": 1}]}"#,
            "`prompt` has a message, number 2,",
        ),
        (r#"{"prompt": []}"#, "`prompt` is an empty list, and a conversation has a message"),
        (r#"{"prompt": ["a"]}"#, "`prompt` is a list whose entry number 1 is a text, and must be"),
        (
            r#"{"prompt": null, "problem": "a"}"#,
            "`prompt` is null, and must be a text or a list of chat messages",
        ),
        (r#"{"prompt": 3}"#, "`prompt` is a number, and must be"),
        (r#"{"problem": ["a"]}"#, "`problem` is a list, and must be a text"),
        (
            r#"{"problem": [{"role": "user", "content": "a"}]}"#,
            "`problem` is a list, and must be a text: a conversation is named by `prompt_column`",
        ),
        (
            r#"{"messages": [{"role": "user", "content": "a"}]}"#,
            "its columns are `messages`; if `messages` is the conversation to go on with, set `prompt_column = \"messages\"`",
        ),
    ] {
        let error = read(row, "none").unwrap_err().to_string();
        assert!(error.contains(":1: ") && error.contains(wanted), "{error}");
    }
}
