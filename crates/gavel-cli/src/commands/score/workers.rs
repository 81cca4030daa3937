//! The half of `gavel score` that reads and judges: every thread of the workspace takes the next line, makes a
//! submission of it, judges it and makes a line of output of it.
//!
//! Only reading is done one after the other; everything that costs time is done side by side. Where the reward compares
//! completions, whole groups are taken at a time ([`super::groups`]).

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use gavel_lines::{BadLine, Input, Line, Lines, look};
use gavel_reward::{Calls, PluginReward, ReloadingReward, Terms};
use gavel_verify::{Refreshed, Reply, Reward, Score, Submission};
use gavel_wire::{Columns, GroupError, Groups, JudgedBy, RecordedScore, Row, RowError};

use super::groups::{Fit, GroupReader, Read};
use super::named::NamedColumns;
use super::record::judges;
use super::summary::{ReferenceColumn, Tally};
use super::window::{Share, Window};
use crate::cli::ScoreArgs;
use crate::columns::with_advice;
use crate::interrupts::Interrupts;

/// With `--watch`, the least time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// Bytes of a line for each byte that the reward file lets a verifier have: JSON writes some characters as escapes.
const BYTES_PER_BYTE: u64 = 2;

/// How long a thread works on the lines that it takes at a time: long enough for handing over to cost little, and so short
/// that none waits long for the others.
const BATCH: Duration = Duration::from_millis(1);

/// The most lines that it takes at a time.
const MOST: usize = 64;

/// What the writer is told, with its place in the order of the input.
pub(super) struct Batch {
    pub(super) place: u64,
    pub(super) events: Vec<Event>,
    /// The share that its lines have of the window.
    pub(super) share: Share,
}

pub(super) enum Event {
    /// What the first bytes look like, where these are no rows.
    Begins(Option<&'static str>),
    /// Lines that are scored, in one piece.
    Lines(Scored),
    /// A line that is not scored, or about which there is more to say than its score.
    Line(Done),
    /// What the lines from here on are judged by, or not.
    Refreshed(Refreshed, Option<Box<JudgedBy>>),
    /// The input could not be read any further.
    Unreadable(io::Error),
}

/// Lines that are scored, one after the other.
#[derive(Default)]
pub(super) struct Scored {
    /// As they are written, with their ends.
    pub(super) text: Vec<u8>,
    /// Bytes that they had in the input.
    pub(super) bytes: u64,
    pub(super) tally: Tally,
}

/// What became of one line of input.
pub(super) struct Done {
    pub(super) line: u64,
    pub(super) bytes: u64,
    pub(super) result: Result<Judged, Unfit>,
}

/// A line that is scored.
pub(super) struct Judged {
    pub(super) score: Score,
    /// What it counts for.
    pub(super) tally: Tally,
    /// The row with its score, as it is written.
    pub(super) text: serde_json::Result<String>,
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
    /// It is a submission of no group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// It is a row, and no submission; with what to do about it.
    #[error("{0}")]
    NoSubmission(String),
}

impl From<BadLine> for LineError {
    fn from(line: BadLine) -> Self {
        match line {
            BadLine::TooLong { .. } => Self::TooLong(line),
            BadLine::NotUtf8 { .. }
            | BadLine::Fields { .. }
            | BadLine::OpenQuote { .. }
            | BadLine::FieldNotUtf8 { .. } => Self::Line(line),
        }
    }
}

/// What the threads share.
pub(super) struct Workers {
    input: Mutex<Reader>,
    /// Of the command line, for what it says of columns.
    args: Arc<ScoreArgs>,
    /// Whether times are written.
    timing: bool,
    window: Arc<Window>,
    interrupts: Interrupts,
}

/// The input, and what judges it.
pub(super) struct Reader {
    pub(super) lines: Lines<Input>,
    reward: ReloadingReward,
    /// Counts what has judged so far, so that a thread sees when it has another.
    version: u64,
    /// When to look for changes again; `None` without `--watch`.
    next_look: Option<Instant>,
    /// The place of the next batch.
    place: u64,
    /// The numbers of the lines that are scored.
    range: Range<u64>,
    /// Where groups begin and end, for a reward that compares their completions.
    pub(super) groups: GroupReader,
    /// Whether nothing has been read yet.
    fresh: bool,
    pub(super) over: bool,
}

/// What judges, and where it finds the parts of a submission.
pub(super) struct Judge {
    version: u64,
    reward: PluginReward,
    pub(super) columns: Columns,
    /// Where the reference is looked for, and whether it is missed.
    reference: ReferenceColumn,
    /// Other columns that somebody named.
    named: NamedColumns,
    /// Whether it judges by the calls that rows hold.
    replays: bool,
}

/// What a thread has taken.
struct Taken {
    place: u64,
    /// What comes before the lines.
    before: Vec<Event>,
    lines: Vec<Line>,
    /// The same of a reward that compares completions: whole groups.
    members: Vec<Read>,
    /// Why there are no more.
    error: Option<io::Error>,
    share: Share,
}

impl Workers {
    pub(super) fn new(
        (input, range, before): (Input, Range<u64>, Groups),
        reward: ReloadingReward,
        args: Arc<ScoreArgs>,
        window: Arc<Window>,
        interrupts: Interrupts,
    ) -> Self {
        let lines = Lines::new(input, longest_line(&reward.current()));
        let next_look = args.watch.then(Instant::now);
        let (version, place, fresh, over) = (0, 0, true, false);
        let groups = GroupReader::behind(before);
        let input =
            Mutex::new(Reader { lines, reward, version, next_look, place, range, groups, fresh, over });
        Self { input, timing: !args.no_timing, args, window, interrupts }
    }

