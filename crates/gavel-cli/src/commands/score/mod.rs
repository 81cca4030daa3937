//! `gavel score`: submissions in, scored submissions out, in order and in constant memory.
//!
//! One thread reads lines and submits them; this one waits for the scores in the order of the input and writes.
//! The channel between them is bounded: it is what keeps the memory constant and the workers busy. With `--watch` the
//! first one takes up changed plugins between two lines, and the notice goes through the channel like a line.

mod output;
mod summary;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use gavel_reward::ReloadingReward;
use gavel_verify::{Refreshed, Reward, Score};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cases::place;
use crate::cli::{GlobalArgs, ScoreArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::lines::{BadLine, LONGEST_LINE, Line, Lines};
use crate::rows::{Row, RowError};
use crate::terminal::Terminal;
use output::Output;
use summary::Summary;

/// How long a Ctrl-C can go unnoticed while there is nothing to write.
const TICK: Duration = Duration::from_millis(50);

/// With `--watch`, the least time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// Lines in flight for each worker thread: enough to keep it busy, few enough to hold in memory.
const LINES_PER_JOB: usize = 16;

/// Scores the input.
pub(super) fn run(args: ScoreArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let interrupted = catch_interrupts()?;
    let options = args.plugins.resolve();
    let reward = ReloadingReward::load(&args.reward, &options)?;
    let (lines, bytes) = open_input(&args.input).input_fault()?;
    let mut output = match &args.output {
        Some(path) => Output::file(path, &args.input).input_fault()?,
        None => Output::stdout(),
    };
    let mut terminal = Terminal::new(global.quiet);
    if !output.is_terminal() {
        terminal.start_progress(bytes);
    }
    let summary = Summary::new(reward.current().verifiers());
    let (sender, events) = mpsc::sync_channel(LINES_PER_JOB * options.jobs.get());
    let next_look = args.watch.then(Instant::now);
    let reader = Reader { lines, reward, next_look, sender, interrupted: Arc::clone(&interrupted) };
    thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || reader.run())
        .context("cannot start the thread that reads")?;
    let input = if args.input == Path::new("-") { Path::new("stdin") } else { &args.input };
    let mut writer = Writer { events, input, output: &mut output, terminal: &terminal, summary, interrupted };
    let written = writer.run();
    terminal.end_progress();
    let status = written?;
    writer.summary.end();
    terminal.note(&writer.summary);
    Ok(status)
}

/// A flag that Ctrl-C and a polite `kill` raise. A second Ctrl-C ends the process at once.
fn catch_interrupts() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
            .context("cannot listen for Ctrl-C")?;
    }
    Ok(interrupted)
}

type Input = Lines<Box<dyn BufRead + Send>>;

/// The input's lines, and its size in bytes where that is known.
fn open_input(path: &Path) -> anyhow::Result<(Input, Option<u64>)> {
    let (reader, bytes): (Box<dyn BufRead + Send>, _) = if path == Path::new("-") {
        (Box::new(BufReader::new(io::stdin())), None)
    } else {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let metadata = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
        (Box::new(BufReader::new(file)), metadata.is_file().then_some(metadata.len()))
    };
    Ok((Lines::new(reader, LONGEST_LINE), bytes))
}

/// What the thread that reads hands over.
enum Event {
    Line(Entry),
    /// What the lines from here on are judged by, or not.
    Refreshed(Refreshed),
}

/// What became of one line of input.
struct Entry {
    line: u64,
    bytes: u64,
    result: Result<Submitted, LineError>,
}

/// A row that is being scored.
struct Submitted {
    row: Row,
    score: Receiver<Score>,
}

