//! Scores submissions: each goes through its verifiers in the order of the reward file, and the last outcome triggers
//! the formula. Where completions of a prompt are compared, it waits for all of them ([`group`]).

mod group;
mod walk;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gavel_judge::{Judge, JudgeCounts};
use gavel_plugins::LimitSettings;
use gavel_verify::{
    Call, Cancel, Failure, Group, NoReward, Outcome, Reply, Reward, Score, Submission, Unanswered, Verifier,
    VerifierVersion, Version,
};
use tokio::sync::oneshot;

use crate::by_client::Client;
use crate::expression::{Condition, Prices, Seen};
use crate::lowered::{self, AllLowered, Lowered, RaisedLimit};
use crate::pool::{Full, Job, Pool, Resume};
use crate::route::Route;
use crate::task::{Columns, Task};
use crate::total::{Summed, Total};
use crate::turns::Turns;
use crate::verdicts::{Key, Question, Verdicts};
use crate::waiting::Waiting;
use crate::workspace::Workspace;
use group::{InGroup, OpenGroup};
pub(crate) use walk::Walk;

/// A verifier with its place in the reward.
pub(crate) struct NamedVerifier {
    pub(crate) name: String,
    /// Of the plugin, and of each interpreter that it may use.
    pub(crate) digests: Vec<(String, String)>,
    /// All that its outcomes depend on; `None` where nobody knows.
    pub(crate) version: Option<VerifierVersion>,
    pub(crate) prices: Prices,
    /// The most bytes of a submission and the options together.
    pub(crate) input: usize,
    pub(crate) when: Option<Condition>,
    pub(crate) turns: Turns<Box<Walk>>,
    /// What its verdicts are kept by; `None` where they are not.
    pub(crate) question: Option<Question>,
    pub(crate) asks: Asks,
    /// The judge that it is, which counts.
    pub(crate) judge: Option<Arc<Judge>>,
}

/// How a verifier is asked.
#[derive(Clone)]
pub(crate) enum Asks {
    /// It judges on the thread that asks it.
    Here(Arc<dyn Verifier>),
    /// It waits for somebody else, and the thread does something else meanwhile.
    Async(Arc<Waiting>),
}

/// The verifiers and what becomes of their outcomes: what a reward file says.
pub(crate) struct Rules {
    verifiers: Vec<NamedVerifier>,
    total: Total,
    route: Option<Route>,
    rows: gavel_wire::Columns,
    version: Option<Version>,
    warned: AtomicBool,
}

/// A submission, and what is known of it so far.
struct Member {
    submission: Submission,
    /// What async verifiers judge by where they replay.
    calls: Option<Calls>,
    /// Of the submission's task: read once, however many verifiers look at them.
    columns: Columns,
    findings: Findings,
}

/// What verifiers said of a submission so far.
#[derive(Default)]
struct Findings {
    /// Of the verifiers from the first on.
    outcomes: Vec<Outcome>,
    /// For each of them, the one for want of whose verdict nobody knew whether to ask it.
    wants: Vec<Option<String>>,
}

/// The reward of a reward file, loaded into a [`Workspace`]: one version, which does not change.
///
/// What is submitted waits for one of the workspace's threads, which then takes it through its verifiers one after
/// the other. Where a verifier has no turn free (`max_concurrency`), the submission is put aside and the thread goes on
/// with another. When this is dropped, what was submitted is still answered. Cheap to clone.
#[derive(Clone)]
pub struct PluginReward {
    workspace: Workspace,
    rules: Arc<Rules>,
    /// What holds in place of the reward file's limits.
    lowered: Option<AllLowered>,
}

/// What verifiers asked of others when a submission was judged, by their names, as a record has it.
pub type Calls = HashMap<String, Call>;

/// On what terms submissions are judged.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Who asks: clients are served in turn.
    pub client: Client,
    /// Ends the judging of what is not needed any more.
    pub cancel: Cancel,
}

