//! What a run of `gavel score` came to, for a person.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use gavel_reward::JudgeCounts;
use gavel_verify::{Score, Status, visible_name};
use gavel_wire::{Names, Part, Row};

use super::named::Missed;
use crate::columns::{advice, likely};
use crate::rows::plural;
use crate::terminal::LABEL;

/// What a run came to; its size does not depend on how many submissions there are.
pub(super) struct Summary {
    start: Instant,
    elapsed: Duration,
    bad_lines: u64,
    /// The sum of the rewards, in the order of the input: it is the same however many threads there are.
    sum: f64,
    rewarded: u64,
    /// Of all submissions, without their rewards.
    tally: Tally,
    /// The column that holds the reference.
    reference: Names,
    /// What judges were asked, by their names.
    judges: Vec<(String, JudgeCounts)>,
}

/// What some submissions count for. Whoever judges them counts them.
#[derive(Default)]
pub(super) struct Tally {
    submissions: u64,
    /// The rewards of those that have one, in their order.
    rewards: Vec<f64>,
    /// Submissions without, by the kind of reason.
    without: BTreeMap<&'static str, u64>,
    /// The sum of each component's values, and how many there are.
    components: Vec<(String, f64, u64)>,
    verifiers: Vec<VerifierSummary>,
    slowest: Option<Slowest>,
    /// Submissions that lack the column of the reference, where they should have it.
    without_reference: Option<WithoutReference>,
    /// Other columns that somebody named and that some of them lack.
    missed: Vec<Missed>,
}

/// The column that holds the reference.
pub(super) struct ReferenceColumn {
    names: Names,
    /// Whether somebody has said what it is called.
    is_named: bool,
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
    /// Those of them about which it was not asked again.
    cached: u64,
}

impl VerifierSummary {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), counts: Default::default(), cached: 0 }
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

impl ReferenceColumn {
    pub(super) fn new(names: Names) -> Self {
        Self { is_named: names != Names::from(Part::Reference.name()), names }
    }
}

impl Tally {
    /// One submission.
    pub(super) fn of(line: u64, score: &Score) -> Self {
        let mut tally = Self { submissions: 1, ..Self::default() };
        match &score.reward {
            Ok(reward) => tally.rewards.push(*reward),
            Err(reason) => *tally.without.entry(reason.name()).or_default() += 1,
        }
        tally.components.extend(score.components.iter().map(|(name, value)| (name.clone(), *value, 1)));
        for (name, outcome) in &score.outcomes {
            let mut summary = VerifierSummary::new(name);
            if let Some(index) = Status::ALL.iter().position(|&status| status == outcome.status()) {
                summary.counts[index] += 1;
            }
            summary.cached += u64::from(outcome.cached);
            tally.verifiers.push(summary);
            if tally.slowest.as_ref().is_none_or(|slowest| outcome.elapsed > slowest.time) {
                tally.slowest = Some(Slowest { time: outcome.elapsed, line, verifier: name.clone() });
            }
        }
        tally
    }

    /// Counts that the submission has no column for the reference, if it should have one: to a verifier it is an invalid
    /// task, or somebody has said what the column is called.
    pub(super) fn miss_reference(&mut self, column: &ReferenceColumn, row: &Row, score: &Score) {
        let is_invalid = score.outcomes.iter().any(|(_, outcome)| outcome.status() == Status::InvalidTask);
        let is_there = column.names.iter().any(|name| row.find(name).is_some());
        if is_there || !(is_invalid || column.is_named) {
            return;
        }
        self.without_reference = Some(WithoutReference {
            count: 1,
            advice: format!("{}; {}", row.there(), advice(Part::Reference, row, column.names.first())),
            is_likely: likely(Part::Reference, row).is_some(),
        });
    }

    /// Counts the columns that somebody named and that the submission lacks.
    pub(super) fn miss(&mut self, columns: Vec<Missed>) {
        for missed in columns {
            match self.missed.iter_mut().find(|known| known.is(&missed)) {
                Some(known) => known.count += missed.count,
                None => self.missed.push(missed),
            }
        }
    }

    /// Adds those that come behind.
    pub(super) fn add(&mut self, next: Self) {
        self.submissions += next.submissions;
        self.rewards.extend(next.rewards);
        for (reason, count) in next.without {
            *self.without.entry(reason).or_default() += count;
        }
        for (name, sum, count) in next.components {
            match self.components.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, known_sum, known_count)) => {
                    *known_sum += sum;
                    *known_count += count;
                }
                None => self.components.push((name, sum, count)),
            }
        }
        for (place, verifier) in next.verifiers.into_iter().enumerate() {
            self.add_verifier(place, verifier);
        }
        if let Some(slow) = next.slowest
            && self.slowest.as_ref().is_none_or(|slowest| slow.time > slowest.time)
        {
            self.slowest = Some(slow);
        }
        self.miss(next.missed);
        match (&mut self.without_reference, next.without_reference) {
            (Some(first), Some(next)) => first.count += next.count,
            (first @ None, next) => *first = next,
            (Some(_), None) => {}
        }
    }

    /// Adds to a verifier, which is at `place` unless the reward file has changed; new ones come last.
    fn add_verifier(&mut self, place: usize, next: VerifierSummary) {
        let is_it = |verifier: &VerifierSummary| verifier.name == next.name;
        let place = Some(place).filter(|&place| self.verifiers.get(place).is_some_and(is_it));
        match place.or_else(|| self.verifiers.iter().position(is_it)) {
            Some(place) => {
                let counts = self.verifiers[place].counts.iter_mut().zip(next.counts);
                counts.for_each(|(count, next)| *count += next);
                self.verifiers[place].cached += next.cached;
            }
            None => self.verifiers.push(next),
        }
    }
}

