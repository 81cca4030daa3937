//! Conversations are written as `transformers` writes them, with the chat templates of public models; the expected texts
//! are those that tests/golden/chat.py wrote.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gavel_model::{ChatOptions, ChatTemplate, NaiveDate};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::golden;

/// The day that chat.py has `strftime_now` say.
const DATE: (i32, u32, u32) = (2026, 11, 30);

/// A model directory that holds a template and names special tokens, as chat.py does.
fn model(template: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("chat_template.jinja"), template).unwrap();
    let tokens = r#"{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}"#;
    fs::write(directory.path().join("tokenizer_config.json"), tokens).unwrap();
    directory
}

/// What chat.py gives to `render_jinja_template` by name.
fn options(named: &Value) -> ChatOptions {
    let mut kwargs: Map<String, Value> = named.as_object().unwrap().clone();
    ChatOptions {
        add_generation_prompt: kwargs.remove("add_generation_prompt") == Some(Value::Bool(true)),
        continue_final_message: kwargs.remove("continue_final_message") == Some(Value::Bool(true)),
        tools: kwargs.remove("tools").map(|tools| tools.as_array().unwrap().clone()),
        kwargs,
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn conversations_are_written_as_transformers_writes_them() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.gavel/tools/trl/trl/chat_templates");
    if !templates.is_dir() {
        eprintln!("skipped: parity of chat templates: `cargo xtask setup` lays down the templates");
        return;
    }
    let (year, month, day) = DATE;
    let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let (mut rows, mut names, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for line in fs::read_to_string(golden("chat.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = row["template"].as_str().unwrap();
        let text = fs::read_to_string(templates.join(name).with_extension("jinja")).unwrap();
        let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(row["sha256"], digest, "{name} is not the template that the golden values are of");
        let template = ChatTemplate::load(model(&text).path(), None).unwrap().unwrap().with_date(date);
        let rendered = template.render(row["messages"].as_array().unwrap(), &options(&row["options"]));
        let same = match (row["expected"].as_str(), &rendered) {
            (Some(expected), Ok(text)) => text == expected,
            (None, Err(_)) => true,
            _ => false,
        };
        // What changes the text is among the variables that the template is known to read.
        let variables = template.variables();
        for variable in options(&row["options"]).kwargs.keys().filter(|name| !variables.contains(*name)) {
            let mut without = options(&row["options"]);
            without.kwargs.remove(variable);
            let messages = row["messages"].as_array().unwrap();
            assert_eq!(
                template.render(messages, &without).ok(),
                rendered.as_ref().ok().cloned(),
                "{name}: {variable}"
            );
        }
        if !same {
            let conversation = &row["conversation"];
            wrong.push(format!("{name}, {conversation}:\n{rendered:?}\nexpected {}", row["expected"]));
        }
        rows += 1;
        names.insert(name.to_owned());
    }
    assert!(names.len() >= 43 && rows >= 600, "{rows} rows of {names:?}");
    assert!(wrong.is_empty(), "{} of {rows}:\n{}", wrong.len(), wrong.join("\n\n"));
}
