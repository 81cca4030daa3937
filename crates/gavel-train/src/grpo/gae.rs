//! What PPO compares a token with: generalised advantage estimation from the values of a value model, and the loss that
//! such a model learns by.

use tch::Tensor;

/// Added to the variance before the root is taken, as in verl.
const EPSILON: f64 = 1e-8;

/// Advantages of the tokens of one completion, and the returns that its values should have been.
///
/// `δ_t = r_t + γ V_{t+1} − V_t`, `A_t = Σ_l (γλ)^l δ_{t+l}`, `R_t = A_t + V_t`
/// ([1506.02438](https://arxiv.org/abs/1506.02438) eq. 16). The reward comes with the last token, after which nothing is to be
/// earned. `values` are those before each token.
pub fn gae(reward: f64, values: &[f64], gamma: f64, lam: f64) -> (Vec<f64>, Vec<f64>) {
    let mut advantages = vec![0.0; values.len()];
    let (mut next_value, mut next_advantage, mut earned) = (0.0, 0.0, reward);
    for (advantage, value) in advantages.iter_mut().zip(values).rev() {
        let delta = earned + gamma * next_value - value;
        *advantage = delta + gamma * lam * next_advantage;
        (next_value, next_advantage, earned) = (*value, *advantage, 0.0);
    }
    let returns = advantages.iter().zip(values).map(|(advantage, value)| advantage + value).collect();
    (advantages, returns)
}

/// Takes the mean of all tokens from each and divides by their unbiased deviation, as verl and TRL do.
pub fn whiten(advantages: &mut [Vec<f64>]) {
    let count = advantages.iter().map(Vec::len).sum::<usize>() as f64;
    let mean = advantages.iter().flatten().sum::<f64>() / count;
    let variance =
        advantages.iter().flatten().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    if !variance.is_finite() {
        // Of one token, there is nothing to compare.
        return advantages.iter_mut().flatten().for_each(|value| *value = 0.0);
    }
    let scale = (variance + EPSILON).sqrt();
    advantages.iter_mut().flatten().for_each(|value| *value = (*value - mean) / scale);
}

/// The loss of each value, `(n)`, and where the clipped one is taken:
/// `½ max((V − R)², (clip(V, V_old − ε, V_old + ε) − R)²)`, as in TRL and verl.
pub fn value_loss(
    values: &Tensor,
    old_values: &Tensor,
    returns: &Tensor,
    cliprange: f64,
) -> (Tensor, Tensor) {
    let clipped = values.minimum(&(old_values + cliprange)).maximum(&(old_values - cliprange));
    let (free, held) = ((values - returns).square(), (clipped - returns).square());
    (free.maximum(&held) * 0.5, held.gt_tensor(&free))
}

/// How much of the returns' variance the values explain: 1 for all, 0 for no more than their mean; not finite where
/// returns are all equal.
pub fn explained_variance(values: &[f64], returns: &[f64]) -> f64 {
    let errors: Vec<f64> = returns.iter().zip(values).map(|(actual, expected)| actual - expected).collect();
    1.0 - variance(&errors) / variance(returns)
}

fn variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_lambda_1_an_advantage_is_the_reward_less_what_was_expected() {
        let (advantages, returns) = gae(2.0, &[0.5, 1.0, 1.5], 1.0, 1.0);
        assert_eq!(advantages, [1.5, 1.0, 0.5]);
        assert_eq!(returns, [2.0, 2.0, 2.0]);
    }

    #[test]
    fn with_lambda_0_it_is_what_the_next_value_has_over_this_one() {
        let (advantages, returns) = gae(2.0, &[0.5, 1.0, 1.5], 0.5, 0.0);
        assert_eq!(advantages, [0.0, -0.25, 0.5]);
        assert_eq!(returns, [0.5, 0.75, 2.0]);
    }

    #[test]
    fn one_token_has_nothing_to_be_compared_with() {
        let mut advantages = vec![Vec::new(), vec![3.0]];
        whiten(&mut advantages);
        assert_eq!(advantages, [Vec::new(), vec![0.0]]);
    }

    #[test]
    fn values_that_are_the_returns_explain_all_of_their_variance() {
        assert_eq!(explained_variance(&[1.0, 2.0], &[1.0, 2.0]), 1.0);
        assert_eq!(explained_variance(&[0.0, 0.0], &[1.0, 2.0]), 0.0);
        assert!(!explained_variance(&[0.0, 1.0], &[1.0, 1.0]).is_finite());
    }
}
