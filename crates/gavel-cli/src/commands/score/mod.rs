//! `gavel score`: submissions in, scored submissions out, in order and in constant memory.
//!
//! One thread reads lines and submits them; this one waits for the scores in the order of the input and writes.
//! The channel between them is bounded: it is what keeps the memory constant and the workers busy.

mod output;
mod summary;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use gavel_reward::PluginReward;
use gavel_verify::{Reward, Score};
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

/// Lines in flight for each worker thread: enough to keep it busy, few enough to hold in memory.
const LINES_PER_JOB: usize = 16;

/// Scores the input.
pub(super) fn run(args: ScoreArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let interrupted = catch_interrupts()?;
    let options = args.plugins.resolve();
    let reward = gavel_reward::load(&args.reward, &options)?;
    let (lines, bytes) = open_input(&args.input).input_fault()?;
    let mut output = match &args.output {
        Some(path) => Output::file(path, &args.input).input_fault()?,
        None => Output::stdout(),
    };
    let mut terminal = Terminal::new(global.quiet);
    if !output.is_terminal() {
        terminal.start_progress(bytes);
    }
    let summary = Summary::new(reward.verifiers());
    let (sender, entries) = mpsc::sync_channel(LINES_PER_JOB * options.jobs.get());
    let reader = Reader { lines, reward, sender, interrupted: Arc::clone(&interrupted) };
    thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || reader.run())
        .context("cannot start the thread that reads")?;
    let input = if args.input == Path::new("-") { Path::new("stdin") } else { &args.input };
    let mut writer =
        Writer { entries, input, output: &mut output, terminal: &terminal, summary, interrupted };
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
    reward: PluginReward,
    sender: SyncSender<io::Result<Entry>>,
    interrupted: Arc<AtomicBool>,
}

impl Reader {
    fn run(mut self) {
        while !self.interrupted.load(Ordering::Relaxed) {
            let entry = match self.lines.read() {
                Ok(None) => return,
                Ok(Some(Line { text: Ok(text), .. })) if text.trim().is_empty() => continue,
                Ok(Some(line)) => {
                    Ok(Entry { line: line.number, bytes: line.bytes, result: self.submit(line.text) })
                }
                Err(error) => Err(error),
            };
            let last = entry.is_err();
            // A writer that has gone has said why.
            if self.sender.send(entry).is_err() || last {
                return;
            }
        }
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
    entries: Receiver<io::Result<Entry>>,
    input: &'a Path,
    output: &'a mut Output,
    terminal: &'a Terminal,
    summary: Summary,
    interrupted: Arc<AtomicBool>,
}

impl Writer<'_> {
    fn run(&mut self) -> Result<ExitStatus, Stop> {
        let entries = std::mem::replace(&mut self.entries, mpsc::channel().1);
        let status = loop {
            let entry = match self.wait(&entries)? {
                Waited::Item(entry) => {
                    entry.with_context(|| format!("cannot read {}", self.input.display()))?
                }
                Waited::Closed => break self.status(),
                Waited::Interrupted => break ExitStatus::Interrupted,
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
