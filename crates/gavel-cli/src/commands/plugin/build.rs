//! `gavel plugin build`: from the sources of a plugin's folder to its `.wasm` file.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use bytesize::ByteSize;
use gavel_plugins::{FoundPlugin, MANIFEST, Manifest, Origin, WatchedFiles};
use gavel_toolkit::Project;

use crate::cli::{BuildArgs, GlobalArgs, ToolsArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::stale::{is_stale, modified, project};
use crate::terminal::Terminal;

/// How often `--watch` looks at the sources. Looking works on every file system, and a few dozen files cost nothing.
const LOOK: Duration = Duration::from_millis(300);

/// Builds; the path of the plugin goes to stdout.
pub(in crate::commands) fn run(args: &BuildArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    if !args.watch {
        let plugin = build(&project(&args.folder)?, &args.tools, &terminal)?;
        writeln!(std::io::stdout(), "{}", plugin.display()).context("cannot write to stdout")?;
        return Ok(ExitStatus::Success);
    }
    watch(&args.folder, &[], &terminal, || {
        project(&args.folder).and_then(|project| build(&project, &args.tools, &terminal)).map(drop)
    })
}

/// Does something now, and again whenever a source of the folder's plugin, its manifest or one of `others` changes. What
/// stops it once is said, and does not end it.
pub(super) fn watch(
    folder: &Path,
    others: &[PathBuf],
    terminal: &Terminal,
    again: impl Fn() -> Result<(), Stop>,
) -> ! {
    loop {
        // Even the manifest may change, and be wrong for a while.
        let before = State::of(folder, others);
        if let Err(stop) = again() {
            terminal.error(format_args!("{:#}", stop.error()));
        }
        terminal.note(format_args!("watching {} (Ctrl-C ends it)", folder.display()));
        while State::of(folder, others) == before {
            thread::sleep(LOOK);
        }
    }
}

/// Builds the plugin of a folder where it has not been built, or a source is newer. A folder without a `[build]` is
/// left as it is: it has been built by other means.
pub(super) fn build_if_stale(folder: &Path, tools: &ToolsArgs, terminal: &Terminal) -> Result<(), Stop> {
    if Manifest::read(folder, &WatchedFiles::default())?.build.is_none() {
        return Ok(());
    }
    let project = project(folder)?;
    if is_stale(&project) { build(&project, tools, terminal).map(drop) } else { Ok(()) }
}

/// Says which file stands for a plugin whose manifest does not say how to build it: its sources may be newer.
pub(super) fn say_what_is_not_built(folder: &Path, found: &FoundPlugin, terminal: &Terminal) {
    let (Some(Manifest { build: None, .. }), Origin::File(file)) = (&found.manifest, &found.origin) else {
        return;
    };
    let age = modified(file).ok().and_then(|built| built.elapsed().ok()).map(age);
    terminal.note(format_args!(
        "{} has no `[build]`, so nothing is built now: this is {}{}",
        folder.join(MANIFEST).display(),
        file.display(),
        age.map(|age| format!(", built {age} ago")).unwrap_or_default()
    ));
}

/// A time in its largest unit.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn build(project: &Project, tools: &ToolsArgs, terminal: &Terminal) -> Result<PathBuf, Stop> {
    let started = Instant::now();
    let report = |progress: &str| terminal.note(progress);
    let plugin = gavel_toolkit::build(project, &tools.resolve(&project.folder), &report).input_fault()?;
    let size = fs::metadata(&plugin).with_context(|| format!("cannot read {}", plugin.display()))?.len();
    terminal.note(format_args!(
        "built {}, {} in {:.1} s",
        plugin.display(),
        ByteSize::b(size).display().iec(),
        started.elapsed().as_secs_f64()
    ));
    Ok(plugin)
}

/// What `--watch` compares: the sources and when they changed, or nothing where the manifest is wrong.
#[derive(PartialEq)]
struct State(Vec<(PathBuf, Option<SystemTime>)>);

impl State {
    fn of(folder: &Path, others: &[PathBuf]) -> Self {
        let manifest = folder.join(MANIFEST);
        let inputs = project(folder).ok().and_then(|project| project.inputs().ok()).unwrap_or_default();
        let files = inputs.into_iter().chain([manifest]).chain(others.iter().cloned());
        Self(files.map(|file| (file.clone(), modified(&file).ok())).collect())
    }
}
