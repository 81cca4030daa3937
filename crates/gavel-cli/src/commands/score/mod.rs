//! `gavel score`: submissions in, scored submissions out, in order and in bounded memory.
//!
//! The threads of the workspace read, judge and make lines of output ([`workers`]); this one writes them in the order of
//! the input ([`writer`]). How far they may be ahead of it is bounded ([`window`]). With `--watch` changed plugins are
//! taken up between two lines, and the notice goes the way of a line.

mod alone;
mod beginning;
mod groups;
mod named;
mod output;
mod record;
mod resume;
mod summary;
mod window;
mod workers;
mod writer;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, anyhow, bail};
use gavel_lines::{Form, Input, Lines};
use gavel_reward::{ReloadingReward, Workspace, WorkspaceOptions};
use gavel_verify::{Reward as _, Status};
use gavel_wire::{Groups, ScoreRecord};

use crate::cli::{GlobalArgs, JudgesArgs, ScoreArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::interrupts::Interrupts;
use crate::terminal::Terminal;
use crate::{outputs, stale};
use beginning::Beginning;
use output::Output;
use record::{Record, judges};
pub(super) use record::{beside as record_beside, read as read_record};
use resume::Resumed;
use summary::Summary;
use window::Window;
use workers::{Workers, longest_line};
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
            let judges = args.judges.reward.iter().map(|reward| ("reward file", reward.as_path()));
            let read: Vec<_> = judges.chain([("input", args.input.as_path())]).collect();
            require_lines_to_go_on(&args, path).input_fault()?;
            let output = outputs::Output::new(path, outputs::Content::PackedLines);
            let output = if goes_on(&args, path) { output.in_silence() } else { output };
            let record = args
                .record
                .iter()
                .map(|path| outputs::Output::new(path, outputs::Content::Json).in_silence());
            let written: Vec<_> = [output].into_iter().chain(record).collect();
            outputs::look(&read, &written, &terminal).input_fault()?;
        }
    }
    let slice = slice(&args).input_fault()?;
    let options = WorkspaceOptions {
        for_authors: global.verbose > 0,
        replay: args.replay,
        ..args.plugins.clone().resolve()
    };
    let workspace = Workspace::start(&options)?;
    say_what_is_stale(&args.judges, &options.plugin_path, &terminal);
    let reward = load(&args.judges, &workspace)?;
    let reward = match args.limits.settings().input_fault()? {
        Some(limits) => reward.within_limits(&limits).input_fault()?,
        None => reward,
    };
    let (slice, groups) = whole_groups(&args, slice, &reward)?;
    let (input, bytes) = Input::open(&args.input)
        .with_context(|| format!("cannot read {}", args.input.display()))
        .input_fault()?;
    let (mut output, record, before, groups) = begin(&args, &reward, (&slice, groups), &terminal)?;
    if !output.is_terminal() {
        terminal.start_progress(bytes);
    }
    let current = reward.current();
    let columns = args.columns.over(current.columns());
    let summary = Summary::new(current.verifiers(), columns.reference);
    interrupts.hold();
    let window = Arc::new(Window::default());
    let range = before.next..slice.end;
    let workers = Workers::new(
        (input, range.clone(), groups),
        reward,
        Arc::clone(&args),
        Arc::clone(&window),
        interrupts.clone(),
    );
    let threads = workspace.workers().get();
    // Whoever is far ahead of a writer that is busy waits. One that waits itself, for a slow line, takes all that comes.
    let (workers, (sender, batches)) = (Arc::new(workers), crossbeam_channel::bounded(2 * threads));
    if current.is_async() && !current.needs_groups() {
        // Threads that judge would only wait for answers: one hands in all that there is room for.
        let (workers, sender) = (Arc::clone(&workers), sender.clone());
        let reader = thread::Builder::new().name("gavel-reader".to_owned());
        reader.spawn(move || workers.run_ahead(&sender)).context("cannot start a thread")?;
    } else {
        for _ in 0..threads {
            let (workers, sender) = (Arc::clone(&workers), sender.clone());
            workspace.spawn(move || workers.run(&sender));
        }
    }
    // The channel closes when the last of them has ended.
    drop((workers, sender));
    // What begins in the middle is no other kind of file because some of its lines are no submissions.
    let doubts = !args.answer_bad_lines && !args.watch && !is_typed(&args.input) && range.start == 1;
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
        had_bad_lines: before.bad_lines > 0,
        window: &window,
        terminal: &terminal,
        summary,
        interrupts,
    };
    let written = writer.run();
    terminal.end_progress();
    let status = written?;
    let Writer { mut summary, record, .. } = writer;
    summary.asked(current.judge_counts());
    // Where no line was a submission, the scores of an earlier run stay, with their record. A slice may have none.
    let is_refused = args.shard.is_none() && summary.submissions() == 0 && summary.bad_lines() > 0;
    let none = is_refused && output.holds_earlier_lines();
    if !none {
        output.finish()?;
    }
    if let Some(mut record) = record.filter(|_| !none) {
        record.end(
            before.submissions + summary.submissions(),
            before.with_reward + summary.rewarded(),
            before.bad_lines + summary.bad_lines(),
        )?;
    }
    summary.end();
    terminal.styled(&summary);
    for advice in summary.advice() {
        terminal.note(advice);
    }
    let whole = !matches!(status, ExitStatus::Interrupted | ExitStatus::Terminated);
    if whole && summary.submissions() + summary.bad_lines() + before.submissions == 0 {
        terminal.note(format_args!("warning: {} holds no submission", shown(&args.input).display()));
    }
    Ok(verdict(status, &summary, &before, &terminal))
}

