//! Exit codes, and who is to blame for an error.

use std::process::ExitCode;

use gavel_plugins::toml_file::TomlError;
use gavel_plugins::{PluginError, StoreError};
use gavel_reward::RewardError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: everything was done.
    Success,
    /// 1: the input is at fault: bad lines, a mistake in a reward file, a plugin's case that fails; or none of the
    /// submissions has a reward.
    Failure,
    /// 2: bad usage, or something that should not have happened, such as a disk that is full.
    Error,
    /// 130: Ctrl-C, as shells expect.
    Interrupted,
    /// 141: whoever read the output has gone, as shells say of programs that ended by it.
    BrokenPipe,
    /// 143: SIGTERM, as shells expect.
    Terminated,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Success => 0,
            ExitStatus::Failure => 1,
            ExitStatus::Error => 2,
            ExitStatus::Interrupted => 130,
            ExitStatus::BrokenPipe => 141,
            ExitStatus::Terminated => 143,
        })
    }
}

/// Why a command stopped early.
#[derive(Debug)]
pub enum Stop {
    /// What the user gave is at fault: [`ExitStatus::Failure`].
    Input(anyhow::Error),
    /// Something else is: [`ExitStatus::Error`].
    Unexpected(anyhow::Error),
}

impl Stop {
    /// What to exit with.
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::Input(_) => ExitStatus::Failure,
            Self::Unexpected(error) if is_broken_pipe(error) => ExitStatus::BrokenPipe,
            Self::Unexpected(_) => ExitStatus::Error,
        }
    }

    /// What to tell the user.
    pub fn error(&self) -> &anyhow::Error {
        match self {
            Self::Input(error) | Self::Unexpected(error) => error,
        }
    }
}

/// Whether whoever read our output has gone, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.root_cause().downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Unexpected(error)
    }
}

impl From<RewardError> for Stop {
    fn from(error: RewardError) -> Self {
        match error {
            RewardError::Host(_) | RewardError::Thread(_) => Self::Unexpected(error.into()),
            _ => Self::Input(error.into()),
        }
    }
}

impl From<PluginError> for Stop {
    fn from(error: PluginError) -> Self {
        Self::Input(error.into())
    }
}

impl From<TomlError> for Stop {
    fn from(error: TomlError) -> Self {
        Self::Input(error.into())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Plugin(error) => error.into(),
            StoreError::Unwritable { .. } | StoreError::Unremovable { .. } => Self::Unexpected(error.into()),
            _ => Self::Input(error.into()),
        }
    }
}

/// Marks an error as the input's fault.
pub trait InputFault<T> {
    /// The same result, with the error as [`Stop::Input`].
    fn input_fault(self) -> Result<T, Stop>;
}

impl<T, E: Into<anyhow::Error>> InputFault<T> for Result<T, E> {
    fn input_fault(self) -> Result<T, Stop> {
        self.map_err(|error| Stop::Input(error.into()))
    }
}
