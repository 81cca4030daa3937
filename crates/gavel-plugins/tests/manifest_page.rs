//! `docs/manifest.md` against the code: its example is a manifest, its fields are those that are read, and none is left out.

use std::path::{Path, PathBuf};

use gavel_plugins::Manifest;
use gavel_plugins::toml_file::TomlError;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn page() -> String {
    std::fs::read_to_string(repository("docs/manifest.md")).unwrap()
}

const LEAST: &str = "manifest_version = 1\n[plugin]\nname = 'x'\nversion = '1.0.0'\nentry = 'x.wasm'\n";

fn parse(text: &str) -> Result<Manifest, TomlError> {
    Manifest::parse(Path::new("gavel.toml"), text)
}

/// Section and name of every field that a table of the page describes.
fn documented() -> Vec<(String, String)> {
    let mut section = String::new();
    let mut fields = Vec::new();
    for line in page().lines() {
        if let Some(name) = line.strip_prefix("## `[").and_then(|rest| rest.strip_suffix("]`")) {
            section = name.to_owned();
        } else if let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            fields.push((section.clone(), name.to_owned()));
        }
    }
    fields
}

#[test]
fn the_example_is_a_manifest() {
    let page = page();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let manifest = parse(example).unwrap();
    assert_eq!(manifest.name, "word-limit");
    assert!(manifest.build.is_some() && manifest.limits.fuel == Some(500_000_000));
}

/// A name that is nearly a field's is refused with the field that was meant, so the field is one.
#[test]
fn every_field_on_the_page_is_read() {
    let fields = documented();
    assert!(fields.len() > 12, "{fields:?}");
    for (section, field) in fields {
        let text = match section.as_str() {
            "plugin" => format!("{LEAST}{field}x = 1"),
            // What is required stands before it, or that would be what is missed.
            "build" => {
                let required = ["language = 'c'\n", "source = 'x.c'\n"];
                let others = required.iter().filter(|line| !line.starts_with(&field));
                format!("{LEAST}[build]\n{}{field}x = 1", others.copied().collect::<String>())
            }
            "[adversarial.allow]" => {
                let required = ["attacks = ['bias']\n", "reason = 'x'\n"];
                let others = required.iter().filter(|line| !line.starts_with(&field));
                format!("{LEAST}[[adversarial.allow]]\n{}{field}x = 1", others.copied().collect::<String>())
            }
            section => format!("{LEAST}[{section}]\n{field}x = 1"),
        };
        match parse(&text) {
            Err(TomlError::UnknownField { suggestion, .. }) => {
                assert_eq!(suggestion.as_deref(), Some(field.as_str()), "{section}.{field}");
            }
            other => panic!("{section}.{field}x: {other:?}"),
        }
    }
}

#[test]
fn every_field_that_is_read_is_on_the_page() {
    let documented: Vec<String> = documented().into_iter().map(|(_, field)| field).collect();
    let page = page();
    for file in ["manifest.rs", "limits.rs", "adversarial.rs"] {
        let source = std::fs::read_to_string(repository("crates/gavel-plugins/src").join(file)).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        for call in ["take(\"", "require(\""] {
            for field in code.split(call).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                let is_section = page.contains(&format!("`[{field}]`"));
                let is_said = page.contains(&format!("`{field}`"));
                assert!(is_section || is_said || documented.iter().any(|name| name == field), "{field}");
            }
        }
    }
}
