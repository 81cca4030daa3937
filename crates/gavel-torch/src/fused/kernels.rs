//! The kernels of `kernels/learn.cu`. Each function gives `None` where its kernel does not take the tensors, and its caller
//! then computes the same with plain operations.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::{ByScores, Normalised, Scores};
use crate::cuda::{Compiler, Cuda, CudaError, Kernel, Parameters, Source};
use crate::flash::Attended;

/// Threads of a block, where `learn.cu` does not say otherwise.
const THREADS: usize = 256;
/// `NORM_WARPS` of `learn.cu`, in rows and in threads.
const NORM_ROWS: usize = 4;
const NORM_THREADS: usize = 32 * NORM_ROWS;
/// `SCORE_THREADS` of `learn.cu`.
const SCORE_THREADS: usize = 1024;
/// Blocks that the backward pass of RMSNorm is spread over: four for each multiprocessor of the largest cards.
const NORM_BACKWARD_BLOCKS: usize = 528;
/// The widest row that a warp keeps in registers.
const WIDEST_NORM: i64 = 4096;

const NORM_KERNELS: &[&str] = &["add_rms_norm", "rms_norm_backward"];
const OTHER_KERNELS: &[&str] =
    &["turn", "join_turned", "swiglu", "swiglu_backward", "score", "score_backward", "merge"];

/// Kernels by name, loaded for one device.
type Loaded = HashMap<&'static str, Kernel>;

/// Kernels of a device, which any thread may launch: a closure of the backward pass runs on a thread of torch's.
struct Shared(Loaded);

#[expect(unsafe_code, reason = "the handles are the driver's, which takes them from every thread")]
unsafe impl Send for Shared {}
#[expect(unsafe_code, reason = "nothing in them changes")]
unsafe impl Sync for Shared {}

/// The index of a device, and the width of RMSNorm for its kernels.
type Key = (usize, Option<i64>);

/// What has been compiled; `None` where that failed.
static LOADED: Mutex<Vec<(Key, Option<&'static Shared>)>> = Mutex::new(Vec::new());

thread_local! {
    /// The driver, opened by this thread for a device.
    static DRIVERS: RefCell<HashMap<usize, Option<Cuda>>> = RefCell::default();
}

/// A kernel on the device of some tensors.
struct Launch {
    cuda: Cuda,
    kernel: Kernel,
}

impl Launch {
    /// The kernel `name` for contiguous bf16 tensors of one CUDA device. `width` is that of RMSNorm.
    fn new(name: &'static str, width: Option<i64>, tensors: &[&Tensor]) -> Option<Self> {
        let Device::Cuda(index) = tensors[0].device() else { return None };
        let fits = |tensor: &&Tensor| tensor.kind() == Kind::BFloat16 && tensor.is_contiguous();
        if !tensors.iter().all(fits) {
            return None;
        }
        let cuda = DRIVERS.with_borrow_mut(|drivers| {
            drivers.entry(index).or_insert_with(|| Cuda::open(Device::Cuda(index)).ok()).clone()
        })?;
        let kernel = *loaded(&cuda, (index, width))?.0.get(name)?;
        Some(Self { cuda, kernel })
    }

    fn run<P: Parameters>(&self, blocks: usize, threads: usize, parameters: &P) {
        #[expect(
            unsafe_code,
            reason = "every caller gives the struct of its kernel, with pointers to tensors that fit"
        )]
        unsafe {
            self.kernel.launch(self.cuda.current_stream(), [blocks, 1, 1], threads, 0, parameters);
        }
    }
}

/// The kernels for a device, compiled when they are first asked for. Where they cannot be, that is said once.
fn loaded(cuda: &Cuda, key: Key) -> Option<&'static Shared> {
    let mut known = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known.iter().find(|(place, _)| *place == key) {
        return *found;
    }
    let found = compiled(cuda, key.1)
        .inspect_err(|error| {
            tracing::warn!("training computes without kernels of its own, which is slower: {error}");
        })
        .ok()
        .map(|kernels| &*Box::leak(Box::new(Shared(kernels))));
    known.push((key, found));
    found
}

fn compiled(cuda: &Cuda, width: Option<i64>) -> Result<Loaded, CudaError> {
    let constants: Vec<_> = width.map(|width| ("HIDDEN", width)).into_iter().collect();
    let source =
        Source { file: "learn.cu", text: include_str!("../../kernels/learn.cu"), constants: &constants };
    let module = cuda.module(Compiler::load()?, source)?;
    let names = if width.is_some() { NORM_KERNELS } else { OTHER_KERNELS };
    names.iter().map(|&name| Ok((name, module.kernel(name, 0)?))).collect()
}

