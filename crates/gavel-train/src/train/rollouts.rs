//! What each step samples, and how far sampling goes ahead of learning (`rollout_ahead`).

use std::collections::VecDeque;

use gavel_model::{Completion, Finish, Sampling};
use serde::{Deserialize, Serialize};

use super::order::prompts_of_step;
use crate::TrainError;
use crate::rollout::{self, EncodedTask, Rollout, Sampled, Sampler};
use crate::seeds::{self, Purpose};
use crate::settings::Settings;

/// The rollouts of a run, of which the next ones may have been sampled already.
///
/// With `rollout_ahead = k`, the rollout of a step is sampled k steps before it is learnt from, and its rewards have as
/// long to arrive.
pub(super) struct Rollouts<'a> {
    settings: &'a Settings,
    tasks: &'a [EncodedTask],
    /// Steps of the whole run: nothing is sampled beyond.
    steps: u64,
    /// Those that have been sampled, the earliest first.
    ahead: VecDeque<Ahead<'a>>,
}

struct Ahead<'a> {
    step: u64,
    /// Updates of the policy before it was sampled.
    updates: i64,
    prompts: Vec<&'a EncodedTask>,
    sampled: Sampled,
}

/// The completions of a step, with their scores.
pub(super) struct StepRollout<'a> {
    /// The task of each completion: those of a group follow each other.
    pub(super) prompts: Vec<&'a EncodedTask>,
    pub(super) rollout: Rollout,
    /// Updates of the policy since it sampled them.
    pub(super) staleness: i64,
}

/// A rollout that a checkpoint keeps, to be learnt from later. Scores follow from it, and are not kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredRollout {
    step: u64,
    updates: i64,
    completions: Vec<StoredCompletion>,
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
        stored: Vec<StoredRollout>,
        sampler: &Sampler<'_>,
    ) -> Result<Self, TrainError> {
        let mut ahead = VecDeque::new();
        for StoredRollout { step, updates, completions } in stored {
            let prompts = prompts_of_step(settings, tasks, step);
            let completions = completions.into_iter().map(StoredCompletion::restored).collect();
            let sampled = sampler.score_again(&prompts, completions)?;
            ahead.push_back(Ahead { step, updates, prompts, sampled });
        }
        Ok(Self { settings, tasks, steps, ahead })
    }

    /// How many have been sampled ahead.
    pub(super) fn ahead(&self) -> u64 {
        self.ahead.len() as u64
    }

    /// Samples as far ahead as the settings say, then waits for the scores of `step`, after `updates` of the policy.
    pub(super) fn next(
        &mut self,
        sampler: &mut Sampler<'_>,
        step: u64,
        updates: i64,
    ) -> Result<StepRollout<'a>, TrainError> {
        let first = self.ahead.back().map_or(step, |latest| latest.step + 1);
        for step in first..=(step + self.settings.rollout_ahead).min(self.steps) {
            let prompts = prompts_of_step(self.settings, self.tasks, step);
            let sampling = sampling(self.settings, sampler, step);
            let sampled = sampler.sample(&prompts, &sampling).map_err(|error| error.while_sampling(step))?;
            self.ahead.push_back(Ahead { step, updates, prompts, sampled });
        }
        let now = self.ahead.pop_front().expect("the rollout of this step was sampled now or earlier");
        let staleness = updates - now.updates;
        Ok(StepRollout { prompts: now.prompts, rollout: now.sampled.scored()?, staleness })
    }

    /// Those sampled ahead, for a checkpoint.
    pub(super) fn stored(&self) -> Vec<StoredRollout> {
        let stored = |ahead: &Ahead<'_>| StoredRollout {
            step: ahead.step,
            updates: ahead.updates,
            completions: ahead.sampled.completions().map(StoredCompletion::of).collect(),
        };
        self.ahead.iter().map(stored).collect()
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

fn sampling(settings: &Settings, sampler: &Sampler<'_>, step: u64) -> Sampling {
    Sampling {
        max_new_tokens: settings.max_completion_length,
        temperature: settings.temperature,
        top_p: settings.top_p,
        top_k: settings.top_k,
        min_p: settings.min_p,
        seed: seeds::derive(settings.seed, Purpose::Rollout, step),
        first_stream: 0,
        end_tokens: rollout::end_tokens(sampler.model, sampler.tokenizer),
    }
}
