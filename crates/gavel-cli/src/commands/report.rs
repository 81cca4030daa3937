//! `gavel report`: a run, while it goes on too, or several side by side, as one HTML page.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use gavel_report::ReportError;

use crate::cli::{GlobalArgs, ReportArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::outputs::{self, Content, Output};
use crate::terminal::Terminal;

/// How often to look whether a run has got further; a step takes longer than it takes to draw the page.
const LOOK: Duration = Duration::from_secs(2);
/// After how many seconds a browser loads the page of a run that goes on again.
const RELOAD: u32 = 5;

pub(super) fn run(args: &ReportArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    look_at_outputs(args, &terminal)?;
    let output = match args.runs.as_slice() {
        [run] => {
            let output = args.output.clone().unwrap_or_else(|| run.join("report.html"));
            if args.watch {
                follow(run, &output, &terminal).input_fault()?;
            }
            gavel_report::write(run, &output).input_fault()?;
            output
        }
        runs => {
            one_run("--watch", args.watch, runs)?;
            one_run("--curve", args.curve.is_some(), runs)?;
            let output = args.output.clone().unwrap_or_else(|| PathBuf::from("runs.html"));
            gavel_report::write_side_by_side(runs, &output).input_fault()?;
            output
        }
    };
    terminal.note(format_args!("report  {}", output.display()));
    if let Some(path) = &args.curve {
        let svg = gavel_report::curve_svg(&args.runs[0]).input_fault()?;
        fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))?;
        terminal.note(format_args!("curve   {}", path.display()));
    }
    Ok(ExitStatus::Success)
}

/// Looks at what is to be written. The page in the run's own folder is gavel's, and the folder of a run that is waited for may not be
/// there yet.
fn look_at_outputs(args: &ReportArgs, terminal: &Terminal) -> Result<(), Stop> {
    let runs: Vec<_> = args.runs.iter().map(|run| ("the run", run.as_path())).collect();
    let page = args.runs[0].join("report.html");
    let by_default =
        Some(&page).filter(|_| args.output.is_none() && args.runs.len() == 1 && args.runs[0].is_dir());
    let by_default = by_default.map(|page| Output::new(page, Content::Page).in_silence());
    let named = args.output.iter().chain(&args.curve).map(|path| Output::new(path, Content::Page));
    let written: Vec<_> = by_default.into_iter().chain(named).collect();
    outputs::look(&runs, &written, terminal).input_fault()
}

fn one_run(option: &str, is_given: bool, runs: &[PathBuf]) -> Result<(), Stop> {
    if is_given {
        return Err(anyhow!("{option} is for one run, and {} are named", runs.len())).input_fault();
    }
    Ok(())
}

/// Draws the page again whenever the run has got further, until it has ended. Where the run has just been started, its
/// folder and its first step are waited for.
fn follow(run: &Path, output: &Path, terminal: &Terminal) -> Result<(), ReportError> {
    terminal.note(format_args!(
        "{} follows {} until it ends; Ctrl-C leaves it as it is",
        output.display(),
        run.display()
    ));
    let mut drawn = None;
    while !has_ended(run) {
        let written = modified(&run.join("metrics.jsonl"));
        if written != drawn {
            match gavel_report::write_live(run, output, RELOAD) {
                Ok(()) => drawn = written,
                Err(ReportError::NoRun { .. } | ReportError::NoSteps { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Whether a run has written its summary, and no step since: one that is resumed goes on behind an older summary.
fn has_ended(run: &Path) -> bool {
    match (modified(&run.join("summary.json")), modified(&run.join("metrics.jsonl"))) {
        (Some(summary), Some(metrics)) => summary >= metrics,
        _ => false,
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}
