//! GRPO as pure functions on tensors: advantages, ratios, the clipped loss, its normalisers, and what is logged of them.
//!
//! Nothing here knows of models, optimisers or files. Shapes are written as `(P, G)` for prompts × generations of
//! one prompt, and `(B, T)` for completions × tokens. `docs/grpo.md` maps every equation to its function.
//!
//! Sources: DeepSeekMath ([2402.03300](https://arxiv.org/abs/2402.03300)) for GRPO, DAPO
//! ([2503.14476](https://arxiv.org/abs/2503.14476)), Dr. GRPO ([2503.20783](https://arxiv.org/abs/2503.20783)), GSPO
//! ([2507.18071](https://arxiv.org/abs/2507.18071)), and TRL 1.16, whose option names and numbers these are.

mod advantages;
pub mod gae;
mod kl;
mod options;
mod picks;
mod sums;
mod surrogate;

use tch::{Kind, Tensor};

pub use advantages::{
    above_greedy, advantages, differing_groups, frac_reward_zero_std, nan_mean, nan_std,
    normalised_then_summed, pass_rates, remaining,
};
pub use kl::kl;
pub use options::{
    AdvEstimator, GroupEstimator, GroupFilter, ImportanceSamplingLevel, KlEstimator, LossType,
    MultiObjectiveAggregation, Objective, ScaleRewards, Surrogate,
};
pub use picks::{Picks, Survey};
pub use sums::LossSums;
use sums::logged;
use surrogate::{Policies, surrogate};

/// One micro-batch: some of the completions of an optimiser's batch.
#[derive(Debug)]
pub struct MicroBatch<'a> {
    /// `log π(o_t)` under the policy being trained, `(B, T)`; the loss is differentiated through it.
    pub log_probs: &'a Tensor,
    /// `log π_old(o_t)` under the policy that sampled, `(B, T)`. `None` means on-policy: the detached `log_probs`.
    pub old_log_probs: Option<&'a Tensor>,
    /// `log π_ref(o_t)`, `(B, T)`; needed when `beta` is not 0.
    pub reference_log_probs: Option<&'a Tensor>,
    /// One advantage per completion, `(B)`, or per token, `(B, T)`.
    pub advantages: &'a Tensor,
    /// 1 where a token counts, 0 elsewhere, `(B, T)`, of the kind of `log_probs`.
    pub mask: &'a Tensor,
    /// The entropy of the distribution that each token is drawn from, `(B, T)`; needed when `entropy_coef` is not 0. The
    /// loss is differentiated through it.
    pub entropies: Option<&'a Tensor>,
    /// Tokens that are singled out among those of the optimiser's batch.
    pub picks: &'a Picks,
}

/// The sizes by which a loss is divided. They are those of whole batches, never of a micro-batch, so that a batch
/// has the same loss and the same gradient however it is split into micro-batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchSize {
    /// Completions in the optimiser's batch.
    pub completions: i64,
    /// Tokens that count in the optimiser's batch.
    pub tokens: f64,
    /// Completions in the generation batch, of which the optimiser's batch is a part or the whole.
    pub generation_completions: i64,
    /// Tokens that count in the generation batch.
    pub generation_tokens: f64,
    /// Tokens of the optimiser's batch whose entropy is paid for: those that count, or those that are picked by theirs.
    pub entropy_tokens: f64,
}

/// The loss of a micro-batch, and what is logged of it, still on its device.
#[derive(Debug)]
pub struct Terms {
    /// A scalar: this micro-batch's summand of the loss of the optimiser's batch.
    pub loss: Tensor,
    /// The numbers of [`LossSums`], in their order, as doubles.
    pub logged: Tensor,
}

/// The loss of a micro-batch, and what is logged of it.
#[derive(Debug)]
pub struct Loss {
    /// A scalar: this micro-batch's summand of the loss of the optimiser's batch.
    pub loss: Tensor,
    /// Sums over the micro-batch.
    pub sums: LossSums,
}

