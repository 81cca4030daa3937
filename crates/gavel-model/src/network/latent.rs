//! Multi-head latent attention ([2405.04434](https://arxiv.org/abs/2405.04434)) over rectangles of tokens. Of a token, its latent
//! and the key that positions turn are kept, and no keys and values of heads.

use tch::{Kind, Tensor};

use super::{Network, See, split};
use crate::attention::{Look, Rope, attend};
use crate::families::Place;
use crate::layers::{LATENT_EPSILON, LatentHeads};
use crate::weights::Block;

impl Network {
    pub(super) fn latent_attention(
        &self,
        layer: usize,
        block: &Block,
        input: &Tensor,
        rope: &Rope,
        see: &mut See<'_>,
    ) -> Tensor {
        let heads = LatentHeads::of(&self.config);
        let [rows, length, _] = input.size()[..] else {
            unreachable!("hidden states are (B, T, hidden_size)")
        };
        let down = input.linear(block.tensor(Place::Qkv), block.perhaps(Place::QkvBias));
        let [queries, latent, key] = heads.split_down(&down);
        let queries = match block.perhaps(Place::QueryLatentNorm) {
            Some(norm) => self
                .normalise_by(&queries, norm, LATENT_EPSILON)
                .linear(block.tensor(Place::QueryUp), None::<&Tensor>),
            None => queries,
        };
        let latent = self.normalise_by(&latent, block.tensor(Place::KeyValueLatentNorm), LATENT_EPSILON);
        let (still, turned) = split(&queries.view([rows, length, heads.count, -1]), 3, heads.still);
        let turned = rope.turn(&heads.neighbours(&turned).contiguous());
        let key = rope.turn(&heads.neighbours(&key.unsqueeze(2)).contiguous());
        let kept = Tensor::cat(&[latent.unsqueeze(2), key], 3).transpose(1, 2);

        let seen = see(layer, vec![kept]);
        let look = Look::of_layer(&self.config, layer);
        let up = block.tensor(Place::KeyValueUp);
        let attended = if length == 1 {
            let scale = look.scale.expect("latent attention says its scale");
            absorbed(
                heads,
                [&still, &turned].map(|part| part.squeeze_dim(1)),
                &seen.kept[0],
                up,
                seen.mask,
                scale,
            )
        } else {
            let [keys, values] = heads.keys_and_values(&seen.kept[0], up);
            let queries = Tensor::cat(&[still, turned], 3).transpose(1, 2);
            attend(&queries, &keys, &values, seen.mask.as_ref(), seen.causal, look).transpose(1, 2)
        };
        let joined = attended.reshape([rows, length, heads.count * heads.value]);
        joined.linear(block.tensor(Place::Output), block.perhaps(Place::OutputBias))
    }
}

impl LatentHeads {
    /// Keys and values of all heads, `(B, heads, S, width)`, of what is kept of tokens, `(B, 1, S, rank + turned)`.
    fn keys_and_values(self, kept: &Tensor, up: &Tensor) -> [Tensor; 2] {
        let (latent, key) = split(kept, 3, self.rank);
        let [rows, _, tokens, turned] = key.size()[..] else { unreachable!("(B, 1, S, turned)") };
        let heads = latent.squeeze_dim(1).linear(up, None::<&Tensor>).view([rows, tokens, self.count, -1]);
        let (still, values) = split(&heads.transpose(1, 2), 3, self.still);
        [Tensor::cat(&[still, key.expand([rows, self.count, tokens, turned], false)], 3), values]
    }
}

/// What one query of each head, in its still and its turned part, `(B, heads, ..)`, sees of what is kept, `(B, 1, S, rank +
/// turned)`: `(B, heads, value)`. The matrix that makes keys of latents makes latents of queries here, so that no key is
/// made, and the one that makes values of latents follows the sum over them.
fn absorbed(
    heads: LatentHeads,
    [still, turned]: [Tensor; 2],
    kept: &Tensor,
    up: &Tensor,
    mask: Option<Tensor>,
    scale: f64,
) -> Tensor {
    let kept = kept.squeeze_dim(1);
    let (to_keys, to_values) = split(&up.view([heads.count, -1, heads.rank]), 1, heads.still);
    let queries = still.transpose(0, 1).bmm(&to_keys).transpose(0, 1);
    let scores = Tensor::cat(&[queries, turned], 2).matmul(&kept.transpose(1, 2)) * scale;
    let scores = match mask.map(|mask| mask.squeeze_dim(1)) {
        Some(mask) if mask.kind() == Kind::Bool => scores.masked_fill(&mask.logical_not(), f64::NEG_INFINITY),
        Some(mask) => scores + mask,
        None => scores,
    };
    let kind = if kept.kind() == Kind::Double { Kind::Double } else { Kind::Float };
    let weights = scores.softmax(-1, kind).to_kind(kept.kind());
    let latents = weights.matmul(&kept.narrow(2, 0, heads.rank));
    latents.transpose(0, 1).bmm(&to_values.transpose(1, 2)).transpose(0, 1)
}
