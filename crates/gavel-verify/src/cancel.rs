//! A way to end judging that nobody waits for any more.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
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
    switch: Arc<Switch>,
    deadline: Option<Instant>,
}

#[derive(Debug, Default)]
struct Switch {
    set: AtomicBool,
    wakers: Mutex<Wakers>,
}

/// Who is woken when it is set, by the order in which they came.
#[derive(Debug, Default)]
struct Wakers {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
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
        Self { switch: Arc::default(), deadline: Instant::now().checked_add(time) }
    }

    /// Ends what was handed in with it.
    pub fn set(&self) {
        self.switch.set.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut self.switch.wakers().waiting);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Whether it has been set, or its time has passed.
    pub fn is_set(&self) -> bool {
        self.switch.is_set() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// When it is set by itself; `None` where somebody has to.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits, for a future, until somebody has set it. There is no clock in here: who waits for the
    /// [deadline](Cancel::deadline) too has one.
    pub fn when_set(&self) -> WhenSet {
        WhenSet { switch: Arc::clone(&self.switch), place: None }
    }
}

impl Switch {
    fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Nothing panics while it is held, so a poisoned lock is as good as any.
    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is ready when a [`Cancel`] has been set.
#[derive(Debug)]
pub struct WhenSet {
    switch: Arc<Switch>,
    /// Its place among those who are woken.
    place: Option<u64>,
}

impl Future for WhenSet {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let switch = Arc::clone(&self.switch);
        let mut wakers = switch.wakers();
        // Looked at with the lock held: whoever sets it wakes those who are there by then.
        if switch.is_set() {
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| {
            wakers.next += 1;
            wakers.next
        });
        wakers.waiting.insert(place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for WhenSet {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.switch.wakers().waiting.remove(&place);
        }
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

    /// Counts how often it was woken.
    struct Woken(std::sync::atomic::AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn who_waits_is_woken_once_and_who_has_gone_is_forgotten() {
        let (cancel, woken) = (Cancel::new(), Arc::new(Woken(0.into())));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let (mut stays, mut goes) = (Box::pin(cancel.when_set()), Box::pin(cancel.when_set()));
        for _ in 0..2 {
            assert_eq!(stays.as_mut().poll(&mut context), Poll::Pending);
            assert_eq!(goes.as_mut().poll(&mut context), Poll::Pending);
        }
        drop(goes);
        cancel.set();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert_eq!(stays.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(Box::pin(cancel.when_set()).as_mut().poll(&mut context), Poll::Ready(()));
    }
}
