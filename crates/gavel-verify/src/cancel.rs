//! A way to end judging that nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Ends the judging of the submissions that were handed in with it: those that wait are not judged, and a sandboxed
/// verifier that runs ends within 20 milliseconds. Clones are the same switch, and once it is set it stays set.
///
/// ```
/// use gavel_verify::Cancel;
///
/// let cancel = Cancel::new();
/// assert!(!cancel.is_set());
/// cancel.clone().set();
/// assert!(cancel.is_set());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    set: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Cancel {
    /// A switch that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A switch that is set by itself once `time` has passed on the wall clock: for who promised an answer by then. It
    /// is no limit of a verifier's, whose time is that of the processor.
    pub fn after(time: Duration) -> Self {
        // A time that no clock reaches is as good as none.
        Self { set: Arc::default(), deadline: Instant::now().checked_add(time) }
    }

    /// Ends what was handed in with it.
    pub fn set(&self) {
        self.set.store(true, Ordering::Relaxed);
    }

    /// Whether it has been set, or its time has passed.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_set_when_its_time_has_passed() {
        assert!(Cancel::after(Duration::ZERO).is_set());
        assert!(!Cancel::after(Duration::from_secs(3600)).is_set());
        assert!(!Cancel::after(Duration::MAX).is_set());
    }
}
