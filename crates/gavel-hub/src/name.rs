//! Names of what lies on the hub: `hf://OWNER/NAME@REVISION`, and `hf://datasets/OWNER/NAME@REVISION/PATH`, as Python's
//! `HfFileSystem` reads them, and a `?split=…&config=…` of our own for data sets that are named as a whole.

use std::fmt;
use std::str::FromStr;

/// What such a name begins with.
pub const SCHEME: &str = "hf://";

/// What lies in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

/// A name on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName {
    /// What it names.
    pub kind: Kind,
    /// `OWNER/NAME`.
    pub repository: String,
    /// A branch, a tag or a commit; the main branch by default.
    pub revision: Option<String>,
    /// A file, a folder or a pattern within a data set.
    pub path: Option<String>,
    /// The configuration of a data set that is named as a whole; the only one by default.
    pub config: Option<String>,
    /// The split of a data set that is named as a whole; `train` by default.
    pub split: Option<String>,
}

/// Why a text is no name on the hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is no name on the hub: {problem}")]
pub struct NameError {
    /// The text.
    pub name: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

const FORMS: &str =
    "write hf://OWNER/NAME for a model, hf://datasets/OWNER/NAME for a data set; @REVISION may follow NAME";

impl HubName {
    /// The same name at a commit.
    #[must_use]
    pub fn pinned(&self, commit: &str) -> Self {
        Self { revision: Some(commit.to_owned()), ..self.clone() }
    }
}

impl FromStr for HubName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |problem: String| NameError { name: text.to_owned(), problem };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong(FORMS.to_owned()))?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (kind, rest) = match rest.strip_prefix("datasets/") {
            Some(rest) => (Kind::Dataset, rest),
            None => (Kind::Model, rest.strip_prefix("models/").unwrap_or(rest)),
        };
        let (repository, revision, path) = split(rest);
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.contains("..")
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let parts = repository.split('/').count();
        if !(1..=2).contains(&parts) || !repository.split('/').all(is_part) {
            return Err(wrong(FORMS.to_owned()));
        }
        let revision = revision.map(|revision| revision.replace("%2F", "/"));
        if revision.as_deref().is_some_and(|revision| !revision.split('/').all(is_part)) {
            return Err(wrong("its revision is none; a `/` in one is written %2F".to_owned()));
        }
        let path = path.map(|path| path.trim_end_matches('/')).filter(|path| !path.is_empty());
        if path.is_some_and(|path| path.split('/').any(|part| part.is_empty() || part == "..")) {
            return Err(wrong("its path is none".to_owned()));
        }
        let mut name = Self {
            kind,
            repository: repository.to_owned(),
            revision,
            path: path.map(str::to_owned),
            config: None,
            split: None,
        };
        for part in query.iter().flat_map(|query| query.split('&')) {
            match part.split_once('=') {
                Some(("split", split)) if !split.is_empty() => name.split = Some(split.to_owned()),
                Some(("config", config)) if !config.is_empty() => name.config = Some(config.to_owned()),
                _ => return Err(wrong(format!("behind `?` stand split=NAME and config=NAME, found {part}"))),
            }
        }
        let chooses = name.split.is_some() || name.config.is_some();
        if chooses && name.path.is_some() {
            return Err(wrong(
                "a path says which files are meant, and so do split and config: leave one out".to_owned(),
            ));
        }
        if kind == Kind::Model && (chooses || name.path.is_some()) {
            return Err(wrong("a model is named as a whole".to_owned()));
        }
        Ok(name)
    }
}

/// Repository, revision and path. A name without owner is one of the first data sets' (`squad`), and can only stand alone
/// or before a revision.
fn split(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let (before, after) = text.split_once('@').map_or((text, None), |(before, after)| (before, Some(after)));
    if let Some(after) = after {
        let (revision, path) =
            after.split_once('/').map_or((after, None), |(revision, path)| (revision, Some(path)));
        return (before, Some(revision), path);
    }
    let end_of_name = before.match_indices('/').nth(1).map(|(at, _)| at);
    match end_of_name {
        Some(at) => (&before[..at], None, Some(&before[at + 1..])),
        None => (before, None, None),
    }
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if self.kind == Kind::Dataset {
            f.write_str("datasets/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{}", revision.replace('/', "%2F"))?;
        }
        if let Some(path) = &self.path {
            write!(f, "/{path}")?;
        }
        let query = [("config", &self.config), ("split", &self.split)];
        let query = query.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        for (index, (key, value)) in query.enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, kind, repository, revision, path) in [
            ("hf://Qwen/Qwen2.5-0.5B", Kind::Model, "Qwen/Qwen2.5-0.5B", None, None),
            ("hf://gpt2@v1", Kind::Model, "gpt2", Some("v1"), None),
            ("hf://datasets/openai/gsm8k", Kind::Dataset, "openai/gsm8k", None, None),
            (
                "hf://datasets/squad@main/a/b.parquet",
                Kind::Dataset,
                "squad",
                Some("main"),
                Some("a/b.parquet"),
            ),
            (
                "hf://datasets/openai/gsm8k@refs%2Fconvert%2Fparquet/main/*.parquet",
                Kind::Dataset,
                "openai/gsm8k",
                Some("refs/convert/parquet"),
                Some("main/*.parquet"),
            ),
        ] {
            let name: HubName = text.parse().unwrap();
            let found = (name.kind, &*name.repository, name.revision.as_deref(), name.path.as_deref());
            assert_eq!(found, (kind, repository, revision, path));
            assert_eq!(name.to_string(), text);
        }
        let name: HubName = "hf://datasets/a/b?split=test&config=main".parse().unwrap();
        assert_eq!((name.split.as_deref(), name.config.as_deref()), (Some("test"), Some("main")));
        assert_eq!(name.pinned("0123").to_string(), "hf://datasets/a/b@0123?config=main&split=test");
    }

    #[test]
    fn what_is_no_name_says_why() {
        for (text, expected) in [
            ("hf://", "write hf://OWNER/NAME for a model"),
            ("hf://datasets/", "write hf://OWNER/NAME for a model"),
            ("hf://a b/c", "write hf://OWNER/NAME for a model"),
            ("hf://../secret", "write hf://OWNER/NAME for a model"),
            ("hf://a/b@../c", "its revision is none"),
            ("hf://datasets/a/b/../c", "its path is none"),
            ("hf://a/b/c.json", "a model is named as a whole"),
            ("hf://datasets/a/b/c?split=test", "a path says which files are meant"),
            ("hf://datasets/a/b?splt=test", "behind `?` stand split=NAME and config=NAME, found splt=test"),
        ] {
            let error = text.parse::<HubName>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text} is no name on the hub: {expected}")), "{error}");
        }
    }
}
