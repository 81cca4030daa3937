//! `gavel score --plugin`: the reward file of a single plugin, which nobody has to write.

use std::path::Path;

use anyhow::{Context, bail};
use gavel_plugins::Capability;
use serde_json::Value as Json;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

/// What errors call a reward file that is made of flags.
pub(super) const FILE: &str = "(--plugin)";

/// The text of a reward file in which the plugin judges alone; `options` is a JSON object.
pub(super) fn reward_file(
    plugin: &str,
    options: Option<&str>,
    grant: &[Capability],
) -> anyhow::Result<String> {
    let mut entry = Table::new();
    entry["plugin"] = value(plugin);
    if let Some(options) = options {
        entry["options"] = value(read_options(options)?);
    }
    if !grant.is_empty() {
        entry["grant"] = value(Array::from_iter(grant.iter().map(|capability| capability.name())));
    }
    let mut verifiers = Table::new();
    verifiers.set_implicit(true);
    verifiers[&verifier(plugin)] = Item::Table(entry);
    let mut document = DocumentMut::new();
    document["verifiers"] = Item::Table(verifiers);
    Ok(document.to_string())
}

/// What the plugin's outcomes are called: the plugin's name, as far as a verifier may be called so.
fn verifier(plugin: &str) -> String {
    let name = Path::new(plugin).file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let fit = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = name.chars().map(fit).collect();
    match name.chars().next() {
        None => "plugin".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
    }
}

fn read_options(text: &str) -> anyhow::Result<InlineTable> {
    let options: Json = serde_json::from_str(text).with_context(|| {
        format!("--options is not JSON: write for instance '{{\"preset\": \"gsm8k\"}}', not {text}")
    })?;
    match as_toml(&options)? {
        Value::InlineTable(table) => Ok(table),
        _ => bail!("--options is not a JSON object"),
    }
}

fn as_toml(json: &Json) -> anyhow::Result<Value> {
    Ok(match json {
        Json::Null => bail!("--options: a reward file has no null; leave the option out"),
        Json::Bool(truth) => (*truth).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(float)) => float.into(),
            (None, None) => bail!("--options: {number} does not fit in 64 bits"),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::Array(items.iter().map(as_toml).collect::<anyhow::Result<Array>>()?),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(name, item)| Ok((name.as_str(), as_toml(item)?)));
            Value::InlineTable(entries.collect::<anyhow::Result<InlineTable>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_alone_is_a_reward_file_of_one_verifier() {
        let text = reward_file("math", Some(r#"{"preset": "gsm8k", "x": [1, 2.5, true]}"#), &[]).unwrap();
        assert_eq!(
            text,
            "[verifiers.math]\nplugin = \"math\"\noptions = { preset = \"gsm8k\", x = [1, 2.5, true] }\n"
        );
        for (plugin, name) in
            [("./", "plugin"), ("json-schema", "json_schema"), ("../Mine/", "mine"), ("7.wasm", "_7")]
        {
            assert_eq!(verifier(plugin), name);
        }
        for options in ["preset=gsm8k", "[]", r#"{"a": null}"#] {
            assert!(reward_file("math", Some(options), &[]).is_err(), "{options}");
        }
    }
}
