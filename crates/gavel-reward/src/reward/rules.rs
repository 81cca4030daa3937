//! What a reward file says of a submission: which verifier is next, and what their outcomes come to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use gavel_verify::{Failure, NoReward, Outcome, Score, Submission, Version};

use super::Calls;
use super::asking::{NamedVerifier, without_asking};
use crate::expression::{Prices, Seen};
use crate::route::Route;
use crate::task::{Columns, Task};
use crate::total::{Summed, Total};

/// The verifiers and what becomes of their outcomes: what a reward file says.
pub(crate) struct Rules {
    pub(super) verifiers: Vec<NamedVerifier>,
    pub(super) total: Total,
    route: Option<Route>,
    pub(super) rows: gavel_wire::Columns,
    pub(super) version: Option<Version>,
    warned: AtomicBool,
}

/// A submission, and what is known of it so far.
pub(super) struct Member {
    pub(super) submission: Submission,
    /// What async verifiers judge by where they replay.
    pub(super) calls: Option<Calls>,
    /// Of the submission's task: read once, however many verifiers look at them.
    columns: Columns,
    pub(super) findings: Findings,
}

/// What verifiers said of a submission so far.
#[derive(Default)]
pub(super) struct Findings {
    /// Of the verifiers from the first on.
    pub(super) outcomes: Vec<Outcome>,
    /// For each of them, the one for want of whose verdict nobody knew whether to ask it.
    wants: Vec<Option<String>>,
}

impl Member {
    pub(super) fn new(submission: Submission, calls: Option<Calls>) -> Self {
        Self { submission, calls, columns: Columns::new(), findings: Findings::default() }
    }

    fn task(&self) -> Task<'_> {
        Task::of(&self.submission, &self.columns)
    }
}

impl Findings {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.add_wanting(outcome, None);
    }

    /// As [`Findings::add`]; `wants` is the verifier for want of whose verdict nobody knew whether to ask.
    fn add_wanting(&mut self, outcome: Outcome, wants: Option<String>) {
        self.outcomes.push(outcome);
        self.wants.push(wants);
    }

    fn seen(&self, place: usize, prices: Prices) -> Seen<'_> {
        Seen { outcome: &self.outcomes[place], prices, wants: self.wants[place].as_deref() }
    }
}

impl Rules {
    /// `rows` says where rows have the parts of a submission.
    pub(crate) fn new(
        verifiers: Vec<NamedVerifier>,
        total: Total,
        route: Option<Route>,
        rows: gavel_wire::Columns,
    ) -> Self {
        Self { verifiers, total, route, rows, version: None, warned: AtomicBool::new(false) }
    }

    /// The same rules, and what is recorded of them.
    pub(crate) fn of_version(self, version: Version) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The next verifier to ask, after those that have an outcome. Those that are not to be asked get theirs here.
    ///
    /// A condition looks only at verifiers above its own, so it has a value when it is its turn.
    pub(super) fn next(&self, member: &mut Member) -> Option<&NamedVerifier> {
        let Member { submission, columns, findings, .. } = member;
        let task = &Task::of(submission, columns);
        loop {
            let place = findings.outcomes.len();
            let verifier = self.verifiers.get(place)?;
            match self.route.as_ref().map_or(Ok(true), |route| route.leads_to(place, task)) {
                Ok(true) => {}
                Ok(false) => {
                    findings.add(without_asking(Failure::Skipped));
                    continue;
                }
                Err(problem) => {
                    findings.add(without_asking(Failure::InvalidTask(problem)));
                    continue;
                }
            }
            let Some(when) = &verifier.when else { return Some(verifier) };
            let see = |place: usize| findings.seen(place, self.verifiers[place].prices);
            let (outcome, wants) = match catch_unwind(AssertUnwindSafe(|| when.holds(task, see))) {
                Ok(Ok(true)) => return Some(verifier),
                Ok(Ok(false)) => (Failure::Skipped, None),
                // Nobody knows whether to ask it. Nothing is wrong with it, but it is not worth 0 either.
                Ok(Err(NoReward::Dropped { verifier })) => {
                    (Failure::ConditionUnknown { verifier: verifier.clone() }, Some(verifier))
                }
                Ok(Err(problem)) => {
                    let reason = format!("its condition has no value: {problem}");
                    let failure = match problem {
                        NoReward::HostFailed { .. } => Failure::HostFailed(reason),
                        NoReward::TaskColumn { .. } => Failure::InvalidTask(reason),
                        _ => Failure::InternalError(reason),
                    };
                    (failure, None)
                }
                Err(_) => {
                    tracing::error!("a condition panicked; this is a bug in gavel");
                    (Failure::HostFailed("gavel panicked in a condition".to_owned()), None)
                }
            };
            findings.add_wanting(without_asking(outcome), wants);
        }
    }