impl PluginReward {
    pub(crate) fn new(workspace: Workspace, rules: Rules) -> Self {
        Self { workspace, rules: Arc::new(rules), lowered: None }
    }

    /// The same reward within lower limits: each verifier keeps those of its own that these do not lower. It shares
    /// everything with this one, and costs nothing to make. Judges and verifiers that are no plugins have no such limits.
    ///
    /// # Errors
    /// [`RaisedLimit`] where one of these is higher than every verifier's own.
    pub fn within_limits(&self, limits: &LimitSettings) -> Result<Self, RaisedLimit> {
        let lowered = lowered::lower(&self.rules.verifiers, limits, self.lowered.as_ref())?;
        Ok(Self { lowered: Some(lowered), ..self.clone() })
    }

    /// The names of the verifiers, in the order of the reward file.
    pub fn verifiers(&self) -> impl Iterator<Item = &str> {
        self.rules.verifiers.iter().map(|verifier| verifier.name.as_str())
    }

    /// Where the rows that the reward file is for have the parts of a submission.
    pub fn columns(&self) -> &gavel_wire::Columns {
        &self.rules.rows
    }

    /// The most bytes of a submission, its options among them, that any of the verifiers takes.
    pub fn largest_input(&self) -> usize {
        self.rules.verifiers.iter().map(|verifier| verifier.input).max().unwrap_or(0)
    }

    /// Whether a verifier of it waits for somebody else and holds no thread meanwhile: then it is handed in, by
    /// [`PluginReward::submit_batch`], as many submissions as there is room for, and not one for each thread.
    pub fn is_async(&self) -> bool {
        !self.workspace.replays()
            && self.rules.verifiers.iter().any(|verifier| matches!(verifier.asks, Asks::Async(_)))
    }

    /// The workspace that it judges in.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Scores one submission on the calling thread, which needs [`STACK`](gavel_host::STACK) bytes of stack and must not
    /// be an async runtime's: for who has threads of its own. A verifier without a turn free is waited for. A reward that
    /// compares completions has no number for one that is alone: [`NoReward::NoGroup`].
    pub fn judge(&self, submission: Submission) -> Score {
        self.judge_recorded(submission, Calls::new())
    }

    /// As [`PluginReward::judge`]; in a workspace that [replays](crate::WorkspaceOptions::replay), async verifiers judge by
    /// these calls.
    pub fn judge_recorded(&self, submission: Submission, calls: Calls) -> Score {
        let member = self.judged(submission, calls);
        self.rules.score_alone(member)
    }

    /// As [`PluginReward::judge`], of all completions of one prompt. Scores come in their order.
    pub fn judge_group(&self, submissions: Vec<Submission>) -> Vec<Score> {
        let without_calls = |submission| (submission, Calls::new());
        self.judge_recorded_group(submissions.into_iter().map(without_calls).collect())
    }

    /// As [`PluginReward::judge_group`] and [`PluginReward::judge_recorded`].
    pub fn judge_recorded_group(&self, submissions: Vec<(Submission, Calls)>) -> Vec<Score> {
        let members = submissions.into_iter().map(|(submission, calls)| self.judged(submission, calls));
        self.rules.score_group(members.collect())
    }

    /// Takes a submission through its verifiers on the calling thread.
    fn judged(&self, submission: Submission, calls: Calls) -> Member {
        let mut member = Member::new(submission, self.workspace.replays().then_some(calls));
        let verdicts = self.workspace.verdicts().map(|verdicts| &**verdicts);
        while let Some(verifier) = self.rules.next(&mut member) {
            let lowered = limits_of(self.lowered.as_ref(), member.findings.outcomes.len());
            let key = match verifier.known(&member.submission, verdicts, lowered) {
                Ok(outcome) => {
                    member.findings.add(outcome);
                    continue;
                }
                Err(key) => key,
            };
            let outcome = match &verifier.asks {
                Asks::Here(asked) => {
                    verifier.turns.take();
                    let outcome = ask(&**asked, &member.submission, &Cancel::new(), lowered);
                    verifier.give_turn_back();
                    outcome
                }
                Asks::Async(waiting) => match &member.calls {
                    Some(calls) => waiting.verifier().replay(&member.submission, calls.get(&verifier.name)),
                    None => wait(waiting, &member.submission),
                },
            };
            keep(verdicts, key, &outcome);
            member.findings.add(outcome);
        }
        member
    }

