//! Drawing one token for each row of logits, in plain tensor operations.

use tch::{Device, Kind, Tensor};

use super::Sampling;

/// Draws a token for each row of `logits` `(B, V)`, and gives with it the log-probability that
/// [`Completion::log_probs`](crate::Completion::log_probs) documents.
///
/// `uniforms` holds a number in `(0, 1)` for each row; a row's token depends on its logits and its number alone. Where
/// logits are not numbers, neither is the log-probability, and the token means nothing.
pub(super) fn draw(logits: &Tensor, sampling: &Sampling, uniforms: &[f64]) -> (Vec<i64>, Vec<f32>) {
    let scaled = if sampling.is_greedy() || sampling.temperature == 1.0 {
        logits.shallow_clone()
    } else {
        logits.to_kind(Kind::Float) / sampling.temperature
    };
    let log_probs = scaled.log_softmax(-1, Kind::Float);
    let tokens = if sampling.is_greedy() {
        log_probs.argmax(-1, true)
    } else {
        let uniforms = Tensor::from_slice(uniforms).unsqueeze(-1).to_device(logits.device());
        invert(&cut(log_probs.exp(), sampling), &uniforms)
    };
    let chosen = log_probs.gather(-1, &tokens, false);
    (to_vec(&tokens), to_vec(&chosen))
}

/// Puts 0 for the `probabilities` `(B, V)` that top-k, then top-p, and min-p leave out.
fn cut(probabilities: Tensor, sampling: &Sampling) -> Tensor {
    if !sampling.cuts() {
        return probabilities;
    }
    let vocabulary = probabilities.size()[1];
    let top_k = i64::try_from(sampling.top_k).unwrap_or(0).min(vocabulary);
    let kept = if top_k == 0 { vocabulary } else { top_k };
    let kept = if sampling.top_p < 1.0 || top_k > 0 { kept } else { 1 };
    // The probabilities of the most likely tokens, the greatest first; what remains are those above the least of them.
    let (mut likely, _) = probabilities.topk(kept, -1, true, true);
    let greatest = likely.narrow(-1, 0, 1);
    if sampling.top_p < 1.0 {
        let total = likely.sum_dim_intlist(-1, true, None);
        let before = likely.cumsum(-1, None) - &likely;
        // Those that are not needed are put out of the way of the minimum below.
        likely = likely.where_self(&before.lt_tensor(&(total * sampling.top_p)), &greatest);
    }
    let mut least = likely.amin(-1, true);
    if sampling.top_p >= 1.0 && top_k == 0 {
        least = least.zeros_like();
    }
    let least = least.maximum(&(greatest * sampling.min_p));
    probabilities.where_scalarother(&probabilities.ge_tensor(&least), 0.0)
}

/// Inverse transform sampling: the first index whose cumulative weight exceeds `uniforms * total`, so never one of
/// weight 0. `weights` `(B, N)` need not sum to 1.
fn invert(weights: &Tensor, uniforms: &Tensor) -> Tensor {
    // Summed in fp64: in fp32 the rounding of a large vocabulary's sum outweighs its rare tokens.
    let cumulative = weights.cumsum(-1, Kind::Double);
    let total = cumulative.narrow(-1, -1, 1);
    let found = (uniforms * total).searchsorted(&cumulative, false, true, "right", None::<&Tensor>);
    // Among NaN nothing is found, which is past the end.
    found.clamp_max(weights.size()[1] - 1)
}

fn to_vec<T: tch::kind::Element + Default + Clone>(column: &Tensor) -> Vec<T> {
    let column = column.to_device(Device::Cpu).contiguous();
    let mut values = vec![T::default(); column.numel()];
    column.copy_data(&mut values, column.numel());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(probabilities: &[f64], sampling: Sampling) -> Vec<usize> {
        let left = cut(Tensor::from_slice(probabilities).unsqueeze(0), &sampling);
        (0..probabilities.len()).filter(|&token| left.double_value(&[0, token as i64]) > 0.0).collect()
    }

    #[test]
    fn cuts_leave_the_most_likely_tokens_and_those_that_are_as_likely() {
        let probabilities = [0.1, 0.3, 0.2, 0.2, 0.15, 0.05];
        let all = Sampling::default;
        assert_eq!(kept(&probabilities, all()), [0, 1, 2, 3, 4, 5]);
        assert_eq!(kept(&probabilities, Sampling { top_k: 1, ..all() }), [1]);
        assert_eq!(kept(&probabilities, Sampling { top_k: 2, ..all() }), [1, 2, 3]);
        assert_eq!(kept(&probabilities, Sampling { top_p: 0.3, ..all() }), [1]);
        assert_eq!(kept(&probabilities, Sampling { top_p: 0.45, ..all() }), [1, 2, 3]);
        assert_eq!(kept(&probabilities, Sampling { top_p: 0.8, ..all() }), [1, 2, 3, 4]);
        assert_eq!(kept(&probabilities, Sampling { min_p: 0.5, ..all() }), [1, 2, 3, 4]);
        // Top-k leaves 0.7, of which half is reached by two.
        assert_eq!(kept(&probabilities, Sampling { top_k: 3, top_p: 0.4, ..all() }), [1]);
        assert_eq!(kept(&probabilities, Sampling { top_k: 3, top_p: 0.5, ..all() }), [1, 2, 3]);
        assert_eq!(kept(&probabilities, Sampling { top_p: 0.8, min_p: 0.6, ..all() }), [1, 2, 3]);
    }
}
