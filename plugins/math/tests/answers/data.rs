//! What the tests on shared data have in common: reading rows, judging, and the list of explained differences.

use std::fs;

use gavel_plugin::{Error, Submission, Verdict, judge};
use gavel_plugin_math::Math;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// The rows of a file of JSON lines; none, and a line that says so, when it is not there.
pub(crate) fn rows<T: DeserializeOwned>(file: &str) -> Option<Vec<T>> {
    let path = format!("{DATA}/{file}");
    let Ok(lines) = fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
        {
            eprintln!("skipped: {path} is not there");
        }
        return None;
    };
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// What the plugin says.
pub(crate) fn verdict(completion: &str, reference: &str, options: &str) -> Result<Verdict, Error> {
    judge::<Math>(&Submission::new(completion).with_reference(reference), options)
}

/// Whether the plugin says that the completion is right. An abstention is none.
pub(crate) fn is_right(completion: &str, reference: &str, options: &str) -> bool {
    verdict(completion, reference, options).is_ok_and(|verdict| verdict.reward == 1.0)
}

/// A case on which the plugin and the data disagree, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    /// The file.
    pub(crate) file: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// Why the plugin is right, or what it does not do.
    pub(crate) reason: String,
}

/// The explained differences of one file.
pub(crate) fn differences(file: &str) -> Vec<Difference> {
    let all = include_str!("../differences.jsonl").lines().map(|line| serde_json::from_str(line).unwrap());
    all.filter(|it: &Difference| it.file == file)
        .inspect(|it| assert!(it.reason.len() > 20, "{it:?}"))
        .collect()
}

/// Asserts that, of the lines that `tested` holds for, exactly those differ that are explained.
pub(crate) fn assert_explained(file: &str, differing: &[(usize, String)], tested: impl Fn(usize) -> bool) {
    let explained: Vec<usize> =
        differences(file).iter().map(|it| it.line).filter(|line| tested(*line)).collect();
    let unexplained: Vec<&String> =
        differing.iter().filter(|(line, _)| !explained.contains(line)).map(|(_, text)| text).collect();
    assert!(unexplained.is_empty(), "{file}: {} unexplained:\n{unexplained:#?}", unexplained.len());
    let stale: Vec<&usize> =
        explained.iter().filter(|line| !differing.iter().any(|(it, _)| it == *line)).collect();
    assert!(stale.is_empty(), "{file}: lines {stale:?} are explained but do not differ");
}
