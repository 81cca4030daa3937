//! What has been counted since the server started, for operators and for the page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gavel_verify::{Score, Status};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::history::History;

/// The upper bounds of the buckets of latencies, in seconds.
pub(crate) const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

pub(crate) struct Stats {
    pub(crate) started: Instant,
    /// Requests that are being answered.
    pub(crate) in_flight: AtomicI64,
    counts: Mutex<Counts>,
}

#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// By endpoint and status.
    pub(crate) requests: BTreeMap<String, BTreeMap<u16, u64>>,
    /// By endpoint.
    pub(crate) latencies: BTreeMap<String, Latencies>,
    pub(crate) rewards: Vec<OfReward>,
    pub(crate) history: History,
}

/// How long requests took.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Latencies {
    /// By the first of [`BOUNDS`] that it did not pass, and one for those that passed all.
    pub(crate) buckets: [u64; BOUNDS.len() + 1],
    pub(crate) sum: f64,
}

impl Latencies {
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound that this share of the requests did not pass; `None` where there were none.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted && wanted > 0
        });
        found.map(|place| BOUNDS.get(place).copied().unwrap_or(f64::INFINITY))
    }
}

/// What became of the submissions of a reward.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct OfReward {
    pub(crate) name: String,
    pub(crate) submissions: u64,
    pub(crate) rewarded: u64,
    pub(crate) sum: f64,
    /// Those without a reward, by the kind of reason.
    pub(crate) without: BTreeMap<String, u64>,
    /// By verifier: outcomes by status, in the order of [`Status::ALL`].
    pub(crate) verifiers: IndexMap<String, [u64; Status::ALL.len()]>,
    /// The versions that were loaded, and those that were refused; each of several processes loads them all.
    pub(crate) reloads: u64,
    pub(crate) refused: u64,
}

impl Stats {
    pub(crate) fn new(rewards: impl Iterator<Item = String>) -> Self {
        let rewards = rewards.map(|name| OfReward { name, ..OfReward::default() }).collect();
        let counts = Mutex::new(Counts { rewards, ..Counts::default() });
        Self { started: Instant::now(), in_flight: AtomicI64::new(0), counts }
    }

    /// Goes on from what was counted before, since the server's start so long ago.
    pub(crate) fn go_on(&mut self, before: &Counts, up: Duration) {
        self.lock().add(before);
        self.started = self.started.checked_sub(up).unwrap_or(self.started);
    }