fn read(tensor: &Tensor) -> *const c_void {
    tensor.data_ptr()
}

fn written(tensor: &Tensor) -> *mut c_void {
    tensor.data_ptr()
}

fn read_some(tensor: Option<&Tensor>) -> *const c_void {
    tensor.map_or(null(), read)
}

fn is_fp32(tensor: &Tensor) -> bool {
    tensor.kind() == Kind::Float && tensor.is_contiguous()
}

/// Defines the argument of a kernel, with the fields of its struct in `learn.cu`.
macro_rules! parameters {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[repr(C)]
        #[derive(Clone, Copy)]
        struct $name {
            $($field: $type),*
        }

        #[expect(unsafe_code, reason = "its fields are those of the struct in learn.cu, in their order")]
        unsafe impl Parameters for $name {}
    };
}

parameters!(AddRmsNorm {
    stream: *const c_void,
    delta: *const c_void,
    weight: *const c_void,
    sum: *mut c_void,
    output: *mut c_void,
    inverse: *mut c_void,
    rows: i32,
    epsilon: f32,
});

pub(super) fn add_rms_norm(
    stream: &Tensor,
    delta: Option<&Tensor>,
    weight: &Tensor,
    epsilon: f64,
) -> Option<Normalised> {
    let launch = norm("add_rms_norm", stream, &[delta, Some(weight)])?;
    let rows = stream.size()[0];
    let sum = if delta.is_some() { stream.empty_like() } else { stream.shallow_clone() };
    let output = stream.empty_like();
    let inverse = Tensor::empty([rows, 1], (Kind::Float, stream.device()));
    let parameters = AddRmsNorm {
        stream: read(stream),
        delta: read_some(delta),
        weight: read(weight),
        sum: if delta.is_some() { written(&sum) } else { null_mut() },
        output: written(&output),
        inverse: written(&inverse),
        rows: rows as i32,
        epsilon: epsilon as f32,
    };
    launch.run((rows as usize).div_ceil(NORM_ROWS), NORM_THREADS, &parameters);
    Some(Normalised { sum, output, inverse })
}

parameters!(RmsNormBackward {
    by_output: *const c_void,
    by_sum: *const c_void,
    sum: *const c_void,
    weight: *const c_void,
    inverse: *const c_void,
    by_stream: *mut c_void,
    by_weight: *mut c_void,
    rows: i32,
});

pub(super) fn rms_norm_backward(
    by_output: &Tensor,
    by_sum: Option<&Tensor>,
    sum: &Tensor,
    inverse: &Tensor,
    weight: &Tensor,
) -> Option<(Tensor, Tensor)> {
    let launch = norm("rms_norm_backward", sum, &[by_sum, Some(by_output), Some(weight)])?;
    let [rows, width] = sum.size()[..] else { return None };
    let blocks = (rows as usize).div_ceil(NORM_ROWS).min(NORM_BACKWARD_BLOCKS);
    let by_stream = sum.empty_like();
    let by_weight = Tensor::empty([blocks as i64, width], (Kind::Float, sum.device()));
    let parameters = RmsNormBackward {
        by_output: read(by_output),
        by_sum: read_some(by_sum),
        sum: read(sum),
        weight: read(weight),
        inverse: read(inverse),
        by_stream: written(&by_stream),
        by_weight: written(&by_weight),
        rows: rows as i32,
    };
    launch.run(blocks, NORM_THREADS, &parameters);
    // torch gives a sum over rows to few blocks; a product with ones is spread over the card.
    let ones = Tensor::ones([1, blocks as i64], (Kind::Float, sum.device()));
    Some((by_stream, ones.matmul(&by_weight).squeeze_dim(0)))
}

/// The kernel of RMSNorm for rows of `stream` `(N, width)`, and tensors like it or like one row.
fn norm(name: &'static str, stream: &Tensor, others: &[Option<&Tensor>]) -> Option<Launch> {
    let [_, width] = stream.size()[..] else { return None };
    if width % 8 != 0 || width > WIDEST_NORM {
        return None;
    }
    let tensors: Vec<&Tensor> = std::iter::once(stream).chain(others.iter().copied().flatten()).collect();
    Launch::new(name, Some(width), &tensors)
}

parameters!(Turn {
    rows: *mut c_void,
    cosines: *const c_void,
    sines: *const c_void,
    count: i64,
    heads: i32,
    half: i32,
    width: i32,
    direction: f32,
});

