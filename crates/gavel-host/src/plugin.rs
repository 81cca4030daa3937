//! A loaded plugin file: what it is, and how it becomes a verifier.

use gavel_verify::Description;

use crate::{Limits, LoadError, WasmVerifier};

/// The two kinds of file that gavel takes. The host tells them apart by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A component that exports `gavel:verifier/verifier`.
    Component,
    /// A core module with `_start` (WASI preview 1): one JSON submission on stdin, one JSON verdict on stdout.
    WasiCommand,
}

/// A plugin, compiled and checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Plugin {}

impl Plugin {
    /// sha256 of the file, in hex.
    pub fn digest(&self) -> &str {
        todo!()
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// Which kind of file it is.
    pub fn format(&self) -> Format {
        todo!()
    }

    /// The full names of what it imports.
    pub fn imports(&self) -> &[String] {
        todo!()
    }

    /// The full names of what it exports.
    pub fn exports(&self) -> &[String] {
        todo!()
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        todo!()
    }

    /// A verifier with these options (a JSON object as text; empty text means `{}`) and limits.
    ///
    /// Judges one empty submission, since a plugin checks its options first.
    ///
    /// # Errors
    /// [`LoadError::InvalidOptions`] and [`LoadError::TooLarge`].
    pub fn verifier(&self, options: &str, limits: &Limits) -> Result<WasmVerifier, LoadError> {
        todo!("{options} {limits:?}")
    }
}
