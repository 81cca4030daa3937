//! What a run of `gavel score` came to, for a person.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use gavel_verify::{Score, Status, visible_name};

use crate::columns::Part;
use crate::rows::Row;
use crate::terminal::LABEL;

/// Counts over all submissions; its size does not depend on how many there are.
pub(super) struct Summary {
    start: Instant,
    elapsed: Duration,
    submissions: u64,
    bad_lines: u64,
    /// Submissions with a reward, and its sum.
    rewarded: u64,
    sum: f64,
    /// Submissions without, by the kind of reason.
    without: BTreeMap<&'static str, u64>,
    verifiers: Vec<VerifierSummary>,
    slowest: Option<Slowest>,
    /// The column that holds the reference.
    reference: String,
    /// Submissions that lack that column, where they should have it.
    without_reference: Option<WithoutReference>,
}

/// Submissions that may lack a reference only because its column is called otherwise.
struct WithoutReference {
    count: u64,
    /// Which columns the first one has, and how to say which is the reference.
    advice: String,
    /// Whether one of them looks like it.
    is_likely: bool,
}

struct VerifierSummary {
    name: String,
    /// Submissions by status, in the order of [`Status::ALL`].
    counts: [u64; Status::ALL.len()],
}

impl VerifierSummary {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), counts: Default::default() }
    }

    fn count(&self, status: Status) -> u64 {
        Status::ALL.iter().zip(self.counts).find(|(known, _)| **known == status).map_or(0, |(_, count)| count)
    }
}

/// Limits that end the judging, and the field of a reward file that raises each.
const LIMITS: [(Status, &str); 4] = [
    (Status::OutOfFuel, "fuel"),
    (Status::OutOfMemory, "memory"),
    (Status::Deadline, "timeout"),
    (Status::OutputTooLarge, "output"),
];

/// The most characters of a column's name that are shown.
const NAME: usize = 60;

struct Slowest {
    time: Duration,
    line: u64,
    verifier: String,
}

