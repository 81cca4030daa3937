//! Drawing one token for each row of logits.

use tch::{Device, Kind, Tensor};

use crate::Sampling;

/// Draws a token for each row of `logits` `(B, V)`, and gives with it the log-probability that
/// [`Completion::log_probs`](crate::Completion::log_probs) documents.
///
/// `uniforms` holds a number in `[0, 1)` for each row; a row's token depends on its logits and its number alone. Where
/// logits are not numbers, neither is the log-probability, and the token means nothing.
pub(crate) fn sample(logits: &Tensor, sampling: &Sampling, uniforms: &[f64]) -> (Vec<i64>, Vec<f32>) {
    let greedy = sampling.temperature == 0.0;
    let scaled = if greedy || sampling.temperature == 1.0 {
        logits.shallow_clone()
    } else {
        logits.to_kind(Kind::Float) / sampling.temperature
    };
    let log_probs = scaled.log_softmax(-1, Kind::Float);
    let tokens = if greedy { log_probs.argmax(-1, true) } else { draw(&log_probs.exp(), sampling, uniforms) };
    let chosen = log_probs.gather(-1, &tokens, false);
    (to_vec(&tokens), to_vec(&chosen))
}

/// Tokens `(B, 1)` drawn from `probabilities` `(B, V)`, cut by top-k and then top-p.
fn draw(probabilities: &Tensor, sampling: &Sampling, uniforms: &[f64]) -> Tensor {
    let uniforms = Tensor::from_slice(uniforms).unsqueeze(-1).to_device(probabilities.device());
    let vocabulary = probabilities.size()[1];
    let top_k = i64::try_from(sampling.top_k).unwrap_or(0).min(vocabulary);
    if top_k == 0 && sampling.top_p >= 1.0 {
        return invert(probabilities, &uniforms);
    }
    let kept = if top_k == 0 { vocabulary } else { top_k };
    let (mut likely, ids) = probabilities.topk(kept, -1, true, true);
    if sampling.top_p < 1.0 {
        let total = likely.sum_dim_intlist(-1, true, None);
        let before = likely.cumsum(-1, None) - &likely;
        likely = likely.where_scalarother(&before.lt_tensor(&(total * sampling.top_p)), 0.0);
    }
    ids.gather(-1, &invert(&likely, &uniforms), false)
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
