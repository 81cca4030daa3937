//! What logits say of given tokens: log-probability and entropy, and the gradient by the logits.

use tch::Tensor;

use super::kernels;
use crate::linear::wide;

/// What [`score`] gives, each `(N)` fp32, in nats.
#[derive(Debug)]
pub struct Scores {
    /// The log-probability of each target.
    pub log_probs: Tensor,
    /// The entropy of the distribution that it is drawn from.
    pub entropy: Tensor,
    /// The logarithm of the sum of the exponentials of `logits / temperature`, for the backward pass.
    pub log_sums: Tensor,
}

/// Log-probabilities of `targets` `(N)` i64 under `softmax(logits / temperature)`, and its entropies, for `logits`
/// `(N, V)`, computed in fp32.
pub fn score(logits: &Tensor, targets: &Tensor, temperature: f64) -> Scores {
    if let Some(found) = kernels::score(logits, targets, temperature) {
        return found;
    }
    let scaled = scaled(logits, temperature);
    let log_sums = scaled.logsumexp([-1i64].as_slice(), true);
    let log_probs = scaled.gather(-1, &targets.unsqueeze(-1), false) - &log_sums;
    let weights = (&scaled - &log_sums).exp();
    let mean = (weights * scaled).sum_dim_intlist([-1i64].as_slice(), true, None);
    let entropy = &log_sums - mean;
    let [log_probs, entropy, log_sums] = [log_probs, entropy, log_sums].map(|column| column.squeeze_dim(-1));
    Scores { log_probs, entropy, log_sums }
}

/// The gradient of a loss by what [`score`] gives, `(N)` each.
#[derive(Debug, Clone, Copy)]
pub struct ByScores<'a> {
    /// By the log-probabilities.
    pub log_probs: &'a Tensor,
    /// By the entropies, where the loss looks at them.
    pub entropy: Option<&'a Tensor>,
}

/// The gradient by `logits`, in their format, for `p = softmax(logits / temperature)` of entropy `H`:
/// `(by_log_prob · (onehot(target) − p) − by_entropy · p · (log p + H)) / temperature`.
///
/// The logits are taken and may be written over: nothing else may look at their memory.
pub fn score_backward(
    logits: Tensor,
    targets: &Tensor,
    scores: &Scores,
    by: ByScores<'_>,
    temperature: f64,
) -> Tensor {
    if kernels::score_backward(&logits, targets, scores, by, temperature).is_some() {
        return logits;
    }
    let scaled = scaled(&logits, temperature);
    let column = |by: &Tensor| by.to_kind(scaled.kind()).unsqueeze(-1) / temperature;
    let by_log_probs = column(by.log_probs);
    let log_weights = &scaled - scores.log_sums.unsqueeze(-1);
    let mut gradient = match by.entropy {
        None => log_weights.exp() * -&by_log_probs,
        Some(by_entropy) => {
            let above = &log_weights + scores.entropy.unsqueeze(-1);
            log_weights.exp() * -(above * column(by_entropy) + &by_log_probs)
        }
    };
    let _ = gradient.scatter_add_(-1, &targets.unsqueeze(-1), &by_log_probs);
    gradient.to_kind(logits.kind())
}

fn scaled(logits: &Tensor, temperature: f64) -> Tensor {
    let wide = logits.to_kind(wide(logits.kind()));
    if temperature == 1.0 { wide } else { wide / temperature }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn scores_and_gradient_are_those_of_the_plain_formula() {
        let logits = Tensor::randn([4, 9], (Kind::Double, Device::Cpu));
        let targets = Tensor::from_slice(&[0i64, 8, 3, 3]);
        let [by_log_probs, by_entropy] = [(); 2].map(|()| Tensor::randn([4], (Kind::Double, Device::Cpu)));
        for by_entropy in [None, Some(&by_entropy)] {
            let logits = logits.detach().set_requires_grad(true);
            let all = (&logits / 0.7).log_softmax(-1, Kind::Double);
            let expected = all.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1);
            let entropy = -(all.exp() * &all).sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
            let mut loss = (&expected * &by_log_probs).sum(Kind::Double);
            if let Some(by_entropy) = by_entropy {
                loss += (&entropy * by_entropy).sum(Kind::Double);
            }
            loss.backward();

            let found = score(&logits.detach(), &targets, 0.7);
            assert!(found.log_probs.allclose(&expected.detach(), 1e-12, 1e-12, false));
            assert!(found.entropy.allclose(&entropy.detach(), 1e-12, 1e-12, false));
            let by = ByScores { log_probs: &by_log_probs, entropy: by_entropy };
            let gradient = score_backward(logits.detach().copy(), &targets, &found, by, 0.7);
            assert!(gradient.allclose(&logits.grad(), 1e-10, 1e-10, false));
        }
    }
}
