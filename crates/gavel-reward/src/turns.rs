//! How many submissions a verifier judges at the same time, where its reward file says that.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The turns at one verifier. A submission of a worker's that finds none free is put aside, and its worker does
/// something else meanwhile; a thread that judges by itself waits.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    /// `None` where anyone may have a turn at any time.
    most: Option<NonZeroUsize>,
    state: Mutex<State<T>>,
    freed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    taken: usize,
    aside: VecDeque<T>,
}

impl<T> Turns<T> {
    pub(crate) fn new(most: Option<NonZeroUsize>) -> Self {
        Self { most, state: Mutex::new(State { taken: 0, aside: VecDeque::new() }), freed: Condvar::new() }
    }

    /// Takes a turn for `waiting`, which comes back, or puts it aside until [`Turns::give_back`] hands it out.
    pub(crate) fn take_or_wait(&self, waiting: T) -> Option<T> {
        let Some(most) = self.most else { return Some(waiting) };
        let mut state = self.state();
        if state.taken < most.get() {
            state.taken += 1;
            return Some(waiting);
        }
        state.aside.push_back(waiting);
        None
    }

    /// Waits for a turn on this thread.
    pub(crate) fn take(&self) {
        let Some(most) = self.most else { return };
        let mut state = self.state();
        while state.taken >= most.get() {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.taken += 1;
    }

    /// Gives a turn back. Who waits longest aside has it now, and is to go on.
    pub(crate) fn give_back(&self) -> Option<T> {
        self.most?;
        let mut state = self.state();
        if let Some(next) = state.aside.pop_front() {
            return Some(next);
        }
        state.taken -= 1;
        drop(state);
        self.freed.notify_one();
        None
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_to_who_has_waited_longest() {
        let turns = Turns::new(NonZeroUsize::new(2));
        assert_eq!((turns.take_or_wait(1), turns.take_or_wait(2)), (Some(1), Some(2)));
        assert_eq!((turns.take_or_wait(3), turns.take_or_wait(4)), (None, None));
        assert_eq!((turns.give_back(), turns.give_back()), (Some(3), Some(4)));
        assert_eq!((turns.give_back(), turns.give_back()), (None, None));
        assert_eq!(turns.state().taken, 0);
    }

    #[test]
    fn without_a_bound_everyone_has_a_turn() {
        let turns = Turns::new(None);
        assert!((0..100).all(|number| turns.take_or_wait(number) == Some(number)));
        assert_eq!(turns.give_back(), None);
    }

    #[test]
    fn a_thread_waits_for_its_turn() {
        let turns = Turns::<()>::new(NonZeroUsize::new(1));
        turns.take();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| turns.take());
            assert!(!other.is_finished());
            turns.give_back();
            other.join().unwrap();
        });
        assert_eq!(turns.state().taken, 1);
    }
}
