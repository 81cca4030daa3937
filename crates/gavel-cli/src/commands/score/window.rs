//! How far the reader may be ahead of the writer.
//!
//! Lines are written in the order of the input. Behind one that takes long to judge, those after it are judged and held;
//! so there are two bounds. What is being judged is bounded by the worker threads: enough to keep all busy. What is held
//! is bounded in lines and bytes, far more generously: while the slow one is judged, everyone else has work.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use gavel_verify::{Failure, Outcome, Score};

/// The most lines that are read and not yet written.
const MOST_LINES: usize = 100_000;

/// The most bytes that they take. One line may be larger than this, if it is alone.
const MOST_BYTES: usize = 256 << 20;

/// Bytes that a line takes whatever is in it: its maps, its channel, its allocations.
const OVERHEAD: usize = 1024;

/// Lines and bytes between the reader and the writer, and who waits for room.
#[derive(Debug)]
pub(super) struct Window {
    held: Mutex<Held>,
    room: Condvar,
    most: Held,
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// Lines submitted and not yet judged.
    judging: usize,
    lines: usize,
    bytes: usize,
}

/// What one line takes; the writer gives it back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share(usize);

impl Window {
    /// A window in which at most so many lines are being judged at the same time.
    pub(super) fn new(judging: usize) -> Self {
        Self::with(Held { judging, lines: MOST_LINES, bytes: MOST_BYTES })
    }

    fn with(most: Held) -> Self {
        Self { held: Mutex::default(), room: Condvar::new(), most }
    }

    /// Waits until there is room for a line of so many bytes, and takes it. The line's text is there twice: as it will be
    /// written, and as it is being judged.
    pub(super) fn enter(&self, bytes: usize) -> Share {
        let share = Share(bytes + OVERHEAD);
        let taken = bytes + share.0;
        let has_room = |held: &Held| {
            held.lines == 0
                || (held.judging < self.most.judging
                    && held.lines < self.most.lines
                    && held.bytes.saturating_add(taken) <= self.most.bytes)
        };
        let mut held = self.held();
        while !has_room(&held) {
            held = self.room.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.judging += 1;
        held.lines += 1;
        held.bytes += taken;
        share
    }

    /// Notes that a line of so many bytes has been judged: its text is there once, beside a score of this [`weight`].
    pub(super) fn judged(&self, bytes: usize, weight: usize) {
        let mut held = self.held();
        held.judging -= 1;
        held.bytes = held.bytes - bytes + weight;
        drop(held);
        self.room.notify_one();
    }

    /// Gives back what a line took that has been written, with a score of this [`weight`].
    pub(super) fn leave(&self, share: Share, weight: usize) {
        let mut held = self.held();
        held.lines -= 1;
        held.bytes -= share.0 + weight;
        drop(held);
        self.room.notify_one();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a score, roughly.
pub(super) fn weight(score: &Score) -> usize {
    let of_result = |outcome: &Outcome| match &outcome.result {
        Ok(verdict) => {
            let metrics = verdict.metrics.iter().map(|(name, _)| name.len() + size_of::<(String, f64)>());
            verdict.reason.as_ref().map_or(0, String::len) + metrics.sum::<usize>()
        }
        Err(Failure::Trap { message, backtrace }) => {
            message.len() + backtrace.iter().map(|frame| frame.len() + size_of::<String>()).sum::<usize>()
        }
        Err(
            Failure::Abstained(text)
            | Failure::InvalidTask(text)
            | Failure::InternalError(text)
            | Failure::Refused(text)
            | Failure::HostFailed(text),
        ) => text.len(),
        Err(_) => 0,
    };
    let of_outcome = |outcome: &Outcome| of_result(outcome) + outcome.output.as_ref().map_or(0, String::len);
    let outcomes = score.outcomes.iter();
    outcomes.map(|(name, outcome)| name.len() + size_of::<(String, Outcome)>() + of_outcome(outcome)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_verify::Verdict;
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::time::Duration;

    /// A window, and a thread that enters it with lines of these sizes and says so each time.
    fn entering(most: Held, sizes: &'static [usize]) -> (Arc<Window>, mpsc::Receiver<Share>) {
        let window = Arc::new(Window::with(most));
        let (sender, entered) = mpsc::channel();
        let there = Arc::clone(&window);
        std::thread::spawn(move || {
            sizes.iter().for_each(|&bytes| sender.send(there.enter(bytes)).unwrap_or(()))
        });
        (window, entered)
    }

    /// Waits until the thread waits: it holds what it can.
    fn settled(window: &Window, lines: usize) {
        while window.held().lines < lines {
            std::thread::yield_now();
        }
    }

    #[test]
    fn behind_a_slow_line_others_are_judged_as_far_as_there_is_room() {
        let most = Held { judging: 2, lines: 4, bytes: MOST_BYTES };
        let (window, entered) = entering(most, &[1; 6]);
        let shares: Vec<_> = entered.iter().take(2).collect();
        // The first line stays with its verifier; each one behind it that is judged lets another in, up to four.
        for lines in [3, 4] {
            window.judged(1, 10);
            settled(&window, lines);
        }
        assert_eq!(entered.iter().take(2).count(), 2);
        window.judged(1, 10);
        assert!(entered.try_recv().is_err(), "no more than four lines are held");
        window.judged(1, 10);
        window.leave(shares[0], 10);
        assert!(entered.recv().is_ok());
    }

    #[test]
    fn bytes_are_bounded_but_a_line_that_is_alone_gets_in() {
        let most = Held { judging: 9, lines: 9, bytes: 10_000 };
        let (window, entered) = entering(most, &[100_000, 1, 1_000, 5_000]);
        let huge = entered.recv().unwrap();
        window.judged(100_000, 0);
        assert!(entered.try_recv().is_err(), "there is no room beside it");
        window.leave(huge, 0);
        assert_eq!(entered.iter().take(2).count(), 2);
        settled(&window, 2);
        assert!(entered.try_recv().is_err(), "the last is too large beside the others");
    }

    #[test]
    fn all_that_is_taken_is_given_back() {
        let window = Window::new(3);
        for weight in [0, 7, 100_000] {
            let share = window.enter(500);
            window.judged(500, weight);
            window.leave(share, weight);
        }
        let Held { judging, lines, bytes } = *window.held();
        assert_eq!((judging, lines, bytes), (0, 0, 0));
    }

    #[test]
    fn a_score_weighs_what_it_says() {
        let of = |outcome| weight(&Score { reward: Ok(1.0), outcomes: vec![("a".to_owned(), outcome)] });
        let said = |length: usize| Verdict { reason: Some("x".repeat(length)), ..Verdict::new(1.0) };
        let least = of(Outcome::verdict(said(0), Duration::ZERO));
        assert_eq!(of(Outcome::verdict(said(5_000), Duration::ZERO)), least + 5_000);
        let failure = Failure::Trap { message: "x".repeat(70), backtrace: vec!["x".repeat(900)] };
        assert!(of(Outcome::failure(failure, Duration::ZERO)) >= least + 970);
        assert_eq!(of(Outcome::failure(Failure::Refused("x".repeat(30)), Duration::ZERO)), least + 30);
    }
}
