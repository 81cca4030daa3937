//! Accepting connections. A process that is alone takes them as they come; of several at one listener, who has fewer goes
//! first, since a client's connections stay, and those who are quick would get all of them.

use std::io;
#[cfg(unix)]
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

/// A listener, and whether other processes listen to it too.
pub(crate) enum Listener {
    Alone(tokio::net::TcpListener),
    #[cfg(unix)]
    Shared(tokio::io::unix::AsyncFd<std::net::TcpListener>, Turn),
}

impl Listener {
    /// Of a listener that does not block.
    pub(crate) fn new(listener: std::net::TcpListener, is_shared: bool) -> io::Result<Self> {
        #[cfg(unix)]
        if is_shared {
            #[allow(
                deprecated,
                reason = "a listener of the standard library owns what it names, as is asked for"
            )]
            return Ok(Self::Shared(tokio::io::unix::AsyncFd::new(listener)?, Turn::new()));
        }
        #[cfg(not(unix))]
        let _ = is_shared;
        Ok(Self::Alone(tokio::net::TcpListener::from_std(listener)?))
    }

    /// The next connection, for a process that has so many open already.
    pub(crate) async fn accept(&self, open: usize) -> io::Result<TcpStream> {
        match self {
            Self::Alone(listener) => Ok(listener.accept().await?.0),
            #[cfg(unix)]
            Self::Shared(listener, turn) => accept_in_turn(listener, turn, open).await,
        }
    }
}

/// Leaves a connection for so long per open one to who has fewer, and for so many of them at most.
#[cfg(unix)]
const POLITE: (std::time::Duration, usize) = (std::time::Duration::from_millis(1), 8);

/// How many connections are accepted after one wait at most.
#[cfg(unix)]
const MOST: usize = 64;

/// How many connections are accepted after one wait: one, where they come now and then, and twice as many each time that more
/// are there still. Clients that open one for each request would otherwise be let in one in eight milliseconds.
#[cfg(unix)]
pub(crate) struct Turn {
    length: AtomicUsize,
    left: AtomicUsize,
}

#[cfg(unix)]
impl Turn {
    fn new() -> Self {
        Self { length: AtomicUsize::new(1), left: AtomicUsize::new(0) }
    }

    /// Whether the turn is over, so that others are let go first.
    fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn begin(&self) {
        let length = self.length.load(Ordering::Relaxed);
        self.left.store(length, Ordering::Relaxed);
        self.length.store((length * 2).min(MOST), Ordering::Relaxed);
    }

    fn accepted(&self) {
        self.left.fetch_sub(1, Ordering::Relaxed);
    }

    /// Nobody waits any more: the next turn is half as long as this one was, whose length has been doubled already.
    fn all_accepted(&self) {
        self.left.store(0, Ordering::Relaxed);
        self.length.store((self.length.load(Ordering::Relaxed) / 4).max(1), Ordering::Relaxed);
    }
}

#[cfg(unix)]
async fn accept_in_turn(
    listener: &tokio::io::unix::AsyncFd<std::net::TcpListener>,
    turn: &Turn,
    open: usize,
) -> io::Result<TcpStream> {
    loop {
        let mut there = listener.readable().await?;
        if turn.is_over() {
            if open > 0 {
                tokio::time::sleep(POLITE.0.saturating_mul(open.min(POLITE.1) as u32)).await;
            }
            turn.begin();
        }
        // Where another has taken it meanwhile there is nothing to accept, and the next one is waited for.
        match there.try_io(|listener| listener.get_ref().accept()) {
            Ok(accepted) => {
                turn.accepted();
                let (stream, _) = accepted?;
                stream.set_nonblocking(true)?;
                return TcpStream::from_std(stream);
            }
            Err(_nothing) => turn.all_accepted(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Two listeners at one address, as two processes have them.
    #[tokio::test]
    async fn none_of_two_gets_all_connections() {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        first.set_nonblocking(true).unwrap();
        let address = first.local_addr().unwrap();
        let second = first.try_clone().unwrap();
        let take = |listener: std::net::TcpListener| {
            let (listener, count) = (Listener::new(listener, true).unwrap(), Arc::new(AtomicUsize::new(0)));
            let counted = Arc::clone(&count);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    taken.push(listener.accept(taken.len()).await.unwrap());
                    counted.store(taken.len(), Ordering::Relaxed);
                }
            });
            count
        };
        let counts = [take(first), take(second)];
        let taken = || counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let mut connections = Vec::new();
        for number in 1..=8 {
            connections.push(TcpStream::connect(address).await.unwrap());
            while taken().iter().sum::<usize>() < number {
                tokio::time::sleep(POLITE.0).await;
            }
        }
        assert!(taken().iter().all(|count| *count > 0), "{:?}", taken());
    }

    /// Clients that open a connection for each request are not let in one in eight milliseconds.
    #[tokio::test]
    async fn many_that_wait_are_let_in_together() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener::new(listener, true).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..120 {
            waiting.push(TcpStream::connect(address).await.unwrap());
        }
        let (started, mut taken) = (tokio::time::Instant::now(), Vec::new());
        while taken.len() < waiting.len() {
            taken.push(listener.accept(POLITE.1).await.unwrap());
        }
        // Seven turns; one for each would have taken a second.
        assert!(started.elapsed() < POLITE.0 * 500, "{:?}", started.elapsed());
    }
}
