//! What a completion is compared with: its group, as in GRPO, or what a value model expected of it, as in PPO.

use gavel_verify::Reward;
use tch::{Device, Tensor};

use super::clock::Clock;
use super::rewards::{parts_to_compare, rewards_to_compare};
use super::rollouts::StepRollout;
use super::updates::{self, Tried};
use crate::TrainError;
use crate::checkpoint::{Checkpoint, NamedTensors};
use crate::grpo::{self, AdvEstimator, GroupEstimator, MultiObjectiveAggregation};
use crate::learn::{Appraisal, Critic, CriticOptions, Example, ValueUpdate};
use crate::metrics::Metrics;
use crate::ranks::Ranks;
use crate::settings::Settings;

/// What completions are compared with, and whose settings say so.
pub(super) struct Baseline<'a> {
    settings: &'a Settings,
    reward: &'a dyn Reward,
    ranks: &'a Ranks,
    with: With,
}

enum With {
    Group(GroupEstimator),
    /// The group, by each part of the reward, and then the step.
    Parts,
    /// The greedy completion of its prompt.
    Greedy,
    /// What a value model expects, which is trained beside the policy.
    Values(Box<Critic>),
}

/// How much better than expected the completions of a step are.
pub(super) struct Compared {
    /// For each completion one number, or one for each of its tokens.
    advantages: Vec<Vec<f64>>,
    appraisal: Option<Appraisal>,
}

impl<'a> Baseline<'a> {
    pub(super) fn load(
        settings: &'a Settings,
        reward: &'a dyn Reward,
        ranks: &'a Ranks,
        checkpoint: Option<&Checkpoint>,
        device: Device,
    ) -> Result<Self, TrainError> {
        let with = match settings.adv_estimator {
            _ if settings.multi_objective_aggregation == MultiObjectiveAggregation::NormalizeThenSum => {
                With::Parts
            }
            AdvEstimator::Group(estimator) => With::Group(estimator),
            AdvEstimator::Remax => With::Greedy,
            AdvEstimator::Gae => With::Values(Box::new(critic(settings, ranks, checkpoint, device)?)),
        };
        Ok(Self { settings, reward, ranks, with })
    }

    /// The value model, where there is one.
    pub(super) fn critic(&self) -> Option<&Critic> {
        match &self.with {
            With::Values(critic) => Some(critic),
            With::Group(_) | With::Parts | With::Greedy => None,
        }
    }

    /// The value model and its moments, for a checkpoint.
    pub(super) fn critic_with_moments(&self) -> Result<Option<(&Critic, NamedTensors)>, TrainError> {
        let with = |critic: &'_ Critic| self.ranks.moments(&critic.optimizer);
        self.critic().map(|critic| Ok((critic, with(critic)?))).transpose()
    }

    /// The advantages of the completions that `examples` are of, which come in the order in which they are learnt from.
    pub(super) fn compare(
        &self,
        sampled: &StepRollout<'_>,
        examples: &[Example<'_>],
    ) -> Result<Compared, TrainError> {
        let (rewards, lengths) = rewards_to_compare(self.settings, &sampled.rollout);
        let flat = |values: &Tensor| Vec::<f64>::try_from(values.reshape([-1])).expect("a vector of doubles");
        let advantages = match &self.with {
            With::Values(critic) => {
                let mut appraisal = critic.appraise(examples, &flat(&rewards), self.ranks)?;
                let advantages = std::mem::take(&mut appraisal.advantages);
                return Ok(Compared { advantages, appraisal: Some(appraisal) });
            }
            With::Greedy => {
                let greedy =
                    sampled.greedy.as_ref().expect("greedy completions were sampled beside the others");
                let of_prompts: Vec<f64> =
                    greedy.samples.iter().map(|sample| sample.reward().unwrap_or(f64::NAN)).collect();
                grpo::above_greedy(&rewards, &Tensor::from_slice(&of_prompts))
            }
            With::Parts => {
                let (parts, weights) = parts_to_compare(self.settings, &sampled.rollout, self.reward);
                grpo::normalised_then_summed(&parts, &weights)
            }
            With::Group(estimator) => {
                grpo::advantages(&rewards, &lengths, *estimator, self.settings.scale_rewards)
            }
        };
        let advantages = flat(&advantages).into_iter().map(|advantage| vec![advantage]).collect();
        Ok(Compared { advantages, appraisal: None })
    }

    /// Has the value model learn what this step's completions earned.
    pub(super) fn learn(
        &mut self,
        compared: &Compared,
        (step, steps): (u64, u64),
        clock: &mut Clock,
    ) -> Result<Metrics, TrainError> {
        let mut metrics = Metrics::default();
        let (With::Values(critic), Some(appraisal)) = (&mut self.with, &compared.appraisal) else {
            return Ok(metrics);
        };
        metrics.add_mean("value/mean", appraisal.mean);
        metrics.add_mean("value/explained_variance", appraisal.explained_variance);
        let batches = std::iter::repeat_n(&appraisal.batches, self.settings.num_iterations).flatten();
        for (index, batch) in batches.enumerate() {
            let rate = updates::learning_rate_factor(self.settings, step, index, steps);
            let peak = self.settings.value_learning_rate.unwrap_or(self.settings.learning_rate);
            let ValueUpdate { loss, clipped, norm } = critic.update(batch, peak * rate, self.ranks)?;
            let norm_of = ("gradient norm of the value model", norm);
            let tried = Tried { step, loss: ("value loss", loss), norm: norm_of };
            let counted = ("value/skipped_updates", &mut metrics);
            tried.require_finite(self.settings, &critic.optimizer, counted)?;
            metrics.add_mean("value/loss", loss);
            metrics.add_mean("value/clip_ratio", clipped);
            metrics.add_mean("value/grad_norm", norm);
        }
        clock.lap("value");
        Ok(metrics)
    }
}

/// The value model: as it was at a checkpoint, or one that begins as the model of the settings.
fn critic(
    settings: &Settings,
    ranks: &Ranks,
    checkpoint: Option<&Checkpoint>,
    device: Device,
) -> Result<Critic, TrainError> {
    let directory = checkpoint.map_or_else(|| settings.model.clone(), Checkpoint::value_model);
    let options = CriticOptions {
        gamma: settings.gamma,
        lam: settings.lam,
        cliprange_value: settings.cliprange_value,
        optimizer_batch_size: settings.optimizer_batch_size(),
        micro_batch_size: settings.per_device_train_batch_size,
        micro_batch_tokens: settings.max_tokens_per_micro_batch,
        gradient_checkpointing: settings.gradient_checkpointing,
        router_bias_update_rate: settings.moe_router_bias_update_rate,
    };
    let precision = settings.precision(device);
    let (learning, shared) = ((options, settings.adamw()), (ranks, settings.moments()));
    let mut critic = Critic::load(&directory, device, precision, learning, shared)?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.restore_value_model(&mut critic)?;
    }
    Ok(critic)
}

impl Compared {
    /// The examples with their advantages.
    pub(super) fn of<'e>(&'e self, examples: Vec<Example<'e>>) -> Vec<Example<'e>> {
        let with = |example: Example<'e>| Example { advantages: &self.advantages[example.index], ..example };
        examples.into_iter().map(with).collect()
    }

    /// One advantage for each completion, the mean of those of its tokens.
    pub(super) fn means(&self) -> Vec<f64> {
        let mean = |advantages: &Vec<f64>| advantages.iter().sum::<f64>() / advantages.len().max(1) as f64;
        self.advantages.iter().map(mean).collect()
    }
}
