//! A program that nobody judges: run for whoever asks for its output, in the sandbox that verifiers run programs in.

use std::time::Duration;

use gavel_verify::{Cancel, Failure};

use crate::deadline::Stopwatch;
use crate::failure::message;
use crate::program::{Ending, Program, seed};
use crate::{Interpreter, ProgramLimits};

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, a traceback among it.
    pub stderr: Vec<u8>,
    /// Instructions that it spent; `None` where nobody knows.
    pub fuel: Option<u64>,
    /// Processor time that it took.
    pub elapsed: Duration,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Exited(u8),
    /// By an error that it did not catch.
    Raised,
    /// It spent all its instructions.
    OutOfFuel,
    /// It went past its time, which depends on the machine.
    Deadline,
    /// It needed more memory than it may have.
    OutOfMemory,
    /// It wrote more than it may.
    OutputTooLarge,
    /// The interpreter broke, as by endless recursion.
    Trapped(String),
}

impl Interpreter {
    /// Runs a program on the calling thread, which needs [`STACK`](crate::STACK) bytes of stack and must not be an async
    /// runtime's. Its random numbers follow from it and its input, so that it does the same each time.
    ///
    /// # Errors
    /// [`Failure::HostFailed`] where this machine could not run it, or `cancel` was set.
    pub fn execute(
        &self,
        source: &str,
        stdin: &[u8],
        limits: &ProgramLimits,
        cancel: &Cancel,
    ) -> Result<Execution, Failure> {
        let program = Program {
            language: self.language().name.clone(),
            source: source.to_owned(),
            stdin: stdin.to_owned(),
            fuel: limits.fuel,
            memory: limits.memory,
        };
        let (watch, seed) = (self.host().watch().until(cancel), seed(0, 0, &program));
        let stopwatch = Stopwatch::start(&watch);
        let ran = self.run(program, limits, seed, &watch);
        let elapsed = stopwatch.elapsed().processor();
        let (outcome, spent) = ran.map_err(|error| Failure::HostFailed(message(&error)))?;
        let ended = match outcome.ending {
            Ending::Exited(code) => Ended::Exited(code),
            Ending::Raised => Ended::Raised,
            Ending::OutOfFuel => Ended::OutOfFuel,
            Ending::Deadline => Ended::Deadline,
            Ending::OutOfMemory => Ended::OutOfMemory,
            Ending::OutputTooLarge => Ended::OutputTooLarge,
            Ending::Trapped(why) => Ended::Trapped(why),
            // Only a verifier without a grant is told so.
            Ending::Unavailable(why) => return Err(Failure::HostFailed(why)),
        };
        let fuel = spent.known.then_some(spent.fuel);
        Ok(Execution { ended, stdout: outcome.stdout, stderr: outcome.stderr, fuel, elapsed })
    }
}
