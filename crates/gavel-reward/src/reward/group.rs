//! Groups: the completions of one prompt. Each goes through its verifiers by itself, and waits for the others where a
//! verifier judges all of them together, and at the end where the formula compares them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gavel_verify::{Group, Reply, Submission};

use super::asking::limits_of;
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
            let all = WholeGroup { walks: there, gathering: Arc::clone(&self.gathering) };
            Resume::of(self.reward.pool()).spawn(Box::new(|| all.go_on(None)));
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
        if let Some(walks) = complete {
            WholeGroup { walks, gathering: Arc::clone(&self.gathering) }.go_on(None);
        }
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
    fn complete(&mut self) -> Option<Vec<(usize, Box<Walk>)>> {
        if self.open || self.to_come > 0 || self.there.is_empty() {
            return None;
        }
        let mut there = std::mem::take(&mut self.there);
        there.sort_by_key(|&(place, _)| place);
        Some(there)
    }
}

/// What waits for a turn at a verifier.
pub(crate) enum Aside {
    Walk(Box<Walk>),
    Group(WholeGroup),
}

/// All completions of a group, none of which can go on by itself.
pub(crate) struct WholeGroup {
    walks: Vec<(usize, Box<Walk>)>,
    gathering: Arc<Gathering>,
}

impl WholeGroup {
    /// Goes on at the verifier where it was put aside, whose turn it has now.
    pub(super) fn resume(self) {
        let (at, pool) = (self.waits_for(), self.walks[0].1.pool.clone());
        pool.spawn(Box::new(move || self.go_on(at)));
    }

    /// The place of the verifier of groups that is next.
    fn waits_for(&self) -> Option<usize> {
        let rules = &self.walks.first()?.1.rules;
        rules.group_verifier(self.walks.iter().map(|(_, walk)| &walk.member))
    }

    /// Has the next verifier of groups judge those who wait for it, who go on by themselves then; or, where there is none,
    /// scores them all. `turn` is the verifier whose turn it has already.
    fn go_on(self, turn: Option<usize>) {
        let Some((_, first)) = self.walks.first() else { return };
        let rules = Arc::clone(&first.rules);
        let Some(place) = self.waits_for() else { return self.finish() };
        let verifier = &rules.verifiers[place];
        let Self { mut walks, gathering } = match turn {
            Some(turn) if turn == place => self,
            _ => match verifier.turns.take_or_wait(Aside::Group(self)) {
                Some(Aside::Group(group)) => group,
                Some(Aside::Walk(_)) => unreachable!("what waits comes back as it is"),
                None => return,
            },
        };
        let (cancel, all_lowered) = (walks[0].1.cancel.clone(), walks[0].1.lowered.clone());
        let lowered = limits_of(all_lowered.as_ref(), place);
        verifier.ask_group(place, walks.iter_mut().map(|(_, walk)| &mut walk.member), &cancel, lowered);
        verifier.give_turn_back();
        // Those who wait for a verifier further down stay where they are.
        let (asked, others): (Vec<_>, Vec<_>) =
            walks.into_iter().partition(|(_, walk)| walk.member.findings.outcomes.len() == place + 1);
        gathering.gathered().there = others;
        // All of them are waited for before the first goes on.
        let asked: Vec<_> = asked
            .into_iter()
            .map(|(place, mut walk)| {
                walk.group = Some(InGroup::at(place, &gathering));
                walk
            })
            .collect();
        for walk in asked {
            walk.pool.clone().spawn(Box::new(move || walk.begin()));
        }
    }

    /// Scores a group whose completions all have been judged.
    fn finish(self) {
        let Some((_, first)) = self.walks.first() else { return };
        let rules = Arc::clone(&first.rules);
        let (members, replies): (Vec<_>, Vec<_>) =
            self.walks.into_iter().map(|(_, walk)| (walk.member, walk.reply)).unzip();
        rules.score_group(members).into_iter().zip(replies).for_each(|(score, reply)| answer(reply, score));
    }
}
