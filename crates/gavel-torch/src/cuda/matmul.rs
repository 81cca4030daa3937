//! Matrix products by cuBLASLt with one algorithm for every number of rows.
//!
//! libtorch's products choose an algorithm by the number of rows, and with it the order in which sums are made: the
//! same row then has other digits in another batch. Here the algorithm is chosen once, for [`ROWS`] rows, by cuBLASLt's
//! heuristic and never by timing, so that a row depends on nothing but itself, in this process and the next.
//!
//! <https://docs.nvidia.com/cuda/cublas/#using-the-cublaslt-api>

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::rc::Rc;

use tch::{Kind, Tensor};

use super::functions::functions;
use super::{Cuda, CudaError, Stream, library};

/// The number of rows that algorithms are chosen for.
const ROWS: i64 = 256;
/// At most this many rows go through an algorithm at a time.
const MOST_ROWS: i64 = 4096;
/// Bytes of scratch memory for all products, as NVIDIA recommends for Hopper.
pub const WORKSPACE: usize = 32 << 20;

const LIBRARIES: &[&str] = &["libcublasLt.so.13", "libcublasLt.so.12"];
/// `CUDA_R_16BF`.
const BF16: c_int = 14;
/// `CUDA_R_32F`.
const FP32: c_int = 0;
/// `CUBLAS_COMPUTE_32F`.
const COMPUTE_FP32: c_int = 68;
/// `CUBLASLT_MATMUL_DESC_TRANSA`.
const TRANSPOSE_A: c_int = 3;
/// `CUBLASLT_MATMUL_DESC_EPILOGUE`.
const EPILOGUE: c_int = 7;
/// `CUBLASLT_MATMUL_DESC_BIAS_POINTER`.
const BIAS_POINTER: c_int = 8;
/// `CUBLASLT_EPILOGUE_BIAS`.
const EPILOGUE_BIAS: c_int = 4;
/// `CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES`.
const MAX_WORKSPACE: c_int = 1;

/// `cublasLtMatmulAlgo_t`.
type Algorithm = [u64; 8];

/// `cublasLtMatmulHeuristicResult_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Heuristic {
    algorithm: Algorithm,
    workspace: usize,
    state: c_int,
    waves: f32,
    reserved: [c_int; 4],
}

functions! {
    Functions {
        create = "cublasLtCreate"(*mut *mut c_void);
        create_description = "cublasLtMatmulDescCreate"(*mut *mut c_void, c_int, c_int);
        set_description = "cublasLtMatmulDescSetAttribute"(*mut c_void, c_int, *const c_void, usize);
        create_layout = "cublasLtMatrixLayoutCreate"(*mut *mut c_void, c_int, u64, u64, i64);
        create_preference = "cublasLtMatmulPreferenceCreate"(*mut *mut c_void);
        set_preference = "cublasLtMatmulPreferenceSetAttribute"(*mut c_void, c_int, *const c_void, usize);
        heuristic = "cublasLtMatmulAlgoGetHeuristic"(
            *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, c_int,
            *mut Heuristic, *mut c_int
        );
        check = "cublasLtMatmulAlgoCheck"(
            *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, *const Algorithm,
            *mut Heuristic
        );
        matmul = "cublasLtMatmul"(
            *mut c_void, *mut c_void, *const c_void, *const c_void, *mut c_void, *const c_void, *mut c_void,
            *const c_void, *const c_void, *mut c_void, *mut c_void, *mut c_void, *const Algorithm, *mut c_void,
            usize, *mut c_void
        );
    }
}

/// Calls a function of cuBLASLt; the result is a `Result`.
macro_rules! call {
    ($functions:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        #[expect(unsafe_code, reason = "the pointers are to living values, and the handles are cuBLASLt's own")]
        match unsafe { ($functions.$function)($($argument),*) } {
            0 => Ok(()),
            status => {
                let call = concat!("cublasLt ", stringify!($function));
                Err(CudaError::Call { call, name: format!("status {status}") })
            }
        }
    }};
}

/// cuBLASLt on one device, with its scratch memory.
#[derive(Clone)]
pub struct Products {
    inner: Rc<Inner>,
}

struct Inner {
    functions: Functions,
    handle: *mut c_void,
    workspace: Tensor,
}

impl std::fmt::Debug for Products {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Products").finish_non_exhaustive()
    }
}

impl Cuda {
    /// Opens cuBLASLt.
    ///
    /// # Errors
    /// When its library does not load.
    pub fn products(&self) -> Result<Products, CudaError> {
        let functions = Functions::load(library(LIBRARIES)?)
            .map_err(|source| CudaError::NotLoadable { library: LIBRARIES[0], source })?;
        let mut handle = null_mut();
        call!(functions, create(&raw mut handle))?;
        let workspace = Tensor::empty([WORKSPACE as i64], (Kind::Uint8, self.device()));
        Ok(Products { inner: Rc::new(Inner { functions, handle, workspace }) })
    }
}

