//! The thread that moves the engines' epochs, by which running guests look up now and then.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use crate::Interrupt;

/// The least time between two ticks.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks in `duration`: at least one, at most far in the future.
pub(crate) fn ticks(duration: Duration) -> u64 {
    const FAR: u64 = u64::MAX / 2;
    u64::try_from(duration.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(FAR).clamp(1, FAR)
}

/// What a guest sees when it looks up: how many ticks there have been, and whether somebody wants it to end.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    ticks: Arc<AtomicU64>,
    interrupt: Interrupt,
}

impl Watch {
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.interrupt.is_set()
    }
}

/// The thread, for the engines of one host. It ends when this is dropped.
pub(crate) struct Ticker {
    engines: Arc<Engines>,
    watch: Watch,
}

type Engines = Mutex<Vec<EngineWeak>>;

impl Ticker {
    pub(crate) fn start(interrupt: Interrupt) -> io::Result<Self> {
        let watch = Watch { ticks: Arc::default(), interrupt };
        let engines = Arc::new(Engines::default());
        let (weak, ticks) = (Arc::downgrade(&engines), Arc::clone(&watch.ticks));
        thread::Builder::new().name("gavel-ticker".to_owned()).spawn(move || run(&weak, &ticks))?;
        Ok(Self { engines, watch })
    }

    /// Ticks for `engine` from now on.
    pub(crate) fn tick_for(&self, engine: &Engine) {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine.weak());
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }
}

/// Never catches up: a process that was stopped, or a machine that was suspended, has not lived through that time, and
/// neither have its guests.
fn run(engines: &Weak<Engines>, ticks: &AtomicU64) {
    while let Some(engines) = engines.upgrade() {
        ticks.fetch_add(1, Ordering::Relaxed);
        for engine in engines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
        drop(engines);
        thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_tick_is_a_tick() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_micros(1)), 1);
        assert_eq!(ticks(Duration::from_micros(1001)), 2);
        assert_eq!(ticks(Duration::MAX), u64::MAX / 2);
    }
}
