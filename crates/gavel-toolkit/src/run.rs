//! Starts compilers and package managers.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use crate::ToolkitError;

/// A program that language users have, and how to get it.
pub(crate) struct Compiler {
    /// What starts it.
    pub(crate) program: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    /// What to do where it is missing.
    pub(crate) install: &'static str,
}

impl Compiler {
    /// A command that runs in `folder`.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.program);
        command.current_dir(folder).stdin(Stdio::null());
        command
    }

    /// The error when it is missing, or not as it has to be.
    pub(crate) fn missing(&self, reason: impl Into<String>) -> ToolkitError {
        ToolkitError::Missing { what: self.name, reason: reason.into(), install: self.install }
    }

    /// Runs one of its commands to the end, and returns its stdout. What it writes to stderr is shown as it comes.
    pub(crate) fn run(&self, command: &mut Command) -> Result<String, ToolkitError> {
        let ran = self.wait(command.stderr(Stdio::inherit()))?;
        if ran.status.success() {
            Ok(text(&ran.stdout))
        } else {
            Err(self.refused(ran.status, String::new()))
        }
    }

    /// As [`Compiler::run`], for programs that have much to say when all is well: what they write is shown only where
    /// they fail, as a part of the error.
    pub(crate) fn run_quietly(&self, command: &mut Command) -> Result<String, ToolkitError> {
        let ran = self.wait(command.stderr(Stdio::piped()))?;
        if ran.status.success() {
            return Ok(text(&ran.stdout));
        }
        let said = text(&ran.stdout) + &text(&ran.stderr);
        let said = said.trim();
        Err(self.refused(ran.status, if said.is_empty() { String::new() } else { format!(":\n{said}") }))
    }

    fn wait(&self, command: &mut Command) -> Result<Output, ToolkitError> {
        let child = command.stdout(Stdio::piped()).spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => self.missing(format!("`{}` is not there", self.program)),
            _ => self.missing(format!("`{}` cannot be started: {error}", self.program)),
        })?;
        child
            .wait_with_output()
            .map_err(|error| self.missing(format!("`{}` cannot be waited for: {error}", self.program)))
    }

    fn refused(&self, status: ExitStatus, output: String) -> ToolkitError {
        ToolkitError::Refused { program: self.name.to_owned(), status: status.to_string(), output }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
