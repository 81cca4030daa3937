//! Where scored lines go: whole lines only, so that the output is valid however the program ends.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Bytes that are collected before they are written.
const BATCH: usize = 64 << 10;

/// A file or stdout, written to in batches of whole lines.
pub(super) struct Output {
    target: Box<dyn Write>,
    name: PathBuf,
    terminal: bool,
    batch: Vec<u8>,
}

impl Output {
    pub(super) fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        // Standard output is line-buffered, which is slow; batches are not.
        Self { target: Box::new(stdout), name: "stdout".into(), terminal, batch: Vec::new() }
    }

    /// Creates or empties the file `path`; it must not be the `input`, which would be gone before it is read.
    pub(super) fn file(path: &Path, input: &Path) -> anyhow::Result<Self> {
        if let (Ok(output), Ok(input)) = (path.canonicalize(), input.canonicalize())
            && output == input
        {
            bail!("{} is both input and output; write to another file", path.display());
        }
        let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        let terminal = file.is_terminal();
        Ok(Self { target: Box::new(file), name: path.to_owned(), terminal, batch: Vec::new() })
    }

    /// Whether a person watches the lines go by.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Adds one line.
    pub(super) fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.batch.extend_from_slice(line.as_bytes());
        self.batch.push(b'\n');
        if self.batch.len() < BATCH { Ok(()) } else { self.flush() }
    }

    /// Writes what has been collected.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let written = self.target.write_all(&self.batch).and_then(|()| self.target.flush());
        self.batch.clear();
        written.with_context(|| format!("cannot write to {}", self.name.display()))
    }
}
