//! What is logged of a loss: sums that add up over micro-batches, from which the means of a batch are made.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::sum_tokens;
use super::surrogate::PerToken;

/// Sums from which the logged means of a batch are made; adding those of its micro-batches gives those of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
    /// From [`Terms::logged`](super::Terms::logged).
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

/// Everything logged, in the order of [`LossSums`].
pub(super) fn logged(loss: &Tensor, kl: Option<&Tensor>, per_token: &PerToken, mask: &Tensor) -> Tensor {
    let [low, high] = [&per_token.low, &per_token.high].map(|clipped| clipped.to_kind(mask.kind()));
    // Either tokens are clipped, or whole completions.
    let (weights, shares) = match low.size() == mask.size() {
        true => (mask.shallow_clone(), sum_tokens(mask)),
        false => (low.ones_like(), low.ones_like().squeeze_dim(-1)),
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
