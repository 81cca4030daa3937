//! When a guest's time is over: by the processor time that its thread has had, and, far behind that, by ticks.
//!
//! A clock on the wall also goes on while a busy machine runs something else, while a process is stopped, and while a
//! machine is suspended; then right programs would look slow. Processor time does not. The ticks behind it are for a
//! guest that is given none: they are counted by a thread of this process, so they too stand still while it is
//! stopped.

use std::time::Duration;

use crate::ticker::{self, Watch};

/// How many times its limit a guest may take by ticks, each of which is a millisecond or a little more.
const TICKS_BEHIND: u64 = 10;

/// The longest time that a guest runs without looking up.
const LOOK_UP: Duration = Duration::from_millis(10);

/// Time that was spent, by both measures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Time {
    processor: Duration,
    ticks: u64,
}

impl Time {
    /// Time of the calling thread, since some moment that is the same for all readings on it.
    fn now(watch: &Watch) -> Self {
        let ticks = watch.ticks();
        Self { processor: processor_time().unwrap_or(Duration::from_millis(ticks)), ticks }
    }

    pub(crate) fn processor(self) -> Duration {
        self.processor
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { processor: self.processor + other.processor, ticks: self.ticks + other.ticks }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            processor: self.processor.saturating_sub(other.processor),
            ticks: self.ticks.saturating_sub(other.ticks),
        }
    }
}

/// Measures what the calling thread spends.
pub(crate) struct Stopwatch {
    watch: Watch,
    started: Time,
}

impl Stopwatch {
    pub(crate) fn start(watch: &Watch) -> Self {
        Self { watch: watch.clone(), started: Time::now(watch) }
    }

    pub(crate) fn elapsed(&self) -> Time {
        Time::now(&self.watch).minus(self.started)
    }
}

/// The time that a guest has, from when this is made. Engines tick while there is a guest that looks.
pub(crate) struct Deadline {
    stopwatch: Stopwatch,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration, watch: &Watch) -> Self {
        watch.run();
        Self { stopwatch: Stopwatch::start(watch), limit }
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.stopwatch.watch.interrupted()
    }

    /// Ticks until the guest should look up again; `None` where its time is over. `others` is time of this thread that
    /// was not the guest's.
    pub(crate) fn next_look(&self, others: Time) -> Option<u64> {
        self.stopwatch.watch.run();
        let own = self.stopwatch.elapsed().minus(others);
        let left = self.limit.checked_sub(own.processor).filter(|left| !left.is_zero())?;
        let by_ticks = ticker::ticks(self.limit).saturating_mul(TICKS_BEHIND);
        (own.ticks < by_ticks).then(|| ticker::ticks(left.min(LOOK_UP)))
    }
}

/// Processor time that this thread has had, where the system counts it for each thread.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple"))]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple")))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interrupt;
    use crate::ticker::Ticker;

    #[test]
    fn who_waits_spends_nothing() {
        let ticker = Ticker::start(Interrupt::new()).unwrap();
        let deadline = Deadline::after(Duration::from_millis(20), ticker.watch());
        // More than the limit by the clock, as on a machine that runs something else meanwhile, and less than the ticks
        // behind it.
        std::thread::sleep(Duration::from_millis(50));
        if processor_time().is_some() {
            assert!(deadline.next_look(Time::default()).is_some());
        }
    }

    #[test]
    fn who_computes_spends_and_what_others_spent_is_not_counted() {
        let ticker = Ticker::start(Interrupt::new()).unwrap();
        let deadline = Deadline::after(Duration::from_millis(20), ticker.watch());
        let others = Stopwatch::start(ticker.watch());
        while deadline.next_look(Time::default()).is_some() {
            std::hint::black_box(());
        }
        assert!(deadline.next_look(others.elapsed()).is_some());
    }

    #[test]
    fn ticks_end_who_is_given_no_time() {
        let ticker = Ticker::start(Interrupt::new()).unwrap();
        let deadline = Deadline::after(Duration::from_millis(1), ticker.watch());
        while ticker.watch().ticks() < deadline.stopwatch.started.ticks + 2 * TICKS_BEHIND {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(deadline.next_look(Time::default()), None);
    }
}