/// `ρ`, the probability ratio of the new policy to the one that sampled.
///
/// By token: `ρ_t = π(o_t) / π_old(o_t)`, `(B, T)`. By sequence (GSPO eq. 7): the geometric mean of the tokens' ratios,
/// `ρ = exp(Σ_t m_t (log π − log π_old) / Σ_t m_t)`, `(B, 1)`.
pub fn ratio(
    log_probs: &Tensor,
    old_log_probs: &Tensor,
    mask: &Tensor,
    level: ImportanceSamplingLevel,
) -> Tensor {
    let log_ratio = log_probs - old_log_probs;
    match level {
        ImportanceSamplingLevel::Token => log_ratio.exp(),
        ImportanceSamplingLevel::Sequence => mean_of_tokens(&log_ratio, mask).exp().unsqueeze(-1),
    }
}

/// One number from per-token losses `(B, T)` or `(B, 1)`: the micro-batch's summand of the loss of its batch.
///
/// | `loss_type` | |
/// |---|---|
/// | `grpo`, `sapo` | `Σ_i (Σ_t ℓ m / max(Σ_t m, 1)) / completions` |
/// | `dr_grpo` | `Σ ℓ m / (completions · max_completion_length)` |
/// | `bnpo` | `Σ ℓ m / max(tokens, 1)` |
/// | `luspo` | `Σ ℓ m / completions` |
/// | `dapo`, `cispo`, `vespo` | `Σ ℓ m / (max(generation tokens, 1) · completions / generation completions)` |
pub fn aggregate(per_token: &Tensor, mask: &Tensor, objective: &Objective, size: &BatchSize) -> Tensor {
    let completions = size.completions as f64;
    let masked = per_token * mask;
    match objective.loss_type {
        LossType::Grpo | LossType::Sapo => mean_of_tokens(per_token, mask).sum(masked.kind()) / completions,
        LossType::DrGrpo => {
            masked.sum(masked.kind()) / (completions * objective.max_completion_length as f64)
        }
        LossType::Bnpo => masked.sum(masked.kind()) / size.tokens.max(1.0),
        LossType::Luspo => masked.sum(masked.kind()) / completions,
        LossType::Dapo | LossType::Cispo | LossType::Vespo => {
            let share = completions / size.generation_completions as f64;
            masked.sum(masked.kind()) / (size.generation_tokens.max(1.0) * share)
        }
    }
}

/// The loss of one micro-batch, and what is logged of it: [`terms`], brought to the host.
///
/// # Panics
///
/// If `beta` is not 0 and the batch has no reference log-probabilities.
pub fn loss(batch: &MicroBatch<'_>, objective: &Objective, size: &BatchSize) -> Loss {
    let Terms { loss, logged } = terms(batch, objective, size);
    let numbers: Vec<f64> = Vec::try_from(logged).expect("a vector of doubles");
    Loss { loss, sums: LossSums::of_logged(&numbers) }
}

/// The loss of one micro-batch: `aggregate(surrogate + β KL) − entropy_coef · mean H`. Nothing waits for the device.
///
/// # Panics
///
/// If `beta` is not 0 and the batch has no reference log-probabilities, or `entropy_coef` is not and it has no entropies.
pub fn terms(batch: &MicroBatch<'_>, objective: &Objective, size: &BatchSize) -> Terms {
    // What stands at padding is arbitrary; zeroed here, it cannot overflow in an exponential and survive the mask.
    let log_probs = batch.log_probs * batch.mask;
    let old_log_probs = batch.old_log_probs.map_or_else(|| log_probs.detach(), |old| old * batch.mask);
    let advantages = if batch.advantages.dim() == 1 {
        batch.advantages.unsqueeze(-1)
    } else {
        batch.advantages.shallow_clone()
    };
    let ratio = ratio(&log_probs, &old_log_probs, batch.mask, objective.importance_sampling_level);
    let policies = Policies {
        log_probs: &log_probs,
        old_log_probs: &old_log_probs,
        ratio: &ratio,
        advantages: &advantages,
        mask: batch.mask,
        high_covariance: batch.picks.high_covariance.as_ref(),
    };
    let mut per_token = surrogate(&policies, objective);
    if let Some(threshold) = objective.off_policy_mask_threshold {
        per_token.loss *= off_policy_mask(&policies, threshold);
    }
    if let Some(picked) = &batch.picks.high_entropy {
        per_token.loss = &per_token.loss * picked;
    }
    let kl = kl_term(batch, &log_probs, &ratio, objective);
    let with_kl = match &kl {
        Some(kl) => &per_token.loss + kl * objective.beta,
        None => per_token.loss.shallow_clone(),
    };
    let mut loss = aggregate(&with_kl, batch.mask, objective, size);
    if objective.entropy_coef != 0.0 {
        loss -= mean_entropy(batch, size) * objective.entropy_coef;
    }
    let logged = logged(&loss, kl.as_ref(), &per_token, batch.mask);
    Terms { loss, logged }
}

