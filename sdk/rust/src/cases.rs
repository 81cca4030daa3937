//! Runs a plugin's `cases.jsonl` natively, so that `cargo test` says what `gavel plugin test` would.
//!
//! ```
//! use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, cases};
//!
//! struct ExactMatch;
//!
//! impl Verifier for ExactMatch {
//!     type Options = NoOptions;
//!     const NAME: &str = "exact-match";
//!     const VERSION: &str = "0.1.0";
//!     const SUMMARY: &str = "The completion is the reference.";
//!
//!     fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
//!         Ok(Verdict::right_if(submission.completion() == submission.reference()?))
//!     }
//! }
//!
//! // In a plugin: include_str!("../cases.jsonl")
//! let lines = r#"
//!     {"name": "right", "completion": "42", "reference": "42", "expect": {"reward": 1}}
//!     {"name": "wrong", "completion": "43", "reference": "42", "expect": {"reward": 0}}
//!     {"name": "no reference", "completion": "43", "expect": {"status": "invalid-task"}}
//! "#;
//! assert_eq!(cases::check::<ExactMatch>(lines).unwrap(), 3);
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{Error, GroupVerifier, Submission, Verdict, Verifier, judge, judge_group};

/// Runs every case and returns how many there are.
///
/// A case is one line of JSON: `name`, `completion`, optionally `prompt`, `reference` (what is no text is the JSON that is
/// written there), `options` (an object), the task's other columns, beside these or in the object `metadata`, and
/// `expect`: a `reward` and, if wanted, some `metrics`; or a `status` such as `invalid-task`, `abstained`,
/// `internal-error` or `invalid-options`, or a list of those that are all right. `reason_contains` is a part of what the
/// verifier must say, whichever way it goes.
///
/// # Errors
///
/// [`Failed`] lists every line that is not a case and every case that went another way. Metrics must be among those
/// that the verifier declares.
pub fn check<V: Verifier>(lines: &str) -> Result<usize, Failed> {
    check_lines(lines, check_line::<V>)
}

/// As [`check`], of a verifier of groups. A case has `completions`, a list of texts (or of objects with a `completion` and
/// columns of its own), and `expect` is a list with as many entries, in their order; or a `completion` and an `expect`, as
/// any case, which is a group of one.
///
/// # Errors
///
/// As [`check`].
pub fn check_groups<V: GroupVerifier>(lines: &str) -> Result<usize, Failed> {
    check_lines(lines, check_group::<V>)
}

fn check_lines(lines: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<usize, Failed> {
    let mut count = 0;
    let mut failures = Vec::new();
    for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        count += 1;
        if let Err(failure) = check(line) {
            failures.push(format!("line {}: {failure}", index + 1));
        }
    }
    if failures.is_empty() { Ok(count) } else { Err(Failed { count, failures }) }
}

/// The cases that went another way than they should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failed {
    /// How many cases there are.
    pub count: usize,
    /// One text per failing case, with its line, its name, and what came instead.
    pub failures: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} cases failed", self.failures.len(), self.count)?;
        self.failures.iter().try_for_each(|failure| write!(f, "\n  {failure}"))
    }
}

/// The columns of a case by their names, each as it is written.
#[derive(Clone)]
struct Case<'a>(BTreeMap<String, &'a RawValue>);

/// The columns that are none of the task's metadata.
const OWN: [&str; 8] =
    ["name", "prompt", "completion", "completions", "reference", "metadata", "options", "expect"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    reward: Option<f64>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    #[serde(default)]
    status: Statuses,
    reason_contains: Option<String>,
}

/// What may come of a case.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Statuses {
    #[default]
    Verdict,
    One(String),
    Any(Vec<String>),
}

impl Statuses {
    fn names(&self) -> &[String] {
        match self {
            Self::Verdict => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Any(names) => names,
        }
    }
}

fn check_line<V: Verifier>(line: &str) -> Result<(), String> {
    let case = Case(serde_json::from_str(line).map_err(|error| error.to_string())?);
    let (name, expect): (String, Expectation) = (case.read("name")?, case.read("expect")?);
    let answer = judge::<V>(&case.submission()?, case.raw("options").unwrap_or("{}"));
    expect.check(&answer, V::METRICS).map_err(|wrong| format!("{name}: {wrong}; got {answer:?}"))
}

