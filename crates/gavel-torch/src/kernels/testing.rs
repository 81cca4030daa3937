//! What the tests of all kernels need: a card, random tensors, and how far two tensors are apart.

use tch::{Device, Kind, Tensor};

use crate::cuda::{Compiler, Cuda, Source};
use crate::{DeviceChoice, select_device};

/// The card, if there is one; else says that `what` was skipped.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
pub(crate) fn card(what: &str) -> Option<Cuda> {
    let device = select_device(DeviceChoice::Auto).ok().filter(|device| device.is_cuda());
    let Some(device) = device else {
        println!("skipped: {what}: there is no CUDA device here");
        return None;
    };
    tch::manual_seed(7);
    Some(Cuda::open(device).unwrap())
}

/// Normal numbers in bf16.
pub(crate) fn random(shape: &[i64], device: Device) -> Tensor {
    Tensor::randn(shape, (Kind::Float, device)).to_kind(Kind::BFloat16)
}

pub(crate) fn integers(numbers: &[i32], device: Device) -> Tensor {
    Tensor::from_slice(numbers).to_device(device)
}

/// Whether the tensors hold the same bits.
pub(crate) fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    a.size() == b.size() && a.view_dtype(Kind::Int16).equal(&b.view_dtype(Kind::Int16))
}

/// The norm of the difference, as a part of the norm of `exact`.
pub(crate) fn relative_error(computed: &Tensor, exact: &Tensor) -> f64 {
    let (computed, exact) = (computed.to_kind(Kind::Double), exact.to_kind(Kind::Double));
    ((computed - &exact).norm() / exact.norm()).double_value(&[])
}

/// Compiles for the cards that are in use, which needs no card.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
pub(crate) fn compiles(source: Source<'_>) {
    let Ok(compiler) = Compiler::load() else {
        println!("skipped: compiling {}: there is no NVRTC on this machine", source.file);
        return;
    };
    for architecture in [(8, 0), (9, 0), (10, 0)] {
        let code = compiler.compile(source, architecture).unwrap_or_else(|error| panic!("{error}"));
        assert!(code.starts_with(b"\x7fELF"), "machine code for {architecture:?}");
    }
}
