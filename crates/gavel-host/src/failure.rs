//! From what the engine reports to what gavel records.

use std::fmt;

use gavel_verify::Failure;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::Limits;
use crate::guest::Growth;

/// Why a guest has no answer.
pub(crate) fn classify(error: &wasmtime::Error, growth: &Growth, limits: &Limits) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::OutOfFuel { limit: limits.fuel },
        Some(Trap::Interrupt) => Failure::Deadline { limit: limits.timeout },
        // A guest that is refused memory mostly aborts, and the abort alone does not say why.
        _ if growth.refused() => Failure::OutOfMemory { limit: limits.memory },
        _ if error.is::<HostFailed>() => Failure::Refused(format!("{error:#}")),
        Some(trap) => Failure::Trap { message: trap.to_string(), backtrace: backtrace(error) },
        None if is_about_the_call(error) => {
            Failure::Refused(format!("the answer breaks the contract: {error:#}"))
        }
        None => Failure::Trap { message: message(error), backtrace: backtrace(error) },
    }
}

/// The host could not do what a guest may ask of it: the machine is out of memory or address space.
#[derive(Debug)]
pub(crate) struct HostFailed;

impl fmt::Display for HostFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host could not run a program")
    }
}

impl std::error::Error for HostFailed {}

/// Whether an instance could not be made because of the guest, not because the host has no room.
pub(crate) fn is_the_guests(error: &wasmtime::Error, growth: &Growth) -> bool {
    growth.refused() || !is_about_the_call(error)
}

/// Whether a call failed before or after the guest ran: then its arguments or its answer could not be passed.
/// What goes wrong while the guest runs is a trap, an exit, or carries the guest's backtrace.
pub(crate) fn is_about_the_call(error: &wasmtime::Error) -> bool {
    !error.is::<Trap>() && !error.is::<WasmBacktrace>() && !error.is::<I32Exit>()
}

pub(crate) fn message(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<I32Exit>() {
        Some(I32Exit(code)) => format!("it exited with code {code}"),
        None => error.root_cause().to_string(),
    }
}

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    backtrace.frames().iter().map(frame).collect()
}

/// `function (file:line)`, as much of it as is known.
fn frame(frame: &wasmtime::FrameInfo) -> String {
    let symbol = frame.symbols().first();
    let name = symbol.and_then(|symbol| symbol.name()).or(frame.func_name());
    let name = match name {
        Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
        None => format!("function {}", frame.func_index()),
    };
    match symbol.and_then(|symbol| Some((symbol.file()?, symbol.line()?))) {
        Some((file, line)) => format!("{name} ({file}:{line})"),
        None => name,
    }
}
