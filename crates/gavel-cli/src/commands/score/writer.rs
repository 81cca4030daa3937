//! The half of `gavel score` that writes: on the main thread, in the order of the input.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use gavel_verify::Score;
use gavel_wire::Row;

use super::beginning::Beginning;
use super::output::Output;
use super::record::Record;
use super::summary::Summary;
use super::window::{Share, Window};
use super::workers::{Batch, Done, Event, Judged, Unfit};
use crate::cases::place;
use crate::exit::{ExitStatus, Stop};
use crate::interrupts::Interrupts;
use crate::terminal::Terminal;
use crate::written;

/// How long a Ctrl-C can go unnoticed while there is nothing to write.
const TICK: Duration = Duration::from_millis(50);

pub(super) struct Writer<'a> {
    pub(super) batches: Receiver<Batch>,
    /// What has come before its turn, by its place.
    pub(super) early: BTreeMap<u64, Batch>,
    /// The place of the next batch.
    pub(super) next: u64,
    /// What is left of the one that is being written, and its share of the window.
    pub(super) current: std::vec::IntoIter<Event>,
    pub(super) share: Option<Share>,
    /// Bytes of input whose lines are written since that was last shown.
    pub(super) bytes: u64,
    /// The first lines, as long as none of them is a submission; `None` where nobody doubts that some will be.
    pub(super) beginning: Option<Beginning>,
    pub(super) input: &'a Path,
    pub(super) output: &'a mut Output,
    /// Whether a line that is not scored has a line in the output all the same.
    pub(super) answers_bad_lines: bool,
    pub(super) record: Option<Record>,
    /// Whether a line that was passed over before is no submission.
    pub(super) had_bad_lines: bool,
    pub(super) window: &'a Window,
    pub(super) terminal: &'a Terminal,
    pub(super) summary: Summary,
    pub(super) interrupts: Interrupts,
}

