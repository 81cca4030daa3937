//! Groups: the completions of one prompt. Each goes through its verifiers by itself, and waits at their end for the others
//! where it is compared with them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gavel_verify::{Group, Reply, Submission};

use super::{Calls, PluginReward, Terms, Walk, answer};
use crate::pool::Resume;

/// The completions of a prompt that wait for each other.
#[derive(Default)]
struct Gathering(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    /// Whether more of them may be submitted.
    open: bool,
    /// How many were submitted that are still judged.
    to_come: usize,
    /// Those that have been judged, with their places.
    there: Vec<(usize, Box<Walk>)>,
}

/// A completion's place in a group. Whichever way it gets lost, the others do not wait for it.
pub(super) struct InGroup {
    place: usize,
    gathering: Arc<Gathering>,
    settled: bool,
}

/// A group to which completions are submitted one by one.
pub(super) struct OpenGroup {
    reward: PluginReward,
    terms: Terms,
    gathering: Arc<Gathering>,
}

impl OpenGroup {
    pub(super) fn new(reward: PluginReward, terms: Terms) -> Self {
        let gathered = Gathered { open: true, ..Gathered::default() };
        Self { reward, terms, gathering: Arc::new(Gathering(Mutex::new(gathered))) }
    }
}

impl Group for OpenGroup {
    fn submit(&mut self, place: usize, submission: Submission, reply: Reply) {
        let group = self.reward.rules.needs_groups().then(|| InGroup::at(place, &self.gathering));
        let (job, bytes) = self.reward.job(submission, Calls::new(), reply, &self.terms, group);
        self.reward.pool().spawn(self.terms.client, job, bytes);
    }
}

/// Closes the group.
impl Drop for OpenGroup {
    fn drop(&mut self) {
        let mut gathered = self.gathering.gathered();
        gathered.open = false;
        // Where all have been judged already, nobody else comes by who could go on.
        if let Some(there) = gathered.complete() {
            Resume::of(self.reward.pool()).spawn(Box::new(|| finish(there)));
        }
    }
}

impl InGroup {
    /// The places of a group of so many, which all are submitted at once.
    pub(super) fn all(count: usize) -> Vec<Self> {
        let gathering = Arc::default();
        (0..count).map(|place| Self::at(place, &gathering)).collect()
    }

    fn at(place: usize, gathering: &Arc<Gathering>) -> Self {
        gathering.gathered().to_come += 1;
        Self { place, gathering: Arc::clone(gathering), settled: false }
    }

    /// Waits for the others, now that its completion has been judged; whoever comes last goes on for all.
    pub(super) fn arrive(mut self, walk: Box<Walk>) {
        self.settle(Some((self.place, walk)));
    }

    fn settle(&mut self, walk: Option<(usize, Box<Walk>)>) {
        self.settled = true;
        let mut gathered = self.gathering.gathered();
        gathered.to_come -= 1;
        gathered.there.extend(walk);
        let complete = gathered.complete();
        drop(gathered);
        complete.into_iter().for_each(finish);
    }
}

impl Drop for InGroup {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(None);
        }
    }
}

impl Gathering {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    /// All of the group in the order of their places, once nobody is waited for.
    fn complete(&mut self) -> Option<Vec<Box<Walk>>> {
        if self.open || self.to_come > 0 || self.there.is_empty() {
            return None;
        }
        let mut there = std::mem::take(&mut self.there);
        there.sort_by_key(|&(place, _)| place);
        Some(there.into_iter().map(|(_, walk)| walk).collect())
    }
}

/// Scores a group whose completions all have been judged.
fn finish(walks: Vec<Box<Walk>>) {
    let Some(first) = walks.first() else { return };
    let rules = Arc::clone(&first.rules);
    let (members, replies): (Vec<_>, Vec<_>) =
        walks.into_iter().map(|walk| (walk.member, walk.reply)).unzip();
    rules.score_group(members).into_iter().zip(replies).for_each(|(score, reply)| answer(reply, score));
}
