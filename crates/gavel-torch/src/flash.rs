//! Flash attention over packed sequences (<https://arxiv.org/abs/2307.08691>), forward and backward, and its plain twin.
//!
//! Sequences lie one after the other in the rows of one tensor, without padding, and bounds say where each begins.

use std::ptr;

use tch::{Device, Kind, Tensor};

use crate::autograd::taken;
use crate::message::checked;

/// Where each of some packed sequences begins and ends.
#[derive(Debug)]
pub struct SequenceBounds {
    /// `(sequences + 1)` i32: where each begins, and where the last ends.
    starts: Tensor,
    /// The same, for the twin.
    ends: Vec<i64>,
    longest: i64,
}

impl SequenceBounds {
    /// Sequences of these lengths in tokens, one after the other.
    pub fn new(lengths: impl IntoIterator<Item = i64>, device: Device) -> Self {
        let (mut ends, mut longest) = (vec![0], 0);
        for length in lengths {
            ends.push(ends[ends.len() - 1] + length);
            longest = longest.max(length);
        }
        let starts = Tensor::from_slice(&ends).to_kind(Kind::Int).to_device(device);
        Self { starts, ends, longest }
    }

    /// The rows of each sequence: first, and how many.
    fn rows(&self) -> impl Iterator<Item = (i64, i64)> {
        self.ends.windows(2).map(|pair| (pair[0], pair[1] - pair[0]))
    }
}

impl SequenceBounds {
    /// Another name for the same bounds.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { starts: self.starts.shallow_clone(), ends: self.ends.clone(), longest: self.longest }
    }
}

/// What attention gives, and what its backward pass needs.
#[derive(Debug)]
pub struct Attended {
    /// `(rows, heads, head_dim)`.
    pub output: Tensor,
    /// `(heads, rows)` fp32: the logarithm of the sum of the exponentials of each query's scores.
    pub log_sums: Tensor,
    /// The state of dropout, of which there is none; the kernel's backward pass asks for it.
    dropout: [Tensor; 2],
}

/// Attention of `queries` `(rows, heads, head_dim)` to `keys` and `values` `(rows, key_value_heads, head_dim)`, where the
/// n-th sequence of queries sees the n-th of keys; with `causal`, both are as long, and none sees what comes after it.
///
/// On CUDA this is libtorch's kernel, for bf16 and fp16 and a `head_dim` that 8 divides; on a CPU, and for other formats, the
/// plain formula, one sequence after the other.
pub fn flash_attention(
    [queries, keys, values]: [&Tensor; 3],
    [query_bounds, key_bounds]: [&SequenceBounds; 2],
    causal: bool,
) -> Attended {
    if !queries.device().is_cuda() {
        return twin::forward([queries, keys, values], [query_bounds, key_bounds], causal);
    }
    let mut results = [ptr::null_mut(); 4];
    checked(|message, capacity| {
        #[expect(unsafe_code, reason = "all tensors are alive, and the results are four new ones")]
        unsafe {
            ffi::gavel_flash_attention(
                queries.as_ptr().cast(),
                keys.as_ptr().cast(),
                values.as_ptr().cast(),
                query_bounds.starts.as_ptr().cast(),
                key_bounds.starts.as_ptr().cast(),
                query_bounds.longest,
                key_bounds.longest,
                causal,
                results.as_mut_ptr(),
                message,
                capacity,
            )
        }
    });
    let [output, log_sums, state, unused] =
        results.map(|result| taken(result).expect("four results when it succeeds"));
    Attended { output, log_sums, dropout: [state, unused] }
}

/// The gradients by queries, keys and values, given that by the output. `attended` is what the forward pass gave; its
/// output and sums may be those over more keys than these, which then have their share of the gradient.
pub fn flash_attention_backward(
    by_output: &Tensor,
    [queries, keys, values]: [&Tensor; 3],
    [query_bounds, key_bounds]: [&SequenceBounds; 2],
    causal: bool,
    attended: &Attended,
) -> [Tensor; 3] {
    if !queries.device().is_cuda() {
        return twin::backward(
            by_output,
            [queries, keys, values],
            [query_bounds, key_bounds],
            causal,
            attended,
        );
    }
    let (by_queries, by_keys, by_values) = Tensor::internal_flash_attention_backward(
        by_output,
        queries,
        keys,
        values,
        &attended.output,
        &attended.log_sums,
        &query_bounds.starts,
        &key_bounds.starts,
        query_bounds.longest,
        key_bounds.longest,
        0.0,
        causal,
        &attended.dropout[0],
        &attended.dropout[1],
        None,
        None,
        None,
    );
    [by_queries, by_keys, by_values]
}

impl Attended {
    /// With a state of dropout that no kernel has given.
    pub(crate) fn without_state(output: Tensor, log_sums: Tensor) -> Self {
        let empty = || Tensor::zeros([0i64], (Kind::Int64, output.device()));
        Self { dropout: [empty(), empty()], output, log_sums }
    }

    /// The rows from `first` on, as many as `other` has, with these logarithms of sums and the state of `other`.
    pub(crate) fn rows(&self, first: i64, log_sums: Tensor, other: &Self) -> Self {
        let rows = other.output.size()[0];
        Self {
            output: self.output.narrow(0, first, rows),
            log_sums,
            dropout: [other.dropout[0].shallow_clone(), other.dropout[1].shallow_clone()],
        }
    }
}