fn check_group<V: GroupVerifier>(line: &str) -> Result<(), String> {
    let case = Case(serde_json::from_str(line).map_err(|error| error.to_string())?);
    let name: String = case.read("name")?;
    let (members, expected): (Vec<Case<'_>>, Vec<Expectation>) = match case.raw("completions") {
        Some(_) => (case.members()?, case.read("expect")?),
        None => (vec![case.clone()], vec![case.read("expect")?]),
    };
    if members.len() != expected.len() {
        let (members, expected) = (members.len(), expected.len());
        return Err(format!("{name}: {members} completions, and `expect` has {expected} entries"));
    }
    let submissions = members.iter().map(Case::submission).collect::<Result<Vec<_>, _>>()?;
    let answers = judge_group::<V>(&submissions, case.raw("options").unwrap_or("{}"));
    if answers.len() != submissions.len() {
        return Err(format!("{name}: {} verdicts for {} completions", answers.len(), submissions.len()));
    }
    for (place, (answer, expect)) in answers.iter().zip(&expected).enumerate() {
        let wrong = |wrong| format!("{name}, completion {}: {wrong}; got {answer:?}", place + 1);
        expect.check(answer, V::METRICS).map_err(wrong)?;
    }
    Ok(())
}

impl<'a> Case<'a> {
    /// The cases of its completions, each with the columns of all and its own.
    fn members(&self) -> Result<Vec<Self>, String> {
        let wrong = |error: serde_json::Error| format!("`completions`: {error}");
        let raw: &'a str = self.0.get("completions").map_or("[]", |value| value.get());
        let completions: Vec<&'a RawValue> = serde_json::from_str(raw).map_err(wrong)?;
        let member = |completion: &'a RawValue| {
            let mut columns = self.0.clone();
            if completion.get().starts_with('{') {
                columns.extend(
                    serde_json::from_str::<BTreeMap<String, &RawValue>>(completion.get()).map_err(wrong)?,
                );
            } else {
                columns.insert("completion".to_owned(), completion);
            }
            Ok(Self(columns))
        };
        completions.into_iter().map(member).collect()
    }
}

impl Case<'_> {
    fn raw(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(|value| value.get())
    }

    fn read<T: DeserializeOwned>(&self, column: &str) -> Result<T, String> {
        let raw = self.raw(column).ok_or_else(|| format!("no `{column}`"))?;
        serde_json::from_str(raw).map_err(|error| format!("`{column}`: {error}"))
    }

    fn submission(&self) -> Result<Submission, String> {
        let completion: String = self.read("completion")?;
        let prompt = if self.0.contains_key("prompt") { self.read("prompt")? } else { String::new() };
        let submission = Submission::new(completion).with_prompt(prompt).with_metadata(self.metadata()?);
        Ok(match self.raw("reference") {
            None | Some("null") => submission,
            Some(text) if text.starts_with('"') => {
                submission.with_reference(self.read::<String>("reference")?)
            }
            Some(other) => submission.with_reference(other),
        })
    }

    /// The columns of `metadata` and those beside it, as `gavel score` reads them.
    fn metadata(&self) -> Result<String, String> {
        let wrong = |error: serde_json::Error| format!("`metadata`: {error}");
        let metadata = self.raw("metadata").unwrap_or("{}");
        let mut columns: BTreeMap<String, &RawValue> = serde_json::from_str(metadata).map_err(wrong)?;
        let beside = self.0.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
        columns.extend(beside.map(|(name, value)| (name.clone(), *value)));
        // A reference that is a list is text and, beside it, a list.
        let list = self.0.get_key_value("reference").filter(|(_, raw)| raw.get().starts_with('['));
        columns.extend(list.map(|(name, raw)| (name.clone(), *raw)));
        serde_json::to_string(&columns).map_err(wrong)
    }
}

