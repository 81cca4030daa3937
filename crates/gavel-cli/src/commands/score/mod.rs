//! `gavel score`: submissions in, scored submissions out, in order and in bounded memory.
//!
//! The threads of the workspace read, judge and make lines of output ([`workers`]); this one writes them in the order of
//! the input ([`writer`]). How far they may be ahead of it is bounded ([`window`]). With `--watch` changed plugins are
//! taken up between two lines, and the notice goes the way of a line.

mod alone;
mod beginning;
mod output;
mod record;
mod summary;
mod window;
mod workers;
mod writer;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use gavel_lines::Input;
use gavel_reward::{ReloadingReward, Workspace, WorkspaceOptions};
use gavel_verify::Status;

use crate::cli::{GlobalArgs, ScoreArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::interrupts::Interrupts;
use crate::terminal::Terminal;
use crate::{outputs, stale};
use beginning::Beginning;
use output::Output;
use record::{Judges, Record};
use summary::Summary;
use window::Window;
use workers::Workers;
use writer::Writer;

/// Scores the input.
pub(super) fn run(args: ScoreArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    // While plugins are loaded there is nothing to save, so that a signal ends the process at once.
    let interrupts = Interrupts::listen()?;
    let (args, mut terminal) = (Arc::new(args), Terminal::new(global.quiet));
    // Looked at before the reward is loaded, which may take long.
    match &args.output {
        None => drop(Output::stdout().input_fault()?),
        Some(path) => {
            Output::require_other_than(path, &args.input).input_fault()?;
            outputs::look(path, &terminal).input_fault()?;
        }
    }
    let options = WorkspaceOptions { for_authors: global.verbose > 0, ..args.plugins.clone().resolve() };
    let workspace = Workspace::start(&options)?;
    say_what_is_stale(&args, &options.plugin_path, &terminal);
    let reward = load(&args, &workspace)?;
    let (input, bytes) = Input::open(&args.input)
        .with_context(|| format!("cannot read {}", args.input.display()))
        .input_fault()?;
    let mut output = match &args.output {
        Some(path) => Output::file(path),
        None => Output::stdout(),
    }
    .input_fault()?;
    let record = begin_record(&args, &output, &reward)?;
    if !output.is_terminal() {
        terminal.start_progress(bytes);
    }
    let current = reward.current();
    let columns = args.columns(current.columns());
    let summary = Summary::new(current.verifiers(), columns.reference);
    interrupts.hold();
    let window = Arc::new(Window::default());
    let workers = Workers::new(input, reward, Arc::clone(&args), Arc::clone(&window), interrupts.clone());
    let threads = workspace.workers().get();
    // Whoever is far ahead of a writer that is busy waits. One that waits itself, for a slow line, takes all that comes.
    let (workers, (sender, batches)) = (Arc::new(workers), crossbeam_channel::bounded(2 * threads));
    for _ in 0..threads {
        let (workers, sender) = (Arc::clone(&workers), sender.clone());
        workspace.spawn(move || workers.run(&sender));
    }
    // The channel closes when the last of them has ended.
    drop((workers, sender));
    let doubts = !args.answer_bad_lines && !args.watch && !is_typed(&args.input);
    let mut writer = Writer {
        batches,
        early: BTreeMap::new(),
        next: 0,
        current: Vec::new().into_iter(),
        share: None,
        bytes: 0,
        beginning: Some(Beginning::default()).filter(|_| doubts),
        input: shown(&args.input),
        output: &mut output,
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
fn load(args: &ScoreArgs, workspace: &Workspace) -> Result<ReloadingReward, Stop> {
    match (&args.reward, &args.plugin) {
        (None, Some(plugin)) => {
            let text = alone::reward_file(plugin, args.options.as_deref(), &args.grant).input_fault()?;
            Ok(ReloadingReward::from_text(workspace, Path::new(alone::FILE), text)?)
        }
        (reward, _) => {
            let reward =
                reward.as_ref().context("name a reward file with --reward, or a plugin with --plugin");
            Ok(ReloadingReward::load(workspace, reward.input_fault()?)?)
        }
    }
}

/// Says which plugins are older than their sources. With `--watch` somebody builds while it goes on.
fn say_what_is_stale(args: &ScoreArgs, plugin_path: &[PathBuf], terminal: &Terminal) {
    match (&args.reward, &args.plugin) {
        (_, Some(plugin)) => stale::say_of_plugin(plugin, Path::new(""), plugin_path, terminal),
        (Some(reward), None) => stale::say_of_reward(reward, plugin_path, terminal),
        (None, None) => {}
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
    if matches!(status, ExitStatus::Interrupted | ExitStatus::Terminated) {
        let lines = summary.submissions() + summary.bad_lines();
        terminal.error(format_args!("interrupted after {lines} lines: what came behind them is not scored"));
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
