//! Standard streams of a guest: an answer, whose limit ends the guest, and what it writes for its author.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

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

/// What a guest writes for its author, standard output and standard error in their order: the last bytes of it, since what
/// ends a guest is said at the end. It never ends the guest.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Mutex<Tail>>);

struct Tail {
    bytes: VecDeque<u8>,
    /// How many came before them.
    lost: u64,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Tail { bytes: VecDeque::new(), lost: 0 })))
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes, and loses the earliest where there is no room.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut tail = self.tail();
        tail.bytes.extend(bytes);
        let surplus = tail.bytes.len().saturating_sub(KEPT);
        tail.bytes.drain(..surplus);
        tail.lost += surplus as u64;
    }

    /// What was written. Bytes that are no text become U+FFFD.
    pub(crate) fn text(&self) -> String {
        let mut tail = self.tail();
        let lost = tail.lost;
        let text = String::from_utf8_lossy(tail.bytes.make_contiguous());
        match lost {
            0 => text.into_owned(),
            _ => format!("({lost} bytes before these are lost: 64 KiB are kept)\n{text}"),
        }
    }
}

impl IsTerminal for Kept {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Kept {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Kept {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_is_written_is_kept() {
        let kept = Kept::new();
        kept.push(b"short");
        assert_eq!(kept.text(), "short");
        for _ in 0..KEPT {
            kept.push(b"..");
        }
        kept.push(b"panicked");
        let text = kept.text();
        let lost = 5 + KEPT + 8;
        assert!(
            text.starts_with(&format!("({lost} bytes before these are lost: 64 KiB are kept)\n...")),
            "{}",
            &text[..60]
        );
        assert!(text.ends_with("..panicked"));
    }
}