impl Summary {
    /// Nothing yet, of a reward with these verifiers, and submissions whose references are in this column.
    pub(super) fn new<'a>(verifiers: impl Iterator<Item = &'a str>, reference: Names) -> Self {
        let tally = Tally { verifiers: verifiers.map(VerifierSummary::new).collect(), ..Tally::default() };
        Self {
            start: Instant::now(),
            elapsed: Duration::ZERO,
            bad_lines: 0,
            sum: 0.0,
            rewarded: 0,
            tally,
            reference,
            judges: Vec::new(),
        }
    }

    /// Adds submissions that come behind those before.
    pub(super) fn add(&mut self, mut next: Tally) {
        for reward in std::mem::take(&mut next.rewards) {
            self.sum += reward;
            self.rewarded += 1;
        }
        self.tally.add(next);
    }

    /// Takes up what judges were asked.
    pub(super) fn asked(&mut self, judges: Vec<(String, JudgeCounts)>) {
        self.judges = judges;
    }

    /// What to do about outcomes that a reward file or a flag can change, a sentence each.
    pub(super) fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if let Some(WithoutReference { count, advice: what, is_likely }) = &self.tally.without_reference
            && (*is_likely || *count == self.tally.submissions)
        {
            let column = visible_name(&self.reference.to_string(), NAME);
            advice.push(format!("{} without `{column}`: {what}", plural(*count, "submission")));
        }
        let missed = self.tally.missed.iter().filter(|missed| missed.count == self.tally.submissions);
        advice.extend(missed.map(Missed::advice));
        for verifier in &self.tally.verifiers {
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
        self.tally.submissions
    }

    /// Submissions with a reward.
    pub(super) fn rewarded(&self) -> u64 {
        self.rewarded
    }

    /// Submissions without a reward for a reason of this name.
    pub(super) fn without(&self, reason: &str) -> u64 {
        self.tally.without.get(reason).copied().unwrap_or(0)
    }

    /// Stops the clock.
    pub(super) fn end(&mut self) {
        self.elapsed = self.start.elapsed();
    }

    /// One line for the progress bar.
    pub(super) fn so_far(&self) -> String {
        format!("{} scored, mean reward {}", self.tally.submissions, self.mean())
    }

    fn mean(&self) -> String {
        if self.rewarded == 0 { "none".to_owned() } else { format!("{:.4}", self.sum / self.rewarded as f64) }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tally.verifiers.iter().map(|verifier| verifier.name.as_str());
        let width = names.map(str::len).max().unwrap_or(0).max("mean reward".len());
        let seconds = self.elapsed.as_secs_f64();
        let rate = self.tally.submissions as f64 / seconds;
        write!(f, "scored {} in {seconds:.2} s ({rate:.0}/s)", plural(self.tally.submissions, "submission"))?;
        if self.bad_lines > 0 {
            write!(f, ", left out {}", plural(self.bad_lines, "bad line"))?;
        }
        row(f, width, "mean reward", &self.mean())?;
        if self.tally.submissions > self.rewarded {
            let reasons: Vec<_> =
                self.tally.without.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let count = self.tally.submissions - self.rewarded;
            write!(f, " ({count} without reward: {})", reasons.join(", "))?;
        }
        let means = self
            .tally
            .components
            .iter()
            .map(|(name, sum, count)| format!("{name} {:.4}", sum / *count as f64));
        let means: Vec<String> = means.collect();
        if !means.is_empty() {
            row(f, width, "components", &means.join(", "))?;
        }
        for verifier in &self.tally.verifiers {
            let counts = Status::ALL.iter().zip(verifier.counts).filter(|&(_, count)| count > 0);
            let counts: Vec<String> = counts.map(|(status, count)| format!("{status} {count}")).collect();
            if !counts.is_empty() {
                row(f, width, &verifier.name, &counts.join(", "))?;
            }
            if verifier.cached > 0 {
                write!(f, " ({} judged once and asked for again)", verifier.cached)?;
            }
            let counts = self.judges.iter().find(|(name, _)| *name == verifier.name);
            if let Some((_, counts)) = counts.filter(|(_, counts)| counts.calls > 0) {
                write!(f, " ({})", calls(counts))?;
            }
        }
        if let Some(Slowest { time, line, verifier }) = &self.tally.slowest {
            let milliseconds = time.as_secs_f64() * 1e3;
            row(f, width, "slowest", &format!("{verifier} on line {line}, {milliseconds:.2} ms"))?;
        }
        Ok(())
    }
}

/// What the calls of a judge came to.
fn calls(counts: &JudgeCounts) -> String {
    let JudgeCounts { calls, failed, retries, prompt_tokens, completion_tokens, cost } = counts;
    let mut text = plural(*calls, "call");
    for (count, what) in [(failed, "failed"), (retries, "tried again")] {
        if *count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text += &format!(", {prompt_tokens} + {completion_tokens} tokens");
    if *cost > 0.0 {
        text += &format!(", cost {cost:.4}");
    }
    text
}

fn row(f: &mut fmt::Formatter<'_>, width: usize, label: &str, value: &str) -> fmt::Result {
    write!(f, "\n  {LABEL}{label:width$}{LABEL:#}  {value}")
}
