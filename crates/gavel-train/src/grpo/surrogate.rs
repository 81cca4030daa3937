//! The loss of a token, by its probability ratio and its advantage: what keeps a policy near the one that sampled.
//!
//! `ρ` is the ratio, `(B, T)` or `(B, 1)`; `A` the advantage, `(B, 1)` or `(B, T)`; `sg` stops the gradient.

use tch::{Kind, Tensor};

use super::{Objective, Surrogate, mean_of_tokens, sum_tokens};

/// What a surrogate depends on besides the objective. At padding, all log-probabilities are 0.
pub(super) struct Policies<'a> {
    /// `log π`, `(B, T)`.
    pub(super) log_probs: &'a Tensor,
    /// `log π_old`, `(B, T)`.
    pub(super) old_log_probs: &'a Tensor,
    /// `ρ`, by token or by sequence.
    pub(super) ratio: &'a Tensor,
    /// `A`, `(B, 1)` or `(B, T)`.
    pub(super) advantages: &'a Tensor,
    /// `(B, T)`.
    pub(super) mask: &'a Tensor,
    /// 1 for tokens that are singled out by their covariance, `(B, T)`; where none are, `None`.
    pub(super) high_covariance: Option<&'a Tensor>,
}

/// The losses of tokens, `(B, T)` or `(B, 1)`, and where the surrogate holds the policy back.
pub(super) struct PerToken {
    pub(super) loss: Tensor,
    /// Boolean: the ratio is too small, and the advantage negative.
    pub(super) low: Tensor,
    /// Boolean: the ratio is too large, and the advantage positive.
    pub(super) high: Tensor,
}

/// DPPO weighs a token by at most this ratio (verl's `clip_ratio_c` there), unless `delta` says otherwise.
const DPPO_LARGEST_RATIO: f64 = 20.0;

/// | surrogate | ℓ | source |
/// |---|---|---|
/// | `clip` | `−min(min(ρ, δ) A, clip(ρ, 1 − ε, 1 + ε_high) A)` | PPO eq. 7 ([1707.06347](https://arxiv.org/abs/1707.06347)), DAPO's ε_high, INTELLECT-2's δ ([2505.07291](https://arxiv.org/abs/2505.07291)) |
/// | `cispo` | `−sg(min(ρ, ε_high)) A log π` | MiniMax-M1 eq. 4 ([2506.13585](https://arxiv.org/abs/2506.13585)) |
/// | `cispo_two_sided` | `−sg(clip(ρ, 1 − ε, 1 + ε_high)) A log π` | the same, as verl has it |
/// | `sapo` | `−σ(τ (ρ − 1)) (4 / τ) A`, τ by the sign of A | [2511.20347](https://arxiv.org/abs/2511.20347) |
/// | `vespo` | `−sg(e^λ W^k e^(−λ W)) A log π`, `W = exp Σ_t log ρ_t`, k and λ by the sign of A | [2602.10693](https://arxiv.org/abs/2602.10693) |
/// | `gmpo` | `−A exp(mean_t s min(s log ρ_t, s clip(log ρ_t, −ε, ε_high)))`, s the sign of A | [2507.20673](https://arxiv.org/abs/2507.20673) |
/// | `dppo_tv` | `−sg(min(ρ, 20)) A log π` where π − π_old is at most ε_high (A > 0) or at least −ε | [2602.04879](https://arxiv.org/abs/2602.04879) |
/// | `dppo_kl` | the same where the binary KL divergence is at most ε_high or ε, or the token moves back | same |
/// | `gpg` | `−A log π` | [2504.02546](https://arxiv.org/abs/2504.02546) |
/// | `clip_cov` | as `clip`, and 0 for tokens that are singled out | [2505.22617](https://arxiv.org/abs/2505.22617) |
/// | `kl_cov` | `−ρ A`, and for tokens that are singled out `ppo_kl_coef · abs(log ρ)` more | same |
pub(super) fn surrogate(of: &Policies<'_>, objective: &Objective) -> PerToken {
    match objective.surrogate {
        Surrogate::Clip => clip(of, objective),
        Surrogate::Cispo => {
            let most = objective.epsilon_high;
            let weight = of.ratio.clamp_max(most);
            PerToken::weighted(of, &weight, of.ratio.zeros_like().to_kind(Kind::Bool), of.ratio.gt(most))
        }
        Surrogate::CispoTwoSided => {
            let (least, most) = bounds(objective);
            PerToken::weighted(of, &of.ratio.clamp(least, most), of.ratio.lt(least), of.ratio.gt(most))
        }
        Surrogate::Sapo => {
            let (positive, negative) = (objective.sapo_temperature_pos, objective.sapo_temperature_neg);
            let temperature = by_sign(&of.advantages.gt(0.0), of.advantages, positive, negative);
            let soft = (&temperature * (of.ratio - 1.0)).sigmoid() * 4.0 / &temperature;
            PerToken::unclipped(of, -soft * of.advantages)
        }
        Surrogate::Vespo => {
            PerToken::unclipped(of, -vespo_weight(of, objective) * of.advantages * of.log_probs)
        }
        Surrogate::Gmpo => gmpo(of, objective),
        Surrogate::DppoTv => {
            let moved = of.log_probs.exp() - of.old_log_probs.exp();
            dppo(of, objective, moved.lt(-objective.epsilon), moved.gt(objective.epsilon_high))
        }
        Surrogate::DppoKl => {
            let (now, old) = (of.log_probs.exp(), of.old_log_probs.exp());
            let (other, old_other): (Tensor, Tensor) = (1.0 - &now, 1.0 - &old);
            let others = &old_other * ((&old_other + 1e-8) / (other + 1e-8)).log();
            let divergence = &old * (of.old_log_probs - of.log_probs) + others;
            // What is not a number is not near.
            let far = |most: f64| divergence.le(most).logical_not();
            let low = far(objective.epsilon).logical_and(&now.lt_tensor(&old));
            let high = far(objective.epsilon_high).logical_and(&now.gt_tensor(&old));
            dppo(of, objective, low, high)
        }
        Surrogate::Gpg => PerToken::unclipped(of, -of.advantages * of.log_probs),
        Surrogate::ClipCov => {
            let mut clipped = clip(of, objective);
            if let Some(picked) = of.high_covariance {
                clipped.loss = &clipped.loss * (1.0 - picked);
            }
            clipped
        }
        Surrogate::KlCov => {
            let mut loss = -of.ratio * of.advantages;
            if let Some(picked) = of.high_covariance {
                loss += (of.log_probs - of.old_log_probs).abs() * picked * objective.ppo_kl_coef;
            }
            PerToken::unclipped(of, loss)
        }
    }
}

