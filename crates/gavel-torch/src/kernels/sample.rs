//! The kernels that draw tokens.

use std::ffi::c_void;

use tch::{Kind, Tensor};

use super::checks::address;
use crate::cuda::{Compiler, Cuda, CudaError, Kernel, Parameters, Source, Stream};

/// Drawn tokens of a slot that are kept for the host.
pub const RING: usize = 32;
/// End tokens of a slot that the device knows.
pub const ENDS: usize = 6;
/// Logits of one block.
const CHUNK: i64 = 8192;

/// How the sequence in a slot is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SlotSampling {
    /// Tokens of the prompt.
    pub prompt: i32,
    /// Most tokens of the completion.
    pub limit: i32,
    /// The key of the random numbers, lower half first.
    pub seed: [u32; 2],
    /// Which sequence of that seed this is, lower half first.
    pub stream: [u32; 2],
    /// Logits are multiplied by it; 0 takes the most likely token.
    pub inverse_temperature: f32,
    /// Draw among so many of the most likely tokens; 0 is all.
    pub top_k: i32,
    /// Draw among the fewest tokens that sum to this part; 1 is all.
    pub top_p: f32,
    /// The logarithm of the least probability, as a part of the greatest one; minus infinity is all.
    pub log_min_p: f32,
    /// The sequence ends with one of these; -1 is none.
    pub ends: [i32; ENDS],
}

impl SlotSampling {
    /// Numbers of [`SlotSampling::words`].
    pub const WORDS: usize = 10 + ENDS;

    /// As the kernels read it: the fields in their order, each four bytes.
    pub fn words(&self) -> [i32; Self::WORDS] {
        let Self { prompt, limit, seed, stream, inverse_temperature, top_k, top_p, log_min_p, ends } = *self;
        let float = |number: f32| number.to_bits().cast_signed();
        let [seed, stream] = [seed, stream].map(|halves| halves.map(u32::cast_signed));
        let fixed = [
            prompt,
            limit,
            seed[0],
            seed[1],
            stream[0],
            stream[1],
            float(inverse_temperature),
            top_k,
            float(top_p),
            float(log_min_p),
        ];
        std::array::from_fn(|index| *fixed.get(index).unwrap_or_else(|| &ends[index - fixed.len()]))
    }
}

/// The tensors that drawing reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Draw<'a> {
    /// `(rows, row)` bf16, each row `row` apart.
    pub logits: &'a Tensor,
    /// `(rows, 2)` i32: slot, or -1 for rows that are left out; position of the token before.
    pub rows: &'a Tensor,
    /// `(slots)` [`SlotSampling::words`] i32.
    pub slots: &'a Tensor,
    /// `(slots)` i32: the token drawn.
    pub tokens: &'a Tensor,
    /// `(slots)` i32: where it stands.
    pub positions: &'a Tensor,
    /// `(slots)` i32: 1 where the sequence ends with it.
    pub done: &'a Tensor,
    /// `(slots, RING)` i32: the token of each completion, at its index modulo [`RING`].
    pub drawn: &'a Tensor,
    /// `(slots, RING)` f32: its log-probability before any cut.
    pub log_probs: &'a Tensor,
}

/// The kernels, compiled for one vocabulary, with their scratch memory.
pub struct SampleKernels {
    row: i64,
    chunks: i64,
    sample: Kernel,
    cut: Kernel,
    parts: Tensor,
    arrived: Tensor,
    least: Tensor,
}

impl std::fmt::Debug for SampleKernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SampleKernels").finish_non_exhaustive()
    }
}

/// Numbers from one row of logits to the next.
pub fn row_of_logits(vocabulary: i64) -> i64 {
    (vocabulary + 7) / 8 * 8
}

