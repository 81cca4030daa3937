//! The KL divergence from the reference policy, estimated by the tokens that were sampled.

use tch::Tensor;

use super::KlEstimator;

/// The divergence of each token, `(B, T)` → `(B, T)`. `k3` is DeepSeekMath's eq. 4: unbiased and never negative.
///
/// With `clamp`, the log-ratio of `k3` is held within ±20 before it is exponentiated, and the term within ±10, as verl's
/// `low_var_kl` is: what lies outside has no gradient.
pub fn kl(log_probs: &Tensor, reference_log_probs: &Tensor, estimator: KlEstimator, clamp: bool) -> Tensor {
    let difference = log_probs - reference_log_probs;
    let through = |value: Tensor| {
        let square = difference.square() * 0.5;
        &square - square.detach() + value.detach()
    };
    match estimator {
        KlEstimator::K1 => difference,
        KlEstimator::K2 => difference.square() * 0.5,
        KlEstimator::K3 => k3(&difference, clamp),
        KlEstimator::Abs => difference.abs(),
        KlEstimator::K1Through => through(difference.shallow_clone()),
        KlEstimator::K3Through => through(k3(&difference, clamp)),
    }
}

fn k3(difference: &Tensor, clamp: bool) -> Tensor {
    let log_ratio = -difference;
    if !clamp {
        return log_ratio.exp() - log_ratio - 1.0;
    }
    let log_ratio = log_ratio.clamp(-20.0, 20.0);
    (log_ratio.exp() - log_ratio - 1.0).clamp(-10.0, 10.0)
}