/// See [`Rotation::turn`](super::Rotation::turn); `direction` is 1 or −1.
pub(super) fn turn(rows: &Tensor, [cosines, sines]: [&Tensor; 2], heads: i64, direction: f32) -> Option<()> {
    let ([tokens, half], [_, width]) = (&cosines.size()[..], &rows.size()[..]) else { return None };
    if half % 8 != 0 || width % 8 != 0 {
        return None;
    }
    let launch = Launch::new("turn", None, &[rows])?;
    let count = tokens * heads * half / 8;
    let parameters = Turn {
        rows: written(rows),
        cosines: read(cosines),
        sines: read(sines),
        count,
        heads: heads as i32,
        half: *half as i32,
        width: *width as i32,
        direction,
    };
    launch.run((count as usize).div_ceil(THREADS), THREADS, &parameters);
    Some(())
}

parameters!(JoinTurned {
    queries: *const c_void,
    keys: *const c_void,
    values: *const c_void,
    more_queries: *const c_void,
    more_keys: *const c_void,
    more_values: *const c_void,
    cosines: *const c_void,
    sines: *const c_void,
    rows: *mut c_void,
    count: i64,
    first_query: i64,
    queries_with_more: i64,
    keys_with_more: i64,
    query_heads: i32,
    key_heads: i32,
    half: i32,
});

/// See [`Rotation::join_back`](super::Rotation::join_back).
pub(super) fn join_turned(
    parts: [&Tensor; 3],
    more: Option<&(i64, [Tensor; 3])>,
    [cosines, sines]: [&Tensor; 2],
) -> Option<Tensor> {
    let ([tokens, query_heads, width], [_, key_heads, _]) = (&parts[0].size()[..], &parts[1].size()[..])
    else {
        return None;
    };
    let half = width / 2;
    if half % 8 != 0 {
        return None;
    }
    let mut tensors = parts.to_vec();
    tensors.extend(more.iter().flat_map(|(_, more)| more));
    let launch = Launch::new("join_turned", None, &tensors)?;
    let heads = query_heads + 2 * key_heads;
    let rows = Tensor::empty([*tokens, heads * width], (parts[0].kind(), parts[0].device()));
    let count = tokens * heads * half / 8;
    let more_of = |part: usize| read_some(more.map(|(_, more)| &more[part]));
    let parameters = JoinTurned {
        queries: read(parts[0]),
        keys: read(parts[1]),
        values: read(parts[2]),
        more_queries: more_of(0),
        more_keys: more_of(1),
        more_values: more_of(2),
        cosines: read(cosines),
        sines: read(sines),
        rows: written(&rows),
        count,
        first_query: more.map_or(0, |&(first, _)| first),
        queries_with_more: more.map_or(0, |(_, more)| more[0].size()[0]),
        keys_with_more: more.map_or(0, |(_, more)| more[1].size()[0]),
        query_heads: *query_heads as i32,
        key_heads: *key_heads as i32,
        half: half as i32,
    };
    launch.run((count as usize).div_ceil(THREADS), THREADS, &parameters);
    Some(rows)
}

parameters!(Swiglu { gate_up: *const c_void, output: *mut c_void, count: i64, units: i32 });

pub(super) fn swiglu(gate_up: &Tensor) -> Option<Tensor> {
    let (launch, [rows, width]) = gated("swiglu", gate_up, gate_up)?;
    let output = Tensor::empty([rows, width], (gate_up.kind(), gate_up.device()));
    let count = rows * width / 8;
    let parameters =
        Swiglu { gate_up: read(gate_up), output: written(&output), count, units: (width / 8) as i32 };
    launch.run((count as usize).div_ceil(THREADS), THREADS, &parameters);
    Some(output)
}

parameters!(SwigluBackward { gate_up: *mut c_void, by_output: *mut c_void, count: i64, units: i32 });

/// Writes the gradient over `gate_up`, and the output over its gradient.
pub(super) fn swiglu_backward(gate_up: &Tensor, by_output: &Tensor) -> Option<()> {
    let (launch, [rows, width]) = gated("swiglu_backward", gate_up, by_output)?;
    let count = rows * width / 8;
    let parameters = SwigluBackward {
        gate_up: written(gate_up),
        by_output: written(by_output),
        count,
        units: (width / 8) as i32,
    };
    launch.run((count as usize).div_ceil(THREADS), THREADS, &parameters);
    Some(())
}

