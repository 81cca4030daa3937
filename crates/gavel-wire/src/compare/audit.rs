//! Verdicts beside labels: how often a verifier calls wrong what is right, and right what is wrong.

use std::collections::BTreeMap;

use gavel_verify::{Outcome, Score, Submission};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::{Excerpt, RIGHT, Said};
use crate::row::Row;

/// What verifiers say, beside what labels say.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Audit {
    /// The column of the labels.
    pub label: String,
    /// The column of the buckets.
    pub by: Option<String>,
    /// Rows that were judged and have a label.
    pub rows: u64,
    /// Lines that are no submission, or have no label.
    pub bad_lines: u64,
    /// By verifier, in the order of the reward file.
    pub verifiers: IndexMap<String, VerifierAudit>,
}

/// What one verifier says, beside what labels say.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct VerifierAudit {
    /// Of all rows.
    pub all: Confusion,
    /// By the value of the column of the buckets.
    pub buckets: BTreeMap<String, Confusion>,
    /// The first false positives: right to the verifier, wrong by the label.
    pub false_positives: Vec<AuditExample>,
    /// The first false negatives: wrong to the verifier, right by the label.
    pub false_negatives: Vec<AuditExample>,
}

/// How often verdicts and labels agree. A verdict of 1 or more says right, a lower one wrong.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Right to both.
    pub true_positives: u64,
    /// Right to the verifier, wrong by the label.
    pub false_positives: u64,
    /// Wrong to both.
    pub true_negatives: u64,
    /// Wrong to the verifier, right by the label.
    pub false_negatives: u64,
    /// No verdict, right by the label.
    pub right_without_verdict: u64,
    /// No verdict, wrong by the label.
    pub wrong_without_verdict: u64,
}

/// A row where verifier and label do not agree.
#[derive(Debug, PartialEq, Serialize)]
pub struct AuditExample {
    /// The line of the input.
    pub line: u64,
    /// Its bucket.
    pub bucket: Option<String>,
    /// What the verifier says.
    pub said: Said,
    /// What was judged.
    pub submission: Excerpt,
}

/// What a label says of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
}

/// Why a row has no label.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LabelError {
    /// There is no such column.
    #[error("no label `{column}`: {there}")]
    Missing {
        /// The column.
        column: String,
        /// Which columns there are.
        there: String,
    },
    /// It says neither.
    #[error("the label `{column}` is {found}; it must be true or false, 1 or 0, or one of these as text")]
    Neither {
        /// The column.
        column: String,
        /// What is there.
        found: String,
    },
}

/// The most characters of a label or a bucket that are shown.
const NAME: usize = 80;

impl Label {
    /// The label in a column of a row: true or false, 1 or 0, or one of these as text, as tables have them.
    ///
    /// # Errors
    /// When the column is not there, or says something else.
    pub fn of_row(row: &Row, column: &str) -> Result<Self, LabelError> {
        let Some(raw) = row.find(column) else {
            return Err(LabelError::Missing { column: column.to_owned(), there: row.there() });
        };
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let text = value.as_str().map(str::trim).map(str::to_lowercase);
        match (&value, text.as_deref()) {
            (Value::Bool(true), _) | (_, Some("true" | "1" | "1.0")) => Ok(Self::Right),
            (Value::Bool(false), _) | (_, Some("false" | "0" | "0.0")) => Ok(Self::Wrong),
            (Value::Number(number), _) if number.as_f64() == Some(1.0) => Ok(Self::Right),
            (Value::Number(number), _) if number.as_f64() == Some(0.0) => Ok(Self::Wrong),
            _ => Err(LabelError::Neither {
                column: column.to_owned(),
                found: raw.get().chars().take(NAME).collect(),
            }),
        }
    }
}

/// The bucket of a row: a text as it is, anything else as the JSON that is written there; `none` where it has none.
fn bucket(row: &Row, column: &str) -> String {
    let value = row
        .find(column)
        .map(|raw| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned()));
    value.unwrap_or_else(|| "none".to_owned()).chars().take(NAME).collect()
}

impl Confusion {
    fn count(&mut self, outcome: &Outcome, label: Label) {
        *match (outcome.reward().map(|reward| reward >= RIGHT), label) {
            (Some(true), Label::Right) => &mut self.true_positives,
            (Some(true), Label::Wrong) => &mut self.false_positives,
            (Some(false), Label::Wrong) => &mut self.true_negatives,
            (Some(false), Label::Right) => &mut self.false_negatives,
            (None, Label::Right) => &mut self.right_without_verdict,
            (None, Label::Wrong) => &mut self.wrong_without_verdict,
        } += 1;
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.right() + self.wrong() + self.without_verdict()
    }

    /// Rows that are right by the label and have a verdict.
    pub fn right(&self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Rows that are wrong by the label and have a verdict.
    pub fn wrong(&self) -> u64 {
        self.true_negatives + self.false_positives
    }

    /// Rows without a verdict.
    pub fn without_verdict(&self) -> u64 {
        self.right_without_verdict + self.wrong_without_verdict
    }

    /// The share of what is wrong that the verifier calls right.
    pub fn false_positive_rate(&self) -> Option<Share> {
        Share::of(self.false_positives, self.wrong())
    }

    /// The share of what is right that the verifier calls wrong.
    pub fn false_negative_rate(&self) -> Option<Share> {
        Share::of(self.false_negatives, self.right())
    }
}

/// A share of some rows, and between which shares the true one lies: Wilson's interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Share {
    /// `count` of so many; `None` where there are none.
    fn of(count: u64, of: u64) -> Option<Self> {
        const Z: f64 = 1.959_963_984_540_054;
        if of == 0 {
            return None;
        }
        let (n, share) = (of as f64, count as f64 / of as f64);
        let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let (low, high) = ((middle - half).max(0.0), (middle + half).min(1.0));
        // At the ends the formula has no rounding to spare.
        let (low, high) = (if count == 0 { 0.0 } else { low }, if count == of { 1.0 } else { high });
        Some(Self { value: share, low, high })
    }
}

