//! `docs/train.md` against the code: its tables of settings are made of the comments and defaults of [`Settings`], and of
//! the rules that say when one is read.
//! `INSTA_UPDATE=always cargo test -p gavel-train --test settings_page` writes them anew.

use std::path::{Path, PathBuf};

use gavel_train::settings::{Settings, fields, read_only};

const BEGIN: &str = "<!-- settings: made of crates/gavel-train/src/settings.rs by its test -->\n";
const END: &str = "<!-- end of settings -->\n";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The fields of the struct as they are declared: `Err` is a headline, `Ok` a field and what its comment says.
fn declared() -> Vec<Result<(String, String), String>> {
    let source = std::fs::read_to_string(repository("crates/gavel-train/src/settings.rs")).unwrap();
    let body = source.split_once("pub struct Settings {\n").unwrap().1.split_once("\n}\n").unwrap().0;
    let mut declared = Vec::new();
    let mut comment = String::new();
    let mut is_written = true;
    for line in body.lines().map(str::trim) {
        if let Some(headline) = line.strip_prefix("// === ") {
            declared.push(Err(headline.trim_end_matches(" ===").to_owned()));
        } else if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
        } else if line == "#[serde(skip)]" {
            // What no file says is no setting of a file's.
            is_written = false;
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            let comment = std::mem::take(&mut comment).trim().to_owned();
            if std::mem::replace(&mut is_written, true) {
                declared.push(Ok((name.to_owned(), comment)));
            }
        }
    }
    declared
}

fn tables() -> String {
    let defaults: toml::Table = Settings::default().to_toml().parse().unwrap();
    let mut page = String::new();
    for field in declared() {
        match field {
            Err(headline) => {
                page.push_str(&format!("\n### {headline}\n\n| setting | default | |\n|---|---|---|\n"));
            }
            Ok((name, comment)) => {
                let default = match defaults.get(&name) {
                    Some(toml::Value::String(text)) if text.is_empty() => "–".to_owned(),
                    Some(toml::Value::Float(small)) if small.abs() < 1e-3 && *small != 0.0 => {
                        format!("`{small:e}`")
                    }
                    Some(value) => format!("`{value}`"),
                    None => "–".to_owned(),
                };
                let read = read_only(&name).map(|when| format!(" Read only {when}.")).unwrap_or_default();
                page.push_str(&format!("| `{name}` | {default} | {}{read} |\n", comment.replace('|', "\\|")));
            }
        }
    }
    page.push('\n');
    page
}

#[test]
fn the_page_has_every_setting_as_the_code_has_it() {
    let names: Vec<String> = declared().into_iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(names, fields(), "the comments are read from the struct itself");
    let path = repository("docs/train.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page marks where the settings begin");
    let (found, after) = rest.split_once(END).expect("the page marks where the settings end");
    let tables = tables();
    if found != tables && std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(found, tables, "INSTA_UPDATE=always writes it anew");
}
