//! A standard stream of a guest: bytes that the host keeps, up to a limit, which ends the guest.

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
