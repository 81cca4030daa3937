//! Which files of a data set are meant: those of a path or pattern, or those of a split of a configuration, told by the
//! names that the hub itself goes by.

use std::collections::BTreeSet;

use globset::GlobBuilder;

use crate::{HubError, HubName};

/// What files and folders of a split are called, besides the split itself.
const SPLITS: [(&str, &[&str]); 3] = [
    ("train", &["training"]),
    ("test", &["testing", "eval", "evaluation"]),
    ("validation", &["valid", "val", "dev"]),
];

/// Files with such ends that hold no rows.
const NO_ROWS: [&str; 4] = ["dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json"];

/// The split that is read where none is named.
const DEFAULT: &str = "train";

/// The files that a name means, in order, of all that its repository has.
pub(crate) fn files(name: &HubName, all: &[String]) -> Result<Vec<String>, HubError> {
    let rows: Vec<&str> = all.iter().map(String::as_str).filter(|file| holds_rows(file)).collect();
    let mut files = match &name.path {
        Some(path) => of_path(name, path, all, &rows)?,
        None => of_split(name, &rows)?,
    };
    files.sort_unstable();
    Ok(files.into_iter().map(str::to_owned).collect())
}

fn holds_rows(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    !file.split('/').any(|part| part.starts_with('.'))
        && !NO_ROWS.contains(&name)
        && gavel_lines::is_row_file(name)
}

/// A file by its path, the files of rows below a folder, or those that match a pattern.
fn of_path<'a>(
    name: &HubName,
    path: &str,
    all: &'a [String],
    rows: &[&'a str],
) -> Result<Vec<&'a str>, HubError> {
    if let Some(file) = all.iter().find(|file| *file == path) {
        return Ok(vec![file]);
    }
    let folder = format!("{path}/");
    let glob = GlobBuilder::new(path).literal_separator(true).build().ok().map(|glob| glob.compile_matcher());
    let is_meant =
        |file: &&&str| file.starts_with(&folder) || glob.as_ref().is_some_and(|glob| glob.is_match(**file));
    let found: Vec<&str> = rows.iter().filter(is_meant).copied().collect();
    if found.is_empty() {
        return Err(HubError::NoFile { name: name.clone(), files: listed(rows.iter().copied()) });
    }
    Ok(found)
}

/// The files of a split of a configuration.
fn of_split<'a>(name: &HubName, rows: &[&'a str]) -> Result<Vec<&'a str>, HubError> {
    let placed: Vec<(Place<'a>, &'a str)> = rows.iter().map(|file| (Place::of(file), *file)).collect();
    let configs: BTreeSet<&str> = placed.iter().map(|(place, _)| place.config.as_str()).collect();
    let config = match &name.config {
        Some(config) => config.as_str(),
        None if configs.len() > 1 && configs.contains("default") => "default",
        None if configs.len() > 1 => {
            return Err(HubError::Configs { name: name.clone(), configs: listed(configs.into_iter()) });
        }
        None => configs.first().copied().unwrap_or_default(),
    };
    let of_config: Vec<_> = placed.iter().filter(|(place, _)| place.config == config).collect();
    if of_config.is_empty() {
        return Err(match &name.config {
            Some(_) => HubError::Configs { name: name.clone(), configs: listed(configs.into_iter()) },
            None => HubError::NoFile { name: name.clone(), files: "none of rows".to_owned() },
        });
    }
    let split = name.split.as_deref().unwrap_or(DEFAULT);
    let found: Vec<&str> =
        of_config.iter().filter(|(place, _)| place.split == split).map(|(_, file)| *file).collect();
    if found.is_empty() {
        let splits: BTreeSet<&str> = of_config.iter().map(|(place, _)| place.split).collect();
        return Err(HubError::Splits { name: name.clone(), splits: listed(splits.into_iter()) });
    }
    Ok(found)
}

/// Where a file belongs, by its path.
struct Place<'a> {
    config: String,
    split: &'a str,
}

impl<'a> Place<'a> {
    /// `main/train-00000-of-00001.parquet`, `data/train.jsonl` and `main/train/0000.parquet` are of the split `train`; what
    /// folders there are besides `data` and those of splits is the configuration. A file that names no split is of `train`.
    fn of(file: &'a str) -> Self {
        let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
        let mut split = split_of_shard(name).or_else(|| split_in(name));
        let mut config = Vec::new();
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            match whole_split(folder) {
                Some(of_folder) => split = Some(of_folder),
                None => config.push(folder),
            }
        }
        if config.first() == Some(&"data") {
            config.remove(0);
        }
        Self { config: config.join("/"), split: split.unwrap_or(DEFAULT) }
    }
}

