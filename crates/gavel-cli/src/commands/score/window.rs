//! How far the threads that judge may be ahead of the one that writes.
//!
//! Lines are written in the order of the input. Behind one that takes long to judge, those after it are judged and held:
//! everyone else has work meanwhile, up to a bound in lines and bytes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most lines that are read and not yet written.
const MOST_LINES: usize = 100_000;

/// The most bytes that they take. One line may be larger than this, if it is alone.
const MOST_BYTES: usize = 256 << 20;

/// Bytes that a line takes whatever is in it: its maps, its outcomes, its allocations.
const OVERHEAD: usize = 1024;

/// What a line takes for each of its bytes while it is judged: it is there as it was read, as the row that is written
/// again, and as the submission.
const COPIES: usize = 3;

/// Lines and bytes between reading and writing, and who waits for room.
#[derive(Debug)]
pub(super) struct Window {
    held: Mutex<Held>,
    room: Condvar,
    most: Held,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    lines: usize,
    bytes: usize,
}

/// What some lines take; the writer gives it back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    lines: usize,
    bytes: usize,
    /// Of them, the texts'.
    text: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self::with(Held { lines: MOST_LINES, bytes: MOST_BYTES })
    }
}

impl Window {
    fn with(most: Held) -> Self {
        Self { held: Mutex::default(), room: Condvar::new(), most }
    }

    /// Whether another line may be read. How long it is nobody knows before, so one may go beyond the bound.
    pub(super) fn has_room(&self) -> bool {
        self.held().is_below(self.most)
    }

    /// Waits until another line may be read.
    pub(super) fn wait_for_room(&self) {
        let mut held = self.held();
        while !held.is_below(self.most) {
            held = self.room.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes what a line with so much text needs, on top of what `share` has.
    pub(super) fn add(&self, share: &mut Share, text: usize) {
        let bytes = COPIES * text + OVERHEAD;
        let mut held = self.held();
        held.lines += 1;
        held.bytes += bytes;
        drop(held);
        *share = Share { lines: share.lines + 1, bytes: share.bytes + bytes, text: share.text + text };
    }

    /// Notes that the lines have been judged: what is left of them is their rows, and so many bytes of output.
    pub(super) fn settle(&self, share: &mut Share, output: usize) {
        let bytes = share.text + output + share.lines * OVERHEAD;
        let mut held = self.held();
        held.bytes = held.bytes - share.bytes + bytes;
        drop(held);
        share.bytes = bytes;
        self.room.notify_one();
    }

    /// Gives back what lines took that have been written.
    pub(super) fn leave(&self, share: Share) {
        let mut held = self.held();
        held.lines -= share.lines;
        held.bytes -= share.bytes;
        drop(held);
        self.room.notify_one();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn is_below(self, most: Self) -> bool {
        self.lines < most.lines && self.bytes < most.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc;

    fn window(lines: usize, bytes: usize) -> Window {
        Window::with(Held { lines, bytes })
    }

    fn share(window: &Window, text: usize) -> Share {
        let mut share = Share::default();
        window.add(&mut share, text);
        share
    }

    #[test]
    fn there_is_room_for_so_many_lines_and_bytes() {
        let lines = window(2, usize::MAX);
        let first = share(&lines, 1);
        assert!(lines.has_room());
        let _second = share(&lines, 1);
        assert!(!lines.has_room());
        lines.leave(first);
        assert!(lines.has_room());
        // One that is larger than all the room is read, and nothing behind it until it is written.
        let bytes = window(9, 10_000);
        let mut huge = share(&bytes, 100_000);
        bytes.settle(&mut huge, 0);
        assert!(!bytes.has_room());
        bytes.leave(huge);
        assert!(bytes.has_room());
    }

    #[test]
    fn whoever_waits_for_room_goes_on_when_there_is_some() {
        let window = Arc::new(window(1, usize::MAX));
        let taken = share(&window, 1);
        let (sender, entered) = mpsc::channel();
        let there = Arc::clone(&window);
        let waiting = std::thread::spawn(move || {
            there.wait_for_room();
            sender.send(()).unwrap();
        });
        assert!(entered.try_recv().is_err());
        window.leave(taken);
        entered.recv().unwrap();
        waiting.join().unwrap();
    }

    #[test]
    fn all_that_is_taken_is_given_back() {
        let window = Window::default();
        for output in [0, 7, 100_000] {
            let mut share = share(&window, 500);
            window.add(&mut share, 300);
            window.settle(&mut share, output);
            window.leave(share);
        }
        assert_eq!(*window.held(), Held::default());
    }
}
