//! `gavel train`: GRPO, shown live.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use gavel_files::{closest, did_you_mean};
use gavel_train::settings::Settings;
use gavel_train::task::{Columns, Origin, Task, Tasks, likely_reference};
use gavel_train::train::{Progress, Start, train_together};
use gavel_verify::{Failure, Reward, score_groups};
use gavel_wire::value_within;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::cli::TrainArgs;
use super::rank::Rank;
use super::{blame, columns, hub, launcher, live, load_reward, model};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: TrainArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let rank = Rank::of_this_process()?;
    if let Some(count) = args.nproc_per_node {
        if rank.is_started() {
            let problem =
                "RANK is set, so this process is one of several already: leave out --nproc-per-node";
            return Err(Stop::Input(anyhow::anyhow!(problem)));
        }
        return launcher::run(count, terminal);
    }
    launcher::end_with_launcher();
    let terminal = &rank.terminal(terminal);
    let (threads, asked_to_resume, stop_after) = (args.threads, args.resume, args.stop_after);
    let given = match Given::load(args, &rank, terminal) {
        // The first rank of this machine has found the same, and says it.
        Err(stop) if !rank.is_first_here() => return Ok(stop.status()),
        given => given?,
    };
    let Given { settings, reward, reference_advice } = given;
    if let Some(threads) = threads {
        tch::set_num_threads(i32::try_from(threads.get()).unwrap_or(i32::MAX));
    }

    let resumes = rank.resumes(asked_to_resume, &settings.output_dir);
    let ranks = rank.open(&settings)?;
    let signals = Signals::listen(terminal).context("cannot listen for Ctrl-C and SIGTERM")?;
    let mut live = live::Live::new(terminal, resumes, reference_advice);
    let start = if resumes { Start::Resume } else { Start::New };
    let started = Instant::now();
    let is_time = || stop_after.is_some_and(|after| started.elapsed() >= Duration::from_secs(after));
    let mut progress = |progress: Progress<'_>| {
        live.show(&progress);
        if signals.any() || is_time() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let summary = match train_together(&ranks, &settings, &reward, start, &mut progress) {
        Ok(summary) => summary,
        Err(error) => return rank.failed(error),
    };
    live.end();
    terminal.note(format_args!("model   {}", summary.model.display()));
    terminal.note(format_args!("report  gavel report {}", settings.output_dir.display()));
    if signals.any() {
        terminal.note("interrupted; the same command with --resume goes on");
        return Ok(signals.status());
    }
    if is_time() {
        terminal
            .note("time is up; the same command with --resume goes on, where there is anything left to do");
    }
    super::SUCCESS
}

/// What a run is given.
struct Given {
    settings: Settings,
    reward: Arc<dyn Reward>,
    /// What to say where a verifier misses the reference.
    reference_advice: Option<String>,
}

impl Given {
    fn load(args: TrainArgs, rank: &Rank, terminal: &Terminal) -> Result<Self, Stop> {
        let mut overrides = args.overrides;
        overrides.extend(rank.setting());
        overrides.extend(args.device.map(|device| ("device".to_owned(), device.to_string())));
        let mut settings = Settings::load(&args.settings, &overrides).input_fault()?;
        settings.notes().iter().for_each(|note| terminal.note(format_args!("warning: {note}")));
        let path = settings.reward.clone();
        let path = path
            .with_context(|| format!("{}: `reward` is missing", args.settings.display()))
            .input_fault()?;
        let resumes = rank.resumes(args.resume, &settings.output_dir);
        hub::fetch(&mut settings, resumes, terminal)?;
        model::require_folder(&settings.model)?;
        name_columns(&mut settings, &path)?;
        let missing = look_at_first_task(&settings, terminal)?;
        let reward = load_reward(&path, &args.plugins.resolve(), terminal)?;
        let reference_advice = missing.and_then(|missing| missing.said_of(reward.as_ref(), terminal));
        Ok(Self { settings, reward, reference_advice })
    }
}

/// The first task, which has no reference, and a column that looks like one.
pub(super) struct MissingReference {
    task: Task,
    advice: String,
}

impl MissingReference {
    /// Says so before a model is loaded, where a verifier cannot use the task. If none minds, it is what to say should one miss
    /// the reference later.
    fn said_of(self, reward: &dyn Reward, terminal: &Terminal) -> Option<String> {
        let scores = score_groups(reward, [[self.task.submission("", 0, false)]]).ok()?;
        let outcomes = scores.into_iter().flat_map(|score| score.outcomes);
        let invalid = outcomes.filter_map(|(verifier, outcome)| match outcome.result {
            // What else a verifier misses, a reference would not mend.
            Err(Failure::InvalidTask(reason)) if reason.contains("reference") => {
                Some(format!("{verifier}: {reason}"))
            }
            _ => None,
        });
        let invalid: Vec<String> = invalid.collect();
        if invalid.is_empty() {
            return Some(self.advice);
        }
        terminal.note(format_args!("warning: {} ({})", self.advice, invalid.join("; ")));
        None
    }
}