/// Loads the reward file, or makes one of the plugin that is to judge alone.
pub(super) fn load(args: &JudgesArgs, workspace: &Workspace) -> Result<ReloadingReward, Stop> {
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

/// The lines that are scored, and the groups before them: a group that begins in a slice is scored with it, whole.
fn whole_groups(
    args: &ScoreArgs,
    slice: Range<u64>,
    reward: &ReloadingReward,
) -> Result<(Range<u64>, Groups), Stop> {
    let judge = reward.current();
    if args.shard.is_none() || !judge.needs_groups() {
        return Ok((slice, Groups::default()));
    }
    let columns = args.columns.over(judge.columns());
    groups::whole(slice, &args.input, &columns, longest_line(&judge)).input_fault()
}

/// Says which plugins are older than their sources. With `--watch` somebody builds while it goes on.
fn say_what_is_stale(args: &JudgesArgs, plugin_path: &[PathBuf], terminal: &Terminal) {
    match (&args.reward, &args.plugin) {
        (_, Some(plugin)) => stale::say_of_plugin(plugin, Path::new(""), plugin_path, terminal),
        (Some(reward), None) => stale::say_of_reward(reward, plugin_path, terminal),
        (None, None) => {}
    }
}

/// How a run ends that has written all that it could: what is missing from the scores is said, and is no success.
/// What was there `before` counts as if it had been scored now.
fn verdict(status: ExitStatus, summary: &Summary, before: &Resumed, terminal: &Terminal) -> ExitStatus {
    let submissions = before.submissions + summary.submissions();
    let none = submissions > 0 && before.with_reward + summary.rewarded() == 0;
    let not_judged = before.host_failed + summary.without(Status::HostFailed.name());
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

/// The numbers of the lines that are scored, of which there may be none.
fn slice(args: &ScoreArgs) -> anyhow::Result<Range<u64>> {
    let whole = || 1..u64::MAX;
    let what = match (args.shard, args.resume) {
        (None, false) => return Ok(whole()),
        (Some(_), _) => "--shard",
        (None, true) => "--resume",
    };
    if args.input == Path::new("-") {
        bail!("{what} reads the input twice, which stdin cannot be: name a file");
    }
    let Some(shard) = args.shard else { return Ok(whole()) };
    let unreadable = || format!("cannot read {}", args.input.display());
    let mut lines = Lines::new(Input::open(&args.input).with_context(unreadable)?.0, 1);
    let mut total = 0;
    while let Some(line) = lines.read().with_context(unreadable)? {
        total = line.number;
    }
    Ok(shard.lines(total))
}

/// Requires that an output that is to be gone on with holds lines as they are.
fn require_lines_to_go_on(args: &ScoreArgs, output: &Path) -> anyhow::Result<()> {
    if args.resume && Form::of(output).is_some() {
        bail!(
            "--resume goes on behind the last whole line, which {} does not have: write to a name that ends with .jsonl",
            output.display()
        );
    }
    Ok(())
}

/// Whether there is an output to go on with.
fn goes_on(args: &ScoreArgs, output: &Path) -> bool {
    args.resume && output.metadata().is_ok_and(|there| there.len() > 0)
}

/// Opens the output and begins the record, or goes on with both; and says what is there already. `groups` are those before
/// the slice, and behind it come those before where it goes on.
fn begin(
    args: &ScoreArgs,
    reward: &ReloadingReward,
    (slice, groups): (&Range<u64>, Groups),
    terminal: &Terminal,
) -> Result<(Output, Option<Record>, Resumed, Groups), Stop> {
    let now = new_record(args, reward);
    let nothing = Resumed { next: slice.start, ..Resumed::default() };
    let path = match &args.output {
        None => {
            let output = Output::stdout().input_fault()?;
            let record = record_of(args, now, &output)?;
            return Ok((output, record, nothing, groups));
        }
        Some(path) if goes_on(args, path) => path,
        Some(path) => {
            let output = Output::file(path).input_fault()?;
            let record = record_of(args, now, &output)?;
            return Ok((output, record, nothing, groups));
        }
    };
    let beside = args.record.clone().unwrap_or_else(|| record_beside(path));
    let record = read_record(&beside).with_context(|| {
        format!(
            "what judged {} is not known, so it cannot be gone on with: score it anew without --resume, or name its record \
             with --record",
            path.display()
        )
    });
    let record = record.input_fault()?;
    resume::require_same(&record, &beside, &now).input_fault()?;
    let (whole, cut) = resume::whole_lines(path)?;
    let judge = reward.current();
    let mut groups = Some(groups).filter(|_| judge.needs_groups());
    let before = resume::compare(
        (&args.input, path, whole),
        slice,
        longest_line(&judge),
        &args.columns.over(judge.columns()),
        args.answer_bad_lines,
        groups.as_mut(),
    );
    // Nothing is written where the two do not fit together.
    let before = Resumed { cut, ..before.input_fault()? };
    resume::cut_behind(path, before.kept)?;
    let lines = before.submissions + if args.answer_bad_lines { before.bad_lines } else { 0 };
    let half = if before.kept < whole {
        ", and the last group, which may be half, is scored again"
    } else if cut > 0 {
        ", and half a line is cut"
    } else {
        ""
    };
    terminal.note(format_args!("{} has {lines} lines, which stay{half}", path.display()));
    let counts = ScoreRecord { submissions: None, with_reward: None, bad_lines: None, ..record };
    let mut record = Record::new(beside, counts);
    record.begin().input_fault()?;
    Ok((Output::append(path)?, Some(record), before, groups.unwrap_or_default()))
}

/// The record of a run where one is asked for, or a file is written that stays.
fn record_of(args: &ScoreArgs, record: ScoreRecord, output: &Output) -> Result<Option<Record>, Stop> {
    let beside = args.output.as_deref().filter(|_| output.is_regular()).map(record_beside);
    let Some(path) = args.record.clone().or(beside) else { return Ok(None) };
    let is_it = |other: &Path| outputs::is_same_file(&path, other);
    if is_it(&args.input)
        || args.judges.reward.as_deref().is_some_and(is_it)
        || args.output.as_deref().is_some_and(is_it)
    {
        return Err(Stop::Input(anyhow!("{} is the record and something else too", path.display())));
    }
    Ok(Some(Record::new(path, record)))
}

/// What is recorded of a run that begins now.
fn new_record(args: &ScoreArgs, reward: &ReloadingReward) -> ScoreRecord {
    ScoreRecord {
        gavel: env!("CARGO_PKG_VERSION").to_owned(),
        engine: gavel_host::ENGINE.to_owned(),
        input: shown(&args.input).display().to_string(),
        shard: args.shard.map(|shard| shard.to_string()),
        timing: !args.no_timing,
        answers_bad_lines: args.answer_bad_lines,
        replays: args.replay,
        judged_by: vec![judges(reward, args.columns.over(reward.current().columns()), 1)],
        submissions: None,
        with_reward: None,
        bad_lines: None,
    }
}

/// What the input is called.
fn shown(input: &Path) -> &Path {
    if input == Path::new("-") { Path::new("stdin") } else { input }
}

/// Whether somebody writes the input by hand, and waits to hear what is wrong with a line.
fn is_typed(input: &Path) -> bool {
    input == Path::new("-") && io::stdin().is_terminal()
}