impl Summary {
    /// Nothing yet, of a reward with these verifiers, and submissions whose references are in this column.
    pub(super) fn new<'a>(verifiers: impl Iterator<Item = &'a str>, reference: &str) -> Self {
        Self {
            start: Instant::now(),
            elapsed: Duration::ZERO,
            submissions: 0,
            bad_lines: 0,
            rewarded: 0,
            sum: 0.0,
            without: BTreeMap::new(),
            verifiers: verifiers.map(VerifierSummary::new).collect(),
            slowest: None,
            reference: reference.to_owned(),
            without_reference: None,
        }
    }

    /// Counts a submission that has no column for the reference, if it should have one: to a verifier it is an invalid task,
    /// or somebody has said what the column is called.
    pub(super) fn count_without_reference(&mut self, row: &Row, is_invalid: bool) {
        let is_named = self.reference != Part::Reference.name();
        if row.find(&self.reference).is_some() || !(is_invalid || is_named) {
            return;
        }
        let without = self.without_reference.get_or_insert_with(|| WithoutReference {
            count: 0,
            advice: format!("{}; {}", row.there(), Part::Reference.advice(row, &self.reference)),
            is_likely: Part::Reference.likely(row).is_some(),
        });
        without.count += 1;
    }

    /// What to do about outcomes that a reward file or a flag can change, a sentence each.
    pub(super) fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if let Some(WithoutReference { count, advice: what, is_likely }) = &self.without_reference
            && (*is_likely || *count == self.submissions)
        {
            let column = visible_name(&self.reference, NAME);
            advice.push(format!("{} without `{column}`: {what}", plural(*count, "submission")));
        }
        for verifier in &self.verifiers {
            for (status, limit) in LIMITS {
                let count = verifier.count(status);
                if count > 0 {
                    advice.push(format!(
                        "{} was {status} on {}: `limits.{limit}` in its table of the reward file raises that",
                        verifier.name,
                        plural(count, "submission")
                    ));
                }
            }
        }
        advice
    }

    pub(super) fn count_bad_line(&mut self) {
        self.bad_lines += 1;
    }

    pub(super) fn bad_lines(&self) -> u64 {
        self.bad_lines
    }

    pub(super) fn submissions(&self) -> u64 {
        self.submissions
    }

    /// Submissions with a reward.
    pub(super) fn rewarded(&self) -> u64 {
        self.rewarded
    }

    /// Submissions without a reward for a reason of this name.
    pub(super) fn without(&self, reason: &str) -> u64 {
        self.without.get(reason).copied().unwrap_or(0)
    }

    pub(super) fn count(&mut self, line: u64, score: &Score) {
        self.submissions += 1;
        match &score.reward {
            Ok(reward) => {
                self.rewarded += 1;
                self.sum += reward;
            }
            Err(reason) => *self.without.entry(reason.name()).or_default() += 1,
        }
        for (place, (name, outcome)) in score.outcomes.iter().enumerate() {
            let summary = self.verifier(place, name);
            if let Some(index) = Status::ALL.iter().position(|&status| status == outcome.status()) {
                summary.counts[index] += 1;
            }
            if self.slowest.as_ref().is_none_or(|slowest| outcome.elapsed > slowest.time) {
                self.slowest = Some(Slowest { time: outcome.elapsed, line, verifier: name.clone() });
            }
        }
    }

    /// The summary of a verifier, which is at `place` unless the reward file has changed; new ones come last.
    fn verifier(&mut self, place: usize, name: &str) -> &mut VerifierSummary {
        let is_it = |verifier: &VerifierSummary| verifier.name == name;
        let place = Some(place).filter(|&place| self.verifiers.get(place).is_some_and(is_it));
        let place = place.or_else(|| self.verifiers.iter().position(is_it)).unwrap_or(self.verifiers.len());
        if place == self.verifiers.len() {
            self.verifiers.push(VerifierSummary::new(name));
        }
        &mut self.verifiers[place]
    }

    /// Stops the clock.
    pub(super) fn end(&mut self) {
        self.elapsed = self.start.elapsed();
    }

    /// One line for the progress bar.
    pub(super) fn so_far(&self) -> String {
        format!("{} scored, mean reward {}", self.submissions, self.mean())
    }

    fn mean(&self) -> String {
        if self.rewarded == 0 { "none".to_owned() } else { format!("{:.4}", self.sum / self.rewarded as f64) }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.verifiers.iter().map(|verifier| verifier.name.as_str());
        let width = names.map(str::len).max().unwrap_or(0).max("mean reward".len());
        let seconds = self.elapsed.as_secs_f64();
        let rate = self.submissions as f64 / seconds;
        write!(f, "scored {} in {seconds:.2} s ({rate:.0}/s)", plural(self.submissions, "submission"))?;
        if self.bad_lines > 0 {
            write!(f, ", left out {}", plural(self.bad_lines, "bad line"))?;
        }
        row(f, width, "mean reward", &self.mean())?;
        if self.submissions > self.rewarded {
            let reasons: Vec<_> =
                self.without.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let count = self.submissions - self.rewarded;
            write!(f, " ({count} without reward: {})", reasons.join(", "))?;
        }
        for verifier in &self.verifiers {
            let counts = Status::ALL.iter().zip(verifier.counts).filter(|&(_, count)| count > 0);
            let counts: Vec<String> = counts.map(|(status, count)| format!("{status} {count}")).collect();
            if !counts.is_empty() {
                row(f, width, &verifier.name, &counts.join(", "))?;
            }
        }
        if let Some(Slowest { time, line, verifier }) = &self.slowest {
            let milliseconds = time.as_secs_f64() * 1e3;
            row(f, width, "slowest", &format!("{verifier} on line {line}, {milliseconds:.2} ms"))?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, width: usize, label: &str, value: &str) -> fmt::Result {
    write!(f, "\n  {LABEL}{label:width$}{LABEL:#}  {value}")
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
