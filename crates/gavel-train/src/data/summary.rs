//! What the rows of task files have in common: columns, lengths of prompts, how often the same prompt comes.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use super::{SeenRow, SeenTask};
use crate::task::Origin;

/// Bars of a histogram, at most, besides the last one of all that is longer.
const BARS: u64 = 16;

/// The share of prompts that the bars of equal width are laid over: a few long ones would leave them all in one bar.
const BULK: f64 = 0.99;

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// From 1.
    pub line: u64,
}

/// What is known of rows that have been looked at, one after the other.
#[derive(Debug, Clone, Default)]
pub struct DataSummary {
    /// Rows.
    pub rows: u64,
    /// Rows that a run would refuse.
    pub refused: u64,
    /// Rows of each file, in order.
    pub files: IndexMap<Arc<Path>, u64>,
    /// In how many rows each column is.
    pub columns: IndexMap<String, u64>,
    /// Prompts that are texts as they are, conversations, and made of problems.
    pub texts: u64,
    /// See `texts`.
    pub conversations: u64,
    /// See `texts`.
    pub problems: u64,
    /// Tasks with a reference.
    pub references: u64,
    /// Prompts that an earlier row has word for word.
    pub repeated: u64,
    lengths: Vec<u32>,
    /// The longest prompt so far, and where it is.
    longest: Option<(usize, Place)>,
    /// Digests of prompts, to tell those that come again.
    known: HashSet<u64>,
}

/// How long prompts are: in tokens, or in characters where no tokenizer is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lengths {
    /// The shortest.
    pub least: u32,
    /// Half are at most as long.
    pub median: u32,
    /// The mean.
    pub mean: f64,
    /// 95 of 100 are at most as long.
    pub p95: u32,
    /// The longest.
    pub greatest: u32,
    /// Where the longest is.
    pub longest: Place,
    /// How many are how long.
    pub histogram: Vec<Bar>,
}

/// So many prompts whose length is from `from` up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The least length.
    pub from: u32,
    /// The greatest length.
    pub to: u32,
    /// How many prompts.
    pub count: u64,
}

impl DataSummary {
    /// Takes a row into account.
    pub fn add(&mut self, row: &SeenRow) {
        self.rows += 1;
        *self.files.entry(Arc::clone(&row.path)).or_default() += 1;
        for column in &row.columns {
            // Most rows have columns that are known: no text is made for those.
            match self.columns.get_mut(column) {
                Some(count) => *count += 1,
                None => drop(self.columns.insert(column.clone(), 1)),
            }
        }
        match &row.task {
            Ok(seen) => self.add_task(seen),
            Err(_) => self.refused += 1,
        }
    }

    fn add_task(&mut self, SeenTask { task, length }: &SeenTask) {
        match task.origin {
            Origin::Text => self.texts += 1,
            Origin::Conversation => self.conversations += 1,
            Origin::Problem => self.problems += 1,
        }
        self.references += u64::from(task.reference.is_some());
        self.lengths.push(u32::try_from(*length).unwrap_or(u32::MAX));
        if self.longest.as_ref().is_none_or(|(longest, _)| length > longest) {
            self.longest = Some((*length, Place { path: task.path.to_path_buf(), line: task.line }));
        }
        let mut hasher = DefaultHasher::new();
        task.prompt.hash(&mut hasher);
        self.repeated += u64::from(!self.known.insert(hasher.finish()));
    }

    /// How long the prompts are; `None` where there is none.
    pub fn lengths(&self) -> Option<Lengths> {
        let (_, longest) = self.longest.clone()?;
        let mut sorted = self.lengths.clone();
        sorted.sort_unstable();
        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
        let sum: u64 = sorted.iter().map(|&length| u64::from(length)).sum();
        Some(Lengths {
            least: at(0.0),
            median: at(0.5),
            mean: sum as f64 / sorted.len() as f64,
            p95: at(0.95),
            greatest: at(1.0),
            longest,
            histogram: histogram(&sorted),
        })
    }
}

/// Counts lengths, sorted, in bars whose width is 1, 2 or 5 times a power of ten. A last one has all that is longer than
/// nearly all, however wide that makes it.
fn histogram(sorted: &[u32]) -> Vec<Bar> {
    let (Some(&least), Some(&greatest)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let bulk = sorted[((sorted.len() - 1) as f64 * BULK).round() as usize];
    let width = width(bulk - least);
    let first = u64::from(least) / width * width;
    let bars = (u64::from(bulk) - first) / width + 1;
    let mut ends: Vec<u64> = (1..=bars).map(|bar| first + bar * width - 1).collect();
    let end = ends.last().copied().unwrap_or_default();
    // What is a little longer widens no bar beyond twice the others.
    if u64::from(greatest) > end && u64::from(greatest) <= end + width {
        ends.pop();
    }
    if ends.last().is_none_or(|&end| u64::from(greatest) > end) {
        ends.push(greatest.into());
    }
    let (mut from, mut counted) = (first, 0);
    let bar = ends.into_iter().map(|to| {
        let up_to = sorted.partition_point(|&length| u64::from(length) <= to);
        let of_length = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        let bar = Bar { from: of_length(from), to: of_length(to), count: (up_to - counted) as u64 };
        (from, counted) = (to + 1, up_to);
        bar
    });
    bar.collect()
}

/// The least width with which a range takes few bars.
fn width(range: u32) -> u64 {
    let mut steps = (0..).flat_map(|power| [1, 2, 5].map(|step| step * 10_u64.pow(power)));
    steps.find(|step| u64::from(range) / step < BARS - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(mut lengths: Vec<u32>) -> Vec<(u32, u32, u64)> {
        lengths.sort_unstable();
        histogram(&lengths).into_iter().map(|bar| (bar.from, bar.to, bar.count)).collect()
    }

    #[test]
    fn every_prompt_is_in_one_bar() {
        assert_eq!(bars(vec![7]), [(7, 7, 1)]);
        assert_eq!(bars(vec![3, 3, 5]), [(3, 3, 2), (4, 4, 0), (5, 5, 1)]);
        let many: Vec<u32> = (0..1000).collect();
        let found = bars(many);
        assert!(found.len() as u64 <= BARS + 1, "{found:?}");
        assert_eq!(found.iter().map(|(.., count)| count).sum::<u64>(), 1000);
        assert!(found.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{found:?}");
        assert_eq!(found[0], (0, 99, 100));
    }

    #[test]
    fn a_few_long_prompts_share_the_last_bar() {
        let mut lengths: Vec<u32> = (0..1000).map(|n| 50 + n % 100).collect();
        lengths.extend([9_000, 20_000]);
        let found = bars(lengths);
        assert_eq!(found.last(), Some(&(150, 20_000, 2)));
        assert_eq!(found[0], (50, 59, 100));
    }

    #[test]
    fn the_greatest_lengths_have_a_bar_too() {
        assert_eq!(bars(vec![0, u32::MAX]).iter().map(|(.., count)| count).sum::<u64>(), 2);
    }
}
