//! Which groups a step learns from where only those that differ are wanted: DAPO's dynamic sampling (`filter_groups`).
//!
//! A group whose rewards are all equal has advantages of 0, and takes the place of one that would teach something
//! ([2503.14476](https://arxiv.org/abs/2503.14476) §3.2). So prompts are sampled in rounds until the batch is full of groups
//! that differ.

use std::time::Duration;

use tch::Tensor;

use super::rewards::{by_group, given_by, rewards_to_compare};
use super::rollouts::StepRollout;
use crate::grpo;
use crate::metrics::{Metric, Metrics};
use crate::rollout::{Rollout, Sample};
use crate::settings::Settings;
use crate::task::EncodedTask;

/// A batch that is being filled, round by round.
pub(super) struct Filling<'s, 'a> {
    settings: &'s Settings,
    rounds: usize,
    /// Groups of all rounds.
    sampled: usize,
    /// Those that differ, and pass as often as they should.
    wanted: Vec<Group<'a>>,
    /// Those that differ, and pass too often or too seldom.
    too_easy_or_hard: Vec<Group<'a>>,
    /// Those whose rewards are all equal, or that have fewer than two.
    alike: Vec<Group<'a>>,
    sample_time: Duration,
    score_wait: Duration,
}

/// Why a group is not wanted.
#[derive(Debug, Clone, Copy)]
enum Unwanted {
    Alike,
    PassRate,
}

/// The completions of one prompt.
struct Group<'a> {
    task: &'a EncodedTask,
    samples: Vec<Sample>,
}

impl<'s, 'a> Filling<'s, 'a> {
    pub(super) fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            rounds: 0,
            sampled: 0,
            wanted: Vec::new(),
            too_easy_or_hard: Vec::new(),
            alike: Vec::new(),
            sample_time: Duration::ZERO,
            score_wait: Duration::ZERO,
        }
    }

    /// How many prompts to sample for next; `None` once the batch is full, or has been sampled for as often as it may.
    ///
    /// After the first round these are as many as make up for what is missing, if as many of them are left out as before.
    pub(super) fn wants(&self) -> Option<usize> {
        let whole = self.settings.prompts_per_step();
        let missing = whole.saturating_sub(self.wanted.len());
        if missing == 0 || self.rounds == self.settings.max_num_gen_batches {
            return None;
        }
        let expected = (missing * self.sampled).div_ceil(self.wanted.len().max(1));
        Some(if self.rounds == 0 { whole } else { expected.clamp(missing, whole) })
    }

    /// Completions of all rounds: random streams of the next round come behind theirs.
    pub(super) fn completions(&self) -> u64 {
        (self.sampled * self.settings.num_generations) as u64
    }

    /// Takes a round. Those of a group follow each other in `prompts` and in the rollout.
    pub(super) fn add(&mut self, prompts: &[&'a EncodedTask], rollout: Rollout) {
        let wanted = self.wanted(&self.compared(&rollout));
        self.rounds += 1;
        self.sampled += wanted.len();
        self.sample_time += rollout.sample_time;
        self.score_wait += rollout.score_wait;
        let mut samples = rollout.samples.into_iter();
        let size = self.settings.num_generations;
        for (prompts, wanted) in prompts.chunks_exact(size).zip(wanted) {
            let group = Group { task: prompts[0], samples: samples.by_ref().take(size).collect() };
            match wanted {
                Ok(()) => self.wanted.push(group),
                Err(Unwanted::Alike) => self.alike.push(group),
                Err(Unwanted::PassRate) => self.too_easy_or_hard.push(group),
            }
        }
    }

    /// Which groups differ, and are neither too easy nor too hard.
    fn wanted(&self, compared: &Tensor) -> Vec<Result<(), Unwanted>> {
        let rates = self.settings.min_pass_rate..=self.settings.max_pass_rate;
        let groups = grpo::differing_groups(compared).into_iter().zip(grpo::pass_rates(compared));
        let wanted = groups.map(|(differs, rate)| match (differs, rates.contains(&rate)) {
            (false, _) => Err(Unwanted::Alike),
            (true, false) => Err(Unwanted::PassRate),
            (true, true) => Ok(()),
        });
        wanted.collect()
    }

    /// What has to differ within a group, `(P, G)`; NaN for what has no value.
    fn compared(&self, rollout: &Rollout) -> Tensor {
        match &self.settings.filter_groups_metric {
            Some(verifier) => by_group(self.settings, rollout, |sample| given_by(verifier, sample)),
            None => rewards_to_compare(self.settings, rollout).0,
        }
    }

    /// The batch: groups that are wanted in the order in which they were sampled, and behind them as many others as are
    /// missing, first those that differ at least.
    /// What is left over is not learnt from.
    pub(super) fn filled(self, prompts_so_far: u64) -> StepRollout<'a> {
        let whole = self.settings.prompts_per_step();
        let mut metrics = Metrics::default();
        metrics.add_mean("sampling/num_gen_batches", self.rounds as f64);
        metrics.add("sampling/groups_alike", Metric::Sum(self.alike.len() as f64));
        metrics.add("sampling/groups_too_easy_or_hard", Metric::Sum(self.too_easy_or_hard.len() as f64));
        metrics.add("sampling/groups_left_over", Metric::Sum(self.wanted.len().saturating_sub(whole) as f64));
        let (mut prompts, mut samples) = (Vec::new(), Vec::new());
        for group in self.wanted.into_iter().chain(self.too_easy_or_hard).chain(self.alike).take(whole) {
            prompts.extend(std::iter::repeat_n(group.task, group.samples.len()));
            samples.extend(group.samples);
        }
        let rollout = Rollout { samples, sample_time: self.sample_time, score_wait: self.score_wait };
        StepRollout { prompts, rollout, greedy: None, prompts_so_far, metrics }
    }
}
