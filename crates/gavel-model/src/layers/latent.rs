//! Multi-head latent attention ([2405.04434](https://arxiv.org/abs/2405.04434)) over packed tokens.

use gavel_torch::fused::Rotation;
use gavel_torch::{Parameter, linear};
use tch::Tensor;

use super::attention::turned;
use super::{Heads, add_rms_norm};
use crate::Config;
use crate::attention::{Look, attend};
use crate::packed::{Rectangles, Visibility};

/// Added to the mean square of latents, whatever the configuration says of other norms.
pub(crate) const LATENT_EPSILON: f64 = 1e-6;

/// The heads of latent attention, by their widths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LatentHeads {
    pub(crate) count: i64,
    /// Width of the latent of keys and values.
    pub(crate) rank: i64,
    /// Of a query or key, what positions do not turn.
    pub(crate) still: i64,
    /// And what they turn.
    pub(crate) turned: i64,
    /// Width of a value.
    pub(crate) value: i64,
    /// Whether neighbours are turned together, and not halves.
    interleaved: bool,
}

/// What makes queries, keys and values of latents.
pub(crate) struct LatentParameters<'a> {
    /// A norm of queries' latents and the matrix behind it; `None` where queries are there already.
    pub(crate) queries: Option<[Parameter<'a>; 2]>,
    /// The norm of keys' and values' latents, and the matrix behind it.
    pub(crate) keys_values: [Parameter<'a>; 2],
}

impl LatentHeads {
    /// # Panics
    /// If the model has no latent attention.
    pub(crate) fn of(config: &Config) -> Self {
        let latent = config.latent_attention.expect("a model with latent attention");
        Self {
            count: config.num_attention_heads,
            rank: latent.kv_lora_rank,
            still: latent.qk_nope_head_dim,
            turned: config.head_dim,
            value: latent.v_head_dim,
            interleaved: latent.rope_interleave,
        }
    }

    /// Queries or their latent, the latent of keys and values, and the key that is turned: the columns of a projection.
    pub(crate) fn split_down(self, down: &Tensor) -> [Tensor; 3] {
        let width = down.size().last().copied().expect("rows of a projection");
        let sizes = [width - self.rank - self.turned, self.rank, self.turned];
        let mut parts = down.split_with_sizes(sizes, -1).into_iter();
        [(); 3].map(|()| parts.next().expect("three sizes make three parts"))
    }

    /// `rows` `(.., turned)` with what is turned together beside each other.
    pub(crate) fn neighbours(self, rows: &Tensor) -> Tensor {
        if self.interleaved { rows.shallow_clone() } else { self.transposed(rows, [2, self.turned / 2]) }
    }

    /// `rows` `(.., turned)` with what is turned together in the same place of two halves.
    fn halves(self, rows: &Tensor) -> Tensor {
        if self.interleaved { self.transposed(rows, [self.turned / 2, 2]) } else { rows.shallow_clone() }
    }

    fn transposed(self, rows: &Tensor, shape: [i64; 2]) -> Tensor {
        rows.unflatten(-1, shape).transpose(-1, -2).flatten(-2, -1)
    }
}

/// What every token sees, `(N, heads · value)`, for `down` `(N, queries or their latent + rank + turned)`.
///
/// What is beside matrix products and norms is left to autograd: in the models that this is for, most is in experts.
pub(crate) fn latent_attention(
    down: &Tensor,
    parameters: &LatentParameters<'_>,
    heads: LatentHeads,
    rotation: &Rotation,
    visibility: &Visibility,
    look: Look,
) -> Tensor {
    let Visibility::Rectangles(rectangles) = visibility else {
        unreachable!(
            "see `Config::attends_otherwise`: kernels that take bounds want keys and values of one width"
        )
    };
    let [queries, latent, key] = heads.split_down(down);
    let from = |rows: &Tensor, [norm, up]: [Parameter<'_>; 2]| {
        let (_, normalised) = add_rms_norm(&rows.contiguous(), None, norm, LATENT_EPSILON);
        linear(&normalised, up, None).view([-1, heads.count, up.value.size()[0] / heads.count])
    };
    let queries = match parameters.queries {
        Some(parameters) => from(&queries, parameters),
        None => queries.reshape([-1, heads.count, heads.still + heads.turned]),
    };
    let [still_queries, turned_queries] = split(&queries, heads.still);
    let [still_keys, values] = split(&from(&latent, parameters.keys_values), heads.still);

    let to_turn = Tensor::cat(&[turned_queries, key.unsqueeze(1)], 1);
    let all = Heads { queries: heads.count + 1, keys: 0, width: heads.turned };
    let rows =
        turned(&heads.halves(&to_turn).flatten(1, 2), all, rotation).view([-1, all.queries, all.width]);
    let of_heads = |heads: i64, first: i64| rows.narrow(1, first, heads);
    let queries = Tensor::cat(&[still_queries, of_heads(heads.count, 0)], 2);
    let key = of_heads(1, heads.count).expand([-1, heads.count, -1], false);
    let keys = Tensor::cat(&[still_keys, key], 2);
    within_rectangles([&queries, &keys, &values], rectangles, look)
}

/// The first `width` columns of each head, and the others.
fn split(heads: &Tensor, width: i64) -> [Tensor; 2] {
    let mut parts = heads.split_with_sizes([width, heads.size()[2] - width], 2).into_iter();
    [(); 2].map(|()| parts.next().expect("two sizes make two parts"))
}

/// With torch's kernel for rectangles; tables are `(N, heads, width)`.
fn within_rectangles(tables: [&Tensor; 3], rectangles: &Rectangles, look: Look) -> Tensor {
    let parts = rectangles.rectangles.iter().map(|part| {
        let [queries, keys, values] = tables.map(|table| {
            let rows = table.index_select(0, &part.tokens);
            rows.view([part.rows, part.columns, table.size()[1], table.size()[2]]).transpose(1, 2)
        });
        attend(&queries, &keys, &values, None, true, look).transpose(1, 2).flatten(2, 3).flatten(0, 1)
    });
    Tensor::cat(&parts.collect::<Vec<_>>(), 0).index_select(0, &rectangles.places)
}
