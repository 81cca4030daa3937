//! The updates of a step: learning rates, gradients, what is logged of them, and what is done where one is not finite.

use super::clock::Clock;
use crate::TrainError;
use crate::learn::{Batch, LearnOptions, Learner, UpdateSums};
use crate::metrics::{Metric, Metrics};
use crate::optim::AdamW;
use crate::seeds::{self, Purpose};
use crate::settings::Settings;

/// How these settings learn.
pub(super) fn options(settings: &Settings) -> LearnOptions {
    LearnOptions {
        objective: settings.objective(),
        temperature: settings.temperature,
        mask_truncated_completions: settings.mask_truncated_completions,
        optimizer_batch_size: settings.optimizer_batch_size(),
        micro_batch_size: settings.per_device_train_batch_size,
        micro_batch_tokens: settings.max_tokens_per_micro_batch,
        gradient_checkpointing: settings.gradient_checkpointing,
        router_aux_loss_coef: settings.router_aux_loss_coef,
        old_log_probs: (!settings.is_on_policy()).then_some(settings.old_log_probs),
    }
}

/// Learns from each batch, `num_iterations` times, and gives what is logged of all updates.
///
/// θ ← θ − η ∇ mean(−min(ρ A, clip(ρ) A) + β KL), with the η of this update of this step of all steps.
pub(super) fn learn(
    settings: &Settings,
    learner: &mut Learner<'_>,
    batches: &[Batch],
    (step, steps): (u64, u64),
    clock: &mut Clock,
) -> Result<Metrics, TrainError> {
    let mut metrics = Metrics::default();
    for (index, batch) in std::iter::repeat_n(batches, settings.num_iterations).flatten().enumerate() {
        let update = (step - 1) * settings.updates_per_step() as u64 + index as u64;
        let sums = learner.backward(batch, seeds::derive(settings.seed, Purpose::Update, update))?;
        clock.lap("loss");
        let learning_rate = settings.learning_rate * learning_rate_factor(settings, step, index, steps);
        let norm = if sums.loss.loss.is_finite() { learner.step(learning_rate)? } else { f64::NAN };
        // Where an update was not made, nothing moves, and what it counted is forgotten.
        let rate = if norm.is_finite() { settings.moe_router_bias_update_rate } else { 0.0 };
        let experts = learner.balance_experts(rate)?;
        clock.lap("step");
        let tried = Tried { step, loss: ("loss", sums.loss.loss), norm: ("gradient norm", norm) };
        tried.require_finite(settings, &learner.optimizer, ("skipped_updates", &mut metrics))?;
        metrics.merge(metrics_of_update(&sums, norm, learning_rate, settings.beta != 0.0));
        if let Some(loss) = experts.router_aux_loss {
            metrics.add_mean("aux_loss", loss);
        }
        if let Some(balance) = experts.balance {
            metrics.add_mean("expert_load/max_violation", balance.max_violation);
            metrics.add_mean("expert_load/unused", balance.unused);
        }
    }
    Ok(metrics)
}

/// An update that was tried, with the names that its numbers have in errors.
pub(super) struct Tried {
    pub(super) step: u64,
    pub(super) loss: (&'static str, f64),
    pub(super) norm: (&'static str, f64),
}

impl Tried {
    /// Ends the run where a number is not finite, which the optimiser left the weights alone for; or, with
    /// `skip_nonfinite_updates`, forgets its gradients and counts it under `counter`.
    pub(super) fn require_finite(
        &self,
        settings: &Settings,
        optimizer: &AdamW,
        (counter, metrics): (&'static str, &mut Metrics),
    ) -> Result<(), TrainError> {
        let numbers = [self.loss, self.norm];
        if !settings.skip_nonfinite_updates {
            return numbers
                .into_iter()
                .try_for_each(|(what, value)| TrainError::require_finite(self.step, what, value).map(drop));
        }
        let skipped = numbers.iter().any(|(_, value)| !value.is_finite());
        metrics.add(counter, Metric::Sum(f64::from(u8::from(skipped))));
        if skipped {
            optimizer.forget_gradients();
        }
        Ok(())
    }
}

/// What the learning rate is multiplied by in the `index`-th update of a step; one that is skipped counts all the same.
pub(super) fn learning_rate_factor(settings: &Settings, step: u64, index: usize, steps: u64) -> f64 {
    let updates_per_step = settings.updates_per_step() as u64;
    let (update, updates) = ((step - 1) * updates_per_step + index as u64, steps * updates_per_step);
    let warmup = settings.warmup_updates(updates);
    settings.lr_scheduler_type.factor(update as i64, warmup, updates as i64)
}

/// What is logged of one update.
fn metrics_of_update(sums: &UpdateSums, norm: f64, learning_rate: f64, has_reference: bool) -> Metrics {
    // Of no token, the mean is not a number, and the row of metrics leaves it out.
    let tokens = sums.loss.tokens;
    let mut metrics = Metrics::default();
    metrics.add_mean("loss", sums.loss.loss);
    metrics.add_mean("grad_norm", norm);
    metrics.add("learning_rate", Metric::Latest(learning_rate));
    metrics.add_mean("entropy", sums.entropy / tokens);
    if has_reference {
        metrics.add_mean("kl", sums.loss.kl_mean());
    }
    metrics.add_mean("clip_ratio/low_mean", sums.loss.low_mean());
    metrics.add("clip_ratio/low_min", Metric::Min(sums.loss.low_min));
    metrics.add_mean("clip_ratio/high_mean", sums.loss.high_mean());
    metrics.add("clip_ratio/high_max", Metric::Max(sums.loss.high_max));
    metrics.add_mean("clip_ratio/region_mean", sums.loss.region_mean());
    metrics.add_mean("sampling/sampling_logp_difference/mean", sums.sampling_difference / tokens);
    metrics.add("sampling/sampling_logp_difference/max", Metric::Max(sums.sampling_difference_max));
    metrics
}
