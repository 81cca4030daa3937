//! How much better than its group a completion is: advantages from rewards, and the means and deviations they need.

use tch::{Kind, Tensor};

use super::ScaleRewards;

/// Added to a standard deviation before dividing by it, as TRL does.
const STD_EPSILON: f64 = 1e-4;

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
