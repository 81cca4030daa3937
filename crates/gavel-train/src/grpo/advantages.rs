//! How much better than its group a completion is: advantages from rewards, and the means and deviations they need.

use tch::{Kind, Tensor};

use super::{GroupEstimator, GroupFilter, ScaleRewards};

/// Added to a standard deviation before dividing by it, as TRL does.
const STD_EPSILON: f64 = 1e-4;

/// Added to verl's deviations of a batch, and to those of pass@k.
const BATCH_EPSILON: f64 = 1e-8;
const PASS_AT_K_EPSILON: f64 = 1e-6;

/// How much better than expected each completion is, from `rewards`, `(P, G)` → `(P, G)`.
///
/// | estimator | A_i |
/// |---|---|
/// | `grpo` | `(r_i − mean r) / (std r + 1e-4)`; DeepSeekMath §4.1.2, the deviation is the unbiased one, and `scale` says over what it is taken |
/// | `rloo` | `r_i −` the mean of the others of its group |
/// | `opo` | `r_i − Σ l r / Σ l` over its group |
/// | `max_rl` | `(r_i − mean r) / mean r` over its group, 0 where that mean is 0 |
/// | `grpo_passk` | `(r_i − second best) / (std r + 1e-6)` for the best of its group, 0 for the others; `scale = none` leaves the division out |
/// | `reinforce_plus_plus` | `(r_i − mean r) / sqrt(var r + 1e-8)` over all tokens of the step |
/// | `reinforce_plus_plus_baseline` | the same of `r_i − mean r` of its group |
///
/// A NaN reward is one that was left out: it has no part in means and deviations, and its advantage is 0. So is that of
/// completions whose group has rewards that are equal but for rounding, or only one of them, wherever a group is compared.
/// `lengths` `(P, G)` are the tokens of each completion that are learnt from.
pub fn advantages(
    rewards: &Tensor,
    lengths: &Tensor,
    estimator: GroupEstimator,
    scale: ScaleRewards,
) -> Tensor {
    let left_out = rewards.isnan();
    let lengths = lengths.to_kind(rewards.kind()).where_scalarother(&left_out.logical_not(), 0.0);
    let centred = || rewards - nan_mean(rewards, true);
    let found = match estimator {
        GroupEstimator::Grpo => match scale {
            ScaleRewards::Group => centred() / (nan_std(rewards, true) + STD_EPSILON),
            ScaleRewards::Batch => centred() / (nan_std(&rewards.reshape([1, -1]), true) + STD_EPSILON),
            ScaleRewards::None => centred(),
        },
        GroupEstimator::Rloo => {
            let count = sum_of_group(&left_out.logical_not().to_kind(rewards.kind()));
            centred() * &count / (&count - 1.0)
        }
        GroupEstimator::Opo => {
            let known = rewards.nan_to_num(0.0, None::<f64>, None::<f64>);
            rewards - sum_of_group(&(known * &lengths)) / sum_of_group(&lengths)
        }
        GroupEstimator::MaxRl => {
            let mean = nan_mean(rewards, true);
            (centred() / &mean).where_scalarother(&mean.abs().gt(BATCH_EPSILON), 0.0)
        }
        GroupEstimator::GrpoPassk => best_alone(rewards, scale),
        GroupEstimator::ReinforcePlusPlus => return whitened(rewards, &lengths),
        GroupEstimator::ReinforcePlusPlusBaseline => return whitened(&centred(), &lengths),
    };
    let differ = is_zero(&nan_std(rewards, true), rewards).logical_not();
    found.nan_to_num(0.0, 0.0, 0.0).where_scalarother(&differ, 0.0)
}

/// GDPO's advantages ([2601.05242](https://arxiv.org/abs/2601.05242)), from the values of K parts of a reward, `(K, P, G)`,
/// and what each weighs: `z_ik = (r_ik − mean_k) / (std_k + 1e-4)` within the group, `R_i = Σ_k w_k z_ik`, and
/// `(R_i − mean R) / (std R + 1e-4)` over the step, as TRL has it. A part without value is NaN and adds nothing; a
/// completion without any has an advantage of 0.
///
/// So no part drowns the others by its scale, and one that is the same for a whole group says nothing there.
pub fn normalised_then_summed(parts: &Tensor, weights: &[f64]) -> Tensor {
    let weights = Tensor::from_slice(weights).to_kind(parts.kind()).view([-1, 1, 1]);
    let deviation = nan_std(parts, true);
    let differ = is_zero(&deviation, parts).logical_not();
    // A value that has nothing to be compared with adds nothing.
    let normalised = (parts - nan_mean(parts, true)) / (deviation + STD_EPSILON);
    let normalised = normalised.where_scalarother(&differ, 0.0).nan_to_num(0.0, None::<f64>, None::<f64>);
    let summed = (normalised * weights).sum_dim_intlist([0i64].as_slice(), false, parts.kind());
    let known = parts.isnan().all_dim(0, false).logical_not();
    let summed = summed.where_scalarother(&known, f64::NAN);
    let all = summed.reshape([1, -1]);
    let deviation = nan_std(&all, true);
    let found = (&all - nan_mean(&all, true)) / (&deviation + STD_EPSILON);
    let differ = is_zero(&deviation, &all).logical_not();
    found.nan_to_num(0.0, 0.0, 0.0).where_scalarother(&differ, 0.0).view_as(&summed)
}

