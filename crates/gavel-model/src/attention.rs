//! What lets tokens see each other: rotary positions, masks, attention itself.

use tch::{Device, Kind, Tensor};

use crate::Config;
use crate::rope::PerRotary;

/// The rotary position embedding of given positions, ready to be applied to queries and keys.
///
/// RoFormer, <https://arxiv.org/abs/2104.09864>. Pairs of neighbours are complex numbers here, turned by one
/// multiplication; checkpoints of Hugging Face pair the halves of a head instead, see [`neighbours_from_halves`].
#[derive(Debug)]
pub(crate) struct Rope {
    /// `(.., T, 1, head_dim / 2)` complex, of absolute value 1 unless the configuration says otherwise.
    turns: Tensor,
}

/// For each row of a fused query, key and value projection in neighbour order, the row in checkpoint order.
///
/// Attention does not notice: queries and keys are reordered alike within each head, and values stay.
pub(crate) fn neighbours_from_halves(config: &Config) -> Vec<i64> {
    let Config { num_attention_heads, num_key_value_heads, head_dim, .. } = *config;
    let (rotary, all) =
        (num_attention_heads + num_key_value_heads, num_attention_heads + 2 * num_key_value_heads);
    // What is beyond them in a head is turned by nothing, and stays where it is.
    let (turned, half) = (config.rotary_dim(), config.rotary_dim() / 2);
    let of_head = |head: i64| {
        let pairs = (0..half).flat_map(move |i| [i, i + half]);
        pairs.chain(turned..head_dim).map(move |row| head * head_dim + row)
    };
    (0..rotary).flat_map(of_head).chain(rotary * head_dim..all * head_dim).collect()
}

