//! Which tokens of an update are singled out, by how they compare with all others of it.

use tch::{Kind, Tensor};

use super::surrogate::ratio_is_clipped;
use super::{Objective, Surrogate};
use crate::seeds;

/// What is known of the tokens of an update before it learns from any of them, one number for each, `(n)`.
#[derive(Debug)]
pub struct Survey<'a> {
    /// `log π`.
    pub log_probs: &'a Tensor,
    /// `log π_old`.
    pub old_log_probs: &'a Tensor,
    /// The entropy of the distribution that each was drawn from.
    pub entropies: &'a Tensor,
    /// Those of their completions, or their own.
    pub advantages: &'a Tensor,
    /// What decides where only some of several are singled out.
    pub seed: u64,
}

/// Tokens that are singled out: 1 for those, 0 for all others. `(n)` for those of a [`Survey`], and `(B, T)` in a
/// micro-batch. `None` where the objective does not ask.
#[derive(Debug, Default)]
pub struct Picks {
    /// Those of the highest entropies, from which alone the policy learns.
    pub high_entropy: Option<Tensor>,
    /// Those whose log-probability and advantage vary together, which `clip_cov` leaves out and `kl_cov` penalises.
    pub high_covariance: Option<Tensor>,
}

impl Picks {
    /// What the objective singles out among all tokens of an update.
    pub fn of(survey: &Survey<'_>, objective: &Objective) -> Self {
        let share = objective.top_entropy_quantile;
        Self {
            high_entropy: (share < 1.0).then(|| highest(survey.entropies, share)),
            high_covariance: match objective.surrogate {
                Surrogate::ClipCov => Some(some_between(survey, objective)),
                Surrogate::KlCov => Some(most_covariant(survey, objective)),
                _ => None,
            },
        }
    }

    /// The same of some tokens, or in another shape.
    #[must_use]
    pub fn map(&self, part: impl Fn(&Tensor) -> Tensor) -> Self {
        Self {
            high_entropy: self.high_entropy.as_ref().map(&part),
            high_covariance: self.high_covariance.as_ref().map(&part),
        }
    }
}

/// 1 for the share of tokens whose entropies are the highest: those that reach the quantile `1 − share`
/// ([2506.01939](https://arxiv.org/abs/2506.01939)).
fn highest(entropies: &Tensor, share: f64) -> Tensor {
    let count = entropies.size()[0];
    if count == 0 {
        return entropies.zeros_like();
    }
    // torch's own quantile takes no more than 2^24 numbers.
    let (sorted, _) = entropies.sort(0, false);
    let place = (1.0 - share) * (count - 1) as f64;
    let below = place.floor();
    let at = |place: f64| sorted.get((place as i64).min(count - 1));
    let quantile = at(below).lerp(&at(below + 1.0), place - below);
    entropies.ge_tensor(&quantile).to_kind(entropies.kind())
}

/// `(A − mean A) (log π − mean log π)` of each token: what it adds to the covariance of the two, which is what makes
/// entropy fall ([2505.22617](https://arxiv.org/abs/2505.22617) eq. 10).
fn covariances(survey: &Survey<'_>) -> Tensor {
    let centred = |values: &Tensor| values - values.mean(None);
    centred(survey.advantages) * centred(survey.log_probs)
}

/// So many of `count` tokens, and at least one.
fn share_of(count: usize, share: f64) -> usize {
    ((count as f64 * share) as usize).max(1).min(count)
}

/// Clip-Cov: at random, some of the tokens whose covariance is between two bounds and whose ratio is not clipped anyway.
fn some_between(survey: &Survey<'_>, objective: &Objective) -> Tensor {
    let (least, most) = objective.clip_cov_bounds;
    let covariances = covariances(survey);
    let clipped =
        ratio_is_clipped(&(survey.log_probs - survey.old_log_probs).exp(), survey.advantages, objective);
    let between =
        covariances.gt(least).logical_and(&covariances.lt(most)).logical_and(&clipped.logical_not());
    let candidates: Vec<i64> = Vec::try_from(between.nonzero().squeeze_dim(-1)).expect("a vector of indices");
    let count = share_of(covariances.size()[0] as usize, objective.clip_cov_ratio).min(candidates.len());
    let order = seeds::shuffled(candidates.len(), survey.seed);
    let chosen: Vec<i64> = order.into_iter().take(count).map(|place| candidates[place]).collect();
    ones_at(&Tensor::from_slice(&chosen), survey)
}

/// KL-Cov: the tokens of the highest covariances.
fn most_covariant(survey: &Survey<'_>, objective: &Objective) -> Tensor {
    let covariances = covariances(survey);
    let count = share_of(covariances.size()[0] as usize, objective.kl_cov_ratio);
    let (_, places) = covariances.topk(count as i64, 0, true, false);
    ones_at(&places, survey)
}

fn ones_at(places: &Tensor, survey: &Survey<'_>) -> Tensor {
    let places = places.to_kind(Kind::Int64).to_device(survey.log_probs.device());
    survey.log_probs.zeros_like().index_fill(0, &places, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn no_more_than_a_share_of_the_candidates_is_left_out_and_the_seed_says_which() {
        // Alternating in both, so that half of the tokens have covariance 1 and half −1.
        let alternating =
            Tensor::from_slice(&(0..100).map(|n| f64::from(n % 2) * 2.0 - 1.0).collect::<Vec<_>>());
        let advantages =
            Tensor::from_slice(&(0..100).map(|n| f64::from(n / 2 % 2) * 2.0 - 1.0).collect::<Vec<_>>());
        let objective = Objective {
            surrogate: Surrogate::ClipCov,
            clip_cov_ratio: 0.2,
            clip_cov_bounds: (0.5, 1.5),
            ..Settings::default().objective()
        };
        let picked = |seed: u64| {
            let survey = Survey {
                log_probs: &alternating,
                old_log_probs: &alternating,
                entropies: &alternating,
                advantages: &advantages,
                seed,
            };
            let picked = Picks::of(&survey, &objective).high_covariance.unwrap();
            let covariant = (&alternating * &advantages).gt(0.0);
            assert_eq!(picked.masked_select(&covariant.logical_not()).sum(None).double_value(&[]), 0.0);
            Vec::<f64>::try_from(picked).unwrap()
        };
        assert_eq!(picked(1).iter().sum::<f64>(), 20.0);
        assert_eq!(picked(1), picked(1));
        assert_ne!(picked(1), picked(2));
    }
}
