//! The thread that moves the engines' epochs, by which running guests see that time passes.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

/// The time between two ticks; a guest runs at most this long past its deadline.
const TICK: Duration = Duration::from_millis(1);

/// Ticks until `duration` from now has passed: at least one, at most far in the future.
pub(crate) fn ticks(duration: Duration) -> u64 {
    const FAR: u64 = u64::MAX / 2;
    u64::try_from(duration.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(FAR).clamp(1, FAR)
}

/// The thread, for the engines of one host. It ends when this is dropped.
pub(crate) struct Ticker(Arc<Watched>);

type Watched = Mutex<Vec<EngineWeak>>;

impl Ticker {
    pub(crate) fn start() -> io::Result<Self> {
        let watched = Arc::new(Watched::default());
        let weak = Arc::downgrade(&watched);
        thread::Builder::new().name("gavel-ticker".to_owned()).spawn(move || run(&weak))?;
        Ok(Self(watched))
    }

    /// Ticks for `engine` from now on.
    pub(crate) fn watch(&self, engine: &Engine) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(engine.weak());
    }
}

/// Follows an absolute schedule: a thread that sleeps a tick at a time falls behind by what each wake-up is late.
fn run(watched: &Weak<Watched>) {
    let mut next = Instant::now();
    while let Some(watched) = watched.upgrade() {
        for engine in watched.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
        drop(watched);
        next += TICK;
        thread::sleep(next.saturating_duration_since(Instant::now()));
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