/// Why a line is not scored.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error(transparent)]
    Line(#[from] BadLine),
    #[error(transparent)]
    Row(#[from] RowError),
}

/// The thread that reads.
struct Reader {
    lines: Input,
    reward: ReloadingReward,
    /// When to look for changes again; `None` without `--watch`.
    next_look: Option<Instant>,
    sender: SyncSender<io::Result<Event>>,
    interrupted: Arc<AtomicBool>,
}

impl Reader {
    fn run(mut self) {
        while !self.interrupted.load(Ordering::Relaxed) {
            let line = match self.lines.read() {
                Ok(None) => return,
                Ok(Some(Line { text: Ok(text), .. })) if text.trim().is_empty() => continue,
                Ok(Some(line)) => Ok(line),
                Err(error) => Err(error),
            };
            // Just before the line is submitted: it may have been waited for.
            let refreshed = self.refresh().map(|refreshed| Ok(Event::Refreshed(refreshed)));
            let last = line.is_err();
            let event = line.map(|line| {
                Event::Line(Entry { line: line.number, bytes: line.bytes, result: self.submit(line.text) })
            });
            // A writer that has gone has said why.
            if refreshed.into_iter().chain([event]).any(|event| self.sender.send(event).is_err()) || last {
                return;
            }
        }
    }

    /// Takes up what has changed, if it is time to look.
    fn refresh(&mut self) -> Option<Refreshed> {
        let next_look = self.next_look.as_mut().filter(|time| Instant::now() >= **time)?;
        let refreshed = self.reward.refresh();
        *next_look = Instant::now() + LOOK;
        refreshed
    }

    fn submit(&self, line: Result<String, BadLine>) -> Result<Submitted, LineError> {
        let row = Row::parse(&line?)?;
        let (sender, score) = mpsc::sync_channel(1);
        self.reward.submit(row.submission()?, Box::new(move |score| drop(sender.send(score))));
        Ok(Submitted { row, score })
    }
}

/// The half that writes, on the main thread.
struct Writer<'a> {
    events: Receiver<io::Result<Event>>,
    input: &'a Path,
    output: &'a mut Output,
    terminal: &'a Terminal,
    summary: Summary,
    interrupted: Arc<AtomicBool>,
}

impl Writer<'_> {
    fn run(&mut self) -> Result<ExitStatus, Stop> {
        let events = std::mem::replace(&mut self.events, mpsc::channel().1);
        let status = loop {
            let event = match self.wait(&events)? {
                Waited::Item(event) => {
                    event.with_context(|| format!("cannot read {}", self.input.display()))?
                }
                Waited::Closed => break self.status(),
                Waited::Interrupted => break ExitStatus::Interrupted,
            };
            let entry = match event {
                Event::Line(entry) => entry,
                Event::Refreshed(refreshed) => {
                    self.terminal.refreshed(&refreshed);
                    continue;
                }
            };
            let bytes = entry.bytes;
            if !self.write(entry)? {
                break ExitStatus::Interrupted;
            }
            self.terminal.progress(bytes, || self.summary.so_far());
        };
        self.output.flush()?;
        Ok(status)
    }

    /// Writes one line, or reports it; `false` when interrupted before its score was there.
    fn write(&mut self, entry: Entry) -> Result<bool, Stop> {
        match entry.result {
            Err(error) => {
                self.summary.count_bad_line();
                self.terminal.error(format_args!("{}: {error}", place(self.input, entry.line)));
            }
            Ok(Submitted { row, score }) => {
                let Waited::Item(score) = self.wait(&score)? else { return Ok(false) };
                self.summary.count(entry.line, &score);
                self.output.line(&row.with_score(&score).context("cannot write a score as JSON")?)?;
            }
        }
        Ok(true)
    }

    /// Waits for an item; what is written so far goes out first, if there is nothing yet.
    fn wait<T>(&mut self, receiver: &Receiver<T>) -> Result<Waited<T>, Stop> {
        match receiver.try_recv() {
            Ok(item) => return Ok(Waited::Item(item)),
            Err(TryRecvError::Disconnected) => return Ok(Waited::Closed),
            Err(TryRecvError::Empty) => self.output.flush()?,
        }
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(item) => return Ok(Waited::Item(item)),
                Err(RecvTimeoutError::Disconnected) => return Ok(Waited::Closed),
                Err(RecvTimeoutError::Timeout) if self.interrupted.load(Ordering::Relaxed) => {
                    return Ok(Waited::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn status(&self) -> ExitStatus {
        if self.interrupted.load(Ordering::Relaxed) {
            ExitStatus::Interrupted
        } else if self.summary.bad_lines() > 0 {
            ExitStatus::Failure
        } else {
            ExitStatus::Success
        }
    }
}

/// What waiting came to.
enum Waited<T> {
    Item(T),
    /// There will be no more.
    Closed,
    Interrupted,
}
