//! Scores that are derived again, beside those that were recorded.

use std::collections::BTreeMap;

use gavel_verify::{Score, Status};
use serde::Serialize;

use crate::{FieldDifference, RecordedScore, VersionDifference};

/// What came of deriving scores again.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Rescore {
    /// Whether everything is as it was recorded: the rows, all of them, and what judges, but for releases of gavel and of
    /// its engine.
    pub proven: bool,
    /// Rows that were compared.
    pub rows: u64,
    /// Rows that the record says there are; `None` where it does not say.
    pub recorded_rows: Option<u64>,
    /// Rows that differ.
    pub differing: u64,
    /// Lines that hold no score.
    pub unreadable: u64,
    /// Rows that this machine could not judge now.
    pub host_failed: u64,
    /// Rows that differ, by field.
    pub fields: BTreeMap<String, u64>,
    /// What judges otherwise than it is recorded.
    pub version: Vec<VersionDifference>,
    /// The first rows that differ.
    pub examples: Vec<RowDifference>,
}

/// A row that is not as it was recorded.
#[derive(Debug, PartialEq, Serialize)]
pub struct RowDifference {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What differs.
    pub fields: Vec<FieldDifference>,
}

impl Rescore {
    /// Notes what judges otherwise than it is recorded; once, however often it is found.
    pub fn note_version(&mut self, differences: Vec<VersionDifference>) {
        for difference in differences {
            if !self.version.contains(&difference) {
                self.version.push(difference);
            }
        }
    }

    /// Compares a row with what is derived now, and keeps it as an example where it is one of the first `examples` that
    /// differ.
    pub fn add(
        &mut self,
        (file, line): (&str, u64),
        recorded: &RecordedScore,
        now: &Score,
        with_fuel: bool,
        examples: usize,
    ) {
        self.rows += 1;
        // What could not be judged then either is as it was recorded.
        let was_judged = |name: &str| {
            recorded.outcomes.get(name).is_none_or(|recorded| recorded.status != Status::HostFailed.name())
        };
        let failed = |(name, outcome): &(String, gavel_verify::Outcome)| {
            outcome.status() == Status::HostFailed && was_judged(name)
        };
        self.host_failed += u64::from(now.outcomes.iter().any(failed));
        let fields = recorded.differences(&now.into(), with_fuel);
        if fields.is_empty() {
            return;
        }
        self.differing += 1;
        for difference in &fields {
            *self.fields.entry(difference.field.clone()).or_default() += 1;
        }
        if self.examples.len() < examples {
            self.examples.push(RowDifference { file: file.to_owned(), line, fields });
        }
    }

    /// Says whether everything is as it was recorded, once all rows are there.
    pub fn end(&mut self) -> bool {
        let same_judges = self.version.iter().all(|difference| difference.is_release);
        let all_rows = self.recorded_rows.is_none_or(|recorded| recorded == self.rows);
        self.proven = same_judges && all_rows && self.differing == 0 && self.unreadable == 0;
        self.proven
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Outcome, Verdict};

    use super::*;

    fn score(reward: f64) -> Score {
        let outcome = Outcome::verdict(Verdict::new(reward), Duration::ZERO);
        Score { reward: Ok(reward), components: Vec::new(), outcomes: vec![("a".to_owned(), outcome)] }
    }

    fn difference(is_release: bool) -> VersionDifference {
        let [what, recorded, now] = ["engine", "1", "2"].map(str::to_owned);
        VersionDifference { what, recorded, now, is_release }
    }

    #[test]
    fn everything_has_to_be_there_and_the_same() {
        let after = |change: &dyn Fn(&mut Rescore)| {
            let mut rescore = Rescore { recorded_rows: Some(1), ..Rescore::default() };
            rescore.add(("a", 1), &RecordedScore::from(&score(1.0)), &score(1.0), true, 1);
            change(&mut rescore);
            rescore.end()
        };
        assert!(after(&|_| {}));
        assert!(after(&|rescore| rescore.note_version(vec![difference(true)])));
        assert!(!after(&|rescore| rescore.note_version(vec![difference(false)])));
        assert!(!after(&|rescore| rescore.recorded_rows = Some(2)));
        assert!(after(&|rescore| rescore.recorded_rows = None));
        assert!(!after(&|rescore| rescore.unreadable = 1));
    }

    #[test]
    fn rows_that_differ_are_counted_by_field_and_the_first_shown() {
        let mut rescore = Rescore::default();
        for line in 1..=3 {
            rescore.add(("a", line), &RecordedScore::from(&score(1.0)), &score(0.0), true, 2);
        }
        assert!(!rescore.end());
        let fields: Vec<_> = rescore.fields.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(fields, [("outcomes.a.reward", 3), ("reward", 3)]);
        assert_eq!(rescore.examples.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 2]);
        rescore.note_version(vec![difference(true), difference(true)]);
        assert_eq!(rescore.version.len(), 1);
    }
}
