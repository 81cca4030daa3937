//! GRPO as pure functions on tensors: advantages, ratios, the clipped loss, its normalisers, and what is logged of them.
//!
//! Nothing here knows of models, optimisers or files. Shapes are written as `(P, G)` for prompts × generations of
//! one prompt, and `(B, T)` for completions × tokens. `docs/grpo.md` maps every equation to its function.
//!
//! Sources: DeepSeekMath ([2402.03300](https://arxiv.org/abs/2402.03300)) for GRPO, DAPO
//! ([2503.14476](https://arxiv.org/abs/2503.14476)), Dr. GRPO ([2503.20783](https://arxiv.org/abs/2503.20783)), GSPO
//! ([2507.18071](https://arxiv.org/abs/2507.18071)), and TRL 1.16, whose option names and numbers these are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use tch::{Kind, Tensor};

/// Added to a standard deviation before dividing by it, as TRL does.
const STD_EPSILON: f64 = 1e-4;

/// What the rewards of a group are divided by, after its mean is subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScaleRewards {
    /// The standard deviation of the group (DeepSeekMath).
    Group,
    /// The standard deviation of all rewards of the step.
    Batch,
    /// Nothing (Dr. GRPO: dividing by the deviation favours prompts that are very easy or very hard).
    None,
}

/// By name, or by the bool that TRL takes too.
impl<'de> Deserialize<'de> for ScaleRewards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ScaleRewards;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`group`, `batch`, `none`, true or false")
            }

            fn visit_bool<E>(self, scale: bool) -> Result<ScaleRewards, E> {
                Ok(if scale { ScaleRewards::Group } else { ScaleRewards::None })
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ScaleRewards, E> {
                match name {
                    "group" => Ok(ScaleRewards::Group),
                    "batch" => Ok(ScaleRewards::Batch),
                    "none" => Ok(ScaleRewards::None),
                    _ => Err(E::unknown_variant(name, &["group", "batch", "none"])),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// How the per-token losses of a batch become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// The mean over completions of the mean over their tokens: every completion weighs the same.
    Grpo,
    /// The sum over tokens, divided by the constant `B · max_completion_length`: no bias by length.
    DrGrpo,
    /// The sum over tokens, divided by the tokens of the whole generation batch.
    Dapo,
    /// The sum over tokens, divided by the tokens of the optimiser's batch.
    Bnpo,
}

/// Whether each token has a probability ratio of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportanceSamplingLevel {
    /// One ratio per token (GRPO).
    Token,
    /// One ratio per completion, the geometric mean of its tokens' (GSPO).
    Sequence,
}

/// The objective: everything that the loss of a batch depends on besides the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// How per-token losses become one number.
    pub loss_type: LossType,
    /// Whether each token has a ratio of its own.
    pub importance_sampling_level: ImportanceSamplingLevel,
    /// ε: the ratio is clipped from below at `1 - epsilon`.
    pub epsilon: f64,
    /// The ratio is clipped from above at `1 + epsilon_high` (DAPO's clip-higher).
    pub epsilon_high: f64,
    /// A second, unconditional upper clip of the ratio, for negative advantages.
    pub delta: Option<f64>,
    /// β: the weight of the KL term. At 0 there is no reference model.
    pub beta: f64,
    /// Multiplies the KL term by the ratio, which makes its gradient unbiased off-policy.
    pub use_bias_correction_kl: bool,
    /// Clamps the log-ratio of the KL term to ±20, and the term to ±10.
    pub kl_clamp: bool,
    /// The constant length of Dr. GRPO's denominator, in tokens.
    pub max_completion_length: i64,
}

/// One micro-batch: some of the completions of an optimiser's batch.
#[derive(Debug)]
pub struct MicroBatch<'a> {
    /// `log π(o_t)` under the policy being trained, `(B, T)`; the loss is differentiated through it.
    pub log_probs: &'a Tensor,
    /// `log π_old(o_t)` under the policy that sampled, `(B, T)`. `None` means on-policy: the detached `log_probs`.
    pub old_log_probs: Option<&'a Tensor>,
    /// `log π_ref(o_t)`, `(B, T)`; needed when `beta` is not 0.
    pub reference_log_probs: Option<&'a Tensor>,
    /// One advantage per completion, `(B)`.
    pub advantages: &'a Tensor,
    /// 1 where a token counts, 0 elsewhere, `(B, T)`, of the kind of `log_probs`.
    pub mask: &'a Tensor,
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