/// The split before `-00000-of-00003`, whatever it is called.
fn split_of_shard(name: &str) -> Option<&str> {
    let (before, behind) = name.split_once("-of-")?;
    let (split, number) = before.rsplit_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let total = behind.split(['-', '.']).next().unwrap_or_default();
    (is_number(number) && is_number(total)).then(|| whole_split(split).unwrap_or(split))
}

/// The split that a word names.
fn whole_split(word: &str) -> Option<&'static str> {
    let found = SPLITS.iter().find(|(split, others)| *split == word || others.contains(&word));
    found.map(|(split, _)| *split)
}

/// The split that stands in a name as a word of its own.
fn split_in(name: &str) -> Option<&'static str> {
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(whole_split)
}

/// Some names, and how many there are besides.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.map(|name| if name.is_empty() { "(none)" } else { name }).collect();
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 if names.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, all: &[&str]) -> Result<Vec<String>, String> {
        let all: Vec<String> = all.iter().map(|file| (*file).to_owned()).collect();
        files(&name.parse().unwrap(), &all).map_err(|error| error.to_string())
    }

    const GSM8K: [&str; 6] = [
        "README.md",
        "main/test-00000-of-00001.parquet",
        "main/train-00000-of-00001.parquet",
        "socratic/test-00000-of-00001.parquet",
        "socratic/train-00000-of-00001.parquet",
        "dataset_infos.json",
    ];

    #[test]
    fn a_split_of_a_configuration_is_told_by_the_names_of_files() {
        let gsm8k = |query: &str| of(&format!("hf://datasets/openai/gsm8k{query}"), &GSM8K);
        assert_eq!(gsm8k("?config=main").unwrap(), ["main/train-00000-of-00001.parquet"]);
        assert_eq!(gsm8k("?config=socratic&split=test").unwrap(), ["socratic/test-00000-of-00001.parquet"]);
        assert_eq!(
            gsm8k("").unwrap_err(),
            "hf://datasets/openai/gsm8k has several configurations, say which by `?config=NAME`: main, socratic"
        );
        assert_eq!(
            gsm8k("?config=main&split=dev").unwrap_err(),
            "hf://datasets/openai/gsm8k?config=main&split=dev has no such split; there are: test, train"
        );
        let converted =
            ["default/train/0000.parquet", "default/train/0001.parquet", "other/train/0000.parquet"];
        assert_eq!(of("hf://datasets/a/b", &converted).unwrap(), converted[..2], "one is called so");
    }

    #[test]
    fn splits_have_several_spellings() {
        let one = |file: &str| {
            let place = Place::of(file);
            (place.config.clone(), place.split.to_owned())
        };
        let expected = |config: &str, split: &str| (config.to_owned(), split.to_owned());
        assert_eq!(one("data/train_sft-00000-of-00003-abc.parquet"), expected("", "train_sft"));
        assert_eq!(one("valid.jsonl.zst"), expected("", "validation"));
        assert_eq!(one("my_test_rows.csv"), expected("", "test"));
        assert_eq!(one("en/dev/part.json"), expected("en", "validation"));
        assert_eq!(one("rows.jsonl"), expected("", "train"));
        assert_eq!(one("contest.jsonl"), expected("", "train"), "a word within a word is none");
    }

    #[test]
    fn a_path_is_a_file_a_folder_or_a_pattern() {
        let gsm8k = |path: &str| of(&format!("hf://datasets/openai/gsm8k/{path}"), &GSM8K);
        assert_eq!(gsm8k("main/test-00000-of-00001.parquet").unwrap().len(), 1);
        assert_eq!(gsm8k("main").unwrap().len(), 2);
        assert_eq!(gsm8k("*/train-*.parquet").unwrap().len(), 2);
        let missing = gsm8k("main/dev.parquet").unwrap_err();
        assert!(
            missing.starts_with(
                "hf://datasets/openai/gsm8k/main/dev.parquet is not there; its files of rows are: main/"
            ),
            "{missing}"
        );
    }
}
