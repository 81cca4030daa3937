//! How source files open, what things are called, and who may look at the environment.

use std::path::{Path, PathBuf};

use regex::Regex;

use crate::{assert_none, files, name, read, root};

/// Words that say nothing of what a thing is. See "House" in the architecture.
const EMPTY_WORDS: [&str; 9] =
    ["manager", "handler", "helper", "helpers", "util", "utils", "core", "common", "misc"];

#[test]
fn every_source_file_opens_with_a_sentence() {
    let opens = Regex::new(r"^//! \S.*").expect("a valid pattern");
    let silent = files("rs").into_iter().filter(|file| !opens.is_match(&read(file)));
    let silent: Vec<String> = silent.map(|file| name(&file)).collect();
    assert_none(&silent, "files that do not open with `//!` and what they are for");
}

#[test]
fn no_file_is_called_by_an_empty_word() {
    let called = |file: &PathBuf| {
        let path = file.strip_prefix(root()).unwrap_or(file).with_extension("");
        path.iter().any(|part| EMPTY_WORDS.contains(&part.to_string_lossy().to_lowercase().as_str()))
    };
    let wrong =
        ["rs", "py", "js", "ts", "c", "go", "zig", "md"].into_iter().flat_map(files_if_any).filter(called);
    let wrong: Vec<String> = wrong.map(|file| name(&file)).collect();
    assert_none(&wrong, "files or folders whose name says nothing");
}

#[test]
fn nothing_is_called_by_an_empty_word() {
    let definition = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type|mod|union) (\w+)");
    let definition = definition.expect("a valid pattern");
    let mut wrong = Vec::new();
    for file in files("rs") {
        for definition in definition.captures_iter(&read(&file)) {
            if words(&definition[1]).iter().any(|word| EMPTY_WORDS.contains(&word.as_str())) {
                wrong.push(format!("{}: {}", name(&file), &definition[1]));
            }
        }
    }
    assert_none(&wrong, "types or modules whose name says nothing");
}

#[test]
fn words_are_told_apart() {
    assert_eq!(words("WorkerManager"), ["worker", "manager"]);
    assert_eq!(words("test_utils"), ["test", "utils"]);
    assert_eq!(words("Scoreboard"), ["scoreboard"]);
}

#[test]
fn only_binaries_read_the_environment_or_exit() {
    let reads =
        Regex::new(r"\benv::(?:vars?|vars?_os|args|args_os)\(|\bprocess::exit\(").expect("a valid pattern");
    let libraries = files("rs").into_iter().filter(|file| is_library_source(file));
    let wrong = libraries.filter(|file| reads.is_match(&without_tests(&read(file))));
    let wrong: Vec<String> = wrong.map(|file| name(&file)).collect();
    assert_none(&wrong, "libraries that look at the environment or end the process");
}

/// Sources of crates that other crates build on; build scripts, tests and examples apart.
fn is_library_source(file: &Path) -> bool {
    let name = name(file);
    let library = name.starts_with("crates/gavel-") || name.starts_with("sdk/rust/");
    library && name.contains("/src/") && !name.starts_with("crates/gavel-cli/")
}

/// The part of a file in front of its unit tests.
fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

fn files_if_any(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    crate::collect(&root(), extension, &mut found);
    found
}

/// The words in a name in either case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("there is always a word").extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
