//! A submission that goes from verifier to verifier on the workspace's threads, and lets go of them while it waits.

use std::sync::Arc;

use gavel_verify::{Cancel, Reply};

use super::answer;
use super::asking::{Asks, ask, keep, limits_of};
use super::group::{Aside, InGroup};
use super::rules::{Member, Rules};
use crate::by_client::Client;
use crate::lowered::AllLowered;
use crate::pool::Resume;
use crate::verdicts::{Key, Verdicts};
use crate::waiting::Waiting;

/// A submission on its way through the verifiers.
pub(crate) struct Walk {
    pub(super) rules: Arc<Rules>,
    pub(super) lowered: Option<AllLowered>,
    pub(super) pool: Resume,
    pub(super) verdicts: Option<Arc<Verdicts>>,
    pub(super) member: Member,
    /// What it holds while it waits.
    pub(super) bytes: usize,
    pub(super) client: Client,
    pub(super) cancel: Cancel,
    /// Its place among the completions that it is compared with; `None` where it is scored by itself.
    pub(super) group: Option<InGroup>,
    pub(super) reply: Reply,
}

impl Walk {
    /// Goes from the first verifier to the last, or until one has no turn free.
    pub(super) fn begin(self: Box<Self>) {
        self.advance(None);
    }

    /// Goes on at the verifier where it was put aside, whose turn it has now.
    pub(super) fn resume(self: Box<Self>) {
        let at = self.member.findings.outcomes.len();
        self.pool.clone().spawn(Box::new(move || self.advance(Some(at))));
    }

    /// `turn` is the verifier whose turn it has already.
    fn advance(mut self: Box<Self>, mut turn: Option<usize>) {
        let verdicts = self.verdicts.clone();
        let rules = Arc::clone(&self.rules);
        let all_lowered = self.lowered.clone();
        while let Some(verifier) = rules.next(&mut self.member) {
            if verifier.judges_groups() {
                match self.group.take() {
                    Some(group) => return group.arrive(self),
                    None => self.member.findings.add(verifier.without_group()),
                }
                continue;
            }
            let lowered = limits_of(all_lowered.as_ref(), self.member.findings.outcomes.len());
            let key = match verifier.known(&self.member.submission, verdicts.as_deref(), lowered) {
                Ok(outcome) => {
                    if turn.take().is_some() {
                        verifier.give_turn_back();
                    }
                    self.member.findings.add(outcome);
                    continue;
                }
                Err(key) => key,
            };
            let asked = match (&verifier.asks, &self.member.calls) {
                (Asks::Here(asked), _) => asked,
                (Asks::Async(waiting), Some(calls)) => {
                    let outcome =
                        waiting.verifier().replay(&self.member.submission, calls.get(&verifier.name));
                    self.member.findings.add(outcome);
                    continue;
                }
                (Asks::Async(waiting), None) => return self.leave(Arc::clone(waiting), key),
            };
            if turn.take() != Some(self.member.findings.outcomes.len()) {
                match verifier.turns.take_or_wait(Aside::Walk(self)) {
                    Some(Aside::Walk(walk)) => self = walk,
                    Some(Aside::Group(_)) => unreachable!("what waits comes back as it is"),
                    None => return,
                }
            }
            let outcome = ask(&**asked, &self.member.submission, &self.cancel, lowered);
            verifier.give_turn_back();
            keep(verdicts.as_deref(), key, &outcome);
            self.member.findings.add(outcome);
        }
        match self.group.take() {
            Some(group) => group.arrive(self),
            None => answer(self.reply, rules.score_alone(self.member)),
        }
    }

    /// Lets go of its thread until an async verifier has an outcome, and goes on behind it.
    fn leave(mut self: Box<Self>, waiting: Arc<Waiting>, key: Option<Key>) {
        let away = self.pool.leave(self.bytes);
        let poller = waiting.poller().clone();
        poller.spawn(async move {
            let outcome = waiting.ask(&self.member.submission, self.client, &self.cancel).await;
            keep(self.verdicts.as_deref(), key, &outcome);
            self.member.findings.add(outcome);
            away.come_back(Box::new(move || self.advance(None)));
        });
    }
}
