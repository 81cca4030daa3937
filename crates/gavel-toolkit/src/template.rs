//! A new plugin's folder: the template of a language, under a new name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Doing;
use crate::sdk::{self, File};
use crate::{Language, ToolkitError};

/// How a name is spelt in some place.
type Spelling = fn(&str) -> String;

/// What the verifier of every template is called, as its files spell it: in kebab-case, snake case and camel case.
const NAMES: [(&str, Spelling); 3] =
    [("word-limit", str::to_owned), ("word_limit", snake_case), ("WordLimit", camel_case)];

/// Lays down a plugin called `name` in `folder`, which must not be there yet: manifest, a real small verifier, its
/// cases, a reward file, a README, a workflow for CI, and the SDK. Returns the files that are the author's.
///
/// # Errors
/// When the name cannot be a plugin's, the folder is there, or a file cannot be written.
pub fn create(name: &str, language: Language, folder: &Path) -> Result<Vec<PathBuf>, ToolkitError> {
    if !is_kebab_case(name) {
        return Err(ToolkitError::BadName { name: name.to_owned() });
    }
    if folder.exists() && fs::read_dir(folder).doing("read", folder)?.next().is_some() {
        return Err(ToolkitError::Occupied { folder: folder.to_owned() });
    }
    let mut written = Vec::new();
    for File { path, content } in files(language) {
        let path = renamed(&path.to_string_lossy(), name, language);
        let content = renamed(&String::from_utf8_lossy(&content), name, language);
        sdk::write(&folder.join(&path), content.as_bytes())?;
        written.push(path.into());
    }
    sdk::lay(folder, language)?;
    written.sort();
    Ok(written)
}

/// The files of a language's template, and those that all languages share and it has not.
fn files(language: Language) -> Vec<File> {
    let mut files: Vec<File> = sdk::files(&format!("{}/template", language.folders()[0])).collect();
    let shared = sdk::files("template").filter(|shared| files.iter().all(|own| own.path != shared.path));
    let shared: Vec<File> = shared.collect();
    files.extend(shared);
    files
}

fn renamed(text: &str, name: &str, language: Language) -> String {
    let spelt = |from: &str, spell: Spelling| match language {
        // A module of one word, such as `math` or `json`, may hide one of Python's own.
        Language::Python if from == "word_limit" && !name.contains('-') => format!("{name}_verifier"),
        _ => spell(name),
    };
    NAMES.iter().fold(text.to_owned(), |text, &(from, spell)| text.replace(from, &spelt(from, spell)))
}

fn is_kebab_case(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(word)
}

fn snake_case(name: &str) -> String {
    name.replace('-', "_")
}

fn camel_case(name: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelt_as_each_place_wants_it() {
        let text = "word-limit word_limit::WordLimit";
        assert_eq!(renamed(text, "no-2nd-try", Language::Rust), "no-2nd-try no_2nd_try::No2ndTry");
        assert_eq!(renamed(text, "math", Language::Rust), "math math::Math");
        assert_eq!(renamed(text, "math", Language::Python), "math math_verifier::Math");
    }

    #[test]
    fn a_name_that_cannot_be_a_plugins_is_refused() {
        for name in ["", "My-Reward", "my_reward", "-a", "a-", "a--b", "3d", "a/b", "ä"] {
            let folder = tempfile::tempdir().unwrap();
            let error = create(name, Language::Rust, &folder.path().join("x")).unwrap_err();
            assert!(matches!(error, ToolkitError::BadName { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
        let error = create("mine", Language::Rust, folder.path()).unwrap_err();
        assert!(matches!(error, ToolkitError::Occupied { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_template_has_what_a_plugin_needs_and_no_trace_of_its_former_name() {
        for language in Language::ALL {
            let folder = tempfile::tempdir().unwrap();
            let files = create("my-reward", language, folder.path()).unwrap();
            for name in ["gavel.toml", "cases.jsonl", "reward.toml", "README.md", ".gitignore"] {
                assert!(files.contains(&PathBuf::from(name)), "{language}: no {name}");
            }
            assert!(files.iter().any(|file| file.starts_with(".github/workflows")), "{language}: no CI");
            for file in &files {
                let text = fs::read_to_string(folder.path().join(file)).unwrap();
                for (former, _) in NAMES {
                    assert!(!text.contains(former), "{language}: {} has {former}", file.display());
                }
            }
            let manifest = fs::read_to_string(folder.path().join("gavel.toml")).unwrap();
            let build = format!("[build]\nlanguage = \"{language}\"\n");
            assert!(manifest.contains(&build), "{language}: {manifest}");
            assert!(folder.path().join(".gavel/sdk/wit/world.wit").is_file());
        }
    }
}
