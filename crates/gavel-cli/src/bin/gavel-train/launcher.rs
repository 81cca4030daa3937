//! `gavel train --nproc-per-node N`: starts the ranks of a run on this machine, and ends them all where one fails.

use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::process::{Child, Command, ExitStatus as ChildStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use gavel_cli::exit::{ExitStatus, Stop};
use gavel_cli::terminal::Terminal;
use gavel_torch::distributed::Store;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Says that a rank was started by this launcher, and ends with it.
const LAUNCHED: &str = "GAVEL_LAUNCHED";

/// The option, which the ranks are started without.
const OPTION: &str = "--nproc-per-node";

/// How long ranks have to end by themselves once one has failed: they notice at what they do together next.
const GRACE: Duration = Duration::from_secs(15);

/// Starts so many ranks of the command that this process was started with, and waits for their ends.
pub(super) fn run(count: NonZeroUsize, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    let store = Store::serve().context("cannot serve the store over which ranks find each other")?;
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).context("cannot listen for Ctrl-C")?;
    let mut ranks = Vec::new();
    for rank in 0..count.get() {
        match start(rank, count.get(), store.port()) {
            Ok(child) => ranks.push(Rank { rank, child, status: None }),
            Err(error) => {
                ranks.iter_mut().for_each(Rank::kill);
                return Err(Stop::Unexpected(anyhow!(error).context(format!("cannot start rank {rank}"))));
            }
        }
    }
    let mut failed: Option<Failed> = None;
    while ranks.iter().any(|rank| rank.status.is_none()) {
        for signal in signals.pending() {
            ranks.iter().for_each(|rank| rank.signal(signal));
        }
        let out_of_time = failed.as_ref().is_some_and(|failed| failed.since.elapsed() > GRACE);
        for rank in &mut ranks {
            match rank.look().context("cannot wait for a rank")? {
                Some(status) if !status.success() => {
                    Failed::note(&mut failed, rank.rank, status, out_of_time)
                }
                None if out_of_time => rank.kill(),
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    match failed {
        None => Ok(ExitStatus::Success),
        Some(Failed { rank, status, .. }) => ended(rank, status, terminal),
    }
}

/// The rank that failed first.
struct Failed {
    rank: usize,
    status: ChildStatus,
    /// Since when others may notice.
    since: Instant,
}

impl Failed {
    /// One that a signal has ended, and not this launcher, is the cause where others have noticed at the same time.
    fn note(first: &mut Option<Self>, rank: usize, status: ChildStatus, are_killed: bool) {
        match first {
            None => *first = Some(Self { rank, status, since: Instant::now() }),
            Some(first) if status.code().is_none() && first.status.code().is_some() && !are_killed => {
                (first.rank, first.status) = (rank, status);
            }
            Some(_) => {}
        }
    }
}

/// What the whole ends with when a rank was the first to end like this.
fn ended(rank: usize, status: ChildStatus, terminal: &Terminal) -> Result<ExitStatus, Stop> {
    match status.code() {
        // The rank has said what it was.
        Some(1) => Ok(ExitStatus::Failure),
        Some(130) => Ok(ExitStatus::Interrupted),
        Some(143) => Ok(ExitStatus::Terminated),
        Some(_) => Ok(ExitStatus::Error),
        None => {
            terminal.note("the same command with --resume goes on from the last checkpoint");
            Err(Stop::Unexpected(anyhow!("rank {rank} was ended ({status}), and with it all")))
        }
    }
}

/// A process that was started.
struct Rank {
    rank: usize,
    child: Child,
    status: Option<ChildStatus>,
}

impl Rank {
    /// How it has ended, when it has since the last look.
    fn look(&mut self) -> io::Result<Option<ChildStatus>> {
        if self.status.is_some() {
            return Ok(None);
        }
        self.status = self.child.try_wait()?;
        Ok(self.status)
    }

    /// Hands a signal on, while there is somebody to get it.
    fn signal(&self, signal: i32) {
        let signal =
            if signal == SIGINT { rustix::process::Signal::INT } else { rustix::process::Signal::TERM };
        if self.status.is_none() {
            let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
        }
    }

    fn kill(&mut self) {
        // It may have ended just now.
        let _ = self.child.kill();
    }
}

fn start(rank: usize, count: usize, port: u16) -> io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let numbers = [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", count), ("LOCAL_WORLD_SIZE", count)];
    let mut command = Command::new(std::env::current_exe()?);
    command.args(without_option(std::env::args_os().skip(1)));
    command.envs(numbers.map(|(name, number)| (name, number.to_string())));
    command.envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &port.to_string())]);
    // The store is here, so no rank serves one.
    command.envs([("TORCHELASTIC_USE_AGENT_STORE", "True"), (LAUNCHED, "1")]);
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // c10d writes pages about connections that have ended, of which the ranks say what is to be known.
    let defaults = [
        ("OMP_NUM_THREADS", (cores / count).max(1).to_string()),
        ("TORCH_CPP_LOG_LEVEL", "FATAL".to_owned()),
    ];
    command.envs(defaults.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    // Signals of the terminal come to ranks through this process, once.
    command.process_group(0).spawn()
}

/// The words of a command without the option that has it start ranks.
fn without_option(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let (mut kept, mut is_value) = (Vec::new(), false);
    for word in words {
        if std::mem::take(&mut is_value) {
            continue;
        }
        let text = word.to_string_lossy();
        is_value = text == OPTION;
        if !is_value && !text.starts_with(&format!("{OPTION}=")) {
            kept.push(word);
        }
    }
    kept
}

/// Has a rank that was started by this launcher end when that does, as after a step, should it be killed.
pub(super) fn end_with_launcher() {
    #[cfg(target_os = "linux")]
    if std::env::var_os(LAUNCHED).is_some() {
        // Without it, a rank goes on to the end of the run.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_started_without_the_option() {
        let words = ["train", "--nproc-per-node", "2", "a.toml", "--nproc-per-node=4", "--resume"];
        let kept = without_option(words.into_iter().map(OsString::from));
        assert_eq!(kept, ["train", "a.toml", "--resume"]);
    }
}
