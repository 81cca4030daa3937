//! The rows of a file, some at a time, for commands that judge all of them and write none.

use std::path::{Path, PathBuf};

use anyhow::Context;
use gavel_lines::{Input, LONGEST_LINE, Line, Lines};
use gavel_reward::PluginReward;
use gavel_verify::{Score, Submission, score_all};
use gavel_wire::Row;

use crate::cases::place;
use crate::terminal::Terminal;

/// The most rows that are read at a time, and about how many bytes: so many are held and judged side by side.
const MOST_ROWS: usize = 1024;
const MOST_BYTES: u64 = 32 << 20;

/// A file of rows that is being read.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    lines: Lines<Input>,
}

/// Lines that cannot be used: the first few are named one by one, and the others counted.
#[derive(Debug, Default)]
pub struct BadLines {
    count: u64,
}

/// So many of them are named.
const NAMED: u64 = 5;

impl BadLines {
    /// Says what is wrong with a line, unless that was said of many before.
    pub fn say(&mut self, terminal: &Terminal, place: &str, error: &str) {
        self.count += 1;
        if self.count <= NAMED {
            terminal.error(format_args!("{place}: {error}"));
        }
    }

    /// Says how many there were besides, once all lines are read.
    pub fn end(&self, terminal: &Terminal) {
        if let Some(more @ 1..) = self.count.checked_sub(NAMED) {
            terminal.error(format_args!("and {} more", plural(more, "such line")));
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// So many of something.
pub fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A line that is not blank.
#[derive(Debug)]
pub struct NumberedRow {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What it holds, or what is wrong with it.
    pub row: Result<Row, String>,
}

impl Rows {
    /// Opens a file in any of the forms that rows have; `-` is stdin.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let (input, _) = Input::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let path = if path == Path::new("-") { PathBuf::from("stdin") } else { path.to_owned() };
        Ok(Self { path, lines: Lines::new(input, LONGEST_LINE) })
    }

    /// The next rows, in the order of the file; none at its end.
    ///
    /// # Errors
    /// When it cannot be read any further.
    pub fn read(&mut self) -> anyhow::Result<Vec<NumberedRow>> {
        let (mut rows, mut read) = (Vec::new(), 0);
        while rows.len() < MOST_ROWS && read < MOST_BYTES {
            let line = self.lines.read().with_context(|| format!("cannot read {}", self.path.display()))?;
            let Some(Line { number, bytes, text }) = line else { break };
            read += bytes;
            let row = match text {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => Row::parse(&text).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            rows.push(NumberedRow { line: number, row });
        }
        Ok(rows)
    }

    /// A line as an error names it.
    pub fn place(&self, line: u64) -> String {
        place(&self.path, line)
    }
}

/// Judges submissions side by side; scores come in their order.
///
/// # Errors
/// When a score was lost, which is a bug in gavel.
pub fn judge(
    reward: &PluginReward,
    submissions: impl IntoIterator<Item = Submission>,
) -> anyhow::Result<Vec<Score>> {
    Ok(score_all(reward, submissions)?)
}
