//! The half of `gavel score` that reads: lines become submissions, and what is none goes on with the reason.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use gavel_lines::{BadLine, Input, Line, Lines};
use gavel_reward::ReloadingReward;
use gavel_verify::{Refreshed, Reward, Score};

use crate::columns::Columns;
use crate::interrupts::Interrupts;
use crate::rows::{Row, RowError};

use super::beginning::{Beginning, NoSubmissions};
use super::record::Judges;
use super::window::{Share, Window, weight};

/// With `--watch`, the least time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// Bytes of a line for each byte that the reward file lets a verifier have: JSON writes some characters as escapes.
const BYTES_PER_BYTE: u64 = 2;

/// The longest line that is read: one that is longer holds more than any of the verifiers may be given.
pub(super) fn longest_line(reward: &ReloadingReward) -> u64 {
    (reward.current().largest_input() as u64).saturating_mul(BYTES_PER_BYTE)
}

/// What the thread that reads hands over.
pub(super) enum Event {
    Line(Entry),
    /// What the lines from here on are judged by, or not.
    Refreshed(Refreshed, Option<Judges>),
    /// There will be no line, since the input is something else.
    NoSubmissions(NoSubmissions),
}

/// What became of one line of input.
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) bytes: u64,
    /// Its share of the window, where it has not given it back.
    pub(super) share: Option<Share>,
    pub(super) result: Result<Submitted, Unfit>,
}

/// A row that is being scored.
pub(super) struct Submitted {
    pub(super) row: Row,
    /// Whether the task has a reference.
    pub(super) has_reference: bool,
    pub(super) score: Receiver<Score>,
}

/// A line that is not scored.
pub(super) struct Unfit {
    pub(super) error: LineError,
    /// What it holds, where it is a row at all.
    pub(super) row: Option<Row>,
}

/// Why a line is not scored.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("{0}: more than `limits.input` in the reward file lets a verifier have")]
    TooLong(BadLine),
    #[error(transparent)]
    Line(BadLine),
    #[error(transparent)]
    Row(#[from] RowError),
}

impl From<BadLine> for LineError {
    fn from(line: BadLine) -> Self {
        match line {
            BadLine::TooLong { .. } => Self::TooLong(line),
            BadLine::NotUtf8 { .. } => Self::Line(line),
        }
    }
}

/// Nobody writes any more.
struct Gone;

/// The thread that reads.
pub(super) struct Reader {
    pub(super) lines: Lines<Input>,
    /// Whether an input that begins with nothing but unfit lines is given up.
    pub(super) doubts: bool,
    pub(super) columns: Columns,
    pub(super) reward: ReloadingReward,
    /// When to look for changes again; `None` without `--watch`.
    pub(super) next_look: Option<Instant>,
    pub(super) window: Arc<Window>,
    pub(super) sender: Sender<io::Result<Event>>,
    pub(super) interrupts: Interrupts,
}

impl Reader {
    /// Reads to the end of the input, or until a signal comes.
    pub(super) fn run(mut self) {
        // A writer that has gone has said why.
        let (Ok(()) | Err(Gone)) = self.read();
    }

    /// Reads to the end, or until nobody writes any more.
    fn read(&mut self) -> Result<(), Gone> {
        let mut beginning = self.doubts.then(|| Beginning::of(&mut self.lines));
        while self.interrupts.status().is_none() {
            let line = match self.lines.read() {
                Ok(None) => return self.end(beginning),
                Ok(Some(Line { text: Ok(text), .. })) if text.trim().is_empty() => continue,
                Ok(Some(line)) => line,
                Err(error) => return self.sender.send(Err(error)).map_err(|_| Gone),
            };
            // Just before the line is submitted: it may have been waited for.
            if let Some(refreshed) = self.refresh(line.number) {
                self.send(refreshed)?;
            }
            let share = self.window.enter(line.text.as_ref().map_or(0, String::len));
            let mut entry = Entry {
                line: line.number,
                bytes: line.bytes,
                share: Some(share),
                result: self.submit(line.text),
            };
            if let (Some(unfit), Err(Unfit { row, .. })) = (&mut beginning, &mut entry.result) {
                // Nothing of it is kept but what is wrong with it.
                *row = None;
                entry.share = None;
                self.window.leave(share, 0);
                if unfit.keep(entry) {
                    return self.end(beginning);
                }
                continue;
            }
            for unfit in beginning.take().map(Beginning::lines).unwrap_or_default() {
                self.send(Event::Line(unfit))?;
            }
            self.send(Event::Line(entry))?;
        }
        Ok(())
    }

    /// Says what was kept of the beginning, where no line of the input is a submission.
    fn end(&self, beginning: Option<Beginning>) -> Result<(), Gone> {
        match beginning.map_or(Ok(Vec::new()), Beginning::end) {
            Ok(entries) => entries.into_iter().try_for_each(|entry| self.send(Event::Line(entry))),
            Err(none) => self.send(Event::NoSubmissions(none)),
        }
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        self.sender.send(Ok(event)).map_err(|_| Gone)
    }

    /// Takes up what has changed, if it is time to look, to judge from this line on.
    fn refresh(&mut self, line: u64) -> Option<Event> {
        let next_look = self.next_look.as_mut().filter(|time| Instant::now() >= **time)?;
        let refreshed = self.reward.refresh();
        *next_look = Instant::now() + LOOK;
        let refreshed = refreshed?;
        let changed = matches!(refreshed, Refreshed::Changed(_));
        if changed {
            self.lines.set_longest(longest_line(&self.reward));
        }
        Some(Event::Refreshed(refreshed, changed.then(|| Judges::of(&self.reward, line))))
    }

    /// Submits a line that is in the window, and takes it to be judged where it cannot be.
    fn submit(&self, line: Result<String, BadLine>) -> Result<Submitted, Unfit> {
        let bytes = line.as_ref().map_or(0, String::len);
        let row = line.map_err(LineError::from).and_then(|line| Ok(Row::parse(&line)?));
        let row = row.map_err(|error| Unfit { error, row: None }).and_then(|row| {
            match row.submission(&self.columns) {
                Ok(submission) => Ok((row, submission)),
                Err(error) => Err(Unfit { error: error.into(), row: Some(row) }),
            }
        });
        let (row, submission) = row.inspect_err(|_| self.window.judged(bytes, 0))?;
        let has_reference = submission.reference.is_some();
        let (sender, score) = mpsc::sync_channel(1);
        let window = Arc::clone(&self.window);
        let reply = move |score: Score| {
            window.judged(bytes, weight(&score));
            // Nobody waits for it any more where the writer has ended.
            drop(sender.send(score));
        };
        self.reward.submit(submission, Box::new(reply));
        Ok(Submitted { row, has_reference, score })
    }
}
