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
use serde_json::value::RawValue;

use crate::{Error, Submission, Verdict, Verifier, judge};

/// Runs every case and returns how many there are.
///
/// A case is one line of JSON: `name`, `completion`, optionally `prompt`, `reference`, `metadata` (an object) and
/// `options` (an object), and `expect`: a `reward` and, if wanted, some `metrics`; or a `status` such as
/// `invalid-task`, `abstained`, `internal-error` or `invalid-options`. `reason_contains` is a part of what the verifier
/// must say, whichever way it goes.
///
/// # Errors
///
/// [`Failed`] lists every line that is not a case and every case that went another way. Metrics must be among those
/// that the verifier declares.
pub fn check<V: Verifier>(lines: &str) -> Result<usize, Failed> {
    let mut count = 0;
    let mut failures = Vec::new();
    for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        count += 1;
        if let Err(failure) = check_line::<V>(line) {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case<'a> {
    name: String,
    #[serde(default)]
    prompt: String,
    completion: String,
    reference: Option<String>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    options: Option<&'a RawValue>,
    expect: Expectation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    reward: Option<f64>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    status: Option<String>,
    reason_contains: Option<String>,
}

fn check_line<V: Verifier>(line: &str) -> Result<(), String> {
    let case: Case<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let options = case.options.map_or("{}", RawValue::get);
    let answer = judge::<V>(&case.submission(), options);
    case.expect.check::<V>(&answer).map_err(|wrong| format!("{}: {wrong}; got {answer:?}", case.name))
}

impl Case<'_> {
    fn submission(&self) -> Submission {
        let metadata = self.metadata.map_or("{}", RawValue::get);
        let submission = Submission::new(&self.completion).with_prompt(&self.prompt).with_metadata(metadata);
        match &self.reference {
            Some(reference) => submission.with_reference(reference),
            None => submission,
        }
    }
}

impl Expectation {
    fn check<V: Verifier>(&self, answer: &Result<Verdict, Error>) -> Result<(), String> {
        if self.reward.is_none() && self.status.is_none() {
            return Err("expects neither a reward nor a status".to_owned());
        }
        let wanted = self.status.as_deref().unwrap_or("verdict");
        if status(answer) != wanted {
            return Err(format!("expected status {wanted}"));
        }
        if let Some(part) =
            self.reason_contains.as_ref().filter(|part| !reason(answer).contains(part.as_str()))
        {
            return Err(format!("expected a reason with {part:?}"));
        }
        answer.as_ref().map_or(Ok(()), |verdict| self.check_verdict::<V>(verdict))
    }

    fn check_verdict<V: Verifier>(&self, verdict: &Verdict) -> Result<(), String> {
        if let Some(reward) = self.reward.filter(|&reward| !close(reward, verdict.reward)) {
            return Err(format!("expected reward {reward}"));
        }
        if let Some((name, _)) = verdict.metrics.iter().find(|(name, _)| !V::METRICS.contains(&name.as_str()))
        {
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

/// The name that gavel's records give to this answer.
fn status(answer: &Result<Verdict, Error>) -> &'static str {
    match answer {
        Ok(_) => "verdict",
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
