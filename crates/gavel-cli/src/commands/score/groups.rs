//! Reads the completions of a prompt together, for a reward that compares them: rows of one group follow each other, and
//! a group ends where the next one begins, or the input does.

use std::io;
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use gavel_lines::{Input, Line, Lines};
use gavel_reward::Calls;
use gavel_verify::Submission;
use gavel_wire::{Columns, GroupKey, Groups, Row};

use super::resume::{Asked, row_of};
use super::workers::{Judge, Reader, Unfit, read_row};

/// A line that has been read.
pub(super) struct Read {
    pub(super) line: u64,
    pub(super) bytes: u64,
    pub(super) member: Result<Fit, Unfit>,
}

/// A row that is of a group.
pub(super) struct Fit {
    pub(super) row: Row,
    pub(super) submission: Submission,
    pub(super) calls: Calls,
    /// Whether it is the first of its group.
    pub(super) begins: bool,
}

/// Where groups begin and end.
#[derive(Default)]
pub(super) struct GroupReader {
    /// Tells them apart.
    groups: Groups,
    /// The first line that nobody has taken, as it was read.
    next: Option<Line>,
    /// The same, once it is known that it begins a group.
    begins: Option<Read>,
}

impl Read {
    /// Bytes of the text that it holds.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

impl GroupReader {
    /// One that reads on behind these groups.
    pub(super) fn behind(groups: Groups) -> Self {
        Self { groups, ..Self::default() }
    }

    /// Whether a line was read that nobody has taken.
    pub(super) fn is_ahead(&self) -> bool {
        self.next.is_some() || self.begins.is_some()
    }
}

impl Reader {
    /// The number of the first line that nobody has taken; `None` where there is none.
    pub(super) fn read_ahead(&mut self) -> io::Result<Option<u64>> {
        while !self.groups.is_ahead() && !self.over {
            self.groups.next = self.read()?;
        }
        let GroupReader { next, begins, .. } = &self.groups;
        Ok(begins.as_ref().map(|read| read.line).or(next.as_ref().map(|line| line.number)))
    }

    /// Takes whole groups, until they have so many lines. Where the input breaks off, so does its last group, which nobody
    /// can judge; and where nobody wants to go on.
    pub(super) fn take_groups(
        &mut self,
        size: usize,
        judge: &Judge,
        goes_on: impl Fn() -> bool,
        mut error: Option<io::Error>,
    ) -> (Vec<Read>, Option<io::Error>) {
        let mut taken: Vec<Read> = self.groups.begins.take().into_iter().collect();
        while error.is_none() && goes_on() {
            let line = match self.groups.next.take() {
                Some(line) => line,
                None if self.over => return (taken, None),
                None => match self.read() {
                    Ok(Some(line)) => line,
                    Ok(None) => continue,
                    Err(why) => {
                        error = Some(why);
                        break;
                    }
                },
            };
            let read = self.read_member(line, judge);
            let begins = read.member.as_ref().is_ok_and(|fit| fit.begins);
            if begins && taken.len() >= size {
                self.groups.begins = Some(read);
                return (taken, None);
            }
            taken.push(read);
        }
        let whole = taken.iter().rposition(|read| read.member.as_ref().is_ok_and(|fit| fit.begins));
        taken.truncate(whole.unwrap_or(taken.len()));
        (taken, error)
    }

    fn read_member(&mut self, Line { number, bytes, text }: Line, judge: &Judge) -> Read {
        let member = read_row(text, judge).and_then(|(row, submission, calls)| {
            let key = GroupKey::of(&row, &judge.columns, &submission);
            match self.groups.groups.begins(key, &submission) {
                Ok(begins) => Ok(Fit { row, submission, calls, begins }),
                Err(error) => Err(Unfit { error: error.into(), row: Some(row) }),
            }
        });
        Read { line: number, bytes, member }
    }
}

/// The lines of the groups that begin in a range, and the groups before them: `range`, but that its ends lie where groups
/// begin. Who asks for the ranges of a whole one after the other gets each group once.
pub(super) fn whole(
    range: Range<u64>,
    input: &Path,
    columns: &Columns,
    longest: u64,
) -> anyhow::Result<(Range<u64>, Groups)> {
    let unreadable = || format!("cannot read {}", input.display());
    let mut lines = Lines::new(Input::open(input).with_context(unreadable)?.0, longest);
    let (mut groups, mut last) = (Groups::default(), 0);
    let mut start = (range.start == 1).then(|| (1, Groups::default()));
    while let Some(line) = lines.read().with_context(unreadable)? {
        last = line.number;
        let Asked::Submission(row, submission) = row_of(&line, columns) else { continue };
        let begins = groups.begins(GroupKey::of(&row, columns, &submission), &submission) == Ok(true);
        if begins && start.is_none() && last >= range.start {
            start = Some((last, groups.clone().before_current()));
        }
        if let Some((start, before)) = start.take_if(|_| begins && last >= range.end) {
            return Ok((start..last, before));
        }
    }
    let (start, before) = start.unwrap_or((last + 1, Groups::default()));
    Ok((start..last + 1, before))
}