impl Audit {
    /// Nothing yet, of labels in a column, in buckets by the value of another.
    pub fn new(label: &str, by: Option<&str>) -> Self {
        Self { label: label.to_owned(), by: by.map(str::to_owned), ..Self::default() }
    }

    /// Counts what each verifier says of a row, and keeps the first `examples` of each kind where it errs.
    pub fn add(
        &mut self,
        (line, row): (u64, &Row),
        label: Label,
        submission: &Submission,
        score: &Score,
        examples: usize,
    ) {
        self.rows += 1;
        let bucket = self.by.as_deref().map(|by| bucket(row, by));
        for (name, outcome) in &score.outcomes {
            let audit = self.verifiers.entry(name.clone()).or_default();
            audit.all.count(outcome, label);
            if let Some(bucket) = &bucket {
                audit.buckets.entry(bucket.clone()).or_default().count(outcome, label);
            }
            let errs = match (outcome.reward().map(|reward| reward >= RIGHT), label) {
                (Some(true), Label::Wrong) => &mut audit.false_positives,
                (Some(false), Label::Right) => &mut audit.false_negatives,
                _ => continue,
            };
            if errs.len() < examples {
                let (said, submission) = (outcome.into(), submission.into());
                errs.push(AuditExample { line, bucket: bucket.clone(), said, submission });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Failure, Verdict};

    use super::*;

    fn label(value: &str) -> Result<Label, String> {
        let row = Row::parse(&format!(r#"{{"prompt": "", "human": {{"right": {value}}}}}"#)).unwrap();
        Label::of_row(&row, "human.right").map_err(|error| error.to_string())
    }

    #[test]
    fn a_label_says_right_or_wrong_or_is_named() {
        for value in ["true", "1", "1.0", r#"" True""#, r#""1""#] {
            assert_eq!(label(value), Ok(Label::Right), "{value}");
        }
        for value in ["false", "0", "0.0", r#""FALSE""#, r#""0""#] {
            assert_eq!(label(value), Ok(Label::Wrong), "{value}");
        }
        for value in ["0.5", "2", "null", r#""yes""#, "[true]"] {
            assert_eq!(
                label(value).unwrap_err(),
                format!(
                    "the label `human.right` is {value}; it must be true or false, 1 or 0, or one of these as text"
                )
            );
        }
        let row = Row::parse(r#"{"prompt": ""}"#).unwrap();
        let error = Label::of_row(&row, "right").unwrap_err().to_string();
        assert_eq!(error, "no label `right`: its columns are `prompt`");
    }

    #[test]
    fn errors_are_counted_by_bucket_and_what_has_no_verdict_apart() {
        let mut audit = Audit::new("right", Some("kind"));
        let row = |kind: &str| Row::parse(&format!(r#"{{"kind": {kind}}}"#)).unwrap();
        let mut add = |kind: &str, label, reward: Option<f64>| {
            let outcome = match reward {
                Some(reward) => Outcome::verdict(Verdict::new(reward), Duration::ZERO),
                None => Outcome::failure(Failure::Skipped, Duration::ZERO),
            };
            let score =
                Score { reward: Ok(0.0), components: Vec::new(), outcomes: vec![("a".to_owned(), outcome)] };
            audit.add((1, &row(kind)), label, &Submission::default(), &score, 1);
        };
        add(r#""x""#, Label::Right, Some(1.0));
        add(r#""x""#, Label::Right, Some(0.9));
        add(r#""x""#, Label::Right, Some(0.0));
        add("7", Label::Wrong, Some(1.0));
        add("7", Label::Wrong, Some(0.0));
        add("7", Label::Wrong, None);
        let found = &audit.verifiers["a"];
        let expected = Confusion {
            true_positives: 1,
            false_positives: 1,
            true_negatives: 1,
            false_negatives: 2,
            right_without_verdict: 0,
            wrong_without_verdict: 1,
        };
        assert_eq!((found.all.rows(), &found.all), (6, &expected));
        assert_eq!(found.buckets.keys().collect::<Vec<_>>(), ["7", "x"]);
        assert_eq!((found.buckets["x"].false_negatives, found.buckets["7"].false_positives), (2, 1));
        assert_eq!((found.false_positives.len(), found.false_negatives.len()), (1, 1), "the first of each");
        assert_eq!(found.all.false_positive_rate().unwrap().value, 0.5);
    }

    #[test]
    fn a_share_of_few_rows_is_a_wide_interval() {
        assert_eq!(Share::of(0, 0), None);
        let none = Share::of(0, 10).unwrap();
        assert_eq!((none.value, none.low), (0.0, 0.0));
        assert!((none.high - 0.2775).abs() < 1e-4, "{none:?}");
        let half = Share::of(5, 10).unwrap();
        assert!((half.low - 0.2366).abs() < 1e-4 && (half.high - 0.7634).abs() < 1e-4, "{half:?}");
    }
}