/// 0 for completions with a negative advantage whose tokens have become less likely by more than `threshold`, in the mean
/// of their logarithms, and 1 for all others, `(B, 1)`: DeepSeek-V3.2's off-policy sequence masking
/// ([2512.02556](https://arxiv.org/abs/2512.02556)).
fn off_policy_mask(of: &Policies<'_>, threshold: f64) -> Tensor {
    let diverged = mean_of_tokens(&(of.old_log_probs - of.log_probs.detach()), of.mask);
    let keeps = of.advantages.ge(0.0).logical_or(&diverged.unsqueeze(-1).le(threshold));
    keeps.to_kind(of.mask.kind())
}

/// This micro-batch's summand of the mean entropy of the tokens of the optimiser's batch that count, or are picked.
fn mean_entropy(batch: &MicroBatch<'_>, size: &BatchSize) -> Tensor {
    let entropies = batch.entropies.expect("a term for entropy needs entropies") * batch.mask;
    let paid = match &batch.picks.high_entropy {
        Some(picked) => entropies * picked,
        None => entropies,
    };
    paid.sum(paid.kind()) / size.entropy_tokens.max(1.0)
}

/// The KL of each token, times the ratio where that is asked for; none without reference.
fn kl_term(
    batch: &MicroBatch<'_>,
    log_probs: &Tensor,
    ratio: &Tensor,
    objective: &Objective,
) -> Option<Tensor> {
    if objective.beta == 0.0 {
        return None;
    }
    let reference = batch.reference_log_probs.expect("a KL term needs reference log-probabilities");
    let kl = kl(log_probs, &(reference * batch.mask), objective.kl_estimator, objective.kl_clamp);
    Some(if objective.use_bias_correction_kl { kl * ratio } else { kl })
}

/// The mask of the tokens that count, `(B, columns)`: those in `[starts, starts + lengths)` of each row, and none of a
/// truncated completion when `mask_truncated` (DAPO §3.4: to cut a completion short says nothing of its quality).
///
/// `starts` and `lengths` are `(B)` integers, `truncated` is `(B)` boolean.
pub fn completion_mask(
    starts: &Tensor,
    lengths: &Tensor,
    truncated: &Tensor,
    columns: i64,
    mask_truncated: bool,
) -> Tensor {
    let positions = Tensor::arange(columns, (Kind::Int64, lengths.device())).unsqueeze(0);
    let (starts, ends) = (starts.unsqueeze(-1), (starts + lengths).unsqueeze(-1));
    let within = positions.ge_tensor(&starts).logical_and(&positions.lt_tensor(&ends));
    let mask =
        if mask_truncated { within.logical_and(&truncated.logical_not().unsqueeze(-1)) } else { within };
    mask.to_kind(Kind::Float)
}

/// The mean over the tokens of each completion that count, `(B, T)` → `(B)`; 0 where none does.
fn mean_of_tokens(values: &Tensor, mask: &Tensor) -> Tensor {
    sum_tokens(&(values * mask)) / sum_tokens(mask).clamp_min(1.0)
}

fn sum_tokens(values: &Tensor) -> Tensor {
    values.sum_dim_intlist([-1i64].as_slice(), false, values.kind())
}