    /// What its judges were asked since it was loaded, and what that cost, by their names.
    pub fn judge_counts(&self) -> Vec<(String, JudgeCounts)> {
        let of = |verifier: &NamedVerifier| Some((verifier.name.clone(), verifier.judge.as_ref()?.counts()));
        self.rules.verifiers.iter().filter_map(of).collect()
    }

    /// Gets every thread of the workspace ready to judge with it: engines start and code is mapped, which the first
    /// submission on each thread would otherwise wait for. Call it before anything is submitted to the workspace.
    pub fn warm(&self) {
        let rules = Arc::clone(&self.rules);
        self.workspace.on_every_thread(move || {
            for verifier in &rules.verifiers {
                if let Asks::Here(verifier) = &verifier.asks {
                    verifier.prepare();
                }
            }
        });
    }

    /// Scores one submission. Needs no particular async runtime.
    ///
    /// # Errors
    /// When the score was lost, which is a bug in gavel.
    pub async fn score(&self, submission: Submission) -> Result<Score, Unanswered> {
        let (sender, score) = oneshot::channel();
        // Who no longer waits for the score does not get it.
        self.submit(submission, Box::new(move |score| drop(sender.send(score))));
        score.await.map_err(|_| Unanswered { count: 1 })
    }

    /// Takes these submissions, however many wait already, and returns at once. Each is answered by its reply, on a
    /// thread of the workspace's; where the terms end before, by outcomes that are [`Failure::HostFailed`].
    pub fn submit_batch(&self, batch: impl IntoIterator<Item = (Submission, Reply)>, terms: &Terms) {
        let batch = batch.into_iter().map(|(submission, reply)| (submission, Calls::new(), reply));
        self.submit_recorded(batch, terms);
    }

    /// As [`PluginReward::submit_batch`]; in a workspace that [replays](crate::WorkspaceOptions::replay), async verifiers
    /// judge each submission by these calls. One that is not among them has no verdict.
    pub fn submit_recorded(
        &self,
        batch: impl IntoIterator<Item = (Submission, Calls, Reply)>,
        terms: &Terms,
    ) {
        for (submission, calls, reply) in batch {
            let (job, bytes) = self.job(submission, calls, reply, terms, None);
            self.pool().spawn(terms.client, job, bytes);
        }
    }

    /// As [`PluginReward::submit_batch`], where there is [room](crate::WorkspaceOptions::room) for all of them.
    ///
    /// # Errors
    /// [`Full`] where there is not: none of them is taken, and no reply is called.
    pub fn try_submit_batch(
        &self,
        batch: impl IntoIterator<Item = (Submission, Reply)>,
        terms: &Terms,
    ) -> Result<(), Full> {
        let jobs = batch
            .into_iter()
            .map(|(submission, reply)| self.job(submission, Calls::new(), reply, terms, None));
        self.pool().try_spawn(terms.client, jobs.collect())
    }

    /// As [`Reward::group`], on these terms.
    pub fn group_on(&self, terms: &Terms) -> Box<dyn Group> {
        Box::new(OpenGroup::new(self.clone(), terms.clone()))
    }

    /// As [`PluginReward::submit_batch`], of submissions in groups: each list has the completions of one prompt.
    pub fn submit_groups(&self, groups: impl IntoIterator<Item = Vec<(Submission, Reply)>>, terms: &Terms) {
        self.submit_recorded_groups(groups.into_iter().map(without_calls), terms);
    }