    /// The work of one thread, until the input ends or nobody listens any more.
    pub(super) fn run(&self, batches: &Sender<Batch>) {
        let (mut judge, mut size) = (None, 1);
        while let Some((taken, judge)) = self.take(size, &mut judge) {
            let (started, lines) = (Instant::now(), taken.lines.len() + taken.members.len());
            // A writer that has gone has said why.
            if batches.send(self.score(taken, &judge)).is_err() {
                return;
            }
            let of_one = started.elapsed().as_secs_f64() / lines.max(1) as f64;
            size = ((BATCH.as_secs_f64() / of_one) as usize).clamp(1, MOST);
        }
    }

    /// As [`Workers::run`], for verifiers that hold no thread while they judge: hands in one line after the other, as many
    /// as there is room for, and each is written when its score comes.
    pub(super) fn run_ahead(self: &Arc<Self>, batches: &Sender<Batch>) {
        let mut judge = None;
        while let Some((taken, judge)) = self.take(1, &mut judge) {
            self.submit(taken, judge, batches);
        }
    }

    /// Hands in a line that was taken, if there is one, and sends what becomes of it.
    fn submit(self: &Arc<Self>, mut taken: Taken, judge: Arc<Judge>, batches: &Sender<Batch>) {
        let (workers, batches) = (Arc::clone(self), batches.clone());
        let Some(Line { number, bytes, text }) = taken.lines.pop() else {
            // A writer that has gone has said why.
            drop(batches.send(self.score(taken, &judge)));
            return;
        };
        let (row, submission, calls) = match read_row(text, &judge) {
            Ok(read) => read,
            Err(unfit) => {
                drop(batches.send(self.batch(taken, [Done { line: number, bytes, result: Err(unfit) }])));
                return;
            }
        };
        let reward = judge.reward.clone();
        let has_reference = submission.reference.is_some();
        let reply: Reply = Box::new(move |score| {
            let result = Ok(workers.judged(number, &row, has_reference, score, &judge));
            drop(batches.send(workers.batch(taken, [Done { line: number, bytes, result }])));
        });
        reward.submit_recorded([(submission, calls, reply)], &Terms::default());
    }

