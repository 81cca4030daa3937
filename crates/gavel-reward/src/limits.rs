//! Limits as they are written in a reward file or a plugin's manifest: every one optional, the outer file wins.

use std::time::Duration;

use gavel_host::{Limits, ProgramLimits};

use crate::error::RewardError;
use crate::source::{Field, Table};

/// What a file says about limits; `None` where it says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Instructions per submission.
    pub fuel: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Wall-clock time per submission.
    pub timeout: Option<Duration>,
    /// Bytes of a submission and the options together.
    pub input: Option<usize>,
    /// Bytes that the plugin may say per submission.
    pub output: Option<usize>,
    /// What the programs may spend that the plugin runs.
    pub programs: ProgramLimitSettings,
}

/// What a file says about the limits of programs; `None` where it says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgramLimitSettings {
    /// Instructions per program.
    pub fuel: Option<u64>,
    /// Bytes of memory per program.
    pub memory: Option<u64>,
    /// Wall-clock time per program.
    pub timeout: Option<Duration>,
    /// Bytes of standard output, and of standard error, per program.
    pub output: Option<usize>,
    /// Programs per submission.
    pub runs: Option<u32>,
}

impl LimitSettings {
    pub(crate) fn read(mut table: Table<'_>) -> Result<Self, RewardError> {
        let settings = Self {
            fuel: table.take("fuel").map(|field| field.count(1)).transpose()?,
            memory: table.take("memory").map(|field| field.bytes()).transpose()?,
            timeout: table.take("timeout").map(|field| field.duration()).transpose()?,
            input: table.take("input").map(|field| field.length()).transpose()?,
            output: table.take("output").map(|field| field.length()).transpose()?,
            programs: match table.take("programs") {
                Some(programs) => ProgramLimitSettings::read(programs.table()?)?,
                None => ProgramLimitSettings::default(),
            },
        };
        table.finish()?;
        Ok(settings)
    }

    /// These settings, and `defaults` where they say nothing.
    #[must_use]
    pub fn or(self, defaults: Self) -> Self {
        Self {
            fuel: self.fuel.or(defaults.fuel),
            memory: self.memory.or(defaults.memory),
            timeout: self.timeout.or(defaults.timeout),
            input: self.input.or(defaults.input),
            output: self.output.or(defaults.output),
            programs: self.programs.or(defaults.programs),
        }
    }

    /// Limits to load a verifier with: these settings, and the host's defaults where they say nothing.
    pub fn resolve(self) -> Limits {
        let defaults = Limits::default();
        Limits {
            fuel: self.fuel.unwrap_or(defaults.fuel),
            memory: self.memory.unwrap_or(defaults.memory),
            timeout: self.timeout.unwrap_or(defaults.timeout),
            input: self.input.unwrap_or(defaults.input),
            output: self.output.unwrap_or(defaults.output),
            programs: self.programs.resolve(),
            ..defaults
        }
    }
}

impl ProgramLimitSettings {
    fn read(mut table: Table<'_>) -> Result<Self, RewardError> {
        let settings = Self {
            fuel: table.take("fuel").map(|field| field.count(1)).transpose()?,
            memory: table.take("memory").map(|field| field.bytes()).transpose()?,
            timeout: table.take("timeout").map(|field| field.duration()).transpose()?,
            output: table.take("output").map(|field| field.length()).transpose()?,
            runs: table.take("runs").map(|field| read_runs(&field)).transpose()?,
        };
        table.finish()?;
        Ok(settings)
    }

    fn or(self, defaults: Self) -> Self {
        Self {
            fuel: self.fuel.or(defaults.fuel),
            memory: self.memory.or(defaults.memory),
            timeout: self.timeout.or(defaults.timeout),
            output: self.output.or(defaults.output),
            runs: self.runs.or(defaults.runs),
        }
    }

    fn resolve(self) -> ProgramLimits {
        let defaults = ProgramLimits::default();
        ProgramLimits {
            fuel: self.fuel.unwrap_or(defaults.fuel),
            memory: self.memory.unwrap_or(defaults.memory),
            timeout: self.timeout.unwrap_or(defaults.timeout),
            output: self.output.unwrap_or(defaults.output),
            runs: self.runs.unwrap_or(defaults.runs),
        }
    }
}

fn read_runs(field: &Field<'_>) -> Result<u32, RewardError> {
    u32::try_from(field.count(1)?).map_err(|_| field.unlike("a whole number of at most 4294967295"))
}