impl PerToken {
    /// `−sg(weight) A log π`, where ratios are held back that are too small or too large.
    fn weighted(of: &Policies<'_>, weight: &Tensor, small: Tensor, large: Tensor) -> Self {
        Self::new(of, -weight.detach() * of.advantages * of.log_probs, small, large)
    }

    fn unclipped(of: &Policies<'_>, loss: Tensor) -> Self {
        let none = of.ratio.zeros_like().to_kind(Kind::Bool);
        Self { loss, low: none.shallow_clone(), high: none }
    }

    fn new(of: &Policies<'_>, loss: Tensor, small: Tensor, large: Tensor) -> Self {
        let low = small.logical_and(&of.advantages.lt(0.0));
        Self { loss, low, high: large.logical_and(&of.advantages.gt(0.0)) }
    }
}

fn bounds(objective: &Objective) -> (f64, f64) {
    (1.0 - objective.epsilon, 1.0 + objective.epsilon_high)
}

/// Whether `clip` takes the bound in place of the ratio, so that there is no gradient.
pub(super) fn ratio_is_clipped(ratio: &Tensor, advantages: &Tensor, objective: &Objective) -> Tensor {
    let (least, most) = bounds(objective);
    (ratio.clamp(least, most) * advantages).lt_tensor(&(ratio * advantages))
}

fn clip(of: &Policies<'_>, objective: &Objective) -> PerToken {
    let (least, most) = bounds(objective);
    let bounded = match objective.delta {
        Some(delta) => of.ratio.clamp_max(delta),
        None => of.ratio.shallow_clone(),
    };
    let clipped = of.ratio.clamp(least, most);
    let loss = -(&bounded * of.advantages).minimum(&(clipped * of.advantages));
    // TRL looks at the ratio after the δ clip.
    PerToken::new(of, loss, bounded.lt(least), bounded.gt(most))
}

/// `e^λ W^k e^(−λ W)`, `(B, 1)`, detached: 1 where the policy has not moved.
fn vespo_weight(of: &Policies<'_>, objective: &Objective) -> Tensor {
    let log_ratio = (of.log_probs - of.old_log_probs).detach().clamp(-20.0, 20.0);
    let log_ratio = sum_tokens(&(log_ratio * of.mask)).unsqueeze(-1).clamp(1e-8_f64.ln(), 20.0);
    let positive = of.advantages.ge(0.0);
    let shape = by_sign(&positive, of.advantages, objective.vespo_pos.0, objective.vespo_neg.0);
    let rate = by_sign(&positive, of.advantages, objective.vespo_pos.1, objective.vespo_neg.1);
    let log_weight = &rate + shape * &log_ratio - &rate * log_ratio.exp();
    log_weight.exp().nan_to_num(0.0, 0.0, 0.0)
}

fn gmpo(of: &Policies<'_>, objective: &Objective) -> PerToken {
    let log_ratio = of.log_probs - of.old_log_probs;
    let (least, most) = (-objective.epsilon, objective.epsilon_high);
    let sign = of.advantages.sign();
    let clipped = log_ratio.clamp(least, most);
    let held = &sign * (&sign * &log_ratio).minimum(&(&sign * clipped));
    let ratio = mean_of_tokens(&held, of.mask).exp().unsqueeze(-1);
    PerToken::new(of, -of.advantages * ratio, log_ratio.lt(least), log_ratio.gt(most))
}

fn dppo(of: &Policies<'_>, objective: &Objective, small: Tensor, large: Tensor) -> PerToken {
    let ratio = (of.log_probs - of.old_log_probs).clamp(-20.0, 20.0).exp();
    let weight = ratio.clamp_max(objective.delta.unwrap_or(DPPO_LARGEST_RATIO));
    let mut per_token = PerToken::weighted(of, &weight, small, large);
    let held = per_token.low.logical_or(&per_token.high);
    per_token.loss = per_token.loss.where_scalarother(&held.logical_not(), 0.0);
    per_token
}

/// `positive` where the condition holds, `negative` elsewhere, of the kind of `like`.
fn by_sign(condition: &Tensor, like: &Tensor, positive: f64, negative: f64) -> Tensor {
    like.full_like(negative).where_self(&condition.logical_not(), &like.full_like(positive))
}
