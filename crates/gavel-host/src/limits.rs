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
    /// Wall-clock time. The backup for what fuel does not see; unlike fuel it depends on the machine.
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
/// A submission can take [`runs`](Self::runs) times [`timeout`](Self::timeout) in all, besides the plugin's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramLimits {
    /// WebAssembly instructions, those of the interpreter's start among them.
    pub fuel: u64,
    /// Bytes of linear memory, those of the interpreter among them.
    pub memory: u64,
    /// Wall-clock time. The backup for what fuel does not see.
    pub timeout: Duration,
    /// Bytes of standard output, and as many again of standard error.
    pub output: usize,
    /// Programs for each submission.
    pub runs: u32,
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
    /// programs.
    fn default() -> Self {
        Self {
            fuel: 100_000_000_000,
            memory: 256 << 20,
            timeout: Duration::from_secs(30),
            output: 4 << 20,
            runs: 1000,
        }
    }
}
