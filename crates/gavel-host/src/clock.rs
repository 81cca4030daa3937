//! Virtual time: every reading is a microsecond later than the last, and sleeping moves the hands, not the sun.
//!
//! Neither fuel nor the epoch interrupts a host call, so a guest that really slept would hold its thread for as
//! long as it likes. Here a sleep takes no time at all, and what a guest sees of time is the same in every run.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use wasmtime_wasi::p2::Pollable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, async_trait};

/// Every instance starts at 2024-01-01T00:00:00Z. Some programs reject 1970.
pub(crate) const START: Duration = Duration::from_secs(1_704_067_200);

/// Nanoseconds that a reading takes.
const READING: u64 = 1_000;

/// The clock of one instance. Clones show the same time.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    /// Nanoseconds since the instance started.
    now: AtomicU64,
    /// The earliest time that a waiting timer has asked for; `u64::MAX` when none waits.
    asked: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Hands { now: AtomicU64::new(0), asked: AtomicU64::new(u64::MAX) }))
    }

    /// Nanoseconds since the instance started; each reading is later than the last.
    pub(crate) fn read(&self) -> u64 {
        let now = self.0.now.load(Relaxed);
        self.0.now.store(now.saturating_add(READING), Relaxed);
        now
    }

    pub(crate) fn advance_to(&self, time: u64) {
        self.0.now.fetch_max(time, Relaxed);
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        READING
    }

    fn now(&self) -> u64 {
        self.read()
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(READING)
    }

    fn now(&self) -> Duration {
        START + Duration::from_nanos(self.read())
    }
}

/// Something to wait for that is ready as soon as everybody is waiting for something.
pub(crate) struct Timer {
    clock: Clock,
    due: u64,
}

impl Timer {
    pub(crate) fn due_at(due: u64, clock: Clock) -> Self {
        Self { clock, due }
    }
}

#[async_trait]
impl Pollable for Timer {
    /// Whoever polls polls all its timers in rounds. In the first round each says when it is due; in the second,
    /// the earliest moves the clock to its time. A third round means that the earliest has gone, and who comes
    /// first goes ahead: waiting must always end.
    async fn ready(&mut self) {
        let hands = &*self.clock.0;
        let _withdrawn_on_drop = Asked { hands, due: self.due };
        let mut round = 0;
        poll_fn(|context| {
            round += 1;
            if self.clock.read() >= self.due {
                return Poll::Ready(());
            }
            if round > 2 || (round == 2 && self.due <= hands.asked.load(Relaxed)) {
                self.clock.advance_to(self.due);
                return Poll::Ready(());
            }
            hands.asked.fetch_min(self.due, Relaxed);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// Takes a timer's wish back when nobody waits for it any more.
struct Asked<'a> {
    hands: &'a Hands,
    due: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        // Fails when another timer has asked for an earlier time, which stays.
        let _ = self.hands.asked.compare_exchange(self.due, u64::MAX, Relaxed, Relaxed);
    }
}
