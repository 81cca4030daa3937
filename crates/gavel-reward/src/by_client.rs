//! What waits, by whose it is: clients are served one piece each in turn.

use std::collections::VecDeque;

/// Whose work it is. Clients that have work waiting are served one piece each in turn, so that one who hands in ten
/// thousand submissions does not make another wait for all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Client(pub u64);

/// Queues by client, whoever is served next first. None of them is empty.
#[derive(Debug)]
pub(crate) struct ByClient<T>(VecDeque<(Client, VecDeque<T>)>);

impl<T> Default for ByClient<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> ByClient<T> {
    pub(crate) fn push(&mut self, client: Client, piece: T) {
        match self.0.iter_mut().find(|(known, _)| *known == client) {
            Some((_, pieces)) => pieces.push_back(piece),
            None => self.0.push_back((client, VecDeque::from([piece]))),
        }
    }

    /// The next piece, of whoever has waited longest for one.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.pop_where(|_| true)
    }

    /// As [`ByClient::pop`], of those that are still wanted: others are dropped, and are nobody's turn.
    pub(crate) fn pop_where(&mut self, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
        while let Some((client, mut pieces)) = self.0.pop_front() {
            while let Some(piece) = pieces.pop_front() {
                if is_wanted(&piece) {
                    if !pieces.is_empty() {
                        self.0.push_back((client, pieces));
                    }
                    return Some(piece);
                }
            }
        }
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