    /// As [`PluginReward::submit_groups`] and [`PluginReward::submit_recorded`].
    pub fn submit_recorded_groups(
        &self,
        groups: impl IntoIterator<Item = Vec<(Submission, Calls, Reply)>>,
        terms: &Terms,
    ) {
        for group in groups {
            for (job, bytes) in self.jobs_of(group, terms) {
                self.pool().spawn(terms.client, job, bytes);
            }
        }
    }

    /// As [`PluginReward::try_submit_batch`] and [`PluginReward::submit_groups`].
    ///
    /// # Errors
    /// As [`PluginReward::try_submit_batch`].
    pub fn try_submit_groups(
        &self,
        groups: impl IntoIterator<Item = Vec<(Submission, Reply)>>,
        terms: &Terms,
    ) -> Result<(), Full> {
        let jobs = groups.into_iter().flat_map(|group| self.jobs_of(without_calls(group), terms));
        self.pool().try_spawn(terms.client, jobs.collect())
    }

    /// The work of scoring the completions of one prompt.
    fn jobs_of(&self, group: Vec<(Submission, Calls, Reply)>, terms: &Terms) -> Vec<(Job, usize)> {
        let count = if self.rules.needs_groups() { group.len() } else { 0 };
        let mut places = InGroup::all(count).into_iter();
        let job = |(submission, calls, reply)| self.job(submission, calls, reply, terms, places.next());
        group.into_iter().map(job).collect()
    }

    /// The work of scoring a submission, and the bytes that it holds while it waits.
    fn job(
        &self,
        submission: Submission,
        calls: Calls,
        reply: Reply,
        terms: &Terms,
        group: Option<InGroup>,
    ) -> (Job, usize) {
        let Submission { prompt, completion, reference, metadata } = &submission;
        let texts = prompt.len() + completion.len() + metadata.len();
        let bytes = texts + reference.as_ref().map_or(0, String::len) + size_of::<Walk>();
        let walk = Box::new(Walk {
            rules: Arc::clone(&self.rules),
            lowered: self.lowered.clone(),
            pool: Resume::of(self.pool()),
            verdicts: self.workspace.verdicts().cloned(),
            member: Member::new(submission, self.workspace.replays().then_some(calls)),
            bytes,
            client: terms.client,
            cancel: terms.cancel.clone(),
            group,
            reply,
        });
        (Box::new(move || walk.begin()), bytes)
    }

    fn pool(&self) -> &Pool {
        self.workspace.pool()
    }
}

impl Reward for PluginReward {
    fn submit(&self, submission: Submission, reply: Reply) {
        self.submit_batch([(submission, reply)], &Terms::default());
    }

    fn needs_groups(&self) -> bool {
        self.rules.needs_groups()
    }

    fn group(&self) -> Box<dyn Group + '_> {
        self.group_on(&Terms::default())
    }

    fn digests(&self) -> Vec<(String, String)> {
        self.rules.verifiers.iter().flat_map(|verifier| verifier.digests.clone()).collect()
    }

    fn version(&self) -> Option<Version> {
        let version = self.rules.version.clone()?;
        Some(match &self.lowered {
            Some(lowered) => lowered::version_within(version, &self.rules.verifiers, lowered),
            None => version,
        })
    }

    fn components(&self) -> Vec<(String, f64)> {
        self.rules.total.components()
    }
}

impl fmt::Debug for PluginReward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginReward").field("digests", &self.digests()).finish_non_exhaustive()
    }
}

fn without_calls(group: Vec<(Submission, Reply)>) -> Vec<(Submission, Calls, Reply)> {
    group.into_iter().map(|(submission, reply)| (submission, Calls::new(), reply)).collect()
}

fn answer(reply: Reply, score: Score) {
    if catch_unwind(AssertUnwindSafe(|| reply(score))).is_err() {
        tracing::error!("whoever asked for a score panicked when it came");
    }
}