impl Expectation {
    /// `declared` are the metrics of the verifier.
    fn check(&self, answer: &Result<Verdict, Error>, declared: &[&str]) -> Result<(), String> {
        let wanted = self.status.names();
        if self.reward.is_none() && wanted.is_empty() {
            return Err("expects neither a reward nor a status".to_owned());
        }
        let status = status(answer);
        if wanted.is_empty() && status != VERDICT {
            return Err(format!("expected status {VERDICT}"));
        }
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == status) {
            return Err(format!("expected status {}", wanted.join(" or ")));
        }
        if let Some(part) =
            self.reason_contains.as_ref().filter(|part| !reason(answer).contains(part.as_str()))
        {
            return Err(format!("expected a reason with {part:?}"));
        }
        answer.as_ref().map_or(Ok(()), |verdict| self.check_verdict(verdict, declared))
    }

    fn check_verdict(&self, verdict: &Verdict, declared: &[&str]) -> Result<(), String> {
        if let Some(reward) = self.reward.filter(|&reward| !close(reward, verdict.reward)) {
            return Err(format!("expected reward {reward}"));
        }
        if let Some((name, _)) = verdict.metrics.iter().find(|(name, _)| !declared.contains(&name.as_str())) {
            return Err(format!("metric `{name}` is not among those that the verifier declares"));
        }
        for (name, &wanted) in &self.metrics {
            let found = verdict.metrics.iter().find(|(metric, _)| metric == name);
            if !found.is_some_and(|&(_, value)| close(value, wanted)) {
                return Err(format!("expected metric {name} = {wanted}"));
            }
        }
        Ok(())
    }
}

/// Rewards are written in decimal in a case; the last bits do not matter.
fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9
}

/// What the verifier says in words.
fn reason(answer: &Result<Verdict, Error>) -> &str {
    match answer {
        Ok(verdict) => verdict.reason.as_deref().unwrap_or_default(),
        Err(
            Error::InvalidOptions(reason)
            | Error::InvalidTask(reason)
            | Error::Abstain(reason)
            | Error::Internal(reason),
        ) => reason,
    }
}

/// What the status is called of what is no failure.
const VERDICT: &str = "verdict";

/// The name that gavel's records give to this answer.
fn status(answer: &Result<Verdict, Error>) -> &'static str {
    match answer {
        Ok(_) => VERDICT,
        Err(Error::InvalidOptions(_)) => "invalid-options",
        Err(Error::InvalidTask(_)) => "invalid-task",
        Err(Error::Abstain(_)) => "abstained",
        Err(Error::Internal(_)) => "internal-error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoOptions;

    struct Length;

    impl Verifier for Length {
        type Options = NoOptions;
        const NAME: &str = "length";
        const VERSION: &str = "0.1.0";
        const SUMMARY: &str = "As long as the reference.";
        const METRICS: &[&str] = &["length"];

        fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
            let length = submission.completion().len();
            let metric = if submission.prompt() == "misspell" { "lenght" } else { "length" };
            Ok(Verdict::right_if(length == submission.reference()?.len()).metric(metric, length as f64))
        }
    }

    #[test]
    fn the_columns_of_a_case_are_those_that_score_reads() {
        let line = r#"{"name": "x", "completion": "c", "n": [1, 2.50], "metadata": {"m": 1, "n": 3}, "reference": 7.0}"#;
        let submission = Case(serde_json::from_str(line).unwrap()).submission().unwrap();
        assert_eq!(submission.reference(), Ok("7.0"));
        let columns: BTreeMap<String, &RawValue> = submission.metadata().unwrap();
        let columns: Vec<_> = columns.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(columns, [("m", "1"), ("n", "[1, 2.50]")]);
    }

    #[test]
    fn each_way_to_fail_is_told() {
        let lines = r#"{"name": "reward", "completion": "ab", "reference": "a", "expect": {"reward": 1}}
            {"name": "metric", "completion": "ab", "reference": "ab", "expect": {"reward": 1, "metrics": {"length": 3}}}
            {"name": "status", "completion": "ab", "expect": {"reward": 1}}
            {"name": "typo", "completion": "ab", "reference": "ab", "expect": {"rewrad": 1}}
            {"name": "nothing", "completion": "ab", "reference": "ab", "expect": {}}
            {"name": "undeclared", "prompt": "misspell", "completion": "ab", "reference": "ab", "expect": {"reward": 1}}
            {"name": "options", "completion": "ab", "options": {"x": 1}, "reference": "ab", "expect": {"reward": 1}}
            {"name": "reason", "completion": "ab", "expect": {"status": "invalid-task", "reason_contains": "no metadata"}}
            {"name": "fine", "completion": "ab", "reference": "cd", "expect": {"reward": 1, "metrics": {"length": 2}}}"#;
        let failed = check::<Length>(lines).unwrap_err();
        assert_eq!((failed.failures.len(), failed.count), (8, 9), "{failed}");
        assert!(failed.failures[0].starts_with("line 1: reward: expected reward 1"), "{failed}");
        assert!(failed.failures[5].contains("`lenght` is not among"), "{failed}");
        assert!(failed.failures[6].contains("expected status verdict"), "{failed}");
    }
}
