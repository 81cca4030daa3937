//! Grouped-query attention ([2305.13245](https://arxiv.org/abs/2305.13245)) with rotary positions over packed tokens.

use gavel_torch::fused::{Direction, Rotation, merge_attention};
use gavel_torch::{
    Attended, SequenceBounds, differentiable, flash_attention, flash_attention_backward, only,
};
use tch::{Tensor, no_grad};

use crate::attention::{Look, attend};
use crate::packed::{Bounds, Rectangles, SharedPrompts, Visibility};

/// The heads in a row of queries, keys and values side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) queries: i64,
    /// Of keys, and as many of values.
    pub(crate) keys: i64,
    pub(crate) width: i64,
}

impl Heads {
    /// Queries, keys and values, each `(N, heads, width)`: views of `rows` `(N, all heads · width)`.
    pub(crate) fn split(self, rows: &Tensor) -> [Tensor; 3] {
        let Self { queries, keys, width } = self;
        let part =
            |first: i64, heads: i64| rows.narrow(1, first * width, heads * width).view([-1, heads, width]);
        [part(0, queries), part(queries, keys), part(queries + keys, keys)]
    }

    /// Heads that positions turn.
    fn rotary(self) -> i64 {
        self.queries + self.keys
    }
}

/// What every token sees, `(N, queries · width)`, for `qkv` `(N, all heads · width)`.
///
/// Queries and keys are turned where they lie, so nothing else may look at the memory of `qkv` afterwards.
#[expect(clippy::needless_pass_by_value, reason = "its memory is changed")]
pub(crate) fn attention(
    qkv: Tensor,
    heads: Heads,
    rotation: &Rotation,
    visibility: &Visibility,
    look: Look,
) -> Tensor {
    match visibility {
        // Made only where no layer looks otherwise, and no window is shorter than a sequence: see `Model::pack`.
        Visibility::Bounds(bounds) => {
            assert!(
                look.scale.is_none() && look.cap.is_none(),
                "kernels that take bounds do not know {look:?}"
            );
            within_bounds(&qkv, heads, rotation, bounds)
        }
        Visibility::Rectangles(rectangles) => within_rectangles(&qkv, heads, rotation, rectangles, look),
    }
}

/// With torch's kernel for rectangles: tokens are copied into them and back, so that only attention sees padding. What
/// stands on the right is seen by nobody before it, so causal attention needs no mask.
fn within_rectangles(
    qkv: &Tensor,
    heads: Heads,
    rotation: &Rotation,
    rectangles: &Rectangles,
    look: Look,
) -> Tensor {
    let turned = turned(qkv, heads, rotation);
    let parts = rectangles.rectangles.iter().map(|part| {
        let rows = turned.index_select(0, &part.tokens).view([part.rows, part.columns, -1, heads.width]);
        let mut parts = rows.split_with_sizes([heads.queries, heads.keys, heads.keys], 2).into_iter();
        let [queries, keys, values] =
            [(); 3].map(|()| parts.next().expect("three sizes make three parts").transpose(1, 2));
        let attended = attend(&queries, &keys, &values, None, true, look);
        attended.transpose(1, 2).reshape([part.rows * part.columns, heads.queries * heads.width])
    });
    Tensor::cat(&parts.collect::<Vec<_>>(), 0).index_select(0, &rectangles.places)
}

/// Queries and keys of `qkv` turned, in place.
pub(super) fn turned(qkv: &Tensor, heads: Heads, rotation: &Rotation) -> Tensor {
    let rows = qkv.detach();
    no_grad(|| rotation.turn(&rows, heads.rotary(), Direction::Forward));
    let rotation = rotation.shallow_clone();
    only(differentiable(&[qkv], &[&rows], move |gradients| {
        // A copy: others may hold the gradient too.
        let back = gradients[0].as_ref().map(Tensor::copy);
        if let Some(back) = &back {
            rotation.turn(back, heads.rotary(), Direction::Back);
        }
        vec![back]
    }))
}

/// With kernels that take bounds. Every segment sees itself; what completions see of a prompt that they share, which is
/// there once, is computed apart, and both are merged.
///
/// PrefixGrouper ([2506.05433](https://arxiv.org/abs/2506.05433)) shares prompts so; the merge is that of FlashAttention.
fn within_bounds(qkv: &Tensor, heads: Heads, rotation: &Rotation, bounds: &Bounds) -> Tensor {
    let rows = qkv.detach();
    let (own, shared) = no_grad(|| {
        rotation.turn(&rows, heads.rotary(), Direction::Forward);
        let parts = heads.split(&rows);
        let own = flash_attention(parts.each_ref(), [&bounds.segments; 2], true);
        let shared = bounds.shared.as_ref().map(|shared| {
            let seen = shared.parts(&parts);
            let others = flash_attention(seen.each_ref(), shared.bounds(), false);
            merge_attention(&own, &others, shared.prompt_tokens)
        });
        (own, shared)
    });
    let output = own.output.view([-1, heads.queries * heads.width]);
    let saved = Saved {
        rows,
        heads,
        rotation: rotation.shallow_clone(),
        segments: bounds.segments.shallow_clone(),
        shared: bounds.shared.as_ref().map(SharedPrompts::shallow_clone).zip(shared),
        own,
    };
    only(differentiable(&[qkv], &[&output], move |gradients| {
        vec![gradients[0].as_ref().map(|by_output| saved.backward(by_output))]
    }))
}

/// What the backward pass of [`within_bounds`] needs.
struct Saved {
    /// Turned.
    rows: Tensor,
    heads: Heads,
    rotation: Rotation,
    segments: SequenceBounds,
    /// What completions see of their prompts; output and sums are those over both.
    shared: Option<(SharedPrompts, Attended)>,
    /// Likewise over both, where there is something shared.
    own: Attended,
}

impl Saved {
    /// The gradient by `qkv`. With output and sums over all keys, the backward pass for some of them gives their share.
    fn backward(&self, by_output: &Tensor) -> Tensor {
        let by_output = by_output.view([-1, self.heads.queries, self.heads.width]);
        let parts = self.heads.split(&self.rows);
        let by_parts =
            flash_attention_backward(&by_output, parts.each_ref(), [&self.segments; 2], true, &self.own);
        let by_seen = self.shared.as_ref().map(|(shared, attended)| {
            let by_output = shared.completions_of(&by_output);
            let seen = shared.parts(&parts);
            let by_seen =
                flash_attention_backward(&by_output, seen.each_ref(), shared.bounds(), false, attended);
            (shared.prompt_tokens, by_seen)
        });
        self.rotation.join_back(by_parts, by_seen)
    }
}

impl SharedPrompts {
    fn shallow_clone(&self) -> Self {
        Self { completions: self.completions.shallow_clone(), prompts: self.prompts.shallow_clone(), ..*self }
    }

    fn bounds(&self) -> [&SequenceBounds; 2] {
        [&self.completions, &self.prompts]
    }

    fn completions_of(&self, rows: &Tensor) -> Tensor {
        rows.narrow(0, self.prompt_tokens, self.completion_tokens)
    }

    /// The queries of completions, and the keys and values of prompts that are seen.
    fn parts(&self, [queries, keys, values]: &[Tensor; 3]) -> [Tensor; 3] {
        let seen = |rows: &Tensor| rows.narrow(0, 0, self.prompt_tokens);
        [self.completions_of(queries), seen(keys), seen(values)]
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
