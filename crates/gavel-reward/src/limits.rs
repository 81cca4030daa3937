//! Limits as they are written in a reward file or a plugin's manifest: every one optional, the outer file wins.

use std::time::Duration;

use gavel_host::Limits;

use crate::error::RewardError;
use crate::source::Table;

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
}

impl LimitSettings {
    pub(crate) fn read(mut table: Table<'_>) -> Result<Self, RewardError> {
        let settings = Self {
            fuel: table.take("fuel").map(|field| field.count(1)).transpose()?,
            memory: table.take("memory").map(|field| field.bytes()).transpose()?,
            timeout: table.take("timeout").map(|field| field.duration()).transpose()?,
            input: table.take("input").map(|field| field.length()).transpose()?,
            output: table.take("output").map(|field| field.length()).transpose()?,
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
            ..defaults
        }
    }
}
