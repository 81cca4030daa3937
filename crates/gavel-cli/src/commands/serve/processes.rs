//! `gavel serve --processes N`: one process that listens and judges nothing, and N that answer at its listener. One that
//! ends is started again while the others go on; a connection that nobody has accepted yet waits for whoever comes first.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use gavel_reward::WorkspaceOptions;
use gavel_serve::{Process, ServeOptions, Server, listen};
use rustix::process::{Pid, Signal, kill_process};

use super::{ANSWERED, Loaded, notice, said_of, tasks};
use crate::cli::{AsProcess, ServeArgs};
use crate::exit::{ExitStatus, InputFault as _, Stop};
use crate::interrupts::Interrupts;
use crate::terminal::Terminal;

/// How often it is looked whether a process has ended, or all shall.
const TICK: Duration = Duration::from_millis(20);

/// How long a process has to live for its end to be an accident and no habit.
const LONG: Duration = Duration::from_secs(60);

/// How long one is not started again that ends again and again: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How much longer than what they may take to finish the processes are waited for.
const GRACE: Duration = Duration::from_secs(5);

/// Starts the processes, and keeps them running until a signal says that it is enough.
pub(super) fn run(
    args: &ServeArgs,
    serve: &ServeOptions,
    interrupts: &Interrupts,
    terminal: &Terminal,
) -> Result<ExitStatus, Stop> {
    let listener = listen(serve)?;
    let address = listener.local_addr().context("the address is not known")?;
    let folder = tempfile::Builder::new()
        .prefix("gavel-serve-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("cannot make a folder for what the processes share")?;
    let mut all =
        Processes { listener, folder: folder.path().to_owned(), started: Instant::now(), slots: Vec::new() };
    // The first compiles what is not in the cache yet, and says what is wrong where something is.
    let said = all.start_first(args.processes)?;
    let threads = share(args).get() * usize::from(args.processes);
    let count = args.processes;
    terminal
        .note(format_args!("serving {said} at http://{address} on {threads} threads of {count} processes"));
    interrupts.hold();
    while interrupts.status().is_none() {
        all.tend(terminal);
        thread::sleep(TICK);
    }
    all.end(serve.drain + GRACE, terminal);
    terminal.note(ANSWERED);
    Ok(ExitStatus::Success)
}

/// The threads of each process: all together are at least those that were asked for.
fn share(args: &ServeArgs) -> std::num::NonZeroUsize {
    let all = args.plugins.jobs.unwrap_or(WorkspaceOptions::default().workers).get();
    let share = all.div_ceil(usize::from(args.processes));
    std::num::NonZeroUsize::new(share).unwrap_or(std::num::NonZeroUsize::MIN)
}

struct Processes {
    /// Held for as long as the server is there, so that the address is never without a listener.
    listener: TcpListener,
    folder: PathBuf,
    started: Instant,
    slots: Vec<Slot>,
}

/// A place that a process has, and after it the next.
struct Slot {
    number: u16,
    starts: u64,
    running: Option<Running>,
    /// Ends in a row after less than [`LONG`].
    failures: u32,
    /// When to start the next.
    next: Instant,
}

struct Running {
    child: Child,
    /// The line with which it says that it answers.
    ready: mpsc::Receiver<String>,
    since: Instant,
}

impl Processes {
    /// Starts all of them, and waits until all answer. Returns what the first says that it serves.
    fn start_first(&mut self, count: u16) -> Result<String, Stop> {
        let mut said = Vec::new();
        for number in 0..count {
            let mut slot = Slot { number, starts: 0, running: None, failures: 0, next: Instant::now() };
            self.start(&mut slot).map_err(Stop::Unexpected)?;
            self.slots.push(slot);
            if number == 0 {
                said.push(self.wait_for(0)?);
            }
        }
        for number in 1..usize::from(count) {
            said.push(self.wait_for(number)?);
        }
        Ok(said.swap_remove(0))
    }

    fn wait_for(&mut self, number: usize) -> Result<String, Stop> {
        let running = self.slots.get_mut(number).and_then(|slot| slot.running.as_mut());
        let running = running.ok_or_else(|| Stop::Unexpected(anyhow!("process {number} was not started")))?;
        running.ready.recv().map_err(|_| {
            // It has said why itself.
            let error = anyhow!("process {number} does not start");
            match running.child.wait().ok().and_then(|status| status.code()) {
                Some(1) => Stop::Input(error),
                _ => Stop::Unexpected(error),
            }
        })
    }

    fn start(&self, slot: &mut Slot) -> anyhow::Result<()> {
        slot.starts += 1;
        let process = AsProcess {
            number: slot.number,
            starts: slot.starts,
            parent: std::process::id(),
            up: self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            folder: self.folder.clone(),
        };
        let listener = self.listener.try_clone().context("the listener cannot be shared")?;
        let mut command = Command::new(own_program()?);
        command.args(std::env::args_os().skip(1)).arg("--as-process").arg(process.to_string());
        command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::piped());
        // Ctrl-C is for the one that tells the others.
        command.process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot start process {}", slot.number))?;
        let (sender, ready) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                // Where it ends before it answers there is no line, and whoever waits for one sees the sender go.
                if let Some(Ok(line)) = BufReader::new(stdout).lines().next() {
                    drop(sender.send(line));
                }
            });
        }
        slot.running = Some(Running { child, ready, since: Instant::now() });
        Ok(())
    }

    /// Starts again what has ended.
    fn tend(&mut self, terminal: &Terminal) {
        let mut slots = std::mem::take(&mut self.slots);
        for slot in &mut slots {
            match &mut slot.running {
                Some(running) => {
                    let Ok(Some(status)) = running.child.try_wait() else { continue };
                    slot.failures = if running.since.elapsed() < LONG { slot.failures + 1 } else { 0 };
                    slot.next = Instant::now() + pause(slot.failures);
                    slot.running = None;
                    terminal.error(format_args!(
                        "process {} has ended ({status}); the others go on, and it is started again",
                        slot.number
                    ));
                }
                None if slot.next <= Instant::now() => {
                    if let Err(error) = self.start(slot) {
                        slot.failures += 1;
                        slot.next = Instant::now() + pause(slot.failures);
                        terminal.error(format_args!("{error:#}"));
                    }
                }
                None => {}
            }
        }
        self.slots = slots;
    }

    /// Has all of them finish what they have accepted, and waits for that.
    fn end(&mut self, patience: Duration, terminal: &Terminal) {
        let mut running: Vec<Child> =
            self.slots.drain(..).filter_map(|slot| Some(slot.running?.child)).collect();
        for child in &running {
            // One that has ended already needs no signal.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
        let asked = Instant::now();
        while !running.is_empty() && asked.elapsed() < patience {
            running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            thread::sleep(TICK);
        }
        for mut child in running {
            terminal.error("a process did not end in time");
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// How long to wait before a process is started again that has ended so often in a row.
fn pause(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        again => PAUSE.0.saturating_mul(1 << (again - 2).min(16)).min(PAUSE.1),
    }
}

/// The program that runs, also where another has taken its place on disk.
fn own_program() -> anyhow::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        Ok(own.to_owned())
    } else {
        std::env::current_exe().context("the program is not known")
    }
}

