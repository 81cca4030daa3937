//! `gavel score`: submissions in, scored submissions out, in order and in bounded memory.
//!
//! One thread reads lines and submits them; this one waits for the scores in the order of the input and writes. How far
//! the first may be ahead is bounded ([`window`]), which keeps the memory in bounds and the workers busy. With `--watch`
//! the first one takes up changed plugins between two lines, and the notice goes through the channel like a line.

mod alone;
mod beginning;
mod output;
mod reader;
mod record;
mod summary;
mod window;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use gavel_lines::{Input, Lines};
use gavel_reward::{LoadOptions, ReloadingReward};
use gavel_verify::{Failure, Score, Status};

use crate::cases::place;
use crate::cli::{GlobalArgs, ScoreArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::interrupts::Interrupts;
use crate::rows::Row;
use crate::terminal::Terminal;
use crate::written;
use output::Output;
use reader::{Entry, Event, Reader, Submitted, Unfit, longest_line};
use record::{Judges, Record};
use summary::Summary;
use window::{Window, weight};

/// How long a Ctrl-C can go unnoticed while there is nothing to write.
const TICK: Duration = Duration::from_millis(50);

/// Lines that are being judged, for each worker thread: enough to keep it busy.
const LINES_PER_JOB: usize = 16;

/// Scores the input.
pub(super) fn run(args: ScoreArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    // While plugins are loaded there is nothing to save, so that a signal ends the process at once.
    let interrupts = Interrupts::listen()?;
    if args.output.is_none() {
        // Looked at before the reward is loaded, which may take long.
        drop(Output::stdout().input_fault()?);
    }
    let options = LoadOptions { for_authors: global.verbose > 0, ..args.plugins.clone().resolve() };
    let reward = load(&args, &options)?;
    let (reader, bytes) = Input::open(&args.input)
        .with_context(|| format!("cannot read {}", args.input.display()))
        .input_fault()?;
    let mut output = match &args.output {
        Some(path) => Output::file(path, &args.input),
        None => Output::stdout(),
    }
    .input_fault()?;
    let record = begin_record(&args, &output, &reward)?;
    let mut terminal = Terminal::new(global.quiet);
    if !output.is_terminal() {
        terminal.start_progress(bytes);
    }
    let columns = args.columns();
    let summary = Summary::new(reward.current().verifiers(), &columns.reference);
    interrupts.hold();
    let window = Arc::new(Window::new(LINES_PER_JOB * options.jobs.get()));
    let (sender, events) = mpsc::channel();
    let next_look = args.watch.then(Instant::now);
    let lines = Lines::new(reader, longest_line(&reward));
    let reader = Reader {
        lines,
        doubts: !args.answer_bad_lines && !args.watch && !is_typed(&args.input),
        columns,
        reward,
        next_look,
        window: Arc::clone(&window),
        sender,
        interrupts: interrupts.clone(),
    };
    thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || reader.run())
        .context("cannot start the thread that reads")?;
    let mut writer = Writer {
        events,
        input: shown(&args.input),
        output: &mut output,
        timing: !args.no_timing,
        answers_bad_lines: args.answer_bad_lines,
        record,
        window: &window,
        terminal: &terminal,
        summary,
        interrupts,
    };
    let written = writer.run();
    terminal.end_progress();
    let status = written?;
    let Writer { mut summary, record, .. } = writer;
    if let Some(mut record) = record {
        record.end(summary.submissions(), summary.rewarded(), summary.bad_lines())?;
    }
    summary.end();
    terminal.styled(&summary);
    for advice in summary.advice() {
        terminal.note(advice);
    }
    Ok(verdict(status, &summary, &terminal))
}

/// Loads the reward file, or makes one of the plugin that is to judge alone.
fn load(args: &ScoreArgs, options: &LoadOptions) -> Result<ReloadingReward, Stop> {
    match (&args.reward, &args.plugin) {
        (None, Some(plugin)) => {
            let text = alone::reward_file(plugin, args.options.as_deref(), &args.grant).input_fault()?;
            Ok(ReloadingReward::from_text(Path::new(alone::FILE), text, options)?)
        }
        (reward, _) => {
            let reward =
                reward.as_ref().context("name a reward file with --reward, or a plugin with --plugin");
            Ok(ReloadingReward::load(reward.input_fault()?, options)?)
        }
    }
}

/// How a run ends that has written all that it could: what is missing from the scores is said, and is no success.
fn verdict(status: ExitStatus, summary: &Summary, terminal: &Terminal) -> ExitStatus {
    let none = summary.submissions() > 0 && summary.rewarded() == 0;
    let not_judged = summary.without(Status::HostFailed.name());
    if none {
        terminal.error("no submission has a reward; `no_reward` in each line says why");
    }
    if not_judged > 0 {
        terminal
            .error(format_args!("this machine could not judge {not_judged} submissions; score them again"));
    }
    match status {
        ExitStatus::Success | ExitStatus::Failure if not_judged > 0 => ExitStatus::Error,
        ExitStatus::Success if none => ExitStatus::Failure,
        status => status,
    }
}