    /// Takes the next lines that are not blank, and makes `judge` what judges them; `None` where there are none. Only the
    /// first is waited for.
    fn take(&self, size: usize, judge: &mut Option<Arc<Judge>>) -> Option<(Taken, Arc<Judge>)> {
        let mut reader = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut before, mut lines, mut error) = (Vec::new(), Vec::new(), None);
        if std::mem::take(&mut reader.fresh) {
            // What cannot be read is said when it is read.
            before.push(Event::Begins(reader.lines.peek().ok().and_then(look)));
        }
        // Whoever waits for room does so with the input in hand: nobody could do anything with another line either.
        self.window.wait_for_room();
        let mut share = Share::default();
        let needs_groups = reader.reward.needs_groups() || reader.groups.is_ahead();
        while !reader.over && self.interrupts.status().is_none() && lines.len() < size && !needs_groups {
            if !lines.is_empty() && !(reader.lines.is_ready() && self.window.has_room()) {
                break;
            }
            match reader.read() {
                Ok(None) => {}
                Ok(Some(line)) => {
                    // Before the first is judged: it may have been waited for.
                    if lines.is_empty() {
                        before.extend(reader.refresh(line.number, &self.args));
                    }
                    self.window.add(&mut share, line.text.as_ref().map_or(0, String::len));
                    lines.push(line);
                }
                Err(why) => error = Some(why),
            }
        }
        let mut members = Vec::new();
        if needs_groups {
            let first = reader.read_ahead().unwrap_or_else(|why| {
                error = Some(why);
                None
            });
            // The whole group is judged by what is there when it begins.
            before.extend(first.and_then(|line| reader.refresh(line, &self.args)));
            reader.judge(judge, &self.args);
            if let Some(judge) = judge {
                let goes_on = || self.interrupts.status().is_none();
                (members, error) = reader.take_groups(size, judge, goes_on, error);
            }
            members.iter().for_each(|member| self.window.add(&mut share, member.size()));
        }
        if before.is_empty() && lines.is_empty() && members.is_empty() && error.is_none() {
            return None;
        }
        let place = reader.place;
        reader.place += 1;
        reader.judge(judge, &self.args);
        drop(reader);
        Some((Taken { place, before, lines, members, error, share }, Arc::clone(judge.as_ref()?)))
    }

    fn score(&self, mut taken: Taken, judge: &Judge) -> Batch {
        let (lines, members) = (std::mem::take(&mut taken.lines), std::mem::take(&mut taken.members));
        let of_line = |Line { number, bytes, text }| {
            let result = self.judge(number, text, judge);
            Done { line: number, bytes, result }
        };
        let of_groups = self.judge_groups(members, judge);
        self.batch(taken, lines.into_iter().map(of_line).chain(of_groups))
    }

    /// What the writer is told of lines that were taken, and of what came before and behind them.
    fn batch(&self, taken: Taken, judged: impl IntoIterator<Item = Done>) -> Batch {
        let Taken { place, before: mut events, error, mut share, .. } = taken;
        let output = judged.into_iter().map(|done| add(&mut events, done)).sum();
        events.extend(error.map(Event::Unreadable));
        self.window.settle(&mut share, output);
        Batch { place, events, share }
    }

    fn judge(&self, line: u64, text: Result<String, BadLine>, judge: &Judge) -> Result<Judged, Unfit> {
        let (row, submission, calls) = read_row(text, judge)?;
        let has_reference = submission.reference.is_some();
        let score = judge.reward.judge_recorded(submission, calls);
        Ok(self.judged(line, &row, has_reference, score, judge))
    }

    /// Judges groups, of which each begins with a member that says so.
    fn judge_groups(&self, members: Vec<Read>, judge: &Judge) -> Vec<Done> {
        let mut scores = Vec::new();
        let mut group = Vec::new();
        let mut rows = Vec::with_capacity(members.len());
        for Read { line, bytes, member } in members {
            rows.push((
                line,
                bytes,
                member.map(|Fit { row, submission, calls, begins }| {
                    if begins {
                        scores.extend(judge.reward.judge_recorded_group(std::mem::take(&mut group)));
                    }
                    let has_reference = submission.reference.is_some();
                    group.push((submission, calls));
                    (row, has_reference)
                }),
            ));
        }
        scores.extend(judge.reward.judge_recorded_group(group));
        let mut scores = scores.into_iter();
        let done = |(line, bytes, member): (u64, u64, Result<(Row, bool), Unfit>)| {
            let scored = |(row, has_reference): (Row, bool)| {
                let score =
                    scores.next().expect("each that fits was in a group, and each group has its scores");
                self.judged(line, &row, has_reference, score, judge)
            };
            Done { line, bytes, result: member.map(scored) }
        };
        rows.into_iter().map(done).collect()
    }

    fn judged(&self, line: u64, row: &Row, has_reference: bool, score: Score, judge: &Judge) -> Judged {
        let text = row.with_score(&score, self.timing);
        let mut tally = Tally::of(line, &score);
        if !has_reference {
            tally.miss_reference(&judge.reference, row, &score);
        }
        tally.miss(judge.named.missed(row));
        Judged { score, tally, text }
    }
}

