//! The rewards of a step as numbers to compare, and why there are none.

use gavel_verify::NoReward;
use tch::Tensor;

use crate::rollout::{Rollout, Sample};
use crate::settings::Settings;

/// The rewards of the samples that `counts` holds for, `(P, G)`; NaN for those without reward and all others.
pub(super) fn rewards(settings: &Settings, rollout: &Rollout, counts: impl Fn(&Sample) -> bool) -> Tensor {
    let reward = |sample: &Sample| match sample.reward() {
        Ok(reward) if counts(sample) => reward,
        _ => f64::NAN,
    };
    let rewards: Vec<f64> = rollout.samples.iter().map(reward).collect();
    Tensor::from_slice(&rewards).reshape([-1, settings.num_generations as i64])
}

/// The rewards that advantages are made from: without those of completions that are masked, where they have no say.
pub(super) fn rewards_to_compare(settings: &Settings, rollout: &Rollout) -> Tensor {
    let leaves_out = settings.mask_truncated_completions && !settings.truncated_in_baseline;
    rewards(settings, rollout, |sample| !(leaves_out && sample.truncated))
}

/// Where no completion has a reward: what happened most often, and whether it was this machine's failure.
pub(super) fn why_no_reward(rollout: &Rollout) -> Option<(String, bool)> {
    let mut causes: Vec<(String, bool, usize)> = Vec::new();
    for sample in &rollout.samples {
        let why = sample.reward().err()?;
        let failure = sample
            .score
            .outcomes
            .iter()
            .find_map(|(name, outcome)| Some(format!(" (`{name}`: {})", outcome.result.as_ref().err()?)));
        let text = format!("{why}{}", failure.unwrap_or_default());
        match causes.iter_mut().find(|(known, ..)| *known == text) {
            Some((.., count)) => *count += 1,
            None => causes.push((text, matches!(why, NoReward::HostFailed { .. }), 1)),
        }
    }
    // The first of those that came up most often.
    let most = causes.iter().map(|&(.., count)| count).max()?;
    causes.into_iter().find(|&(.., count)| count == most).map(|(why, host_failed, _)| (why, host_failed))
}
