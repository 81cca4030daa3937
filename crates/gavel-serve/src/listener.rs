//! Accepting connections. A process that is alone takes them as they come; of several at one listener, who has fewer goes
//! first, since a client's connections stay, and those who are quick would get all of them.

use std::io;

use tokio::net::TcpStream;

/// A listener, and whether other processes listen to it too.
pub(crate) enum Listener {
    Alone(tokio::net::TcpListener),
    #[cfg(unix)]
    Shared(tokio::io::unix::AsyncFd<std::net::TcpListener>),
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
            return Ok(Self::Shared(tokio::io::unix::AsyncFd::new(listener)?));
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
            Self::Shared(listener) => accept_in_turn(listener, open).await,
        }
    }
}

/// Leaves a connection for so long per open one to who has fewer, and for so many of them at most.
#[cfg(unix)]
const POLITE: (std::time::Duration, usize) = (std::time::Duration::from_millis(1), 8);

#[cfg(unix)]
async fn accept_in_turn(
    listener: &tokio::io::unix::AsyncFd<std::net::TcpListener>,
    open: usize,
) -> io::Result<TcpStream> {
    loop {
        let mut there = listener.readable().await?;
        if open > 0 {
            tokio::time::sleep(POLITE.0.saturating_mul(open.min(POLITE.1) as u32)).await;
        }
        // Where another has taken it meanwhile there is nothing to accept, and the next one is waited for.
        if let Ok(accepted) = there.try_io(|listener| listener.get_ref().accept()) {
            let (stream, _) = accepted?;
            stream.set_nonblocking(true)?;
            return TcpStream::from_std(stream);
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
}