fn constants(vocabulary: i64) -> [(&'static str, i64); 4] {
    [
        ("VOCABULARY", vocabulary),
        ("ROW", row_of_logits(vocabulary)),
        ("RING", RING as i64),
        ("ENDS", ENDS as i64),
    ]
}

fn source<'a>(constants: &'a [(&'a str, i64)]) -> Source<'a> {
    Source { file: "sample.cu", text: include_str!("../../kernels/sample.cu"), constants }
}

impl SampleKernels {
    /// Compiles the kernels for `vocabulary` tokens and at most `rows` rows.
    ///
    /// # Errors
    /// When there is no compiler for the card.
    pub fn new(cuda: &Cuda, vocabulary: i64, rows: i64) -> Result<Self, CudaError> {
        let module = cuda.module(Compiler::load()?, source(&constants(vocabulary)))?;
        let chunks = (vocabulary + CHUNK - 1) / CHUNK;
        Ok(Self {
            row: row_of_logits(vocabulary),
            chunks,
            sample: module.kernel("sample", 0)?,
            cut: module.kernel("cut", 0)?,
            parts: Tensor::zeros([rows, chunks, 4], (Kind::Float, cuda.device())),
            arrived: Tensor::zeros([rows], (Kind::Int, cuda.device())),
            least: Tensor::zeros([rows], (Kind::Float, cuda.device())),
        })
    }

    /// Draws a token for each of `count` rows, writes it and what follows from it into the row's slot. `cuts` says whether
    /// any slot has top-k, top-p or min-p.
    ///
    /// # Panics
    /// If a tensor is not of the kind, device and size that its documentation says.
    pub fn draw(&self, count: i64, draw: Draw<'_>, cuts: bool, stream: Stream) {
        let slots = draw.tokens.size()[0];
        let words = SlotSampling::WORDS as i64;
        let int = |tensor: &Tensor, count, what: &str| address(tensor, Kind::Int, count, what);
        let logits = address(draw.logits, Kind::BFloat16, count * self.row, "the logits");
        let rows = int(draw.rows, 2 * count, "the rows");
        let parameters_of_slots = int(draw.slots, slots * words, "the slots");
        let least = address(&self.least, Kind::Float, count, "the least logits");
        if cuts {
            let parameters = Cut { logits, rows, slots: parameters_of_slots, least };
            #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
            unsafe {
                self.cut.launch(stream, [count as usize, 1, 1], 1024, 0, &parameters);
            }
        }
        let ring = slots * RING as i64;
        let parameters = Sample {
            logits,
            rows,
            slots: parameters_of_slots,
            least: if cuts { least } else { std::ptr::null_mut() },
            tokens: int(draw.tokens, slots, "the tokens"),
            positions: int(draw.positions, slots, "the positions"),
            done: int(draw.done, slots, "the ended"),
            drawn: int(draw.drawn, ring, "the drawn tokens"),
            log_probs: address(draw.log_probs, Kind::Float, ring, "their log-probabilities"),
            parts: address(&self.parts, Kind::Float, count * self.chunks * 4, "the parts"),
            arrived: int(&self.arrived, count, "the counters"),
        };
        #[expect(unsafe_code, reason = "the tensors are as large as the kernel takes them to be")]
        unsafe {
            self.sample.launch(stream, [self.chunks as usize, count as usize, 1], 256, 0, &parameters);
        }
    }
}

/// Philox 4x32-10 (Salmon et al., 2011, <https://doi.org/10.1145/2063384.2063405>) as a function: the random number in
/// `(0, 1)` of a sequence at a position of its completion. The kernels compute the same.
pub fn uniform(seed: u64, stream: u64, position: u32) -> f64 {
    let mut key = [seed as u32, (seed >> 32) as u32];
    let mut counter = [position, 0, stream as u32, (stream >> 32) as u32];
    for _ in 0..10 {
        let product = |multiplier: u32, word: u32| u64::from(multiplier) * u64::from(word);
        let (first, second) = (product(0xD251_1F53, counter[0]), product(0xCD9E_8D57, counter[2]));
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    (f64::from(counter[0] >> 8) + 0.5) / f64::from(1 << 24)
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Sample {
    logits: *const c_void,
    rows: *const c_void,
    slots: *const c_void,
    least: *const c_void,
    tokens: *mut c_void,
    positions: *mut c_void,
    done: *mut c_void,
    drawn: *mut c_void,
    log_probs: *mut c_void,
    parts: *mut c_void,
    arrived: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Cut {
    logits: *const c_void,
    rows: *const c_void,
    slots: *const c_void,
    least: *mut c_void,
}

#[expect(unsafe_code, reason = "the structs of kernels/sample.cu, field by field")]
mod parameters {
    use super::*;

    unsafe impl Parameters for Sample {}
    unsafe impl Parameters for Cut {}
}

#[cfg(test)]
mod tests;
