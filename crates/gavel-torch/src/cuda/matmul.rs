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
/// Bytes of scratch memory for all products, as NVIDIA recommends for Hopper.
const WORKSPACE: usize = 32 << 20;

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
    /// 1 adds to the output, 0 writes over it.
    beta: f32,
    description: *mut c_void,
    algorithm: Algorithm,
    weight: *mut c_void,
    /// For each number of rows, the layouts of input and output.
    layouts: RefCell<HashMap<(i64, i64), [*mut c_void; 2]>>,
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
        let set = |attribute, value: *const c_void, size| {
            call!(functions, set_description(description, attribute, value, size))
        };
        let transposed: c_int = 1;
        set(TRANSPOSE_A, (&raw const transposed).cast(), size_of::<c_int>())?;
        if into == Target::Biased {
            let epilogue = EPILOGUE_BIAS;
            set(EPILOGUE, (&raw const epilogue).cast(), size_of::<c_int>())?;
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
        Ok(Product { products, inner, outer, beta, description, algorithm, weight, layouts })
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
    /// If a matrix is not bf16 or too small, the bias is not there or is not asked for, or cuBLASLt refuses.
    pub fn run(
        &self,
        rows: i64,
        input: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        output: &Tensor,
        stream: Stream,
    ) {
        let Inner { functions, handle, workspace } = &*self.products.inner;
        let numbers =
            [(input, rows * self.inner), (weight, self.outer * self.inner), (output, rows * self.outer)];
        for (tensor, count) in numbers {
            assert!(tensor.kind() == Kind::BFloat16 && tensor.is_contiguous(), "a contiguous bf16 matrix");
            assert!(tensor.numel() as i64 >= count, "a matrix of {count} numbers, not {:?}", tensor.size());
        }
        assert!(weight.numel() as i64 == self.outer * self.inner, "the weight is {:?}", weight.size());
        let stride = output.size()[output.dim() - 1];
        let [input_layout, output_layout] = self.layouts(rows, stride);
        if let Some(bias) = bias {
            assert!(
                bias.kind() == Kind::BFloat16 && bias.numel() as i64 == self.outer,
                "a bias for each column"
            );
            let pointer = bias.data_ptr();
            let value = (&raw const pointer).cast();
            call!(
                functions,
                set_description(self.description, BIAS_POINTER, value, size_of::<*mut c_void>())
            )
            .unwrap_or_else(|error| panic!("{error}"));
        }
        let (alpha, beta) = (1.0_f32, self.beta);
        call!(
            functions,
            matmul(
                *handle,
                self.description,
                (&raw const alpha).cast(),
                weight.data_ptr(),
                self.weight,
                input.data_ptr(),
                input_layout,
                (&raw const beta).cast(),
                output.data_ptr(),
                output_layout,
                output.data_ptr(),
                output_layout,
                &raw const self.algorithm,
                workspace.data_ptr(),
                WORKSPACE,
                stream.handle
            )
        )
        .unwrap_or_else(|error| panic!("{error}"));
    }

    /// The layouts for `rows` rows, made at the first use.
    fn layouts(&self, rows: i64, stride: i64) -> [*mut c_void; 2] {
        let make = || -> Result<_, CudaError> {
            let layouts = [
                self.products.layout(self.inner, rows, self.inner)?,
                self.products.layout(self.outer, rows, stride)?,
            ];
            let Inner { functions, handle, .. } = &*self.products.inner;
            let [input, output] = layouts;
            let mut checked = Heuristic::default();
            call!(
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
            )?;
            Ok(layouts)
        };
        let mut known = self.layouts.borrow_mut();
        *known.entry((rows, stride)).or_insert_with(|| make().unwrap_or_else(|error| panic!("{error}")))
    }
}
