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
        }
    }
}
