//! Which tasks a step samples, and in which order it learns from what came of them.

use super::rollouts::StepRollout;
use crate::learn::Example;
use crate::rollout::Sample;
use crate::seeds::{self, Purpose};
use crate::settings::Settings;
use crate::task::EncodedTask;

/// So many tasks of a run, after the first ones, each `num_generations` times. Every epoch has an order of its own.
pub(super) fn prompts<'a>(
    settings: &Settings,
    tasks: &'a [EncodedTask],
    first: usize,
    count: usize,
) -> Vec<&'a EncodedTask> {
    let mut order = (usize::MAX, Vec::new());
    let task = |position: usize| {
        let (epoch, place) = (position / tasks.len(), position % tasks.len());
        if !settings.shuffle_dataset {
            return &tasks[place];
        }
        if order.0 != epoch {
            let seed = seeds::derive(settings.seed, Purpose::TaskOrder, epoch as u64);
            order = (epoch, seeds::shuffled(tasks.len(), seed));
        }
        &tasks[order.1[place]]
    };
    let chosen: Vec<&EncodedTask> = (first..first + count).map(task).collect();
    chosen.into_iter().flat_map(|task| std::iter::repeat_n(task, settings.num_generations)).collect()
}

/// What is learnt from, without advantages yet; in an order of the seed's when several updates share it, so that each
/// sees many prompts.
pub(super) fn examples<'a>(settings: &Settings, sampled: &'a StepRollout<'_>, step: u64) -> Vec<Example<'a>> {
    let example = |index: usize| {
        let sample: &Sample = &sampled.rollout.samples[index];
        Example {
            prompt: &sampled.prompts[index].prompt,
            completion: &sample.tokens,
            sampled_log_probs: &sample.log_probs,
            truncated: sample.truncated,
            advantages: &[],
            index,
        }
    };
    let count = sampled.rollout.samples.len();
    if count == settings.optimizer_batch_size() {
        return (0..count).map(example).collect();
    }
    seeds::shuffled(count, seeds::derive(settings.seed, Purpose::BatchOrder, step))
        .into_iter()
        .map(example)
        .collect()
}
