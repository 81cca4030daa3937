//! What has been counted since the server started, for operators and for the page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gavel_verify::{Score, Status};
use indexmap::IndexMap;

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

#[derive(Default, Clone)]
pub(crate) struct Counts {
    /// By endpoint and status.
    pub(crate) requests: BTreeMap<(String, u16), u64>,
    /// By endpoint.
    pub(crate) latencies: BTreeMap<String, Latencies>,
    pub(crate) rewards: Vec<OfReward>,
    pub(crate) history: History,
}

/// How long requests took.
#[derive(Default, Clone)]
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
#[derive(Default, Clone)]
pub(crate) struct OfReward {
    pub(crate) name: String,
    pub(crate) submissions: u64,
    pub(crate) rewarded: u64,
    pub(crate) sum: f64,
    /// Those without a reward, by the kind of reason.
    pub(crate) without: BTreeMap<&'static str, u64>,
    /// By verifier: outcomes by status, in the order of [`Status::ALL`].
    pub(crate) verifiers: IndexMap<String, [u64; Status::ALL.len()]>,
    /// The versions that were loaded, and those that were refused.
    pub(crate) reloads: u64,
    pub(crate) refused: u64,
}

impl Stats {
    pub(crate) fn new(rewards: impl Iterator<Item = String>) -> Self {
        let rewards = rewards.map(|name| OfReward { name, ..OfReward::default() }).collect();
        let counts = Mutex::new(Counts { rewards, ..Counts::default() });
        Self { started: Instant::now(), in_flight: AtomicI64::new(0), counts }
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
            Some(latencies) => latencies.add(took),
            None => {
                let mut latencies = Latencies::default();
                latencies.add(took);
                counts.latencies.insert(endpoint.to_owned(), latencies);
            }
        }
        *counts.requests.entry((endpoint.to_owned(), status)).or_default() += 1;
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
                Err(why) => *of_reward.without.entry(why.name()).or_default() += 1,
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
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = BOUNDS.iter().position(|&bound| seconds <= bound).unwrap_or(BOUNDS.len());
        self.buckets[place] += 1;
        self.sum += seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_bound_that_so_many_did_not_pass() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        for milliseconds in [1, 1, 1, 40] {
            latencies.add(Duration::from_millis(milliseconds));
        }
        assert_eq!((latencies.quantile(0.5), latencies.quantile(0.99)), (Some(0.001), Some(0.05)));
    }
}
