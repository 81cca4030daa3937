//! Scores submissions: each goes through its verifiers in the order of the reward file, and the last outcome triggers
//! the formula. Where completions of a prompt are judged together or compared, it waits for all of them ([`group`]).

mod asking;
mod group;
mod rules;
mod walk;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gavel_judge::JudgeCounts;
use gavel_plugins::LimitSettings;
use gavel_verify::{Call, Cancel, Group, Reply, Reward, Score, Submission, Unanswered, Version};
use tokio::sync::oneshot;

use crate::by_client::Client;
use crate::lowered::{self, AllLowered, RaisedLimit};
use crate::pool::{Full, Job, Pool, Resume};
use crate::workspace::Workspace;
pub(crate) use asking::{Asks, NamedVerifier};
use asking::{ask, keep, limits_of, wait};
use group::{InGroup, OpenGroup};
use rules::Member;
pub(crate) use rules::Rules;
pub(crate) use walk::Walk;

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
        let mut member = self.member(submission, calls);
        while let Some(verifier) = self.judge_up_to_group(&mut member) {
            member.findings.add(verifier.without_group());
        }
        self.rules.score_alone(member)
    }

    /// As [`PluginReward::judge`], of all completions of one prompt. Scores come in their order.
    pub fn judge_group(&self, submissions: Vec<Submission>) -> Vec<Score> {
        let without_calls = |submission| (submission, Calls::new());
        self.judge_recorded_group(submissions.into_iter().map(without_calls).collect())
    }

    /// As [`PluginReward::judge_group`] and [`PluginReward::judge_recorded`].
    pub fn judge_recorded_group(&self, submissions: Vec<(Submission, Calls)>) -> Vec<Score> {
        let members = submissions.into_iter().map(|(submission, calls)| self.member(submission, calls));
        let mut members: Vec<_> = members.collect();
        loop {
            for member in &mut members {
                self.judge_up_to_group(member);
            }
            let Some(place) = self.rules.group_verifier(members.iter()) else { break };
            let verifier = &self.rules.verifiers[place];
            verifier.turns.take();
            let lowered = limits_of(self.lowered.as_ref(), place);
            verifier.ask_group(place, members.iter_mut(), &Cancel::new(), lowered);
            verifier.give_turn_back();
        }
        self.rules.score_group(members)
    }

    fn member(&self, submission: Submission, calls: Calls) -> Member {
        Member::new(submission, self.workspace.replays().then_some(calls))
    }

    /// Takes a submission through its verifiers on the calling thread, up to one that judges groups, which is not asked.
    fn judge_up_to_group(&self, member: &mut Member) -> Option<&NamedVerifier> {
        let verdicts = self.workspace.verdicts().map(|verdicts| &**verdicts);
        while let Some(verifier) = self.rules.next(member) {
            if verifier.judges_groups() {
                return Some(verifier);
            }
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
        None
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
            member: self.member(submission, calls),
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

#[cfg(test)]
mod tests;
