//! Virtual time: every reading is a microsecond later than the last, and sleeping moves the hands, not the sun.
//!
//! Neither fuel nor the epoch interrupts a host call, so a guest that really slept would hold its thread for as
//! long as it likes. Here a sleep takes no time at all, and what a guest sees of time is the same in every run.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use wasmtime::component::{Linker, Resource};
use wasmtime::{Caller, StoreContextMut};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, async_trait};

use crate::guest::{Guest, Wasi};

/// Every instance starts at 2024-01-01T00:00:00Z. Some programs reject 1970.
const START: Duration = Duration::from_secs(1_704_067_200);

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

    fn read(&self) -> u64 {
        let now = self.0.now.load(Relaxed);
        self.0.now.store(now.saturating_add(READING), Relaxed);
        now
    }

    fn advance_to(&self, time: u64) {
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
struct Timer {
    clock: Clock,
    due: u64,
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

/// Puts virtual timers in the place of the real ones of `wasi:clocks/monotonic-clock`.
pub(crate) fn shadow_timers(linker: &mut Linker<Guest<Wasi>>) -> wasmtime::Result<()> {
    type Subscribed = wasmtime::Result<(Resource<DynPollable>,)>;
    type Store<'a> = StoreContextMut<'a, Guest<Wasi>>;
    linker.allow_shadowing(true);
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    clock.func_wrap("subscribe-instant", |store: Store<'_>, (due,): (u64,)| -> Subscribed {
        Ok((timer(store, due)?,))
    })?;
    clock.func_wrap("subscribe-duration", |store: Store<'_>, (duration,): (u64,)| -> Subscribed {
        let due = store.data().clock.read().saturating_add(duration);
        Ok((timer(store, due)?,))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn timer(mut store: StoreContextMut<'_, Guest<Wasi>>, due: u64) -> wasmtime::Result<Resource<DynPollable>> {
    let clock = store.data().clock.clone();
    let table = store.data_mut().wasi.table();
    let timer = table.push(Timer { clock, due })?;
    subscribe(table, timer)
}

/// Puts a virtual `poll_oneoff` in the place of the real one of WASI preview 1.
pub(crate) fn shadow_poll_oneoff<W: 'static>(
    linker: &mut wasmtime::Linker<Guest<W>>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.func_wrap("wasi_snapshot_preview1", "poll_oneoff", poll_oneoff::<W>)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Error numbers of WASI preview 1.
const SUCCESS: i32 = 0;
const INVALID: i32 = 28;
const FAULT: i32 = 21;

/// Waits for the earliest of some timers, or for nothing where a stream is among them, since those never block.
///
/// See `poll_oneoff` and the layouts of `subscription` (48 bytes) and `event` (32 bytes) in
/// <https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md>.
fn poll_oneoff<W: 'static>(
    mut caller: Caller<'_, Guest<W>>,
    subscriptions: u32,
    events: u32,
    count: u32,
    count_out: u32,
) -> wasmtime::Result<i32> {
    if count == 0 {
        return Ok(INVALID);
    }
    let Some(memory) = caller.get_export("memory").and_then(wasmtime::Extern::into_memory) else {
        return Ok(FAULT);
    };
    let (memory, guest) = memory.data_and_store_mut(&mut caller);
    Ok(poll_in(
        memory,
        &guest.clock,
        subscriptions as usize,
        events as usize,
        count as usize,
        count_out as usize,
    )
    .map_or(FAULT, |()| SUCCESS))
}

/// `None` when a pointer leaves the memory.
fn poll_in(
    memory: &mut [u8],
    clock: &Clock,
    subscriptions: usize,
    events: usize,
    count: usize,
    count_out: usize,
) -> Option<()> {
    memory.get(subscriptions..subscriptions.checked_add(count.checked_mul(Subscription::SIZE)?)?)?;
    let subscription =
        |memory: &[u8], index: usize| Subscription::read(memory, subscriptions + index * Subscription::SIZE);
    let started = clock.read();
    let mut earliest = u64::MAX;
    for index in 0..count {
        earliest = earliest.min(subscription(memory, index)?.due(started));
    }
    clock.advance_to(earliest);
    let now = started.max(earliest);
    let mut ready = 0;
    for index in 0..count {
        let subscription = subscription(memory, index)?;
        if subscription.due(started) <= now {
            subscription.write_event(memory, events + ready * Subscription::EVENT_SIZE)?;
            ready += 1;
        }
    }
    write(memory, count_out, &u32::try_from(ready).ok()?.to_le_bytes())
}

/// What a guest of WASI preview 1 waits for.
struct Subscription {
    userdata: [u8; 8],
    kind: u8,
    timeout: u64,
    absolute: bool,
    wall_clock: bool,
}

impl Subscription {
    const SIZE: usize = 48;
    const EVENT_SIZE: usize = 32;
    /// The kind of a subscription to a clock; the others wait for a stream.
    const CLOCK: u8 = 0;

    fn read(memory: &[u8], at: usize) -> Option<Self> {
        let bytes: &[u8; Self::SIZE] = memory.get(at..at.checked_add(Self::SIZE)?)?.first_chunk()?;
        let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        Some(Self {
            userdata: *bytes.first_chunk()?,
            kind: bytes[8],
            wall_clock: bytes[16] == 0,
            timeout: word(24)?,
            absolute: bytes[40] & 1 == 1,
        })
    }

    /// When it is ready, if it was made when the clock showed `now`.
    fn due(&self, now: u64) -> u64 {
        match (self.kind, self.absolute) {
            (Self::CLOCK, false) => now.saturating_add(self.timeout),
            (Self::CLOCK, true) if self.wall_clock => self.timeout.saturating_sub(START.as_nanos() as u64),
            (Self::CLOCK, true) => self.timeout,
            _ => now,
        }
    }

    fn write_event(&self, memory: &mut [u8], at: usize) -> Option<()> {
        let mut event = [0; Self::EVENT_SIZE];
        event[..8].copy_from_slice(&self.userdata);
        event[10] = self.kind;
        event[16] = u8::from(self.kind != Self::CLOCK);
        write(memory, at, &event)
    }
}

fn write(memory: &mut [u8], at: usize, bytes: &[u8]) -> Option<()> {
    memory.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}
