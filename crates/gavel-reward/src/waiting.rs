//! How async verifiers are asked: on one thread for all of a workspace's, which starts with the first of them.

use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use gavel_verify::{AsyncVerifier, Cancel, Failure, Outcome, Submission};
use tokio::sync::mpsc;

use crate::by_client::Client;
use crate::error::RewardError;
use crate::seats::Seats;

/// Something to be polled to its end.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The thread that polls. It ends when every handle is dropped and everything is polled to its end.
#[derive(Debug, Clone)]
pub(crate) struct Poller(mpsc::UnboundedSender<Task>);

impl Poller {
    pub(crate) fn start() -> Result<Self, RewardError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(RewardError::Thread)?;
        let (sender, tasks) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("gavel-async".to_owned())
            .spawn(move || runtime.block_on(poll_all(tasks)))
            .map_err(RewardError::Thread)?;
        Ok(Self(sender))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // The thread listens as long as there is a handle.
        drop(self.0.send(Box::pin(task)));
    }
}

async fn poll_all(mut tasks: mpsc::UnboundedReceiver<Task>) {
    let (running, mut all_done) = mpsc::channel::<()>(1);
    while let Some(task) = tasks.recv().await {
        let running = running.clone();
        tokio::spawn(async move {
            task.await;
            drop(running);
        });
    }
    drop(running);
    // Nothing is ever sent: it ends when the last of them has.
    let _ = all_done.recv().await;
}

/// An async verifier, and how many submissions it judges at once and for how long.
pub(crate) struct Waiting {
    verifier: Arc<dyn AsyncVerifier>,
    seats: Arc<Seats>,
    timeout: Duration,
    poller: Poller,
}

impl Waiting {
    pub(crate) fn new(
        verifier: Arc<dyn AsyncVerifier>,
        most: NonZeroUsize,
        timeout: Duration,
        poller: Poller,
    ) -> Self {
        Self { verifier, seats: Seats::new(most), timeout, poller }
    }

    pub(crate) fn verifier(&self) -> &dyn AsyncVerifier {
        &*self.verifier
    }

    pub(crate) fn poller(&self) -> &Poller {
        &self.poller
    }

    /// Judges a submission once it has a seat. Comes back within the verifier's time, and at once where nobody waits for
    /// the outcome any more.
    pub(crate) async fn ask(&self, submission: &Submission, client: Client, cancel: &Cancel) -> Outcome {
        let ends = async {
            match cancel.deadline() {
                Some(deadline) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(deadline.into()) => {}
                        () = cancel.when_set() => {}
                    }
                }
                None => cancel.when_set().await,
            }
        };
        tokio::select! {
            biased;
            () = ends => {
                let reason = "cancelled: nobody waits for it any more".to_owned();
                Outcome::failure(Failure::HostFailed(reason), Duration::ZERO)
            }
            outcome = self.judge(submission, client) => outcome,
        }
    }

    async fn judge(&self, submission: &Submission, client: Client) -> Outcome {
        let _seat = self.seats.take(client).await;
        let asked = Instant::now();
        // A verifier that breaks before it returns a future breaks as one that does after.
        let judging = AssertUnwindSafe(async { self.verifier.verify(submission).await }).catch_unwind();
        match tokio::time::timeout(self.timeout, judging).await {
            Ok(Ok(outcome)) => Outcome { elapsed: asked.elapsed(), ..outcome },
            Ok(Err(_)) => {
                tracing::error!("a verifier panicked; this is a bug in gavel");
                let reason = "gavel panicked while judging".to_owned();
                Outcome::failure(Failure::HostFailed(reason), asked.elapsed())
            }
            Err(_) => Outcome::failure(Failure::Deadline { limit: self.timeout }, asked.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests;