/// Answers as one of the processes, until a signal says that it is enough, or the one that has started it is gone.
pub(super) fn one(
    args: &ServeArgs,
    process: &AsProcess,
    serve: ServeOptions,
    interrupts: &Interrupts,
    terminal: &Terminal,
) -> Result<ExitStatus, Stop> {
    let options =
        WorkspaceOptions { for_authors: false, workers: share(args), ..args.plugins.clone().resolve() };
    let Loaded { workspace, rewards, programs } = Loaded::load(args, &options)?;
    let said = said_of(&rewards, &args.run_code);
    let serve = ServeOptions {
        tasks: tasks::read(args).input_fault()?,
        process: Some(Process {
            folder: process.folder.clone(),
            number: process.number.into(),
            count: args.processes.into(),
            starts: process.starts,
            up: Duration::from_millis(process.up),
        }),
        ..serve
    };
    let listener = std::io::stdin().as_fd().try_clone_to_owned().context("the listener is not there")?;
    let server = Server::on(TcpListener::from(listener), serve, workspace, rewards, programs)?;
    interrupts.hold();
    let orphaned = watch_parent(process.parent, interrupts.clone())?;
    writeln!(std::io::stdout(), "{said}").context("cannot say that it answers")?;
    // All take up the same changes, and one says so.
    let notice = (args.watch && process.number == 0).then(|| notice(terminal));
    let silent = || Box::new(|_: &str, _: &gavel_verify::Refreshed| {}) as Box<_>;
    let notice = notice.or_else(|| args.watch.then(silent));
    server.run(|| interrupts.status().is_some() || orphaned.load(Ordering::Relaxed), notice)?;
    Ok(ExitStatus::Success)
}

/// Says when the process that has started this one is gone. Where this one is about to end by then, somebody had enough
/// of waiting: it ends at once.
fn watch_parent(parent: u32, interrupts: Interrupts) -> anyhow::Result<Arc<AtomicBool>> {
    let orphaned = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&orphaned);
    let watch = move || {
        while parent_id() == parent {
            thread::sleep(TICK);
        }
        if let Some(status) = interrupts.status() {
            std::process::exit(match status {
                ExitStatus::Interrupted => 130,
                _ => 143,
            });
        }
        gone.store(true, Ordering::Relaxed);
    };
    thread::Builder::new().name("gavel-parent".to_owned()).spawn(watch).context("cannot start a thread")?;
    Ok(orphaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_again_and_again_is_started_less_and_less_often() {
        let pauses: Vec<u128> = (0..12).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(pauses[..6], [0, 0, 100, 200, 400, 800]);
        assert_eq!(pauses[11], 10_000);
        assert_eq!(pause(u32::MAX).as_millis(), 10_000);
    }
}
