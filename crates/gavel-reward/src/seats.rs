//! How many submissions an async verifier judges at the same time. Who waits for a seat holds no thread, and clients are
//! seated in turn.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::by_client::{ByClient, Client};

#[derive(Debug)]
pub(crate) struct Seats {
    most: NonZeroUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    waiting: ByClient<oneshot::Sender<Seat>>,
}

/// A seat that is taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Option<Arc<Seats>>);

impl Seats {
    pub(crate) fn new(most: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// Waits for a seat. Who stops waiting is passed over.
    pub(crate) async fn take(self: &Arc<Self>, client: Client) -> Seat {
        let seat = {
            let mut state = self.state();
            if state.taken < self.most.get() && state.waiting.is_empty() {
                state.taken += 1;
                return Seat(Some(Arc::clone(self)));
            }
            let (sender, seat) = oneshot::channel();
            state.waiting.push(client, sender);
            seat
        };
        // Senders are dropped with the seats alone, which this holds.
        seat.await.unwrap_or(Seat(None))
    }

    /// Hands a seat on to whoever is next.
    fn hand_on(self: Arc<Self>) {
        let mut seat = Seat(Some(Arc::clone(&self)));
        let mut state = self.state();
        while let Some(next) = state.waiting.pop_where(|next| !next.is_closed()) {
            match next.send(seat) {
                Ok(()) => return,
                // It has gone just now.
                Err(back) => seat = back,
            }
        }
        state.taken -= 1;
        // Nobody has it, so that nobody gives it back.
        seat.0 = None;
    }

    /// Nothing panics while it is held, so a poisoned lock is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(seats) = self.0.take() {
            seats.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(seat: Pin<&mut impl Future<Output = Seat>>) -> Option<Seat> {
        match seat.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(seat) => Some(seat),
            Poll::Pending => None,
        }
    }

    #[test]
    fn clients_are_seated_in_turn_and_who_has_gone_is_passed_over() {
        let seats = Seats::new(NonZeroUsize::MIN);
        let first = poll(pin!(seats.take(Client(1)))).unwrap();
        let (mut one, mut two) = (pin!(seats.take(Client(1))), pin!(seats.take(Client(1))));
        let mut gone = Box::pin(seats.take(Client(2)));
        let mut other = pin!(seats.take(Client(2)));
        assert!(
            [poll(one.as_mut()), poll(two.as_mut()), poll(gone.as_mut()), poll(other.as_mut())]
                .iter()
                .all(Option::is_none)
        );
        drop(gone);
        drop(first);
        let of_one = poll(one.as_mut()).unwrap();
        assert!(poll(two.as_mut()).is_none() && poll(other.as_mut()).is_none());
        drop(of_one);
        let of_other = poll(other.as_mut()).expect("it is the other client's turn");
        assert!(poll(two.as_mut()).is_none());
        drop(of_other);
        drop(poll(two.as_mut()).unwrap());
        assert_eq!(seats.state().taken, 0);
    }

    #[test]
    fn a_seat_that_came_too_late_goes_on() {
        let seats = Seats::new(NonZeroUsize::MIN);
        let first = poll(pin!(seats.take(Client(1)))).unwrap();
        let mut late = Box::pin(seats.take(Client(1)));
        assert!(poll(late.as_mut()).is_none());
        drop(first);
        assert_eq!(seats.state().taken, 1);
        drop(late);
        assert_eq!(seats.state().taken, 0);
    }
}
