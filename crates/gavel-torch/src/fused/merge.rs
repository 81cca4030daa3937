//! Attention to two sets of keys, from the attention to each.

use tch::Tensor;

use super::kernels;
use crate::flash::Attended;
use crate::linear::wide;

/// Makes the rows of `own` from `first` on, as many as `others` has, attention to their own keys and to those of
/// `others` together. Gives `others` with the output and the logarithms of sums over both, as its backward pass needs them.
///
/// Each attention is a mean weighted by exponentials of scores, so both together are a mean weighted by the sums of those:
/// with `l = log(exp l₁ + exp l₂)`, `o = exp(l₁ − l) o₁ + exp(l₂ − l) o₂` (as in FlashAttention, § 3.1).
#[must_use]
pub fn merge_attention(own: &Attended, others: &Attended, first: i64) -> Attended {
    let rows = others.output.size()[0];
    let (mut output, mut log_sums) = (own.output.narrow(0, first, rows), own.log_sums.narrow(1, first, rows));
    if let Some(both) = kernels::merge(own, others, first) {
        log_sums.copy_(&both);
        return own.rows(first, both, others);
    }
    let both = log_sums.logaddexp(&others.log_sums);
    // (heads, rows) to (rows, heads, 1).
    let share = |log_sums: &Tensor| (log_sums - &both).exp().tr().unsqueeze(-1);
    let kind = wide(output.kind());
    let merged =
        output.to_kind(kind) * share(&log_sums) + others.output.to_kind(kind) * share(&others.log_sums);
    output.copy_(&merged);
    log_sums.copy_(&both);
    own.rows(first, both, others)
}
