//! Which files tasks are read from, as settings name them: one file, folder or pattern, or a list of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gavel_lines::expand;
use serde::{Deserialize, Serialize};

use super::TaskError;

/// The files that hold tasks, by their names, folders and patterns ([`expand`]), in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct TaskFiles(Vec<PathBuf>);

/// How they are written: a name alone is a text, as it always was.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

impl TaskFiles {
    /// The files of these names.
    pub fn new(names: Vec<PathBuf>) -> Self {
        // No name is written as an empty one is, which is how a setting looks that is missing.
        Self(names.into_iter().filter(|name| !name.as_os_str().is_empty()).collect())
    }

    /// Whether no file is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, as they were written.
    pub fn names(&self) -> &[PathBuf] {
        &self.0
    }

    /// The names, to be resolved.
    pub(crate) fn names_mut(&mut self) -> &mut [PathBuf] {
        &mut self.0
    }

    /// The files, in the order in which they are read.
    ///
    /// # Errors
    /// When a folder or a pattern means no file, or two names mean the same one.
    pub fn paths(&self) -> Result<Vec<Arc<Path>>, TaskError> {
        Ok(expand(&self.0)?.into_iter().map(Arc::from).collect())
    }

    /// The first file, to look at before all are read.
    pub fn first(&self) -> Option<Arc<Path>> {
        self.paths().ok()?.into_iter().next()
    }
}

impl From<PathBuf> for TaskFiles {
    fn from(name: PathBuf) -> Self {
        Self::new(vec![name])
    }
}

impl From<&Path> for TaskFiles {
    fn from(name: &Path) -> Self {
        name.to_owned().into()
    }
}

impl From<OneOrMany> for TaskFiles {
    fn from(written: OneOrMany) -> Self {
        match written {
            OneOrMany::One(name) => name.into(),
            OneOrMany::Many(names) => Self::new(names),
        }
    }
}

impl From<TaskFiles> for OneOrMany {
    fn from(TaskFiles(mut names): TaskFiles) -> Self {
        match names.len() {
            0 => Self::One(PathBuf::new()),
            1 => Self::One(names.remove(0)),
            _ => Self::Many(names),
        }
    }
}