    /// Whether completions of a prompt are compared with each other.
    pub(super) fn needs_groups(&self) -> bool {
        self.total.needs_groups() || self.verifiers.iter().any(NamedVerifier::judges_groups)
    }

    /// The place of the first verifier of groups that one of these waits for, all of which have been taken as far as they
    /// can go by themselves.
    pub(super) fn group_verifier<'m>(&self, members: impl Iterator<Item = &'m Member>) -> Option<usize> {
        let places = members.map(|member| member.findings.outcomes.len());
        places.min().filter(|place| *place < self.verifiers.len())
    }

    /// The score of a submission that is handed in by itself, once every verifier has an outcome.
    pub(super) fn score_alone(&self, member: Member) -> Score {
        let summed = if self.needs_groups() {
            (Err(NoReward::NoGroup), Vec::new())
        } else {
            caught(|| self.total.of(&member.task(), self.sight(&member))).unwrap_or_else(|| self.panicked())
        };
        self.score(summed, member.findings)
    }

    /// The scores of all completions of a prompt, in their order, once every verifier has an outcome of each.
    pub(super) fn score_group(&self, members: Vec<Member>) -> Vec<Score> {
        let sums = caught(|| {
            let seen = members.iter().map(|member| (member.task(), self.sight(member)));
            self.total.of_group(&seen.collect::<Vec<_>>())
        });
        let sums = sums.unwrap_or_else(|| members.iter().map(|_| self.panicked()).collect());
        let scores = members.into_iter().zip(sums).map(|(member, sum)| self.score(sum, member.findings));
        scores.collect()
    }

    fn score(&self, (reward, components): Summed, findings: Findings) -> Score {
        if let Err(
            problem @ (NoReward::MissingMetric { .. }
            | NoReward::TaskColumn { .. }
            | NoReward::NotFinite { .. }
            | NoReward::NoGroup),
        ) = &reward
        {
            self.warn(problem);
        }
        let names = self.verifiers.iter().map(|verifier| verifier.name.clone());
        Score { reward, components, outcomes: names.zip(findings.outcomes).collect() }
    }

    /// What a formula sees of the verifiers, by their places.
    fn sight<'m>(&'m self, member: &'m Member) -> impl Fn(usize) -> Seen<'m> {
        |place| member.findings.seen(place, self.verifiers[place].prices)
    }

    /// What a formula that panicked comes to.
    fn panicked(&self) -> Summed {
        let last = self.verifiers.last().map_or_else(String::new, |verifier| verifier.name.clone());
        (Err(NoReward::HostFailed { verifier: last }), Vec::new())
    }

    /// A formula that fails on one submission may fail on a million: the first is enough for a person.
    fn warn(&self, problem: &NoReward) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("a submission has no reward: {problem}; no more such warnings");
        }
    }
}

/// What a formula comes to; `None` where it panicked.
fn caught<T>(sum: impl FnOnce() -> T) -> Option<T> {
    let summed = catch_unwind(AssertUnwindSafe(sum));
    summed.inspect_err(|_| tracing::error!("the formula panicked; this is a bug in gavel")).ok()
}
