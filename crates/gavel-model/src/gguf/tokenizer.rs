//! `tokenizer.json` and `tokenizer_config.json` from the head of a GGUF file.

use serde_json::{Map, Value, json};

use super::file::{File, Value as Stored};
use crate::Error;

/// How texts are cut into words before they become tokens, which files only name. The expressions are those in the
/// `tokenizer.json` of the models.
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Tokens that the model's texts are marked up with.
const CONTROL: i64 = 3;
/// Tokens that are found whole, but are text.
const USER_DEFINED: i64 = 4;

/// `tokenizer.json`.
pub(super) fn tokenizer(file: &File<'_>) -> Result<Value, Error> {
    match file.text("tokenizer.ggml.model") {
        Some("gpt2") => {}
        kind => {
            let kind = kind.unwrap_or("none");
            return Err(
                file.wrong(format!("its tokenizer is of the kind `{kind}`; byte-level BPE (`gpt2`) is read"))
            );
        }
    }
    let tokens = file.texts("tokenizer.ggml.tokens")?;
    let vocabulary: Map<String, Value> =
        tokens.iter().zip(0..).map(|(token, id): (_, i64)| ((*token).to_owned(), json!(id))).collect();
    let merges = file.texts("tokenizer.ggml.merges")?;
    let merges = merges.iter().map(|merge| merge.split_once(' ').map(|(left, right)| json!([left, right])));
    let merges: Option<Vec<Value>> = merges.collect();
    let merges = merges.ok_or_else(|| file.wrong("a merge of its tokenizer is not two tokens".to_owned()))?;
    let name = file.text("tokenizer.ggml.pre").unwrap_or("default");
    let words = words(name).ok_or_else(|| {
        file.wrong(format!(
            "`tokenizer.ggml.pre` is `{name}`; default, gpt-2, llama-bpe, qwen2 and smollm are read"
        ))
    })?;
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(file, &tokens),
        "normalizer": if name == "qwen2" { json!({ "type": "NFC" }) } else { Value::Null },
        "pre_tokenizer": words,
        "post_processor": post_processor(file, &tokens),
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": name == "llama-bpe",
            "vocab": vocabulary,
            "merges": merges,
        },
    }))
}

/// What cuts texts into words.
fn words(name: &str) -> Option<Value> {
    let byte_level = |use_regex: bool| json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex });
    let split = |pattern: &str| {
        let split = json!({
            "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false,
        });
        json!({ "type": "Sequence", "pretokenizers": [split, byte_level(false)] })
    };
    match name {
        "default" | "gpt-2" => Some(byte_level(true)),
        "llama-bpe" => Some(split(LLAMA_3)),
        "qwen2" => Some(split(QWEN_2)),
        "smollm" => {
            let digits = json!({ "type": "Digits", "individual_digits": true });
            Some(json!({ "type": "Sequence", "pretokenizers": [digits, byte_level(true)] }))
        }
        _ => None,
    }
}

fn added_tokens(file: &File<'_>, tokens: &[&str]) -> Vec<Value> {
    let types = file.list("tokenizer.ggml.token_type").unwrap_or_default();
    let added = tokens.iter().zip(types).enumerate().filter_map(|(id, (token, kind))| {
        let special = match kind {
            Stored::Integer(CONTROL) => true,
            Stored::Integer(USER_DEFINED) => false,
            _ => return None,
        };
        Some(json!({
            "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": special,
        }))
    });
    added.collect()
}

/// Puts the token that begins a text before every text, where the file says so.
fn post_processor(file: &File<'_>, tokens: &[&str]) -> Value {
    let byte_level =
        json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true });
    let begins = file.integer("tokenizer.ggml.bos_token_id");
    let token = begins.and_then(|id| tokens.get(usize::try_from(id).ok()?));
    match (token, file.bool("tokenizer.ggml.add_bos_token")) {
        (Some(token), Some(true)) => {
            let special = json!({ "SpecialToken": { "id": token, "type_id": 0 } });
            let first = json!({ "Sequence": { "id": "A", "type_id": 0 } });
            let second = json!({ "Sequence": { "id": "B", "type_id": 1 } });
            let template = json!({
                "type": "TemplateProcessing",
                "single": [special, first],
                "pair": [special, first, special, second],
                "special_tokens": { *token: { "id": token, "ids": [begins], "tokens": [token] } },
            });
            json!({ "type": "Sequence", "processors": [byte_level, template] })
        }
        _ => byte_level,
    }
}

/// `tokenizer_config.json`: the special tokens by their texts, and the chat template.
pub(super) fn config(file: &File<'_>) -> Result<Value, Error> {
    let tokens = file.texts("tokenizer.ggml.tokens")?;
    let mut config = Map::new();
    config.insert("tokenizer_class".to_owned(), json!("PreTrainedTokenizerFast"));
    config.insert("clean_up_tokenization_spaces".to_owned(), json!(false));
    for (ours, theirs) in [("bos", "bos"), ("eos", "eos"), ("padding", "pad"), ("unknown", "unk")] {
        let id = file.integer(&format!("tokenizer.ggml.{ours}_token_id"));
        if let Some(token) = id.and_then(|id| tokens.get(usize::try_from(id).ok()?)) {
            config.insert(format!("{theirs}_token"), json!(token));
        }
    }
    if let Some(template) = file.text("tokenizer.chat_template") {
        config.insert("chat_template".to_owned(), json!(template));
    }
    Ok(Value::Object(config))
}
