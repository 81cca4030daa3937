//! Which of the processes of a run this one is, by the variables of whatever has started it, and what it says where it fails.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use gavel_cli::exit::{ExitStatus, Stop};
use gavel_cli::terminal::Terminal;
use gavel_torch::distributed::{Rendezvous, Timeouts};
use gavel_train::run_directory::RunDirectory;
use gavel_train::settings::Settings;
use gavel_train::{Ranks, TrainError};

use super::blame;

/// How long ranks have to find each other: those of a job may be started minutes apart.
const OPEN: Duration = Duration::from_secs(300);

/// A process of a run, one of several or the only one.
pub(super) struct Rank {
    rendezvous: Option<Rendezvous>,
}

impl Rank {
    /// This one.
    pub(super) fn of_this_process() -> Result<Self, Stop> {
        let rendezvous = Rendezvous::from_variables(|name| std::env::var(name).ok());
        Ok(Self { rendezvous: rendezvous.map_err(|error| Stop::Input(error.into()))? })
    }

    /// Whether something has started it as one of several.
    pub(super) fn is_started(&self) -> bool {
        self.rendezvous.is_some()
    }

    /// Whether it is the first of its machine.
    pub(super) fn is_first_here(&self) -> bool {
        self.rendezvous.as_ref().is_none_or(|rendezvous| rendezvous.local_rank == 0)
    }

    /// The setting that says how many there are.
    pub(super) fn setting(&self) -> Option<(String, String)> {
        let size = self.rendezvous.as_ref()?.size;
        Some(("num_processes".to_owned(), size.to_string()))
    }

    /// Whether to go on with the run in `output_dir`: where that is asked for, or where torchrun has started the ranks of a run
    /// again that has begun.
    pub(super) fn resumes(&self, asked: bool, output_dir: &Path) -> bool {
        let again = self.rendezvous.as_ref().is_some_and(|rendezvous| rendezvous.attempt > 0);
        asked || again && RunDirectory::open(output_dir).is_ok()
    }

    /// Where it speaks: the first of all ranks says what happens, and the others only why they end.
    pub(super) fn terminal(&self, terminal: &Terminal) -> Terminal {
        match &self.rendezvous {
            Some(rendezvous) if rendezvous.rank > 0 => Terminal::new(1),
            _ => terminal.clone(),
        }
    }

    /// Meets the others.
    pub(super) fn open(&self, settings: &Settings) -> Result<Ranks, Stop> {
        let Some(rendezvous) = &self.rendezvous else { return Ok(Ranks::alone()) };
        let device = settings.device().context("`device` is none of its words")?;
        let timeouts = Timeouts { open: OPEN, operation: Duration::from_secs(settings.ddp_timeout) };
        Ranks::open(rendezvous, device, timeouts).map_err(|error| {
            tell_launcher(&error);
            blame(error)
        })
    }

    /// How a rank ends that fails: with its own error; with that of another, where nobody on this machine has said it yet.
    pub(super) fn failed(&self, error: TrainError) -> Result<ExitStatus, Stop> {
        let Some(rendezvous) = &self.rendezvous else { return Err(blame(error)) };
        tell_launcher(&error);
        let first_here = self.is_first_here();
        let is_said = match &error {
            TrainError::OtherRank { rank, .. } => !first_here || is_here(*rank, rendezvous),
            TrainError::Ranks(cause) => cause.is_of_another_rank() && !first_here,
            _ => false,
        };
        let stop = blame(error);
        if is_said { Ok(stop.status()) } else { Err(stop) }
    }
}

/// Whether another rank is on the machine of this one, where all machines have as many.
fn is_here(rank: usize, own: &Rendezvous) -> bool {
    let variable = std::env::var("LOCAL_WORLD_SIZE").ok();
    let here: usize = variable.and_then(|text| text.parse().ok()).unwrap_or(own.size).max(1);
    rank / here == own.rank / here
}

/// Leaves the error where torchrun looks for what to say of a rank that has failed.
fn tell_launcher(error: &TrainError) {
    let Some(path) = std::env::var_os("TORCHELASTIC_ERROR_FILE").map(PathBuf::from) else { return };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let extra = serde_json::json!({ "timestamp": seconds.to_string() });
    let text = serde_json::json!({ "message": { "message": error.to_string(), "extraInfo": extra } });
    if let Err(error) = std::fs::write(&path, text.to_string()) {
        tracing::warn!("cannot write {}: {error}", path.display());
    }
}