impl Writer<'_> {
    pub(super) fn run(&mut self) -> Result<ExitStatus, Stop> {
        let status = loop {
            let done = match self.wait()? {
                Waited::Closed => {
                    self.end_beginning()?;
                    break self.status();
                }
                Waited::Interrupted(status) => break status,
                Waited::Next(Event::Begins(looks)) => {
                    self.beginning.iter_mut().for_each(|beginning| beginning.looks_like(looks));
                    continue;
                }
                Waited::Next(Event::Lines(scored)) => {
                    self.write_beginning()?;
                    self.begin()?;
                    self.bytes += scored.bytes;
                    self.summary.add(scored.tally);
                    self.output.lines(&scored.text)?;
                    continue;
                }
                Waited::Next(Event::Line(done)) => done,
                Waited::Next(Event::Unreadable(error)) => {
                    self.output.flush()?;
                    let error = anyhow::Error::from(error);
                    return Err(error.context(format!("cannot read {}", self.input.display())).into());
                }
                Waited::Next(Event::Refreshed(refreshed, judges)) => {
                    self.terminal.refreshed(&refreshed);
                    if let (Some(record), Some(judges)) = (&mut self.record, judges) {
                        let answered = if self.answers_bad_lines { self.summary.bad_lines() } else { 0 };
                        record.add(*judges, self.summary.submissions() + answered)?;
                    }
                    continue;
                }
            };
            match &mut self.beginning {
                Some(beginning) if done.result.is_err() => {
                    if beginning.keep(done) {
                        self.end_beginning()?;
                    }
                }
                _ => {
                    self.write_beginning()?;
                    self.write(done)?;
                }
            }
        };
        self.output.flush()?;
        Ok(status)
    }

    /// Reports what was kept of the beginning, or says what the input is where that is no submissions at all.
    fn end_beginning(&mut self) -> Result<(), Stop> {
        match self.beginning.take().map_or(Ok(Vec::new()), Beginning::end) {
            Ok(lines) => lines.into_iter().try_for_each(|done| self.write(done)),
            Err(none) => Err(Stop::Input(anyhow!("{}", none.of(self.input)))),
        }
    }

    /// Reports what was kept of the beginning, since a line behind it is a submission.
    fn write_beginning(&mut self) -> Result<(), Stop> {
        let lines = self.beginning.take().map(Beginning::lines).unwrap_or_default();
        lines.into_iter().try_for_each(|done| self.write(done))
    }

    /// There is a line to write: what an earlier run left in the output and its record goes.
    fn begin(&mut self) -> Result<(), Stop> {
        self.output.begin()?;
        self.record.iter_mut().try_for_each(Record::begin)?;
        Ok(())
    }

    /// Writes one line, or reports it.
    fn write(&mut self, done: Done) -> Result<(), Stop> {
        let Done { line, bytes, result } = done;
        self.bytes += bytes;
        match result {
            Err(Unfit { error, row }) => {
                self.summary.count_bad_line();
                self.terminal.error(format_args!("{}: {error}", place(self.input, line)));
                if self.answers_bad_lines {
                    self.begin()?;
                    let answer = Row::answer_to_bad_line(row, &error.to_string());
                    self.output.line(&answer.context("cannot write a line as JSON")?)?;
                }
            }
            Ok(Judged { score, tally, text }) => {
                self.begin()?;
                self.summary.add(tally);
                self.show_output(line, &score);
                self.output.line(&text.context("cannot write a score as JSON")?)?;
            }
        }
        Ok(())
    }

    /// Says what the plugins wrote about a line, where that is kept.
    fn show_output(&self, line: u64, score: &Score) {
        for (name, outcome) in &score.outcomes {
            let mut said = written::lines(outcome.output.as_deref().unwrap_or_default());
            if outcome.output.is_some() {
                said.extend(outcome.result.as_ref().err().map(written::frames).unwrap_or_default());
            }
            if !said.is_empty() {
                let place = place(self.input, line);
                self.terminal.note(format_args!("{place}: {name} wrote:\n  | {}", said.join("\n  | ")));
            }
        }
    }

    /// Waits for what is next; what is written so far goes out first, if it is not there yet.
    fn wait(&mut self) -> Result<Waited, Stop> {
        loop {
            if let Some(event) = self.current.next() {
                return Ok(Waited::Next(event));
            }
            if let Some(share) = self.share.take() {
                self.window.leave(share);
                self.terminal.progress(std::mem::take(&mut self.bytes), || self.summary.so_far());
            }
            if let Some(batch) = self.early.remove(&self.next) {
                self.next += 1;
                (self.current, self.share) = (batch.events.into_iter(), Some(batch.share));
                continue;
            }
            let batch = match self.batches.try_recv() {
                Ok(batch) => Ok(batch),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {
                    self.output.flush()?;
                    self.batches.recv_timeout(TICK)
                }
            };
            match batch {
                Ok(batch) => {
                    self.early.insert(batch.place, batch);
                }
                Err(RecvTimeoutError::Disconnected) if self.early.is_empty() => return Ok(Waited::Closed),
                Err(RecvTimeoutError::Disconnected) => {
                    self.output.flush()?;
                    let lost =
                        "a score was lost, which is a bug in gavel; what comes after it is not written";
                    return Err(anyhow!("{}: {lost}", self.input.display()).into());
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(status) = self.interrupts.status() {
                        return Ok(Waited::Interrupted(status));
                    }
                }
            }
        }
    }

    fn status(&self) -> ExitStatus {
        match self.interrupts.status() {
            Some(status) => status,
            None if self.summary.bad_lines() > 0 || self.had_bad_lines => ExitStatus::Failure,
            None => ExitStatus::Success,
        }
    }
}

/// What waiting came to.
enum Waited {
    Next(Event),
    /// There will be no more.
    Closed,
    /// A signal has come.
    Interrupted(ExitStatus),
}
