//! The numbers and the target of a task, and whether an answer keeps to the numbers.

use std::str::FromStr;

use gavel_plugin::{Error, Submission, excerpt};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::Use;

/// A Countdown problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// Ascending.
    numbers: Vec<u64>,
    /// What to reach.
    pub(crate) target: i64,
}

/// A problem as the task's columns or its reference write it; `nums` is what TinyZero's dataset calls the numbers.
///
/// Sets that come from CSV have numbers, or the whole list, as text.
#[derive(Deserialize)]
struct Columns {
    #[serde(default, alias = "nums", deserialize_with = "listed")]
    numbers: Option<Vec<u64>>,
    #[serde(default, deserialize_with = "written")]
    target: Option<i64>,
}

/// A value, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written<T> {
    Value(T),
    Text(String),
}

impl<T: FromStr> Written<T> {
    fn read(self, name: &str) -> Result<T, String> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Text(text) => {
                text.trim().parse().map_err(|_| format!("{name}: {:?} is no whole number", excerpt(&text)))
            }
        }
    }
}

/// A whole number or its text.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let written: Option<Written<i64>> = Option::deserialize(deserializer)?;
    written.map(|it| it.read("target")).transpose().map_err(D::Error::custom)
}

/// A list of numbers or of their texts, or the text of such a list: `[19, 36]`, `["19", "36"]`, `19, 36`, `19 36`.
fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u64>>, D::Error> {
    let written: Option<Written<Vec<Written<u64>>>> = Option::deserialize(deserializer)?;
    let numbers = match written {
        None => return Ok(None),
        Some(Written::Value(numbers)) => numbers,
        Some(Written::Text(text)) => match serde_json::from_str(&text) {
            Ok(numbers) => numbers,
            Err(_) => split(&text),
        },
    };
    let numbers = numbers.into_iter().map(|number| number.read("numbers"));
    numbers.collect::<Result<Vec<_>, _>>().map(Some).map_err(D::Error::custom)
}

/// The numbers of `19, 36` and of `[19 36]`, as a printed array has them.
fn split(text: &str) -> Vec<Written<u64>> {
    let inner = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')']);
    let numbers = inner.split([',', ' ', '\n']).map(str::trim).filter(|number| !number.is_empty());
    numbers.map(|number| Written::Text(number.to_owned())).collect()
}

impl Task {
    /// Reads the problem from the columns, or else from a reference that is a JSON object.
    pub(crate) fn of(submission: &Submission) -> Result<Self, Error> {
        let columns: Columns = submission.metadata()?;
        let columns = match columns {
            Columns { numbers: None, .. } | Columns { target: None, .. } if submission.has_reference() => {
                submission.reference_json()?
            }
            columns => columns,
        };
        let (Some(mut numbers), Some(target)) = (columns.numbers, columns.target) else {
            return Err(Error::InvalidTask(
                "needs the columns `numbers` and `target`, or a reference like {\"numbers\": [1, 2], \"target\": 3}"
                    .to_owned(),
            ));
        };
        if numbers.is_empty() {
            return Err(Error::InvalidTask("numbers: is empty".to_owned()));
        }
        numbers.sort_unstable();
        Ok(Self { numbers, target })
    }

    /// Whether `used`, in any order, is what the rule asks of the given numbers; if not, why.
    pub(crate) fn check_use(&self, used: &[u64], rule: Use) -> Result<(), String> {
        let mut left = self.numbers.clone();
        for number in used {
            match left.binary_search(number) {
                Ok(index) => drop(left.remove(index)),
                Err(_) if self.numbers.contains(number) => return Err(format!("uses {number} too often")),
                Err(_) => return Err(format!("uses {number}, which is not given")),
            }
        }
        match left.first() {
            Some(number) if rule == Use::All => Err(format!("does not use {number}")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(numbers: &[u64]) -> Task {
        Task { numbers: numbers.to_vec(), target: 0 }
    }

    #[test]
    fn columns_come_before_the_reference() {
        let submission = Submission::new("")
            .with_metadata(r#"{"nums": [3, 1], "target": 4}"#)
            .with_reference(r#"{"numbers": [9], "target": 9}"#);
        assert_eq!(Task::of(&submission), Ok(Task { numbers: vec![1, 3], target: 4 }));
    }

    #[test]
    fn numbers_may_be_text() {
        for numbers in
            [r#"["1", "3"]"#, r#""[1, 3]""#, r#""[3 1]""#, r#""3, 1""#, r#"[1, "3"]"#, r#""[\"1\", \"3\"]""#]
        {
            let metadata = format!(r#"{{"nums": {numbers}, "target": " 4 "}}"#);
            let task = Task::of(&Submission::new("").with_metadata(metadata));
            assert_eq!(task, Ok(Task { numbers: vec![1, 3], target: 4 }), "{numbers}");
        }
        for wrong in [r#"["a"]"#, r#"[1.5]"#, r#""one""#, r#"[-1]"#, r#"[[1]]"#, "true"] {
            let task = Task::of(
                &Submission::new("").with_metadata(format!(r#"{{"numbers": {wrong}, "target": 4}}"#)),
            );
            assert!(matches!(task, Err(Error::InvalidTask(_))), "{wrong}: {task:?}");
        }
    }

    #[test]
    fn a_reference_of_another_kind_is_an_invalid_task() {
        assert!(matches!(Task::of(&Submission::new("").with_reference("98")), Err(Error::InvalidTask(_))));
    }

    #[test]
    fn all_means_each_number_as_often_as_it_is_given() {
        assert_eq!(task(&[5, 5, 7]).check_use(&[7, 5, 5], Use::All), Ok(()));
        assert_eq!(task(&[5, 5, 7]).check_use(&[7, 5], Use::All), Err("does not use 5".to_owned()));
        assert_eq!(task(&[5, 7]).check_use(&[5, 5, 7], Use::All), Err("uses 5 too often".to_owned()));
        assert_eq!(task(&[5, 7]).check_use(&[57], Use::All), Err("uses 57, which is not given".to_owned()));
    }

    #[test]
    fn a_subset_may_leave_numbers_out() {
        assert_eq!(task(&[5, 5, 7]).check_use(&[7, 5], Use::Subset), Ok(()));
        assert_eq!(task(&[5, 7]).check_use(&[5, 5], Use::Subset), Err("uses 5 too often".to_owned()));
    }
}
