//! Where scored lines go: whole lines only, so that the output is valid however the program ends.

use std::fs::File;
use std::io::{self, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use gavel_lines::{Form, Packed};

/// Bytes that are collected before they are written.
const BATCH: usize = 64 << 10;

/// A file or stdout, written to in batches of whole lines.
pub(super) struct Output {
    target: File,
    name: PathBuf,
    terminal: bool,
    /// Whether what the file held before is still there.
    is_untouched: bool,
    /// Where the lines go instead, of a file whose name says that it holds them in another form.
    packed: Option<Packed>,
    batch: Vec<u8>,
    /// Lines that are written.
    written: u64,
}

impl Output {
    /// Standard output.
    ///
    /// # Errors
    /// When it is closed: nobody would get what is written.
    pub(super) fn stdout() -> anyhow::Result<Self> {
        // Rust's own handle is line-buffered, which is slow; batches are not.
        let target = stdout()?;
        if WAS_CLOSED.load(Ordering::Relaxed) {
            bail!(
                "stdout is closed, so that nobody would get the scores; name a file with --output, or /dev/null where \
                 they are not wanted"
            );
        }
        Ok(Self::to(target, "stdout".into()))
    }

    /// Creates the file `path`. One that is there is emptied by [`Output::begin`]: an input that is refused by its first
    /// lines costs nobody the scores of an earlier run.
    pub(super) fn file(path: &Path) -> anyhow::Result<Self> {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { is_untouched: true, ..Self::to(file, path.to_owned()) })
    }

    /// Empties a file, unless that has been done or it is gone on with: there is something to write.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        if !std::mem::take(&mut self.is_untouched) {
            return Ok(());
        }
        let path = self.name.as_path();
        let cannot_create = || format!("cannot create {}", path.display());
        // A pipe or a device cannot be cut, and holds nothing.
        if self.is_regular() {
            self.target.set_len(0).with_context(cannot_create)?;
        }
        if let Some(form) = Form::of(path) {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let packed = self.target.try_clone().and_then(|file| Packed::new(form, file, folder));
            self.packed = Some(packed.with_context(cannot_create)?);
        }
        Ok(())
    }

    /// Opens the file `path` to go on at its end.
    pub(super) fn append(path: &Path) -> anyhow::Result<Self> {
        let file = File::options().append(true).open(path);
        let file = file.with_context(|| format!("cannot write to {}", path.display()))?;
        Ok(Self::to(file, path.to_owned()))
    }

    fn to(target: File, name: PathBuf) -> Self {
        let terminal = target.is_terminal();
        Self { target, name, terminal, is_untouched: false, packed: None, batch: Vec::new(), written: 0 }
    }

    /// Whether a person watches the lines go by.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether it is a file that stays.
    pub(super) fn is_regular(&self) -> bool {
        self.target.metadata().is_ok_and(|metadata| metadata.is_file())
    }

    /// Whether it holds what an earlier run has left.
    pub(super) fn holds_earlier_lines(&self) -> bool {
        self.is_untouched && self.target.metadata().is_ok_and(|there| there.is_file() && there.len() > 0)
    }

    /// Adds one line.
    pub(super) fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.batch.extend_from_slice(line.as_bytes());
        self.lines(b"\n")
    }

    /// Adds whole lines, with their ends.
    pub(super) fn lines(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        self.batch.extend_from_slice(lines);
        if self.batch.len() < BATCH { Ok(()) } else { self.flush() }
    }

    /// Writes what has been collected. Where that fails in the middle of a line, as on a full disk, a file loses the half
    /// of it again.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.begin()?;
        if let Some(packed) = &mut self.packed {
            let lines = self.batch.iter().filter(|byte| **byte == b'\n').count() as u64;
            let written = packed.write_all(&self.batch);
            self.batch.clear();
            written.with_context(|| {
                format!("cannot write to {} after {} lines", self.name.display(), self.written)
            })?;
            self.written += lines;
            return Ok(());
        }
        let mut written = 0;
        let mut result = Ok(());
        while written < self.batch.len() && result.is_ok() {
            match self.target.write(&self.batch[written..]) {
                Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
        }
        let written = &self.batch[..written];
        self.written += written.iter().filter(|byte| **byte == b'\n').count() as u64;
        let half = written.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
        self.batch.clear();
        result.with_context(|| {
            let end = match half {
                0 => "",
                _ if self.take_back(half as u64) => "",
                _ => "; the last line is cut short",
            };
            format!("cannot write to {} after {} lines{end}", self.name.display(), self.written)
        })
    }

    /// Writes what is left, and the end of a file that is compressed or Parquet.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.begin()?;
        self.flush()?;
        let finished = self.packed.take().map_or(Ok(()), Packed::finish);
        finished.with_context(|| format!("cannot write {}", self.name.display()))
    }

    /// Takes the last `bytes` from a file again; `false` where it is none, or that fails.
    fn take_back(&mut self, bytes: u64) -> bool {
        let taken = self.target.metadata().and_then(|metadata| {
            let end = self.target.stream_position()?;
            if metadata.is_file() && metadata.len() == end {
                self.target.set_len(end.saturating_sub(bytes))?;
                self.target.seek(io::SeekFrom::End(0))
            } else {
                Err(io::ErrorKind::NotSeekable.into())
            }
        });
        taken.is_ok()
    }
}

/// Standard output as a file.
fn stdout() -> anyhow::Result<File> {
    #[cfg(unix)]
    let handle = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let handle = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
    Ok(File::from(handle.context("stdout is closed; name a file with --output")?))
}

/// Whether standard output was closed when the program started. Rust's runtime opens /dev/null in its place, which looks
/// like the choice of somebody who wants no output.
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks before Rust's runtime does.
#[cfg(unix)]
#[ctor::ctor(unsafe)]
fn look_at_stdout() {
    WAS_CLOSED.store(rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err(), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_ends_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut output = Output::file(&path).unwrap();
        output.line("one").unwrap();
        output.line("two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "", "collected");
        output.flush().unwrap();
        output.batch.extend_from_slice(b"half");
        output.flush().unwrap();
        assert!(output.take_back(4));
        output.line("three").unwrap();
        output.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert!(output.is_regular() && !output.is_terminal());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_with_what_is_there() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut output = Output::to(full, "out.jsonl".into());
        output.line("one").unwrap();
        let error = output.flush().unwrap_err();
        assert_eq!(error.to_string(), "cannot write to out.jsonl after 0 lines");
        let io: &io::Error = error.downcast_ref().or(error.root_cause().downcast_ref()).unwrap();
        assert_eq!(io.kind(), io::ErrorKind::StorageFull);
    }
}