/// `input · weightᵀ`, or with a bias or added to what is there, for bf16 matrices; sums are made in fp32.
pub struct Product {
    products: Products,
    /// Columns of the input.
    inner: i64,
    /// Columns of the output.
    outer: i64,
    /// Elements from one row of the output to the next.
    stride: i64,
    /// 1 adds to the output, 0 writes over it.
    beta: f32,
    description: *mut c_void,
    algorithm: Algorithm,
    weight: *mut c_void,
    /// Rows that the algorithm takes at a time: where it splits sums it needs scratch memory for each row.
    piece: i64,
    /// For each number of rows, the layouts of input and output.
    layouts: RefCell<HashMap<i64, [*mut c_void; 2]>>,
}

impl std::fmt::Debug for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Product")
            .field("inner", &self.inner)
            .field("outer", &self.outer)
            .finish_non_exhaustive()
    }
}

/// What becomes of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The output is written over.
    Output,
    /// A bias is added to every row, and the output written over.
    Biased,
    /// It is added to the output.
    Sum,
}

impl Products {
    /// A product of `(rows, inner)` by `(outer, inner)` into rows that are `stride` elements apart, for any number of rows.
    ///
    /// # Errors
    /// When cuBLASLt has no algorithm for it.
    pub fn product(&self, inner: i64, outer: i64, stride: i64, into: Target) -> Result<Product, CudaError> {
        let Inner { functions, handle, .. } = &*self.inner;
        let mut description = null_mut();
        call!(functions, create_description(&raw mut description, COMPUTE_FP32, FP32))?;
        // cuBLASLt's matrices are stored by columns: ours are the transposed ones, and the weight comes first.
        let set = |attribute, value: c_int| {
            let value = (&raw const value).cast();
            call!(functions, set_description(description, attribute, value, size_of::<c_int>()))
        };
        set(TRANSPOSE_A, 1)?;
        if into == Target::Biased {
            set(EPILOGUE, EPILOGUE_BIAS)?;
        }
        let beta = if into == Target::Sum { 1.0 } else { 0.0 };
        let weight = self.layout(inner, outer, inner)?;
        let (input, output) = (self.layout(inner, ROWS, inner)?, self.layout(outer, ROWS, stride)?);
        let mut preference = null_mut();
        call!(functions, create_preference(&raw mut preference))?;
        let most = WORKSPACE;
        let most = (&raw const most).cast();
        call!(functions, set_preference(preference, MAX_WORKSPACE, most, size_of::<usize>()))?;
        let (mut best, mut found) = (Heuristic::default(), 0);
        call!(
            functions,
            heuristic(
                *handle,
                description,
                weight,
                input,
                output,
                output,
                preference,
                1,
                &raw mut best,
                &raw mut found
            )
        )?;
        if found == 0 || best.state != 0 {
            let name = format!("no algorithm for {inner} by {outer}");
            return Err(CudaError::Call { call: "cublasLt heuristic", name });
        }
        let (products, layouts) = (self.clone(), RefCell::default());
        let algorithm = best.algorithm;
        let mut product = Product {
            products,
            inner,
            outer,
            stride,
            beta,
            description,
            algorithm,
            weight,
            piece: ROWS,
            layouts,
        };
        while product.piece < MOST_ROWS && product.fits(2 * product.piece) {
            product.piece *= 2;
        }
        Ok(product)
    }

    /// The layout of a matrix of `columns` columns with `rows` elements each, `stride` apart.
    fn layout(&self, rows: i64, columns: i64, stride: i64) -> Result<*mut c_void, CudaError> {
        let mut layout = null_mut();
        let functions = &self.inner.functions;
        call!(functions, create_layout(&raw mut layout, BF16, rows as u64, columns as u64, stride))?;
        Ok(layout)
    }
}

impl Product {
    /// Enqueues the product of the first `rows` rows of `input` with `weight`, into the first rows of `output`.
    ///
    /// # Panics
    /// If a matrix is not bf16 or too small, the bias does not fit, or cuBLASLt refuses.
    pub fn run(
        &self,
        rows: i64,
        input: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        output: &Tensor,
        stream: Stream,
    ) {
        let counts =
            [(input, rows * self.inner), (weight, self.outer * self.inner), (output, rows * self.stride)];
        for (tensor, count) in counts {
            assert!(tensor.kind() == Kind::BFloat16 && tensor.is_contiguous(), "a contiguous bf16 matrix");
            assert!(tensor.numel() as i64 >= count, "a matrix of {count} numbers, not {:?}", tensor.size());
        }
        if let Some(bias) = bias {
            let count = bias.numel() as i64;
            assert!(bias.kind() == Kind::BFloat16 && count == self.outer, "a bias for each column");
            let pointer = bias.data_ptr();
            let (value, size) = ((&raw const pointer).cast(), size_of::<*mut c_void>());
            let functions = &self.products.inner.functions;
            call!(functions, set_description(self.description, BIAS_POINTER, value, size))
                .unwrap_or_else(|error| panic!("{error}"));
        }
        for first in (0..rows).step_by(self.piece as usize) {
            let of_row = |tensor: &Tensor, stride: i64| {
                tensor
                    .data_ptr()
                    .wrapping_byte_add((first * stride) as usize * Kind::BFloat16.elt_size_in_bytes())
            };
            let (input, output) = (of_row(input, self.inner), of_row(output, self.stride));
            self.run_piece(self.piece.min(rows - first), input, weight, output, stream);
        }
    }