    /// Everything as it is now.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.lock().clone();
        // The last minute is this one, whether anything happened in it or not.
        counts.history.now(self.started.elapsed());
        counts
    }

    pub(crate) fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request that has been answered.
    pub(crate) fn answered(&self, endpoint: &str, status: u16, took: Duration) {
        let mut counts = self.lock();
        // The name is copied only the first time.
        match counts.latencies.get_mut(endpoint) {
            Some(latencies) => latencies.took(took),
            None => {
                let mut latencies = Latencies::default();
                latencies.took(took);
                counts.latencies.insert(endpoint.to_owned(), latencies);
            }
        }
        match counts.requests.get_mut(endpoint) {
            Some(statuses) => *statuses.entry(status).or_default() += 1,
            None => drop(counts.requests.insert(endpoint.to_owned(), BTreeMap::from([(status, 1)]))),
        }
    }

    /// Counts submissions of the reward at this place.
    pub(crate) fn judged(&self, reward: usize, scores: &[Score]) {
        let now = self.started.elapsed();
        let mut counts = self.lock();
        let Counts { rewards, history, .. } = &mut *counts;
        let Some(of_reward) = rewards.get_mut(reward) else { return };
        let minute = history.now(now);
        for score in scores {
            of_reward.submissions += 1;
            match &score.reward {
                Ok(reward) => {
                    of_reward.rewarded += 1;
                    of_reward.sum += reward;
                }
                Err(why) => match of_reward.without.get_mut(why.name()) {
                    Some(count) => *count += 1,
                    None => drop(of_reward.without.insert(why.name().to_owned(), 1)),
                },
            }
            minute.submissions += 1;
            for (name, outcome) in &score.outcomes {
                let status = outcome.status();
                let place = Status::ALL.iter().position(|known| *known == status).unwrap_or_default();
                minute.outcomes[place] += 1;
                match of_reward.verifiers.get_mut(name) {
                    Some(counts) => counts[place] += 1,
                    None => {
                        let mut counts = [0; Status::ALL.len()];
                        counts[place] = 1;
                        of_reward.verifiers.insert(name.clone(), counts);
                    }
                }
            }
        }
    }

    /// Counts a change that was taken up, or refused.
    pub(crate) fn refreshed(&self, reward: usize, taken_up: bool) {
        if let Some(of_reward) = self.lock().rewards.get_mut(reward) {
            if taken_up { of_reward.reloads += 1 } else { of_reward.refused += 1 }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latencies {
    fn took(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = BOUNDS.iter().position(|&bound| seconds <= bound).unwrap_or(BOUNDS.len());
        self.buckets[place] += 1;
        self.sum += seconds;
    }
}

impl Counts {
    /// Adds what another process of the same server has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (endpoint, statuses) in &other.requests {
            let mine = self.requests.entry(endpoint.clone()).or_default();
            statuses.iter().for_each(|(status, count)| *mine.entry(*status).or_default() += count);
        }
        for (endpoint, latencies) in &other.latencies {
            let mine = self.latencies.entry(endpoint.clone()).or_default();
            add_each(&mut mine.buckets, &latencies.buckets);
            mine.sum += latencies.sum;
        }
        for other in &other.rewards {
            if let Some(mine) = self.rewards.iter_mut().find(|mine| mine.name == other.name) {
                mine.add(other);
            }
        }
        self.history.add(&other.history);
    }
}

impl OfReward {
    fn add(&mut self, other: &Self) {
        self.submissions += other.submissions;
        self.rewarded += other.rewarded;
        self.sum += other.sum;
        for (kind, count) in &other.without {
            *self.without.entry(kind.clone()).or_default() += count;
        }
        for (name, outcomes) in &other.verifiers {
            add_each(self.verifiers.entry(name.clone()).or_default(), outcomes);
        }
        // A change is one change, in however many processes.
        self.reloads = self.reloads.max(other.reloads);
        self.refused = self.refused.max(other.refused);
    }
}

/// Adds one row of counts to another.
pub(crate) fn add_each(mine: &mut [u64], others: &[u64]) {
    mine.iter_mut().zip(others).for_each(|(mine, other)| *mine += other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_processes_have_counted_adds_up() {
        let stats = || Stats::new(["a", "b"].map(str::to_owned).into_iter());
        let (one, other) = (stats(), stats());
        one.answered("/v1/score", 200, Duration::from_millis(1));
        other.answered("/v1/score", 200, Duration::from_millis(1));
        other.answered("/v1/score", 429, Duration::from_millis(40));
        let score = Score { reward: Ok(0.5), components: Vec::new(), outcomes: Vec::new() };
        one.judged(1, &[score.clone()]);
        other.judged(1, &[score.clone(), score]);
        one.refreshed(0, true);
        other.refreshed(0, true);
        let mut sum = one.counts();
        // As another process reads it.
        let other = serde_json::to_string(&other.counts()).unwrap();
        sum.add(&serde_json::from_str(&other).unwrap());
        assert_eq!(sum.requests["/v1/score"], BTreeMap::from([(200, 2), (429, 1)]));
        assert_eq!(sum.latencies["/v1/score"].count(), 3);
        assert_eq!((sum.rewards[1].submissions, sum.rewards[1].sum), (3, 1.5));
        assert_eq!((sum.rewards[0].submissions, sum.rewards[0].reloads), (0, 1));
        assert_eq!(sum.history.minutes().last().unwrap().submissions, 3);
    }

    #[test]
    fn a_quantile_is_the_bound_that_so_many_did_not_pass() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        for milliseconds in [1, 1, 1, 40] {
            latencies.took(Duration::from_millis(milliseconds));
        }
        assert_eq!((latencies.quantile(0.5), latencies.quantile(0.99)), (Some(0.001), Some(0.05)));
    }
}
