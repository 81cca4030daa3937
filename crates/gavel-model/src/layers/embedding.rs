//! Looking rows up, with a gradient that is the same every time.

use gavel_torch::{Parameter, differentiable, only};
use tch::{Kind, Tensor, no_grad};

use crate::packed::Packed;

/// The embeddings `(N, width)` of the tokens of `batch`.
pub(crate) fn embedding(weight: Parameter<'_>, batch: &Packed) -> Tensor {
    let output = no_grad(|| weight.value.index_select(0, &batch.tokens));
    let master = weight.master.shallow_clone();
    let [vocabulary, words] = [&batch.vocabulary, &batch.words].map(Tensor::shallow_clone);
    only(differentiable(&[weight.master], &[&output], move |gradients| {
        let Some(gradient) = gradients[0].as_ref().filter(|_| master.requires_grad()) else {
            return vec![None];
        };
        // Summed in the master's format, since frequent tokens have many summands; and first for the tokens that there
        // are, since a tensor of the whole vocabulary would cost more than all of this.
        let gradient = gradient.to_kind(master.kind());
        let count = vocabulary.size()[0];
        let summed = Tensor::embedding_dense_backward(&gradient, &words, count, -1, false);
        let sum = master.grad();
        let first = !sum.defined();
        let mut sum = if first { master.zeros_like() } else { sum };
        let _ = sum.index_add_(0, &vocabulary, &summed);
        vec![first.then_some(sum)]
    }))
}

/// The rows of `table` `(N, width)` with these indices `(n)`, which may come several times.
pub(crate) fn rows(table: &Tensor, indices: &Tensor) -> Tensor {
    let output = no_grad(|| table.index_select(0, indices));
    let (count, kind, indices) = (table.size()[0], table.kind(), indices.shallow_clone());
    only(differentiable(&[table], &[&output], move |gradients| {
        // Sorts the indices: adding rows up where they fall, as the gradient of `index_select` does on CUDA, gives another
        // sum each time.
        let summed = |gradient: &Tensor| {
            let gradient =
                if kind == Kind::Double { gradient.shallow_clone() } else { gradient.to_kind(Kind::Float) };
            Tensor::embedding_dense_backward(&gradient, &indices, count, -1, false).to_kind(kind)
        };
        vec![gradients[0].as_ref().map(summed)]
    }))
}