/// The row of a line, its submission, and the calls that it holds where they are judged by again.
pub(super) fn read_row(
    text: Result<String, BadLine>,
    judge: &Judge,
) -> Result<(Row, Submission, Calls), Unfit> {
    let row = text.map_err(LineError::from).and_then(|line| Ok(Row::parse(&line)?));
    let row = row.map_err(|error| Unfit { error, row: None })?;
    let submission = match row.submission(&judge.columns) {
        Ok(submission) => submission,
        Err(error) => {
            let error = LineError::NoSubmission(with_advice(&error, &row).to_string());
            return Err(Unfit { error, row: Some(row) });
        }
    };
    if !judge.replays {
        return Ok((row, submission, Calls::new()));
    }
    match RecordedScore::of_row(&row) {
        Ok(recorded) => Ok((row, submission, recorded.calls().collect())),
        Err(error) => {
            let error = LineError::NoSubmission(format!("--replay: {error}"));
            Err(Unfit { error, row: Some(row) })
        }
    }
}

/// Adds what became of a line to the events; returns the bytes of its output.
fn add(events: &mut Vec<Event>, done: Done) -> usize {
    match done {
        Done { bytes, result: Ok(Judged { tally, text: Ok(text), score }), .. } if !has_output(&score) => {
            let scored = match events.last_mut() {
                Some(Event::Lines(scored)) => scored,
                _ => {
                    events.push(Event::Lines(Scored::default()));
                    let Some(Event::Lines(scored)) = events.last_mut() else { unreachable!() };
                    scored
                }
            };
            scored.text.extend_from_slice(text.as_bytes());
            scored.text.push(b'\n');
            scored.bytes += bytes;
            scored.tally.add(tally);
            text.len() + 1
        }
        done => {
            let text = done.result.as_ref().ok().and_then(|done| done.text.as_ref().ok());
            let output = text.map_or(0, String::len);
            events.push(Event::Line(done));
            output
        }
    }
}

/// Whether it is kept what the plugins wrote about the submission.
fn has_output(score: &Score) -> bool {
    score.outcomes.iter().any(|(_, outcome)| outcome.output.is_some())
}

impl Reader {
    /// The next line that is scored and not blank; `None` where there is none, or this one is not.
    pub(super) fn read(&mut self) -> io::Result<Option<Line>> {
        let line = self.lines.read().inspect_err(|_| self.over = true)?;
        self.over = line.as_ref().is_none_or(|line| line.number >= self.range.end);
        let is_blank = |line: &Line| line.text.as_ref().is_ok_and(|text| text.trim().is_empty());
        Ok(line.filter(|line| self.range.contains(&line.number) && !is_blank(line)))
    }

    /// Makes `judge` what judges now.
    fn judge(&self, judge: &mut Option<Arc<Judge>>, args: &ScoreArgs) {
        if judge.as_ref().is_none_or(|judge| judge.version != self.version) {
            let reward = self.reward.current();
            let columns = args.columns.over(reward.columns());
            let reference = ReferenceColumn::new(columns.reference.clone());
            let (version, replays, named) = (self.version, args.replay, NamedColumns::of(&columns));
            *judge = Some(Arc::new(Judge { version, reward, columns, reference, named, replays }));
        }
    }

    /// Takes up what has changed, if it is time to look, to judge from this line on.
    fn refresh(&mut self, line: u64, args: &ScoreArgs) -> Option<Event> {
        let next_look = self.next_look.as_mut().filter(|time| Instant::now() >= **time)?;
        let refreshed = self.reward.refresh();
        *next_look = Instant::now() + LOOK;
        let refreshed = refreshed?;
        let changed = matches!(refreshed, Refreshed::Changed(_));
        if changed {
            self.version += 1;
            self.lines.set_longest(longest_line(&self.reward.current()));
        }
        let columns = || args.columns.over(self.reward.current().columns());
        let judges = changed.then(|| Box::new(judges(&self.reward, columns(), line)));
        Some(Event::Refreshed(refreshed, judges))
    }
}

/// The longest line that is read: one that is longer holds more than any of the verifiers may be given.
pub(super) fn longest_line(reward: &PluginReward) -> u64 {
    (reward.largest_input() as u64).saturating_mul(BYTES_PER_BYTE)
}