/// What each completion earned beyond the greedy one of its prompt, from `rewards` `(P, G)` and `greedy` `(P)`; 0 where one
/// of the two has no reward: ReMax ([2310.10505](https://arxiv.org/abs/2310.10505)).
pub fn above_greedy(rewards: &Tensor, greedy: &Tensor) -> Tensor {
    (rewards - greedy.unsqueeze(-1)).nan_to_num(0.0, None::<f64>, None::<f64>)
}

/// What the best of each group has over the second best, in deviations of the group unless `scale` is `none`.
fn best_alone(rewards: &Tensor, scale: ScaleRewards) -> Tensor {
    if rewards.size()[1] < 2 {
        return rewards.zeros_like();
    }
    let (best, at) = rewards.nan_to_num(f64::NEG_INFINITY, None::<f64>, None::<f64>).topk(2, -1, true, true);
    let ahead = best.narrow(-1, 0, 1) - best.narrow(-1, 1, 1);
    let ahead = match scale {
        ScaleRewards::None => ahead,
        ScaleRewards::Group | ScaleRewards::Batch => ahead / (nan_std(rewards, true) + PASS_AT_K_EPSILON),
    };
    rewards.zeros_like().scatter(-1, &at.narrow(-1, 0, 1), &ahead)
}

/// Values as deviations from the mean of all, each weighing as much as it has tokens; 0 for NaN.
fn whitened(values: &Tensor, lengths: &Tensor) -> Tensor {
    let known = values.nan_to_num(0.0, None::<f64>, None::<f64>);
    let tokens = lengths.sum(None);
    let centred = &known - (&known * lengths).sum(None) / &tokens;
    let variance = (centred.square() * lengths).sum(None) / (&tokens - 1.0);
    let found = centred * (variance + BATCH_EPSILON).rsqrt();
    found.nan_to_num(0.0, 0.0, 0.0).where_scalarother(&values.isnan().logical_not(), 0.0)
}

fn sum_of_group(values: &Tensor) -> Tensor {
    values.sum_dim_intlist([-1i64].as_slice(), true, None)
}

/// Whether a deviation of `rewards`, over the last dimension, is 0 but for rounding: TRL's tolerance of 1e-8, and more
/// where rewards are so large that their rounding is. False for NaN.
fn is_zero(deviation: &Tensor, rewards: &Tensor) -> Tensor {
    let largest = rewards.nan_to_num(0.0, None::<f64>, None::<f64>).abs().amax([-1i64].as_slice(), true);
    deviation.le_tensor(&(largest * 1e-12 + 1e-8))
}

/// The rewards of the `count` completions of each group that a filter ranks first, `(P, G)`, and NaN for all others, which
/// leaves them out of every comparison: GFPO ([2508.09726](https://arxiv.org/abs/2508.09726)).
///
/// `lengths` `(P, G)` are in tokens. Of equals, the earlier ones remain; what has no reward comes last.
pub fn remaining(rewards: &Tensor, lengths: &Tensor, filter: GroupFilter, count: usize) -> Tensor {
    let worth = match filter {
        GroupFilter::Length => -lengths.to_kind(rewards.kind()),
        GroupFilter::TokenEfficiency => rewards / lengths.to_kind(rewards.kind()).clamp_min(1.0),
    };
    let worth = worth.where_scalarother(&rewards.isnan().logical_not(), f64::NEG_INFINITY);
    let (_, order) = worth.sort_stable(true, -1, true);
    let first = order.narrow(-1, 0, count as i64);
    let remains = rewards.zeros_like().scatter_value(-1, &first, 1.0).gt(0.0);
    rewards.where_scalarother(&remains, f64::NAN)
}

/// Which groups have rewards that differ by more than rounding, `(P, G)` → P: those that have an advantage. NaN is left out.
pub fn differing_groups(rewards: &Tensor) -> Vec<bool> {
    let deviation = nan_std(rewards, true);
    let differ = is_zero(&deviation, rewards).logical_or(&deviation.isnan()).logical_not();
    Vec::try_from(differ.squeeze_dim(-1)).expect("a vector of bools")
}

/// The share of each group whose reward is at least 1, `(P, G)` → P; NaN is left out, and of nothing the share is NaN.
pub fn pass_rates(rewards: &Tensor) -> Vec<f64> {
    let passes = rewards.ge(1.0 - 1e-9).to_kind(rewards.kind());
    let passes = passes.where_scalarother(&rewards.isnan().logical_not(), f64::NAN);
    Vec::try_from(nan_mean(&passes, false)).expect("a vector of doubles")
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