/// Sums from which the logged means of a batch are made; adding those of its micro-batches gives those of the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossSums {
    /// The loss itself.
    pub loss: f64,
    /// Tokens that count.
    pub tokens: f64,
    /// Elements that have a ratio of their own: tokens, or completions at sequence level.
    pub ratios: f64,
    /// Σ KL over tokens; 0 without reference.
    pub kl: f64,
    /// Ratios below `1 - epsilon` where the advantage is negative.
    pub clipped_low: f64,
    /// Ratios above `1 + epsilon_high` where the advantage is positive.
    pub clipped_high: f64,
    /// The smallest share of low-clipped tokens of any completion.
    pub low_min: f64,
    /// The largest share of high-clipped tokens of any completion.
    pub high_max: f64,
}

impl Default for LossSums {
    fn default() -> Self {
        Self {
            loss: 0.0,
            tokens: 0.0,
            ratios: 0.0,
            kl: 0.0,
            clipped_low: 0.0,
            clipped_high: 0.0,
            low_min: f64::INFINITY,
            high_max: f64::NEG_INFINITY,
        }
    }
}

impl LossSums {
    /// From [`Terms::logged`].
    ///
    /// # Panics
    ///
    /// If these are not as many numbers.
    pub fn of_logged(numbers: &[f64]) -> Self {
        let &[loss, tokens, ratios, kl, clipped_low, clipped_high, low_min, high_max] = numbers else {
            panic!("{} numbers are not what is logged of a loss", numbers.len())
        };
        Self { loss, tokens, ratios, kl, clipped_low, clipped_high, low_min, high_max }
    }

    /// Adds the sums of another micro-batch.
    pub fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.tokens += other.tokens;
        self.ratios += other.ratios;
        self.kl += other.kl;
        self.clipped_low += other.clipped_low;
        self.clipped_high += other.clipped_high;
        self.low_min = self.low_min.min(other.low_min);
        self.high_max = self.high_max.max(other.high_max);
    }

    /// The mean KL per token.
    pub fn kl_mean(&self) -> f64 {
        self.kl / self.tokens.max(1.0)
    }

    /// The share of ratios clipped from below.
    pub fn low_mean(&self) -> f64 {
        self.clipped_low / self.ratios.max(1.0)
    }

    /// The share of ratios clipped from above.
    pub fn high_mean(&self) -> f64 {
        self.clipped_high / self.ratios.max(1.0)
    }

    /// The share of ratios clipped at either end.
    pub fn region_mean(&self) -> f64 {
        (self.clipped_low + self.clipped_high) / self.ratios.max(1.0)
    }
}

/// `A_i = (r_i − mean r) / (std r + 1e-4)` over each row of `rewards`, `(P, G)` → `(P, G)`.
///
/// DeepSeekMath §4.1.2; the deviation is the unbiased one (n − 1), and `scale` says over what it is taken. A NaN
/// reward is one that was left out: it has no part in mean or deviation, and its advantage is 0. So is that of a
/// completion left alone in its group, whose deviation does not exist, and of those whose rewards are equal but for
/// rounding.
pub fn advantages(rewards: &Tensor, scale: ScaleRewards) -> Tensor {
    let centred = rewards - nan_mean(rewards, true);
    let scaled = match scale {
        ScaleRewards::Group => centred / (nan_std(rewards, true) + STD_EPSILON),
        ScaleRewards::Batch => centred / (nan_std(&rewards.reshape([1, -1]), true) + STD_EPSILON),
        ScaleRewards::None => centred,
    };
    let differ = is_zero(&nan_std(rewards, true), rewards).logical_not();
    scaled.nan_to_num(0.0, None::<f64>, None::<f64>).where_scalarother(&differ, 0.0)
}

/// Whether a deviation of `rewards`, over the last dimension, is 0 but for rounding: TRL's tolerance of 1e-8, and more
/// where rewards are so large that their rounding is. False for NaN.
fn is_zero(deviation: &Tensor, rewards: &Tensor) -> Tensor {
    let largest = rewards.nan_to_num(0.0, None::<f64>, None::<f64>).abs().amax([-1i64].as_slice(), true);
    deviation.le_tensor(&(largest * 1e-12 + 1e-8))
}

