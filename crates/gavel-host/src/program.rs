//! Untrusted programs that a verifier runs: the import `gavel:verifier/interpreter`, satisfied by nested stores.
//!
//! The records here mirror `sdk/wit/interpreter.wit`. A program runs on the thread of the verifier that asks for it,
//! in a store and an engine of its own, while the verifier waits.

use std::hash::Hasher;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use crate::deadline::{Stopwatch, Time};
use crate::failure::TooSlow;
use crate::guest::{Guest, Wasi};
use crate::ticker::Watch;
use crate::{Interpreters, ProgramLimits};

/// What a code verifier imports.
pub(crate) const INTERPRETER: &str = "gavel:verifier/interpreter@0.1.0";

/// A program and what it may use.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Program {
    pub(crate) language: String,
    pub(crate) source: String,
    pub(crate) stdin: Vec<u8>,
    pub(crate) fuel: u64,
    pub(crate) memory: u64,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Ending {
    #[component(name = "exited")]
    Exited(u8),
    #[component(name = "raised")]
    Raised,
    #[component(name = "out-of-fuel")]
    OutOfFuel,
    #[component(name = "deadline")]
    Deadline,
    #[component(name = "out-of-memory")]
    OutOfMemory,
    #[component(name = "output-too-large")]
    OutputTooLarge,
    #[component(name = "trapped")]
    Trapped(String),
    #[component(name = "unavailable")]
    Unavailable(String),
}

/// What a program did.
#[derive(Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct ProgramOutcome {
    pub(crate) ending: Ending,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl ProgramOutcome {
    /// Nothing was run.
    fn unavailable(reason: String) -> Self {
        Self { ending: Ending::Unavailable(reason), stdout: Vec::new(), stderr: Vec::new() }
    }
}

/// Instructions that a program has spent, and whether it was no more; see
/// [`fuel_is_known`](crate::failure::fuel_is_known).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) fuel: u64,
    pub(crate) known: bool,
}

/// Lets plugins import the function that runs programs. What it does is up to the [`Programs`] of each store.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest<Wasi>>) -> wasmtime::Result<()> {
    linker.instance(INTERPRETER)?.func_wrap(
        "run",
        |mut store: StoreContextMut<'_, Guest<Wasi>>, (program,): (Program,)| {
            let guest = store.data_mut();
            let outcome = guest.programs.run(program);
            if outcome.is_err() {
                guest.meter.settle();
            }
            Ok((outcome?,))
        },
    )
}

/// The programs of one submission: who runs them, what they may still spend, and what they have spent.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    granted: Option<Granted>,
    seed: u64,
    runs: u32,
    fuel: u64,
    /// Some program has spent more than was counted.
    uncounted: bool,
    elapsed: Time,
}

#[derive(Debug)]
struct Granted {
    interpreters: Interpreters,
    limits: ProgramLimits,
    watch: Watch,
}

impl Programs {
    /// For a guest that may run none.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// For a guest that is granted these interpreters. `seed` is that of the submission.
    pub(crate) fn with(interpreters: Interpreters, limits: ProgramLimits, seed: u64, watch: &Watch) -> Self {
        let granted = Granted { interpreters, limits, watch: watch.clone() };
        Self { granted: Some(granted), seed, ..Self::none() }
    }

    /// Whether the guest may run programs at all.
    pub(crate) fn granted(&self) -> bool {
        self.granted.is_some()
    }

    /// Instructions that all programs have spent together; `None` where some of them were not counted.
    pub(crate) fn fuel(&self) -> Option<u64> {
        (!self.uncounted).then_some(self.fuel)
    }

    /// Time that all programs have taken together.
    pub(crate) fn elapsed(&self) -> Time {
        self.elapsed
    }

    /// Runs one program to its end. The error ends the guest: gavel's, or that of a program that took too long, about
    /// which a guest could say only what depends on the machine.
    fn run(&mut self, program: Program) -> wasmtime::Result<ProgramOutcome> {
        let Some(Granted { interpreters, limits, watch }) = &self.granted else {
            // Only while the plugin describes itself: it does not become a verifier without a grant.
            return Ok(ProgramOutcome::unavailable("no program can be run here".to_owned()));
        };
        let Some(interpreter) = interpreters.get(&program.language) else {
            let granted = interpreters.languages().collect::<Vec<_>>().join(", ");
            let granted = if granted.is_empty() { "none" } else { &granted };
            return Ok(ProgramOutcome::unavailable(format!("no such interpreter; there are: {granted}")));
        };
        if self.runs >= limits.runs {
            let runs = limits.runs;
            return Ok(ProgramOutcome::unavailable(format!("this submission has run its {runs} programs")));
        }
        let seed = seed(self.seed, self.runs, &program);
        self.runs += 1;
        // A program that finds nothing left of the total runs out of fuel like one that spends its own: by what a
        // completion does, not for want of an interpreter.
        let fuel = program.fuel.min(limits.fuel).min(limits.total_fuel.saturating_sub(self.fuel));
        let left = limits.total_timeout.saturating_sub(self.elapsed.processor());
        let (timeout, limit) = if left < limits.timeout {
            (left, limits.total_timeout)
        } else {
            (limits.timeout, limits.timeout)
        };
        let allowed = ProgramLimits { fuel, timeout, ..limits.clone() };
        let stopwatch = Stopwatch::start(watch);
        let ran = interpreter.run(program, &allowed, seed, watch);
        self.elapsed = self.elapsed.plus(stopwatch.elapsed());
        let (outcome, spent) = ran?;
        self.fuel = self.fuel.saturating_add(spent.fuel);
        self.uncounted |= !spent.known;
        if outcome.ending == Ending::Deadline {
            return Err(TooSlow { limit }.into());
        }
        Ok(outcome)
    }
}

/// A number that follows from the submission, the program and how many ran before it.
pub(crate) fn seed(submission: u64, runs: u32, program: &Program) -> u64 {
    let mut hash = twox_hash::XxHash3_64::new();
    hash.write(&submission.to_le_bytes());
    hash.write(&runs.to_le_bytes());
    for part in [program.language.as_bytes(), program.source.as_bytes(), &program.stdin] {
        hash.write(&(part.len() as u64).to_le_bytes());
        hash.write(part);
    }
    hash.finish()
}
