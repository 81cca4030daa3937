//! What completions say of how a policy thinks: how often it checks itself and tries again, what that is worth, how long it
//! thinks, and how many of several tries are right.

mod group;
mod page;
mod rows;
mod svg;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::ReportError;
pub use group::Group;
use rows::Row;

/// Which parts of a row count as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureOptions {
    /// The column of the task that says its family.
    pub by: String,
    /// The column of the task that says how hard it is.
    pub level: String,
    /// The verifier whose metrics say what marks are worth: `checks`, `forged_marks`, `false_claims`, `failed`, `retried`, `first_right`.
    pub marks: String,
    /// The verifier that gives a right completion at least 1; by default the reward has to be at least 1, where the row does
    /// not say `correct` itself.
    pub correct: Option<String>,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self { by: "family".to_owned(), level: "level".to_owned(), marks: "marks".to_owned(), correct: None }
    }
}

/// The measures of one set of completions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    /// Of all completions.
    pub all: Group,
    /// By family.
    pub families: BTreeMap<String, Group>,
    /// By level.
    pub levels: BTreeMap<String, Group>,
    /// By family, and in it by level.
    pub family_levels: BTreeMap<String, BTreeMap<String, Group>>,
}

/// Completions before and after training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Where they were read from.
    pub sources: BTreeMap<&'static str, String>,
    /// Those of the base model; `None` where there is one set alone.
    pub before: Option<Measures>,
    /// Those of the trained one.
    pub after: Measures,
}

impl Measures {
    /// Reads a completions file: of an evaluation, of a run's training, or of `gavel eval --completions`.
    ///
    /// # Errors
    /// When the file cannot be read, a line is none that a run writes, or there is no completion.
    pub fn read(path: &Path, options: &MeasureOptions) -> Result<Self, ReportError> {
        let rows = rows::read(path, options)?;
        let of_rows = |rows: Vec<&Row>| {
            let mut levels: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
            for row in rows {
                if let Some(level) = &row.level {
                    levels.entry(level.clone()).or_default().push(row);
                }
            }
            levels.into_iter().map(|(level, rows)| (level, Group::of(rows.into_iter()))).collect()
        };
        let mut by_family: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            if let Some(family) = &row.family {
                by_family.entry(family.clone()).or_default().push(row);
            }
        }
        Ok(Self {
            all: Group::of(rows.iter()),
            levels: of_rows(rows.iter().collect()),
            families: by_family
                .iter()
                .map(|(family, rows)| (family.clone(), Group::of(rows.iter().copied())))
                .collect(),
            family_levels: by_family.into_iter().map(|(family, rows)| (family, of_rows(rows))).collect(),
        })
    }
}

impl Comparison {
    /// Reads the completions of `path`, which is a file or a run directory, beside those of `before`. Of a run directory they
    /// are those of the last evaluation, and without `before` also those of the first.
    ///
    /// # Errors
    /// Those of [`Measures::read`], and when a run directory holds no completions.
    pub fn read(path: &Path, before: Option<&Path>, options: &MeasureOptions) -> Result<Self, ReportError> {
        let (first, last) = rows::files(path)?;
        let before = match before {
            Some(before) => Some(rows::files(before)?.1),
            None => first,
        };
        let mut sources = BTreeMap::from([("after", last.display().to_string())]);
        sources.extend(before.as_ref().map(|path| ("before", path.display().to_string())));
        let measured = before.map(|before| Measures::read(&before, options)).transpose()?;
        Ok(Self { sources, before: measured, after: Measures::read(&last, options)? })
    }

    /// One self-contained HTML page.
    pub fn page(&self) -> String {
        page::render(self).into_string()
    }

    /// Accuracy and length by family as one standalone SVG, legible on light and dark ground.
    pub fn svg(&self) -> String {
        svg::draw(self).into_string()
    }
}

#[cfg(test)]
mod tests;