/// The share of completions whose deviation is 0, so that their advantages are 0: TRL's `frac_reward_zero_std`.
///
/// The deviation is that of the completion's group, or of all `rewards` `(P, G)` when `scale` is `batch`.
pub fn frac_reward_zero_std(rewards: &Tensor, scale: ScaleRewards) -> f64 {
    let compared = match scale {
        ScaleRewards::Batch => rewards.reshape([1, -1]),
        ScaleRewards::Group | ScaleRewards::None => rewards.shallow_clone(),
    };
    let zero = is_zero(&nan_std(&compared, true), &compared);
    zero.to_kind(Kind::Double).mean(None).double_value(&[])
}

/// The mean over the last dimension of what is not NaN, `(P, G)` → `(P, 1)` or `(P)`.
pub fn nan_mean(values: &Tensor, keep_dim: bool) -> Tensor {
    values.nanmean([-1i64].as_slice(), keep_dim, None)
}

/// The unbiased standard deviation over the last dimension of what is not NaN, `(P, G)` → `(P, 1)` or `(P)`; NaN
/// where fewer than two values are left.
pub fn nan_std(values: &Tensor, keep_dim: bool) -> Tensor {
    let count = values.isnan().logical_not().sum_dim_intlist([-1i64].as_slice(), true, values.kind());
    let variance = (values - nan_mean(values, true)).square();
    let variance = nan_mean(&variance, true) * &count / (&count - 1.0);
    let variance = variance.where_scalarother(&count.gt(1.0), f64::NAN);
    let deviation = variance.sqrt();
    if keep_dim { deviation } else { deviation.squeeze_dim(-1) }
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
        ImportanceSamplingLevel::Sequence => {
            let tokens = sum_tokens(mask).clamp_min(1.0);
            (sum_tokens(&(log_ratio * mask)) / tokens).exp().unsqueeze(-1)
        }
    }
}

/// `KL_t = π_ref/π − log(π_ref/π) − 1`, the k3 estimator, `(B, T)` → `(B, T)`: unbiased and never negative
/// (DeepSeekMath eq. 4; Schulman, <http://joschu.net/blog/kl-approx.html>).
///
/// With `clamp`, the log-ratio is held within ±20 before it is exponentiated, and the term within ±10, as verl's
/// `low_var_kl` is: what lies outside has no gradient.
pub fn kl(log_probs: &Tensor, reference_log_probs: &Tensor, clamp: bool) -> Tensor {
    let difference = reference_log_probs - log_probs;
    if !clamp {
        return difference.exp() - difference - 1.0;
    }
    let difference = difference.clamp(-20.0, 20.0);
    (difference.exp() - difference - 1.0).clamp(-10.0, 10.0)
}

/// `ℓ = −min(min(ρ, δ) A, clip(ρ, 1 − ε, 1 + ε_high) A)`, the clipped surrogate.
///
/// `ratio` is `(B, T)` or `(B, 1)`, `advantages` `(B, 1)`. PPO eq. 7 ([1707.06347](https://arxiv.org/abs/1707.06347))
/// with DAPO's separate upper bound; δ is the two-sided clip of INTELLECT-2
/// ([2505.07291](https://arxiv.org/abs/2505.07291)).
pub fn clipped_loss(ratio: &Tensor, advantages: &Tensor, objective: &Objective) -> Tensor {
    let clipped = ratio.clamp(1.0 - objective.epsilon, 1.0 + objective.epsilon_high);
    let bounded = match objective.delta {
        Some(delta) => ratio.clamp_max(delta),
        None => ratio.shallow_clone(),
    };
    -(bounded * advantages).minimum(&(clipped * advantages))
}

