//! Looking rows up, with a gradient that is the same every time.

use gavel_torch::{Parameter, add_gradient, differentiable, only};
use tch::{Kind, Tensor, no_grad};

/// The embeddings `(N, width)` of `tokens` `(N)`.
pub(crate) fn embedding(weight: Parameter<'_>, tokens: &Tensor) -> Tensor {
    let output = no_grad(|| weight.value.index_select(0, tokens));
    let (master, tokens) = (weight.master.shallow_clone(), tokens.shallow_clone());
    only(differentiable(&[weight.master], &[&output], move |gradients| {
        let gradient = gradients[0].as_ref();
        // Summed in the master's format, since frequent tokens have many summands.
        let summed = |gradient: &Tensor| {
            let gradient = gradient.to_kind(master.kind());
            Tensor::embedding_dense_backward(&gradient, &tokens, master.size()[0], -1, false)
        };
        vec![gradient.and_then(|gradient| add_gradient(&master, || summed(gradient)))]
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
