//! The rows of a file, some at a time, for commands that judge all of them and write none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::Context;
use gavel_lines::{Input, LONGEST_LINE, Line, Lines};
use gavel_reward::{Calls, PluginReward, Terms};
use gavel_verify::{Reply, Reward as _, Score, Submission, Unanswered, score_all, score_groups};
use gavel_wire::{Columns, GroupKey, Groups, RecordedScore, Row};

use crate::cases::place;
use crate::terminal::Terminal;

/// The most rows that are read at a time, but for the rest of a group, and about how many bytes: so many are held and judged
/// side by side.
const MOST_ROWS: usize = 1024;
const MOST_BYTES: u64 = 32 << 20;

/// A file of rows that is being read.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    lines: Lines<Input>,
    /// By which columns groups are told apart, where none of them may be cut.
    columns: Option<Columns>,
    groups: Groups,
    /// The number of the last one.
    group: u64,
    /// What was read, and begins the group after those that were given.
    next: Option<NumberedRow>,
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
    /// The number of its group, which those that follow each other have in common; 0 where groups are not told apart.
    pub group: u64,
}

impl Rows {
    /// Opens a file in any of the forms that rows have; `-` is stdin.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let (input, _) = Input::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let path = if path == Path::new("-") { PathBuf::from("stdin") } else { path.to_owned() };
        let lines = Lines::new(input, LONGEST_LINE);
        Ok(Self { path, lines, columns: None, groups: Groups::default(), group: 0, next: None })
    }

    /// Reads whole groups from now on, for a reward that compares the completions of one. A row that is of none is said to
    /// be wrong.
    pub fn in_groups(self, columns: &Columns) -> Self {
        Self { columns: Some(columns.clone()), ..self }
    }

    /// The next rows, in the order of the file; none at its end.
    ///
    /// # Errors
    /// When it cannot be read any further.
    pub fn read(&mut self) -> anyhow::Result<Vec<NumberedRow>> {
        let mut rows: Vec<NumberedRow> = self.next.take().into_iter().collect();
        let mut read = 0;
        loop {
            let is_enough = rows.len() >= MOST_ROWS || read >= MOST_BYTES;
            if is_enough && self.columns.is_none() {
                return Ok(rows);
            }
            let line = self.lines.read().with_context(|| format!("cannot read {}", self.path.display()))?;
            let Some(Line { number, bytes, text }) = line else { return Ok(rows) };
            read += bytes;
            let row = match text {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => Row::parse(&text).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let before = self.group;
            let row = self.place_in_group(number, row);
            if is_enough && self.group != before {
                self.next = Some(row);
                return Ok(rows);
            }
            rows.push(row);
        }
    }

    /// The row with its place among the groups. One that is no submission is in none, and whoever reads it says so.
    fn place_in_group(&mut self, line: u64, row: Result<Row, String>) -> NumberedRow {
        let read = row.and_then(|row| {
            let Some(columns) = &self.columns else { return Ok(row) };
            let Ok(submission) = row.submission(columns) else { return Ok(row) };
            // What `gavel score --answer-bad-lines` answered as a row of no group is of none here either.
            if RecordedScore::of_row(&row).is_ok_and(|score| score.is_bad_line()) {
                return Ok(row);
            }
            let begins = self.groups.begins(GroupKey::of(&row, columns, &submission), &submission);
            self.group += u64::from(begins.map_err(|error| error.to_string())?);
            Ok(row)
        });
        NumberedRow { line, row: read, group: self.group }
    }

    /// A line as an error names it.
    pub fn place(&self, line: u64) -> String {
        place(&self.path, line)
    }
}

/// Judges submissions side by side; scores come in their order. Each comes with the number of its group, for a reward that
/// compares the completions of one.
///
/// # Errors
/// When a score was lost, which is a bug in gavel.
pub fn judge(
    reward: &PluginReward,
    submissions: impl IntoIterator<Item = (u64, Submission)>,
) -> anyhow::Result<Vec<Score>> {
    if !reward.needs_groups() {
        return Ok(score_all(reward, submissions.into_iter().map(|(_, submission)| submission))?);
    }
    Ok(score_groups(reward, in_groups(submissions))?)
}

/// Neighbours of the same number as groups.
fn in_groups<T>(numbered: impl IntoIterator<Item = (u64, T)>) -> impl Iterator<Item = Vec<T>> {
    let mut groups: Vec<(u64, Vec<T>)> = Vec::new();
    for (number, member) in numbered {
        match groups.last_mut() {
            Some((last, group)) if *last == number => group.push(member),
            _ => groups.push((number, vec![member])),
        }
    }
    groups.into_iter().map(|(_, group)| group)
}

/// As [`judge`], where async verifiers judge by the calls that a record has.
///
/// # Errors
/// As [`judge`].
pub fn judge_recorded(
    reward: &PluginReward,
    submissions: Vec<(u64, Submission, Calls)>,
) -> anyhow::Result<Vec<Score>> {
    let count = submissions.len();
    let (sender, scores) = mpsc::channel();
    let batch = submissions.into_iter().enumerate().map(|(place, (group, submission, calls))| {
        let sender = sender.clone();
        // The receiver outlives all of them.
        let reply: Reply = Box::new(move |score| drop(sender.send((place, score))));
        (group, (submission, calls, reply))
    });
    if reward.needs_groups() {
        reward.submit_recorded_groups(in_groups(batch), &Terms::default());
    } else {
        reward.submit_recorded(batch.map(|(_, member)| member), &Terms::default());
    }
    drop(sender);
    let scores: BTreeMap<usize, Score> = scores.iter().collect();
    anyhow::ensure!(scores.len() == count, Unanswered { count: count - scores.len() });
    Ok(scores.into_values().collect())
}
