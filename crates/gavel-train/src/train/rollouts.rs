//! What each step samples: how far sampling goes ahead of learning (`rollout_ahead`), and until when it goes on
//! (`filter_groups`).

use std::collections::VecDeque;

use gavel_model::{Completion, Finish, Sampling};
use serde::{Deserialize, Serialize};

use super::filter::Filling;
use super::order;
use crate::TrainError;
use crate::checkpoint::TrainerState;
use crate::grpo::AdvEstimator;
use crate::metrics::{self, Metric, Metrics};
use crate::ranks::Ranks;
use crate::rollout::{self, Rollout, Sampled, Sampler};
use crate::seeds::{self, Purpose};
use crate::settings::Settings;
use crate::task::EncodedTask;

/// The rollouts of a run, of which the next ones may have been sampled already.
///
/// With `rollout_ahead = k`, the rollout of a step is sampled k steps before it is learnt from, and its rewards have as
/// long to arrive.
pub(super) struct Rollouts<'a> {
    settings: &'a Settings,
    tasks: &'a [EncodedTask],
    /// Steps of the whole run: nothing is sampled beyond.
    steps: u64,
    /// Prompts that have been sampled for: the next one is the first of the next rollout.
    prompts: usize,
    /// Those that have been sampled, the earliest first.
    ahead: VecDeque<Ahead<'a>>,
}

struct Ahead<'a> {
    step: u64,
    /// Updates of the policy before it was sampled.
    updates: i64,
    prompts: Vec<&'a EncodedTask>,
    sampled: Sampled<'a>,
    greedy: Option<Sampled<'a>>,
}

/// The completions of a step, with their scores.
pub(super) struct StepRollout<'a> {
    /// The task of each completion: those of a group follow each other.
    pub(super) prompts: Vec<&'a EncodedTask>,
    pub(super) rollout: Rollout,
    /// The likeliest completion of each prompt, where others are compared with it.
    pub(super) greedy: Option<Rollout>,
    /// Prompts that were sampled for up to this step, itself included.
    pub(super) prompts_so_far: u64,
    /// What is logged of how it was sampled.
    pub(super) metrics: Metrics,
}

/// A rollout that a checkpoint keeps, to be learnt from later. Scores follow from it, and are not kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredRollout {
    step: u64,
    updates: i64,
    completions: Vec<StoredCompletion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    greedy: Option<Vec<StoredCompletion>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredCompletion {
    tokens: Vec<i64>,
    log_probs: Vec<f32>,
    truncated: bool,
}

impl<'a> Rollouts<'a> {
    /// Goes on with what a checkpoint keeps, which is handed to the reward again.
    pub(super) fn new(
        settings: &'a Settings,
        tasks: &'a [EncodedTask],
        steps: u64,
        state: &TrainerState,
        stored: Vec<StoredRollout>,
        sampler: &Sampler<'a>,
    ) -> Result<Self, TrainError> {
        let count = settings.prompts_per_step();
        let prompts = if settings.filter_groups { state.prompts } else { state.step * count as u64 };
        let mut rollouts = Self { settings, tasks, steps, prompts: prompts as usize, ahead: VecDeque::new() };
        for StoredRollout { step, updates, completions, greedy } in stored {
            let prompts = rollouts.take(count);
            let score = |prompts: &[&EncodedTask], group, completions: Vec<StoredCompletion>| {
                let restored = completions.into_iter().map(StoredCompletion::restored);
                sampler.score_again(prompts, group, restored.collect())
            };
            let sampled = score(&prompts, settings.num_generations, completions)?;
            let greedy = greedy.map(|greedy| score(&rollouts.each_once(&prompts), 1, greedy)).transpose()?;
            rollouts.ahead.push_back(Ahead { step, updates, prompts, sampled, greedy });
        }
        Ok(rollouts)
    }

    /// How many have been sampled ahead.
    pub(super) fn ahead(&self) -> u64 {
        self.ahead.len() as u64
    }