/// Begins the record of a run where one is asked for, or a file is written that stays.
fn begin_record(args: &ScoreArgs, output: &Output, reward: &ReloadingReward) -> Result<Option<Record>, Stop> {
    let beside = args.output.as_deref().filter(|_| output.is_regular()).map(Record::beside);
    let Some(path) = args.record.clone().or(beside) else { return Ok(None) };
    let is_it = |other: &Path| match (other.canonicalize(), path.canonicalize()) {
        (Ok(other), Ok(path)) => other == path,
        _ => *other == path,
    };
    if is_it(&args.input)
        || args.reward.as_deref().is_some_and(is_it)
        || args.output.as_deref().is_some_and(is_it)
    {
        return Err(Stop::Input(anyhow!("{} is the record and something else too", path.display())));
    }
    Record::begin(path, shown(&args.input), Judges::of(reward, 1)).map(Some).input_fault()
}

/// What the input is called.
fn shown(input: &Path) -> &Path {
    if input == Path::new("-") { Path::new("stdin") } else { input }
}

/// Whether somebody writes the input by hand, and waits to hear what is wrong with a line.
fn is_typed(input: &Path) -> bool {
    input == Path::new("-") && io::stdin().is_terminal()
}

/// The half that writes, on the main thread.
struct Writer<'a> {
    events: Receiver<io::Result<Event>>,
    input: &'a Path,
    output: &'a mut Output,
    timing: bool,
    /// Whether a line that is not scored has a line in the output all the same.
    answers_bad_lines: bool,
    record: Option<Record>,
    window: &'a Window,
    terminal: &'a Terminal,
    summary: Summary,
    interrupts: Interrupts,
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
                Waited::Interrupted(status) => break status,
            };
            let entry = match event {
                Event::Line(entry) => entry,
                Event::Refreshed(refreshed, judges) => {
                    self.terminal.refreshed(&refreshed);
                    if let (Some(record), Some(judges)) = (&mut self.record, judges) {
                        record.add(judges)?;
                    }
                    continue;
                }
                Event::NoSubmissions(none) => return Err(Stop::Input(anyhow!("{}", none.of(self.input)))),
            };
            let bytes = entry.bytes;
            if let Some(status) = self.write(entry)? {
                break status;
            }
            self.terminal.progress(bytes, || self.summary.so_far());
        };
        self.output.flush()?;
        Ok(status)
    }

    /// Writes one line, or reports it; how to end, when interrupted before its score was there.
    fn write(&mut self, entry: Entry) -> Result<Option<ExitStatus>, Stop> {
        let Entry { line, share, result, .. } = entry;
        match result {
            Err(Unfit { error, row }) => {
                self.summary.count_bad_line();
                self.terminal.error(format_args!("{}: {error}", place(self.input, line)));
                if self.answers_bad_lines {
                    let answer = Row::answer_to_bad_line(row, &error.to_string());
                    self.output.line(&answer.context("cannot write a line as JSON")?)?;
                }
                if let Some(share) = share {
                    self.window.leave(share, 0);
                }
            }
            Ok(Submitted { row, has_reference, score }) => {
                let score = match self.wait(&score)? {
                    Waited::Item(score) => score,
                    Waited::Interrupted(status) => return Ok(Some(status)),
                    Waited::Closed => {
                        self.output.flush()?;
                        let lost =
                            "the score was lost, which is a bug in gavel; what comes after it is not written";
                        return Err(anyhow!("{}: {lost}", place(self.input, line)).into());
                    }
                };
                self.summary.count(line, &score);
                if !has_reference {
                    let is_invalid = score.outcomes.iter().any(|(_, outcome)| is_unfit(&outcome.result));
                    self.summary.count_without_reference(&row, is_invalid);
                }
                self.show_output(line, &score);
                let row = row.with_score(&score, self.timing).context("cannot write a score as JSON")?;
                self.output.line(&row)?;
                if let Some(share) = share {
                    self.window.leave(share, weight(&score));
                }
            }
        }
        Ok(None)
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
            None if self.summary.bad_lines() > 0 => ExitStatus::Failure,
            None => ExitStatus::Success,
        }
    }
}

/// Whether the verifier says that the task lacks what it needs.
fn is_unfit<T>(result: &Result<T, Failure>) -> bool {
    matches!(result, Err(Failure::InvalidTask(_)))
}

/// What waiting came to.
enum Waited<T> {
    Item(T),
    /// There will be no more.
    Closed,
    /// A signal has come.
    Interrupted(ExitStatus),
}