impl Rope {
    /// For `positions` `(T)` or `(B, T)`, as the layers of a model have them.
    pub(crate) fn of_layers(config: &Config, positions: &Tensor) -> PerRotary<Self> {
        let pairs = config.head_dim / 2;
        PerRotary::new(config, positions.device(), |frequencies, length| {
            // Pairs that are not turned are turned by 0 and multiplied by 1.
            let rest = pairs - frequencies.size()[0];
            let ones = Tensor::ones([rest], (Kind::Float, positions.device()));
            let lengths = Tensor::cat(&[frequencies.full_like(length), ones], 0);
            let frequencies = frequencies.constant_pad_nd([0, rest]);
            let angles = positions.to_kind(Kind::Float).unsqueeze(-1) * frequencies;
            let [cosines, sines] = [angles.cos() * &lengths, angles.sin() * &lengths];
            Self { turns: Tensor::complex(&cosines, &sines).unsqueeze(-2) }
        })
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

/// How a layer makes scores of queries and keys, and how far its tokens see.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// What scores are multiplied by; the root of the width of a head divides them where it is `None`.
    pub(crate) scale: Option<f64>,
    /// They stay between minus this and this, by tanh.
    pub(crate) cap: Option<f64>,
    /// How many tokens are seen, the token itself among them.
    pub(crate) window: Option<i64>,
}

impl Look {
    pub(crate) fn of_layer(config: &Config, layer: usize) -> Self {
        Self {
            scale: config.attention_scale(),
            cap: config.attn_logit_softcapping,
            window: config.window(layer),
        }
    }
}

/// Attention of `queries` `(B, heads, T, head_dim)` to `keys` and `values` `(B, key_value_heads, S, head_dim)`.
///
/// `mask` broadcasts to `(B, heads, T, S)`: bool, or a number to add to the scores. With `causal`, `T == S`. A window is
/// kept to where `T == S`, with a mask of bool if any; where there are other keys, the mask says what is seen.
pub(crate) fn attend(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: Option<&Tensor>,
    causal: bool,
    look: Look,
) -> Tensor {
    let (length, grouped) = (queries.size()[2], queries.size()[1] != keys.size()[1]);
    let narrow = look.window.filter(|&window| window < length && length == keys.size()[2]);
    let within = narrow.map(|window| {
        let within = within_window(length, window, queries.device());
        mask.map_or_else(|| within.shallow_clone(), |mask| mask.logical_and(&within))
    });
    let (mask, causal) = (within.as_ref().or(mask), causal && within.is_none());
    match (look.cap, mask) {
        (Some(cap), _) => attend_capped(queries, keys, values, mask, causal, look.scale, cap),
        (None, Some(mask)) if grouped && length == 1 && queries.device().is_cuda() => {
            attend_folded(queries, keys, values, mask, look.scale)
        }
        _ => Tensor::scaled_dot_product_attention(
            queries, keys, values, mask, 0.0, causal, look.scale, grouped,
        ),
    }
}

/// Which of `length` tokens see which, `(T, T)` bool: a token sees itself and those before it, `window` in all.
fn within_window(length: i64, window: i64, device: Device) -> Tensor {
    Tensor::ones([length, length], (Kind::Bool, device)).tril(0).triu(1 - window)
}

/// Attention whose scores are capped, as in Gemma 2 ([2408.00118](https://arxiv.org/abs/2408.00118)). No kernel of libtorch
/// does that, so scores are written out.
fn attend_capped(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: Option<&Tensor>,
    causal: bool,
    scale: Option<f64>,
    cap: f64,
) -> Tensor {
    let [_, heads, length, width] = queries.size()[..] else { unreachable!("(B, heads, T, head_dim)") };
    let shared = heads / keys.size()[1];
    let [keys, values] = [keys, values].map(|table| table.repeat_interleave_self_int(shared, 1, None));
    let scale = scale.unwrap_or_else(|| (width as f64).sqrt().recip());
    let scores = queries.matmul(&keys.transpose(2, 3)) * scale;
    let scores = (scores / cap).tanh() * cap;
    let scores = match mask {
        Some(mask) if mask.kind() == Kind::Bool => scores.masked_fill(&mask.logical_not(), f64::NEG_INFINITY),
        Some(mask) => scores + mask,
        None if causal => {
            let seen = within_window(length, length, queries.device());
            scores.masked_fill(&seen.logical_not(), f64::NEG_INFINITY)
        }
        None => scores,
    };
    scores.softmax(-1, Kind::Float).to_kind(values.kind()).matmul(&values)
}

/// Attention of one query per head, `(B, heads, 1, head_dim)`, with the heads that share keys as the queries of one head.
///
/// On CUDA libtorch has fused kernels for a mask and for grouped heads, but beside cuDNN's, which is off, none for both;
/// what is left writes the scores out. Folded, no heads are grouped. `mask` broadcasts to `(B, 1, 1, S)`.
fn attend_folded(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: &Tensor,
    scale: Option<f64>,
) -> Tensor {
    let (size, shared) = (queries.size(), keys.size()[1]);
    let folded = queries.reshape([size[0], shared, size[1] / shared, size[3]]);
    Tensor::scaled_dot_product_attention(&folded, keys, values, Some(mask), 0.0, false, scale, false)
        .reshape(size.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_heads_attend_as_grouped_ones() {
        let random = |shape: [i64; 4]| Tensor::randn(shape, (Kind::Double, Device::Cpu));
        let (queries, keys, values) = (random([3, 6, 1, 4]), random([3, 2, 5, 4]), random([3, 2, 5, 4]));
        let lengths = Tensor::from_slice(&[5_i64, 2, 4]).view([3, 1, 1, 1]);
        let mask = Tensor::arange(5, (Kind::Int64, Device::Cpu)).lt_tensor(&lengths);
        let grouped = attend(&queries, &keys, &values, Some(&mask), false, Look::default());
        let folded = attend_folded(&queries, &keys, &values, &mask, None);
        assert!(folded.allclose(&grouped, 1e-12, 1e-12, false));
        let unmasked = attend(&queries, &keys, &values, None, false, Look::default());
        assert!(!folded.allclose(&unmasked, 1e-3, 1e-3, false));
    }
    #[test]
    fn a_window_and_a_cap_are_those_of_the_plain_formula() {
        let random = |heads| Tensor::randn([2, heads, 7, 4], (Kind::Double, Device::Cpu));
        let (queries, keys, values) = (random(4), random(2), random(2));
        let [all_keys, all_values] =
            [&keys, &values].map(|table| table.repeat_interleave_self_int(2, 1, None));
        for (cap, window) in [(None, Some(3)), (Some(0.5), None), (Some(0.5), Some(3)), (Some(1e9), Some(99))]
        {
            let look = Look { scale: Some(0.7), cap, window };
            let scores = queries.matmul(&all_keys.transpose(2, 3)) * 0.7;
            let scores = cap.map_or(scores.shallow_clone(), |cap| (scores / cap).tanh() * cap);
            let position = Tensor::arange(7, (Kind::Int64, Device::Cpu));
            let back = position.unsqueeze(1) - position.unsqueeze(0);
            let hidden = back.lt(0).logical_or(&back.ge(window.unwrap_or(99)));
            let expected =
                scores.masked_fill(&hidden, f64::NEG_INFINITY).softmax(-1, Kind::Double).matmul(&all_values);
            let found = attend(&queries, &keys, &values, None, true, look);
            assert!(found.allclose(&expected, 1e-6, 1e-6, false), "{look:?}");
            let everything = Tensor::ones([7, 7], (Kind::Bool, Device::Cpu)).tril(0);
            let found = attend(&queries, &keys, &values, Some(&everything), false, look);
            assert!(found.allclose(&expected, 1e-6, 1e-6, false), "{look:?} with a mask");
        }
    }
}