/// The plain formula, sequence by sequence.
mod twin {
    use super::{Attended, Kind, SequenceBounds, Tensor};

    pub(super) fn forward(
        [queries, keys, values]: [&Tensor; 3],
        [query_bounds, key_bounds]: [&SequenceBounds; 2],
        causal: bool,
    ) -> Attended {
        let (mut outputs, mut sums) = (Vec::new(), Vec::new());
        for ((first_query, query_rows), (first_key, key_rows)) in query_bounds.rows().zip(key_bounds.rows()) {
            let queries = queries.narrow(0, first_query, query_rows);
            let [keys, values] =
                [keys, values].map(|tensor| per_query_head(&tensor.narrow(0, first_key, key_rows), &queries));
            let scores = scores(&queries, &keys, causal);
            let log_sums = scores.logsumexp([-1i64].as_slice(), true);
            outputs.push((scores - &log_sums).exp().matmul(&values.transpose(0, 1)).transpose(0, 1));
            sums.push(log_sums.squeeze_dim(-1));
        }
        Attended::without_state(Tensor::cat(&outputs, 0).contiguous(), Tensor::cat(&sums, 1).contiguous())
    }

    pub(super) fn backward(
        by_output: &Tensor,
        [queries, keys, values]: [&Tensor; 3],
        [query_bounds, key_bounds]: [&SequenceBounds; 2],
        causal: bool,
        attended: &Attended,
    ) -> [Tensor; 3] {
        let [mut by_queries, mut by_keys, mut by_values] = [(); 3].map(|()| Vec::new());
        for ((first_query, query_rows), (first_key, key_rows)) in query_bounds.rows().zip(key_bounds.rows()) {
            let of_queries = |tensor: &Tensor| tensor.narrow(0, first_query, query_rows);
            let (queries, by_output) = (of_queries(queries), of_queries(by_output));
            let [keys, values] = [keys, values].map(|tensor| tensor.narrow(0, first_key, key_rows));
            let groups = keys.size()[1];
            let [all_keys, all_values] = [&keys, &values].map(|tensor| per_query_head(tensor, &queries));
            let log_sums = attended.log_sums.narrow(1, first_query, query_rows).unsqueeze(-1);
            // (heads, queries, keys)
            let weights = (scores(&queries, &all_keys, causal) - log_sums).exp();
            let by_weights = by_output.transpose(0, 1).matmul(&all_values.permute([1, 2, 0]));
            let output = of_queries(&attended.output);
            let kind = weights.kind();
            let shift =
                (&by_output * output).sum_dim_intlist([-1i64].as_slice(), false, kind).tr().unsqueeze(-1);
            let by_scores = &weights * (by_weights - shift) * scale(&queries);
            by_queries.push(by_scores.matmul(&all_keys.transpose(0, 1)).transpose(0, 1));
            by_keys.push(per_group(&by_scores.transpose(1, 2).matmul(&queries.transpose(0, 1)), groups));
            by_values.push(per_group(&weights.transpose(1, 2).matmul(&by_output.transpose(0, 1)), groups));
        }
        [by_queries, by_keys, by_values].map(|parts| Tensor::cat(&parts, 0).contiguous())
    }

    /// `(heads, queries, keys)`.
    fn scores(queries: &Tensor, keys: &Tensor, causal: bool) -> Tensor {
        let scores = queries.transpose(0, 1).matmul(&keys.permute([1, 2, 0])) * scale(queries);
        if !causal {
            return scores;
        }
        let later = scores.select(0, 0).ones_like().triu(1).to_kind(Kind::Bool);
        scores.masked_fill(&later, f64::NEG_INFINITY)
    }

    fn scale(queries: &Tensor) -> f64 {
        (queries.size()[2] as f64).powf(-0.5)
    }

    /// Keys or values `(rows, key_value_heads, head_dim)` for every head of the queries.
    fn per_query_head(tensor: &Tensor, queries: &Tensor) -> Tensor {
        let repeats = queries.size()[1] / tensor.size()[1];
        tensor.repeat_interleave_self_int(repeats, 1, None)
    }

    /// Gradients `(heads, rows, head_dim)` added up over the heads that share keys: `(rows, key_value_heads, head_dim)`.
    fn per_group(gradients: &Tensor, groups: i64) -> Tensor {
        let [heads, rows, width] = gradients.size()[..] else { unreachable!("three dimensions") };
        let grouped = gradients.view([groups, heads / groups, rows, width]);
        grouped.sum_dim_intlist([1i64].as_slice(), false, gradients.kind()).transpose(0, 1)
    }
}

mod ffi {
    use std::ffi::{c_char, c_void};

    #[expect(unsafe_code, reason = "declares what src/flash.cpp defines")]
    unsafe extern "C" {
        pub(super) fn gavel_flash_attention(
            queries: *const c_void,
            keys: *const c_void,
            values: *const c_void,
            query_bounds: *const c_void,
            key_bounds: *const c_void,
            longest_query: i64,
            longest_key: i64,
            causal: bool,
            results: *mut *mut c_void,
            message: *mut c_char,
            capacity: usize,
        ) -> bool;
    }
}

#[cfg(test)]
#[path = "flash_tests.rs"]
mod tests;
