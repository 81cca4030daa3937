//! What one submission may cost.

use std::time::Duration;

/// What a plugin may spend on one submission. Every limit is always set; there is no "unlimited".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// WebAssembly instructions. Deterministic: the same submission is cut at the same instruction on
    /// every machine.
    pub fuel: u64,
    /// Bytes of linear memory, all memories of the instance together.
    pub memory: u64,
    /// Entries of all tables of the instance together.
    pub table_elements: usize,
    /// Processor time of the thread that judges, and ten times that by the clock. The backup for what fuel does not see;
    /// unlike fuel it depends on the machine.
    pub timeout: Duration,
    /// Bytes of the submission and the options together.
    pub input: usize,
    /// Bytes of the answer: the reason, the metrics and their names, or the error's text.
    pub output: usize,
    /// What the programs may spend that the plugin runs, where it is granted interpreters.
    pub programs: ProgramLimits,
}

/// What one untrusted program may spend, whatever the plugin that runs it asks for. None of it counts against the
/// plugin's own limits.
///
/// All programs of a submission together take at most [`total_fuel`](Self::total_fuel) and
/// [`total_timeout`](Self::total_timeout), besides what the plugin spends itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramLimits {
    /// WebAssembly instructions, those of the interpreter's start among them.
    pub fuel: u64,
    /// Bytes of linear memory, those of the interpreter among them.
    pub memory: u64,
    /// Processor time, and ten times that by the clock. A submission one of whose programs takes longer has no verdict,
    /// whatever the plugin makes of it, since another machine might have been quicker.
    pub timeout: Duration,
    /// Bytes of standard output, and as many again of standard error.
    pub output: usize,
    /// Programs for each submission.
    pub runs: u32,
    /// WebAssembly instructions of all programs of a submission together. A program that finds less left of them than it
    /// may spend has that.
    pub total_fuel: u64,
    /// Processor time of all programs of a submission together. A submission whose programs take longer has no verdict.
    pub total_timeout: Duration,
}

impl Limits {
    /// Each limit as these and as those have it, whichever is less.
    #[must_use]
    pub fn least(&self, other: &Self) -> Self {
        let (one, two) = (&self.programs, &other.programs);
        Self {
            fuel: self.fuel.min(other.fuel),
            memory: self.memory.min(other.memory),
            table_elements: self.table_elements.min(other.table_elements),
            timeout: self.timeout.min(other.timeout),
            input: self.input.min(other.input),
            output: self.output.min(other.output),
            programs: ProgramLimits {
                fuel: one.fuel.min(two.fuel),
                memory: one.memory.min(two.memory),
                timeout: one.timeout.min(two.timeout),
                output: one.output.min(two.output),
                runs: one.runs.min(two.runs),
                total_fuel: one.total_fuel.min(two.total_fuel),
                total_timeout: one.total_timeout.min(two.total_timeout),
            },
        }
    }
}

impl Default for Limits {
    /// Two billion instructions (a fifth of a second to a few seconds, by their kind), 256 MiB, ten seconds,
    /// 16 MiB in and 64 KiB out.
    fn default() -> Self {
        Self {
            fuel: 2_000_000_000,
            memory: 256 << 20,
            table_elements: 100_000,
            timeout: Duration::from_secs(10),
            input: 16 << 20,
            output: 64 << 10,
            programs: ProgramLimits::default(),
        }
    }
}

impl Default for ProgramLimits {
    /// A hundred billion instructions (some ten seconds of Python), 256 MiB, thirty seconds, 4 MiB of output, 1000
    /// programs; and for all of them ten times the instructions and the time of one.
    fn default() -> Self {
        Self {
            fuel: 100_000_000_000,
            memory: 256 << 20,
            timeout: Duration::from_secs(30),
            output: 4 << 20,
            runs: 1000,
            total_fuel: 1_000_000_000_000,
            total_timeout: Duration::from_secs(300),
        }
    }
}
