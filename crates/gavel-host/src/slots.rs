//! Counts the instances that live at the same time, so that the pool behind them never runs out.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Places for instances.
#[derive(Debug)]
pub(crate) struct Slots {
    queue: Mutex<Queue>,
    freed: Condvar,
}

#[derive(Debug)]
struct Queue {
    free: u32,
    waiting: u32,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(count: u32) -> Self {
        Self { queue: Mutex::new(Queue { free: count, waiting: 0 }), freed: Condvar::new() }
    }

    /// Waits for a free place. It always comes: whoever holds one runs within limits.
    pub(crate) fn take(&self) -> Slot<'_> {
        let mut queue = self.queue();
        while queue.free == 0 {
            queue.waiting += 1;
            queue = self.freed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.waiting -= 1;
        }
        queue.free -= 1;
        Slot(self)
    }

    /// A panic cannot leave a number half written, so a poisoned lock is as good as any.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.free += 1;
        // Waking costs a system call even where nobody sleeps.
        if queue.waiting > 0 {
            self.0.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    #[test]
    fn no_more_than_there_are_slots() {
        let (slots, inside) = (Slots::new(2), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let _slot = slots.take();
                        assert!(inside.fetch_add(1, SeqCst) < 2);
                        inside.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        let queue = slots.queue();
        assert_eq!((queue.free, queue.waiting), (2, 0));
    }
}