/// Names the columns of the tasks that the settings leave unsaid as the reward file does.
pub(super) fn name_columns(settings: &mut Settings, reward: &Path) -> Result<(), Stop> {
    let mut columns = Columns {
        prompt: settings.prompt_column.clone(),
        problem: settings.problem_column.clone(),
        reference: settings.reference_column.clone(),
        metadata: settings.metadata_column.clone(),
        leave_out: settings.leave_out_columns.clone(),
    };
    columns::fill(&mut columns, reward, &settings.tasks)?;
    settings.prompt_column = columns.prompt;
    settings.reference_column = columns.reference;
    settings.metadata_column = columns.metadata;
    settings.leave_out_columns = columns.leave_out;
    Ok(())
}

/// Says what the first task shows of all: bare text for an instruct model, or a template that nothing goes through. What is
/// wrong with the tasks, training says better. The answer is the task, where it has no reference and a column that looks like
/// one.
pub(super) fn look_at_first_task(
    settings: &Settings,
    terminal: &Terminal,
) -> Result<Option<MissingReference>, Stop> {
    let prompts = settings.prompts().map_err(blame)?;
    let tasks = settings.tasks.first().and_then(|path| Tasks::open(&path, &prompts).ok());
    let first = tasks.and_then(|mut tasks| tasks.next());
    let Some(Ok(task)) = first else { return Ok(None) };
    say_what_is_not_there(settings, &task, terminal);
    let is_chat = settings.template == "chat" && task.question.is_some();
    if settings.template != "none" && task.origin != Origin::Problem && !is_chat {
        terminal.note(format_args!(
            "warning: `template` is for a task's `{}`, and {}:{} has a `{}`, which is taken as it is; if the template is to \
             surround it, set `problem_column = \"{}\"`, and no `prompt_column`",
            settings.problem_column,
            task.path.display(),
            task.line,
            settings.prompt_column,
            settings.prompt_column
        ));
    }
    // Whoever asks for the chat template has been told why it is not used.
    if settings.template != "chat" {
        model::warn_of_bare_text(&settings.model, &prompts, &task, "set `template = \"chat\"`", terminal);
    }
    Ok(likely_reference(&task).map(|column| {
        let advice = format!(
            "{}:{} has no `{}`: if the reference is its `{column}`, set `reference_column = \"{column}\"`",
            task.path.display(),
            task.line,
            settings.reference_column
        );
        MissingReference { task, advice }
    }))
}

/// Says which columns are named that the first task does not have, and that no task needs.
fn say_what_is_not_there(settings: &Settings, task: &Task, terminal: &Terminal) {
    let row = columns::first_row(&settings.tasks);
    let default = Settings::default().metadata_column;
    let metadata = Some(&settings.metadata_column).filter(|name| **name != default);
    let metadata = metadata.filter(|name| value_within(&row, name).is_none());
    let left_out = settings.leave_out_columns.iter().filter(|name| !row.contains_key(*name));
    let named = metadata.into_iter().map(|name| (name, "named as that of the metadata"));
    for (name, role) in named.chain(left_out.map(|name| (name, "to be left out"))) {
        terminal.note(format_args!(
            "warning: {}:{} has no column `{name}`, which is {role}{}",
            task.path.display(),
            task.line,
            did_you_mean(closest(name, row.keys().map(String::as_str)))
        ));
    }
}

/// Ctrl-C and SIGTERM. The first of either has the run end after its step, with a checkpoint; the second ends the process
/// at once.
struct Signals {
    any: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    fn listen(terminal: &Terminal) -> io::Result<Self> {
        let signals = Self { any: Arc::default(), terminated: Arc::default() };
        // The order matters: the first signal finds the flag unset, then sets it.
        for (signal, status) in [(SIGINT, 130), (SIGTERM, 143)] {
            flag::register_conditional_shutdown(signal, status, Arc::clone(&signals.any))?;
        }
        flag::register(SIGTERM, Arc::clone(&signals.terminated))?;
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&signals.any))?;
        }
        #[cfg(unix)]
        answer_first(terminal)?;
        Ok(signals)
    }

    fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    fn status(&self) -> ExitStatus {
        if self.terminated.load(Ordering::Relaxed) { ExitStatus::Terminated } else { ExitStatus::Interrupted }
    }
}

/// Answers the first signal: a step may take minutes, and whoever hears nothing sends another, which ends it without saving.
#[cfg(unix)]
fn answer_first(terminal: &Terminal) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    let terminal = terminal.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            terminal.note("finishing this step, then saving; again ends without saving");
        }
    })?;
    Ok(())
}