/// The kernel, and the size of the output.
fn gated(name: &'static str, gate_up: &Tensor, other: &Tensor) -> Option<(Launch, [i64; 2])> {
    let [rows, both] = gate_up.size()[..] else { return None };
    let launch = if both % 16 == 0 { Launch::new(name, None, &[gate_up, other]) } else { None };
    Some((launch?, [rows, both / 2]))
}

parameters!(Score {
    logits: *const c_void,
    targets: *const c_void,
    log_probs: *mut c_void,
    entropy: *mut c_void,
    log_sums: *mut c_void,
    vocabulary: i32,
    inverse_temperature: f32,
});

pub(super) fn score(logits: &Tensor, targets: &Tensor, temperature: f64) -> Option<Scores> {
    let (launch, [rows, vocabulary]) = scoring("score", logits)?;
    let targets = targets.contiguous();
    let [log_probs, entropy, log_sums] =
        [(); 3].map(|()| Tensor::empty([rows], (Kind::Float, logits.device())));
    let parameters = Score {
        logits: read(logits),
        targets: read(&targets),
        log_probs: written(&log_probs),
        entropy: written(&entropy),
        log_sums: written(&log_sums),
        vocabulary: vocabulary as i32,
        inverse_temperature: (1.0 / temperature) as f32,
    };
    launch.run(rows as usize, SCORE_THREADS, &parameters);
    Some(Scores { log_probs, entropy, log_sums })
}

parameters!(ScoreBackward {
    logits: *mut c_void,
    targets: *const c_void,
    log_sums: *const c_void,
    entropy: *const c_void,
    by_log_probs: *const c_void,
    by_entropy: *const c_void,
    vocabulary: i32,
    inverse_temperature: f32,
});

/// Writes the gradient over `logits`.
pub(super) fn score_backward(
    logits: &Tensor,
    targets: &Tensor,
    scores: &Scores,
    by: ByScores<'_>,
    temperature: f64,
) -> Option<()> {
    let (launch, [rows, vocabulary]) = scoring("score_backward", logits)?;
    let (targets, by_log_probs) = (targets.contiguous(), by.log_probs.contiguous());
    let by_entropy = by.entropy.map(Tensor::contiguous);
    let mut read_by_row = [&scores.log_sums, &scores.entropy, &by_log_probs].into_iter().chain(&by_entropy);
    if !read_by_row.all(is_fp32) {
        return None;
    }
    let parameters = ScoreBackward {
        logits: written(logits),
        targets: read(&targets),
        log_sums: read(&scores.log_sums),
        entropy: read(&scores.entropy),
        by_log_probs: read(&by_log_probs),
        by_entropy: read_some(by_entropy.as_ref()),
        vocabulary: vocabulary as i32,
        inverse_temperature: (1.0 / temperature) as f32,
    };
    launch.run(rows as usize, SCORE_THREADS, &parameters);
    Some(())
}

fn scoring(name: &'static str, logits: &Tensor) -> Option<(Launch, [i64; 2])> {
    let [rows, vocabulary] = logits.size()[..] else { return None };
    let launch = if vocabulary % 8 == 0 { Launch::new(name, None, &[logits]) } else { None };
    Some((launch?, [rows, vocabulary]))
}

parameters!(Merge {
    output: *mut c_void,
    log_sums: *const c_void,
    others: *const c_void,
    other_sums: *const c_void,
    both: *mut c_void,
    count: i64,
    rows: i64,
    other_rows: i64,
    first: i64,
    heads: i32,
    width: i32,
});

/// Merges the outputs from row `first` on, as many as `others` has, in place, and gives the logarithms of sums over both.
pub(super) fn merge(own: &Attended, others: &Attended, first: i64) -> Option<Tensor> {
    let [rows, heads, width] = own.output.size()[..] else { return None };
    if width % 8 != 0 || !is_fp32(&own.log_sums) || !is_fp32(&others.log_sums) {
        return None;
    }
    let launch = Launch::new("merge", None, &[&own.output, &others.output])?;
    let both = others.log_sums.empty_like();
    let other_rows = others.output.size()[0];
    let count = other_rows * heads * width / 8;
    let parameters = Merge {
        output: written(&own.output),
        log_sums: read(&own.log_sums),
        others: read(&others.output),
        other_sums: read(&others.log_sums),
        both: written(&both),
        count,
        rows,
        other_rows,
        first,
        heads: heads as i32,
        width: width as i32,
    };
    launch.run((count as usize).div_ceil(THREADS), THREADS, &parameters);
    Some(both)
}
