//! Standard streams of a guest: an answer, whose limit ends the guest, and what it writes for its author.

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// The most bytes that a guest may write at once; less than it may hand to the host in one call.
const AT_ONCE: usize = 64 << 10;

/// A stream that ends the guest when it is full, since nothing that it could still say would count.
#[derive(Clone)]
pub(crate) struct Capped {
    pipe: MemoryOutputPipe,
    limit: usize,
}

impl Capped {
    /// A stream for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        // One byte more than allowed tells a full pipe from an output that is just right.
        Self { pipe: MemoryOutputPipe::new(limit.saturating_add(1)), limit }
    }

    /// Writes bytes of a guest that cannot do anything else meanwhile. The error ends it.
    pub(crate) fn push(&self, bytes: &[u8]) -> wasmtime::Result<()> {
        let mut pipe = self.pipe.clone();
        let room = pipe.check_write()?;
        pipe.write(Bytes::copy_from_slice(&bytes[..bytes.len().min(room)]))?;
        if bytes.len() > room { Err(StreamError::Closed.into()) } else { Ok(()) }
    }

    /// What was written up to the limit, and whether it was more than that.
    pub(crate) fn contents(&self) -> (Bytes, bool) {
        let mut bytes = self.pipe.contents();
        let too_large = bytes.len() > self.limit;
        bytes.truncate(self.limit);
        (bytes, too_large)
    }
}

impl IsTerminal for Capped {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Capped {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.pipe.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Capped {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Capped {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.pipe.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.pipe.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match self.pipe.check_write() {
            Ok(room) => Ok(room.min(AT_ONCE)),
            Err(error) => Err(StreamError::Trap(error.into())),
        }
    }
}

/// The most bytes that are kept of what a guest writes for its author.
const KEPT: usize = 64 << 10;

/// Bytes that a guest may write at once where nobody reads them. The same whether they are kept or not, so that a guest
/// goes the same way, and spends the same fuel, in either host.
const SINK: usize = 64 << 10;

/// What a guest writes for its author, standard output and standard error in their order: the first bytes of it. It
/// never ends the guest.
#[derive(Clone)]
pub(crate) struct Kept {
    pipe: MemoryOutputPipe,
}

impl Kept {
    pub(crate) fn new() -> Self {
        // One byte more than is shown tells whether there was more.
        Self { pipe: MemoryOutputPipe::new(KEPT + 1) }
    }

    /// Takes what there is room for, and loses the rest.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut pipe = self.pipe.clone();
        // A full pipe says that it is closed.
        let room = pipe.check_write().unwrap_or(0).min(bytes.len());
        if room > 0 {
            drop(pipe.write(Bytes::copy_from_slice(&bytes[..room])));
        }
    }

    /// What was written. Bytes that are no text become U+FFFD.
    pub(crate) fn text(&self) -> String {
        let bytes = self.pipe.contents();
        let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT)]).into_owned();
        if bytes.len() > KEPT {
            text.push_str("\n(the rest is lost: 64 KiB are kept)");
        }
        text
    }
}

impl IsTerminal for Kept {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Kept {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.pipe.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Kept {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Kept {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(SINK)
    }
}
