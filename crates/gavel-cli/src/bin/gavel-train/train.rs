//! `gavel train`: GRPO, shown live.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use gavel_train::settings::Settings;
use gavel_train::train::{Progress, Start, train};

use super::cli::TrainArgs;
use super::{blame, live, load_reward};
use gavel_cli::exit::{ExitStatus, InputFault, Stop};
use gavel_cli::terminal::Terminal;

pub(super) fn run(args: TrainArgs, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let mut overrides = args.overrides;
    overrides.extend(args.device.map(|device| ("device".to_owned(), device.to_string())));
    let settings = Settings::load(&args.settings, &overrides).input_fault()?;
    let path = settings.reward.clone();
    let path =
        path.with_context(|| format!("{}: `reward` is missing", args.settings.display())).input_fault()?;
    let reward = load_reward(&path, &args.plugins.resolve())?;
    if let Some(threads) = args.threads {
        tch::set_num_threads(i32::try_from(threads.get()).unwrap_or(i32::MAX));
    }

    let interrupted = interrupts()?;
    let mut live = live::Live::new(terminal);
    let start = if args.resume { Start::Resume } else { Start::New };
    let mut progress = |progress: Progress<'_>| {
        live.show(&progress);
        if interrupted.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let summary = train(&settings, &reward, start, &mut progress).map_err(blame)?;
    terminal.note(format_args!("model   {}", summary.model.display()));
    terminal.note(format_args!("report  gavel report {}", settings.output_dir.display()));
    if interrupted.load(Ordering::Relaxed) {
        terminal.note("interrupted; the same command with --resume goes on");
        return Ok(ExitStatus::Interrupted);
    }
    super::SUCCESS
}

/// Set at the first Ctrl-C, for the run to end after its step with a checkpoint; the second one kills.
fn interrupts() -> Result<Arc<AtomicBool>, Stop> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // The order matters: the first signal finds the flag unset, then sets it.
    signal_hook::flag::register_conditional_shutdown(
        signal_hook::consts::SIGINT,
        130,
        Arc::clone(&interrupted),
    )
    .and_then(|_| signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted)))
    .context("cannot listen for Ctrl-C")?;
    Ok(interrupted)
}
