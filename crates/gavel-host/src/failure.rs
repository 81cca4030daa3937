//! From what the engine reports to what gavel records.

use std::fmt::{self, Write};
use std::time::Duration;

use gavel_verify::{Failure, visible_name};
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::Limits;
use crate::guest::Growth;

/// Characters of a function's name that a backtrace shows. A name is as long as the author of a plugin likes.
const NAME: usize = 200;

/// Characters of what is told of a trap. Parts of it are the guest's words.
const MESSAGE: usize = 1000;

/// Why a guest has no answer.
pub(crate) fn classify(error: &wasmtime::Error, growth: &Growth, limits: &Limits) -> Failure {
    if let Some(failure) = not_the_guests(error) {
        return failure;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::OutOfFuel { limit: limits.fuel },
        Some(Trap::Interrupt) => Failure::Deadline { limit: limits.timeout },
        // A guest that is refused memory mostly aborts, and the abort alone does not say why.
        _ if growth.refused() => Failure::OutOfMemory { limit: limits.memory },
        Some(trap) => Failure::Trap { message: told(*trap), backtrace: backtrace(error) },
        None if is_about_the_call(error) => {
            Failure::Refused(format!("the answer breaks the contract: {}", cut(&format!("{error:#}"))))
        }
        None => Failure::Trap { message: message(error), backtrace: backtrace(error) },
    }
}

/// What a trap is called. The engine's words for a stack that is full do not say what fills it.
pub(crate) fn told(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => format!(
            "{trap}: its functions call one another too deeply, which no limit raises; end the recursion sooner, or make a \
             loop of it"
        ),
        trap => trap.to_string(),
    }
}

/// Why a component has no answer. It may exit, and can say no more of it than that something was wrong: a code such as
/// that of `os.Exit(3)` is lost on its way through WASI 0.2.
pub(crate) fn classify_component(error: &wasmtime::Error, growth: &Growth, limits: &Limits) -> Failure {
    match (classify(error, growth, limits), error.downcast_ref()) {
        (Failure::Trap { backtrace, .. }, Some(I32Exit(1))) => Failure::Trap {
            message: "it exited with an error (a component does not say which)".to_owned(),
            backtrace,
        },
        (failure, _) => failure,
    }
}

/// What ends a guest through no doing of its own.
fn not_the_guests(error: &wasmtime::Error) -> Option<Failure> {
    if error.is::<Interrupted>() {
        Some(Failure::HostFailed(Interrupted.to_string()))
    } else if let Some(TooSlow { limit }) = error.downcast_ref() {
        Some(Failure::Deadline { limit: *limit })
    } else {
        let failed: &HostFailed = error.downcast_ref()?;
        Some(Failure::HostFailed(cut(&format!("{failed}: {}", error.root_cause()))))
    }
}

/// Whether the number of instructions that a guest has spent is known, if it ended with this error.
///
/// Compiled code counts in a register, and brings the count up to date where it returns, calls, or says itself that it
/// ends. Where it is interrupted, or a processor's exception ends it, the count is that of some time before.
pub(crate) fn fuel_is_known(error: &wasmtime::Error) -> bool {
    match error.downcast_ref::<Trap>() {
        Some(trap) => matches!(trap, Trap::OutOfFuel | Trap::UnreachableCodeReached),
        None => not_the_guests(error).is_none(),
    }
}

/// The host could not do what a guest may ask of it: the machine is out of memory or address space.
#[derive(Debug)]
pub(crate) struct HostFailed(&'static str);

impl HostFailed {
    /// What could not be done, as a sentence without its end.
    pub(crate) fn new(what: &'static str) -> Self {
        Self(what)
    }
}

impl fmt::Display for HostFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for HostFailed {}

/// Somebody wants this process to end.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// A program that the guest ran took too long, so nothing that the guest may say of it counts.
#[derive(Debug)]
pub(crate) struct TooSlow {
    /// The time that the program, or all of them, may take.
    pub(crate) limit: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a program was still running after {:?}", self.limit)
    }
}

impl std::error::Error for TooSlow {}

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
        None => cut(&error.root_cause().to_string()),
    }
}

fn cut(text: &str) -> String {
    visible_name(text, MESSAGE)
}

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    backtrace.frames().iter().map(frame).collect()
}

/// The function of a frame, by its name in the file's name section, where it has one. Files and lines would be in debug
/// information, which may take the engine any time to read.
fn frame(frame: &wasmtime::FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => {
            let mut short = Short(String::new());
            // It fails where it is long enough.
            let _ = write!(short, "{:#}", rustc_demangle::demangle(name));
            visible_name(&short.0, NAME)
        }
        None => format!("function {}", frame.func_index()),
    }
}

/// The first characters of a text that is written piece by piece: a mangled name may stand for one much longer.
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() > 4 * NAME {
            return Err(fmt::Error);
        }
        self.0.extend(text.chars().take(NAME + 1));
        Ok(())
    }
}
