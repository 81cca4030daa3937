//! The kernels of a transformer's step, one token a row: embedding, RMSNorm, attention over a paged cache, SwiGLU.

use std::ffi::c_void;
use std::ptr::null_mut;

use tch::{Kind, Tensor};

use super::checks::address;
use crate::cuda::{Compiler, Cuda, CudaError, Kernel, Parameters, Source, Stream};

/// Tokens of a page of the cache.
pub const PAGE: i64 = 64;
/// Keys of one block of attention. Longer rows are split, always at the same keys, whatever else is in the batch.
pub const SPLIT: i64 = 1024;
/// Query heads that may share keys: the tensor core's tile has room for so many.
const LARGEST_GROUP: i64 = 8;

/// The shape that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderShape {
    /// Width of the residual stream; a multiple of 8.
    pub hidden: i64,
    /// Width of the feed-forward layers; a multiple of 8.
    pub intermediate: i64,
    /// Width of a head: 32, 64 or 128.
    pub head_dim: i64,
    /// Query heads; at most eight for each key head.
    pub heads: i64,
    /// Key and value heads; divides `heads`.
    pub key_heads: i64,
}

impl DecoderShape {
    fn check(&self) -> Result<(), CudaError> {
        let Self { hidden, intermediate, head_dim, heads, key_heads } = *self;
        let unsupported = |what: String| Err(CudaError::Unsupported(what));
        if ![32, 64, 128].contains(&head_dim) {
            return unsupported(format!("heads of {head_dim}"));
        }
        if heads % key_heads != 0 || heads / key_heads > LARGEST_GROUP {
            return unsupported(format!("{heads} heads on {key_heads} heads of keys"));
        }
        if hidden % 8 != 0 || intermediate % 8 != 0 {
            return unsupported(format!("layers {hidden} and {intermediate} wide"));
        }
        Ok(())
    }

    /// Numbers of a row of queries, keys and values.
    pub fn projected(&self) -> i64 {
        (self.heads + 2 * self.key_heads) * self.head_dim
    }

    /// Numbers of a row of queries.
    pub fn attended(&self) -> i64 {
        self.heads * self.head_dim
    }
}

/// The kernels, compiled for one shape.
pub struct DecodeKernels {
    shape: DecoderShape,
    embed: Kernel,
    rms_norm: Kernel,
    silu_mul: Kernel,
    head_norm: Kernel,
    store_keys: Kernel,
    attention: Kernel,
}

