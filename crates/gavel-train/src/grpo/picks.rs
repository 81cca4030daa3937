//! Which tokens of an update are singled out, by how they compare with all others of it.

use tch::Tensor;

use super::Objective;

/// What is known of the tokens of an update before it learns from any of them, one number for each, `(n)`.
#[derive(Debug)]
pub struct Survey<'a> {
    /// The entropy of the distribution that each was drawn from.
    pub entropies: &'a Tensor,
}

/// Tokens that are singled out: 1 for those, 0 for all others. `(n)` for those of a [`Survey`], and `(B, T)` in a
/// micro-batch. `None` where the objective does not ask.
#[derive(Debug, Default)]
pub struct Picks {
    /// Those of the highest entropies, from which alone the policy learns.
    pub high_entropy: Option<Tensor>,
}

impl Picks {
    /// What the objective singles out among all tokens of an update.
    pub fn of(survey: &Survey<'_>, objective: &Objective) -> Self {
        let share = objective.top_entropy_quantile;
        Self { high_entropy: (share < 1.0).then(|| highest(survey.entropies, share)) }
    }

    /// The same of some tokens, or in another shape.
    #[must_use]
    pub fn map(&self, part: impl Fn(&Tensor) -> Tensor) -> Self {
        Self { high_entropy: self.high_entropy.as_ref().map(part) }
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
