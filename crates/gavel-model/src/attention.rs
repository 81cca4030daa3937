//! What lets tokens see each other: rotary positions, masks, attention itself.

use tch::{Kind, Tensor};

use crate::Config;
use crate::rope::frequencies;

/// The rotary position embedding of given positions, ready to be applied to queries and keys.
///
/// RoFormer, <https://arxiv.org/abs/2104.09864>. Pairs of neighbours are complex numbers here, turned by one
/// multiplication; checkpoints of Hugging Face pair the halves of a head instead, see [`neighbours_from_halves`].
#[derive(Debug)]
pub(crate) struct Rope {
    /// `(.., T, 1, head_dim / 2)` complex, of absolute value 1.
    turns: Tensor,
}

/// For each row of a fused query, key and value projection in neighbour order, the row in checkpoint order.
///
/// Attention does not notice: queries and keys are reordered alike within each head, and values stay.
pub(crate) fn neighbours_from_halves(config: &Config) -> Vec<i64> {
    let Config { num_attention_heads, num_key_value_heads, head_dim, .. } = *config;
    let (rotary, all) =
        (num_attention_heads + num_key_value_heads, num_attention_heads + 2 * num_key_value_heads);
    let half = head_dim / 2;
    let turned = (0..rotary)
        .flat_map(|head| (0..half).flat_map(move |i| [i, i + half].map(|row| head * head_dim + row)));
    turned.chain(rotary * head_dim..all * head_dim).collect()
}

impl Rope {
    /// For `positions` `(T)` or `(B, T)`.
    pub(crate) fn new(config: &Config, positions: &Tensor) -> Self {
        let frequencies = frequencies(config, positions.device());
        let angles = positions.to_kind(Kind::Float).unsqueeze(-1) * frequencies;
        Self { turns: Tensor::complex(&angles.cos(), &angles.sin()).unsqueeze(-2) }
    }

    /// The embeddings of `positions` `(B)`, one for each row, of a `Rope` made for `0..`.
    pub(crate) fn rows(&self, positions: &Tensor) -> Self {
        Self { turns: self.turns.index_select(0, positions).unsqueeze(1) }
    }

    /// Cosines and sines, `(T, head_dim / 2, 2)` fp32, of a `Rope` made for positions `(T)`.
    pub(crate) fn table(&self) -> Tensor {
        self.turns.squeeze_dim(-2).view_as_real().contiguous()
    }

    /// Turns `heads` `(B, T, heads, head_dim)`, in fp32 whatever their format is.
    pub(crate) fn turn(&self, heads: &Tensor) -> Tensor {
        let half = heads.size()[3] / 2;
        let pairs = heads.to_kind(Kind::Float).unflatten(3, [half, 2]).view_as_complex();
        (pairs * &self.turns).view_as_real().flatten(3, 4).to_kind(heads.kind())
    }
}

/// Positions `(B, T)` that count the tokens of each row from 0, for a mask `(B, T)` of 1 and 0. Padding on the left
/// is at position 0.
pub(crate) fn positions_of(mask: &Tensor) -> Tensor {
    (mask.cumsum(1, Kind::Int64) - 1).clamp_min(0)
}

/// Who may see whom, `(B, 1, T, T)` bool, for a mask `(B, T)` of 1 and 0: tokens see earlier tokens and themselves.
///
/// Padding sees at least itself: a row of attention that sees nothing is not a number.
pub(crate) fn causal_mask(mask: &Tensor) -> Tensor {
    let length = mask.size()[1];
    let options = (Kind::Bool, mask.device());
    let earlier = Tensor::ones([length, length], options).tril(0);
    let keys = mask.to_kind(Kind::Bool).unsqueeze(1).unsqueeze(1);
    earlier.logical_and(&keys).logical_or(&Tensor::eye(length, options))
}

/// Attention of `queries` `(B, heads, T, head_dim)` to `keys` and `values` `(B, key_value_heads, S, head_dim)`.
///
/// `mask` broadcasts to `(B, heads, T, S)`: bool, or a number to add to the scores. With `causal`, `T == S`.
pub(crate) fn attend(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: Option<&Tensor>,
    causal: bool,
) -> Tensor {
    let grouped = queries.size()[1] != keys.size()[1];
    match mask {
        Some(mask) if grouped && queries.size()[2] == 1 && queries.device().is_cuda() => {
            attend_folded(queries, keys, values, mask)
        }
        _ => Tensor::scaled_dot_product_attention(queries, keys, values, mask, 0.0, causal, None, grouped),
    }
}

/// Attention of one query per head, `(B, heads, 1, head_dim)`, with the heads that share keys as the queries of one head.
///
/// On CUDA libtorch has fused kernels for a mask and for grouped heads, but beside cuDNN's, which is off, none for both;
/// what is left writes the scores out. Folded, no heads are grouped. `mask` broadcasts to `(B, 1, 1, S)`.
fn attend_folded(queries: &Tensor, keys: &Tensor, values: &Tensor, mask: &Tensor) -> Tensor {
    let (size, shared) = (queries.size(), keys.size()[1]);
    let folded = queries.reshape([size[0], shared, size[1] / shared, size[3]]);
    Tensor::scaled_dot_product_attention(&folded, keys, values, Some(mask), 0.0, false, None, false)
        .reshape(size.as_slice())
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn folded_heads_attend_as_grouped_ones() {
        let random = |shape: [i64; 4]| Tensor::randn(shape, (Kind::Double, Device::Cpu));
        let (queries, keys, values) = (random([3, 6, 1, 4]), random([3, 2, 5, 4]), random([3, 2, 5, 4]));
        let lengths = Tensor::from_slice(&[5_i64, 2, 4]).view([3, 1, 1, 1]);
        let mask = Tensor::arange(5, (Kind::Int64, Device::Cpu)).lt_tensor(&lengths);
        let grouped = attend(&queries, &keys, &values, Some(&mask), false);
        let folded = attend_folded(&queries, &keys, &values, &mask);
        assert!(folded.allclose(&grouped, 1e-12, 1e-12, false));
        assert!(!folded.allclose(&attend(&queries, &keys, &values, None, false), 1e-3, 1e-3, false));
    }
}