    /// The rollout of `step`, with its scores, after `updates` of the policy.
    pub(super) fn next(
        &mut self,
        sampler: &mut Sampler<'a>,
        step: u64,
        updates: i64,
    ) -> Result<StepRollout<'a>, TrainError> {
        if self.settings.filter_groups {
            return self.filled(sampler, step);
        }
        self.sample_ahead(sampler, step, updates)?;
        let now = self.ahead.pop_front().expect("the rollout of this step was sampled now or earlier");
        let mut metrics = Metrics::default();
        if self.settings.rollout_ahead > 0 {
            metrics.add("sampling/staleness", Metric::Max((updates - now.updates) as f64));
        }
        let prompts_so_far = step * self.settings.prompts_per_step() as u64;
        let rollout = now.sampled.scored()?;
        let sampled = StepRollout { prompts: now.prompts, rollout, greedy: None, prompts_so_far, metrics };
        sampled.beside(now.greedy)
    }

    /// Samples as far ahead of `step` as the settings say.
    fn sample_ahead(&mut self, sampler: &mut Sampler<'a>, step: u64, updates: i64) -> Result<(), TrainError> {
        let first = self.ahead.back().map_or(step, |latest| latest.step + 1);
        for step in first..=(step + self.settings.rollout_ahead).min(self.steps) {
            let prompts = self.take(self.settings.prompts_per_step());
            let sampled = self.sample(sampler, &prompts, step, 0)?;
            let greedy = self.sample_greedy(sampler, &prompts, step)?;
            self.ahead.push_back(Ahead { step, updates, prompts, sampled, greedy });
        }
        Ok(())
    }

    /// Samples until the rollout of `step` is full of groups that differ, or as often as the settings allow.
    fn filled(&mut self, sampler: &mut Sampler<'a>, step: u64) -> Result<StepRollout<'a>, TrainError> {
        let mut filling = Filling::new(self.settings);
        while let Some(count) = filling.wants() {
            let prompts = self.take(count);
            let sampled = self.sample(sampler, &prompts, step, filling.completions())?;
            filling.add(&prompts, sampled.scored()?);
        }
        let filled = filling.filled(self.prompts as u64);
        let greedy = self.sample_greedy(sampler, &filled.prompts, step)?;
        filled.beside(greedy)
    }

    /// Each prompt of some groups.
    fn each_once<'t>(&self, prompts: &[&'t EncodedTask]) -> Vec<&'t EncodedTask> {
        prompts.iter().step_by(self.settings.num_generations).copied().collect()
    }

    /// The likeliest completion of each prompt, where others are compared with it.
    fn sample_greedy(
        &self,
        sampler: &mut Sampler<'a>,
        prompts: &[&EncodedTask],
        step: u64,
    ) -> Result<Option<Sampled<'a>>, TrainError> {
        if self.settings.adv_estimator != AdvEstimator::Remax {
            return Ok(None);
        }
        let sampling = Sampling { temperature: 0.0, ..self.sampling(sampler, step, 0) };
        let sampled = sampler.sample(&self.each_once(prompts), 1, &sampling);
        sampled.map(Some).map_err(|error| error.while_sampling(step))
    }

    /// The next prompts, each `num_generations` times.
    fn take(&mut self, count: usize) -> Vec<&'a EncodedTask> {
        let first = self.prompts;
        self.prompts += count;
        order::prompts(self.settings, self.tasks, first, count)
    }

    fn sample(
        &self,
        sampler: &mut Sampler<'a>,
        prompts: &[&EncodedTask],
        step: u64,
        first_stream: u64,
    ) -> Result<Sampled<'a>, TrainError> {
        let sampling = self.sampling(sampler, step, first_stream);
        sampler
            .sample(prompts, self.settings.num_generations, &sampling)
            .map_err(|error| error.while_sampling(step))
    }

    fn sampling(&self, sampler: &Sampler<'_>, step: u64, first_stream: u64) -> Sampling {
        Sampling {
            max_new_tokens: self.settings.max_completion_length,
            temperature: self.settings.temperature,
            top_p: self.settings.top_p,
            top_k: self.settings.top_k,
            min_p: self.settings.min_p,
            seed: seeds::derive(self.settings.seed, Purpose::Rollout, step),
            first_stream,
            end_tokens: rollout::end_tokens(sampler.model, sampler.tokenizer),
        }
    }

    /// Those sampled ahead by all ranks, for a checkpoint.
    pub(super) fn stored(&self, ranks: &Ranks) -> Result<Vec<StoredRollout>, TrainError> {
        let completions =
            |sampled: &Sampled<'_>| ranks.all(sampled.completions().map(StoredCompletion::of).collect());
        let stored = |ahead: &Ahead<'_>| {
            Ok(StoredRollout {
                step: ahead.step,
                updates: ahead.updates,
                completions: completions(&ahead.sampled)?,
                greedy: ahead.greedy.as_ref().map(completions).transpose()?,
            })
        };
        self.ahead.iter().map(stored).collect()
    }
}

impl StepRollout<'_> {
    /// With the greedy completions of its prompts, whose scores are waited for.
    fn beside(mut self, greedy: Option<Sampled<'_>>) -> Result<Self, TrainError> {
        let Some(greedy) = greedy.map(Sampled::scored).transpose()? else { return Ok(self) };
        self.rollout.sample_time += greedy.sample_time;
        self.rollout.score_wait += greedy.score_wait;
        let rewards: Vec<f64> = greedy.samples.iter().filter_map(|sample| sample.reward().ok()).collect();
        self.metrics.add_mean("sampling/greedy_reward", metrics::mean(&rewards));
        self.greedy = Some(greedy);
        Ok(self)
    }
}

impl StoredCompletion {
    fn of(completion: &Completion) -> Self {
        Self {
            tokens: completion.tokens.clone(),
            log_probs: completion.log_probs.clone(),
            truncated: completion.finish == Finish::Length,
        }
    }

    fn restored(self) -> Completion {
        let finish = if self.truncated { Finish::Length } else { Finish::Stop };
        Completion { tokens: self.tokens, log_probs: self.log_probs, finish }
    }
}
