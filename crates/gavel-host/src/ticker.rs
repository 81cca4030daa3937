//! The thread that moves the engine's epoch, by which running guests see that time passes.

use std::io;
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

/// Ticks for `engine` until it is dropped.
pub(crate) fn start(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("gavel-ticker".to_owned()).spawn(move || run(&engine))?;
    Ok(())
}

/// Follows an absolute schedule: a thread that sleeps a tick at a time falls behind by what each wake-up is late.
fn run(engine: &EngineWeak) {
    let mut next = Instant::now();
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
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
