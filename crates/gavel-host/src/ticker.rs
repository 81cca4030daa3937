//! The thread that moves the engines' epochs, by which running guests look up now and then. It sleeps while no guest
//! runs: a process that judges nothing wakes for nothing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use gavel_verify::Cancel;
use wasmtime::{Engine, EngineWeak};

use crate::Interrupt;

/// The least time between two ticks.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a guest after which the thread goes to sleep. A guest looks up far more often.
const IDLE_TICKS: u64 = 200;

/// Ticks in `duration`: at least one, at most far in the future.
pub(crate) fn ticks(duration: Duration) -> u64 {
    const FAR: u64 = u64::MAX / 2;
    u64::try_from(duration.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(FAR).clamp(1, FAR)
}

/// What a guest sees when it looks up: how many ticks there have been, and whether somebody wants it to end.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    host: Arc<HostWatch>,
    cancel: Option<Cancel>,
}

/// What is the same for all guests of a host.
#[derive(Debug, Clone)]
struct HostWatch {
    clock: Arc<Ticks>,
    interrupt: Interrupt,
}

#[derive(Debug, Default)]
struct Ticks {
    count: AtomicU64,
    /// Whether a guest has run since the thread last looked.
    used: AtomicBool,
    asleep: AtomicBool,
    /// Whom to wake; empty until the thread has started.
    thread: OnceLock<Thread>,
}

impl Watch {
    /// As this one, for a guest that is not needed any more once `cancel` is set.
    pub(crate) fn until(&self, cancel: &Cancel) -> Self {
        Self { cancel: Some(cancel.clone()), ..self.clone() }
    }

    /// As this one, for guests of one lane: every guest has a clone, and processors that count clones in one place take
    /// turns at it.
    pub(crate) fn of_its_own(&self) -> Self {
        Self { host: Arc::new(HostWatch::clone(&self.host)), cancel: self.cancel.clone() }
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.host.clock.count.load(Ordering::Relaxed)
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.host.interrupt.is_set() || self.cancel.as_ref().is_some_and(Cancel::is_set)
    }

    /// Says that a guest runs: whoever starts one calls this first, and again whenever it looks up.
    pub(crate) fn run(&self) {
        self.host.clock.run();
    }
}

impl Ticks {
    fn run(&self) {
        // Written only where it changes, so that processors do not take turns at one cache line.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        // Either this sees that the thread sleeps, or the thread sees that a guest runs: see `sleep`.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Sleeps until a guest runs, or whoever holds the ticker is gone.
    fn sleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !self.used.load(Ordering::Relaxed) {
            thread::park();
        }
        self.asleep.store(false, Ordering::Relaxed);
    }
}

/// The thread, for the engines of one host. It ends when this is dropped.
pub(crate) struct Ticker {
    engines: Option<Arc<Engines>>,
    watch: Watch,
}

type Engines = Mutex<Vec<EngineWeak>>;

impl Ticker {
    pub(crate) fn start(interrupt: Interrupt) -> io::Result<Self> {
        let clock: Arc<Ticks> = Arc::default();
        let engines = Arc::new(Engines::default());
        let (weak, ticks) = (Arc::downgrade(&engines), Arc::clone(&clock));
        let thread =
            thread::Builder::new().name("gavel-ticker".to_owned()).spawn(move || run(&weak, &ticks))?;
        // Set once, here.
        let _ = clock.thread.set(thread.thread().clone());
        let watch = Watch { host: Arc::new(HostWatch { clock, interrupt }), cancel: None };
        Ok(Self { engines: Some(engines), watch })
    }

    /// Ticks for `engine` from now on.
    pub(crate) fn tick_for(&self, engine: &Engine) {
        if let Some(engines) = &self.engines {
            engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine.weak());
        }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }
}

impl Drop for Ticker {
    /// The thread may sleep, and has to see that it is over.
    fn drop(&mut self) {
        self.engines = None;
        if let Some(thread) = self.watch.host.clock.thread.get() {
            thread.unpark();
        }
    }
}

/// Never catches up: a process that was stopped, or a machine that was suspended, has not lived through that time, and
/// neither have its guests.
fn run(engines: &Weak<Engines>, clock: &Ticks) {
    let mut idle = 0;
    while let Some(engines) = engines.upgrade() {
        clock.count.fetch_add(1, Ordering::Relaxed);
        for engine in engines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
        drop(engines);
        idle = if clock.used.swap(false, Ordering::Relaxed) { 0 } else { idle + 1 };
        if idle < IDLE_TICKS {
            thread::sleep(TICK);
        } else {
            clock.sleep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn part_of_a_tick_is_a_tick() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_micros(1)), 1);
        assert_eq!(ticks(Duration::from_micros(1001)), 2);
        assert_eq!(ticks(Duration::MAX), u64::MAX / 2);
    }

    /// Waits, far longer than it takes, until something holds.
    fn until(holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < Duration::from_secs(60), "it never held");
            thread::sleep(TICK);
        }
    }

    #[test]
    fn it_sleeps_while_no_guest_runs_and_wakes_for_one() {
        let ticker = Ticker::start(Interrupt::new()).unwrap();
        for _ in 0..3 {
            until(|| ticker.watch().host.clock.asleep.load(Ordering::Relaxed));
            let before = ticker.watch().ticks();
            thread::sleep(TICK * 20);
            assert_eq!(ticker.watch().ticks(), before, "asleep");
            ticker.watch().run();
            until(|| ticker.watch().ticks() > before + 5);
        }
    }

    #[test]
    fn the_thread_ends_with_its_ticker_even_asleep() {
        let ticker = Ticker::start(Interrupt::new()).unwrap();
        until(|| ticker.watch().host.clock.asleep.load(Ordering::Relaxed));
        let clock = Arc::downgrade(&ticker.watch().host.clock);
        drop(ticker);
        until(|| clock.strong_count() == 0);
    }
}