impl std::fmt::Debug for DecodeKernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodeKernels").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// The source, and the constants that make it fit.
fn constants(shape: DecoderShape) -> [(&'static str, i64); 7] {
    let DecoderShape { hidden, intermediate, head_dim, heads, key_heads } = shape;
    [
        ("HIDDEN", hidden),
        ("INTERMEDIATE", intermediate),
        ("HEAD_DIM", head_dim),
        ("GROUP", heads / key_heads),
        ("KEY_HEADS", key_heads),
        ("PAGE", PAGE),
        ("SPLIT", SPLIT),
    ]
}

fn source<'a>(constants: &'a [(&'a str, i64)]) -> Source<'a> {
    Source { file: "decode.cu", text: include_str!("../../kernels/decode.cu"), constants }
}

/// What is embedded: see [`DecodeKernels::embed`].
#[derive(Debug, Clone, Copy)]
pub struct Slots<'a> {
    /// `(rows)` i32: the slot of each row, or -1.
    pub of_rows: &'a Tensor,
    /// `(slots)` i32: the token drawn last.
    pub tokens: &'a Tensor,
    /// `(slots)` i32: where that token stands.
    pub positions: &'a Tensor,
    /// `(slots)` i32: 1 where the sequence has ended.
    pub done: &'a Tensor,
}

/// The cache of one layer, and where rows find themselves in it.
#[derive(Debug, Clone, Copy)]
pub struct Paged<'a> {
    /// `(pages, key_heads, PAGE, head_dim)` bf16.
    pub keys: &'a Tensor,
    /// The same for values.
    pub values: &'a Tensor,
    /// `(rows, 2)` i32: line of the table, or -1 for rows that are left out; position.
    pub rows: &'a Tensor,
    /// `(lines, pages of a line)` i32: the page of each `PAGE` tokens.
    pub table: &'a Tensor,
    /// `(positions, head_dim / 2, 2)` f32: cosine and sine.
    pub rope: &'a Tensor,
}

/// Scratch memory for rows longer than [`SPLIT`].
#[derive(Debug)]
pub struct Partial {
    splits: i64,
    sums: Tensor,
    norms: Tensor,
    arrived: Tensor,
}

impl DecodeKernels {
    /// Compiles the kernels.
    ///
    /// # Errors
    /// When they are not made for the shape, or there is no compiler for the card.
    pub fn new(cuda: &Cuda, shape: DecoderShape) -> Result<Self, CudaError> {
        shape.check()?;
        let module = cuda.module(Compiler::load()?, source(&constants(shape)))?;
        Ok(Self {
            shape,
            embed: module.kernel("embed", 0)?,
            rms_norm: module.kernel("rms_norm", 0)?,
            silu_mul: module.kernel("silu_mul", 0)?,
            head_norm: module.kernel("head_norm", 0)?,
            store_keys: module.kernel("store_keys", 0)?,
            attention: module.kernel("attention", 0)?,
        })
    }

    /// Scratch memory for `rows` rows of at most `length` tokens.
    pub fn partial(&self, cuda: &Cuda, rows: i64, length: i64) -> Partial {
        let DecoderShape { heads, key_heads, head_dim, .. } = self.shape;
        let splits = ((length + SPLIT - 1) / SPLIT).max(1);
        let several = if splits > 1 { rows } else { 0 };
        let zeros = |shape: &[i64], kind| Tensor::zeros(shape, (kind, cuda.device()));
        Partial {
            splits,
            sums: zeros(&[several, splits, heads, head_dim], Kind::Float),
            norms: zeros(&[several, splits, heads, 2], Kind::Float),
            arrived: zeros(&[rows * key_heads], Kind::Int),
        }
    }

    /// For each of `count` rows the embedding of its slot's token, into `hidden`, and slot and position, into `rows`:
    /// slot -1 where there is none or its sequence has ended.
    ///
    /// # Panics
    /// As all methods here: if a tensor is not of the kind, device and size that its documentation says.
    pub fn embed(
        &self,
        count: i64,
        embedding: &Tensor,
        slots: Slots<'_>,
        rows: &Tensor,
        hidden: &Tensor,
        stream: Stream,
    ) {
        let width = self.shape.hidden;
        let many = slots.tokens.size()[0];
        let parameters = Embed {
            embedding: address(embedding, Kind::BFloat16, width, "the embedding"),
            slots: address(slots.of_rows, Kind::Int, count, "the slots of rows"),
            tokens: address(slots.tokens, Kind::Int, many, "the tokens"),
            positions: address(slots.positions, Kind::Int, many, "the positions"),
            done: address(slots.done, Kind::Int, many, "the ended"),
            rows: address(rows, Kind::Int, 2 * count, "the rows"),
            hidden: address(hidden, Kind::BFloat16, count * width, "the hidden states"),
        };
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.embed.launch(stream, [count as usize, 1, 1], 128, 0, &parameters);
        }
    }

    /// RMSNorm of `count` rows of `input` `(rows, hidden)` into `output`, which may be the same.
    pub fn rms_norm(
        &self,
        count: i64,
        input: &Tensor,
        weight: &Tensor,
        epsilon: f64,
        output: &Tensor,
        stream: Stream,
    ) {
        let width = self.shape.hidden;
        let parameters = RmsNorm {
            input: address(input, Kind::BFloat16, count * width, "the input"),
            weight: address(weight, Kind::BFloat16, width, "the weight"),
            output: address(output, Kind::BFloat16, count * width, "the output"),
            epsilon: epsilon as f32,
        };
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.rms_norm.launch(stream, [count as usize, 1, 1], 128, 0, &parameters);
        }
    }

    /// RMSNorm of every query and key of `count` rows of `projected` `(rows, queries, keys, values)`, in place; the weights
    /// are `(head_dim)`.
    pub fn head_norm(
        &self,
        count: i64,
        projected: &Tensor,
        [queries, keys]: [&Tensor; 2],
        epsilon: f64,
        stream: Stream,
    ) {
        let width = self.shape.head_dim;
        let parameters = HeadNorm {
            projected: address(projected, Kind::BFloat16, count * self.shape.projected(), "the projections"),
            queries: address(queries, Kind::BFloat16, width, "the weight of queries"),
            keys: address(keys, Kind::BFloat16, width, "the weight of keys"),
            epsilon: epsilon as f32,
        };
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.head_norm.launch(stream, [count as usize, 1, 1], 256, 0, &parameters);
        }
    }

    /// SwiGLU of `count` rows of `gate_up` `(rows, 2 intermediate)` into `output` `(rows, intermediate)`.
    pub fn silu_mul(&self, count: i64, gate_up: &Tensor, output: &Tensor, stream: Stream) {
        let width = self.shape.intermediate;
        let parameters = SiluMul {
            gate_up: address(gate_up, Kind::BFloat16, 2 * count * width, "gate and up"),
            output: address(output, Kind::BFloat16, count * width, "the output"),
        };
        let blocks = (width as usize / 8).div_ceil(256);
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.silu_mul.launch(stream, [blocks, count as usize, 1], 256, 0, &parameters);
        }
    }

    /// Adds keys and values of `count` rows of `projected` `(rows, queries, keys, values)` to the cache.
    pub fn store_keys(&self, count: i64, projected: &Tensor, cache: Paged<'_>, stream: Stream) {
        let parameters = self.attention_parameters(count, projected, cache, None);
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.store_keys.launch(stream, [count as usize, 1, 1], 256, 0, &parameters);
        }
    }

    /// Attention of `count` rows, each to all tokens up to its own, into `output` `(rows, heads * head_dim)`. With `stores`
    /// the row's own key and value are added to the cache first; else [`Self::store_keys`] has done that.
    pub fn attention(
        &self,
        count: i64,
        projected: &Tensor,
        cache: Paged<'_>,
        stores: bool,
        output: (&Tensor, &Partial),
        stream: Stream,
    ) {
        let mut parameters = self.attention_parameters(count, projected, cache, Some(output));
        parameters.stores = stores.into();
        let grid = [(count * self.shape.key_heads) as usize, output.1.splits as usize, 1];
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.attention.launch(stream, grid, 128, 0, &parameters);
        }
    }

    fn attention_parameters(
        &self,
        count: i64,
        projected: &Tensor,
        cache: Paged<'_>,
        output: Option<(&Tensor, &Partial)>,
    ) -> Attention {
        let DecoderShape { heads, key_heads, head_dim, .. } = self.shape;
        let page = key_heads * PAGE * head_dim;
        let bf16 = |tensor: &Tensor, count, what: &str| address(tensor, Kind::BFloat16, count, what);
        let (attended, partial) = match output {
            Some((attended, partial)) => {
                let norms = if partial.splits > 1 { count * partial.splits * heads * 2 } else { 0 };
                let partial = (
                    address(&partial.sums, Kind::Float, norms / 2 * head_dim, "the partial sums"),
                    address(&partial.norms, Kind::Float, norms, "the partial norms"),
                    address(&partial.arrived, Kind::Int, count * key_heads, "the counters"),
                    partial.splits as i32,
                );
                (bf16(attended, count * heads * head_dim, "the output"), partial)
            }
            None => (null_mut(), (null_mut(), null_mut(), null_mut(), 1)),
        };
        Attention {
            projected: bf16(projected, count * self.shape.projected(), "queries, keys and values"),
            keys: bf16(cache.keys, page, "the cache of keys"),
            values: bf16(cache.values, page, "the cache of values"),
            rows: address(cache.rows, Kind::Int, 2 * count, "the rows"),
            table: address(cache.table, Kind::Int, 1, "the table of pages"),
            rope: address(cache.rope, Kind::Float, head_dim, "the rotary embedding"),
            output: attended,
            partial: partial.0,
            partial_norms: partial.1,
            arrived: partial.2,
            table_stride: cache.table.size()[1] as i32,
            splits: partial.3,
            scale: (std::f64::consts::LOG2_E / (head_dim as f64).sqrt()) as f32,
            stores: 0,
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Embed {
    embedding: *const c_void,
    slots: *const c_void,
    tokens: *const c_void,
    positions: *const c_void,
    done: *const c_void,
    rows: *mut c_void,
    hidden: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RmsNorm {
    input: *const c_void,
    weight: *const c_void,
    output: *mut c_void,
    epsilon: f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct HeadNorm {
    projected: *mut c_void,
    queries: *const c_void,
    keys: *const c_void,
    epsilon: f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct SiluMul {
    gate_up: *const c_void,
    output: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Attention {
    projected: *const c_void,
    keys: *mut c_void,
    values: *mut c_void,
    rows: *const c_void,
    table: *const c_void,
    rope: *const c_void,
    output: *mut c_void,
    partial: *mut c_void,
    partial_norms: *mut c_void,
    arrived: *mut c_void,
    table_stride: i32,
    splits: i32,
    scale: f32,
    stores: i32,
}

#[expect(unsafe_code, reason = "the structs of kernels/decode.cu, field by field")]
mod parameters {
    use super::*;

    unsafe impl Parameters for Embed {}
    unsafe impl Parameters for RmsNorm {}
    unsafe impl Parameters for HeadNorm {}
    unsafe impl Parameters for SiluMul {}
    unsafe impl Parameters for Attention {}
}

#[cfg(test)]
mod tests;
