//! The report of a run: one HTML page that needs nothing else, and the curve for a README; and the page of an audit.
//!
//! What a policy wrote is untrusted text. Everything goes through `maud`, which escapes by default, and the page
//! forbids itself scripts and outside resources by its content security policy. Hovering is done in CSS.
//!
//! The charts are written here as SVG and not by a charting library: a page that follows the reader's light or
//! dark theme has to style its lines through CSS classes, which `plotters` cannot emit, and `charming` draws with
//! a megabyte of JavaScript.

mod alarms;
mod audit;
mod chart;
mod data;
mod format;
mod measures;
mod page;
mod panels;
mod run;
mod side_by_side;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use gavel_wire::compare::Audit;
use thiserror::Error;

pub use chart::Bar;
pub use data::DataPage;
pub use measures::{Comparison, Group, MeasureOptions, Measures};
use run::Run;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file or directory of the run cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A line of a JSON Lines file is not what a run writes.
    #[error("{}:{line}: not what a run writes", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A JSON file is not what a run writes.
    #[error("{}: not what a run writes", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
    /// There is no run there.
    #[error("{} is no run: it has no metrics.jsonl; name the folder that `output_dir` in a run's settings names", path.display())]
    NoRun {
        /// The directory.
        path: PathBuf,
    },
    /// The run has not finished a step yet.
    #[error("{} holds no step yet; wait for the first step to finish", path.display())]
    NoSteps {
        /// The metrics file.
        path: PathBuf,
    },
    /// The run did not record what the curve shows.
    #[error("{} has no `{series}`, which the curve shows", path.display())]
    NoSeries {
        /// The metrics file.
        path: PathBuf,
        /// The name of the metric, or its form.
        series: &'static str,
    },
    /// There is nothing to measure.
    #[error(
        "{} holds no completions: name a file that `gavel eval --completions` writes, or a run that has been evaluated, or \
         that logs its completions",
        path.display()
    )]
    NoCompletions {
        /// The file or directory.
        path: PathBuf,
    },
    /// No completion has what an option names.
    #[error("{}: no completion has {what} `{name}`, which `--{option}` names; there are {known}", path.display())]
    Unnamed {
        /// The completions.
        path: PathBuf,
        /// What the option names.
        what: &'static str,
        /// As it was given.
        name: String,
        /// The option.
        option: &'static str,
        /// What the completions have.
        known: String,
    },
    /// The page cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Writes the report of the run in `run_dir` to `output`, one self-contained HTML page.
///
/// Reads `metrics.jsonl`, and as far as they are there `completions/*.jsonl`, `settings.toml`, `digests.json`,
/// `digests.jsonl` and `summary.json`. A run that is still going, or was killed in the middle of a line, has a report too.
///
/// # Errors
/// When `metrics.jsonl` is missing or empty, when a file does not hold what a run writes, or when `output` cannot
/// be written.
pub fn write(run_dir: &Path, output: &Path) -> Result<(), ReportError> {
    put(output, page::render(&Run::read(run_dir)?, None))
}

/// As [`write`], of a run that goes on: a browser that shows the page loads it again after `reload` seconds.
///
/// # Errors
/// As [`write`]'s.
pub fn write_live(run_dir: &Path, output: &Path, reload: u32) -> Result<(), ReportError> {
    put(output, page::render(&Run::read(run_dir)?, Some(reload)))
}

/// Writes the page of several runs side by side to `output`, one self-contained HTML page: runs whose settings differ in
/// `seed` and `output_dir` alone are drawn as one curve, the mean, with a band from the lowest to the highest; others are
/// curves of their own, called by the settings that differ. Reads `metrics.jsonl` and `settings.toml` of each.
///
/// # Errors
/// As [`write`]'s, for the first run that has one.
pub fn write_side_by_side(run_dirs: &[PathBuf], output: &Path) -> Result<(), ReportError> {
    let runs: Vec<Run> = run_dirs.iter().map(|dir| Run::read(dir)).collect::<Result<_, _>>()?;
    put(output, side_by_side::render(&runs))
}

fn put(output: &Path, page: maud::Markup) -> Result<(), ReportError> {
    let write = gavel_files::whole_file::write(output, page.into_string().as_bytes());
    write.map_err(|source| ReportError::Write { path: output.to_owned(), source })
}

/// Draws accuracy and completion length of the run in `run_dir` over its steps: one standalone SVG, legible on
/// light and dark ground.
///
/// # Errors
/// When `metrics.jsonl` is missing or broken, or lacks one of the two series.
pub fn curve_svg(run_dir: &Path) -> Result<String, ReportError> {
    let metrics = run::Metrics::of_run(run_dir)?;
    let missing = |series| ReportError::NoSeries { path: run_dir.join(run::METRICS_FILE), series };
    let accuracy = panels::accuracy(&metrics).ok_or_else(|| missing("rewards/<verifier>/mean"))?;
    let length = panels::length(&metrics).ok_or_else(|| missing("completions/mean_length"))?;
    Ok(chart::two_axes(&accuracy, &length).into_string())
}

/// The page of an audit of the rows in `input`: one self-contained HTML page.
pub fn audit_page(audit: &Audit, input: &str) -> String {
    audit::render(audit, input).into_string()
}

/// The page of task files: one self-contained HTML page.
pub fn data_page(page: &DataPage) -> String {
    data::render(page).into_string()
}
