//! What several processes behind one address share: a folder. In it each leaves what it has counted, so that any of them
//! can say the sum, and one that is started again goes on from there; and all of them keep the open episodes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gavel_reward::Workspace;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::stats::Counts;

/// How often a process leaves what it has counted: what one loses at most that dies.
const OFTEN: Duration = Duration::from_secs(1);

/// How long a process has left nothing when it is no longer there: then what it has counted is true, and no more how it
/// stands.
const GONE: Duration = Duration::from_secs(5);

/// Which of several processes behind one address this is.
#[derive(Debug, Clone)]
pub struct Process {
    /// The folder that they share, and nobody else.
    pub folder: PathBuf,
    /// Its number, from 0.
    pub number: usize,
    /// How many there are.
    pub count: usize,
    /// How often it has been started, this time included.
    pub starts: u64,
    /// How long the server has been up.
    pub up: Duration,
}

/// What a process has counted, and how it stands.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) counts: Counts,
    pub(crate) in_flight: i64,
    pub(crate) sessions: usize,
    pub(crate) waiting: usize,
    pub(crate) waiting_bytes: usize,
    pub(crate) workers: usize,
    pub(crate) verdicts: Verdicts,
    /// How many processes these are, and how often they were started.
    pub(crate) processes: usize,
    pub(crate) starts: u64,
}

/// What the cache of verdicts has done, and what it holds.
#[derive(Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Verdicts {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) bytes: u64,
}

impl Verdicts {
    pub(crate) fn of(workspace: &Workspace, before: Self) -> Self {
        let now = workspace.verdict_counts();
        Self { hits: before.hits + now.hits, misses: before.misses + now.misses, bytes: now.bytes }
    }
}

impl Report {
    fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.in_flight += other.in_flight;
        self.sessions += other.sessions;
        self.waiting += other.waiting;
        self.waiting_bytes += other.waiting_bytes;
        self.workers += other.workers;
        self.verdicts.hits += other.verdicts.hits;
        self.verdicts.misses += other.verdicts.misses;
        self.verdicts.bytes += other.verdicts.bytes;
        self.processes += other.processes;
        self.starts += other.starts;
    }
}

impl Process {
    fn file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.json"))
    }

    /// What the process of this number has left, if it has left anything.
    pub(crate) fn report_of(&self, number: usize) -> Option<Report> {
        serde_json::from_slice(&fs::read(self.file(number)).ok()?).ok()
    }

    /// How long ago that was.
    fn age_of(&self, number: usize) -> Option<Duration> {
        fs::metadata(self.file(number)).ok()?.modified().ok()?.elapsed().ok()
    }

    fn leave(&self, report: &Report) -> io::Result<()> {
        write_whole(&self.file(self.number), &serde_json::to_vec(report)?)
    }
}

/// What all processes have counted together. All that is said is taken from the folder, this one's own part included, so
/// that no count is smaller the next time, whichever process is asked then.
pub(crate) fn report(app: &App) -> Report {
    let mut sum = app.own_report();
    let Some(process) = &app.options.process else { return sum };
    leave(process, &sum);
    for number in (0..process.count).filter(|&number| number != process.number) {
        if let Some(other) = process.report_of(number) {
            let is_there = process.age_of(number).is_some_and(|age| age < GONE);
            sum.add(&if is_there { other } else { Report { counts: other.counts, ..Report::default() } });
        }
    }
    sum
}

/// Leaves what is counted in the folder, again and again.
pub(crate) async fn leave_often(app: Arc<App>) {
    let Some(process) = &app.options.process else { return };
    loop {
        leave(process, &app.own_report());
        tokio::time::sleep(OFTEN).await;
    }
}

/// Leaves what was counted until now.
pub(crate) fn leave_now(app: &App) {
    if let Some(process) = &app.options.process {
        leave(process, &app.own_report());
    }
}

fn leave(process: &Process, report: &Report) {
    if let Err(error) = process.leave(report) {
        tracing::warn!("what was counted cannot be left for the other processes: {error}");
    }
}

/// Writes a file that others read at any time: they see what was there before, or all of it.
pub(crate) fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    let new = file.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, content)?;
    fs::rename(new, file)
}