/// One number from per-token losses `(B, T)` or `(B, 1)`: the micro-batch's summand of the loss of its batch.
///
/// | `loss_type` | |
/// |---|---|
/// | `grpo` | `Σ_i (Σ_t ℓ m / max(Σ_t m, 1)) / completions` |
/// | `dr_grpo` | `Σ ℓ m / (completions · max_completion_length)` |
/// | `bnpo` | `Σ ℓ m / max(tokens, 1)` |
/// | `dapo` | `Σ ℓ m / (max(generation tokens, 1) · completions / generation completions)` |
pub fn aggregate(per_token: &Tensor, mask: &Tensor, objective: &Objective, size: &BatchSize) -> Tensor {
    let completions = size.completions as f64;
    let masked = per_token * mask;
    match objective.loss_type {
        LossType::Grpo => {
            let means = sum_tokens(&masked) / sum_tokens(mask).clamp_min(1.0);
            means.sum(masked.kind()) / completions
        }
        LossType::DrGrpo => {
            masked.sum(masked.kind()) / (completions * objective.max_completion_length as f64)
        }
        LossType::Bnpo => masked.sum(masked.kind()) / size.tokens.max(1.0),
        LossType::Dapo => {
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

/// The loss of one micro-batch: `aggregate(clipped_loss + β KL)`. Nothing waits for the device.
///
/// # Panics
///
/// If `beta` is not 0 and the batch has no reference log-probabilities.
pub fn terms(batch: &MicroBatch<'_>, objective: &Objective, size: &BatchSize) -> Terms {
    // What stands at padding is arbitrary; zeroed here, it cannot overflow in an exponential and survive the mask.
    let log_probs = batch.log_probs * batch.mask;
    let old_log_probs = batch.old_log_probs.map_or_else(|| log_probs.detach(), |old| old * batch.mask);
    let advantages = batch.advantages.unsqueeze(-1);
    let ratio = ratio(&log_probs, &old_log_probs, batch.mask, objective.importance_sampling_level);
    let surrogate = clipped_loss(&ratio, &advantages, objective);
    let kl = kl_term(batch, &log_probs, &ratio, objective);
    let per_token = match &kl {
        Some(kl) => surrogate + kl * objective.beta,
        None => surrogate,
    };
    let loss = aggregate(&per_token, batch.mask, objective, size);
    let logged = logged(&loss, kl.as_ref(), &ratio.detach(), &advantages, batch.mask, objective);
    Terms { loss, logged }
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
    let kl = kl(log_probs, &(reference * batch.mask), objective.kl_clamp);
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

/// Everything logged, in the order of [`LossSums`].
fn logged(
    loss: &Tensor,
    kl: Option<&Tensor>,
    ratio: &Tensor,
    advantages: &Tensor,
    mask: &Tensor,
    objective: &Objective,
) -> Tensor {
    // TRL looks at the ratio after the δ clip.
    let ratio = objective.delta.map_or_else(|| ratio.shallow_clone(), |delta| ratio.clamp_max(delta));
    let low = ratio.lt(1.0 - objective.epsilon).logical_and(&advantages.lt(0.0)).to_kind(mask.kind());
    let high = ratio.gt(1.0 + objective.epsilon_high).logical_and(&advantages.gt(0.0)).to_kind(mask.kind());
    let (weights, shares) = match objective.importance_sampling_level {
        ImportanceSamplingLevel::Token => (mask.shallow_clone(), sum_tokens(mask)),
        ImportanceSamplingLevel::Sequence => (low.ones_like(), low.ones_like().squeeze_dim(-1)),
    };
    let share = |clipped: &Tensor| sum_tokens(&(clipped * &weights)) / &shares;
    // A completion without tokens has no share: 0 / 0, which the infinities keep out of minimum and maximum.
    let low_min = share(&low).nan_to_num(f64::INFINITY, None::<f64>, None::<f64>).min();
    let high_max = share(&high).nan_to_num(f64::NEG_INFINITY, None::<f64>, None::<f64>).max();
    let kl_sum = match kl {
        Some(kl) => (kl.detach() * mask).sum(Kind::Double),
        None => Tensor::zeros([0i64; 0], (Kind::Double, mask.device())),
    };
    let logged = [
        loss.detach(),
        mask.sum(Kind::Double),
        weights.sum(Kind::Double),
        kl_sum,
        (&low * &weights).sum(Kind::Double),
        (&high * &weights).sum(Kind::Double),
        low_min,
        high_max,
    ]
    .map(|value| value.to_kind(Kind::Double));
    Tensor::stack(&logged, 0)
}

fn sum_tokens(values: &Tensor) -> Tensor {
    values.sum_dim_intlist([-1i64].as_slice(), false, values.kind())
}