impl NamedVerifier {
    /// What it said of the same submission before; where it has not, what its verdict is kept by.
    fn known(
        &self,
        submission: &Submission,
        verdicts: Option<&Verdicts>,
        lowered: Option<&Lowered>,
    ) -> Result<Outcome, Option<Key>> {
        let question = lowered.map_or(&self.question, |lowered| &lowered.question);
        let (Some(question), Some(verdicts)) = (question, verdicts) else { return Err(None) };
        let asked = Instant::now();
        let key = question.about(submission);
        verdicts.find(&key, asked).ok_or(Some(key))
    }

    /// Lets whoever waits for a turn have it.
    fn give_turn_back(&self) {
        if let Some(walk) = self.turns.give_back() {
            walk.resume();
        }
    }
}

impl Member {
    fn new(submission: Submission, calls: Option<Calls>) -> Self {
        Self { submission, calls, columns: Columns::new(), findings: Findings::default() }
    }

    fn task(&self) -> Task<'_> {
        Task::of(&self.submission, &self.columns)
    }
}

impl Findings {
    fn add(&mut self, outcome: Outcome) {
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
    fn next(&self, member: &mut Member) -> Option<&NamedVerifier> {
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
                Ok(Err(NoReward::Dropped { verifier })) => (Failure::Skipped, Some(verifier)),
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
    fn needs_groups(&self) -> bool {
        self.total.needs_groups()
    }

    /// The score of a submission that is handed in by itself, once every verifier has an outcome.
    fn score_alone(&self, member: Member) -> Score {
        let summed = if self.needs_groups() {
            (Err(NoReward::NoGroup), Vec::new())
        } else {
            caught(|| self.total.of(&member.task(), self.sight(&member))).unwrap_or_else(|| self.panicked())
        };
        self.score(summed, member.findings)
    }

    /// The scores of all completions of a prompt, in their order, once every verifier has an outcome of each.
    fn score_group(&self, members: Vec<Member>) -> Vec<Score> {
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

fn keep(verdicts: Option<&Verdicts>, key: Option<Key>, outcome: &Outcome) {
    if let (Some(verdicts), Some(key)) = (verdicts, key) {
        verdicts.keep(key, outcome);
    }
}

/// What holds for the verifier at a place, where that is not its own.
fn limits_of(lowered: Option<&AllLowered>, place: usize) -> Option<&Lowered> {
    lowered?.get(place)?.as_ref()
}

/// Who no longer waits is not judged for. A verifier must not panic; if it does anyway, that is gavel's fault and costs
/// this submission its verdict.
fn ask(
    verifier: &dyn Verifier,
    submission: &Submission,
    cancel: &Cancel,
    lowered: Option<&Lowered>,
) -> Outcome {
    if cancel.is_set() {
        return without_asking(Failure::HostFailed("cancelled: nobody waits for it any more".to_owned()));
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| match lowered {
        Some(Lowered { limits, .. }) => verifier.verify_within(submission, cancel, limits),
        None => verifier.verify_until(submission, cancel),
    }));
    outcome.unwrap_or_else(|_| {
        tracing::error!("a verifier panicked; this is a bug in gavel");
        without_asking(Failure::HostFailed("gavel panicked while judging".to_owned()))
    })
}

/// Waits on this thread for what an async verifier says.
fn wait(waiting: &Arc<Waiting>, submission: &Submission) -> Outcome {
    let (sender, outcome) = std::sync::mpsc::channel();
    let (asked, submission) = (Arc::clone(waiting), submission.clone());
    waiting.poller().spawn(async move {
        let outcome = asked.ask(&submission, Client::default(), &Cancel::new()).await;
        // Whoever waits is still there.
        drop(sender.send(outcome));
    });
    let lost = || without_asking(Failure::HostFailed("gavel lost an outcome".to_owned()));
    outcome.recv().unwrap_or_else(|_| lost())
}

fn without_asking(failure: Failure) -> Outcome {
    Outcome::failure(failure, Duration::ZERO)
}

#[cfg(test)]
mod tests;
