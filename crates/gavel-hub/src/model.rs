//! Which files of a repository make up a model.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Files at the top of a repository that are fetched where they are there, besides weights and chat templates.
const FILES: [&str; 12] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    "adapter_config.json",
    INDEX,
];

/// Says which file of several has which tensor.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

const WEIGHTS: [&str; 2] = ["model.safetensors", "adapter_model.safetensors"];

/// The files of a model that tell what it is, of all that its repository has.
pub(crate) fn small_files(all: &[String]) -> Vec<&str> {
    let is_template = |name: &str| {
        name.strip_prefix("additional_chat_templates/").is_some_and(|name| name.ends_with(".jinja"))
    };
    let wanted = |name: &&str| FILES.contains(name) || is_template(name);
    all.iter().map(String::as_str).filter(wanted).collect()
}

/// The files with its weights, where there is no index; none where they are not in safetensors.
pub(crate) fn weights_alone(all: &[String]) -> Vec<String> {
    let there = |name: &&&str| all.iter().any(|file| file == **name);
    WEIGHTS.iter().filter(there).map(|name| (*name).to_owned()).collect()
}

/// The files that an index names; `None` where it is none.
pub(crate) fn weights_of_index(index: &[u8]) -> Option<Vec<String>> {
    let index: Map<String, Value> = serde_json::from_slice(index).ok()?;
    let places = index.get("weight_map")?.as_object()?;
    let files: Option<BTreeSet<&str>> = places.values().map(Value::as_str).collect();
    Some(files?.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_its_configuration_tokenizer_and_weights() {
        let all = [
            ".gitattributes",
            "README.md",
            "additional_chat_templates/tools.jinja",
            "config.json",
            "consolidated.safetensors",
            "model.safetensors",
            "onnx/model.onnx",
            "original/config.json",
            "pytorch_model.bin",
            "tokenizer.json",
        ]
        .map(str::to_owned);
        assert_eq!(
            small_files(&all),
            ["additional_chat_templates/tools.jinja", "config.json", "tokenizer.json"]
        );
        assert_eq!(weights_alone(&all), ["model.safetensors"]);
    }

    #[test]
    fn an_index_says_which_files_have_weights() {
        let index = br#"{"metadata": {}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "1.safetensors"}}"#;
        assert_eq!(weights_of_index(index).unwrap(), ["1.safetensors", "2.safetensors"]);
        assert_eq!(weights_of_index(b"{}"), None);
    }
}