    fn run_piece(&self, rows: i64, input: *mut c_void, weight: &Tensor, output: *mut c_void, stream: Stream) {
        let Inner { functions, handle, workspace } = &*self.products.inner;
        let [input_layout, output_layout] = self.layouts(rows);
        let (alpha, beta) = (1.0_f32, self.beta);
        call!(
            functions,
            matmul(
                *handle,
                self.description,
                (&raw const alpha).cast(),
                weight.data_ptr(),
                self.weight,
                input,
                input_layout,
                (&raw const beta).cast(),
                output,
                output_layout,
                output,
                output_layout,
                &raw const self.algorithm,
                workspace.data_ptr(),
                WORKSPACE,
                stream.handle
            )
        )
        .unwrap_or_else(|error| panic!("{rows} rows, {self:?}: {error}"));
    }

    /// The layouts for `rows` rows, made at the first use.
    fn layouts(&self, rows: i64) -> [*mut c_void; 2] {
        let make = || -> Result<_, CudaError> {
            let input = self.products.layout(self.inner, rows, self.inner)?;
            Ok([input, self.products.layout(self.outer, rows, self.stride)?])
        };
        let mut known = self.layouts.borrow_mut();
        *known.entry(rows).or_insert_with(|| make().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Whether the algorithm takes so many rows at a time, within the scratch memory.
    fn fits(&self, rows: i64) -> bool {
        let Inner { functions, handle, .. } = &*self.products.inner;
        let [input, output] = self.layouts(rows);
        let mut checked = Heuristic::default();
        let checks = call!(
            functions,
            check(
                *handle,
                self.description,
                self.weight,
                input,
                output,
                output,
                &raw const self.algorithm,
                &raw mut checked
            )
        );
        checks.is_ok() && checked.state == 0 && checked.workspace <= WORKSPACE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{card, random, relative_error, same_bits};

    /// The shapes of Qwen2.5-0.5B's and Qwen3-4B's layers, and small ones.
    const SHAPES: [(i64, i64); 7] =
        [(896, 1152), (896, 896), (4864, 896), (896, 9728), (9728, 2560), (2560, 6144), (128, 32)];

    #[test]
    fn products_are_those_of_tensors() {
        let Some(cuda) = card("matrix products") else { return };
        let (products, stream) = (cuda.products().unwrap(), cuda.current_stream());
        for (inner, outer) in SHAPES {
            let [input, weight] = [300, outer].map(|rows| random(&[rows, inner], cuda.device()));
            let (bias, before) = (random(&[outer], cuda.device()), random(&[300, outer], cuda.device()));
            let exact = input.to_kind(Kind::Float).matmul(&weight.to_kind(Kind::Float).transpose(0, 1));
            for target in [Target::Output, Target::Biased, Target::Sum] {
                let product = products.product(inner, outer, outer, target).unwrap();
                let output = before.copy();
                let bias = (target == Target::Biased).then_some(&bias);
                product.run(300, &input, &weight, bias, &output, stream);
                let exact = match target {
                    Target::Output => exact.shallow_clone(),
                    Target::Biased => &exact + bias.unwrap().to_kind(Kind::Float),
                    Target::Sum => &exact + before.to_kind(Kind::Float),
                };
                assert!(relative_error(&output, &exact) < 3e-3, "{inner} by {outer}, {target:?}");
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_how_many_there_are() {
        let Some(cuda) = card("products of single rows") else { return };
        let (products, stream) = (cuda.products().unwrap(), cuda.current_stream());
        for (inner, outer) in SHAPES {
            let product = products.product(inner, outer, outer, Target::Output).unwrap();
            let [input, weight] = [4096, outer].map(|rows| random(&[rows, inner], cuda.device()));
            let of = |rows: i64| {
                let output = Tensor::full([4096, outer], f64::NAN, (Kind::BFloat16, cuda.device()));
                product.run(rows, &input, &weight, None, &output, stream);
                output
            };
            let all = of(4096);
            for rows in [1, 8, 64, 192, 256, 300, 2048] {
                let same = same_bits(&of(rows).narrow(0, 0, rows), &all.narrow(0, 0, rows));
                assert!(same, "{inner} by {outer}, {rows} rows");
            }
        }
    }
}
